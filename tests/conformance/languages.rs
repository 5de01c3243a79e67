//! The languages, and where they cannot do what others can. The README has the same table.

use std::path::Path;

/// A language's probe, and what is different in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Language {
    /// Its folder below `guests`.
    pub(super) probe: &'static str,
    /// Whether endless recursion is an error of the language. Otherwise it traps.
    pub(super) catches_recursion: bool,
    /// Whether what the language calls a panic is caught by its SDK. Otherwise it traps.
    pub(super) catches_panics: bool,
}

pub(super) const RUST: Language = Language {
    probe: "probe",
    catches_recursion: false,
    catches_panics: false,
};

pub(super) const PYTHON: Language = Language {
    probe: "probe-python",
    catches_recursion: true,
    catches_panics: true,
};

pub(super) const TYPESCRIPT: Language = Language {
    probe: "probe-typescript",
    catches_recursion: true,
    catches_panics: true,
};

pub(super) const GO: Language = Language {
    probe: "probe-go",
    catches_recursion: false,
    catches_panics: true,
};

pub(super) const C: Language = Language {
    probe: "probe-c",
    catches_recursion: false,
    catches_panics: false,
};

/// The component that `tests/guests` has built of a guest.
pub(crate) fn guest(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let file = root.join(format!(".tools/guests/{name}.wasm"));
    assert!(
        file.exists(),
        "{name} is not built; build it with: tests/guests {name}"
    );
    file.display().to_string()
}
