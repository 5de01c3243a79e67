//! Zips, as strangers send them: bounded before anything is unpacked, and no name in one leads out of it.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use zip::read::{ArchiveOffset, Config};
use zip::{CompressionMethod, ZipArchive};

/// The most entries of a zip. Agents with all their libraries have some thousands.
const MOST_ENTRIES: usize = 20_000;

/// As many names are told when there is a choice.
const TOLD: usize = 10;

/// How a component begins; a core module has another layer.
const COMPONENT: [u8; 8] = *b"\0asm\x0d\0\x01\0";

/// A zip within its bounds.
pub struct Archive<R> {
    zip: ZipArchive<R>,
    /// Of the entries, in their order; none for folders.
    names: Vec<Option<String>>,
}

/// What a zip has for a version: the number of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// A component.
    Component(usize),
    /// The file where a program begins.
    Source(usize),
}

impl<R: Read + Seek> Archive<R> {
    /// Opens a zip of which no more than `limit` bytes would be unpacked. An error is words for its owner.
    pub fn open(mut file: R, limit: u64) -> Result<Self, String> {
        check_count(&mut file)?;
        let config = Config {
            archive_offset: ArchiveOffset::Known(0),
        };
        let zip = ZipArchive::with_config(config, file).map_err(|error| broken(&error))?;
        if zip.has_duplicate_names() {
            return Err("the zip has two entries with one name".to_owned());
        }
        let metadata = zip.metadata();
        let mut names = Vec::with_capacity(zip.len());
        let mut sum: u64 = 0;
        for number in 0..zip.len() {
            let entry = metadata.entry(number).map_err(|error| broken(&error))?;
            let name = entry.name().map_err(|error| broken(&error))?.into_owned();
            if !stays_inside(&name) {
                return Err(format!(
                    "the zip's entry {name:?} has a name that leads out of it"
                ));
            }
            if entry.encrypted() {
                return Err(format!("the zip's entry {name:?} is encrypted"));
            }
            let kind = entry.unix_mode().map_or(0, |mode| mode & 0o170_000);
            if entry.is_symlink() || !matches!(kind, 0 | 0o100_000 | 0o040_000) {
                return Err(format!(
                    "the zip's entry {name:?} is a link or a device; only files and folders are taken"
                ));
            }
            let method = entry.compression();
            if !matches!(
                method,
                CompressionMethod::Stored | CompressionMethod::Deflated
            ) {
                return Err(format!(
                    "the zip's entry {name:?} is compressed by {method:?}; only Stored and Deflated are known"
                ));
            }
            sum = sum.saturating_add(entry.size());
            names.push((!entry.is_dir()).then_some(name));
        }
        if sum > limit {
            return Err(format!(
                "the zip has {sum} bytes unpacked, and at most {} MiB are taken",
                limit >> 20
            ));
        }
        Ok(Self { zip, names })
    }

    /// What an entry point means in this zip; without one, the component in it.
    pub fn choose(&mut self, entry: Option<&str>) -> Result<Choice, String> {
        let mut components = Vec::new();
        for number in 0..self.names.len() {
            if self.is_component(number)? {
                components.push(number);
            }
        }
        let named = entry.and_then(|entry| {
            let entry = entry.trim_start_matches("./");
            self.names
                .iter()
                .position(|name| name.as_deref() == Some(entry))
        });
        match (named, &components[..]) {
            (Some(named), components) if components.contains(&named) => {
                Ok(Choice::Component(named))
            }
            (Some(named), _) => Ok(Choice::Source(named)),
            (None, [only]) => Ok(Choice::Component(*only)),
            (None, []) => Err(match entry {
                Some(entry) => {
                    format!("the zip holds neither a component nor the entry point {entry:?}")
                }
                None => "the zip holds no component".to_owned(),
            }),
            (None, several) => {
                let names: Vec<&str> = several
                    .iter()
                    .take(TOLD)
                    .filter_map(|number| self.names[*number].as_deref())
                    .collect();
                Err(format!(
                    "the zip holds {} components, and entryPoint names none of them: {}",
                    several.len(),
                    names.join(", ")
                ))
            }
        }
    }

