//! Few bytes that would cost a compiler minutes and GiB: refused before one sees them.

use wasm_encoder::{
    BlockType, CodeSection, Component, ComponentSectionId, CustomSection, Function,
    FunctionSection, Instruction, Module, RawSection, TypeSection,
};

use super::{all_refused, case, goes_on, parse, stage};
use crate::harness::kellion;

/// A component with so many functions, each with this in it.
fn functions(count: u32, body: impl Fn(&mut Function)) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let (mut declared, mut code) = (FunctionSection::new(), CodeSection::new());
    let mut function = Function::new([]);
    body(&mut function);
    function.instruction(&Instruction::End);
    for _ in 0..count {
        declared.function(0);
        code.function(&function);
    }
    let mut module = Module::new();
    module.section(&types).section(&declared).section(&code);
    component(&module)
}

fn component(module: &Module) -> Vec<u8> {
    let mut component = Component::new();
    component.section(&RawSection {
        id: ComponentSectionId::CoreModule.into(),
        data: module.as_slice(),
    });
    component.finish()
}

/// Instances of instances of instances.
fn laughs(width: usize, levels: usize) -> Vec<u8> {
    let mut text =
        "(component $all (component $c0 (core module $m) (core instance (instantiate $m)))"
            .to_owned();
    for level in 1..=levels {
        let below = level - 1;
        let instances = "(instance (instantiate $c))".repeat(width);
        text += &format!(
            "(component $c{level} (alias outer $all $c{below} (component $c)) {instances})"
        );
    }
    text += &format!("(instance (instantiate $c{levels})))");
    parse(&text)
}

#[tokio::test]
async fn u3_components_that_grow_when_they_are_compiled() {
    let (host, witness) = stage("").await;
    let tables = "(core module (table 1048575 funcref) (func) (elem (i32.const 1048574) func 0))";
    let nested = functions(1, |function| {
        for _ in 0..300_000 {
            function.instruction(&Instruction::Block(BlockType::Empty));
        }
        for _ in 0..300_000 {
            function.instruction(&Instruction::End);
        }
    });
    let many_blocks = functions(1, |function| {
        for _ in 0..1_000_000 {
            function.instruction(&Instruction::Block(BlockType::Empty));
        }
        for _ in 0..1_000_000 {
            function.instruction(&Instruction::End);
        }
    });
    let long = functions(1, |function| {
        for _ in 0..2_500_000 {
            function.instruction(&Instruction::I32Const(1));
            function.instruction(&Instruction::Drop);
        }
    });
    let cases = vec![
        case(
            "wide",
            laughs(10, 7),
            &["too complex", "core instances, nested ones included"],
        ),
        case(
            "deep",
            laughs(4, 10),
            &["too complex", "core instances, nested ones included"],
        ),
        case(
            "tables",
            parse(&format!("(component {})", tables.repeat(20))),
            &[
                "too complex",
                "1048575 elements of tables",
                "at most 100000",
            ],
        ),
        case(
            "functions",
            functions(1_000_000, |_| {}),
            &["too complex", "1000000 functions", "at most 50000"],
        ),
        case("long", long, &["too complex", "bytes of one function"]),
        case(
            "nested",
            nested,
            &[
                "too complex",
                "300001 blocks of one function inside of each other",
            ],
        ),
        case(
            "many_blocks",
            many_blocks,
            &["too complex", "bytes of one function"],
        ),
        case(
            "memory",
            parse("(component (core module (memory 65536)))"),
            &[
                "too complex",
                "4294967296 bytes of memory at the start",
                "at most 268435456",
            ],
        ),
        case(
            "far",
            parse("(component (core module (memory 1) (data (i32.const -1) \"x\")))"),
            &[
                "too complex",
                "4294967296 bytes of memory up to the end of a segment",
            ],
        ),
    ];
    all_refused(&host, cases).await;
    goes_on(&host, witness).await;
}

#[tokio::test]
async fn u5_a_million_of_anything() {
    let (host, witness) = stage("").await;
    let mut types = TypeSection::new();
    for _ in 0..1_000_000 {
        types.ty().function([], []);
    }
    let mut module = Module::new();
    module.section(&types);
    let mut sections = Component::new();
    for _ in 0..90_000 {
        sections.section(&CustomSection {
            name: "n".into(),
            data: (&[][..]).into(),
        });
    }
    let name = "n".repeat(100_000);
    let named = |text: &str| parse(&text.replace("NAME", &name));
    // Instance types in instance types, of which each is one byte's declaration.
    let mut nested = vec![1];
    for _ in 0..1_000_000 {
        nested.extend([0x42, 1, 1]);
    }
    nested.extend([0x42, 0]);
    let mut deep = Component::new();
    deep.section(&RawSection {
        id: ComponentSectionId::Type.into(),
        data: &nested,
    });
    let cases = vec![
        case(
            "types",
            component(&module),
            &["too complex", "types and declarations"],
        ),
        case(
            "imports",
            parse(&format!(
                "(component (core module {}))",
                "(import \"\" \"\" (func))".repeat(300_000)
            )),
            &["too complex", "20001 imports, and at most 20000"],
        ),
        case(
            "custom",
            sections.finish(),
            &["too complex", "1001 custom sections"],
        ),
        case(
            "name",
            named("(component (import \"NAME\" (func)))"),
            &["100000 bytes of a name"],
        ),
        case(
            "export",
            named("(component (core module (func (export \"NAME\"))))"),
            &["100000 bytes of a name"],
        ),
        case("deep", deep.finish(), &["9 types inside of each other"]),
    ];
    all_refused(&host, cases).await;
    goes_on(&host, witness).await;
}

#[test]
fn u3_an_author_is_told_before_any_upload() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    for (bytes, told) in [
        (laughs(10, 7), "the component is too complex: "),
        (
            parse("(component (core module (memory i64 1)))"),
            "the component uses memory64",
        ),
    ] {
        std::fs::write(folder.path().join("agent.wasm"), bytes).expect("the folder is writable");
        let output = kellion(folder.path())
            .args(["check", "agent.wasm"])
            .output();
        let output = output.expect("it can be run");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{said}");
        assert!(said.contains(told), "{said}");
    }
}
