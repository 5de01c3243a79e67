use super::*;

use crate::pack;

#[test]
fn the_packed_crate_stands_alone() {
    let packed: Vec<&str> = pack::below("sdk/rust").map(|(path, _)| path).collect();
    assert_eq!(
        packed.iter().filter(|path| **path == "Cargo.toml").count(),
        1,
        "{packed:?}"
    );
    let manifest = pack::below("sdk/rust").find(|(path, _)| *path == "Cargo.toml");
    let manifest = String::from_utf8_lossy(manifest.expect("there is one").1);
    assert!(manifest.contains("kellion-sdk"), "{manifest}");
    assert!(!manifest.contains("workspace"), "{manifest}");
    assert!(packed.contains(&"src/lib.rs"), "{packed:?}");
}

#[test]
fn the_last_component_is_the_agents() {
    let said = r#"{"reason":"compiler-artifact","filenames":["/t/dep.rmeta"]}
{"reason":"compiler-artifact","filenames":["/t/my agent.wasm"]}
{"reason":"build-finished","success":true}"#;
    assert_eq!(component(said), Some("/t/my agent.wasm".into()));
    assert_eq!(component(r#"{"filenames":["/t/dep.rmeta"]}"#), None);
}

#[test]
fn an_authors_mistake_is_told_in_rustcs_words_alone() {
    let error = without_machine_messages(Error::Command {
        command: "cargo build".to_owned(),
        status: "exit status: 101".to_owned(),
        output: "{\"reason\":\"compiler-artifact\"}\nerror: expected `;`\n".to_owned(),
    });
    assert_eq!(
        error.to_string(),
        "cargo build failed (exit status: 101):\nerror: expected `;`"
    );
}
