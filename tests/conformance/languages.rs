//! The languages, and where they cannot do what others can. The README has the same table.

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
