//! What agents have passes with room; what only an attacker would send is refused by its name.

mod bombs;
mod broken;
mod proposals;

use super::budget::{Budget, Meter};
use super::{Refused, look_through, scan};
use crate::sandbox::tests::stage::{ECHO, PROBE, TUTORIAL};

pub(super) const MEMORY_MIB: u32 = 256;

pub(super) fn parse(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

/// A component with this core module in it, which is not instantiated.
pub(super) fn component(module: &[u8]) -> Vec<u8> {
    let mut component = wasm_encoder::Component::new();
    component.section(&wasm_encoder::RawSection {
        id: wasm_encoder::ComponentSectionId::CoreModule.into(),
        data: module,
    });
    component.finish()
}

#[track_caller]
pub(super) fn passes(bytes: &[u8]) {
    if let Err(refused) = scan(bytes, MEMORY_MIB) {
        panic!("{refused}");
    }
}

#[track_caller]
pub(super) fn beyond(bytes: &[u8], expected: Budget) {
    match scan(bytes, MEMORY_MIB) {
        Err(Refused::TooMuch { budget, .. }) if budget == expected => {}
        other => panic!("expected {expected:?}: {other:?}"),
    }
}

#[test]
fn agents_have_half_of_each_budget_at_most() {
    let mut agents = [&ECHO, &PROBE, &TUTORIAL]
        .map(|guest| guest.component())
        .to_vec();
    // Those of other languages take minutes to build, and are looked at wherever they are there.
    let built = concat!(env!("CARGO_MANIFEST_DIR"), "/../.tools/guests");
    for entry in std::fs::read_dir(built).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "wasm")
        {
            agents.push(std::fs::read(path).unwrap());
        }
    }
    for agent in agents {
        let mut meter = Meter::new(MEMORY_MIB);
        look_through(&agent, &mut meter).unwrap();
        for (budget, figure, limit) in meter.figures() {
            assert!(2 * figure <= limit, "{budget:?}: {figure} of {limit}");
        }
    }
}

#[test]
fn what_is_too_much_is_told_with_both_figures_and_the_place() {
    let name = "n".repeat(1_025);
    let component = parse(&format!(
        "(component (import \"a\" (func)) (core module (func (export \"{name}\"))))"
    ));
    let refused = scan(&component, MEMORY_MIB).unwrap_err().to_string();
    let offset = component
        .windows(4)
        .position(|window| window == b"nnnn")
        .unwrap();
    let told = format!(
        "the component is too complex: 1025 bytes of a name, and at most 1024 are taken (at offset {:#x})",
        offset - 2
    );
    assert_eq!(refused, told);
}

#[test]
fn memory_is_what_a_session_may_have() {
    let memory = |pages: u32| parse(&format!("(component (core module (memory {pages})))"));
    passes(&memory(256 * 16));
    beyond(&memory(256 * 16 + 1), Budget::Memory);
    assert!(scan(&memory(17), 1).is_err() && scan(&memory(16), 1).is_ok());
    // Together, not each.
    let two = parse("(component (core module (memory 2049)) (core module (memory 2048)))");
    beyond(&two, Budget::Memory);
}
