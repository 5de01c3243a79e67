//! The sections that are appended to the component: they instantiate the accessors, lift their functions, export them.

use wasm_encoder::{
    Alias, CanonicalFunctionSection, CanonicalOption, Component, ComponentAliasSection,
    ComponentExportKind, ComponentExportSection, ComponentInstanceSection, ComponentTypeSection,
    ComponentValType, ExportKind, InstanceSection, ModuleArg, ModuleSection, PrimitiveValType,
};

use super::ACCESSOR;
use super::accessor::{self, HANDLES, state_of};
use super::component::{Counts, Reachable, Scan};
use super::handles::{HandleFunction, Source};
use super::module::{Module, memory_export};

const U32: ComponentValType = ComponentValType::Primitive(PrimitiveValType::U32);

/// Appends one section for each item, and counts along.
struct Tail<'a> {
    out: &'a mut Component,
    next: Counts,
    exports: Vec<(String, u32)>,
}

/// A function to be lifted.
struct Lifted<'a> {
    /// The core instance, and its function.
    core: (u32, &'a str),
    name: &'a str,
    params: &'a [(&'a str, ComponentValType)],
    result: Option<ComponentValType>,
    options: &'a [CanonicalOption],
}

fn take(next: &mut u32) -> u32 {
    *next += 1;
    *next - 1
}

