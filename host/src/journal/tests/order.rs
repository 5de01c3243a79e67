//! Order, groups, places in line, and who may write.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;

use super::fixtures::*;
use crate::journal::{Config, Durability, Error, Filter, ModelUse, Record, Seq, State};

#[tokio::test]
async fn what_was_written_is_read_in_its_order() {
    let place = Place::new();
    let journal = place.open();
    write(&begin(&journal, &key(1)).await, &story()).await;
    journal.close().await;

    let journal = place.open();
    let loaded = journal.load(&key(1)).await.unwrap().live.unwrap();
    assert_eq!(plain(&loaded.records), whole(&story()));
    let places: Vec<u64> = loaded.records.iter().map(|it| it.seq.number()).collect();
    assert_eq!(places, [1, 2, 3, 4, 5, 6, 7]);

    write(&loaded.writer, &[finished(3, "drei"), ended()]).await;
    let transcript = journal.records(&key(1), None).await.unwrap().unwrap();
    assert_eq!(transcript.state, State::Ended);
    assert_eq!(transcript.records.len(), 9);
    assert_eq!(transcript.damage, None);
    assert!(journal.load(&key(1)).await.unwrap().live.is_none());
}

#[tokio::test]
async fn records_in_line_share_a_transaction() {
    let place = Place::new();
    let (journal, store) = place.open_store();
    let mut writers = Vec::new();
    for number in 0..10 {
        writers.push(begin(&journal, &key(number)).await);
    }
    let before = store.commits();
    let release = store.hold().await;
    let mut pending = Vec::new();
    for turn in 1..=5 {
        for writer in &writers {
            pending.push(writer.append(&accepted(turn, "x")).await.unwrap());
            pending.push(writer.append(&finished(turn, "y")).await.unwrap());
        }
    }
    drop(release);
    for pending in pending {
        pending.durable().await.unwrap();
    }
    assert_eq!(store.commits() - before, 1);
}

#[tokio::test]
async fn who_finds_the_queue_full_waits_for_a_place() {
    let mut place = Place::new();
    place.config.queue_records = 2;
    let (journal, store) = place.open_store();
    let writer = begin(&journal, &key(1)).await;
    let release = store.hold().await;
    let first = writer.append(&accepted(1, "a")).await.unwrap();
    let second = writer.append(&finished(1, "b")).await.unwrap();
    let (record, dropped) = (accepted(2, "c"), accepted(9, "never"));
    let mut third = writer.append(&record).boxed();
    assert!((&mut third).now_or_never().is_none());
    let mut given_up = writer.append(&dropped).boxed();
    assert!((&mut given_up).now_or_never().is_none());
    drop(given_up);
    drop(release);
    let third = third.await.unwrap();
    for pending in [first, second, third] {
        pending.durable().await.unwrap();
    }
    drop(writer);
    let expected = whole(&[accepted(1, "a"), finished(1, "b"), accepted(2, "c")]);
    assert_eq!(load(&journal, &key(1)).await.unwrap(), expected);
}

#[tokio::test]
async fn who_finds_the_queues_bytes_used_up_waits() {
    let mut place = Place::new();
    place.config.queue_mib = 1;
    let (journal, store) = place.open_store();
    let writer = begin(&journal, &key(1)).await;
    let release = store.hold().await;
    // Larger than the whole queue, and let in alone.
    let large = accepted(1, vec![b'x'; 2 << 20]);
    let first = writer.append(&large).await.unwrap();
    let record = finished(1, vec![b'y'; 2_000]);
    let mut second = writer.append(&record).boxed();
    assert!((&mut second).now_or_never().is_none());
    drop(release);
    first.durable().await.unwrap();
    second.await.unwrap().durable().await.unwrap();
}

#[tokio::test]
async fn appends_keep_the_order_in_which_they_began() {
    let mut place = Place::new();
    place.config.queue_records = 1;
    let (journal, store) = place.open_store();
    let writer = Arc::new(begin(&journal, &key(1)).await);
    let release = store.hold().await;
    let records: Vec<Record> = (1..=20).map(|turn| accepted(turn, "x")).collect();
    let waiting: Vec<_> = records
        .iter()
        .map(|record| writer.append(record).boxed())
        .collect();
    let mut begun = Vec::new();
    for mut append in waiting {
        let ready = (&mut append).now_or_never();
        begun.push((append, ready));
    }
    drop(release);
    // Awaited from the back: order must not depend on who asks first.
    let mut tasks = Vec::new();
    for (append, ready) in begun.into_iter().rev() {
        tasks.push(async move {
            let pending = match ready {
                Some(pending) => pending,
                None => append.await,
            };
            pending.unwrap().durable().await.unwrap();
        });
    }
    futures::future::join_all(tasks).await;
    drop(writer);
    assert_eq!(load(&journal, &key(1)).await.unwrap(), whole(&records));
}

