//! What stands before an image goes when nobody may ask for it any more, and nothing else does.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::disk::Faulty;
use super::fixtures::*;
use crate::clock::Timestamp;
use crate::journal::{Compacted, Error, Filter, Journal, Record, State};

/// The first moment at which this turn is past the retention.
fn after(turn: u64) -> Timestamp {
    at(turn) + Duration::from_secs(86_400) + Duration::from_millis(1)
}

async fn trim(journal: &Journal, now: Timestamp) -> u64 {
    let removed = journal.compact(now).await.unwrap();
    assert_eq!((removed.incarnations, removed.records), (0, 0));
    removed.trimmed
}

#[tokio::test]
async fn what_is_past_its_time_and_before_the_image_goes() {
    let place = Place::new();
    let journal = place.open();
    let writer = begin(&journal, &key(1)).await;
    write(&writer, &turns(1..=4)).await;
    keep(&writer, 4, "four").await;
    write(&writer, &turns(5..=5)).await;
    assert_eq!(trim(&journal, at(1) + Duration::from_secs(86_400)).await, 0);
    let not_yet = at(2) + Duration::from_secs(86_400);
    assert_eq!(trim(&journal, not_yet).await, 2, "a turn of two records");
    assert_eq!(trim(&journal, after(2)).await, 2);
    assert_eq!(trim(&journal, after(2)).await, 0);

    let transcript = journal.records(&key(1), None).await.unwrap().unwrap();
    assert_eq!(transcript.damage, None);
    assert_eq!(transcript.trimmed.unwrap().number(), 6);
    let places: Vec<u64> = transcript
        .records
        .iter()
        .map(|it| it.seq.number())
        .collect();
    assert_eq!(places, [1, 6, 7, 8, 9, 10, 11, 12]);
    for (turn, known) in [(2, false), (3, true), (5, true)] {
        let answer = journal.answer(&key(1), &invocation(turn)).await.unwrap();
        assert_eq!(answer.is_some(), known, "{turn}");
    }
    // Though their turns are past their time, too: the image, and what it does not contain.
    assert_eq!(trim(&journal, after(99)).await, 4);
    assert_eq!(trim(&journal, after(99)).await, 0);
    let again = writer.append(&accepted(1, "again")).await.unwrap();
    let again = again.durable().await;
    assert!(matches!(again, Err(Error::Conflict(_))), "{again:?}");
    journal.close().await;

    drop(writer);
    let journal = place.open();
    let whole_one = journal.load_whole(&key(1)).await;
    let Err(Error::Trimmed { first, .. }) = whole_one else {
        panic!("{whole_one:?}");
    };
    assert_eq!(first.number(), 10);
    let loaded = journal.load(&key(1)).await.unwrap();
    assert_eq!(loaded.answered.len(), 1);
    let live = loaded.live.unwrap();
    assert_eq!(plain(&live.records), whole(&turns(5..=5)));
    assert_eq!((live.turns, live.models.calls), (5, 5));
    assert_eq!(live.image.unwrap().bytes, "four");
    let tenant = &key(1).agent.tenant;
    let page = journal
        .sessions(Some(tenant), Filter::default())
        .await
        .unwrap();
    let summary = &page.summaries[0];
    assert_eq!(
        (summary.turns, summary.records, summary.models.calls),
        (5, 12, 5)
    );

    // It goes on, is imaged, trimmed and ended like any other.
    write(&live.writer, &turns(6..=6)).await;
    keep(&live.writer, 6, "six").await;
    assert_eq!(
        trim(&journal, after(99)).await,
        5,
        "the older image and two turns"
    );
    assert_eq!(place.files(), (1, 1));
    write(&live.writer, &[ended()]).await;
    let transcript = journal.records(&key(1), None).await.unwrap().unwrap();
    settled(&journal).await;
    assert_eq!((transcript.state, transcript.damage), (State::Ended, None));
    assert_eq!((transcript.records.len(), place.files()), (3, (0, 0)));
    let gone = journal.compact(after(99)).await.unwrap();
    assert_eq!((gone.incarnations, gone.records), (1, 3));
}

#[tokio::test]
async fn who_has_no_image_keeps_all() {
    let place = Place::new();
    let journal = place.open();
    write(&begin(&journal, &key(1)).await, &turns(1..=9)).await;
    assert_eq!(
        journal.compact(after(99)).await.unwrap(),
        Compacted::default()
    );
}

#[tokio::test]
async fn files_of_trimmed_records_go_with_them() {
    let place = Place::new();
    let journal = place.open();
    let writer = begin(&journal, &key(1)).await;
    let (large, shared) = ("x".repeat(10_000), "y".repeat(10_000));
    write(&writer, &[accepted(1, &*large), finished(1, &*shared)]).await;
    write(
        &begin(&journal, &key(2)).await,
        &[accepted(1, "a"), finished(1, &*shared)],
    )
    .await;
    keep(&writer, 1, "one").await;
    assert_eq!(place.files(), (3, 3));
    let removed = journal.compact(after(1)).await.unwrap();
    assert_eq!((removed.trimmed, removed.files), (2, 1));
    assert_eq!(place.files(), (2, 2));
    let tenant = &key(1).agent.tenant;
    let page = journal
        .sessions(Some(tenant), Filter::default())
        .await
        .unwrap();
    assert!(page.summaries[1].bytes < 2_000, "{:?}", page.summaries[1]);
}

