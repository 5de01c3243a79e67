//! New projects.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Error, Language, Result, pack};

/// Stands for the agent's name in templates' text, and in their file names without the braces.
const NAME: &str = "{{name}}";

/// Begins a project in a new folder below `parent`, which takes the agent's name, and gives its files.
pub fn create(parent: &Path, name: &str, language: Language) -> Result<Vec<PathBuf>> {
    let fits = name.len() <= 48
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name
            .chars()
            .all(|each| each.is_ascii_alphanumeric() || each == '_');
    if !fits {
        return Err(Error::Name(name.to_owned()));
    }
    let folder = parent.join(name);
    if folder.exists() {
        return Err(Error::Exists(folder));
    }
    let mut files = Vec::new();
    let own = format!("templates/{language}");
    for (path, bytes) in pack::below(&own).chain(pack::below("templates/common")) {
        // Named so that no tool takes a template for a project.
        let path = folder.join(path.strip_suffix(".template").unwrap_or(path));
        let text = String::from_utf8_lossy(bytes).replace(NAME, name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
        }
        fs::write(&path, text).map_err(Error::file("write", &path))?;
        files.push(path);
    }
    Ok(files)
}
