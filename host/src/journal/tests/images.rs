//! Images: a load goes on from the newest, and from the records when it cannot.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::FutureExt;

use super::disk::Faulty;
use super::fixtures::*;
use crate::journal::{
    Durability, Error, Filter, Image, ModelUse, Record, Seq, State, Weighed, chain,
};

/// Turns 1 and 2, an image of them, turn 3, an image of it, and turn 4, which is open: twelve records. Closed.
async fn imaged() -> Place {
    let place = Place::new();
    let journal = place.open();
    let writer = begin(&journal, &key(1)).await;
    write(&writer, &turns(1..=2)).await;
    keep(&writer, 2, "two").await;
    write(&writer, &turns(3..=3)).await;
    keep(&writer, 3, "three").await;
    write(&writer, &[accepted(4, "4"), observed(4, 1, "call")]).await;
    journal.close().await;
    place
}

/// What stands behind the newest image.
fn rest() -> Vec<Record> {
    vec![accepted(4, "4"), observed(4, 1, "call")]
}

#[tokio::test]
async fn a_load_of_more_than_is_asked_for_says_how_much_it_is() {
    let place = Place::new();
    let journal = place.open();
    let writer = begin(&journal, &key(1)).await;
    write(
        &writer,
        &[accepted(1, "1".repeat(10_000)), finished(1, "1")],
    )
    .await;
    assert!((10_000..20_000).contains(&writer.since_image()));
    keep(&writer, 1, vec![1; 5_000]).await;
    assert_eq!(writer.since_image(), 0);
    write(&writer, &turns(2..=2)).await;
    let since = writer.since_image();
    drop(writer);

    let all = journal.weight(&key(1)).await.unwrap();
    assert!(all > 15_000, "{all}");
    assert_eq!(journal.weight(&key(2)).await.unwrap(), 0);
    let heavy = async |most| match journal.load_light(&key(1), most).await.unwrap() {
        Weighed::Heavy(bytes) => Err(bytes),
        Weighed::Light(loaded) => Ok(loaded.live.unwrap()),
    };
    // Not what stands before the image; nor is the first record counted, which is always read.
    let bytes = heavy(5_000).await.unwrap_err();
    assert!((5_000 + since..10_000).contains(&bytes), "{bytes}");
    let live = heavy(bytes).await.unwrap();
    assert_eq!(plain(&live.records), whole(&turns(2..=2)));
    assert!((since..10_000).contains(&live.writer.since_image()));
    drop(live);
    assert!(heavy(all).await.is_ok());
}

#[tokio::test]
async fn a_load_goes_on_from_the_newest_image() {
    let place = imaged().await;
    assert_eq!(place.files(), (1, 1), "only the newest has its file");
    let journal = place.open();
    let loaded = journal.load(&key(1)).await.unwrap();
    assert_eq!(loaded.answered.len(), 3);
    let live = loaded.live.unwrap();
    assert_eq!(live.started.record, started());
    let image = live.image.unwrap();
    assert_eq!((image.turn, image.seq.number(), image.at), (3, 9, at(3)));
    assert_eq!(
        (&*image.program, &image.bytes[..]),
        ("cranelift-1", &b"three"[..])
    );
    assert_eq!(plain(&live.records), whole(&rest()));
    let places: Vec<u64> = live.records.iter().map(|it| it.seq.number()).collect();
    assert_eq!(places, [1, 10, 11]);
    let used = ModelUse {
        calls: 3,
        input_tokens: 9,
        output_tokens: 15,
    };
    assert_eq!(
        (live.turns, live.models, live.memory_bytes),
        (4, used, 1 << 20)
    );

    write(&live.writer, &[finished(4, "4"), ended()]).await;
    settled(&journal).await;
    assert_eq!(place.files(), (0, 0), "who has ended does not go on");
    let transcript = journal.records(&key(1), None).await.unwrap().unwrap();
    assert_eq!((transcript.damage, transcript.trimmed), (None, None));
    assert_eq!(
        (transcript.state, transcript.records.len()),
        (State::Ended, 13)
    );
}

#[tokio::test]
async fn all_records_are_given_to_who_cannot_restore_the_image() {
    let place = imaged().await;
    let journal = place.open();
    let loaded = journal.load_whole(&key(1)).await.unwrap();
    assert_eq!(loaded.answered.len(), 3);
    let live = loaded.live.unwrap();
    assert!(live.image.is_none());
    let mut records = plain(&live.records);
    records.retain(|record| !matches!(record, Record::Image(_)));
    assert_eq!(live.records.len() - records.len(), 2);
    assert_eq!(records, whole(&[turns(1..=3), rest()].concat()));
    assert_eq!((live.turns, live.models.calls), (4, 3));
}

