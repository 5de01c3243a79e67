//! One core module of a component: what it defines, what of it no image can hold, and how to export the rest.

use std::collections::BTreeMap;

use wasm_encoder::{ExportKind, ExportSection, RawSection, SectionId};
use wasmparser::{
    CompositeInnerType, ExternalKind, Operator, Parser, Payload, Result, TypeRef, ValType,
};

/// What starts the names of the exports that are added to core modules.
const RESERVED: &str = "kellion:image/";

/// The name under which a module exports a memory of its own.
pub(super) fn memory_export(index: u32) -> String {
    format!("{RESERVED}memory{index}")
}

/// The name under which a module exports a global of its own.
pub(super) fn global_export(index: u32) -> String {
    format!("{RESERVED}global{index}")
}

/// A memory that a core module defines. Pages are of 64 KiB.
#[derive(Debug, Clone, Copy)]
pub(super) struct Memory {
    /// Which core module of the component.
    pub(super) module: u32,
    /// Which memory of the module.
    pub(super) index: u32,
    pub(super) min_pages: u64,
    pub(super) max_pages: Option<u64>,
}

/// A mutable global that a core module defines.
#[derive(Debug, Clone, Copy)]
pub(super) struct Global {
    /// Which core module of the component.
    pub(super) module: u32,
    /// Which global of the module.
    pub(super) index: u32,
    pub(super) ty: wasm_encoder::ValType,
}

/// A core module.
#[derive(Default)]
pub(super) struct Module<'a> {
    index: u32,
    bytes: &'a [u8],
    /// Its only core instance, if any: a module that is never instantiated has no state.
    pub(super) instance: Option<u32>,
    pub(super) memories: Vec<Memory>,
    pub(super) globals: Vec<Global>,
    imported_memories: u32,
    imported_globals: u32,
    /// What no image can hold, and how often it was met.
    pub(super) refused: BTreeMap<&'static str, u32>,
}

impl<'a> Module<'a> {
    pub(super) fn new(index: u32, bytes: &'a [u8]) -> Self {
        Self {
            index,
            bytes,
            ..Self::default()
        }
    }

    /// Takes note of a payload of this module.
    pub(super) fn read(&mut self, payload: &Payload<'a>) -> Result<()> {
        match payload {
            Payload::TypeSection(reader) => {
                for group in reader.clone() {
                    for ty in group?.types() {
                        if !matches!(ty.composite_type.inner, CompositeInnerType::Func(_)) {
                            self.refuse("a GC or continuation type");
                        }
                    }
                }
            }
            Payload::ImportSection(reader) => {
                for import in reader.clone().into_imports() {
                    match import?.ty {
                        TypeRef::Memory(_) => self.imported_memories += 1,
                        TypeRef::Global(_) => self.imported_globals += 1,
                        TypeRef::Func(_)
                        | TypeRef::FuncExact(_)
                        | TypeRef::Table(_)
                        | TypeRef::Tag(_) => {}
                    }
                }
            }
            Payload::MemorySection(reader) => {
                for (index, ty) in (self.imported_memories..).zip(reader.clone()) {
                    self.memory(index, &ty?);
                }
            }
            Payload::GlobalSection(reader) => {
                for (index, global) in (self.imported_globals..).zip(reader.clone()) {
                    self.global(index, &global?.ty);
                }
            }
            Payload::ExportSection(reader) => {
                for export in reader.clone() {
                    if export?.name.starts_with(RESERVED) {
                        self.refuse("an export with a reserved name");
                    }
                }
            }
            Payload::CodeSectionEntry(body) => {
                let mut reader = body.get_operators_reader()?;
                while !reader.eof() {
                    self.operator(&reader.read()?);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn memory(&mut self, index: u32, ty: &wasmparser::MemoryType) {
        if ty.shared {
            self.refuse("a shared memory");
        }
        if ty.memory64 || ty.page_size_log2.is_some_and(|log| log != 16) {
            self.refuse("a memory of 64 bits or of other pages");
        }
        self.memories.push(Memory {
            module: self.index,
            index,
            min_pages: ty.initial,
            max_pages: ty.maximum,
        });
    }

    fn global(&mut self, index: u32, ty: &wasmparser::GlobalType) {
        if !ty.mutable {
            return;
        }
        let ty = match ty.content_type {
            ValType::I32 => wasm_encoder::ValType::I32,
            ValType::I64 => wasm_encoder::ValType::I64,
            ValType::F32 => wasm_encoder::ValType::F32,
            ValType::F64 => wasm_encoder::ValType::F64,
            ValType::V128 | ValType::Ref(_) => {
                self.refuse("a mutable global that is a v128 or a reference");
                return;
            }
        };
        self.globals.push(Global {
            module: self.index,
            index,
            ty,
        });
    }

    /// Tables are not in an image, nor is which segments were dropped: both must stay as instantiation leaves them.
    fn operator(&mut self, operator: &Operator<'_>) {
        match operator {
            Operator::TableSet { .. } => self.refuse("table.set"),
            Operator::TableGrow { .. } => self.refuse("table.grow"),
            Operator::TableFill { .. } => self.refuse("table.fill"),
            Operator::TableCopy { .. } => self.refuse("table.copy"),
            Operator::TableInit { .. } => self.refuse("table.init"),
            Operator::ElemDrop { .. } => self.refuse("elem.drop"),
            Operator::DataDrop { .. } => self.refuse("data.drop"),
            _ => {}
        }
    }

    fn refuse(&mut self, what: &'static str) {
        *self.refused.entry(what).or_default() += 1;
    }

    /// The module with its state exported. All other sections stay as they are.
    pub(super) fn with_exports(&self) -> Result<Vec<u8>> {
        if self.instance.is_none() || (self.memories.is_empty() && self.globals.is_empty()) {
            return Ok(self.bytes.to_vec());
        }
        let mut exports = ExportSection::new();
        let mut sections = Vec::new();
        for payload in Parser::new(0).parse_all(self.bytes) {
            let payload = payload?;
            if let Payload::ExportSection(reader) = payload {
                for export in reader {
                    let export = export?;
                    exports.export(export.name, export_kind(export.kind), export.index);
                }
            } else if let Some((id, range)) = payload.as_section() {
                let data = &self.bytes[range];
                sections.push(RawSection { id, data });
            }
        }
        for memory in &self.memories {
            let name = memory_export(memory.index);
            exports.export(&name, ExportKind::Memory, memory.index);
        }
        for global in &self.globals {
            let name = global_export(global.index);
            exports.export(&name, ExportKind::Global, global.index);
        }
        // Exports come before these, and after all others.
        let later = [
            SectionId::Start,
            SectionId::Element,
            SectionId::DataCount,
            SectionId::Code,
            SectionId::Data,
        ]
        .map(u8::from);
        let at = sections
            .iter()
            .position(|section| later.contains(&section.id))
            .unwrap_or(sections.len());
        let (before, after) = sections.split_at(at);
        let mut module = wasm_encoder::Module::new();
        for section in before {
            module.section(section);
        }
        module.section(&exports);
        for section in after {
            module.section(section);
        }
        Ok(module.finish())
    }
}

fn export_kind(kind: ExternalKind) -> ExportKind {
    match kind {
        ExternalKind::Func | ExternalKind::FuncExact => ExportKind::Func,
        ExternalKind::Table => ExportKind::Table,
        ExternalKind::Memory => ExportKind::Memory,
        ExternalKind::Global => ExportKind::Global,
        ExternalKind::Tag => ExportKind::Tag,
    }
}
