//! Builds the guests: the tutorial agent, which the server carries for `kellion demo`, the probe, which its tests use, and
//! the echo, for its benchmarks.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    // Asked now and not when this was compiled: a target folder may be used by another copy of the sources.
    let host = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where the crate is");
    let root = Path::new(&host)
        .parent()
        .expect("the server's folder lies in the workspace");
    for source in ["guests", "guest-sdk/rust", "wit", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", root.join(source).display());
    }
    // A target folder of their own: the one of the build that runs now is locked.
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let target = out
        .ancestors()
        .nth(4)
        .expect("OUT_DIR lies four folders below the target folder")
        .join("guests");
    install_target();
    let status = Command::new(std::env::var_os("CARGO").expect("cargo sets CARGO"))
        .current_dir(root)
        .args([
            "build",
            "--quiet",
            "--profile",
            "guest",
            "--target",
            "wasm32-wasip2",
        ])
        .args(["-p", "kellion-guest-tutorial", "-p", "kellion-guest-probe"])
        .args(["-p", "kellion-guest-echo"])
        .arg("--target-dir")
        .arg(&target)
        // What holds for the server's own build, flags and linters, is not meant for the guests.
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("RUSTC_WRAPPER")
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .status()
        .expect("cargo can be run again");
    assert!(
        status.success(),
        "the guests do not build for wasm32-wasip2"
    );
    let built = target.join("wasm32-wasip2/guest");
    for (variable, file) in [
        ("KELLION_TUTORIAL_WASM", "tutorial.wasm"),
        ("KELLION_PROBE_WASM", "probe.wasm"),
        ("KELLION_ECHO_WASM", "echo.wasm"),
    ] {
        println!("cargo::rustc-env={variable}={}", built.join(file).display());
    }
}

/// The toolchain file names the guests' target, but rustup installs it by itself only with the toolchain.
fn install_target() {
    let rustc = std::env::var_os("RUSTC").expect("cargo sets RUSTC");
    let sysroot = Command::new(rustc)
        .args(["--print", "sysroot"])
        .output()
        .expect("rustc can be run");
    let sysroot = PathBuf::from(String::from_utf8_lossy(&sysroot.stdout).trim());
    if sysroot.join("lib/rustlib/wasm32-wasip2").exists() {
        return;
    }
    let added = Command::new("rustup")
        .args(["target", "add", "wasm32-wasip2"])
        .status();
    assert!(
        added.is_ok_and(|status| status.success()),
        "the target wasm32-wasip2 is missing; install it with: rustup target add wasm32-wasip2"
    );
}
