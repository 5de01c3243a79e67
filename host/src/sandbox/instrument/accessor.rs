//! The core module that reaches into one memory; that of the main memory also has the globals and the handles.

use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, EntityType, ExportKind, ExportSection, Function,
    FunctionSection, GlobalSection, GlobalType, ImportSection, InstructionSink, MemArg, MemoryType,
    Module, TypeSection, ValType,
};

use super::handles::HandleFunction;
use super::module::{Global, Memory, global_export, memory_export};

/// So many fit in the first page, with the 8 bytes for a list's address and length.
pub(super) const MAX_GLOBALS: usize = 65_536 / 8 - 1;

/// The core instance from which the accessor imports the handle functions.
pub(super) const HANDLES: &str = "handles";

/// The core instance from which the accessor imports a module's memories and globals.
pub(super) fn state_of(module: u32) -> String {
    format!("module{module}")
}

const I32: ValType = ValType::I32;

/// A module in the making.
#[derive(Default)]
struct Builder {
    types: TypeSection,
    imports: ImportSection,
    functions: FunctionSection,
    globals: GlobalSection,
    exports: ExportSection,
    code: CodeSection,
    imported_functions: u32,
    global_count: u32,
}

impl Builder {
    fn import_memory(&mut self, memory: &Memory) {
        let ty = MemoryType {
            minimum: memory.min_pages,
            maximum: memory.max_pages,
            memory64: false,
            shared: false,
            page_size_log2: None,
        };
        let (module, name) = (state_of(memory.module), memory_export(memory.index));
        self.imports.import(&module, &name, ty);
    }

    fn import_global(&mut self, global: &Global) {
        let ty = GlobalType {
            val_type: global.ty,
            mutable: true,
            shared: false,
        };
        let (module, name) = (state_of(global.module), global_export(global.index));
        self.imports.import(&module, &name, ty);
        self.global_count += 1;
    }

    fn import_function(&mut self, function: &HandleFunction) {
        let ty = EntityType::Function(self.types.len());
        self.imports.import(HANDLES, function.name, ty);
        let (params, results) = signature(function);
        self.types.ty().function(params, results);
        self.imported_functions += 1;
    }

    /// A global of the accessor's own, which begins as zero.
    fn global(&mut self, val_type: ValType) -> u32 {
        let zero = if val_type == I32 {
            ConstExpr::i32_const(0)
        } else {
            ConstExpr::i64_const(0)
        };
        let ty = GlobalType {
            val_type,
            mutable: true,
            shared: false,
        };
        self.globals.global(ty, &zero);
        self.global_count += 1;
        self.global_count - 1
    }

