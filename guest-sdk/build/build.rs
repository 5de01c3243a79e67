//! Packs what authors need into the crate, so that one binary is enough: the contract, the SDKs and the templates.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use toml::{Table, Value};
use wit_bindgen_core::wit_parser::Resolve;
use wit_bindgen_core::{Files, WorldGenerator};

/// Where the bindings of the SDK for Go are imported from.
const GO_BINDINGS: &str = "kellion.dev/kellion/internal/wit";

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
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let mut table = String::from("pub(crate) const FILES: &[(&str, &[u8])] = &[\n");
    pack(&root.join("wit"), "wit", &mut table);
    for language in ["rust", "python", "typescript", "go", "c"] {
        pack(&sdk.join(language), &format!("sdk/{language}"), &mut table);
    }
    let c = wit_bindgen_c::Opts::default().build();
    let c = generate(&root.join("wit"), c, &out.join("bindings/c"), |text| text);
    pack(&c, "sdk/c/bindings", &mut table);
    let go = wit_bindgen_go::Opts {
        pkg_name: Some(GO_BINDINGS.to_owned()),
        quiet: true,
        format: wit_bindgen_go::Format::False,
        ..Default::default()
    };
    // With imports of the SDK's own runtime package in place of the generator's.
    let own = |text: Vec<u8>| match String::from_utf8(text) {
        Ok(text) => text
            .replace("go.bytecodealliance.org/pkg/wit", GO_BINDINGS)
            .into_bytes(),
        Err(object) => object.into_bytes(),
    };
    let go = generate(&root.join("wit"), go.build(), &out.join("bindings/go"), own);
    pack(&go, "sdk/go/internal/wit", &mut table);
    let manifest = out.join("manifest");
    write_manifest(
        &root.join("Cargo.toml"),
        &sdk.join("rust/Cargo.toml"),
        &manifest,
    );
    pack(&manifest, "sdk/rust", &mut table);
    pack(&here.join("templates"), "templates", &mut table);
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
        } else if !path.ends_with("guest-sdk/rust/Cargo.toml") {
            // That one speaks of this workspace, and is packed as one that stands alone.
            writeln!(
                table,
                "({name:?}, include_bytes!({:?})),",
                path.display().to_string()
            )
            .expect("a string grows");
        }
    }
}

/// Writes the contract in another language, each file as `finish` makes it, and gives the folder.
fn generate(
    wit: &Path,
    mut generator: Box<dyn WorldGenerator>,
    to: &Path,
    finish: impl Fn(Vec<u8>) -> Vec<u8>,
) -> PathBuf {
    let mut resolve = Resolve::default();
    let (contract, _) = resolve.push_path(wit).expect("the contract can be read");
    let world = resolve
        .select_world(&[contract], Some("agent"))
        .expect("the contract has the world `agent`");
    let mut files = Files::default();
    generator
        .generate(&mut resolve, world, &mut files)
        .expect("the contract can be said in every language");
    for (name, bytes) in files.iter() {
        let path = to.join(name);
        let folder = path.parent().expect("a file lies in a folder");
        fs::create_dir_all(folder).expect("OUT_DIR can be written");
        fs::write(&path, finish(bytes.to_vec())).expect("OUT_DIR can be written");
    }
    to.to_owned()
}

/// Writes a crate's manifest such that it stands alone: with what it takes from the workspace put in, and no lints, which
/// are the workspace's own.
fn write_manifest(workspace: &Path, package: &Path, to: &Path) {
    let workspace = read_toml(workspace);
    let mut package = read_toml(package);
    package.remove("lints");
    let inherited = &workspace["workspace"];
    for (section, source) in [("package", "package"), ("dependencies", "dependencies")] {
        let Some(section) = package.get_mut(section).and_then(Value::as_table_mut) else {
            continue;
        };
        for (key, value) in section.iter_mut() {
            if value.get("workspace") == Some(&Value::Boolean(true)) {
                assert_eq!(
                    value.as_table().map(Table::len),
                    Some(1),
                    "{key} has more than a workspace has"
                );
                *value = inherited[source][key].clone();
            }
        }
    }
    fs::create_dir_all(to).expect("OUT_DIR can be written");
    fs::write(to.join("Cargo.toml"), package.to_string()).expect("OUT_DIR can be written");
}

fn read_toml(path: &Path) -> Table {
    println!("cargo::rerun-if-changed={}", path.display());
    let text = fs::read_to_string(path).expect("a manifest can be read");
    text.parse().expect("a manifest is TOML")
}
