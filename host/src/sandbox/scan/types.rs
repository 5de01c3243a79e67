//! Types of components, which nest in their bytes as deep as somebody likes. The parser's own reader calls itself for each
//! level; so only types without others inside are given to it.

use wasmparser::{
    BinaryReader, ComponentAlias, ComponentDefinedType, ComponentExternName, ComponentImport,
    ComponentType, ComponentTypeRef, ComponentTypeSectionReader, ComponentValType, CoreType,
    InstanceTypeDeclaration, ModuleTypeDeclaration, PrimitiveValType, TypeRef, ValType,
};

use super::Refused;
use super::budget::{Budget, Meter};
use super::proposals;

/// How the types begin that have declarations inside.
const COMPONENT: u8 = 0x41;
const INSTANCE: u8 = 0x42;

/// Reads a section of types.
pub(super) fn section(
    bytes: &[u8],
    section: &ComponentTypeSectionReader<'_>,
    meter: &mut Meter,
) -> Result<(), Refused> {
    let range = section.range();
    let contents = bytes.get(range.clone()).unwrap_or_default();
    let mut reader = BinaryReader::new(contents, range.start);
    // How many are still to come, of the section itself and then of each type that is open.
    let mut open = vec![reader.read_var_u32()?];
    while let Some(left) = open.pop() {
        let Some(left) = left.checked_sub(1) else {
            continue;
        };
        open.push(left);
        meter.add(Budget::Types, 1, reader.original_position())?;
        if open.len() > 1 && !declaration(bytes, &mut reader, meter)? {
            continue;
        }
        let offset = reader.original_position();
        if let Some(&(COMPONENT | INSTANCE)) = bytes.get(offset) {
            reader.read_u8()?;
            open.push(reader.read_var_u32()?);
            meter.reach(Budget::TypeNesting, open.len() as u64 - 1, offset)?;
        } else {
            plain(&reader.read()?, offset)?;
        }
    }
    Ok(())
}

/// Reads a declaration; whether it is one of a type, which then follows.
fn declaration(
    bytes: &[u8],
    reader: &mut BinaryReader<'_>,
    meter: &mut Meter,
) -> Result<bool, Refused> {
    const CORE: u8 = 0;
    const TYPE: u8 = 1;
    const ALIAS: u8 = 2;
    const IMPORT: u8 = 3;

    let offset = reader.original_position();
    match bytes.get(offset) {
        Some(&CORE) => {
            reader.read_u8()?;
            core(&reader.read()?, offset, meter)?;
        }
        Some(&TYPE) => {
            reader.read_u8()?;
            return Ok(true);
        }
        Some(&ALIAS) => {
            reader.read_u8()?;
            alias(&reader.read()?, offset, meter)?;
        }
        Some(&IMPORT) => {
            reader.read_u8()?;
            let import: ComponentImport<'_> = reader.read()?;
            name(&import.name, offset, meter)?;
            reference(&import.ty, offset)?;
        }
        // An export, or what is none of all these.
        _ => {
            if let InstanceTypeDeclaration::Export { name: of, ty } = reader.read()? {
                name(&of, offset, meter)?;
                reference(&ty, offset)?;
            }
        }
    }
    Ok(false)
}

/// A type without declarations inside.
fn plain(ty: &ComponentType<'_>, offset: usize) -> Result<(), Refused> {
    use ComponentDefinedType as Is;
    match ty {
        ComponentType::Func(function) => {
            if function.async_ {
                return proposals::no(proposals::ASYNC, "an async function", offset);
            }
            let params = function.params.iter().map(|(_, ty)| ty);
            params
                .chain(&function.result)
                .try_for_each(|ty| value(ty, offset))
        }
        ComponentType::Resource { rep, .. } => match rep {
            ValType::I32 => Ok(()),
            _ => proposals::no(proposals::MEMORY64, "a resource of 64 bits", offset),
        },
        ComponentType::Defined(defined) => match defined {
            Is::Primitive(ty) => primitive(*ty, offset),
            Is::Record(fields) => fields.iter().try_for_each(|(_, ty)| value(ty, offset)),
            Is::Variant(cases) => cases
                .iter()
                .filter_map(|case| case.ty.as_ref())
                .try_for_each(|ty| value(ty, offset)),
            Is::Tuple(types) => types.iter().try_for_each(|ty| value(ty, offset)),
            Is::List(ty) | Is::Option(ty) => value(ty, offset),
            Is::Result { ok, err } => ok.iter().chain(err).try_for_each(|ty| value(ty, offset)),
            Is::Flags(_) | Is::Enum(_) | Is::Own(_) | Is::Borrow(_) => Ok(()),
            Is::Map(..) => proposals::no(proposals::MAP, "a map type", offset),
            Is::FixedLengthList(..) => {
                proposals::no(proposals::FIXED_LENGTH_LISTS, "a list type", offset)
            }
            Is::Future(_) => proposals::no(proposals::ASYNC, "a future type", offset),
            Is::Stream(_) => proposals::no(proposals::ASYNC, "a stream type", offset),
        },
        // They never come here.
        ComponentType::Component(_) | ComponentType::Instance(_) => Ok(()),
    }
}