    /// All imports come before the first of these.
    fn function(
        &mut self,
        name: &str,
        params: impl IntoIterator<Item = ValType, IntoIter: ExactSizeIterator>,
        results: impl IntoIterator<Item = ValType, IntoIter: ExactSizeIterator>,
        body: impl FnOnce(&mut InstructionSink<'_>),
    ) {
        let index = self.imported_functions + self.functions.len();
        self.exports.export(name, ExportKind::Func, index);
        self.functions.function(self.types.len());
        self.types.ty().function(params, results);
        let mut function = Function::new([]);
        body(&mut function.instructions());
        function.instructions().end();
        self.code.function(&function);
    }

    fn finish(self) -> Module {
        let mut module = Module::new();
        module
            .section(&self.types)
            .section(&self.imports)
            .section(&self.functions)
            .section(&self.globals)
            .section(&self.exports)
            .section(&self.code);
        module
    }
}

fn signature(function: &HandleFunction) -> (Vec<ValType>, Vec<ValType>) {
    (vec![I32; function.params], vec![I32; function.results])
}

/// The accessor of a memory, with globals and handles, if any.
pub(super) fn module(
    memory: &Memory,
    globals: &[Global],
    handles: &[&'static HandleFunction],
) -> Module {
    let mut builder = Builder::default();
    builder.import_memory(memory);
    for global in globals {
        builder.import_global(global);
    }
    for function in handles {
        builder.import_function(function);
    }
    memory_functions(&mut builder);
    if !globals.is_empty() {
        global_functions(&mut builder, globals);
    }
    // A lowered function cannot be lifted as it is: these call it.
    for (index, function) in (0..).zip(handles) {
        let (params, results) = signature(function);
        builder.function(function.name, params, results, |code| {
            for param in 0..function.params as u32 {
                code.local_get(param);
            }
            code.call(index);
        });
    }
    builder.finish()
}

/// An access of 8 bytes at a fixed address.
fn word(offset: u64) -> MemArg {
    MemArg {
        offset,
        align: 3,
        memory_index: 0,
    }
}

/// An access of 4 bytes at a fixed address.
fn half(offset: u64) -> MemArg {
    MemArg {
        offset,
        align: 2,
        memory_index: 0,
    }
}

fn memory_functions(builder: &mut Builder) {
    builder.function("size", [], [I32], |code| {
        code.memory_size(0);
    });
    builder.function("grow", [I32], [I32], |code| {
        code.local_get(0).memory_grow(0);
    });

    // The answer's address and length lie at address 0, until `read-end` (post-return) puts back what was there.
    let saved = builder.global(ValType::I64);
    builder.function("read", [I32; 2], [I32], |code| {
        code.i32_const(0).i64_load(word(0)).global_set(saved);
        code.i32_const(0).local_get(0).i32_store(half(0));
        code.i32_const(0).local_get(1).i32_store(half(4));
        code.i32_const(0);
    });
    builder.function("read-end", [I32], [], |code| {
        code.i32_const(0).global_get(saved).i64_store(word(0));
    });

    // The data are lowered to where the cursor is; by the time that `write` runs they are in place.
    let cursor = builder.global(I32);
    builder.function("write-realloc", [I32; 4], [I32], |code| {
        code.global_get(cursor);
    });
    builder.function("write", [I32; 3], [], |code| {
        code.local_get(2).global_set(cursor);
    });
}

/// Globals travel as a list at address 0; what was there is kept in as many globals of the accessor.
fn global_functions(builder: &mut Builder, globals: &[Global]) {
    let count = globals.len() as u32;
    let bytes = 8 * count;
    let saved: Vec<u32> = (0..=count).map(|_| builder.global(ValType::I64)).collect();
    let save = |code: &mut InstructionSink<'_>| {
        for (index, global) in (0..).zip(&saved) {
            let at = word(8 * index);
            code.i32_const(0).i64_load(at).global_set(*global);
        }
    };
    let put_back = |code: &mut InstructionSink<'_>| {
        for (index, global) in (0..).zip(&saved) {
            let at = word(8 * index);
            code.i32_const(0).global_get(*global).i64_store(at);
        }
    };
    builder.function("globals-get", [], [I32], |code| {
        save(code);
        for (index, global) in (0..).zip(globals) {
            code.i32_const(0).global_get(index);
            match global.ty {
                ValType::I32 => code.i64_extend_i32_u(),
                ValType::F32 => code.i32_reinterpret_f32().i64_extend_i32_u(),
                ValType::F64 => code.i64_reinterpret_f64(),
                ValType::I64 | ValType::V128 | ValType::Ref(_) => code,
            };
            code.i64_store(word(8 * u64::from(index)));
        }
        let end = u64::from(bytes);
        code.i32_const(0).i32_const(0).i32_store(half(end));
        code.i32_const(0)
            .i32_const(count as i32)
            .i32_store(half(end + 4));
        code.i32_const(bytes as i32);
    });
    builder.function("globals-get-end", [I32], [], put_back);
    builder.function("globals-set-realloc", [I32; 4], [I32], |code| {
        save(code);
        // No more than was saved may be overwritten.
        code.local_get(3).i32_const(bytes as i32).i32_gt_u();
        code.if_(BlockType::Empty).unreachable().end();
        code.i32_const(0);
    });
    builder.function("globals-set", [I32; 2], [], |code| {
        code.local_get(1).i32_const(count as i32).i32_ne();
        code.if_(BlockType::Empty).unreachable().end();
        for (index, global) in (0..).zip(globals) {
            code.i32_const(0).i64_load(word(8 * u64::from(index)));
            match global.ty {
                ValType::I32 => code.i32_wrap_i64(),
                ValType::F32 => code.i32_wrap_i64().f32_reinterpret_i32(),
                ValType::F64 => code.f64_reinterpret_i64(),
                ValType::I64 | ValType::V128 | ValType::Ref(_) => code,
            };
            code.global_set(index);
        }
        put_back(code);
    });
}