#[tokio::test]
async fn a_session_has_one_writer() {
    let place = Place::new();
    let journal = place.open();
    let writer = begin(&journal, &key(1)).await;
    let again = journal.begin(&key(1), started(), Durability::Process).await;
    assert!(matches!(again, Err(Error::Conflict(_))), "{again:?}");
    let load = journal.load(&key(1)).await;
    assert!(matches!(load, Err(Error::Conflict(_))), "{load:?}");

    drop(writer);
    // Without a writer, but still open.
    let again = journal.begin(&key(1), started(), Durability::Process).await;
    assert!(matches!(again, Err(Error::Conflict(_))), "{again:?}");
    let live = journal.load(&key(1)).await.unwrap().live.unwrap();

    // Its end makes room for the next life at once, even before it is written.
    let end = live.writer.append(&ended()).await.unwrap();
    let next = begin(&journal, &key(1)).await;
    end.durable().await.unwrap();
    assert_eq!(next.incarnation().unwrap().number(), 2);
    let late = live.writer.append(&accepted(1, "late")).await.unwrap();
    let late = late.durable().await;
    assert!(matches!(late, Err(Error::Conflict(_))), "{late:?}");
}

#[tokio::test]
async fn a_directory_has_one_journal() {
    let place = Place::new();
    let journal = place.open();
    assert!(matches!(place.try_open(), Err(Error::InUse(_))));
    journal.close().await;
    place.open().close().await;
}

#[tokio::test]
async fn without_durability_nothing_is_written() {
    let place = Place::new();
    let journal = place.open();
    let writer = journal
        .begin(&key(1), started(), Durability::None)
        .await
        .unwrap();
    write(&writer, &story()).await;
    assert_eq!(writer.incarnation(), None);
    assert!(journal.records(&key(1), None).await.unwrap().is_none());
    assert!(journal.load(&key(1)).await.unwrap().live.is_none());
}

#[tokio::test]
async fn a_loaded_session_has_what_its_last_writer_left_in_line() {
    let place = Place::new();
    let (journal, store) = place.open_store();
    let writer = begin(&journal, &key(1)).await;
    let release = store.hold().await;
    for record in story() {
        drop(writer.append(&record).await.unwrap());
    }
    drop(writer);
    let session = key(1);
    let (found, ()) = tokio::join!(load(&journal, &session), async { drop(release) });
    assert_eq!(found.unwrap(), whole(&story()));
}

#[tokio::test]
async fn the_open_tail_can_be_dropped_and_written_anew() {
    let place = Place::new();
    let journal = place.open();
    let writer = begin(&journal, &key(1)).await;
    let mut records = story();
    records.push(observed(3, 1, &"x".repeat(9_000)));
    write(&writer, &records).await;
    let page = |journal: crate::journal::Journal| async move {
        let tenant = key(1).agent.tenant;
        journal
            .sessions(Some(&tenant), Filter::default())
            .await
            .unwrap()
    };

    for refused in [1, 2, 6] {
        let refused = writer.discard_tail(Seq(refused)).await;
        assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    }
    let before = page(journal.clone()).await.summaries.remove(0);
    writer.discard_tail(Seq(7)).await.unwrap();
    writer.discard_tail(Seq(7)).await.unwrap();
    let after = page(journal.clone()).await.summaries.remove(0);
    assert_eq!((before.turns, before.records), (3, 8));
    assert_eq!((after.turns, after.records), (2, 6));
    assert!(before.bytes - after.bytes > 9_000 && after.bytes > 20_000);

    let again = [accepted(3, "again"), finished(3, "done")];
    write(&writer, &again).await;
    drop(writer);
    let expected = whole(&[&story()[..5], &again[..]].concat());
    assert_eq!(load(&journal, &key(1)).await.unwrap(), expected);
}

#[tokio::test]
async fn a_turn_is_accepted_once_and_finished_once() {
    let place = Place::new();
    let journal = place.open();
    let writer = begin(&journal, &key(1)).await;
    write(&writer, &[accepted(1, "a"), finished(1, "b")]).await;
    for record in [
        accepted(1, "again"),
        finished(1, "again"),
        finished(2, "never accepted"),
        Record::Started(started()),
    ] {
        let refused = writer.append(&record).await.unwrap().durable().await;
        assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    }
    write(&writer, &[accepted(2, "c")]).await;
    drop(writer);
    let expected = whole(&[accepted(1, "a"), finished(1, "b"), accepted(2, "c")]);
    assert_eq!(load(&journal, &key(1)).await.unwrap(), expected);
}

#[tokio::test]
async fn a_closed_journal_writes_what_was_in_line_and_refuses_the_rest() {
    let place = Place::new();
    let (journal, store) = place.open_store();
    let writer = begin(&journal, &key(1)).await;
    let release = store.hold().await;
    let in_line = writer.append(&accepted(1, "a")).await.unwrap();
    let ((), ()) = tokio::join!(journal.close(), async { drop(release) });
    in_line.durable().await.unwrap();
    let late = writer.append(&finished(1, "b")).await;
    assert!(matches!(late, Err(Error::Closed)), "{late:?}");
    let begun = journal.begin(&key(2), started(), Durability::Power).await;
    assert!(matches!(begun, Err(Error::Closed)), "{begun:?}");
    let read = journal.records(&key(1), None).await;
    assert!(matches!(read, Err(Error::Closed)), "{read:?}");
    journal.close().await;
    drop(writer);
    let expected = whole(&[accepted(1, "a")]);
    assert_eq!(load(&place.open(), &key(1)).await.unwrap(), expected);
}

