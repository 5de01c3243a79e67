use std::path::Path;

use super::*;

const WIT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit");

/// A module that imports these functions besides what every agent has.
fn module(imports: &str) -> Vec<u8> {
    let text = format!(
        r#"(module {imports}
            (memory (export "memory") 2)
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
            (func (export "invoke") (param i32) (result i32) unreachable))"#
    );
    wat::parse_str(text).expect("the module is well-formed")
}

fn imports(component: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    for payload in wasmparser::Parser::new(0).parse_all(component) {
        match payload.expect("a component") {
            wasmparser::Payload::ComponentImportSection(section) => {
                for import in section {
                    names.push(import.expect("an import").name.name.to_owned());
                }
            }
            wasmparser::Payload::ModuleSection { .. } => break,
            _ => {}
        }
    }
    names.retain(|name| name.contains("wasi:") || name.contains("log"));
    names
}

#[test]
fn printing_needs_the_log_and_no_wasi() {
    let printing = module(
        r#"(import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))"#,
    );
    let component = componentize(&printing, Path::new(WIT), 4096).expect("it fits");
    assert_eq!(imports(&component), ["kellion:agent/log@0.1.0"]);
}

#[test]
fn clocks_and_chance_are_the_hosts() {
    let surrounded = module(
        r#"(import "wasi_snapshot_preview1" "clock_time_get" (func (param i32 i64 i32) (result i32)))
        (import "wasi_snapshot_preview1" "random_get" (func (param i32 i32) (result i32)))"#,
    );
    let component = componentize(&surrounded, Path::new(WIT), 4096).expect("it fits");
    let names = imports(&component);
    for name in [
        "wasi:clocks/wall-clock@0.2.0",
        "wasi:clocks/monotonic-clock@0.2.0",
        "wasi:random/random@0.2.0",
    ] {
        assert!(
            names.contains(&name.to_owned()),
            "{name} is not among {names:?}"
        );
    }
}

#[test]
fn every_function_of_preview_1_is_there() {
    // Names and shapes as the specification has them; i is i32, l is i64.
    let functions = [
        ("args_get", "ii"),
        ("args_sizes_get", "ii"),
        ("clock_res_get", "ii"),
        ("clock_time_get", "ili"),
        ("environ_get", "ii"),
        ("environ_sizes_get", "ii"),
        ("fd_advise", "illi"),
        ("fd_allocate", "ill"),
        ("fd_close", "i"),
        ("fd_datasync", "i"),
        ("fd_fdstat_get", "ii"),
        ("fd_fdstat_set_flags", "ii"),
        ("fd_fdstat_set_rights", "ill"),
        ("fd_filestat_get", "ii"),
        ("fd_filestat_set_size", "il"),
        ("fd_filestat_set_times", "illi"),
        ("fd_pread", "iiili"),
        ("fd_prestat_dir_name", "iii"),
        ("fd_prestat_get", "ii"),
        ("fd_pwrite", "iiili"),
        ("fd_read", "iiii"),
        ("fd_readdir", "iiili"),
        ("fd_renumber", "ii"),
        ("fd_seek", "ilii"),
        ("fd_sync", "i"),
        ("fd_tell", "ii"),
        ("fd_write", "iiii"),
        ("path_create_directory", "iii"),
        ("path_filestat_get", "iiiii"),
        ("path_filestat_set_times", "iiiilli"),
        ("path_link", "iiiiiii"),
        ("path_open", "iiiiillii"),
        ("path_readlink", "iiiiii"),
        ("path_remove_directory", "iii"),
        ("path_rename", "iiiiii"),
        ("path_symlink", "iiiii"),
        ("path_unlink_file", "iii"),
        ("poll_oneoff", "iiii"),
        ("proc_raise", "i"),
        ("random_get", "ii"),
        ("sched_yield", ""),
        ("sock_accept", "iii"),
        ("sock_recv", "iiiiii"),
        ("sock_send", "iiiii"),
        ("sock_shutdown", "ii"),
    ];
    let imports: String = functions
        .iter()
        .map(|(name, shape)| {
            let parameters: String = shape
                .chars()
                .map(|kind| if kind == 'i' { " i32" } else { " i64" })
                .collect();
            format!(
                r#"(import "wasi_snapshot_preview1" "{name}" (func (param{parameters}) (result i32)))"#
            )
        })
        .collect();
    let exit = r#"(import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))"#;
    componentize(&module(&format!("{imports}{exit}")), Path::new(WIT), 4096).expect("it fits");
}

#[test]
fn an_import_that_nobody_has_is_named() {
    let strange = module(r#"(import "env" "dlopen" (func (param i32) (result i32)))"#);
    let error = componentize(&strange, Path::new(WIT), 4096).expect_err("nobody has it");
    let text = error.to_string();
    assert!(text.contains("env"), "{text}");
    let strange = module(r#"(import "wasi_snapshot_preview1" "fork" (func (result i32)))"#);
    let error = componentize(&strange, Path::new(WIT), 4096).expect_err("nobody has it");
    let text = error.to_string();
    assert!(text.contains("fork"), "{text}");
}
