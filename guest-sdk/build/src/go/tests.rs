use super::*;

#[test]
fn a_manifest_gets_the_sdk_once() {
    let bare = with_sdk("module agent\n\ngo 1.24\n");
    assert_eq!(
        bare,
        "module agent\n\ngo 1.24\n\nrequire kellion.dev/kellion v0.0.0\n\nreplace kellion.dev/kellion => ./.kellion/sdk/go\n"
    );
    let elsewhere = with_sdk(
        "module agent\n\nrequire kellion.dev/kellion v0.0.0\n\nreplace kellion.dev/kellion => ../sdk\n",
    );
    assert!(!elsewhere.contains("../sdk"), "{elsewhere}");
    assert_eq!(elsewhere.matches("require").count(), 1, "{elsewhere}");
    assert_eq!(elsewhere.matches("=>").count(), 1, "{elsewhere}");
}

fn module(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("the module is well-formed")
}

#[test]
fn a_program_without_the_sdk_is_told_so() {
    let error = check(&module("(module)")).expect_err("it has no export");
    assert!(error.to_string().contains("kellion.Handle"), "{error}");
}

#[test]
fn low_memory_has_to_be_free() {
    let with_data = |at: u32| {
        module(&format!(
            r#"(module (memory 1) (func (export "invoke")) (data (i32.const {at}) "x"))"#
        ))
    };
    assert!(check(&with_data(12_288)).is_ok());
    let error = check(&with_data(12_287)).expect_err("it is in the way");
    assert!(error.to_string().contains("12287"), "{error}");
}