#[tokio::test]
async fn ten_thousand_records_come_back() {
    let place = Place::new();
    let journal = place.open();
    let writer = begin(&journal, &key(1)).await;
    let mut records = vec![accepted(1, "go")];
    records.extend((1..=10_000).map(|call| observed(1, call, "piece")));
    write(&writer, &records).await;
    drop(writer);
    assert_eq!(load(&journal, &key(1)).await.unwrap(), whole(&records));
}

#[tokio::test]
async fn sessions_are_listed_in_pages() {
    let place = Place::new();
    let journal = place.open();
    for number in 0..5 {
        let writer = begin(&journal, &key(number)).await;
        if number % 2 == 0 {
            write(&writer, &[accepted(1, "x"), finished(1, "y"), ended()]).await;
        }
    }
    let tenant = key(0).agent.tenant;
    let mut filter = Filter {
        limit: 2,
        ..Filter::default()
    };
    let mut seen = Vec::new();
    loop {
        let page = journal
            .sessions(Some(&tenant), filter.clone())
            .await
            .unwrap();
        seen.extend(page.summaries);
        filter.after = page.next;
        if page.next.is_none() {
            break;
        }
    }
    let keys: Vec<_> = seen.iter().map(|summary| summary.key.clone()).collect();
    assert_eq!(keys, [4, 3, 2, 1, 0].map(key));
    assert_eq!(
        (seen[0].state, seen[0].turns, seen[0].records),
        (State::Ended, 1, 4)
    );
    assert_eq!(seen[0].ended, Some(NOON));
    assert_eq!(seen[0].reason.as_deref(), Some("stopped"));
    assert_eq!(seen[0].version, Some(started().version));
    let used = ModelUse {
        calls: 1,
        input_tokens: 3,
        output_tokens: 5,
    };
    assert_eq!((seen[0].models, seen[0].memory_bytes), (used, 1 << 20));
    assert_eq!(
        (seen[1].models, seen[1].memory_bytes),
        (ModelUse::default(), 0)
    );
    assert_eq!((&seen[1].reason, seen[1].ended), (&None, None));
    assert_eq!(
        (seen[1].state, seen[1].turns, seen[1].records),
        (State::Open, 0, 1)
    );

    let open = Filter {
        state: Some(State::Open),
        ..Filter::default()
    };
    let open = journal.sessions(Some(&tenant), open).await.unwrap();
    assert_eq!(open.summaries.len(), 2);
    let other = "000000000000".parse().unwrap();
    let others = journal
        .sessions(Some(&other), Filter::default())
        .await
        .unwrap();
    assert!(others.summaries.is_empty());
    for (before, expected) in [(NOON, 0), (NOON + Duration::from_secs(1), 2)] {
        let idle = Filter {
            state: Some(State::Open),
            active_before: Some(before),
            ..Filter::default()
        };
        let idle = journal.sessions(None, idle).await.unwrap();
        assert_eq!(idle.summaries.len(), expected);
    }
}

#[test]
fn the_configuration_knows_its_keys() {
    let config: Config = toml::from_str("retention_seconds = 60").unwrap();
    let default = Config::default();
    assert_eq!(
        config,
        Config {
            retention_seconds: 60,
            ..default
        }
    );
    assert!(toml::from_str::<Config>("retention = 60").is_err());
    for durability in [Durability::None, Durability::Process, Durability::Power] {
        assert_eq!(durability.as_str().parse(), Ok(durability));
        let json = serde_json::to_value(durability).unwrap();
        assert_eq!(json, durability.as_str());
    }
    assert!("fsync".parse::<Durability>().is_err());
}

#[tokio::test]
async fn agents_with_sessions_are_known_from_the_first_on_and_after_a_restart() {
    let place = Place::new();
    let journal = place.open();
    let agent = |number: u64| {
        let agent = format!("agent-{number:010}").parse().unwrap();
        let tenant = key(1).agent.tenant;
        crate::ids::AgentKey { tenant, agent }
    };
    for number in 1..=3 {
        assert!(!journal.knows(&agent(number)));
        for session in 0..3 {
            let key = crate::ids::SessionKey {
                agent: agent(number),
                ..key(session)
            };
            begin(&journal, &key).await;
        }
        assert!(journal.knows(&agent(number)));
    }
    journal.close().await;
    let journal = place.open();
    for number in 1..=3 {
        assert!(journal.knows(&agent(number)));
    }
    assert!(!journal.knows(&agent(4)));
}
