//! C: the compiler that the `ziglang` package carries makes a module for WASI preview 1, and our adapter a component of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::job::Job;
use crate::{Error, Result, adapter, command};

/// Clang, a linker and a C library in one package.
const COMPILER: &str = "ziglang==0.17.1\n";

/// Of the module's stack. It lies below everything else, so that one that overflows traps.
const STACK_BYTES: u32 = 256 << 10;

/// Folders that hold no sources of the agent.
const LEFT_OUT: [&str; 3] = ["tests", "test", "build"];

pub(crate) fn build(job: &Job<'_>) -> Result<Vec<String>> {
    let sources = sources(&job.project.folder, &job.project.entry)?;
    let python = job.tools.python("zig", COMPILER, job.talk)?;
    let module = job.work.join("agent.wasm");
    let arguments = job.work.join("arguments");
    fs::write(&arguments, own_arguments(job)?).map_err(Error::file("write", &arguments))?;
    let mut zig = Command::new(python);
    zig.current_dir(&job.project.folder)
        .args(["-m", "ziglang", "cc"])
        .arg(format!("@{}", arguments.display()))
        .arg("-o")
        .arg(&module)
        .args(&sources)
        .envs(job.env)
        .env("ZIG_GLOBAL_CACHE_DIR", job.tools.folder().join("zig-cache"))
        .env("ZIG_LOCAL_CACHE_DIR", job.work.join("zig-cache"));
    command::run(
        &mut zig,
        "python3",
        "install Python 3.10 or newer",
        job.talk,
    )?;
    let core = fs::read(&module).map_err(Error::file("read", &module))?;
    let core = without_debug_sections(&core).map_err(|error| {
        Error::Agent(format!("the compiler made no WebAssembly module: {error}"))
    })?;
    let component = adapter::componentize(&core, &job.wit, STACK_BYTES)?;
    fs::write(&job.out, component).map_err(Error::file("write", &job.out))?;
    Ok(Vec::new())
}

/// What the compiler is told beside the author's sources, one argument a line.
fn own_arguments(job: &Job<'_>) -> Result<String> {
    let mut arguments: Vec<String> = [
        "-target",
        "wasm32-wasi",
        "-mexec-model=reactor",
        "-std=c11",
        "-D_GNU_SOURCE",
        "-Os",
        "-Wall",
        "-Werror=format",
        "-Werror=return-type",
        "-fdiagnostics-color=never",
        // For the names of functions, which a trap's report tells.
        "-g1",
    ]
    .map(str::to_owned)
    .into();
    arguments.push(format!("-Wl,-z,stack-size={STACK_BYTES}"));
    // Behind the stack is the adapter's room, and only then the module's data.
    arguments.push(format!(
        "-Wl,--global-base={}",
        STACK_BYTES + adapter::ROOM_BYTES
    ));
    let bindings = job.sdk.join("bindings");
    arguments.push(format!("-I{}", job.sdk.display()));
    arguments.push(format!("-I{}", bindings.display()));
    for source in files(&job.sdk.join("src"), "c")? {
        arguments.push(source.display().to_string());
    }
    arguments.push(
        bindings
            .join("agent_component_type.o")
            .display()
            .to_string(),
    );
    let lines = arguments.iter().map(|argument| {
        let escaped = argument.replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{escaped}\"\n")
    });
    Ok(lines.collect())
}

/// The module without what only debuggers read, nine tenths of it.
fn without_debug_sections(module: &[u8]) -> Result<Vec<u8>, wasmparser::BinaryReaderError> {
    let mut kept = wasm_encoder::Module::new();
    for payload in wasmparser::Parser::new(0).parse_all(module) {
        let payload = payload?;
        if matches!(&payload, wasmparser::Payload::CustomSection(section) if section.name().starts_with(".debug"))
        {
            continue;
        }
        if let Some((id, range)) = payload.as_section() {
            let data = &module[range];
            kept.section(&wasm_encoder::RawSection { id, data });
        }
    }
    Ok(kept.finish())
}

/// The agent's sources, by their paths in the project: the file that was named, or all of a folder. Another file with an
/// agent of its own would be a second `invoke`, so a named file is alone, but for what is in `src`.
fn sources(folder: &Path, entry: &Path) -> Result<Vec<PathBuf>> {
    let whole = entry
        .file_stem()
        .is_some_and(|stem| stem == "agent" || stem == "main");
    let mut sources = if whole {
        files(folder, "c")?
    } else {
        vec![entry.to_owned()]
    };
    collect(&folder.join("src"), &mut sources)?;
    for source in &mut sources {
        if let Ok(inside) = source.strip_prefix(folder) {
            *source = inside.to_owned();
        }
    }
    Ok(sources)
}

/// Adds the C files below a folder, if it is there.
fn collect(folder: &Path, sources: &mut Vec<PathBuf>) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    sources.extend(files(folder, "c")?);
    for entry in entries(folder)? {
        let name = entry.file_name().unwrap_or_default().to_string_lossy();
        if entry.is_dir() && !name.starts_with('.') && !LEFT_OUT.contains(&&*name) {
            collect(&entry, sources)?;
        }
    }
    Ok(())
}

/// The files of a folder with this ending, in order.
fn files(folder: &Path, ending: &str) -> Result<Vec<PathBuf>> {
    let mut files = entries(folder)?;
    files.retain(|path| path.is_file() && path.extension().is_some_and(|has| has == ending));
    Ok(files)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(Error::file("read", folder))?;
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.map_err(Error::file("read", folder))?.path());
    }
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests;