/// A turn of which only a part fits into a step, and a clock that went back.
#[tokio::test]
async fn many_steps_trim_everything_and_may_stop_anywhere() {
    for stop in 1..6 {
        let place = Place::new();
        let disk = Faulty::default();
        let (journal, _store) = place.open_on(Arc::new(disk.clone()));
        let writer = begin(&journal, &key(1)).await;
        write(&writer, &[accepted(9, "long")]).await;
        let calls: Vec<Record> = (1..=2_500).map(|call| observed(9, call, "piece")).collect();
        write(&writer, &calls).await;
        write(&writer, &[finished(9, "over"), accepted(10, "b")]).await;
        let Record::TurnFinished(mut early) = finished(10, "c") else {
            unreachable!();
        };
        early.at = at(1);
        write(&writer, &[Record::TurnFinished(early)]).await;
        keep(&writer, 10, "ten").await;
        write(&writer, &turns(11..=11)).await;
        assert_eq!(
            trim(&journal, after(1)).await,
            0,
            "the turn before is younger"
        );

        disk.full_in.store(stop, Ordering::SeqCst);
        let first = journal.compact(after(9)).await;
        match &first {
            Ok(_) => assert!(stop > 3, "{stop}"),
            Err(error) => assert!(matches!(error, Error::Write(_)), "{error:?}"),
        }
        journal.close().await;
        let journal = place.open();
        let loaded = live(&journal, &key(1)).await;
        assert_eq!(plain(&loaded.records), whole(&turns(11..=11)));
        assert_eq!(loaded.image.unwrap().bytes, "ten");
        drop(loaded.writer);
        let transcript = journal.records(&key(1), None).await.unwrap().unwrap();
        assert_eq!(transcript.damage, None, "stopped at {stop}");
        if first.is_err() {
            let kept = 2_508 - 1_024 * (stop as usize - 1);
            assert_eq!(transcript.records.len(), kept, "stopped at {stop}");
        }
        let rest = trim(&journal, after(9)).await;
        assert_eq!(
            first.map_or(1_024 * (stop - 1), |first| first.trimmed) + rest,
            2_504
        );
        let transcript = journal.records(&key(1), None).await.unwrap().unwrap();
        assert_eq!((transcript.damage, transcript.records.len()), (None, 4));
    }
}

/// Where a step ends, the link is one of the records': a wrong one must not become the base of the chain.
#[tokio::test]
async fn a_broken_link_is_not_made_the_base() {
    let place = Place::new();
    let journal = place.open();
    let writer = begin(&journal, &key(1)).await;
    write(&writer, &turns(1..=3)).await;
    keep(&writer, 3, "three").await;
    let edit = "UPDATE records SET link = zeroblob(32) WHERE seq = 3";
    place.surgery().execute(edit, []).unwrap();
    assert_eq!(trim(&journal, after(1)).await, 0);
    // The link before the image stands in the row.
    assert_eq!(trim(&journal, after(3)).await, 6);
    drop(writer);
    assert!(live(&journal, &key(1)).await.image.is_some());
    let transcript = journal.records(&key(1), None).await.unwrap().unwrap();
    assert_eq!((transcript.damage, transcript.records.len()), (None, 2));
}

#[tokio::test]
async fn every_field_of_a_trimming_is_guarded() {
    for edit in [
        "trimmed = NULL, trimmed_link = NULL",
        "trimmed = 2",
        "trimmed_link = zeroblob(32)",
        "trimmed_link = NULL",
    ] {
        let place = Place::new();
        let journal = place.open();
        let writer = begin(&journal, &key(1)).await;
        write(&writer, &turns(1..=2)).await;
        keep(&writer, 2, "two").await;
        assert_eq!(trim(&journal, after(1)).await, 2);
        journal.close().await;
        let sql = format!("UPDATE sessions SET {edit}");
        assert_eq!(place.surgery().execute(&sql, []).unwrap(), 1);
        let journal = place.open();
        drop(writer);
        let transcript = journal.records(&key(1), None).await.unwrap().unwrap();
        assert_eq!(transcript.state, State::Damaged, "{edit}");
        let loaded = journal.load(&key(1)).await;
        assert!(
            matches!(loaded, Err(Error::Damaged { .. })),
            "{edit}: {loaded:?}"
        );
    }
}

/// Who reads while it is trimmed gets what is there, and is never told of damage.
#[tokio::test]
async fn reading_goes_on_while_records_are_trimmed() {
    let place = Place::new();
    let journal = place.open();
    let writer = begin(&journal, &key(1)).await;
    let text = |turn: u64| format!("{turn} ").repeat(2_000);
    for turn in 1..=60 {
        write(
            &writer,
            &[accepted(turn, text(turn)), finished(turn, text(turn))],
        )
        .await;
    }
    keep(&writer, 60, "all").await;
    drop(writer);
    let (trimming, reading) = (journal.clone(), journal.clone());
    let trimming = tokio::spawn(async move {
        for turn in 1..=60 {
            trimming.compact(after(turn)).await.unwrap();
        }
    });
    let reading = tokio::spawn(async move {
        let mut known = 0;
        for turn in (1..=60).rev() {
            let answer = reading.answer(&key(1), &invocation(turn)).await.unwrap();
            known += usize::from(answer.is_some());
            if turn % 10 == 0 {
                assert!(live(&reading, &key(1)).await.image.is_some());
                let transcript = reading.records(&key(1), None).await.unwrap().unwrap();
                assert_eq!(transcript.damage, None);
            }
        }
        known
    });
    trimming.await.unwrap();
    reading.await.unwrap();
    let transcript = journal.records(&key(1), None).await.unwrap().unwrap();
    assert_eq!((transcript.records.len(), place.files()), (2, (1, 1)));
}
