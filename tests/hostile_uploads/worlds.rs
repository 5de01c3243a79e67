//! Components of another world, or of another WebAssembly.

use serde_json::json;
use wasmparser::{Parser, Payload};

use super::{all_refused, case, goes_on, parse, read, stage, uploaded};
use crate::harness::ECHO;

#[tokio::test]
async fn u7_proposals_that_are_not_run_here() {
    let (host, witness) = stage("").await;
    let modules = [
        ("threads", "(memory 1 1 shared)"),
        (
            "threads",
            "(memory 1) (func (drop (i32.atomic.load (i32.const 0))))",
        ),
        ("memory64", "(memory i64 1)"),
        ("gc", "(type (struct))"),
        ("gc", "(func (param externref))"),
        (
            "function-references",
            "(type $f (func)) (func (call_ref $f (unreachable)))",
        ),
        ("exception-handling", "(tag)"),
        ("exception-handling", "(func (throw_ref (unreachable)))"),
        ("stack-switching", "(type $f (func)) (type (cont $f))"),
        ("multi-memory", "(memory 1) (memory 1)"),
        ("custom-page-sizes", "(memory 1 (pagesize 1))"),
        (
            "wide-arithmetic",
            "(func (drop (drop (i64.mul_wide_u (i64.const 1) (i64.const 1)))))",
        ),
        ("shared-everything-threads", "(type (shared (func)))"),
    ];
    let modules = modules.map(|(name, fields)| (name, format!("(core module {fields})")));
    let components = [
        ("component-model async", "(type (stream u8))"),
        ("component-model async", "(type (func async))"),
        ("component-model async", "(core func (canon task.cancel))"),
        (
            "component-model threading",
            "(core func (canon thread.index))",
        ),
        ("component-model error-context", "(type error-context)"),
        ("component-model map", "(type (map string u8))"),
        ("component-model fixed-length lists", "(type (list u8 4))"),
        ("component-model values", "(import \"v\" (value u8))"),
    ];
    let components = components.map(|(name, fields)| (name, fields.to_owned()));
    let cases = modules.iter().chain(&components).enumerate();
    let cases = cases.map(|(number, (proposal, fields))| {
        case(
            &format!("proposal{number}"),
            parse(&format!("(component {fields})")),
            &[
                "the component uses ",
                proposal,
                ", a WebAssembly proposal that is not run here",
                "at offset 0x",
            ],
        )
    });
    all_refused(&host, cases.collect()).await;
    goes_on(&host, witness).await;
}

/// A component with one function, exported under this name.
fn exporting(name: &str) -> Vec<u8> {
    parse(&format!(
        "(component
            (core module $m (func (export \"f\")))
            (core instance $i (instantiate $m))
            (func (export \"{name}\") (canon lift (core func $i \"f\"))))"
    ))
}

/// A component that exports this type of function as `invoke`, of a core function of that type.
fn invoke(parameters: &str, core: &str) -> Vec<u8> {
    parse(&format!(
        "(component
            (core module $m (memory (export \"m\") 1)
                (func (export \"r\") (param i32 i32 i32 i32) (result i32) unreachable)
                (func (export \"f\") {core} unreachable))
            (core instance $i (instantiate $m))
            (func (export \"invoke\") {parameters} (canon lift (core func $i \"f\")
                (memory $i \"m\") (realloc (func $i \"r\")))))"
    ))
}

#[tokio::test]
async fn u11_what_is_almost_an_agent() {
    let (host, witness) = stage("").await;
    let world = "does not fit the world kellion:agent/agent@0.1.0";
    let missing = "it does not export \"invoke\"";
    let cases = vec![
        case(
            "nothing",
            parse("(component)"),
            &[world, missing, "it exports nothing"],
        ),
        case(
            "capitals",
            exporting("INVOKE"),
            &[world, missing, "it exports INVOKE"],
        ),
        case(
            "letter",
            exporting("lnvoke"),
            &[world, missing, "it exports lnvoke"],
        ),
        case(
            "longer",
            exporting("invoke-it"),
            &[world, missing, "it exports invoke-it"],
        ),
        case(
            "instance",
            parse("(component (instance $i) (export \"invoke\" (instance $i)))"),
            &[world, "invoke"],
        ),
        case("none", invoke("", ""), &[world, "invoke"]),
        case(
            "number",
            invoke(
                "(param \"payload\" u32) (result u32)",
                "(param i32) (result i32)",
            ),
            &[world, "invoke"],
        ),
        case(
            "string",
            invoke(
                "(param \"payload\" string) (result string)",
                "(param i32 i32) (result i32)",
            ),
            &[world, "invoke"],
        ),
        case(
            "import",
            parse("(component (import \"kellion:agent/logs@0.1.0\" (instance)))"),
            &[
                world,
                "it imports \"kellion:agent/logs@0.1.0\", which is not offered",
                "offered are kellion:agent/",
            ],
        ),
        case(
            "version",
            parse("(component (import \"kellion:agent/log@0.2.0\" (instance)))"),
            &[
                world,
                "it imports \"kellion:agent/log@0.2.0\", which is not offered",
            ],
        ),
        case(
            "http",
            parse("(component (import \"wasi:http/outgoing-handler@0.2.0\" (instance)))"),
            &[world, "wasi:http/outgoing-handler"],
        ),
        case(
            "reserved",
            parse("(component (instance $i) (export \"kellion:image/accessor\" (instance $i)))"),
            &[world, "reserved"],
        ),
    ];
    all_refused(&host, cases).await;
    goes_on(&host, witness).await;
}

/// The number of an agent's function that is exported as `invoke`.
fn invoke_of(agent: &[u8]) -> u8 {
    let payloads = Parser::new(0).parse_all(agent);
    let exports = payloads.filter_map(|payload| match payload.expect("it is valid") {
        Payload::ComponentExportSection(exports) => Some(exports),
        _ => None,
    });
    let mut exports = exports.flatten().map(|export| export.expect("it is valid"));
    let invoke = exports.find(|export| export.name.name == "invoke");
    let index = invoke.expect("an agent exports it").index;
    u8::try_from(index).expect("a small agent")
}

/// What an agent has beside `invoke` is nobody's business here.
#[tokio::test]
async fn u11_more_exports_than_are_asked_for() {
    let (host, witness) = stage("").await;
    let mut more = read(ECHO);
    // A section of exports with one: the function again, as `more`.
    more.extend([
        11,
        10,
        1,
        0,
        4,
        b'm',
        b'o',
        b'r',
        b'e',
        1,
        invoke_of(&more),
        0,
    ]);
    let agent = uploaded(&host, "more", more).await;
    let built = agent.built().await;
    assert_eq!(built["status"], "READY", "{built}");
    let payload = json!({ "as": "ever" });
    assert_eq!(agent.session("first").ask(payload.clone()).await, payload);
    goes_on(&host, witness).await;
}
