//! Go: its own compiler makes a core module for WASI preview 1, and the adapter a component of it.

mod compiler;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use wasmparser::{DataKind, Operator, Parser, Payload};

use self::compiler::Compiler;
use crate::job::Job;
use crate::{Error, Result, adapter, command};

/// The SDK's module.
const SDK: &str = "kellion.dev/kellion";

/// Where a project's manifest says that the SDK is.
const UNPACKED: &str = "./.kellion/sdk/go";

/// Where the adapter keeps open lines: Go's linker leaves the memory below its data to arguments that a host may write
/// there, for which WASI has calls instead.
const ROOM: u32 = 4096;

pub(crate) fn build(job: &Job<'_>) -> Result<Vec<String>> {
    let compiler = compiler::find(job)?;
    let core = job.work.join("core.wasm");
    let mut go = compiler.command(job);
    go.env("GOOS", "wasip1").env("GOARCH", "wasm").args([
        "build",
        "-buildmode=c-shared",
        "-buildvcs=false",
        "-trimpath",
        "-ldflags=-s -w",
    ]);
    let overlay = overlay(job)?.map(|file| format!("-overlay={}", file.display()));
    if compiler.has_two_jsons() && !imports_new_json(&compiler, job, overlay.as_deref()) {
        // The older implementation of encoding/json: the component is a fifth smaller.
        go.env("GOEXPERIMENT", "nojsonv2").envs(job.env);
    }
    go.args(overlay);
    // Its folder is a package, whichever of its files was named.
    go.arg("-o").arg(&core).arg(".");
    command::run(&mut go, "go", compiler::HELP, job.talk)?;
    let module = fs::read(&core).map_err(Error::file("read", &core))?;
    check(&module)?;
    let component = adapter::componentize(&module, &job.wit, ROOM)?;
    fs::write(&job.out, component).map_err(Error::file("write", &job.out))?;
    Ok(Vec::new())
}

/// Does the project, or a module that it needs, ask for the newer JSON package by its own name?
fn imports_new_json(compiler: &Compiler, job: &Job<'_>, overlay: Option<&str>) -> bool {
    let mut list = compiler.command(job);
    list.env("GOOS", "wasip1").env("GOARCH", "wasm").args([
        "list",
        "-deps",
        "-f",
        r#"{{if not .Standard}}{{join .Imports " "}}{{end}}"#,
    ]);
    list.args(overlay).arg(".");
    // What is wrong with the project is told by the build that follows.
    command::run(&mut list, "go", compiler::HELP, job.talk).map_or(true, |said| {
        String::from_utf8_lossy(&said)
            .split_whitespace()
            .any(|import| import == "encoding/json/v2" || import == "encoding/json/jsontext")
    })
}

/// A manifest that says where the SDK is, to be taken for the project's own when that does not say it.
fn overlay(job: &Job<'_>) -> Result<Option<PathBuf>> {
    let theirs = job.project.folder.join("go.mod");
    let text = match fs::read_to_string(&theirs) {
        Ok(text) if text.contains(UNPACKED) => return Ok(None),
        Ok(text) => with_sdk(&text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            with_sdk(&format!("module {}\n\ngo 1.24\n", job.project.name))
        }
        Err(error) => return Err(Error::file("read", &theirs)(error)),
    };
    let ours = job.work.join("go.mod");
    fs::write(&ours, text).map_err(Error::file("write", &ours))?;
    let overlay = job.work.join("overlay.json");
    let replaced = format!(
        "{{\"Replace\": {{{}: {}}}}}\n",
        json(&theirs)?,
        json(&ours)?
    );
    fs::write(&overlay, replaced).map_err(Error::file("write", &overlay))?;
    Ok(Some(overlay))
}

/// The manifest, with the SDK where the build has unpacked it.
fn with_sdk(manifest: &str) -> String {
    let mut text: String = manifest
        .lines()
        .filter(|line| {
            let line = line.trim_start().trim_start_matches("replace ");
            !(line.starts_with(SDK) && line.contains("=>"))
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    if !text.contains(SDK) {
        text.push_str(&format!("\nrequire {SDK} v0.0.0\n"));
    }
    text.push_str(&format!("\nreplace {SDK} => {UNPACKED}\n"));
    text
}

/// A path as a JSON string.
fn json(path: &Path) -> Result<String> {
    let text = path.to_str().ok_or_else(|| {
        Error::Agent(format!(
            "{} is no path that Go can be told: its name is no UTF-8",
            path.display()
        ))
    })?;
    Ok(format!(
        "\"{}\"",
        text.replace('\\', "\\\\").replace('"', "\\\"")
    ))
}

/// Is this an agent, and is its low memory free?
fn check(module: &[u8]) -> Result<()> {
    let mut has_turn = false;
    let mut lowest = u32::MAX;
    for payload in Parser::new(0).parse_all(module) {
        match payload.map_err(|error| not_wasm(&error))? {
            Payload::ExportSection(exports) => {
                for export in exports {
                    has_turn |= export.map_err(|error| not_wasm(&error))?.name == "invoke";
                }
            }
            Payload::DataSection(segments) => {
                for segment in segments {
                    let segment = segment.map_err(|error| not_wasm(&error))?;
                    if let DataKind::Active { offset_expr, .. } = segment.kind {
                        let first = offset_expr.get_operators_reader().read();
                        if let Operator::I32Const { value } =
                            first.map_err(|error| not_wasm(&error))?
                        {
                            lowest = lowest.min(value.cast_unsigned());
                        }
                    }
                }
            }
            _ => {}
        }
    }
    if !has_turn {
        return Err(Error::Agent(format!(
            "the program is no agent: its main package has to import \"{SDK}\" and call kellion.Handle"
        )));
    }
    if lowest < ROOM + adapter::ROOM_BYTES {
        return Err(Error::Agent(format!(
            "this version of Go puts data at address {lowest}, where the SDK keeps lines that are being printed; use Go 1.27"
        )));
    }
    Ok(())
}

fn not_wasm(error: &wasmparser::BinaryReaderError) -> Error {
    Error::Agent(format!("Go made no WebAssembly module: {error}"))
}

#[cfg(test)]
mod tests;