#[tokio::test]
async fn a_spoilt_image_is_replaced_by_the_records() {
    type Spoil = fn(&std::path::Path);
    let spoils: [Spoil; 4] = [
        |path| std::fs::remove_file(path).unwrap(),
        |path| std::fs::write(path, "").unwrap(),
        |path| std::fs::write(path, "threE").unwrap(),
        |path| std::fs::write(path, "three ").unwrap(),
    ];
    for spoil in spoils {
        let place = imaged().await;
        spoil(&place.bodies()[0]);
        let journal = place.open();
        let loaded = live(&journal, &key(1)).await;
        assert!(loaded.image.is_none());
        assert_eq!((loaded.records.len(), loaded.turns), (11, 4));
        // What cannot be read is never relied on.
        let removed = journal.compact(at(3) + Duration::from_secs(1 << 30)).await;
        assert_eq!(removed.unwrap().trimmed, 0);
        // The next one is as good as any.
        write(&loaded.writer, &[finished(4, "4")]).await;
        keep(&loaded.writer, 4, "four").await;
        drop(loaded);
        assert_eq!(live(&journal, &key(1)).await.image.unwrap().bytes, "four");
    }
}

#[tokio::test]
async fn a_spoilt_image_without_older_records_is_damage() {
    for missing in [true, false] {
        let place = imaged().await;
        let journal = place.open();
        let removed = journal.compact(at(3) + Duration::from_secs(1 << 30)).await;
        assert_eq!(removed.unwrap().trimmed, 7);
        journal.close().await;
        match missing {
            true => std::fs::remove_file(&place.bodies()[0]).unwrap(),
            false => std::fs::write(&place.bodies()[0], "threE").unwrap(),
        }
        let journal = place.open();
        for _ in 0..2 {
            let error = journal.load(&key(1)).await.unwrap_err();
            let Error::Damaged { damage, .. } = error else {
                panic!("{error:?}");
            };
            assert_eq!(damage.seq.number(), 9);
            assert!(damage.why.contains("trimmed"), "{}", damage.why);
        }
    }
}

#[tokio::test]
async fn every_field_of_an_image_is_guarded() {
    for edit in [
        "image = 10",
        "image = NULL",
        "image_turn = 2",
        "image_turn = NULL",
        "image_before = zeroblob(32)",
        "image_before = x''",
        "image_file = zeroblob(32)",
        "image_file = NULL",
        "image_bytes = 4",
        "image_bytes = NULL",
        "image = NULL, image_turn = NULL, image_before = NULL, image_file = NULL, image_bytes = NULL",
        "finished = 4",
        "turns = 3",
        "start = zeroblob(32)",
        "answers = zeroblob(32)",
    ] {
        let place = imaged().await;
        let sql = format!("UPDATE sessions SET {edit}");
        assert_eq!(place.surgery().execute(&sql, []).unwrap(), 1, "{edit}");
        let journal = place.open();
        for _ in 0..2 {
            let loaded = journal.load(&key(1)).await;
            assert!(
                matches!(loaded, Err(Error::Damaged { .. })),
                "{edit}: {loaded:?}"
            );
        }
    }
}

/// The start, the image and what follows it are checked; what lies between is not even read, except when it is asked for.
#[tokio::test]
async fn damage_is_found_where_it_matters() {
    for (edit, at) in [
        (
            "text = replace(text, '\"memory_mib\":256', '\"memory_mib\":512') WHERE seq = 1",
            Some(1),
        ),
        ("link = zeroblob(32) WHERE seq = 1", Some(1)),
        (
            "text = replace(text, 'cranelift', 'elsewhere') WHERE seq = 9",
            Some(9),
        ),
        ("link = zeroblob(32) WHERE seq = 9", Some(9)),
        (
            "text = replace(text, 'call', 'wall') WHERE seq = 11",
            Some(11),
        ),
        ("seq = 99 WHERE seq = 10", Some(10)),
        ("seq = 99 WHERE seq = 11", Some(11)),
        ("text = replace(text, '2', '3') WHERE seq = 4", None),
        ("link = zeroblob(32) WHERE seq = 8", None),
        ("seq = 0 WHERE seq = 1", Some(1)),
    ] {
        let place = imaged().await;
        let sql = format!("UPDATE records SET {edit}");
        assert_eq!(place.surgery().execute(&sql, []).unwrap(), 1, "{edit}");
        let journal = place.open();
        let loaded = journal.load(&key(1)).await;
        match (at, loaded) {
            (Some(at), Err(Error::Damaged { damage, .. })) => {
                assert_eq!(damage.seq.number(), at, "{edit}");
            }
            (None, Ok(loaded)) => {
                let live = loaded.live.unwrap();
                assert_eq!(plain(&live.records), whole(&rest()), "{edit}");
                drop(live);
                let all = journal.load_whole(&key(1)).await;
                assert!(matches!(all, Err(Error::Damaged { .. })), "{edit}: {all:?}");
            }
            (_, other) => panic!("{edit}: {other:?}"),
        }
    }
}

