use std::fs::OpenOptions;
use std::io::Seek as _;
use std::os::unix::fs::{chown, symlink};
use std::os::unix::net::UnixListener;

use rustix::fs::FileType;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::sandbox::Program;
use crate::sandbox::tests::stage::{ECHO, Guest, PROBE, START, Session, Stage};

const MEMORY_MIB: u32 = 256;

/// What a page of the disk and of the processor has.
const PAGE: usize = 4_096;

/// A folder with one program in it.
struct Kept {
    folder: TempDir,
    programs: Programs,
    digest: Digest,
}

fn key(number: u8) -> ProgramKey {
    ProgramKey::new(&[number; 32])
}

impl Kept {
    async fn of(program: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let programs = Programs::of(folder.path().into(), &key(1), MEMORY_MIB, EDITION, &[1; 32]);
        let kept = Self {
            folder,
            programs,
            digest: Digest::of(b"a component"),
        };
        let fresh = kept.programs.take(&kept.digest, &file(program)).unwrap();
        fresh.name.give().await.unwrap();
        kept
    }

    fn path(&self) -> PathBuf {
        self.programs.path(&self.digest)
    }

    fn found(&self) -> bool {
        self.programs.find(&self.digest).unwrap().is_some()
    }

    /// What is in its place is not taken, and does not stay.
    fn refuses(&self, what: &str) {
        assert!(!self.found(), "{what} is taken for a program");
        let left = fs::symlink_metadata(self.path());
        assert!(left.is_err(), "{what} stays: {left:?}");
    }

    /// Puts bytes in its place, as good a file as they can have.
    fn put(&self, bytes: &[u8]) {
        let _ = clear(&self.path());
        fs::write(self.path(), bytes).unwrap();
        fs::set_permissions(self.path(), fs::Permissions::from_mode(0o600)).unwrap();
    }
}

/// A file with these bytes, as a child leaves it.
fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

/// Bytes that are not alike.
fn bytes(length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect()
}

fn compiled(guest: &Guest) -> Vec<u8> {
    crate::sandbox::compile(&guest.component(), MEMORY_MIB).unwrap()
}

/// U15.
#[tokio::test]
async fn u15_a_program_with_one_bit_changed_anywhere_is_not_taken() {
    let kept = Kept::of(&compiled(&ECHO)).await;
    let good = fs::read(kept.path()).unwrap();
    assert!(kept.found());
    let pages = good.len() / PAGE;
    assert!(pages > 10, "{pages} pages");
    let places = (0..pages)
        .map(|page| page * PAGE + page * 977 % PAGE)
        // All of the seal, and the last of the program.
        .chain(good.len() - SEAL - 1..good.len());
    for (number, at) in places.enumerate() {
        let mut bad = good.clone();
        bad[at] ^= 1 << (number % 8);
        kept.put(&bad);
        kept.refuses(&format!("a program with a bit of byte {at} changed"));
    }
    kept.put(&good);
    assert!(kept.found(), "what is good is taken again");
}

#[tokio::test]
async fn u15_a_program_that_is_cut_or_longer_is_not_taken() {
    let kept = Kept::of(&bytes(5 * PAGE + 17)).await;
    let good = fs::read(kept.path()).unwrap();
    let pages = (0..good.len()).step_by(PAGE);
    for length in pages.chain([1, SEAL - 1, SEAL, SEAL + 1, good.len() - 1]) {
        kept.put(&good[..length]);
        kept.refuses(&format!("{length} bytes of a program"));
    }
    kept.put(&[&good[..], &[0]].concat());
    kept.refuses("a program with a byte more");
    // The seal in its new place, and a byte before it that is none of the program.
    let (program, seal) = good.split_at(good.len() - SEAL);
    kept.put(&[program, &[0], seal].concat());
    kept.refuses("a program with a byte more before its seal");
}

/// U16.
#[tokio::test]
async fn u16_a_program_of_another_engine_edition_or_key_is_not_taken() {
    let kept = Kept::of(&bytes(3 * PAGE)).await;
    let good = fs::read(kept.path()).unwrap();
    let of = |key, memory_mib, edition, compatibility| {
        let folder = kept.folder.path().to_owned();
        Programs::of(folder, &key, memory_mib, edition, &compatibility)
    };
    let others = [
        (
            "of another engine",
            of(key(1), MEMORY_MIB, EDITION, [2; 32]),
        ),
        (
            "of another edition",
            of(key(1), MEMORY_MIB, EDITION + 1, [1; 32]),
        ),
        (
            "of another memory limit",
            of(key(1), MEMORY_MIB / 2, EDITION, [1; 32]),
        ),
        (
            "sealed with another key",
            of(key(2), MEMORY_MIB, EDITION, [1; 32]),
        ),
    ];
    for (what, programs) in others {
        let other = Kept {
            folder: tempfile::tempdir().unwrap(),
            programs,
            digest: kept.digest.clone(),
        };
        other.put(&good);
        other.refuses(what);
    }
    let other = Digest::of(b"another component");
    fs::write(kept.programs.path(&other), &good).unwrap();
    assert!(
        kept.programs.find(&other).unwrap().is_none(),
        "a program is taken for that of another component"
    );
    let same = of(key(1), MEMORY_MIB, EDITION, [1; 32]);
    kept.put(&good);
    assert!(same.find(&kept.digest).unwrap().is_some());
}

