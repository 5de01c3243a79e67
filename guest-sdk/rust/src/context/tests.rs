use super::*;
use crate::{Header, testing};

#[test]
fn headers_are_found_in_any_case() {
    let header = Header {
        name: "x-tier".to_owned(),
        value: "gold".to_owned(),
    };
    let context = Context {
        headers: vec![header],
        ..testing::context()
    };

    assert_eq!(context.header("X-Tier"), Some("gold"));
    assert_eq!(context.header("x-other"), None);
}

#[test]
fn the_time_left_ends_at_the_deadline() {
    let at = |deadline_ms| {
        Context {
            deadline_ms,
            ..testing::context()
        }
        .time_left()
    };

    assert_eq!(at(None), None);
    assert_eq!(at(Some(0)), Some(Duration::ZERO));
    // Thousands of years ahead, so that no clock on the testing machine matters.
    assert!(at(Some(1 << 50)) > Some(Duration::from_secs(1 << 39)));
}
