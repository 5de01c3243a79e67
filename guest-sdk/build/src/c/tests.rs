use std::process::Command;

use crate::pack;

use super::*;

#[test]
fn the_library_passes_its_own_tests() {
    if Command::new("cc").arg("--version").output().is_err() {
        eprintln!("skipped: there is no C compiler `cc` here");
        return;
    }
    let sdk = tempfile::tempdir().expect("a temporary folder");
    pack::unpack("sdk/c", sdk.path()).expect("the pack is whole");
    let ran = Command::new("sh")
        .arg(sdk.path().join("tests/run"))
        .output()
        .expect("sh runs");
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(
        ran.status.success() && said.contains(" passed, 0 failed"),
        "{said}{}",
        String::from_utf8_lossy(&ran.stderr)
    );
}

#[test]
fn sections_for_debuggers_go_and_names_stay() {
    let module = wat::parse_str(
        r#"(module (@custom ".debug_info" "far too much") (@custom "producers" "us") (func $named))"#,
    )
    .expect("the module is well-formed");

    let kept = without_debug_sections(&module).expect("the module can be read");

    let text = String::from_utf8_lossy(&kept);
    assert!(!text.contains("far too much"), "{text:?}");
    assert!(
        text.contains("named") && text.contains("producers"),
        "{text:?}"
    );
}

#[test]
fn sources_are_those_of_the_folder_and_of_src() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for file in [
        "agent.c",
        "more.c",
        "notes.txt",
        "src/b.c",
        "src/deep/c.c",
        "src/tests/t.c",
        "other/o.c",
    ] {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder is made");
        fs::write(path, "").expect("a file is written");
    }
    let of = |entry: &str| {
        let sources =
            sources(folder.path(), &folder.path().join(entry)).expect("the folder can be read");
        sources
            .iter()
            .map(|path| path.display().to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        of("agent.c"),
        ["agent.c", "more.c", "src/b.c", "src/deep/c.c"]
    );
    assert_eq!(of("more.c"), ["more.c", "src/b.c", "src/deep/c.c"]);
}
