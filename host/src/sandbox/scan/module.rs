//! One core module.

use wasmparser::{
    BinaryReader, CompositeInnerType, ConstExpr, DataKind, ElementItems, ElementKind, Operator,
    Payload, RecGroup, TableInit, TypeRef, TypeSectionReader,
};

use super::Refused;
use super::budget::{Budget, Meter};
use super::proposals;

/// How many values a function or a block takes and gives.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Arity {
    pub(super) params: u32,
    pub(super) results: u32,
}

impl Arity {
    pub(super) fn values(self) -> u64 {
        u64::from(self.params) + u64::from(self.results)
    }
}

/// What has to be known of a module to judge its code.
#[derive(Default)]
pub(super) struct Module {
    types: Vec<Arity>,
    /// The type of each function, the imported ones first.
    functions: Vec<u32>,
    imported_functions: usize,
    bodies: usize,
    memories: u32,
}

impl Module {
    /// Of a type; of one that is not there, nothing.
    pub(super) fn arity(&self, ty: u32) -> Arity {
        self.types.get(ty as usize).copied().unwrap_or_default()
    }

    pub(super) fn function(&self, index: u32) -> Arity {
        let ty = self.functions.get(index as usize);
        ty.map_or_else(Arity::default, |ty| self.arity(*ty))
    }

