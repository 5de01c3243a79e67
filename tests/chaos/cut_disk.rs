//! A disk as it is after a power cut: it has what it was told to keep, and of what was written later any of the sectors.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::dice::Dice;

const SECTOR: usize = 512;

/// Something that a server did, in the order in which `strace` saw it.
#[derive(Debug, Clone)]
pub(super) enum Event {
    Create(PathBuf),
    /// None: behind what was written before.
    Write(PathBuf, Option<usize>, Vec<u8>),
    Truncate(PathBuf, usize),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
    /// A file or a folder was given to the disk, and the disk said so.
    Sync(PathBuf),
    /// Something was said on a socket.
    Sent(Vec<u8>),
}

/// The calls that must be watched, and how: with all that is written, as hexadecimal numbers.
pub(super) const WATCH: [&str; 6] = [
    "-y",
    "-xx",
    "-s",
    "16777216",
    "-e",
    "trace=pwrite64,write,ftruncate,fsync,fdatasync,?rename,renameat,renameat2,?unlink,unlinkat,openat,writev,sendto,sendmsg",
];

/// Reads what `strace` wrote of a server that works in this folder.
pub(super) fn events(written: &str, folder: &Path) -> Vec<Event> {
    let mut begun: BTreeMap<&str, &str> = BTreeMap::new();
    let mut events = Vec::new();
    for line in written.lines() {
        let Some((thread, call)) = line.split_once(' ') else {
            continue;
        };
        let call = call.trim_start();
        let (call, is_begin) = match call.strip_suffix(" <unfinished ...>") {
            Some(call) => (call, true),
            None => (call, false),
        };
        // What is written may be on the disk as soon as the call begins; what is synced only when it has ended well.
        if call.starts_with("<... ") {
            let began = begun.remove(thread).unwrap_or_default();
            if began.starts_with('f') && began.contains("sync(") && call.ends_with("= 0") {
                events.extend(event(began, folder));
            }
        } else if call.contains("sync(") {
            if is_begin {
                begun.insert(thread, call);
            } else if call.ends_with("= 0") {
                events.extend(event(call, folder));
            }
        } else {
            events.extend(event(call, folder));
        }
    }
    events
}

fn event(call: &str, folder: &Path) -> Option<Event> {
    let (name, arguments) = call.split_once('(')?;
    let mut texts = texts(arguments).into_iter();
    // Descriptors are shown with whole paths; what is named may be named from where the server works.
    let mut path = || Some(folder.join(String::from_utf8(texts.next()?).ok()?));
    Some(match name {
        "openat" => {
            let (_, path) = (path()?, path()?);
            return arguments.contains("O_CREAT").then_some(Event::Create(path));
        }
        "fsync" | "fdatasync" => Event::Sync(path()?),
        "ftruncate" => {
            let length = arguments.split(", ").nth(1)?.split(')').next()?;
            Event::Truncate(path()?, length.parse().ok()?)
        }
        "rename" => Event::Rename(path()?, path()?),
        "renameat" | "renameat2" => {
            let (_, from, _, to) = (path()?, path()?, path()?, path()?);
            Event::Rename(from, to)
        }
        "unlink" => Event::Remove(path()?),
        "unlinkat" => {
            let (_, path) = (path()?, path()?);
            Event::Remove(path)
        }
        "pwrite64" => {
            let path = path()?;
            let offset = arguments.rsplit("\", ").next()?.split(", ").nth(1)?;
            let offset = offset.split(')').next()?.parse().ok()?;
            Event::Write(path, Some(offset), texts.next()?)
        }
        _ => {
            let target = texts.next()?;
            let bytes = texts.flatten().collect();
            match target.first() {
                Some(b'/') => Event::Write(String::from_utf8(target).ok()?.into(), None, bytes),
                _ => Event::Sent(bytes),
            }
        }
    })
}

