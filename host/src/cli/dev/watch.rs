//! Notices that sources have changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use kellion_build::Project;

/// How often is looked. The files of an agent are few.
const LOOK: Duration = Duration::from_millis(400);

/// What builds make, and packages that others wrote.
const NOT_SOURCES: [&str; 4] = ["target", "node_modules", "__pycache__", "vendor"];

/// The state of a project's files when they were last looked at.
pub(super) struct Watch {
    folder: PathBuf,
    seen: Files,
}

type Files = BTreeMap<PathBuf, (Option<SystemTime>, u64)>;

impl Watch {
    pub(super) fn new(project: &Project) -> Self {
        let folder = project.folder.clone();
        let seen = files(&folder);
        Self { folder, seen }
    }

    /// Returns when a file was changed, added or removed, and nothing has changed since for one look: an editor may write
    /// several. Dropping it loses nothing.
    pub(super) async fn changed(&mut self) {
        loop {
            tokio::time::sleep(LOOK).await;
            let mut now = files(&self.folder);
            if now == self.seen {
                continue;
            }
            loop {
                tokio::time::sleep(LOOK).await;
                let later = files(&self.folder);
                if later == now {
                    break;
                }
                now = later;
            }
            self.seen = now;
            return;
        }
    }
}

fn files(folder: &Path) -> Files {
    let mut files = Files::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        // What vanishes meanwhile is not there.
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            let is_hidden = name.starts_with('.');
            if kind.is_dir() && !is_hidden && !NOT_SOURCES.contains(&&*name) {
                folders.push(entry.path());
            } else if kind.is_file()
                && !is_hidden
                && !name.ends_with(".wasm")
                && !name.ends_with('~')
            {
                let about = entry.metadata().ok();
                let modified = about.as_ref().and_then(|about| about.modified().ok());
                let length = about.map_or(0, |about| about.len());
                files.insert(entry.path(), (modified, length));
            }
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_count_and_products_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("agent.py", "1");
        let before = files(folder.path());
        for product in [
            "agent.wasm",
            ".kellion/x",
            "node_modules/a/b.js",
            "target/x",
        ] {
            write(product, "1");
        }
        assert_eq!(files(folder.path()), before);
        write("tools/more.py", "1");
        assert_ne!(files(folder.path()), before);
    }
}
