//! Packages that an author brings along: `pip install --target` has put them beside the sources, as AgentCore's direct code
//! deployment wants them.
//!
//! What the SDK brings itself goes before them. The others are taken as they are, and must be pure Python.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::agentcore;
use super::requirements::name;
use crate::job::Job;
use crate::{Error, Result};

/// Modules that the SDK brings, for zips that do not say which package they are of.
const BROUGHT: [&str; 16] = [
    "PIL",
    "_yaml",
    "aiohttp",
    "bedrock_agentcore",
    "boto3",
    "botocore",
    "cryptography",
    "kellion",
    "pydantic",
    "pydantic_core",
    "rpds",
    "s3transfer",
    "strands",
    "strands_tools",
    "watchdog",
    "yaml",
];

/// Packages that say that an agent was written for AgentCore, and the module by which each is imported.
const AGENTCORE: [(&str, &str); 3] = [
    ("bedrock-agentcore", "bedrock_agentcore"),
    ("strands-agents", "strands"),
    ("strands-agents-tools", "strands_tools"),
];

/// As many native files are named.
const TOLD: usize = 5;

/// The packages, in a folder of their own.
#[derive(Debug)]
pub(super) struct Vendored {
    folder: PathBuf,
    packages: BTreeMap<String, Package>,
}

#[derive(Debug)]
struct Package {
    /// As it calls itself, with its version.
    title: String,
    /// Names of packages.
    needs: BTreeSet<String>,
    /// Below the folder.
    files: Vec<PathBuf>,
}

impl Vendored {
    /// Takes the packages out of the project's folder, so that only what the author wrote stays.
    pub(super) fn separate(job: &Job<'_>) -> Result<Self> {
        let project = &job.project.folder;
        let folder = job.work.join("vendored");
        fs::create_dir_all(&folder).map_err(Error::file("create", &folder))?;
        let mut packages = BTreeMap::new();
        for entry in list(project)? {
            if entry.extension().is_none_or(|ending| ending != "dist-info") {
                continue;
            }
            let Some((name, mut package)) = Package::read(&entry)? else {
                continue;
            };
            package
                .files
                .retain(|file| project.join(file) != job.project.entry);
            for file in &package.files {
                relocate(&project.join(file), &folder.join(file))?;
            }
            packages.insert(name, package);
            fs::remove_dir_all(&entry).map_err(Error::file("remove", &entry))?;
        }
        for module in BROUGHT {
            let path = project.join(module);
            if path.is_dir() {
                fs::remove_dir_all(&path).map_err(Error::file("remove", &path))?;
            }
        }
        let mut native = Vec::new();
        for file in walk(project)? {
            // The tool that makes components takes settings of its own from these.
            if file
                .file_name()
                .is_some_and(|name| name == "componentize-py.toml")
            {
                fs::remove_file(&file).map_err(Error::file("remove", &file))?;
            } else if is_native(&file) {
                native.push(file);
            }
        }
        if native.is_empty() {
            return Ok(Self { folder, packages });
        }
        let names: Vec<String> = native
            .iter()
            .take(TOLD)
            .map(|file| {
                file.strip_prefix(project)
                    .unwrap_or(file)
                    .display()
                    .to_string()
            })
            .collect();
        Err(refusal(&names.join(", ")))
    }