/// All that stands there as hexadecimal numbers.
fn texts(arguments: &str) -> Vec<Vec<u8>> {
    let mut texts = Vec::new();
    let mut rest = arguments.as_bytes();
    let mut text = Vec::new();
    loop {
        match rest {
            [b'\\', b'x', high, low, ..] => {
                let digit = |digit: &u8| char::from(*digit).to_digit(16).unwrap_or_default() as u8;
                text.push(digit(high) << 4 | digit(low));
                rest = &rest[4..];
            }
            [_, ..] => {
                if !text.is_empty() {
                    texts.push(std::mem::take(&mut text));
                }
                rest = &rest[1..];
            }
            [] => break,
        }
    }
    if !text.is_empty() {
        texts.push(text);
    }
    texts
}

/// A change of a file that the disk may have or not.
#[derive(Debug, Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

/// A change of a folder.
#[derive(Debug, Clone)]
enum Naming {
    Name(PathBuf, usize),
    Forget(PathBuf),
}

#[derive(Debug, Clone, Default)]
struct File {
    kept: Vec<u8>,
    changes: Vec<Change>,
    /// Where the next write goes that names no place.
    end: usize,
}

/// The files below one folder.
#[derive(Debug, Clone)]
pub(super) struct Disk {
    root: PathBuf,
    files: Vec<File>,
    /// As running programs see them, and as the disk has them.
    names: BTreeMap<PathBuf, usize>,
    kept: BTreeMap<PathBuf, usize>,
    /// In their order, which file systems keep.
    namings: Vec<Naming>,
}

impl Disk {
    /// What is in the folder now, all of it kept.
    pub(super) fn of(root: &Path) -> Self {
        let mut disk = Self {
            root: root.to_owned(),
            files: Vec::new(),
            names: BTreeMap::new(),
            kept: BTreeMap::new(),
            namings: Vec::new(),
        };
        for folder in [root.to_owned(), root.join("bodies")] {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                // The index of the log is no file but memory that processes share.
                if path.is_file() && !path.to_string_lossy().ends_with("-shm") {
                    let kept = fs::read(&path).unwrap();
                    disk.names.insert(path, disk.files.len());
                    disk.files.push(File {
                        end: kept.len(),
                        kept,
                        changes: Vec::new(),
                    });
                }
            }
        }
        disk.kept.clone_from(&disk.names);
        disk
    }

    pub(super) fn apply(&mut self, event: &Event) {
        match event {
            Event::Create(path) => {
                if path.starts_with(&self.root) && !self.names.contains_key(path) {
                    self.files.push(File::default());
                    self.name(path.clone(), self.files.len() - 1);
                }
            }
            Event::Write(path, offset, bytes) => {
                if let Some(file) = self.file(path) {
                    let offset = offset.unwrap_or(file.end);
                    file.end = offset + bytes.len();
                    file.changes.push(Change::Write(offset, bytes.clone()));
                }
            }
            Event::Truncate(path, length) => {
                if let Some(file) = self.file(path) {
                    file.changes.push(Change::Truncate(*length));
                }
            }
            Event::Rename(from, to) => {
                if let Some(file) = self.names.remove(from) {
                    self.namings.push(Naming::Forget(from.clone()));
                    self.name(to.clone(), file);
                }
            }
            Event::Remove(path) => {
                if self.names.remove(path).is_some() {
                    self.namings.push(Naming::Forget(path.clone()));
                }
            }
            Event::Sync(path) => {
                if let Some(file) = self.file(path) {
                    for change in std::mem::take(&mut file.changes) {
                        keep(&mut file.kept, &change);
                    }
                } else if path.starts_with(&self.root) {
                    for naming in std::mem::take(&mut self.namings) {
                        self.keep_naming(naming);
                    }
                }
            }
            Event::Sent(_) => {}
        }
    }

    fn file(&mut self, path: &Path) -> Option<&mut File> {
        self.names.get(path).map(|file| &mut self.files[*file])
    }

    fn name(&mut self, path: PathBuf, file: usize) {
        self.names.insert(path.clone(), file);
        self.namings.push(Naming::Name(path, file));
    }

    fn keep_naming(&mut self, naming: Naming) {
        match naming {
            Naming::Name(path, file) => self.kept.insert(path, file),
            Naming::Forget(path) => self.kept.remove(&path),
        };
    }

    /// Cuts the power: of all that the disk was not told to keep, it has some.
    pub(super) fn cut(mut self, dice: &mut Dice) -> Self {
        let namings = std::mem::take(&mut self.namings);
        let known = dice.index(namings.len() + 1);
        for naming in namings.into_iter().take(known) {
            self.keep_naming(naming);
        }
        // Nearly nothing, nearly all, or anything between.
        let percent = [5, 50, 95][dice.index(3)];
        for file in &mut self.files {
            for change in std::mem::take(&mut file.changes) {
                for part in sectors(change) {
                    if dice.percent(percent) {
                        keep(&mut file.kept, &part);
                    }
                }
            }
        }
        self
    }

    /// Puts the files there that the disk has, and no others.
    pub(super) fn write(&self) {
        fs::remove_dir_all(&self.root).unwrap();
        fs::create_dir_all(self.root.join("bodies")).unwrap();
        for (path, file) in &self.kept {
            let written = fs::write(path, &self.files[*file].kept);
            written.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }
}

