//! Packs what authors need into the crate, so that one binary is enough: the contract, the SDKs and the templates.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use wit_bindgen_core::Files;
use wit_bindgen_core::wit_parser::Resolve;

/// Folders that are products of work, not sources.
const LEFT_OUT: [&str; 8] = [
    "target",
    "node_modules",
    "__pycache__",
    ".kellion",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    "dist",
];

fn main() {
    let here =
        PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where the crate is"));
    let sdk = here.parent().expect("the crate lies in the SDK's folder");
    let root = sdk
        .parent()
        .expect("the SDK's folder lies in the workspace");
    let mut table = String::from("pub(crate) const FILES: &[(&str, &[u8])] = &[\n");
    pack(&root.join("wit"), "wit", &mut table);
    for language in ["rust", "python", "typescript", "go", "c"] {
        pack(&sdk.join(language), &format!("sdk/{language}"), &mut table);
    }
    pack(&here.join("templates"), "templates", &mut table);
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let bindings = out.join("go");
    go_bindings(&root.join("wit"), &bindings);
    pack(&bindings, "sdk/go/internal/wit", &mut table);
    table.push_str("];\n");
    fs::write(out.join("files.rs"), table).expect("OUT_DIR can be written");
}

/// Adds the files below a folder to the table, each with its path in the pack.
fn pack(folder: &Path, name: &str, table: &mut String) {
    println!("cargo::rerun-if-changed={}", folder.display());
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    let mut entries: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a folder can be read").path())
        .collect();
    entries.sort();
    for path in entries {
        let file = path
            .file_name()
            .expect("an entry has a name")
            .to_string_lossy();
        let name = format!("{name}/{file}");
        if path.is_dir() {
            if !LEFT_OUT.contains(&&*file) && !file.ends_with(".egg-info") {
                pack(&path, &name, table);
            }
        } else {
            writeln!(
                table,
                "({name:?}, include_bytes!({:?})),",
                path.display().to_string()
            )
            .expect("a string grows");
        }
    }
}

/// Writes the contract as Go, with imports of the SDK's own runtime package in place of the generator's.
fn go_bindings(wit: &Path, out: &Path) {
    const PACKAGE: &str = "kellion.dev/kellion/internal/wit";

    let mut resolve = Resolve::default();
    let (contract, _) = resolve.push_dir(wit).expect("the contract can be read");
    let world = resolve
        .select_world(&[contract], Some("agent"))
        .expect("the contract has a world");
    let options = wit_bindgen_go::Opts {
        pkg_name: Some(PACKAGE.to_owned()),
        quiet: true,
        format: wit_bindgen_go::Format::False,
        ..Default::default()
    };
    let mut files = Files::default();
    options
        .build()
        .generate(&mut resolve, world, &mut files)
        .expect("the contract has Go bindings");
    for (name, bytes) in files.iter() {
        let text =
            String::from_utf8_lossy(bytes).replace("go.bytecodealliance.org/pkg/wit", PACKAGE);
        let path = out.join(name);
        let folder = path.parent().expect("a file lies in a folder");
        fs::create_dir_all(folder).expect("OUT_DIR can be written");
        fs::write(&path, text).expect("OUT_DIR can be written");
    }
}
