//! Damage is found, told, and kept to the session that has it.

use super::fixtures::*;
use crate::journal::{Body, Durability, Error, Filter, Journal, State};

/// Two sessions of the same story and an ended one, closed.
async fn written() -> Place {
    let place = Place::new();
    let journal = place.open();
    write(&begin(&journal, &key(1)).await, &story()).await;
    write(&begin(&journal, &key(2)).await, &story()).await;
    let ending = begin(&journal, &key(3)).await;
    write(&ending, &story()[..3]).await;
    write(&ending, &[ended()]).await;
    journal.close().await;
    place
}

/// Session 1 is damaged, and stays so; session 2 is not concerned.
async fn assert_quarantined(place: &Place, what: &str) -> u64 {
    let journal = place.open();
    let error = journal.load(&key(1)).await.expect_err(what);
    let Error::Damaged {
        damage, session, ..
    } = error
    else {
        panic!("{what}: {error:?}");
    };
    assert_eq!(*session, key(1));
    let begun = journal.begin(&key(1), started(), Durability::Process).await;
    assert!(
        matches!(begun, Err(Error::Conflict(_))),
        "{what}: {begun:?}"
    );
    assert_eq!(
        load(&journal, &key(2)).await.unwrap(),
        whole(&story()),
        "{what}"
    );
    journal.close().await;

    let journal = place.open();
    let again = journal.load(&key(1)).await;
    assert!(
        matches!(again, Err(Error::Damaged { .. })),
        "{what}: {again:?}"
    );
    journal.close().await;
    damage.seq.number()
}

#[tokio::test]
async fn every_field_of_a_record_is_guarded() {
    for (edit, seq) in [
        ("seq = 99 WHERE session = 1 AND seq = 3", 3),
        ("seq = 0 WHERE session = 1 AND seq = 1", 1),
        ("format = 2 WHERE session = 1 AND seq = 4", 4),
        ("size = size + 1 WHERE session = 1 AND seq = 4", 4),
        (
            "text = replace(text, 'eins', 'zwei') WHERE session = 1 AND seq = 4",
            4,
        ),
        ("text = text || ' ' WHERE session = 1 AND seq = 2", 2),
        (
            "text = text || ' ', size = size + 1 WHERE session = 1 AND seq = 2",
            2,
        ),
        ("text = NULL WHERE session = 1 AND seq = 5", 5),
        (
            "text = CAST(x'ff00' AS TEXT), size = 2 WHERE session = 1 AND seq = 5",
            5,
        ),
        ("file = zeroblob(32) WHERE session = 1 AND seq = 6", 6),
        ("file = x'00' WHERE session = 1 AND seq = 6", 6),
        ("text = 'x' WHERE session = 1 AND seq = 6", 6),
        ("link = zeroblob(32) WHERE session = 1 AND seq = 3", 3),
        ("link = x'00' WHERE session = 1 AND seq = 7", 7),
        ("session = 77 WHERE session = 1 AND seq = 2", 2),
        ("session = 3, seq = 99 WHERE session = 1 AND seq = 7", 7),
    ] {
        let place = written().await;
        let sql = format!("UPDATE records SET {edit}");
        assert_eq!(place.surgery().execute(&sql, []).unwrap(), 1, "{edit}");
        assert_eq!(assert_quarantined(&place, edit).await, seq, "{edit}");
    }
}

