//! Reads a component: its sections, its core modules, and every reason why no image can hold its state.

use wasm_encoder::RawSection;
use wasmparser::{
    CanonicalFunction, CanonicalOption, ComponentAlias, ComponentExternalKind,
    ComponentOuterAliasKind, ComponentType, ComponentTypeRef, Encoding, Instance, Parser, Payload,
    Result, Validator, WasmFeatures,
};

use super::ACCESSOR;
use super::handles::{HANDLE_FUNCTIONS, HandleFunction};
use super::module::{Global, Memory, Module};

/// A section of the component.
pub(super) enum Section<'a> {
    Raw(RawSection<'a>),
    /// An index into [`Scan::modules`].
    Module(usize),
}

/// How many items of each kind the component has: the indices of those that are added.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) core_modules: u32,
    pub(super) core_instances: u32,
    pub(super) core_funcs: u32,
    pub(super) core_memories: u32,
    pub(super) types: u32,
    pub(super) funcs: u32,
    pub(super) instances: u32,
}

/// What is to be made reachable.
#[derive(Debug)]
pub(super) struct Reachable {
    pub(super) memories: Vec<Memory>,
    pub(super) globals: Vec<Global>,
}

impl Reachable {
    /// Which memory lends its first bytes to the calls that need some: one that surely has them.
    pub(super) fn main(&self) -> Option<usize> {
        self.memories.iter().position(|memory| memory.min_pages > 0)
    }
}

/// A component that was read.
#[derive(Default)]
pub(super) struct Scan<'a> {
    pub(super) sections: Vec<Section<'a>>,
    pub(super) modules: Vec<Module<'a>>,
    /// The handle functions that the component can have, with the imported instance that each comes from.
    pub(super) handles: Vec<(&'static HandleFunction, u32)>,
    pub(super) counts: Counts,
    refused: Vec<String>,
}

enum Frame {
    Component,
    /// An index into [`Scan::modules`]; none inside a nested component.
    Module(Option<usize>),
}

