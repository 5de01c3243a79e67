//! A repeated invocation finds its answer.

use super::fixtures::*;
use crate::journal::{Body, Durability, Error, Outcome, Record};

fn output(answered: crate::journal::Answered) -> Vec<u8> {
    match answered.finished.outcome {
        Outcome::Answered { output, .. } => output.0.to_vec(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_finished_turn_is_found_by_its_invocation() {
    let place = Place::new();
    let journal = place.open();
    let writer = begin(&journal, &key(1)).await;
    write(&writer, &story()).await;
    let answer = journal.answer(&key(1), &invocation(2)).await.unwrap();
    let answer = answer.unwrap();
    assert_eq!(answer.accepted.payload, Body::from(vec![0xff, 0xfe, 0x00]));
    assert_eq!(output(answer), "z".repeat(20_000).into_bytes());
    // Open, unknown, and another session's.
    for (session, asked) in [(1, 3), (1, 99), (2, 1)] {
        let answer = journal.answer(&key(session), &invocation(asked)).await;
        assert!(answer.unwrap().is_none());
    }
}

#[tokio::test]
async fn answers_of_ended_lives_are_kept_and_the_newest_counts() {
    let place = Place::new();
    let journal = place.open();
    let first = begin(&journal, &key(1)).await;
    write(
        &first,
        &[
            accepted(1, "a"),
            finished(1, "old"),
            accepted(2, "b"),
            finished(2, "only"),
        ],
    )
    .await;
    write(&first, &[ended()]).await;
    let second = begin(&journal, &key(1)).await;
    write(
        &second,
        &[accepted(1, "a"), finished(1, "new"), accepted(7, "open")],
    )
    .await;
    journal.close().await;

    let journal = place.open();
    let loaded = journal.load(&key(1)).await.unwrap();
    let found = |number| loaded.answered.get(&invocation(number)).copied();
    let lives = [1, 2, 7].map(|number| found(number).map(|it| it.incarnation.number()));
    assert_eq!(lives, [Some(2), Some(1), None]);
    for (number, expected) in [(1, "new"), (2, "only")] {
        let answer = journal.answer(&key(1), &invocation(number)).await.unwrap();
        assert_eq!(output(answer.unwrap()), expected.as_bytes());
    }
}

#[tokio::test]
async fn an_answer_that_was_changed_is_not_given() {
    let place = Place::new();
    let journal = place.open();
    write(&begin(&journal, &key(1)).await, &story()).await;
    journal.close().await;
    let edit = "UPDATE records SET text = replace(text, 'eins', 'vier') WHERE seq = 4";
    assert_eq!(place.surgery().execute(edit, []).unwrap(), 1);

    let journal = place.open();
    let answer = journal.answer(&key(1), &invocation(1)).await;
    let Err(Error::Damaged { damage, .. }) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(damage.seq.number(), 4);
    // The session is quarantined with it.
    assert!(matches!(
        journal.load(&key(1)).await,
        Err(Error::Damaged { .. })
    ));
    let begun = journal.begin(&key(1), started(), Durability::Process).await;
    assert!(matches!(begun, Err(Error::Conflict(_))), "{begun:?}");
}

#[tokio::test]
async fn an_index_that_points_to_another_turn_is_not_believed() {
    let place = Place::new();
    let journal = place.open();
    let writer = begin(&journal, &key(1)).await;
    write(&writer, &story()[..3]).await;
    write(&writer, &[accepted(2, "b"), finished(2, "zwei"), ended()]).await;
    journal.close().await;
    let edit = "UPDATE turns SET invocation = 'retry/9' WHERE turn = 1";
    place.surgery().execute(edit, []).unwrap();

    let journal = place.open();
    let answer = journal.answer(&key(1), &invocation(9)).await;
    assert!(matches!(answer, Err(Error::Damaged { .. })), "{answer:?}");
    // An ended session stays ended: the damage is shown, and its id may begin afresh.
    begin(&journal, &key(1)).await;
}

#[tokio::test]
async fn a_turn_in_one_record_is_found_taken_once_and_guarded() {
    let place = Place::new();
    let journal = place.open();
    let writer = begin(&journal, &key(1)).await;
    write(&writer, &[at_once(1, "one"), at_once(2, "two")]).await;
    let again = writer.append(&at_once(2, "three")).await.unwrap();
    assert!(matches!(again.durable().await, Err(Error::Conflict(_))));
    drop(writer);
    let answered = journal.answer(&key(1), &invocation(2)).await.unwrap();
    let answered = answered.unwrap();
    assert_eq!((answered.accepted.turn, answered.finished.turn), (2, 2));
    let live = journal.load(&key(1)).await.unwrap().live.unwrap();
    assert_eq!(
        plain(&live.records)[1..],
        [at_once(1, "one"), at_once(2, "two")]
    );
    assert_eq!((live.turns, live.models.calls), (2, 2 * models_of(1)));
    drop(live.writer);
    let moved = "UPDATE turns SET finished = accepted + 1 WHERE turn = 1";
    place.surgery().execute(moved, []).unwrap();
    let damaged = journal.answer(&key(1), &invocation(1)).await;
    assert!(matches!(damaged, Err(Error::Damaged { .. })), "{damaged:?}");
}

/// Calls to models in one turn of the fixtures.
fn models_of(turn: u64) -> u64 {
    let Record::TurnFinished(finished) = finished(turn, "") else {
        unreachable!("as its name says");
    };
    finished.models.calls
}
