//! One program for all targets: the variable `KELLION_FUZZ` names the one to run. `tests/fuzz/run` builds it with what
//! libFuzzer needs to see which parts of the server an input reaches; any other build of it does nothing.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
mod fuzzed {
    use std::sync::LazyLock;

    use kellion_host::fuzzing::{TARGETS, Target, target};

    static TARGET: LazyLock<&Target> = LazyLock::new(|| {
        let name = std::env::var("KELLION_FUZZ").unwrap_or_default();
        target(&name).unwrap_or_else(|| {
            let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            panic!("KELLION_FUZZ is {name:?}, and none of {}", names.join(", "))
        })
    });

    libfuzzer_sys::fuzz_target!(
        init: {
            // The seeds are there to begin with, in the folder that libFuzzer is given.
            if let Some(folder) = std::env::var_os("KELLION_FUZZ_SEEDS") {
                for (number, seed) in (TARGET.seeds)().into_iter().enumerate() {
                    let file = std::path::Path::new(&folder).join(format!("seed-{number}"));
                    std::fs::write(file, seed).expect("the seeds' folder is writable");
                }
            }
        },
        |bytes: &[u8]| (TARGET.run)(bytes)
    );
}

#[cfg(not(fuzzing))]
fn main() {
    eprintln!("this build does not fuzz; use tests/fuzz/run");
}
