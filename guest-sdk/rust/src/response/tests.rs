use serde_json::json;

use super::*;
use crate::testing;

#[test]
fn each_item_is_one_frame_whatever_is_in_it() {
    let mut events = Events::open();
    events.send("two\nlines").expect("a string is JSON");
    events.send(&json!({"n": 1})).expect("a value is JSON");
    events.send_all([1.5, 2.0]).expect("numbers are JSON");
    let rest = events.end().into_body();

    let frames = "data: \"two\\nlines\"\n\ndata: {\"n\":1}\n\ndata: 1.5\n\ndata: 2.0\n\n";
    assert_eq!(testing::take_sent(), Body::new("text/event-stream", frames));
    assert_eq!(rest, Ok(Body::default()));
}

#[test]
fn an_item_that_is_no_json_is_not_sent() {
    let mut events = Events::open();
    let keyed_by_pair = std::collections::BTreeMap::from([((1, 2), 3)]);

    assert!(events.send(&keyed_by_pair).is_err());
    assert_eq!(testing::take_sent().bytes, b"");
}