/// U17.
#[tokio::test]
async fn u17_what_is_no_file_of_the_servers_own_is_not_taken() {
    let kept = Kept::of(&bytes(3 * PAGE)).await;
    let good = fs::read(kept.path()).unwrap();
    let path = kept.path();
    let aside = kept.folder.path().join("aside");
    let set_aside = || {
        kept.put(&good);
        fs::rename(&path, &aside).unwrap();
    };

    set_aside();
    symlink(&aside, &path).unwrap();
    kept.refuses("a symbolic link to a good program");
    assert_eq!(fs::read(&aside).unwrap(), good, "where it led is untouched");
    symlink("nowhere", &path).unwrap();
    kept.refuses("a symbolic link to nowhere");

    fs::hard_link(&aside, &path).unwrap();
    kept.refuses("a good program that has another name");
    assert_eq!(
        fs::read(&aside).unwrap(),
        good,
        "the other name is untouched"
    );

    // Nobody ever writes to it: who waits for that waits for ever.
    let mode = Mode::RUSR | Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &path, FileType::Fifo, mode, 0).unwrap();
    kept.refuses("a pipe");

    drop(UnixListener::bind(&path).unwrap());
    kept.refuses("a socket");

    fs::create_dir(&path).unwrap();
    fs::write(path.join("inside"), &good).unwrap();
    kept.refuses("a folder");

    for mode in [0o620, 0o602, 0o666, 0o777] {
        kept.put(&good);
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        kept.refuses(&format!("a program of mode {mode:o}"));
    }

    // Only root can give a file away.
    kept.put(&good);
    if chown(&path, Some(12_345), None).is_ok() {
        kept.refuses("another user's file");
    }

    kept.put(&good);
    assert!(kept.found(), "what is good is taken again");
}

async fn count(sandbox: Sandbox, program: Program) -> serde_json::Value {
    let stage = Stage { sandbox, program };
    let mut session: Session = stage.session(1).await;
    session
        .turn(&json!({ "do": "count" }), START, 1)
        .await
        .json()
}

#[tokio::test]
async fn u17_what_was_checked_is_what_runs_whatever_has_the_name_by_then() {
    let kept = Kept::of(&compiled(&PROBE)).await;
    let sandbox = Sandbox::new(Stage::limits()).unwrap();
    let found = kept.programs.find(&kept.digest).unwrap().unwrap();
    // Between the check and the mapping another program gets the name.
    let other = kept.folder.path().join("other");
    fs::write(&other, compiled(&ECHO)).unwrap();
    fs::rename(&other, kept.path()).unwrap();
    let program = sandbox.load(found.file()).unwrap();
    assert_eq!(count(sandbox, program).await, 1);
    kept.refuses("the other program");
}

#[tokio::test]
async fn u17_what_a_child_still_writes_changes_no_program() {
    let made = compiled(&PROBE);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("output");
    fs::write(&path, &made).unwrap();
    let mut still_open = OpenOptions::new().write(true).open(&path).unwrap();
    let kept = Kept::of(b"another").await;
    let taken = kept
        .programs
        .take(&kept.digest, &File::open(&path).unwrap())
        .unwrap();
    // As somebody would that the child left behind.
    still_open.rewind().unwrap();
    still_open.write_all(&bytes(made.len())).unwrap();
    still_open.sync_all().unwrap();
    taken.name.give().await.unwrap();
    let found = kept.programs.find(&kept.digest).unwrap().unwrap();
    let sandbox = Sandbox::new(Stage::limits()).unwrap();
    let program = sandbox.load(found.file()).unwrap();
    assert_eq!(count(sandbox, program).await, 1);
}

#[test]
fn a_program_without_a_name_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let programs = Programs::of(folder.path().into(), &key(1), MEMORY_MIB, EDITION, &[1; 32]);
    let digest = Digest::of(b"a component");
    let fresh = programs.take(&digest, &file(&bytes(PAGE))).unwrap();
    assert!(programs.find(&digest).unwrap().is_none());
    drop(fresh);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
