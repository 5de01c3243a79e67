//! Disks that are full, and disks that fail: nothing is acknowledged that is not there, and nothing is guessed afterwards.

use std::fs::File;
use std::io;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures::FutureExt;
use rusqlite::{Connection, ffi};

use super::fixtures::*;
use crate::journal::sqlite::testing::{TestDisk, TestRealDisk};
use crate::journal::{Durability, Error, Record};

/// The disk of the machine, with switches.
#[derive(Clone, Default)]
pub(super) struct Faulty {
    pub(super) commits_fail: Arc<AtomicBool>,
    pub(super) syncs_fail: Arc<AtomicBool>,
    pub(super) syncs: Arc<AtomicU64>,
    /// Commits until one finds the disk full; 0 for never.
    pub(super) full_in: Arc<AtomicU64>,
    /// What the last commit asked of the disk: 1 nothing, 2 to be synced.
    pub(super) synchronous: Arc<AtomicU64>,
}

impl TestDisk for Faulty {
    fn commit(&self, connection: &Connection) -> Result<(), rusqlite::Error> {
        if self.commits_fail.load(Ordering::SeqCst) {
            let code = ffi::Error::new(ffi::SQLITE_IOERR_FSYNC);
            return Err(rusqlite::Error::SqliteFailure(code, None));
        }
        let asked: u8 = connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
        self.synchronous.store(asked.into(), Ordering::SeqCst);
        let left = self.full_in.load(Ordering::SeqCst);
        self.full_in.store(left.saturating_sub(1), Ordering::SeqCst);
        if left == 1 {
            let code = ffi::Error::new(ffi::SQLITE_FULL);
            return Err(rusqlite::Error::SqliteFailure(code, None));
        }
        TestRealDisk.commit(connection)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::SeqCst);
        if self.syncs_fail.load(Ordering::SeqCst) {
            return Err(io::Error::other("injected"));
        }
        TestRealDisk.sync(file)
    }
}

#[tokio::test]
async fn a_full_disk_refuses_and_goes_on_when_there_is_room() {
    let mut place = Place::new();
    place.config.inline_kib = 1_024;
    let (journal, store) = place.open_store();
    let writer = begin(&journal, &key(1)).await;
    let other = begin(&journal, &key(2)).await;
    write(&writer, &[accepted(1, "a"), finished(1, "b")]).await;
    store
        .visit(|connection| {
            let pages: i64 = connection
                .pragma_query_value(None, "page_count", |row| row.get(0))
                .unwrap();
            let sql = format!("PRAGMA max_page_count = {}", pages + 2);
            connection.query_row(&sql, [], |_| Ok(())).unwrap();
        })
        .await
        .unwrap();

    // In one batch with what is too large stands what would fit, and behind it what depends on it.
    let release = store.hold().await;
    let large = vec![b'x'; 200_000];
    let too_large = writer.append(&accepted(2, large.clone())).await.unwrap();
    let small = other.append(&accepted(1, "c")).await.unwrap();
    drop(release);
    assert!(matches!(
        too_large_error(small.durable().await),
        Error::Write(_)
    ));
    // Not told of the first yet: what comes now would leave a hole.
    let behind = writer.append(&finished(2, "d")).await.unwrap();
    assert!(matches!(
        too_large_error(behind.durable().await),
        Error::Behind
    ));
    assert!(matches!(
        too_large_error(too_large.durable().await),
        Error::Write(_)
    ));
    // Reading goes on.
    assert!(
        journal
            .answer(&key(1), &invocation(1))
            .await
            .unwrap()
            .is_some()
    );

    store
        .visit(|connection| {
            let sql = "PRAGMA max_page_count = 1000000";
            connection.query_row(sql, [], |_| Ok(())).unwrap();
        })
        .await
        .unwrap();
    write(&writer, &[accepted(2, large.clone()), finished(2, "e")]).await;
    write(&other, &[accepted(1, "c")]).await;
    drop((writer, other));
    let expected = whole(&[
        accepted(1, "a"),
        finished(1, "b"),
        accepted(2, large),
        finished(2, "e"),
    ]);
    assert_eq!(load(&journal, &key(1)).await.unwrap(), expected);
    assert_eq!(
        load(&journal, &key(2)).await.unwrap(),
        whole(&[accepted(1, "c")])
    );
}

fn too_large_error(result: Result<(), Error>) -> Error {
    result.expect_err("nothing fits any more")
}