impl<'a> Scan<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Result<Scan<'a>> {
        let mut scan = Scan::default();
        let mut validator = Validator::new_with_features(WasmFeatures::all());
        let mut frames: Vec<Frame> = Vec::new();
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload?;
            match frames.as_slice() {
                [] => {}
                [Frame::Component] => scan.top(bytes, &payload, &validator)?,
                [.., Frame::Component] => scan.nested(&payload)?,
                [.., Frame::Module(module)] => {
                    if let Some(index) = module {
                        scan.modules[*index].read(&payload)?;
                    }
                }
            }
            match &payload {
                Payload::Version { encoding, .. } => {
                    frames.push(match encoding {
                        Encoding::Component => Frame::Component,
                        Encoding::Module if frames.len() == 1 => {
                            Frame::Module(scan.modules.len().checked_sub(1))
                        }
                        Encoding::Module => Frame::Module(None),
                    });
                    if *encoding == Encoding::Module && frames.len() == 1 {
                        scan.refuse("it is a core module, not a component");
                    }
                }
                Payload::End(_) => drop(frames.pop()),
                _ => {}
            }
            validator.payload(&payload)?;
        }
        Ok(scan)
    }

    /// Every reason why an image could not hold the component's state.
    pub(super) fn reasons(&self) -> Vec<String> {
        let mut reasons = self.refused.clone();
        reasons.sort();
        reasons.dedup();
        for (index, module) in self.modules.iter().enumerate() {
            let refused = module.refused.iter();
            reasons.extend(
                refused.map(|(what, times)| format!("core module {index}: {what} ({times} times)")),
            );
        }
        reasons
    }

    pub(super) fn state(&self) -> Reachable {
        let live = || {
            self.modules
                .iter()
                .filter(|module| module.instance.is_some())
        };
        Reachable {
            memories: live()
                .flat_map(|module| &module.memories)
                .copied()
                .collect(),
            globals: live().flat_map(|module| &module.globals).copied().collect(),
        }
    }

    fn refuse(&mut self, reason: impl Into<String>) {
        self.refused.push(reason.into());
    }

    /// A payload of the component itself, before the validator has seen it.
    fn top(&mut self, bytes: &'a [u8], payload: &Payload<'a>, validator: &Validator) -> Result<()> {
        let Some(types) = validator.types(0) else {
            return Ok(());
        };
        match payload {
            Payload::ModuleSection {
                unchecked_range, ..
            } => {
                let index = self.modules.len();
                self.sections.push(Section::Module(index));
                // A component that is cut off ends before its modules do; the parser is about to say so.
                let bytes = bytes.get(unchecked_range.clone()).unwrap_or_default();
                self.modules.push(Module::new(index as u32, bytes));
                return Ok(());
            }
            Payload::InstanceSection(reader) => {
                for (index, instance) in (types.core_instance_count()..).zip(reader.clone()) {
                    if let Instance::Instantiate { module_index, .. } = instance? {
                        self.instantiated(module_index, index);
                    }
                }
            }
            Payload::ComponentImportSection(reader) => {
                let mut instances = types.component_instance_count();
                for import in reader.clone() {
                    let import = import?;
                    if let ComponentTypeRef::Instance(_) = import.ty {
                        self.imported(import.name.name, instances);
                        instances += 1;
                    }
                }
            }
            Payload::ComponentExportSection(reader) => {
                for export in reader.clone() {
                    if export?.name.name.starts_with(ACCESSOR) {
                        self.refuse(format!("it exports {ACCESSOR} itself"));
                    }
                }
            }
            Payload::End(_) => {
                self.counts = Counts {
                    core_modules: self.modules.len() as u32,
                    core_instances: types.core_instance_count(),
                    core_funcs: types.function_count(),
                    core_memories: types.memory_count(),
                    types: types.component_type_count(),
                    funcs: types.component_function_count(),
                    instances: types.component_instance_count(),
                };
                // Tools leave out of an imported instance what is not used.
                self.handles.retain(|(function, instance)| {
                    let instance = &types[types.component_instance_at(*instance)];
                    instance.exports.contains_key(function.needs())
                });
            }
            _ => {}
        }
        self.any(payload)?;
        if let Some((id, range)) = payload.as_section() {
            let data = bytes.get(range).unwrap_or_default();
            self.sections.push(Section::Raw(RawSection { id, data }));
        }
        Ok(())
    }

    fn instantiated(&mut self, module: u32, instance: u32) {
        let known = self.modules.get_mut(module as usize);
        if known.is_some_and(|module| module.instance.replace(instance).is_some()) {
            self.refuse(format!(
                "core module {module} is instantiated more than once"
            ));
        }
    }

    fn imported(&mut self, name: &str, instance: u32) {
        let name = name.split('@').next().unwrap_or_default();
        let functions = || {
            HANDLE_FUNCTIONS
                .iter()
                .filter(|function| function.interface == name)
        };
        // Handles of two versions would have two types.
        if self
            .handles
            .iter()
            .any(|(known, _)| known.interface == name)
        {
            self.refuse(format!("it imports two versions of {name}"));
        }
        self.handles
            .extend(functions().map(|function| (function, instance)));
    }

    /// A payload of a component inside the component: fine as long as no core code can run in it.
    fn nested(&mut self, payload: &Payload<'_>) -> Result<()> {
        if let Payload::ModuleSection { .. } = payload {
            self.refuse("it has a core module in a nested component");
        }
        self.any(payload)
    }

    /// A payload of any component.
    fn any(&mut self, payload: &Payload<'_>) -> Result<()> {
        match payload {
            Payload::ComponentTypeSection(reader) => {
                for ty in reader.clone() {
                    if let ComponentType::Resource { .. } = ty? {
                        self.refuse("it defines a resource type");
                    }
                }
            }
            Payload::ComponentImportSection(reader) => {
                for import in reader.clone() {
                    let import = import?;
                    if let ComponentTypeRef::Module(_)
                    | ComponentTypeRef::Component(_)
                    | ComponentTypeRef::Value(_) = import.ty
                    {
                        let name = import.name.name;
                        self.refuse(format!(
                            "it imports a module, a component or a value: {name:?}"
                        ));
                    }
                }
            }
            Payload::ComponentAliasSection(reader) => {
                for alias in reader.clone() {
                    if let ComponentAlias::InstanceExport {
                        kind: ComponentExternalKind::Module,
                        ..
                    }
                    | ComponentAlias::Outer {
                        kind: ComponentOuterAliasKind::CoreModule,
                        ..
                    } = alias?
                    {
                        self.refuse("it has an alias of a core module");
                    }
                }
            }
            Payload::ComponentCanonicalSection(reader) => {
                for canonical in reader.clone() {
                    self.canonical(&canonical?);
                }
            }
            Payload::ComponentStartSection { .. } => {
                self.refuse("it has a start function of the component");
            }
            _ => {}
        }
        Ok(())
    }

    fn canonical(&mut self, function: &CanonicalFunction) {
        match function {
            CanonicalFunction::Lift { options, .. } | CanonicalFunction::Lower { options, .. } => {
                let beyond = |option: &CanonicalOption| {
                    matches!(option, CanonicalOption::Async | CanonicalOption::Gc)
                };
                if options.iter().any(beyond) {
                    self.refuse("it has an async or GC function");
                }
            }
            CanonicalFunction::ResourceDrop { .. } => {}
            other => self.refuse(format!("it uses the built-in function {other:?}")),
        }
    }
}