/// Another start, with a right hash of its own, such as one from an older copy of the folder.
#[tokio::test]
async fn a_start_from_elsewhere_is_found() {
    let place = imaged().await;
    let surgery = place.surgery();
    let sql = "SELECT replace(text, '0707', '0808') FROM records WHERE seq = 1";
    let text: String = surgery.query_row(sql, [], |row| row.get(0)).unwrap();
    let digest = chain::digest(text.as_bytes());
    let link = chain::link(&chain::GENESIS, &key(1), 1, 1, 1, &digest);
    let sql = "UPDATE records SET text = ?1, link = ?2 WHERE seq = 1";
    surgery.execute(sql, rusqlite::params![text, link]).unwrap();
    let journal = place.open();
    let loaded = journal.load(&key(1)).await;
    let Err(Error::Damaged { damage, .. }) = loaded else {
        panic!("{loaded:?}");
    };
    assert_eq!(damage.seq.number(), 1);
}

/// A lost entry would let a turn run twice, also where its records are not read.
#[tokio::test]
async fn the_index_of_answers_is_guarded_before_the_image_too() {
    for edit in [
        "DELETE FROM turns WHERE turn = 1",
        "UPDATE turns SET invocation = 'other' WHERE turn = 2",
        "UPDATE turns SET invocation = NULL WHERE turn = 2",
        "UPDATE turns SET finished = NULL WHERE turn = 1",
        "UPDATE turns SET finished_at = 0 WHERE turn = 1",
        "INSERT INTO turns (session, turn, invocation, accepted, finished, finished_at) VALUES (1, 9, 'new', 2, 3, 4)",
    ] {
        let place = imaged().await;
        assert_eq!(place.surgery().execute(edit, []).unwrap(), 1, "{edit}");
        let journal = place.open();
        // Nor is anything removed by an index that cannot be believed.
        let compacted = journal.compact(at(3) + Duration::from_secs(1 << 30)).await;
        assert_eq!(compacted.unwrap().trimmed, 0, "{edit}");
        let loaded = journal.load(&key(1)).await;
        assert!(
            matches!(loaded, Err(Error::Damaged { .. })),
            "{edit}: {loaded:?}"
        );
    }
}

#[tokio::test]
async fn an_image_that_came_too_late_is_refused_and_leaves_no_hole() {
    let place = Place::new();
    let (journal, store) = place.open_store();
    let writer = begin(&journal, &key(1)).await;
    keep(&writer, 0, "before the first").await;
    write(&writer, &turns(1..=1)).await;
    for turn in [0, 2] {
        let pending = writer.keep_image(image(turn, "wrong")).await.unwrap();
        let refused = pending.durable().await;
        assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    }
    let open = begin(&journal, &key(2)).await;
    write(&open, &[accepted(1, "1")]).await;
    let pending = open.keep_image(image(1, "half")).await.unwrap();
    let refused = pending.durable().await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");

    let release = store.hold().await;
    let first = writer.append(&accepted(2, "2")).await.unwrap();
    let late = writer.keep_image(image(1, "late")).await.unwrap();
    let last = writer.append(&finished(2, "2")).await.unwrap();
    drop(release);
    first.durable().await.unwrap();
    last.durable().await.unwrap();
    let late = late.durable().await;
    assert!(matches!(late, Err(Error::Conflict(_))), "{late:?}");
    assert_eq!(place.files(), (1, 1), "nothing is left of those refused");

    keep(&writer, 2, "two").await;
    // A turn that it contains does not come again, and nothing before it is dropped.
    let again = writer.append(&accepted(2, "2")).await.unwrap();
    let again = again.durable().await;
    assert!(matches!(again, Err(Error::Conflict(_))), "{again:?}");
    for seq in [6, 7] {
        let discarded = writer.discard_tail(Seq(seq)).await;
        assert!(
            matches!(discarded, Err(Error::Conflict(_))),
            "{discarded:?}"
        );
    }
    write(&writer, &[accepted(3, "3")]).await;
    writer.discard_tail(Seq(8)).await.unwrap();
    drop(writer);
    let loaded = live(&journal, &key(1)).await;
    let record = journal
        .records(&key(1), None)
        .await
        .unwrap()
        .unwrap()
        .records;
    let record = &record.last().unwrap().record;
    assert!(matches!(record, Record::Image(_)));
    let appended = loaded.writer.append(record).await;
    assert!(matches!(appended, Err(Error::Conflict(_))), "{appended:?}");
    assert_eq!(loaded.image.unwrap().bytes, "two");
}

