use super::{CompileError, compile, inspect};

mod cuts;
mod determinism;
mod images;
mod odd;
mod remanence;
pub(crate) mod stage;
mod time;
#[expect(
    dead_code,
    reason = "the end-to-end tests, which share it, use more of it"
)]
#[path = "../../../tests/harness/wat.rs"]
mod wat;

const MEMORY_MIB: u32 = 256;
const EMPTY_COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

fn probe() -> Vec<u8> {
    stage::PROBE.component()
}

fn refusal(bytes: &[u8]) -> String {
    match compile(bytes, MEMORY_MIB) {
        Ok(_) => panic!("{} bytes were compiled", bytes.len()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_is_no_component_is_refused_with_a_hint() {
    let cases: [(&[u8], &str); 8] = [
        (b"", "fewer than 8 bytes"),
        (b"\0asm\x0d\0\x01", "fewer than 8 bytes"),
        (b"\0asm\x01\0\0\0", "core module"),
        (b"\0asm\x0e\0\x01\0", "layer or version"),
        (b"(component)", "WebAssembly text"),
        (b"\x7fELF\x02\x01\x01\0", "precompiled"),
        (b"PK\x03\x04\0\0\0\0", "archive"),
        (b"hello, world", "does not begin with"),
    ];
    for (bytes, hint) in cases {
        let refusal = refusal(bytes);
        assert!(refusal.contains(hint), "{bytes:?}: {refusal}");
    }
}

#[test]
fn a_component_of_another_world_is_told_what_it_lacks() {
    let refusal = refusal(EMPTY_COMPONENT);
    assert!(refusal.contains("does not export \"invoke\""), "{refusal}");
    assert!(refusal.contains("kellion:agent"), "{refusal}");
}

#[test]
fn a_cut_component_is_refused_wherever_it_is_cut() {
    let probe = probe();
    for sixteenth in 1..16 {
        let cut = &probe[..probe.len() * sixteenth / 16];
        assert!(
            matches!(compile(cut, MEMORY_MIB), Err(CompileError::Invalid(_))),
            "{sixteenth}/16"
        );
    }
}

#[test]
fn an_inspection_names_imports_and_exports() {
    let (inspection, _) = inspect(&probe(), MEMORY_MIB).unwrap();
    assert_eq!(inspection.misfit, None);
    assert_eq!(inspection.obstacles, [""; 0]);
    assert!(inspection.exports.iter().any(|name| name == "invoke"));
    assert!(
        inspection
            .imports
            .iter()
            .any(|name| name == "kellion:agent/model@0.1.0")
    );

    let (inspection, _) = inspect(EMPTY_COMPONENT, MEMORY_MIB).unwrap();
    assert!(inspection.misfit.is_some());
}