impl Tail<'_> {
    fn alias(&mut self, alias: Alias<'_>) {
        self.out.section(ComponentAliasSection::new().alias(alias));
    }

    fn core_func(&mut self, instance: u32, name: &str) -> u32 {
        self.alias(Alias::CoreInstanceExport {
            instance,
            kind: ExportKind::Func,
            name,
        });
        take(&mut self.next.core_funcs)
    }

    fn core_memory(&mut self, instance: u32, name: &str) -> u32 {
        self.alias(Alias::CoreInstanceExport {
            instance,
            kind: ExportKind::Memory,
            name,
        });
        take(&mut self.next.core_memories)
    }

    fn list(&mut self, of: PrimitiveValType) -> ComponentValType {
        let mut types = ComponentTypeSection::new();
        types.defined_type().list(of);
        self.out.section(&types);
        ComponentValType::Type(take(&mut self.next.types))
    }

    /// A core module's instance.
    fn instantiate(
        &mut self,
        module: &wasm_encoder::Module,
        args: Vec<(String, ModuleArg)>,
    ) -> u32 {
        self.out.section(&ModuleSection(module));
        let index = take(&mut self.next.core_modules);
        self.out
            .section(InstanceSection::new().instantiate(index, args));
        take(&mut self.next.core_instances)
    }

    fn lift(&mut self, lifted: &Lifted<'_>) {
        let (instance, core) = lifted.core;
        let func = self.core_func(instance, core);
        let mut types = ComponentTypeSection::new();
        types
            .function()
            .params(lifted.params.iter().copied())
            .result(lifted.result);
        self.out.section(&types);
        let ty = take(&mut self.next.types);
        let options = lifted.options.iter().copied();
        self.out
            .section(CanonicalFunctionSection::new().lift(func, ty, options));
        let index = take(&mut self.next.funcs);
        self.exports.push((lifted.name.to_owned(), index));
    }

    /// All handle functions as one core instance.
    fn handles(&mut self, handles: &[(&'static HandleFunction, u32)]) -> u32 {
        let mut exports = Vec::new();
        for &(function, instance) in handles {
            let mut canonical = CanonicalFunctionSection::new();
            match function.source {
                Source::Call(name) => {
                    self.alias(Alias::InstanceExport {
                        instance,
                        kind: ComponentExportKind::Func,
                        name,
                    });
                    canonical.lower(take(&mut self.next.funcs), []);
                }
                Source::Drop(name) => {
                    self.alias(Alias::InstanceExport {
                        instance,
                        kind: ComponentExportKind::Type,
                        name,
                    });
                    canonical.resource_drop(take(&mut self.next.types));
                }
            }
            self.out.section(&canonical);
            let index = take(&mut self.next.core_funcs);
            exports.push((function.name, ExportKind::Func, index));
        }
        self.out
            .section(InstanceSection::new().export_items(exports));
        take(&mut self.next.core_instances)
    }
}

/// Appends the accessors of all that is reachable. The accessor has a function named `identity`.
pub(super) fn append(out: &mut Component, scan: &Scan<'_>, state: &Reachable, identity: &str) {
    let mut tail = Tail {
        out,
        next: scan.counts,
        exports: Vec::new(),
    };
    let handles = tail.handles(&scan.handles);
    let bytes = tail.list(PrimitiveValType::U8);
    let words = tail.list(PrimitiveValType::U64);
    let main = state.main();

    for (number, memory) in state.memories.iter().enumerate() {
        let is_main = main == Some(number);
        let globals = if is_main { &state.globals[..] } else { &[] };
        let functions: Vec<_> = scan
            .handles
            .iter()
            .filter(|_| is_main)
            .map(|(function, _)| *function)
            .collect();
        let mut modules: Vec<u32> = globals.iter().map(|global| global.module).collect();
        modules.push(memory.module);
        modules.sort_unstable();
        modules.dedup();
        let mut args: Vec<_> = modules
            .into_iter()
            .filter_map(|module| Some((state_of(module), instance_of(&scan.modules, module)?)))
            .collect();
        args.push((HANDLES.to_owned(), ModuleArg::Instance(handles)));
        let accessor = tail.instantiate(&accessor::module(memory, globals, &functions), args);
        let Some(ModuleArg::Instance(owner)) = instance_of(&scan.modules, memory.module) else {
            continue;
        };
        let in_memory =
            CanonicalOption::Memory(tail.core_memory(owner, &memory_export(memory.index)));
        tail.memory_functions(accessor, number, in_memory, bytes);
        if !globals.is_empty() {
            tail.global_functions(accessor, in_memory, words);
        }
        if is_main {
            tail.size(accessor, identity);
        }
        for function in functions {
            tail.lift(&Lifted {
                core: (accessor, function.name),
                name: function.name,
                params: &[("handle", U32)][..function.params],
                result: (function.results > 0).then_some(U32),
                options: &[],
            });
        }
    }

    let exports = std::mem::take(&mut tail.exports);
    let items = exports
        .iter()
        .map(|(name, func)| (name.as_str(), ComponentExportKind::Func, *func));
    tail.out
        .section(ComponentInstanceSection::new().export_items(items));
    let instance = take(&mut tail.next.instances);
    tail.out.section(ComponentExportSection::new().export(
        ACCESSOR,
        ComponentExportKind::Instance,
        instance,
        None,
    ));
}

/// The one core instance of a module. What has state to be reached is instantiated.
fn instance_of(modules: &[Module<'_>], module: u32) -> Option<ModuleArg> {
    let instance = modules.get(module as usize)?.instance?;
    Some(ModuleArg::Instance(instance))
}

impl Tail<'_> {
    fn size(&mut self, accessor: u32, name: &str) {
        self.lift(&Lifted {
            core: (accessor, "size"),
            name,
            params: &[],
            result: Some(U32),
            options: &[],
        });
    }

    fn memory_functions(
        &mut self,
        accessor: u32,
        number: usize,
        in_memory: CanonicalOption,
        bytes: ComponentValType,
    ) {
        self.size(accessor, &format!("memory{number}-size"));
        self.lift(&Lifted {
            core: (accessor, "grow"),
            name: &format!("memory{number}-grow"),
            params: &[("pages", U32)],
            result: Some(U32),
            options: &[],
        });
        let end = CanonicalOption::PostReturn(self.core_func(accessor, "read-end"));
        self.lift(&Lifted {
            core: (accessor, "read"),
            name: &format!("memory{number}-read"),
            params: &[("offset", U32), ("len", U32)],
            result: Some(bytes),
            options: &[in_memory, end],
        });
        let realloc = CanonicalOption::Realloc(self.core_func(accessor, "write-realloc"));
        self.lift(&Lifted {
            core: (accessor, "write"),
            name: &format!("memory{number}-write"),
            params: &[("data", bytes), ("next", U32)],
            result: None,
            options: &[in_memory, realloc],
        });
    }

    fn global_functions(
        &mut self,
        accessor: u32,
        in_memory: CanonicalOption,
        words: ComponentValType,
    ) {
        let end = CanonicalOption::PostReturn(self.core_func(accessor, "globals-get-end"));
        self.lift(&Lifted {
            core: (accessor, "globals-get"),
            name: "globals-get",
            params: &[],
            result: Some(words),
            options: &[in_memory, end],
        });
        let realloc = CanonicalOption::Realloc(self.core_func(accessor, "globals-set-realloc"));
        self.lift(&Lifted {
            core: (accessor, "globals-set"),
            name: "globals-set",
            params: &[("values", words)],
            result: None,
            options: &[in_memory, realloc],
        });
    }
}