    /// Modules that need what the SDK brings for AgentCore; none if no package is of AgentCore.
    pub(super) fn agentcore(&self) -> impl Iterator<Item = &'static str> {
        AGENTCORE
            .into_iter()
            .filter(|(name, _)| self.packages.contains_key(*name))
            .map(|(_, module)| module)
    }

    /// Removes what `site` and the SDK bring, and what only that needs. The folder of the others, which are pure Python.
    pub(super) fn beside(self, site: Option<&Path>) -> Result<PathBuf> {
        let mut brought = BTreeSet::from(["kellion".to_owned()]);
        if let Some(site) = site {
            brought.extend(agentcore::not_installed());
            for entry in list(site)? {
                if entry
                    .extension()
                    .is_some_and(|ending| ending == "dist-info")
                {
                    brought.extend(Package::read(&entry)?.map(|(name, _)| name));
                }
            }
        }
        let dropped = self.only_for(&brought);
        let mut native = Vec::new();
        for (name, package) in &self.packages {
            if dropped.contains(name) {
                for file in &package.files {
                    let path = self.folder.join(file);
                    // Two packages may claim one file.
                    if path.exists() {
                        fs::remove_file(&path).map_err(Error::file("remove", &path))?;
                    }
                }
            } else if let Some(file) = package.files.iter().find(|file| is_native(file)) {
                native.push(format!("{} ({})", package.title, file.display()));
            }
        }
        if native.is_empty() {
            Ok(self.folder)
        } else {
            Err(refusal(&native.join(", ")))
        }
    }

    /// These packages, and those that nothing but these needs.
    fn only_for(&self, brought: &BTreeSet<String>) -> BTreeSet<String> {
        let present = |name: &&String| self.packages.contains_key(*name);
        let from_brought = self.reach(brought.iter().filter(present), &BTreeSet::new());
        let needed: BTreeSet<&String> = self.packages.values().flat_map(|p| &p.needs).collect();
        let wanted = self.packages.keys().filter(|name| {
            // What nothing needs is there for the author. So is what only a ring of packages needs that nothing leads to.
            !needed.contains(*name) || !from_brought.contains(*name)
        });
        let kept = self.reach(wanted, brought);
        self.packages
            .keys()
            .filter(|name| {
                brought.contains(*name) || from_brought.contains(*name) && !kept.contains(*name)
            })
            .cloned()
            .collect()
    }

    /// These packages and all that they need, as far as no barrier is in between.
    fn reach<'a>(
        &'a self,
        from: impl Iterator<Item = &'a String>,
        barrier: &BTreeSet<String>,
    ) -> BTreeSet<String> {
        let mut reached = BTreeSet::new();
        let mut waiting: Vec<&String> = from.collect();
        while let Some(name) = waiting.pop() {
            let Some(package) = self.packages.get(name) else {
                continue;
            };
            if !barrier.contains(name) && reached.insert(name.clone()) {
                waiting.extend(&package.needs);
            }
        }
        reached
    }
}

impl Package {
    /// Reads what pip has written of a package; nothing if it is not that.
    fn read(info: &Path) -> Result<Option<(String, Self)>> {
        let read = |file: &str| {
            let path = info.join(file);
            match fs::read(&path) {
                Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(Error::file("read", &path)(error)),
            }
        };
        let Some(metadata) = read("METADATA")? else {
            return Ok(None);
        };
        let record = read("RECORD")?.unwrap_or_default();
        Ok(Self::parse(&metadata, &record))
    }

    fn parse(metadata: &str, record: &str) -> Option<(String, Self)> {
        let headers = || {
            metadata
                .lines()
                .take_while(|line| !line.trim().is_empty())
                .filter_map(|line| line.split_once(": "))
        };
        let find = |wanted: &str| {
            headers()
                .find(|(header, _)| *header == wanted)
                .map(|(_, text)| text)
        };
        let own = name(find("Name")?)?;
        let needs = headers()
            .filter(|(header, need)| *header == "Requires-Dist" && !need.contains("extra =="))
            .filter_map(|(_, need)| name(need))
            .filter(|need| *need != own)
            .collect();
        let title = format!("{own} {}", find("Version").unwrap_or_default().trim());
        let files = record
            .lines()
            .filter_map(|line| {
                let path = match line.strip_prefix('"') {
                    Some(quoted) => quoted.split('"').next()?,
                    None => line.split(',').next()?,
                };
                let path = PathBuf::from(path);
                let inside = path
                    .components()
                    .all(|part| matches!(part, Component::Normal(_)));
                (inside && path.file_name().is_some()).then_some(path)
            })
            .collect();
        Some((
            own,
            Self {
                title,
                needs,
                files,
            },
        ))
    }
}

/// Says of native code that there is no place for it.
fn refusal(what: &str) -> Error {
    Error::Agent(format!(
        "the zip brings native code: {what}. A cell runs no machine code; of native packages it has its own pydantic-core, \
         rpds-py and PyYAML for agents on bedrock-agentcore and Strands. Use packages in pure Python instead"
    ))
}

fn is_native(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    [".so", ".pyd", ".dylib", ".dll"]
        .iter()
        .any(|ending| name.ends_with(ending))
        || name.contains(".so.")
}

/// Gives a file that may be there another place.
fn relocate(from: &Path, to: &Path) -> Result<()> {
    if !from.is_file() {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
    }
    fs::rename(from, to).map_err(Error::file("move", from))
}

fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = || Error::file("read", folder);
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed())? {
        paths.push(entry.map_err(failed())?.path());
    }
    paths.sort();
    Ok(paths)
}

/// All files below a folder.
fn walk(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in list(&folder)? {
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests;
