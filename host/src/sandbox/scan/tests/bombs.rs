//! Few bytes that would cost a compiler minutes and GiB.

use std::fmt::Write as _;

use wasm_encoder::{
    BlockType, CodeSection, CustomSection, Function, FunctionSection, Instruction, Module,
    TypeSection, ValType,
};

use super::super::Refused;
use super::{Budget, MEMORY_MIB, beyond, component, parse, passes, scan};

/// So many instances of a component with so many instances of a component, and so on; in the innermost, this.
fn laughs(width: usize, levels: usize, innermost: &str) -> Vec<u8> {
    let mut text = format!("(component $all (component $c0 {innermost})");
    for level in 1..=levels {
        let below = level - 1;
        write!(
            text,
            "(component $c{level} (alias outer $all $c{below} (component $c)) {})",
            "(instance (instantiate $c))".repeat(width)
        )
        .unwrap();
    }
    write!(text, "(instance (instantiate $c{levels})))").unwrap();
    parse(&text)
}

/// A module of functions without parameters and results, with these locals and this body.
fn functions(count: u32, locals: u32, body: impl Fn(&mut Function)) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    types.ty().function([], vec![ValType::I32; 1_000]);
    types
        .ty()
        .function(vec![ValType::I32; 1_000], vec![ValType::I32; 1_000]);
    let (mut declared, mut code) = (FunctionSection::new(), CodeSection::new());
    let mut function = Function::new([(locals, ValType::I32)]);
    body(&mut function);
    function.instruction(&Instruction::End);
    for _ in 0..count {
        declared.function(0);
        code.function(&function);
    }
    let mut module = Module::new();
    module.section(&types).section(&declared).section(&code);
    component(&module.finish())
}