#[tokio::test]
async fn the_log_stays_bounded() {
    let mut place = Place::new();
    place.config.wal_mib = 1;
    let journal = place.open();
    let writer = begin(&journal, &key(1)).await;
    write(&writer, &[accepted(1, "go")]).await;
    let piece = "x".repeat(2_000);
    let mut written = 0;
    for call in 1..=8_000 {
        let pending = writer.append(&observed(1, call, &piece)).await.unwrap();
        written += piece.len();
        // Some alone, some in groups.
        if call % 20 < 10 {
            pending.durable().await.unwrap();
        }
    }
    drop(writer);
    assert_eq!(load(&journal, &key(1)).await.unwrap().len(), 8_002);
    let log = place
        .path()
        .join("journal.db-wal")
        .metadata()
        .unwrap()
        .len();
    assert!(written > 15 << 20 && log < 4 << 20, "{log} of {written}");
}

#[tokio::test]
async fn a_row_in_the_way_of_one_session_does_not_stop_the_others() {
    let place = Place::new();
    let (journal, store) = place.open_store();
    let blocked = begin(&journal, &key(1)).await;
    let other = begin(&journal, &key(2)).await;
    let row = "INSERT INTO records (session, seq, format, size, text, link) VALUES (1, 2, 1, 1, 'x', x'00')";
    place.surgery().execute(row, []).unwrap();
    let release = store.hold().await;
    let first = blocked.append(&accepted(1, "a")).await.unwrap();
    let second = other.append(&accepted(1, "b")).await.unwrap();
    let third = blocked.append(&observed(1, 1, "c")).await.unwrap();
    drop(release);
    assert!(matches!(first.durable().await, Err(Error::Write(_))));
    second.durable().await.unwrap();
    assert!(matches!(third.durable().await, Err(Error::Behind)));
    drop((blocked, other));
    assert_eq!(
        load(&journal, &key(2)).await.unwrap(),
        whole(&[accepted(1, "b")])
    );
    assert!(matches!(
        load(&journal, &key(1)).await,
        Err(Error::Damaged { .. })
    ));
}

#[tokio::test]
async fn after_a_failed_fsync_nothing_is_written_until_the_restart() {
    let place = Place::new();
    let disk = Faulty::default();
    let (journal, _store) = place.open_on(Arc::new(disk.clone()));
    let writer = journal
        .begin(&key(1), started(), Durability::Power)
        .await
        .unwrap();
    write(&writer, &[accepted(1, "a")]).await;
    disk.commits_fail.store(true, Ordering::SeqCst);
    let lost = writer.append(&finished(1, "b")).await.unwrap();
    assert!(matches!(lost.durable().await, Err(Error::Refusing(_))));

    // The disk seems well again, but what it holds is not known.
    disk.commits_fail.store(false, Ordering::SeqCst);
    let again = writer.append(&finished(1, "b")).await.unwrap();
    assert!(matches!(again.durable().await, Err(Error::Refusing(_))));
    let begun = journal.begin(&key(2), started(), Durability::Process).await;
    assert!(matches!(begun, Err(Error::Refusing(_))), "{begun:?}");
    let compacted = journal.compact(NOON + Duration::from_secs(1 << 30)).await;
    assert!(matches!(compacted, Err(Error::Refusing(_))));
    // Reading goes on.
    drop(writer);
    assert_eq!(
        load(&journal, &key(1)).await.unwrap(),
        whole(&[accepted(1, "a")])
    );

    journal.close().await;
    let journal = place.open();
    let live = journal.load(&key(1)).await.unwrap().live.unwrap();
    write(&live.writer, &[finished(1, "b")]).await;
}

#[tokio::test]
async fn a_file_is_synced_for_power_only_and_its_failure_counts() {
    let place = Place::new();
    let disk = Faulty::default();
    let (journal, _store) = place.open_on(Arc::new(disk.clone()));
    let large = "x".repeat(10_000);
    let process = begin(&journal, &key(1)).await;
    write(&process, &[accepted(1, &*large)]).await;
    assert_eq!(disk.syncs.load(Ordering::SeqCst), 0);
    let power = journal
        .begin(&key(2), started(), Durability::Power)
        .await
        .unwrap();
    // The same text: its file is there, but was never synced.
    write(&power, &[accepted(1, &*large)]).await;
    assert_eq!(
        disk.syncs.load(Ordering::SeqCst),
        2,
        "the file and its folder"
    );
    disk.syncs_fail.store(true, Ordering::SeqCst);
    let lost = power.append(&finished(1, &*large)).await.unwrap();
    assert!(matches!(lost.durable().await, Err(Error::Refusing(_))));
}