    pub(super) fn read(
        &mut self,
        bytes: &[u8],
        payload: &Payload<'_>,
        meter: &mut Meter,
    ) -> Result<(), Refused> {
        match payload {
            Payload::TypeSection(reader) => self.types(bytes, reader, meter)?,
            Payload::ImportSection(reader) => {
                for import in reader.clone().into_imports_with_offsets() {
                    let (offset, import) = import?;
                    meter.add(Budget::Imports, 1, offset)?;
                    meter.name(import.module, offset)?;
                    meter.name(import.name, offset)?;
                    self.import(&import.ty, offset)?;
                }
            }
            Payload::FunctionSection(reader) => {
                let offset = reader.range().start;
                meter.add(Budget::Functions, reader.count().into(), offset)?;
                for ty in reader.clone() {
                    self.functions.push(ty?);
                }
            }
            Payload::TableSection(reader) => {
                for table in reader.clone().into_iter_with_offsets() {
                    let (offset, table) = table?;
                    meter.add(Budget::TableElements, table.ty.initial, offset)?;
                    proposals::table(&table.ty, offset)?;
                    if let TableInit::Expr(expression) = &table.init {
                        constant(expression, offset)?;
                    }
                }
            }
            Payload::MemorySection(reader) => {
                for memory in reader.clone().into_iter_with_offsets() {
                    let (offset, memory) = memory?;
                    self.memory(&memory, offset)?;
                    meter.add(Budget::Memory, memory.initial.saturating_mul(PAGE), offset)?;
                }
            }
            Payload::TagSection(reader) => {
                return proposals::no(proposals::EXCEPTIONS, "a tag", reader.range().start);
            }
            Payload::GlobalSection(reader) => {
                for global in reader.clone().into_iter_with_offsets() {
                    let (offset, global) = global?;
                    meter.add(Budget::Globals, 1, offset)?;
                    proposals::value(global.ty.content_type, offset)?;
                    constant(&global.init_expr, offset)?;
                }
            }
            Payload::ExportSection(reader) => {
                for export in reader.clone().into_iter_with_offsets() {
                    let (offset, export) = export?;
                    meter.add(Budget::Exports, 1, offset)?;
                    meter.name(export.name, offset)?;
                }
            }
            Payload::ElementSection(reader) => {
                for segment in reader.clone().into_iter_with_offsets() {
                    let (offset, segment) = segment?;
                    let items = match &segment.items {
                        ElementItems::Functions(items) => items.count(),
                        ElementItems::Expressions(_, items) => items.count(),
                    };
                    meter.add(Budget::Segments, 1, offset)?;
                    meter.add(Budget::SegmentElements, items.into(), offset)?;
                    if let ElementKind::Active { offset_expr, .. } = &segment.kind
                        && let Some(start) = constant(offset_expr, offset)?
                    {
                        meter.reach(Budget::ElementEnd, start + u64::from(items), offset)?;
                    }
                }
            }
            Payload::DataSection(reader) => {
                for segment in reader.clone().into_iter_with_offsets() {
                    let (offset, segment) = segment?;
                    meter.add(Budget::Segments, 1, offset)?;
                    if let DataKind::Active { offset_expr, .. } = &segment.kind
                        && let Some(start) = constant(offset_expr, offset)?
                    {
                        meter.reach(Budget::DataEnd, start + segment.data.len() as u64, offset)?;
                    }
                }
            }
            Payload::CodeSectionEntry(body) => {
                let index = self.imported_functions.saturating_add(self.bodies);
                let function = self.function(u32::try_from(index).unwrap_or(u32::MAX));
                self.bodies += 1;
                self.body(function, body, meter)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Types, one by one: a group of them is refused before it is read, as it can be as large as the upload.
    fn types(
        &mut self,
        bytes: &[u8],
        section: &TypeSectionReader<'_>,
        meter: &mut Meter,
    ) -> Result<(), Refused> {
        const GROUP: u8 = 0x4e;

        let range = section.range();
        let contents = bytes.get(range.clone()).unwrap_or_default();
        let mut reader = BinaryReader::new(contents, range.start);
        for _ in 0..reader.read_var_u32()? {
            let offset = reader.original_position();
            meter.add(Budget::Types, 1, offset)?;
            if bytes.get(offset) == Some(&GROUP) {
                return proposals::no(proposals::GC, "types that refer to each other", offset);
            }
            let group: RecGroup = reader.read()?;
            proposals::group(&group, offset)?;
            for ty in group.types() {
                self.types.push(match &ty.composite_type.inner {
                    CompositeInnerType::Func(function) => Arity {
                        params: function.params().len() as u32,
                        results: function.results().len() as u32,
                    },
                    CompositeInnerType::Array(_)
                    | CompositeInnerType::Struct(_)
                    | CompositeInnerType::Cont(_) => Arity::default(),
                });
            }
        }
        Ok(())
    }

    fn import(&mut self, ty: &TypeRef, offset: usize) -> Result<(), Refused> {
        match ty {
            TypeRef::Func(ty) => {
                self.functions.push(*ty);
                self.imported_functions += 1;
                Ok(())
            }
            TypeRef::FuncExact(_) => {
                proposals::no(proposals::DESCRIPTORS, "an exact function", offset)
            }
            TypeRef::Table(ty) => proposals::table(ty, offset),
            TypeRef::Memory(ty) => self.memory(ty, offset),
            TypeRef::Global(ty) => proposals::value(ty.content_type, offset),
            TypeRef::Tag(_) => proposals::no(proposals::EXCEPTIONS, "a tag", offset),
        }
    }

    fn memory(&mut self, ty: &wasmparser::MemoryType, offset: usize) -> Result<(), Refused> {
        proposals::memory(ty, offset)?;
        self.memories += 1;
        if self.memories > 1 {
            return proposals::no(proposals::MULTI_MEMORY, "a second memory", offset);
        }
        Ok(())
    }
}

/// Bytes of a page of memory.
const PAGE: u64 = 1 << 16;

/// The value of an expression that is one number; of others, nothing is known.
fn constant(expression: &ConstExpr<'_>, offset: usize) -> Result<Option<u64>, Refused> {
    let mut reader = expression.get_operators_reader();
    let mut value = None;
    let mut operators = 0_usize;
    while !reader.eof() {
        let operator = reader.read()?;
        proposals::operator(&operator, offset)?;
        match operator {
            Operator::I32Const { value: number } => value = Some(u64::from(number.cast_unsigned())),
            Operator::RefNull { hty } => proposals::heap(hty, offset)?,
            _ => {}
        }
        operators += 1;
    }
    Ok(value.filter(|_| operators == 2))
}
