use futures::FutureExt;

use super::*;
use crate::ids::TenantId;
use crate::sessions::passage::Passages;

fn is_pending<T>(future: &mut std::pin::Pin<Box<impl Future<Output = T>>>) -> bool {
    future.as_mut().now_or_never().is_none()
}

async fn all(reader: Reader) -> (Vec<Bytes>, Option<TurnError>) {
    let Ok(Answer::Stream { mut chunks, .. }) = reader.answer().await else {
        panic!("not a stream")
    };
    let mut pieces = Vec::new();
    while let Some(piece) = chunks.next().await {
        match piece {
            Ok(piece) => pieces.push(piece),
            Err(error) => return (pieces, Some(error)),
        }
    }
    (pieces, None)
}

#[tokio::test]
async fn an_answer_without_pieces_comes_whole() {
    let (source, reader) = outlet(None, None);
    source.set_content_type("text/plain".to_owned());
    source.finish(b"all".to_vec());
    let Ok(Answer::Whole { content_type, body }) = reader.answer().await else {
        panic!("not whole")
    };
    assert_eq!(
        (content_type.as_str(), &body[..]),
        ("text/plain", &b"all"[..])
    );
}

#[tokio::test]
async fn pieces_come_in_order_and_the_rest_last() {
    let (source, reader) = outlet(None, None);
    assert_eq!(source.write("one".into()).await, Ok(true));
    assert_eq!(source.write("two".into()).await, Ok(true));
    source.finish(b"three".to_vec());
    assert_eq!(
        all(reader).await,
        (vec!["one".into(), "two".into(), "three".into()], None)
    );
}

#[tokio::test]
async fn who_comes_late_reads_from_the_start() {
    let (source, first) = outlet(None, None);
    let ticket = source.ticket();
    source.write("one".into()).await.unwrap();
    let second = ticket.reader().unwrap();
    source.finish(b"two".to_vec());
    let third = ticket.reader().unwrap();
    for reader in [first, second, third] {
        assert_eq!(all(reader).await.0, ["one", "two"]);
    }
    drop(source);
    assert!(ticket.reader().is_none());
}

#[tokio::test]
async fn the_agent_waits_for_a_slow_caller_and_goes_on_without_one() {
    let (source, reader) = outlet(None, None);
    for _ in 1..WAITING_PIECES {
        assert_eq!(source.write("x".into()).await, Ok(true));
    }
    let mut full = Box::pin(source.write("x".into()));
    assert!(is_pending(&mut full));
    let Ok(Answer::Stream { mut chunks, .. }) = reader.answer().await else {
        panic!("not a stream")
    };
    chunks.next().await;
    assert_eq!(full.await, Ok(true));

    let mut full = Box::pin(source.write("x".into()));
    assert!(is_pending(&mut full));
    drop(chunks);
    assert_eq!(full.await, Ok(false), "nobody is there");
}

#[tokio::test]
async fn an_error_after_pieces_ends_the_stream_with_it() {
    let (source, reader) = outlet(None, None);
    source.write("one".into()).await.unwrap();
    source.fail(TurnError::BrokenOff);
    assert_eq!(
        all(reader).await,
        (vec!["one".into()], Some(TurnError::BrokenOff))
    );
}

#[tokio::test]
async fn an_agents_error_is_an_event_in_a_stream_of_events() {
    let (source, reader) = outlet(None, None);
    source.set_content_type("text/event-stream".to_owned());
    source.write("data: 1\n\n".into()).await.unwrap();
    source.agent_failed(TurnError::Failed("no more".to_owned()));
    let (pieces, error) = all(reader).await;
    assert_eq!(error, None);
    assert!(pieces[1].starts_with(b"data: {\"error\":\"no more\""));
}

#[tokio::test]
async fn a_turn_that_vanishes_breaks_its_answer_off() {
    let (source, reader) = outlet(None, None);
    drop(source);
    assert_eq!(reader.answer().await.unwrap_err(), TurnError::BrokenOff);
}

#[tokio::test]
async fn a_large_answer_has_memory_as_long_as_anybody_may_read_it() {
    let talk = Passages::new(1 << 20);
    let tenant = TenantId::local();
    let large = || Bytes::from(vec![0; 600 << 10]);
    let (source, reader) = outlet(None, Some(talk.none(&tenant)));
    assert_eq!(source.write(large()).await, Ok(true));
    assert_eq!(source.write(large()).await, Err(NoRoom));
    assert!(source.has_room(SMALL), "small ones need none");

    let (whole, second) = outlet(None, Some(talk.none(&tenant)));
    assert!(!whole.has_room(600 << 10));
    source.finish(Vec::new());
    drop(source);
    assert!(!whole.has_room(600 << 10), "it is not read yet");
    assert_eq!(all(reader).await.0.len(), 1);
    assert!(whole.has_room(600 << 10));
    whole.finish(vec![0; 600 << 10]);
    drop(whole);
    let Ok(Answer::Whole { body, .. }) = second.answer().await else {
        panic!("not whole")
    };
    let third = outlet(None, Some(talk.none(&tenant))).0;
    assert!(!third.has_room(600 << 10), "it is not sent yet");
    drop(body);
    assert!(third.has_room(600 << 10));
}