#[tokio::test]
async fn every_field_of_a_sessions_row_is_guarded() {
    for edit in [
        "incarnation = 2",
        "incarnation = -1",
        "state = 'ended'",
        "state = 'ended', ended = 5",
        "state = 'closed'",
        "durability = 'power'",
        "durability = 'maybe'",
        "started = 1",
        "active = 1",
        "ended = 1",
        "turns = 2",
        "bytes = 0",
        "last = 6",
        "last = 8",
        "link = zeroblob(32)",
        "link = x''",
        "version = NULL",
        "version = '4'",
        "version = 'new'",
        "reason = ''",
        "reason = 'idle'",
        "finished = 1",
        "calls = 9",
        "input_tokens = 9",
        "output_tokens = 9",
        "memory = 9",
        "start = zeroblob(32)",
        "start = link",
        "answers = zeroblob(32)",
        "answers = x''",
        "trimmed = 2",
        "trimmed_link = zeroblob(32)",
        "trimmed = 2, trimmed_link = zeroblob(32)",
        "trimmed = 2, trimmed_link = x''",
        "image = 2",
        "image_file = zeroblob(32)",
        "image = 2, image_turn = 0, image_before = zeroblob(32), image_file = zeroblob(32), image_bytes = 0",
        "damaged_at = 1",
        "damaged_why = 'x'",
        "damaged_at = 1, damaged_why = 'x'",
        "seal = zeroblob(32)",
        "seal = x''",
    ] {
        let place = written().await;
        let sql = format!("UPDATE sessions SET {edit} WHERE id = 1");
        assert_eq!(place.surgery().execute(&sql, []).unwrap(), 1, "{edit}");
        assert_quarantined(&place, edit).await;
    }
}

#[tokio::test]
async fn every_field_of_the_index_of_answers_is_guarded() {
    for edit in [
        "turn = 9",
        "invocation = 'another'",
        "invocation = NULL",
        "accepted = 3",
        "finished = 5",
        "finished = NULL",
        "finished_at = finished_at + 1",
        "finished_at = NULL",
        "session = 2, turn = 9",
    ] {
        let place = written().await;
        let sql = format!("UPDATE turns SET {edit} WHERE session = 1 AND turn = 1");
        assert_eq!(place.surgery().execute(&sql, []).unwrap(), 1, "{edit}");
        let journal = place.open();
        let loaded = journal.load(&key(1)).await;
        assert!(
            matches!(loaded, Err(Error::Damaged { .. })),
            "{edit}: {loaded:?}"
        );
    }
}