    /// The name of an entry.
    pub fn name(&self, number: usize) -> &str {
        self.names
            .get(number)
            .and_then(Option::as_deref)
            .unwrap_or_default()
    }

    /// How many bytes an entry holds, as it says itself.
    pub fn size(&self, number: usize) -> u64 {
        let metadata = self.zip.metadata();
        metadata.entry(number).map_or(0, |entry| entry.size())
    }

    /// Writes what an entry holds.
    pub fn copy(&mut self, number: usize, to: &mut impl Write) -> Result<(), String> {
        let name = self.name(number).to_owned();
        let entry = self.zip.by_index(number).map_err(|error| broken(&error))?;
        let size = entry.size();
        // The sum was counted by what the entries say of themselves.
        let written = io::copy(&mut entry.take(size + 1), to)
            .map_err(|error| format!("the zip's entry {name:?} cannot be unpacked: {error}"))?;
        if written == size {
            Ok(())
        } else {
            Err(format!(
                "the zip's entry {name:?} is not as large as it says"
            ))
        }
    }

    /// Writes all entries below a folder that nobody else writes to.
    pub fn unpack(&mut self, folder: &Path) -> Result<(), String> {
        let failed = |error: io::Error| format!("the zip cannot be unpacked: {}", error.kind());
        for number in 0..self.names.len() {
            let Some(name) = self.names[number].clone() else {
                continue;
            };
            let path = folder.join(&name);
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent).map_err(failed)?;
            }
            // An entry below another that is a file, and such.
            let mut file = std::fs::File::create_new(&path).map_err(|error| {
                format!(
                    "the zip's entry {name:?} cannot be unpacked: {}",
                    error.kind()
                )
            })?;
            self.copy(number, &mut file)?;
        }
        Ok(())
    }

    fn is_component(&mut self, number: usize) -> Result<bool, String> {
        if !self.name(number).ends_with(".wasm") {
            return Ok(false);
        }
        let mut entry = self.zip.by_index(number).map_err(|error| broken(&error))?;
        let mut beginning = [0; COMPONENT.len()];
        Ok(entry.read_exact(&mut beginning).is_ok() && beginning == COMPONENT)
    }
}

/// Whether a file begins as zips do.
pub fn is_zip(beginning: &[u8]) -> bool {
    beginning.starts_with(b"PK\x03\x04") || beginning.starts_with(b"PK\x05\x06")
}

/// Counts the entries by the record at the end, before a list of them is made. The record may be anywhere in the last 64 KiB,
/// and bytes there may look like one; none may promise too many.
fn check_count(file: &mut (impl Read + Seek)) -> Result<(), String> {
    const RECORD: usize = 22;
    const LOCATOR: usize = 20;

    let failed = |error: io::Error| format!("the zip cannot be read: {}", error.kind());
    let end = file.seek(SeekFrom::End(0)).map_err(failed)?;
    let tail = end.min((1 << 16) + RECORD as u64 + LOCATOR as u64);
    file.seek(SeekFrom::Start(end - tail)).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(tail).read_to_end(&mut bytes).map_err(failed)?;
    for (at, window) in bytes.windows(RECORD).enumerate() {
        if !window.starts_with(b"PK\x05\x06") {
            continue;
        }
        let entries = usize::from(u16::from_le_bytes([window[10], window[11]]));
        let wide = at
            .checked_sub(LOCATOR)
            .is_some_and(|at| bytes[at..].starts_with(b"PK\x06\x07"));
        if entries > MOST_ENTRIES || wide {
            return Err(format!(
                "the zip is one for more than 65,535 entries, or has more than the {MOST_ENTRIES} that are taken"
            ));
        }
    }
    Ok(())
}

/// Whether a name is a path below where it is unpacked, on every system, and with no two ways to say it.
fn stays_inside(name: &str) -> bool {
    let name = name.strip_suffix('/').unwrap_or(name);
    name.len() <= 1_024
        && !name.contains(['\\', '\0', ':'])
        && name
            .split('/')
            .all(|part| !matches!(part, "" | "." | "..") && part.len() <= 255)
}

fn broken(error: &zip::result::ZipError) -> String {
    format!("the zip cannot be read: {error}")
}

#[cfg(test)]
mod tests;
