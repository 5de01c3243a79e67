//! Parts of WebAssembly that are not run here.

use super::super::Refused;
use super::{MEMORY_MIB, parse, passes, scan};

#[track_caller]
fn uses(text: &str, expected: &str) {
    match scan(&parse(text), MEMORY_MIB) {
        Err(Refused::Proposal { proposal, .. }) if proposal == expected => {}
        other => panic!("{text}: expected {expected}: {other:?}"),
    }
}

#[test]
fn u7_of_modules() {
    for (fields, proposal) in [
        ("(memory 1 1 shared)", "threads"),
        ("(import \"a\" \"b\" (memory 1 1 shared))", "threads"),
        (
            "(memory 1) (func (drop (i32.atomic.load (i32.const 0))))",
            "threads",
        ),
        ("(func (atomic.fence))", "threads"),
        ("(table shared 0 funcref)", "shared-everything-threads"),
        ("(type (shared (func)))", "shared-everything-threads"),
        ("(memory i64 1)", "memory64"),
        ("(table i64 1 funcref)", "memory64"),
        ("(memory 1) (memory 1)", "multi-memory"),
        ("(import \"a\" \"b\" (memory 1)) (memory 1)", "multi-memory"),
        ("(memory 1 (pagesize 1))", "custom-page-sizes"),
        ("(type (struct))", "gc"),
        ("(type (array i8))", "gc"),
        ("(rec (type (func)) (type (func)))", "gc"),
        ("(type (sub (func)))", "gc"),
        ("(type (func (param anyref)))", "gc"),
        ("(type (func (result externref)))", "gc"),
        ("(global i31ref (ref.null i31))", "gc"),
        ("(func (drop (ref.i31 (i32.const 0))))", "gc"),
        ("(func (local structref))", "gc"),
        ("(func (drop (ref.null any)))", "gc"),
        (
            "(func (result i32) (i32.const 0) (block (param i32) (result eqref) unreachable) drop (i32.const 0))",
            "gc",
        ),
        ("(type (func (param (ref func))))", "function-references"),
        (
            "(type $f (func)) (func (param (ref null $f)))",
            "function-references",
        ),
        (
            "(type $f (func)) (func (call_ref $f (unreachable)))",
            "function-references",
        ),
        ("(tag)", "exception-handling"),
        ("(import \"a\" \"b\" (tag))", "exception-handling"),
        ("(func (throw_ref (unreachable)))", "exception-handling"),
        ("(func (param exnref))", "exception-handling"),
        ("(func try catch_all end)", "legacy exception-handling"),
        ("(type $f (func)) (type (cont $f))", "stack-switching"),
        ("(func (param contref))", "stack-switching"),
        (
            "(func (drop (drop (i64.mul_wide_u (i64.const 1) (i64.const 1)))))",
            "wide-arithmetic",
        ),
    ] {
        uses(&format!("(component (core module {fields}))"), proposal);
    }
}

#[test]
fn u7_of_components() {
    for (fields, proposal) in [
        ("(type (func async))", "component-model async"),
        ("(type (stream u8))", "component-model async"),
        ("(type (future))", "component-model async"),
        (
            "(type (instance (type (stream u8))))",
            "component-model async",
        ),
        ("(component (type (future u8)))", "component-model async"),
        (
            "(core func (canon backpressure.inc))",
            "component-model async",
        ),
        ("(core func (canon task.cancel))", "component-model async"),
        (
            "(import \"f\" (func $f)) (core func (canon lower (func $f) async (memory 0)))",
            "component-model async",
        ),
        (
            "(core func (canon thread.index))",
            "component-model threading",
        ),
        (
            "(core func (canon thread.available_parallelism))",
            "shared-everything-threads",
        ),
        ("(type error-context)", "component-model error-context"),
        (
            "(type (func (param \"e\" error-context)))",
            "component-model error-context",
        ),
        (
            "(type (record (field \"e\" error-context)))",
            "component-model error-context",
        ),
        (
            "(core func (canon error-context.drop))",
            "component-model error-context",
        ),
        (
            "(import \"f\" (func $f)) (core type $t (func)) (core func (canon lower (func $f) gc (core-type $t)))",
            "component-model gc",
        ),
        ("(type (map string u8))", "component-model map"),
        ("(type (list u8 4))", "component-model fixed-length lists"),
        ("(import \"v\" (value u8))", "component-model values"),
        (
            "(import \"f\" (func $f)) (start $f)",
            "component-model values",
        ),
        (
            "(core type (module (import \"a\" \"b\" (memory i64 1))))",
            "memory64",
        ),
        (
            "(core type (module (import \"a\" \"b\" (tag))))",
            "exception-handling",
        ),
        ("(core type (sub (func)))", "gc"),
    ] {
        uses(&format!("(component {fields})"), proposal);
    }
}

#[test]
fn what_toolchains_emit_passes() {
    for fields in [
        "(func (return_call 0))",
        "(func (drop (i32.extend8_s (i32.const 1))))",
        "(func (drop (i32.trunc_sat_f32_s (f32.const 1))))",
        "(memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)))",
        "(table 1 funcref) (func (drop (table.get 0 (i32.const 0))))",
        "(func (drop (i8x16.splat (i32.const 1))))",
        "(func (drop (f32x4.relaxed_madd (unreachable))))",
        "(func (result i32 i64) (i32.const 1) (i64.const 1))",
        "(global i32 (i32.add (i32.const 1) (i32.const 1)))",
        "(import \"a\" \"b\" (global (mut i32)))",
    ] {
        passes(&parse(&format!("(component (core module {fields}))")));
    }
    passes(&parse(
        "(component (type (resource (rep i32))) (type (result)) (type (option u8)) (type (flags \"a\")))",
    ));
}

#[test]
fn a_proposal_is_told_with_the_place() {
    let component = parse("(component (core module (memory 1 1 shared)))");
    let refused = scan(&component, MEMORY_MIB).unwrap_err().to_string();
    assert_eq!(
        refused,
        "the component uses threads, a WebAssembly proposal that is not run here: build it without (a shared memory at \
         offset 0x15)"
    );
}