/// A function that repeats this.
fn repeated(times: usize, instructions: &[Instruction<'_>]) -> impl Fn(&mut Function) {
    move |function| {
        for _ in 0..times {
            for instruction in instructions {
                function.instruction(instruction);
            }
        }
    }
}

const EMPTY: Instruction<'_> = Instruction::Block(BlockType::Empty);

#[test]
fn u3_nested_instances_are_counted_as_often_as_they_are_made() {
    let instance = "(core module $m) (core instance (instantiate $m))";
    let function = r#"(import "f" (func $f)) (core func (canon lower (func $f)))"#;
    for (width, levels) in [(10, 7), (4, 10), (2, 90)] {
        beyond(&laughs(width, levels, instance), Budget::Instances);
        beyond(&laughs(width, levels, function), Budget::Items);
        // Each alias and each instance is an item.
        beyond(&laughs(width, levels, ""), Budget::Items);
    }
    passes(&laughs(4, 3, instance));
    passes(&laughs(10, 3, function));
}

#[test]
fn u3_what_is_exported_and_aliased_is_counted_as_well() {
    let hidden = |pass: &str| {
        let instances = "(instance (instantiate $c))".repeat(65);
        parse(&format!(
            "(component $all (component $leaf (core module $m) (core instance (instantiate $m))) {pass} {instances})"
        ))
    };
    for pass in [
        "(alias outer $all $leaf (component $c))",
        "(export $c \"leaf\" (component $leaf))",
    ] {
        beyond(&hidden(pass), Budget::Instances);
    }
}

#[test]
fn u3_a_component_that_is_handed_over_cannot_be_instantiated() {
    let imported = "(component (import \"c\" (component $c)) (instance (instantiate $c)))";
    let exported = "(component (component $a (component $b) (export \"b\" (component $b))) \
        (instance $i (instantiate $a)) (alias export $i \"b\" (component $c)) (instance (instantiate $c)))";
    for text in [imported, exported] {
        let refused = scan(&parse(text), MEMORY_MIB);
        assert!(
            matches!(refused, Err(Refused::Unsized { .. })),
            "{refused:?}"
        );
    }
    passes(&parse("(component (import \"c\" (component $c)))"));
}

#[test]
fn u3_tables_are_bounded_together() {
    let module = "(core module (table 1048575 funcref) (elem (i32.const 1048574) func 0) (func))";
    beyond(
        &parse(&format!("(component {})", module.repeat(20))),
        Budget::TableElements,
    );
    let small = "(core module (table 20000 funcref))";
    passes(&parse(&format!("(component {})", small.repeat(5))));
    beyond(
        &parse(&format!("(component {})", small.repeat(6))),
        Budget::TableElements,
    );
}

#[test]
fn u3_a_million_functions() {
    beyond(&functions(1_000_000, 0, |_| {}), Budget::Functions);
    passes(&functions(50_000, 0, |_| {}));
    beyond(&functions(50_001, 0, |_| {}), Budget::Functions);
}

#[test]
fn u3_one_function_of_megabytes() {
    let nothing = [Instruction::I32Const(1), Instruction::Drop];
    beyond(
        &functions(1, 0, repeated(2_500_000, &nothing)),
        Budget::Body,
    );
    beyond(&functions(35, 0, repeated(330_000, &nothing)), Budget::Code);
}

#[test]
fn u3_nested_blocks() {
    let nested = |depth: usize| {
        functions(1, 0, move |function| {
            repeated(depth, &[EMPTY])(function);
            repeated(depth, &[Instruction::End])(function);
        })
    };
    beyond(&nested(1_000_000), Budget::Body);
    beyond(&nested(100_000), Budget::Blocks);
    passes(&nested(9_000));
}

#[test]
fn u3_few_bytes_that_carry_many_values() {
    beyond(&functions(1, 6_000, |_| {}), Budget::Locals);

    // Each loop that may go on has a value of its own of each local that is set in the innermost.
    let loops = |depth: usize| {
        move |function: &mut Function| {
            repeated(depth, &[Instruction::Loop(BlockType::Empty)])(function);
            for local in 0..4_000 {
                function.instruction(&Instruction::I32Const(1));
                function.instruction(&Instruction::LocalSet(local));
            }
            let on = [
                Instruction::LocalGet(0),
                Instruction::BrIf(0),
                Instruction::End,
            ];
            repeated(depth, &on)(function);
        }
    };
    beyond(&functions(1, 4_000, loops(130)), Budget::Work);
    beyond(&functions(200, 4_000, loops(10)), Budget::AllWork);
    passes(&functions(1, 4_000, loops(10)));

    // So has each target of a table.
    let table = |function: &mut Function| {
        function.instruction(&Instruction::Loop(BlockType::Empty));
        for local in 0..100 {
            function.instruction(&Instruction::LocalGet(local));
            function.instruction(&Instruction::LocalTee(local));
            function.instruction(&Instruction::Drop);
        }
        function.instruction(&Instruction::BrTable(vec![0; 500_000].into(), 0));
        function.instruction(&Instruction::End);
    };
    beyond(&functions(1, 100, table), Budget::Work);

    // A thousand values from two bytes, with blocks that pass them on.
    let block = [
        Instruction::Block(BlockType::FunctionType(2)),
        Instruction::End,
    ];
    beyond(&functions(1, 0, repeated(5_000, &block)), Budget::Work);
    let call = [Instruction::CallIndirect {
        type_index: 1,
        table_index: 0,
    }];
    beyond(&functions(1, 0, repeated(6_000, &call)), Budget::Work);
}

#[test]
fn u3_a_call_carries_what_its_function_takes_and_gives() {
    let results = "i32 ".repeat(1_000);
    let text = |imported: &str| {
        format!(
            "(component (core module {imported} (func (export \"f\") {} unreachable)))",
            "call $many ".repeat(6_000)
        )
    };
    let imported = text(&format!(
        "(import \"a\" \"b\" (func $many (result {results})))"
    ));
    beyond(&parse(&imported), Budget::Work);
    let own = text(&format!("(func $many (result {results}) unreachable)"));
    beyond(&parse(&own), Budget::Work);
}

#[test]
fn u5_a_million_of_anything() {
    let mut types = TypeSection::new();
    for _ in 0..1_000_000 {
        types.ty().function([], []);
    }
    let mut module = Module::new();
    module.section(&types);
    beyond(&component(&module.finish()), Budget::Types);

    for (item, budget) in [
        ("(import \"\" \"\" (func))", Budget::Imports),
        ("(global i32 (i32.const 0))", Budget::Globals),
        ("(memory 0) (data (i32.const 0))", Budget::Segments),
    ] {
        let (first, rest) = match item.split_once(") (data") {
            Some((memory, data)) => (format!("{memory})"), format!("(data{data}")),
            None => (String::new(), item.to_owned()),
        };
        let text = format!("(component (core module {first} {}))", rest.repeat(110_000));
        beyond(&parse(&text), budget);
    }
    let mut exports = String::new();
    for number in 0..21_000 {
        write!(exports, "(export \"{number}\" (func 0))").unwrap();
    }
    let text = format!("(component (core module (func) {exports}))");
    beyond(&parse(&text), Budget::Exports);
    let elements = format!("(elem func {})", "0 ".repeat(100_001));
    let text = format!("(component (core module (func) {elements}))");
    beyond(&parse(&text), Budget::SegmentElements);

    beyond(
        &parse(&format!("(component {})", "(core module)".repeat(65))),
        Budget::Modules,
    );
    let tuples = "(type (tuple u8))".repeat(21_000);
    beyond(&parse(&format!("(component {tuples})")), Budget::Types);
    let declared = "(type (tuple u8))".repeat(21_000);
    let text = format!("(component (type (instance {declared})))");
    beyond(&parse(&text), Budget::Types);
}

#[test]
fn u5_a_million_sections() {
    let mut custom = wasm_encoder::Component::new();
    let mut empty = wasm_encoder::Component::new();
    for _ in 0..1_000_000 {
        custom.section(&CustomSection {
            name: "n".into(),
            data: (&[][..]).into(),
        });
        empty.section(&wasm_encoder::ComponentTypeSection::new());
    }
    beyond(&custom.finish(), Budget::CustomSections);
    beyond(&empty.finish(), Budget::Sections);
}

#[test]
fn u5_names_of_100_000_bytes() {
    let name = "n".repeat(100_000);
    for text in [
        format!("(component (import \"{name}\" (func)))"),
        format!("(component (core module (import \"{name}\" \"\" (func))))"),
        format!("(component (core module (import \"\" \"{name}\" (func))))"),
        format!("(component (core module (func (export \"{name}\"))))"),
        format!("(component (type (component (import \"{name}\" (func)))))"),
        format!("(component (type (instance (export \"{name}\" (func)))))"),
        format!("(component (@custom \"{name}\" \"\"))"),
    ] {
        beyond(&parse(&text), Budget::Name);
    }
}

#[test]
fn segments_end_within_what_there_can_be() {
    let end = 256 << 20;
    let data = |at: u32| {
        parse(&format!(
            "(component (core module (memory 1) (data (i32.const {at}) \"12\")))"
        ))
    };
    passes(&data(end - 2));
    beyond(&data(end - 1), Budget::DataEnd);
    beyond(&data(u32::MAX), Budget::DataEnd);
    let elements = |at: u32| {
        parse(&format!(
            "(component (core module (table 1 funcref) (func) (elem (i32.const {at}) func 0)))"
        ))
    };
    passes(&elements(99_999));
    beyond(&elements(100_000), Budget::ElementEnd);
    beyond(&elements(u32::MAX), Budget::ElementEnd);
}

/// Nested in their bytes, as no writer of text would nest them.
#[test]
fn nesting_is_bounded_before_anything_follows_it() {
    // An instance type with one declaration, of an instance type with one declaration, and so on.
    let mut section = vec![1];
    for _ in 0..1_000_000 {
        section.extend([0x42, 1, 1]);
    }
    section.extend([0x42, 0]);
    let mut types = wasm_encoder::Component::new();
    types.section(&wasm_encoder::RawSection {
        id: wasm_encoder::ComponentSectionId::Type.into(),
        data: &section,
    });
    beyond(&types.finish(), Budget::TypeNesting);

    let mut nested = wasm_encoder::Component::new();
    for _ in 0..10 {
        let mut outer = wasm_encoder::Component::new();
        outer.section(&wasm_encoder::NestedComponentSection(&nested));
        nested = outer;
    }
    beyond(&nested.finish(), Budget::Nesting);
}