fn sectors(change: Change) -> Vec<Change> {
    let Change::Write(offset, bytes) = change else {
        return vec![change];
    };
    let mut parts = Vec::new();
    let (mut at, mut rest) = (offset, &bytes[..]);
    while !rest.is_empty() {
        let (part, behind) = rest.split_at(rest.len().min(SECTOR - at % SECTOR));
        parts.push(Change::Write(at, part.to_vec()));
        (at, rest) = (at + part.len(), behind);
    }
    parts
}

fn keep(kept: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Write(offset, bytes) => {
            let end = offset + bytes.len();
            if kept.len() < end {
                kept.resize(end, 0);
            }
            kept[*offset..end].copy_from_slice(bytes);
        }
        Change::Truncate(length) => kept.resize(*length, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_strace_writes_is_read_as_it_was_done() {
        let written = "7 pwrite64(3<\\x2f\\x61>, \"\\x78\\x22\", 2, 7 <unfinished ...>\n\
                       8 fsync(4<\\x2f\\x62> <unfinished ...>\n\
                       7 <... pwrite64 resumed>) = 2\n\
                       8 <... fsync resumed>) = 0\n\
                       8 fdatasync(4<\\x2f\\x62>) = -1 EIO (Input/output error) (INJECTED)\n\
                       7 rename(\"\\x2f\\x61\", \"\\x2f\\x63\") = 0\n\
                       7 writev(5<\\x73>, [{iov_base=\"\\x31\", iov_len=1}, {iov_base=\"\\x32\", iov_len=1}], 2) = 2\n";
        let told: Vec<String> = events(written, Path::new("/"))
            .iter()
            .map(|event| format!("{event:?}"))
            .collect();
        let expected = [
            "Write(\"/a\", Some(7), [120, 34])",
            "Sync(\"/b\")",
            "Rename(\"/a\", \"/c\")",
            "Sent([49, 50])",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn what_was_synced_stays_and_what_was_not_may_go_by_sectors() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir(root.join("bodies")).unwrap();
        let path = root.join("file");
        fs::write(&path, [0; 2 * SECTOR]).unwrap();
        let mut disk = Disk::of(root);
        let write =
            |offset: usize, byte: u8| Event::Write(path.clone(), Some(offset), vec![byte; SECTOR]);
        disk.apply(&write(0, 1));
        disk.apply(&Event::Sync(path.clone()));
        disk.apply(&Event::Write(path.clone(), Some(0), vec![2; 2 * SECTOR]));
        let mut dice = Dice::of("sectors");
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..200 {
            disk.clone().cut(&mut dice).write();
            let bytes = fs::read(&path).unwrap();
            seen.insert((bytes[0], bytes[SECTOR]));
        }
        assert_eq!(seen, [(1, 0), (1, 2), (2, 0), (2, 2)].into());
    }
}
