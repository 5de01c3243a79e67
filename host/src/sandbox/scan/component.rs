//! One component, and how large it becomes when all that is nested in it is laid out flat, as the compiler does.

use wasmparser::{
    CanonicalFunction, CanonicalOption, ComponentAlias, ComponentExternalKind, ComponentInstance,
    ComponentOuterAliasKind, ComponentTypeRef, Instance, Payload,
};

use super::budget::{Budget, Meter};
use super::{Frame, Refused, proposals, types};

/// How large a component is, laid out flat.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    /// Instances of core modules.
    instances: u64,
    /// Instances, functions and aliases, with all names by which they are handed on.
    items: u64,
}

/// A component that is being read.
#[derive(Default)]
pub(super) struct Component {
    size: Size,
    /// Those that it can instantiate; none for one that it is only handed.
    components: Vec<Option<Size>>,
}

impl Component {
    /// Takes in a component that was read inside this one.
    pub(super) fn has(&mut self, inner: &Self) {
        self.components.push(Some(inner.size));
    }

    pub(super) fn read(
        &mut self,
        bytes: &[u8],
        payload: &Payload<'_>,
        outer: &[Frame],
        meter: &mut Meter,
    ) -> Result<(), Refused> {
        match payload {
            Payload::CoreTypeSection(reader) => {
                for ty in reader.clone().into_iter_with_offsets() {
                    let (offset, ty) = ty?;
                    meter.add(Budget::Types, 1, offset)?;
                    types::core(&ty, offset, meter)?;
                }
            }
            Payload::ComponentTypeSection(reader) => types::section(bytes, reader, meter)?,
            Payload::InstanceSection(reader) => {
                for instance in reader.clone().into_iter_with_offsets() {
                    let (offset, instance) = instance?;
                    let (instances, names) = match &instance {
                        Instance::Instantiate { args, .. } => (1, args.len()),
                        Instance::FromExports(exports) => (0, exports.len()),
                    };
                    let items = 1 + names as u64;
                    self.grow(Size { instances, items }, offset, meter)?;
                }
            }
            Payload::ComponentInstanceSection(reader) => {
                for instance in reader.clone().into_iter_with_offsets() {
                    let (offset, instance) = instance?;
                    self.instance(&instance, offset, meter)?;
                }
            }
            Payload::ComponentAliasSection(reader) => {
                for alias in reader.clone().into_iter_with_offsets() {
                    let (offset, alias) = alias?;
                    types::alias(&alias, offset, meter)?;
                    self.alias(&alias, outer);
                    self.item(offset, meter)?;
                }
            }
            Payload::ComponentCanonicalSection(reader) => {
                for function in reader.clone().into_iter_with_offsets() {
                    let (offset, function) = function?;
                    canonical(&function, offset)?;
                    self.item(offset, meter)?;
                }
            }
            Payload::ComponentStartSection { range, .. } => {
                return proposals::no(proposals::VALUES, "a start function", range.start);
            }
            Payload::ComponentImportSection(reader) => {
                for import in reader.clone().into_iter_with_offsets() {
                    let (offset, import) = import?;
                    meter.add(Budget::Imports, 1, offset)?;
                    types::name(&import.name, offset, meter)?;
                    types::reference(&import.ty, offset)?;
                    if let ComponentTypeRef::Component(_) = import.ty {
                        self.components.push(None);
                    }
                    self.item(offset, meter)?;
                }
            }
            Payload::ComponentExportSection(reader) => {
                for export in reader.clone().into_iter_with_offsets() {
                    let (offset, export) = export?;
                    meter.add(Budget::Exports, 1, offset)?;
                    types::name(&export.name, offset, meter)?;
                    match export.kind {
                        // What is exported has a number more.
                        ComponentExternalKind::Component => {
                            let same = self.components.get(export.index as usize);
                            self.components.push(same.copied().flatten());
                        }
                        ComponentExternalKind::Value => {
                            return proposals::no(proposals::VALUES, "a value", offset);
                        }
                        ComponentExternalKind::Module
                        | ComponentExternalKind::Func
                        | ComponentExternalKind::Type
                        | ComponentExternalKind::Instance => {}
                    }
                    self.item(offset, meter)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn item(&mut self, offset: usize, meter: &mut Meter) -> Result<(), Refused> {
        let size = Size {
            instances: 0,
            items: 1,
        };
        self.grow(size, offset, meter)
    }

    fn grow(&mut self, by: Size, offset: usize, meter: &mut Meter) -> Result<(), Refused> {
        self.size.instances = self.size.instances.saturating_add(by.instances);
        self.size.items = self.size.items.saturating_add(by.items);
        meter.reach(Budget::Instances, self.size.instances, offset)?;
        meter.reach(Budget::Items, self.size.items, offset)
    }

    fn instance(
        &mut self,
        instance: &ComponentInstance<'_>,
        offset: usize,
        meter: &mut Meter,
    ) -> Result<(), Refused> {
        let (inner, names) = match instance {
            ComponentInstance::Instantiate {
                component_index,
                args,
            } => {
                let inner = match self.components.get(*component_index as usize) {
                    Some(Some(inner)) => *inner,
                    Some(None) => return Err(Refused::Unsized { offset }),
                    // It is not there, which is the engine's to say.
                    None => Size::default(),
                };
                (inner, args.len())
            }
            ComponentInstance::FromExports(exports) => (Size::default(), exports.len()),
        };
        let size = Size {
            items: inner.items.saturating_add(1 + names as u64),
            ..inner
        };
        self.grow(size, offset, meter)
    }

    fn alias(&mut self, alias: &ComponentAlias<'_>, outer: &[Frame]) {
        match alias {
            ComponentAlias::InstanceExport {
                kind: ComponentExternalKind::Component,
                ..
            } => self.components.push(None),
            ComponentAlias::Outer {
                kind: ComponentOuterAliasKind::Component,
                count,
                index,
            } => {
                let index = *index as usize;
                let known = match (*count as usize).checked_sub(1) {
                    None => self.components.get(index).copied(),
                    Some(out) => outer.iter().rev().nth(out).and_then(|frame| match frame {
                        Frame::Component(outer) => outer.components.get(index).copied(),
                        Frame::Module(_) => None,
                    }),
                };
                self.components.push(known.flatten());
            }
            ComponentAlias::InstanceExport { .. }
            | ComponentAlias::CoreInstanceExport { .. }
            | ComponentAlias::Outer { .. } => {}
        }
    }
}

/// A function between the component and its core modules.
fn canonical(function: &CanonicalFunction, offset: usize) -> Result<(), Refused> {
    use CanonicalFunction as Is;
    match function {
        Is::Lift { options, .. } | Is::Lower { options, .. } => {
            for option in options {
                match option {
                    CanonicalOption::Async | CanonicalOption::Callback(_) => {
                        return proposals::no(proposals::ASYNC, "an async function", offset);
                    }
                    CanonicalOption::Gc | CanonicalOption::CoreType(_) => {
                        return proposals::no(proposals::CM_GC, "a function of it", offset);
                    }
                    CanonicalOption::UTF8
                    | CanonicalOption::UTF16
                    | CanonicalOption::CompactUTF16
                    | CanonicalOption::Memory(_)
                    | CanonicalOption::Realloc(_)
                    | CanonicalOption::PostReturn(_) => {}
                }
            }
            Ok(())
        }
        Is::ResourceNew { .. } | Is::ResourceDrop { .. } | Is::ResourceRep { .. } => Ok(()),
        Is::ErrorContextNew { .. } | Is::ErrorContextDebugMessage { .. } | Is::ErrorContextDrop => {
            proposals::no(proposals::ERROR_CONTEXT, "a function of it", offset)
        }
        Is::ThreadSpawnRef { .. }
        | Is::ThreadSpawnIndirect { .. }
        | Is::ThreadAvailableParallelism => {
            proposals::no(proposals::SHARED_EVERYTHING, "a function of it", offset)
        }
        Is::ThreadIndex
        | Is::ThreadNewIndirect { .. }
        | Is::ThreadResumeLater
        | Is::ThreadSuspend { .. }
        | Is::ThreadSuspendThenResume { .. }
        | Is::ThreadYieldThenResume { .. }
        | Is::ThreadSuspendThenPromote { .. }
        | Is::ThreadYieldThenPromote { .. } => {
            proposals::no(proposals::CM_THREADING, "a function of it", offset)
        }
        Is::BackpressureInc
        | Is::BackpressureDec
        | Is::TaskReturn { .. }
        | Is::TaskCancel
        | Is::ContextGet { .. }
        | Is::ContextSet { .. }
        | Is::ThreadYield { .. }
        | Is::SubtaskDrop
        | Is::SubtaskCancel { .. }
        | Is::StreamNew { .. }
        | Is::StreamRead { .. }
        | Is::StreamWrite { .. }
        | Is::StreamCancelRead { .. }
        | Is::StreamCancelWrite { .. }
        | Is::StreamDropReadable { .. }
        | Is::StreamDropWritable { .. }
        | Is::FutureNew { .. }
        | Is::FutureRead { .. }
        | Is::FutureWrite { .. }
        | Is::FutureCancelRead { .. }
        | Is::FutureCancelWrite { .. }
        | Is::FutureDropReadable { .. }
        | Is::FutureDropWritable { .. }
        | Is::WaitableSetNew
        | Is::WaitableSetWait { .. }
        | Is::WaitableSetPoll { .. }
        | Is::WaitableSetDrop
        | Is::WaitableJoin => proposals::no(proposals::ASYNC, "a function of it", offset),
    }
}
