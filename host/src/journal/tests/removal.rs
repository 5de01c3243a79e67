//! What is removed is gone: from what is asked, and from the folder.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::disk::Faulty;
use super::fixtures::*;
use crate::journal::{Compacted, Error, Filter, Journal};

const LATER: Duration = Duration::from_secs(1 << 30);

/// How many files of the folder hold this text, anywhere in them.
fn holding(place: &Place, text: &str) -> usize {
    let mut folders = vec![place.path()];
    let mut count = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(path).unwrap();
                let found = bytes
                    .windows(text.len())
                    .any(|window| window == text.as_bytes());
                count += usize::from(found);
            }
        }
    }
    count
}

/// Records that fit into a page, that need several, and that need a file, and an image, all with this word in them.
async fn tell(journal: &Journal, session: u64, word: &str) {
    let writer = begin(journal, &key(session)).await;
    for (turn, times) in (1..).zip([1, 10, 80, 300, 900, 5]) {
        let text = format!("{word} ").repeat(times);
        write(&writer, &[accepted(turn, &*text), finished(turn, &*text)]).await;
    }
    keep(&writer, 6, word.repeat(100)).await;
}

#[tokio::test]
async fn a_deleted_session_is_nowhere() {
    let place = Place::new();
    let journal = place.open();
    let earlier = begin(&journal, &key(2)).await;
    write(
        &earlier,
        &[accepted(1, "canary, too"), finished(1, "a"), ended()],
    )
    .await;
    let words = ["sparrow", "canary", "finch"];
    for (session, word) in (1..).zip(words) {
        tell(&journal, session, word).await;
    }
    assert!(holding(&place, "canary") >= 3);
    let held = live(&journal, &key(2)).await;
    let refused = journal.delete(&key(2)).await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    drop(held);

    let removed = journal.delete(&key(2)).await.unwrap();
    assert_eq!((removed.incarnations, removed.records), (2, 18));
    assert_eq!(removed.files, 3, "two records and the image");
    assert_eq!(holding(&place, "canary"), 0);
    assert_eq!(place.files(), (6, 6));
    assert_eq!(journal.delete(&key(2)).await.unwrap(), Compacted::default());
    let page = journal.sessions(None, Filter::default()).await.unwrap();
    assert_eq!(page.summaries.len(), 2);
    assert!(journal.records(&key(2), None).await.unwrap().is_none());
    assert!(
        journal
            .answer(&key(2), &invocation(1))
            .await
            .unwrap()
            .is_none()
    );
    for session in [1, 3] {
        assert_eq!(live(&journal, &key(session)).await.turns, 6);
        assert!(journal.load_whole(&key(session)).await.is_ok());
    }
    let again = begin(&journal, &key(2)).await;
    assert_eq!(again.incarnation().unwrap().number(), 1);
    write(&again, &turns(1..=1)).await;
    // A late writer of the life that was deleted writes nowhere.
    let late = earlier.append(&accepted(2, "canary")).await.unwrap();
    assert!(late.durable().await.is_err());
    assert_eq!(holding(&place, "canary"), 0);
}

#[tokio::test]
async fn what_compaction_removes_is_nowhere() {
    let place = Place::new();
    let journal = place.open();
    tell(&journal, 1, "canary").await;
    tell(&journal, 2, "finch").await;
    tell(&journal, 3, "sparrow").await;
    let ending = live(&journal, &key(2)).await.writer;
    write(&ending, &[ended()]).await;
    let removed = journal.compact(NOON + LATER).await.unwrap();
    assert_eq!((removed.incarnations, removed.records), (1, 15));
    assert_eq!(removed.trimmed, 24);
    assert_eq!(holding(&place, "finch"), 0);
    // The images are not past their time.
    assert_eq!(
        (holding(&place, "canary"), holding(&place, "sparrow")),
        (1, 1)
    );
    assert_eq!(place.files(), (2, 2));
}

#[tokio::test]
async fn a_quarantined_session_can_be_deleted() {
    let place = Place::new();
    let journal = place.open();
    tell(&journal, 1, "canary").await;
    place
        .surgery()
        .execute("UPDATE sessions SET turns = 9, link = x''", [])
        .unwrap();
    assert!(journal.load(&key(1)).await.is_err());
    assert_eq!(journal.delete(&key(1)).await.unwrap().incarnations, 1);
    assert_eq!((holding(&place, "canary"), place.files()), (0, (0, 0)));
    begin(&journal, &key(1)).await;
}

/// Broken off between two steps, a deletion has happened, and what is left goes with the next compaction.
#[tokio::test]
async fn a_deletion_that_was_broken_off_is_brought_to_its_end() {
    for stop in 1..4 {
        let place = Place::new();
        let disk = Faulty::default();
        let (journal, _store) = place.open_on(Arc::new(disk.clone()));
        tell(&journal, 1, "canary").await;
        let writer = live(&journal, &key(1)).await.writer;
        write(&writer, &[accepted(7, "7")]).await;
        let calls: Vec<_> = (1..=1_500)
            .map(|call| observed(7, call, "canary"))
            .collect();
        write(&writer, &calls).await;
        drop(writer);
        disk.full_in.store(stop, Ordering::SeqCst);
        let broken_off = journal.delete(&key(1)).await;
        assert!(matches!(broken_off, Err(Error::Write(_))), "{broken_off:?}");
        journal.close().await;

        let journal = place.open();
        if stop == 1 {
            assert_eq!(live(&journal, &key(1)).await.turns, 7);
            journal.delete(&key(1)).await.unwrap();
        } else {
            assert!(journal.load(&key(1)).await.unwrap().live.is_none());
            // What comes after it is not concerned.
            write(&begin(&journal, &key(1)).await, &turns(1..=1)).await;
            journal.compact(NOON).await.unwrap();
            assert_eq!(load(&journal, &key(1)).await.unwrap(), whole(&turns(1..=1)));
        }
        assert_eq!(holding(&place, "canary"), 0, "stopped at {stop}");
        assert_eq!(place.files(), (0, 0));
    }
}

/// Deleting says so when somebody who reads keeps the log as it is.
#[tokio::test]
async fn a_deletion_that_leaves_bytes_in_the_log_says_so() {
    let place = Place::new();
    let (journal, store) = place.open_store();
    tell(&journal, 1, "canary").await;
    let impatient = "PRAGMA busy_timeout = 1";
    let visit = |connection: &rusqlite::Connection| {
        connection.query_row(impatient, [], |_| Ok(())).unwrap();
    };
    store.visit(visit).await.unwrap();
    let reader = place.surgery();
    reader
        .execute_batch("BEGIN; SELECT * FROM records")
        .unwrap();
    let busy = journal.delete(&key(1)).await;
    assert!(matches!(busy, Err(Error::Write(_))), "{busy:?}");
    assert!(journal.records(&key(1), None).await.unwrap().is_none());
    assert!(holding(&place, "canary") > 0);
    assert_eq!(place.files(), (0, 0));
    reader.execute_batch("COMMIT").unwrap();
    journal.delete(&key(1)).await.unwrap();
    assert_eq!(holding(&place, "canary"), 0);
}