/// Behind a record that was lost nothing is kept; and the refusal of an image lets nothing pass that is behind a lost record.
#[tokio::test]
async fn an_image_behind_a_lost_record_is_refused() {
    let place = Place::new();
    let disk = Faulty::default();
    let (journal, store) = place.open_on(Arc::new(disk.clone()));
    let writer = begin(&journal, &key(1)).await;
    write(&writer, &turns(1..=1)).await;
    let release = store.hold().await;
    disk.full_in.store(1, Ordering::SeqCst);
    let lost = writer.append(&accepted(2, "2")).await.unwrap();
    drop(release);
    store.visit(|_| {}).await.unwrap();
    let behind = writer.keep_image(image(1, "one")).await.unwrap();
    assert!(matches!(behind.durable().await, Err(Error::Behind)));
    assert!(matches!(lost.durable().await, Err(Error::Write(_))));
    keep(&writer, 1, "one").await;

    let release = store.hold().await;
    let refused = writer.keep_image(image(9, "nine")).await.unwrap();
    let lost = writer.append(&finished(7, "never accepted")).await.unwrap();
    drop(release);
    assert!(matches!(refused.durable().await, Err(Error::Conflict(_))));
    let behind = writer.append(&accepted(2, "2")).await.unwrap();
    assert!(matches!(behind.durable().await, Err(Error::Behind)));
    assert!(matches!(lost.durable().await, Err(Error::Conflict(_))));
    write(&writer, &[accepted(2, "2")]).await;
    settled(&journal).await;
    assert_eq!(place.files(), (1, 1));
}

#[tokio::test]
async fn images_take_no_room_in_the_queue() {
    let mut place = Place::new();
    place.config.queue_mib = 1;
    let (journal, store) = place.open_store();
    let writer = begin(&journal, &key(1)).await;
    let other = begin(&journal, &key(2)).await;
    let release = store.hold().await;
    let large = Image {
        at: at(9),
        ..image(0, vec![1; 8 << 20])
    };
    let large = writer.keep_image(large).await.unwrap();
    let record = accepted(1, vec![b'x'; 900 << 10]);
    let beside = other.append(&record).now_or_never().expect("there is room");
    drop(release);
    large.durable().await.unwrap();
    beside.unwrap().durable().await.unwrap();
    let tenant = key(1).agent.tenant;
    let page = journal
        .sessions(Some(&tenant), Filter::default())
        .await
        .unwrap();
    let summary = &page.summaries[1];
    assert_eq!((&summary.key, summary.records), (&key(1), 2));
    assert!(summary.bytes > 8 << 20);
    assert_eq!(summary.active, NOON, "an image is no activity");
    drop(writer);
    assert_eq!(
        live(&journal, &key(1)).await.image.unwrap().bytes.len(),
        8 << 20
    );
}

/// The line is full when the image is to be kept: the older one stays, and nothing of the new one.
#[tokio::test]
async fn an_image_that_does_not_fit_leaves_the_older_one() {
    let place = Place::new();
    let disk = Faulty::default();
    let (journal, _store) = place.open_on(Arc::new(disk.clone()));
    let writer = begin(&journal, &key(1)).await;
    write(&writer, &turns(1..=1)).await;
    keep(&writer, 1, "one").await;
    write(&writer, &turns(2..=2)).await;
    disk.full_in.store(1, Ordering::SeqCst);
    let pending = writer.keep_image(image(2, "two")).await.unwrap();
    assert!(matches!(pending.durable().await, Err(Error::Write(_))));
    settled(&journal).await;
    assert_eq!(place.files(), (1, 1));
    write(&writer, &[accepted(3, "3")]).await;
    drop(writer);
    let loaded = live(&journal, &key(1)).await;
    assert_eq!(loaded.image.unwrap().bytes, "one");
    assert_eq!(loaded.records.len(), 4);
}

