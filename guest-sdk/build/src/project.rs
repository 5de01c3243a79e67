//! What an author has: a folder with an agent in it.

use std::path::{Path, PathBuf};

use crate::{Error, Language, Result};

/// An agent's sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// The folder, absolute.
    pub folder: PathBuf,
    /// What the agent is called: the name of its folder, or of its file when that was named.
    pub name: String,
    /// What it is written in.
    pub language: Language,
    /// The file where the agent begins; the manifest for Rust and Go.
    pub entry: PathBuf,
}

/// What a folder may hold, and what that says.
const SIGNS: [(&str, Language); 26] = [
    ("Cargo.toml", Language::Rust),
    ("go.mod", Language::Go),
    ("agent.ts", Language::TypeScript),
    ("src/agent.ts", Language::TypeScript),
    ("index.ts", Language::TypeScript),
    ("src/index.ts", Language::TypeScript),
    ("app.ts", Language::TypeScript),
    ("src/app.ts", Language::TypeScript),
    ("main.ts", Language::TypeScript),
    ("src/main.ts", Language::TypeScript),
    ("agent.js", Language::TypeScript),
    ("src/agent.js", Language::TypeScript),
    ("index.js", Language::TypeScript),
    ("src/index.js", Language::TypeScript),
    ("app.js", Language::TypeScript),
    ("agent.mjs", Language::TypeScript),
    ("index.mjs", Language::TypeScript),
    ("index.cjs", Language::TypeScript),
    ("agent.py", Language::Python),
    ("main.py", Language::Python),
    ("app.py", Language::Python),
    ("my_agent.py", Language::Python),
    ("src/main.py", Language::Python),
    ("agent.go", Language::Go),
    ("agent.c", Language::C),
    ("main.c", Language::C),
];

impl Project {
    /// The project in a folder, or the one that a file belongs to.
    pub fn find(path: &Path) -> Result<Self> {
        let path = path.canonicalize().map_err(Error::file("read", path))?;
        if path.is_dir() {
            Self::in_folder(path)
        } else {
            Self::of_file(path)
        }
    }

    fn in_folder(folder: PathBuf) -> Result<Self> {
        let found = SIGNS.iter().find(|(file, _)| folder.join(file).is_file());
        let Some((file, language)) = found else {
            return Err(Error::NoProject(folder));
        };
        Ok(Self {
            name: name(&folder),
            language: *language,
            entry: folder.join(file),
            folder,
        })
    }

    fn of_file(file: PathBuf) -> Result<Self> {
        let folder = file.parent().unwrap_or(Path::new("/")).to_owned();
        let language = match file.extension().and_then(|ending| ending.to_str()) {
            Some("py") => Language::Python,
            Some("ts" | "js" | "mts" | "mjs" | "cts" | "cjs" | "tsx" | "jsx") => {
                return Ok(Self {
                    name: name(&file),
                    language: Language::TypeScript,
                    folder: package_of(folder),
                    entry: file,
                });
            }
            Some("go") => Language::Go,
            Some("c") => Language::C,
            // A crate is built whole, whichever of its files was named.
            _ if file.ends_with("Cargo.toml") => return Self::in_folder(folder),
            Some("rs") => {
                let package = folder
                    .ancestors()
                    .find(|folder| folder.join("Cargo.toml").is_file());
                return Self::in_folder(package.unwrap_or(&folder).to_owned());
            }
            _ => return Err(Error::NoSource(file)),
        };
        Ok(Self {
            name: name(&file),
            language,
            entry: file,
            folder,
        })
    }
}

/// A package keeps its manifest one above its `src`.
fn package_of(folder: PathBuf) -> PathBuf {
    match folder.parent() {
        Some(package)
            if folder.ends_with("src")
                && !folder.join("package.json").is_file()
                && package.join("package.json").is_file() =>
        {
            package.to_owned()
        }
        _ => folder,
    }
}

fn name(path: &Path) -> String {
    path.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests;