/// The system refuses to let files grow: `RLIMIT_FSIZE`, set by a shell for a child that runs the test below.
#[test]
fn a_file_size_limit_refuses_and_loses_nothing() {
    let place = Place::new();
    let program = std::env::current_exe().unwrap();
    // In blocks of 512 bytes. Without the trap the signal would kill.
    let script = "trap '' XFSZ; ulimit -f 1500; exec \"$0\" --exact \"$1\" --ignored --nocapture --test-threads=1";
    let output = Command::new("sh")
        .args(["-c", script])
        .arg(program)
        .arg("journal::tests::disk::a_child_that_writes_until_it_is_refused")
        .env("KELLION_TEST_JOURNAL", place.path())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let acknowledged = text
        .lines()
        .find_map(|line| line.split("acknowledged ").nth(1)?.parse::<usize>().ok())
        .expect("the child says how far it came");
    assert!(acknowledged > 10, "{acknowledged}");

    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let journal = place.open();
        let live = journal.load(&key(1)).await.unwrap().live.unwrap();
        let found = plain(&live.records);
        let image = live.image.unwrap();
        assert_eq!((image.turn, &image.bytes[..]), (0, &b"small"[..]));
        assert_eq!(
            place.bodies().len(),
            1,
            "nothing is left of the image that did not fit"
        );
        // What was refused may be there, whole, as it was asked for; never more, never less.
        let present = found.len() - 1;
        assert!((acknowledged..=acknowledged + 1).contains(&present));
        assert_eq!(found, whole(&pieces()[..present]));
        write(&live.writer, &pieces()[present..=present]).await;
    });
}

/// Turn 1 in pieces of 3,000 bytes, more than the limit allows.
fn pieces() -> Vec<Record> {
    let pieces = (1..400).map(|call| observed(1, call, &"x".repeat(3_000)));
    std::iter::once(accepted(1, "go")).chain(pieces).collect()
}

#[tokio::test]
#[ignore = "a child of the test above"]
async fn a_child_that_writes_until_it_is_refused() {
    let directory = std::env::var_os("KELLION_TEST_JOURNAL").expect("run by its parent");
    let clock = crate::clock::ManualClock::new(NOON);
    let config = crate::journal::Config::default();
    let journal =
        crate::journal::Journal::open(directory.as_ref(), &config, Arc::new(clock)).unwrap();
    let writer = begin(&journal, &key(1)).await;
    keep(&writer, 0, "small").await;
    let large = writer.keep_image(image(0, vec![7; 1 << 20])).await;
    assert!(matches!(large, Err(Error::Write(_))), "{large:?}");
    for (count, piece) in pieces().iter().enumerate() {
        match writer.append(piece).await.unwrap().durable().await {
            Ok(()) => {}
            Err(Error::Write(_)) => {
                // It goes on refusing, without panic and without a hole.
                let again = writer.append(piece).await.unwrap().durable().await;
                assert!(matches!(again, Err(Error::Write(_))), "{again:?}");
                println!("\nacknowledged {count}");
                return;
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    panic!("the limit was never reached");
}

/// A disk on which each commit takes as long as the test wants.
#[derive(Debug)]
struct Slow {
    begun: std::sync::mpsc::Sender<()>,
    go_on: std::sync::Mutex<std::sync::mpsc::Receiver<()>>,
}

impl TestDisk for Slow {
    fn commit(&self, connection: &Connection) -> Result<(), rusqlite::Error> {
        // The test listens for the first alone.
        let _ = self.begun.send(());
        // Without the test there is no reason to wait.
        let _ = self.go_on.lock().unwrap().recv();
        TestRealDisk.commit(connection)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        TestRealDisk.sync(file)
    }
}

#[tokio::test]
async fn on_a_slow_disk_nothing_is_acknowledged_early_and_reading_goes_on() {
    let place = Place::new();
    let journal = place.open();
    drop(begin(&journal, &key(1)).await);
    journal.close().await;
    drop(journal);

    let (begun, commits) = std::sync::mpsc::channel();
    let (release, go_on) = std::sync::mpsc::channel();
    let go_on = std::sync::Mutex::new(go_on);
    let (journal, store) = place.open_on(Arc::new(Slow { begun, go_on }));
    let writer = live(&journal, &key(1)).await.writer;
    let first = writer.append(&accepted(1, "one")).await.unwrap();
    tokio::task::spawn_blocking(move || commits.recv().map(|()| commits))
        .await
        .unwrap()
        .unwrap();
    // The disk is busy with the first; the others stand in line.
    let mut waiting = Vec::new();
    for record in [finished(1, "one"), accepted(2, "two"), finished(2, "two")] {
        waiting.push(writer.append(&record).await.unwrap());
    }
    let shown = journal.records(&key(1), None).await.unwrap().unwrap();
    assert_eq!(shown.records.len(), 1, "what is committed can be read");
    let mut first = Box::pin(first.durable());
    assert!((&mut first).now_or_never().is_none());
    drop(release);
    first.await.unwrap();
    for pending in waiting {
        pending.durable().await.unwrap();
    }
    let shown = journal.records(&key(1), None).await.unwrap().unwrap();
    assert_eq!(shown.records.len(), 5);
    assert!(store.commits() <= 2, "those who waited shared a commit");
}
