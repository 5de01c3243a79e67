//! What no agent may use. The engine refuses all of it as well, in its own words; these name it, and where it stands.

use wasmparser::{
    AbstractHeapType, CompositeInnerType, HeapType, MemoryType, Operator, RecGroup, RefType,
    TableType, ValType,
};

use super::Refused;

pub(super) const THREADS: &str = "threads";
pub(super) const SHARED_EVERYTHING: &str = "shared-everything-threads";
pub(super) const MEMORY64: &str = "memory64";
pub(super) const MULTI_MEMORY: &str = "multi-memory";
pub(super) const PAGE_SIZES: &str = "custom-page-sizes";
pub(super) const GC: &str = "gc";
pub(super) const FUNCTION_REFERENCES: &str = "function-references";
pub(super) const DESCRIPTORS: &str = "custom-descriptors";
pub(super) const EXCEPTIONS: &str = "exception-handling";
pub(super) const STACK_SWITCHING: &str = "stack-switching";
pub(super) const ASYNC: &str = "component-model async";
pub(super) const CM_THREADING: &str = "component-model threading";
pub(super) const ERROR_CONTEXT: &str = "component-model error-context";
pub(super) const CM_GC: &str = "component-model gc";
pub(super) const MAP: &str = "component-model map";
pub(super) const FIXED_LENGTH_LISTS: &str = "component-model fixed-length lists";
pub(super) const VALUES: &str = "component-model values";

/// Refuses because of a proposal.
pub(super) fn no<T>(
    proposal: &'static str,
    what: &'static str,
    offset: usize,
) -> Result<T, Refused> {
    Err(Refused::Proposal {
        proposal,
        what,
        offset,
    })
}

/// The proposal of an instruction that no agent may use.
fn forbidden(operator: &Operator<'_>) -> Option<&'static str> {
    // Each group of instructions is listed; a new one is an error of the compiler.
    macro_rules! of_group {
        (mvp) => {
            None
        };
        (sign_extension) => {
            None
        };
        (saturating_float_to_int) => {
            None
        };
        (bulk_memory) => {
            None
        };
        (reference_types) => {
            None
        };
        (tail_call) => {
            None
        };
        (simd) => {
            None
        };
        (relaxed_simd) => {
            None
        };
        (gc) => {
            Some(GC)
        };
        (custom_descriptors) => {
            Some(DESCRIPTORS)
        };
        (memory_control) => {
            Some("memory-control")
        };
        (threads) => {
            Some(THREADS)
        };
        (shared_everything_threads) => {
            Some(SHARED_EVERYTHING)
        };
        (exceptions) => {
            Some(EXCEPTIONS)
        };
        (legacy_exceptions) => {
            Some("legacy exception-handling")
        };
        (function_references) => {
            Some(FUNCTION_REFERENCES)
        };
        (stack_switching) => {
            Some(STACK_SWITCHING)
        };
        (wide_arithmetic) => {
            Some("wide-arithmetic")
        };
    }
    macro_rules! of_operator {
        ($(@$group:ident $name:ident $({ $($field:ident: $type:ty),* })? => $visit:ident ($($note:tt)*))*) => {
            match operator {
                $(Operator::$name { .. } => of_group!($group),)*
                _ => Some("an unknown one"),
            }
        };
    }
    wasmparser::for_each_operator!(of_operator)
}

pub(super) fn operator(operator: &Operator<'_>, offset: usize) -> Result<(), Refused> {
    match forbidden(operator) {
        Some(proposal) => no(proposal, "an instruction", offset),
        None => Ok(()),
    }
}

pub(super) fn value(ty: ValType, offset: usize) -> Result<(), Refused> {
    match ty {
        ValType::I32 | ValType::I64 | ValType::F32 | ValType::F64 | ValType::V128 => Ok(()),
        ValType::Ref(ty) => reference(ty, offset),
    }
}

fn reference(ty: RefType, offset: usize) -> Result<(), Refused> {
    heap(ty.heap_type(), offset)?;
    if ty.is_nullable() {
        Ok(())
    } else {
        no(
            FUNCTION_REFERENCES,
            "a reference that is never null",
            offset,
        )
    }
}

pub(super) fn heap(ty: HeapType, offset: usize) -> Result<(), Refused> {
    use AbstractHeapType as Is;
    match ty {
        HeapType::Abstract { shared: true, .. } => {
            no(SHARED_EVERYTHING, "a shared reference", offset)
        }
        HeapType::Abstract { ty: Is::Func, .. } => Ok(()),
        // It came with reference types, and needs the collector all the same.
        HeapType::Abstract { ty: Is::Extern, .. } => no(GC, "a reference to the host's", offset),
        HeapType::Abstract {
            ty: Is::Exn | Is::NoExn,
            ..
        } => no(EXCEPTIONS, "a reference to an exception", offset),
        HeapType::Abstract {
            ty: Is::Cont | Is::NoCont,
            ..
        } => no(STACK_SWITCHING, "a reference to a continuation", offset),
        HeapType::Abstract {
            ty:
                Is::Any
                | Is::None
                | Is::NoExtern
                | Is::NoFunc
                | Is::Eq
                | Is::Struct
                | Is::Array
                | Is::I31,
            ..
        } => no(GC, "a reference to what is collected", offset),
        HeapType::Concrete(_) => no(FUNCTION_REFERENCES, "a reference to a type", offset),
        HeapType::Exact(_) => no(DESCRIPTORS, "an exact reference", offset),
    }
}

pub(super) fn group(group: &RecGroup, offset: usize) -> Result<(), Refused> {
    if group.is_explicit_rec_group() {
        return no(GC, "types that refer to each other", offset);
    }
    for ty in group.types() {
        if ty.composite_type.shared {
            return no(SHARED_EVERYTHING, "a shared type", offset);
        }
        match &ty.composite_type.inner {
            CompositeInnerType::Func(function) => {
                for ty in function.params().iter().chain(function.results()) {
                    value(*ty, offset)?;
                }
            }
            CompositeInnerType::Array(_) | CompositeInnerType::Struct(_) => {
                return no(GC, "a type of what is collected", offset);
            }
            CompositeInnerType::Cont(_) => {
                return no(STACK_SWITCHING, "a continuation type", offset);
            }
        }
        if !ty.is_final || ty.supertype_idx.is_some() {
            return no(GC, "a subtype", offset);
        }
    }
    Ok(())
}

pub(super) fn memory(ty: &MemoryType, offset: usize) -> Result<(), Refused> {
    if ty.shared {
        return no(THREADS, "a shared memory", offset);
    }
    if ty.memory64 {
        return no(MEMORY64, "a memory of 64 bits", offset);
    }
    match ty.page_size_log2 {
        None => Ok(()),
        Some(_) => no(PAGE_SIZES, "a memory of other pages", offset),
    }
}

pub(super) fn table(ty: &TableType, offset: usize) -> Result<(), Refused> {
    if ty.shared {
        return no(SHARED_EVERYTHING, "a shared table", offset);
    }
    if ty.table64 {
        return no(MEMORY64, "a table of 64 bits", offset);
    }
    reference(ty.element_type, offset)
}