#[tokio::test]
async fn a_session_under_another_name_is_not_given() {
    for edit in [
        "tenant = '000000000000'",
        "agent = 'support-Zy98Xw76Vu'",
        "session = 'session-00000000000000000000000000000009'",
    ] {
        let place = written().await;
        let sql = format!("UPDATE sessions SET {edit} WHERE id = 1");
        assert_eq!(place.surgery().execute(&sql, []).unwrap(), 1);
        let mut other = key(1);
        match edit.split(' ').next().unwrap() {
            "tenant" => other.agent.tenant = "000000000000".parse().unwrap(),
            "agent" => other.agent.agent = "support-Zy98Xw76Vu".parse().unwrap(),
            _ => other = key(9),
        }
        let journal = place.open();
        let loaded = journal.load(&other).await;
        assert!(
            matches!(loaded, Err(Error::Damaged { .. })),
            "{edit}: {loaded:?}"
        );
        let answer = journal.answer(&other, &invocation(1)).await;
        assert!(
            matches!(answer, Err(Error::Damaged { .. })),
            "{edit}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn records_that_are_missing_are_missed() {
    for (edit, seq) in [
        // At the start, inside, at the end, after the start, all.
        ("seq = 1", 1),
        ("seq = 4", 4),
        ("seq = 7", 7),
        ("seq > 5", 6),
        ("seq > 1", 2),
        ("seq > 0", 1),
    ] {
        let place = written().await;
        let sql = format!("DELETE FROM records WHERE session = 1 AND {edit}");
        assert!(place.surgery().execute(&sql, []).unwrap() > 0);
        assert_eq!(assert_quarantined(&place, edit).await, seq, "{edit}");
    }
}

#[tokio::test]
async fn records_that_changed_places_are_found() {
    for swap in [
        // Between two sessions that say the same, and inside one.
        "UPDATE records SET session = 99 WHERE session = 1 AND seq = 4;
         UPDATE records SET session = 1 WHERE session = 2 AND seq = 4;
         INSERT INTO records SELECT NULL, 2, seq, format, size, text, file, link FROM records WHERE session = 1 AND seq = 4;",
        "UPDATE records SET seq = 99 WHERE session = 1 AND seq = 2;
         UPDATE records SET seq = 2 WHERE session = 1 AND seq = 5;
         UPDATE records SET seq = 5 WHERE session = 1 AND seq = 99;",
        "INSERT INTO records SELECT NULL, 1, 8, format, size, text, file, link FROM records WHERE session = 1 AND seq = 7;",
    ] {
        let place = written().await;
        place.surgery().execute_batch(swap).unwrap();
        assert_quarantined(&place, swap).await;
    }
}

#[tokio::test]
async fn a_spoilt_file_is_found() {
    type Spoil = fn(&mut Vec<u8>);
    let spoils: [Spoil; 4] = [
        |bytes| bytes[9_000] ^= 1,
        |bytes| bytes.truncate(100),
        |bytes| bytes.push(b' '),
        |bytes| bytes.clear(),
    ];
    for spoil in spoils {
        let place = written().await;
        // Both sessions say the same, and so share the file; the second gets one of its own.
        let other = "UPDATE records SET file = NULL, text = ?1 WHERE session = 2 AND seq = 6";
        let body = place.bodies().remove(0);
        let mut bytes = std::fs::read(&body).unwrap();
        let text = String::from_utf8(bytes.clone()).unwrap();
        place.surgery().execute(other, [text]).unwrap();
        spoil(&mut bytes);
        std::fs::write(&body, bytes).unwrap();
        assert_eq!(assert_quarantined(&place, "a spoilt file").await, 6);
    }
    let place = written().await;
    std::fs::remove_file(place.bodies().remove(0)).unwrap();
    let journal = place.open();
    let loaded = journal.load(&key(1)).await;
    assert!(matches!(loaded, Err(Error::Damaged { .. })), "{loaded:?}");
}

#[tokio::test]
async fn a_damaged_session_can_be_read_as_far_as_it_goes_and_given_up() {
    let place = written().await;
    let edit = "UPDATE records SET text = replace(text, 'first', 'worst') WHERE session = 1";
    assert!(place.surgery().execute(edit, []).unwrap() > 1);
    let journal = place.open();
    assert!(journal.load(&key(1)).await.is_err());
    let transcript = journal.records(&key(1), None).await.unwrap().unwrap();
    assert_eq!(transcript.state, State::Damaged);
    assert_eq!(plain(&transcript.records), whole(&story()[..1]));
    assert_eq!(transcript.damage.unwrap().seq.number(), 3);
    let filter = Filter {
        state: Some(State::Damaged),
        ..Filter::default()
    };
    let listed = journal.sessions(None, filter).await.unwrap();
    assert_eq!(listed.summaries.len(), 1);
    assert_eq!(listed.summaries[0].damage.as_ref().unwrap().seq.number(), 3);

    assert_eq!(journal.end_damaged(&key(1)).await.unwrap(), 1);
    assert_eq!(journal.end_damaged(&key(1)).await.unwrap(), 0);
    assert!(journal.load(&key(1)).await.unwrap().live.is_none());
    let writer = begin(&journal, &key(1)).await;
    assert_eq!(writer.incarnation().unwrap().number(), 2);
    let kept = writer
        .incarnation()
        .map(|_| crate::journal::Incarnation::from_number(1));
    let kept = journal.records(&key(1), kept).await.unwrap().unwrap();
    assert_eq!((kept.state, kept.records.len()), (State::Ended, 2));
}

#[tokio::test]
async fn a_row_that_makes_no_sense_can_be_given_up() {
    let place = written().await;
    let edit = "UPDATE sessions SET state = 'x', link = x'00' WHERE id = 1";
    place.surgery().execute(edit, []).unwrap();
    let journal = place.open();
    assert!(journal.load(&key(1)).await.is_err());
    let transcript = journal.records(&key(1), None).await.unwrap().unwrap();
    assert!(transcript.damage.is_some() && transcript.records.is_empty());
    assert_eq!(journal.end_damaged(&key(1)).await.unwrap(), 1);
    begin(&journal, &key(1)).await;
}

/// Rows with right hashes, written by a program that knows more.
#[tokio::test]
async fn formats_and_kinds_of_other_versions_are_refused_but_not_quarantined() {
    use crate::journal::chain;

    for (format, text) in [
        (2, r#"{"record":"ended","reason":"idle","at":1}"#),
        (1, r#"{"record":"dreamt","of":"sheep"}"#),
        (1, r#"{"record":"turn-finished","turn":1,"mood":"good"}"#),
    ] {
        let place = written().await;
        let surgery = place.surgery();
        let sql = "SELECT link FROM records WHERE session = 1 AND seq = 7";
        let before: [u8; 32] = surgery.query_row(sql, [], |row| row.get(0)).unwrap();
        let link = chain::link(
            &before,
            &key(1),
            1,
            8,
            format,
            &chain::digest(text.as_bytes()),
        );
        let sql = "INSERT INTO records (session, seq, format, size, text, link) VALUES (1, 8, ?1, ?2, ?3, ?4)";
        let size = text.len() as i64;
        surgery
            .execute(sql, rusqlite::params![format, size, text, link])
            .unwrap();
        let journal = place.open();
        for _ in 0..2 {
            match (format, journal.load(&key(1)).await) {
                (
                    2,
                    Err(Error::Format {
                        found: 2,
                        known: 1,
                        seq,
                        ..
                    }),
                ) => assert_eq!(seq.number(), 8),
                (1, Err(Error::Unreadable { seq, .. })) => assert_eq!(seq.number(), 8),
                (_, other) => panic!("{text}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_database_of_another_layout_is_refused() {
    let place = written().await;
    place
        .surgery()
        .pragma_update(None, "user_version", 2)
        .unwrap();
    let error = place.try_open().unwrap_err();
    assert!(
        matches!(error, Error::Layout { found: 2, known: 1 }),
        "{error:?}"
    );
}

/// Whatever bytes of the database are wrong: an error, or nothing, or the truth.
#[tokio::test]
async fn a_torn_database_never_tells_a_lie() {
    let place = written().await;
    let database = std::fs::read(place.path().join("journal.db")).unwrap();
    let (mut refused, mut damaged) = (0, 0);
    for (round, at) in (0..database.len()).step_by(331).enumerate() {
        let mut torn = database.clone();
        match round % 3 {
            0 => torn[at] ^= 0x04,
            1 => torn[at..].iter_mut().take(512).for_each(|byte| *byte = 0),
            _ => torn.truncate(at),
        }
        let copy = Place::new();
        std::fs::create_dir_all(copy.path().join("bodies")).unwrap();
        std::fs::write(copy.path().join("journal.db"), &torn).unwrap();
        for body in place.bodies() {
            let to = copy.path().join("bodies").join(body.file_name().unwrap());
            std::fs::copy(&body, to).unwrap();
        }
        let Ok(journal) = copy.try_open() else {
            refused += 1;
            continue;
        };
        damaged += told_the_truth(&journal, &format!("round {round} at {at}")).await;
        journal.close().await;
    }
    assert!(refused > 0 && damaged > 0, "{refused} {damaged}");
}

/// How many sessions could not be read.
async fn told_the_truth(journal: &Journal, what: &str) -> usize {
    let mut damaged = 0;
    for session in [1, 2] {
        match journal.load(&key(session)).await {
            Ok(loaded) => {
                if let Some(live) = loaded.live {
                    assert_eq!(plain(&live.records), whole(&story()), "{what}");
                }
            }
            Err(_) => damaged += 1,
        }
        if let Ok(Some(answer)) = journal.answer(&key(session), &invocation(1)).await {
            assert_eq!(
                answer.accepted.payload,
                Body::from(b"one".to_vec()),
                "{what}"
            );
        }
    }
    damaged
}

#[tokio::test]
async fn a_file_that_cannot_be_read_now_is_no_damage() {
    let place = written().await;
    let body = place.bodies().remove(0);
    let aside = body.with_extension("aside");
    std::fs::rename(&body, &aside).unwrap();
    // Reading a folder fails, for whomever.
    std::fs::create_dir(&body).unwrap();
    let journal = place.open();
    let loaded = journal.load(&key(1)).await;
    assert!(matches!(loaded, Err(Error::Read(_))), "{loaded:?}");
    std::fs::remove_dir(&body).unwrap();
    std::fs::rename(&aside, &body).unwrap();
    assert!(journal.load(&key(1)).await.unwrap().live.is_some());
}