fn value(ty: &ComponentValType, offset: usize) -> Result<(), Refused> {
    match ty {
        ComponentValType::Primitive(ty) => primitive(*ty, offset),
        ComponentValType::Type(_) => Ok(()),
    }
}

fn primitive(ty: PrimitiveValType, offset: usize) -> Result<(), Refused> {
    if ty == PrimitiveValType::ErrorContext {
        return proposals::no(proposals::ERROR_CONTEXT, "an error-context type", offset);
    }
    Ok(())
}

/// A core type of a component.
pub(super) fn core(ty: &CoreType<'_>, offset: usize, meter: &mut Meter) -> Result<(), Refused> {
    match ty {
        CoreType::Rec(group) => proposals::group(group, offset),
        CoreType::Module(declarations) => {
            meter.add(Budget::Types, declarations.len() as u64, offset)?;
            for declaration in declarations {
                match declaration {
                    ModuleTypeDeclaration::Type(group) => proposals::group(group, offset)?,
                    ModuleTypeDeclaration::Export { name, ty } => {
                        meter.name(name, offset)?;
                        extern_type(ty, offset)?;
                    }
                    ModuleTypeDeclaration::Import(import) => {
                        meter.name(import.module, offset)?;
                        meter.name(import.name, offset)?;
                        extern_type(&import.ty, offset)?;
                    }
                    ModuleTypeDeclaration::OuterAlias { .. } => {}
                }
            }
            Ok(())
        }
    }
}

fn extern_type(ty: &TypeRef, offset: usize) -> Result<(), Refused> {
    match ty {
        TypeRef::Func(_) => Ok(()),
        TypeRef::Table(ty) => proposals::table(ty, offset),
        TypeRef::Memory(ty) => proposals::memory(ty, offset),
        TypeRef::Global(ty) => proposals::value(ty.content_type, offset),
        TypeRef::Tag(_) => proposals::no(proposals::EXCEPTIONS, "a tag", offset),
        TypeRef::FuncExact(_) => proposals::no(proposals::DESCRIPTORS, "an exact function", offset),
    }
}

/// The type of an import or an export.
pub(super) fn reference(ty: &ComponentTypeRef, offset: usize) -> Result<(), Refused> {
    match ty {
        ComponentTypeRef::Value(_) => proposals::no(proposals::VALUES, "a value", offset),
        ComponentTypeRef::Module(_)
        | ComponentTypeRef::Func(_)
        | ComponentTypeRef::Type(_)
        | ComponentTypeRef::Instance(_)
        | ComponentTypeRef::Component(_) => Ok(()),
    }
}

pub(super) fn alias(
    alias: &ComponentAlias<'_>,
    offset: usize,
    meter: &mut Meter,
) -> Result<(), Refused> {
    match alias {
        ComponentAlias::InstanceExport { name, .. }
        | ComponentAlias::CoreInstanceExport { name, .. } => meter.name(name, offset),
        ComponentAlias::Outer { .. } => Ok(()),
    }
}

pub(super) fn name(
    name: &ComponentExternName<'_>,
    offset: usize,
    meter: &mut Meter,
) -> Result<(), Refused> {
    let more = [name.implements, name.version_suffix, name.external_id];
    for part in more.into_iter().flatten().chain([name.name]) {
        meter.name(part, offset)?;
    }
    Ok(())
}
