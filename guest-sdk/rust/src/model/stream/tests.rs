use super::*;
use crate::testing::Script;

fn piece(text: &str) -> Result<Event> {
    Ok(Event::Delta(Delta::Text(text.to_owned())))
}

#[test]
fn text_arrives_in_pieces_and_then_whole() {
    let whole = Script::text("Hello there");
    let thought = Ok(Event::Delta(Delta::Reasoning("greet".to_owned())));
    let events = [
        thought,
        piece("Hello "),
        piece("there"),
        Ok(Event::BlockStop),
        Ok(Event::Done(whole.clone())),
    ];
    let mut pieces = Vec::new();

    let response = for_each_text(events, |piece| pieces.push(piece.to_owned()));

    assert_eq!(response, Ok(whole));
    assert_eq!(pieces, ["Hello ", "there"]);
}

#[test]
fn an_error_in_the_middle_ends_the_text() {
    let error = Error::new(ErrorKind::Timeout, "idle for 60 s");
    let mut pieces = Vec::new();

    let response = for_each_text([piece("Hel"), Err(error.clone()), piece("lo")], |piece| {
        pieces.push(piece.to_owned());
    });

    assert_eq!(response, Err(error));
    assert_eq!(pieces, ["Hel"]);
}

#[test]
fn a_stream_that_just_stops_is_no_response() {
    let response = for_each_text([piece("Hel")], |_| {});

    assert_eq!(
        response.map_err(|error| error.kind),
        Err(ErrorKind::Unavailable)
    );
}