#[tokio::test]
async fn sessions_that_say_the_same_share_a_file() {
    let place = Place::new();
    let journal = place.open();
    let (one, two) = (
        begin(&journal, &key(1)).await,
        begin(&journal, &key(2)).await,
    );
    let same = || image(0, "the same");
    let (first, second) = tokio::join!(one.keep_image(same()), two.keep_image(same()));
    first.unwrap().durable().await.unwrap();
    second.unwrap().durable().await.unwrap();
    settled(&journal).await;
    assert_eq!(place.files(), (1, 1));
    keep(&one, 0, "other").await;
    settled(&journal).await;
    assert_eq!(place.files(), (2, 2));
    keep(&one, 0, "other").await;
    settled(&journal).await;
    assert_eq!(place.files(), (2, 2));
    drop((one, two));
    assert_eq!(live(&journal, &key(1)).await.image.unwrap().bytes, "other");
    assert_eq!(
        live(&journal, &key(2)).await.image.unwrap().bytes,
        "the same"
    );
}

#[tokio::test]
async fn an_image_is_synced_where_it_must_be() {
    let place = Place::new();
    let disk = Faulty::default();
    let (journal, store) = place.open_on(Arc::new(disk.clone()));
    let syncs = || disk.syncs.swap(0, Ordering::SeqCst);
    let process = begin(&journal, &key(1)).await;
    write(&process, &turns(1..=1)).await;
    keep(&process, 1, "one").await;
    assert_eq!(syncs(), 0);
    let power = journal.begin(&key(2), started(), Durability::Power).await;
    let power = power.unwrap();
    let release = store.hold().await;
    let pending = power.keep_image(image(0, "zero")).await.unwrap();
    assert_eq!(syncs(), 1, "the file, while the writer does other things");
    drop(release);
    pending.durable().await.unwrap();
    assert_eq!(syncs(), 1, "its folder");
    // One that the disk has is not replaced by one that it has not.
    write(&process, &turns(2..=2)).await;
    let other = begin(&journal, &key(3)).await;
    keep(&other, 0, "zero").await;
    assert_eq!(syncs(), 1);

    assert_eq!(disk.synchronous.load(Ordering::SeqCst), 1);

    // Now the only way back, and those after it are, too; and none goes before what replaces it is safe.
    let day = Duration::from_secs(86_400);
    journal.compact(at(1) + 2 * day).await.unwrap();
    assert_eq!(syncs(), 2);
    for (turn, text) in [(2, "two"), (2, "two again")] {
        keep(&process, turn, text).await;
        assert_eq!((syncs(), disk.synchronous.load(Ordering::SeqCst)), (2, 2));
    }
    write(&process, &[accepted(3, "3")]).await;
    assert_eq!(disk.synchronous.load(Ordering::SeqCst), 1);
    write(&process, &[ended()]).await;
    assert_eq!(disk.synchronous.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_image_whose_sync_fails_is_never_the_only_way_back() {
    let place = Place::new();
    let disk = Faulty::default();
    let (journal, _store) = place.open_on(Arc::new(disk.clone()));
    let writer = begin(&journal, &key(1)).await;
    write(&writer, &turns(1..=1)).await;
    keep(&writer, 1, "one").await;
    disk.syncs_fail.store(true, Ordering::SeqCst);
    let compacted = journal.compact(at(1) + Duration::from_secs(1 << 30)).await;
    assert!(
        matches!(compacted, Err(Error::Refusing(_))),
        "{compacted:?}"
    );
    disk.syncs_fail.store(false, Ordering::SeqCst);
    let compacted = journal.compact(at(1) + Duration::from_secs(1 << 30)).await;
    assert!(
        matches!(compacted, Err(Error::Refusing(_))),
        "{compacted:?}"
    );
    let kept = writer.keep_image(image(1, "again")).await;
    assert!(matches!(kept, Err(Error::Refusing(_))), "{kept:?}");
    drop(writer);
    assert!(journal.load_whole(&key(1)).await.is_ok());
}

#[tokio::test]
async fn without_durability_no_image_is_kept() {
    let place = Place::new();
    let journal = place.open();
    let writer = journal.begin(&key(1), started(), Durability::None).await;
    keep(&writer.unwrap(), 7, "nothing").await;
    assert!(place.bodies().is_empty());
}
