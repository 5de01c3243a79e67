//! What is past its time goes, with its files, and nothing else.

use std::time::Duration;

use super::fixtures::*;
use crate::journal::{Compacted, Filter};

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn ended_sessions_go_after_their_retention_with_their_files() {
    let place = Place::new();
    let journal = place.open();
    let large = "x".repeat(10_000);
    let other = "y".repeat(10_000);
    let gone = begin(&journal, &key(1)).await;
    write(
        &gone,
        &[accepted(1, &*large), finished(1, &*other), ended()],
    )
    .await;
    let kept = begin(&journal, &key(2)).await;
    // The same text in both: a file that they share.
    write(&kept, &[accepted(1, &*large)]).await;
    assert_eq!(place.bodies().len(), 2);

    let nothing = journal.compact(NOON + DAY).await.unwrap();
    assert_eq!(nothing, Compacted::default());
    let later = NOON + DAY + Duration::from_millis(1);
    let removed = journal.compact(later).await.unwrap();
    let expected = Compacted {
        incarnations: 1,
        records: 4,
        trimmed: 0,
        files: 1,
    };
    assert_eq!(removed, expected);
    assert_eq!(journal.compact(later).await.unwrap(), Compacted::default());
    assert_eq!(place.bodies().len(), 1);
    assert!(journal.records(&key(1), None).await.unwrap().is_none());
    assert!(
        journal
            .answer(&key(1), &invocation(1))
            .await
            .unwrap()
            .is_none()
    );
    drop(kept);
    assert_eq!(
        load(&journal, &key(2)).await.unwrap(),
        whole(&[accepted(1, &*large)])
    );
    // A writer of what is gone cannot write into what comes after it.
    let next = begin(&journal, &key(1)).await;
    let late = gone.append(&accepted(5, "late")).await.unwrap();
    assert!(late.durable().await.is_err());
    write(&next, &[accepted(1, "fresh")]).await;
    drop(next);
    assert_eq!(
        load(&journal, &key(1)).await.unwrap(),
        whole(&[accepted(1, "fresh")])
    );
}

#[tokio::test]
async fn many_steps_remove_everything() {
    let place = Place::new();
    let journal = place.open();
    for number in 0..150 {
        write(&begin(&journal, &key(number)).await, &[ended()]).await;
    }
    let open = begin(&journal, &key(999)).await;
    let removed = journal.compact(NOON + 2 * DAY).await.unwrap();
    assert_eq!((removed.incarnations, removed.records), (150, 300));
    let tenant = &open.key().agent.tenant;
    let left = journal
        .sessions(Some(tenant), Filter::default())
        .await
        .unwrap();
    assert_eq!(left.summaries.len(), 1);
}

/// A crash after the rows went and before the files did, or after a file was written and before its row was.
#[tokio::test]
async fn files_that_a_crash_left_behind_go_with_the_next_compaction() {
    let place = Place::new();
    let journal = place.open();
    let large = "x".repeat(10_000);
    let writer = begin(&journal, &key(1)).await;
    write(&writer, &[accepted(1, &*large), ended()]).await;
    let body = place.bodies().remove(0);
    let content = std::fs::read(&body).unwrap();
    journal.compact(NOON + 2 * DAY).await.unwrap();
    assert!(place.bodies().is_empty());

    std::fs::write(&body, &content).unwrap();
    let half = place.path().join("bodies/.incoming-half");
    std::fs::write(&half, b"hal").unwrap();
    let unrelated = place.path().join("bodies/README");
    std::fs::write(&unrelated, b"not ours").unwrap();
    journal.close().await;
    let journal = place.open();
    let removed = journal.compact(NOON).await.unwrap();
    assert_eq!((removed.incarnations, removed.files), (0, 1));
    assert_eq!(place.bodies(), [unrelated]);
}

#[tokio::test]
async fn a_file_that_is_wanted_again_is_there() {
    let place = Place::new();
    let journal = place.open();
    let large = [accepted(1, "x".repeat(10_000))];
    write(&begin(&journal, &key(1)).await, &large).await;
    let writer = journal.load(&key(1)).await.unwrap().live.unwrap().writer;
    write(&writer, &[ended()]).await;
    let next = begin(&journal, &key(1)).await;
    let (removed, ()) = tokio::join!(journal.compact(NOON + 2 * DAY), write(&next, &large));
    assert_eq!(removed.unwrap().incarnations, 1);
    drop(next);
    assert_eq!(load(&journal, &key(1)).await.unwrap(), whole(&large));
}
