//! Bytes that are no component, or were one.

use super::{all_refused, case, goes_on, parse, read, stage};
use crate::harness::{ECHO, zip};

/// What starts every component.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

#[tokio::test]
async fn u1_files_of_other_kinds() {
    let (host, witness) = stage("").await;
    let mut noise: u64 = 1;
    let random = std::iter::repeat_with(|| {
        noise = noise
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (noise >> 56) as u8
    });
    let random: Vec<u8> = random.take(100_000).collect();
    let executable = read(env!("CARGO_BIN_EXE_kellion"));
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0";
    let cases = vec![
        case("empty", Vec::new(), &["it has fewer than 8 bytes"]),
        case(
            "short",
            COMPONENT[..7].to_vec(),
            &["it has fewer than 8 bytes"],
        ),
        case("random", random.clone(), &["does not begin with \\0asm"]),
        case(
            "elf",
            executable[..100_000].to_vec(),
            &["a native or precompiled program"],
        ),
        case("png", png.to_vec(), &["does not begin with \\0asm"]),
        case(
            "random_component",
            [COMPONENT, &random[..]].concat(),
            &["the component is not valid", "at offset 0x"],
        ),
    ];
    all_refused(&host, cases).await;
    goes_on(&host, witness).await;
}

#[tokio::test]
async fn u1_a_component_that_is_cut_anywhere() {
    let (host, witness) = stage("").await;
    let echo = read(ECHO);
    let cases = (1..64).map(|part| {
        let cut = echo[..echo.len() * part / 64].to_vec();
        case(
            &format!("cut{part}"),
            cut,
            &["the component is not valid", "at offset 0x"],
        )
    });
    all_refused(&host, cases.collect()).await;
    goes_on(&host, witness).await;
}

#[tokio::test]
async fn u2_other_forms_of_webassembly() {
    let (host, witness) = stage("").await;
    let header = |version: [u8; 4]| [&b"\0asm"[..], &version, &[0; 100]].concat();
    let cases = vec![
        case(
            "module",
            parse("(module)"),
            &["a core module, not a component", "wasm-tools"],
        ),
        case("text", b"(component)".to_vec(), &["WebAssembly text"]),
        case(
            "spaced",
            b"\n  (component)".to_vec(),
            &["does not begin with \\0asm"],
        ),
        case(
            "layer",
            header([0x0d, 0, 2, 0]),
            &["a layer or version that is not known"],
        ),
        case(
            "version",
            header([0x0e, 0, 1, 0]),
            &["a layer or version that is not known"],
        ),
        case(
            "old",
            header([0x0a, 0, 1, 0]),
            &["a layer or version that is not known"],
        ),
    ];
    all_refused(&host, cases).await;
    goes_on(&host, witness).await;
}

/// A component with a core module of these sections.
fn module(sections: &[u8]) -> Vec<u8> {
    let length = u8::try_from(8 + sections.len()).expect("a short module");
    [COMPONENT, &[1, length], b"\0asm\x01\0\0\0", sections].concat()
}

#[tokio::test]
async fn u6_numbers_and_sections_that_lie() {
    let (host, witness) = stage("").await;
    let invalid: &[&str] = &["the component is not valid", "at offset 0x"];
    let cases = vec![
        case(
            "overlong",
            module(&[1, 0x81, 0x80, 0x80, 0x80, 0x80, 0, 0]),
            invalid,
        ),
        case("endless", module(&[1, 0x80, 0x80]), invalid),
        case(
            "module_past_the_end",
            [COMPONENT, &[1, 100, 0]].concat(),
            invalid,
        ),
        case("section_past_the_end", module(&[1, 100, 0]), invalid),
        case("missing_items", module(&[1, 4, 2, 0x60, 0, 0]), invalid),
        case("twice", module(&[1, 1, 0, 1, 1, 0]), invalid),
        case("out_of_order", module(&[3, 1, 0, 1, 1, 0]), invalid),
        case(
            "no_code",
            module(&[1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0]),
            invalid,
        ),
        case(
            "unknown_section",
            [COMPONENT, &[99, 1, 0]].concat(),
            invalid,
        ),
        case(
            "many_functions",
            module(&[3, 5, 0xff, 0xff, 0xff, 0xff, 4]),
            &["1342177279 functions, and at most 50000"],
        ),
    ];
    all_refused(&host, cases).await;
    goes_on(&host, witness).await;
}

/// Machine code that a compiler of the very same version made, which would run if anybody loaded it.
#[tokio::test]
async fn u9_precompiled_programs() {
    let (host, witness) = stage("").await;
    let program = kellion_host::sandbox::compile(&read(ECHO), 256).expect("it compiles");
    assert!(program.starts_with(b"\x7fELF"));
    let told: &[&str] = &["a native or precompiled program", "upload the .wasm file"];
    let cases = vec![
        case("program", program.clone(), told),
        case(
            "zipped",
            zip(&[("agent.wasm", &program)]),
            &["the zip holds no component"],
        ),
        case(
            "appended",
            [COMPONENT, &program].concat(),
            &["the component is not valid"],
        ),
    ];
    all_refused(&host, cases).await;
    goes_on(&host, witness).await;
}
