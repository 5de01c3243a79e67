use serde::Deserialize;

use super::*;

#[derive(Debug, Deserialize, PartialEq)]
struct Order {
    items: Vec<Item>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Item {
    count: u32,
}

fn refusal(payload: &str) -> String {
    match Order::from_body(payload.as_bytes().to_vec().into()) {
        Err(AgentError::InvalidPayload(message)) => message,
        other => panic!("not refused as a payload: {other:?}"),
    }
}

#[test]
fn json_of_the_right_shape_is_read() {
    let order = Order::from_body(br#" {"items": [{"count": 2}]} "#.to_vec().into());
    assert_eq!(
        order,
        Ok(Order {
            items: vec![Item { count: 2 }]
        })
    );
}

#[test]
fn an_empty_payload_is_refused() {
    assert_eq!(refusal(""), "payload is not JSON: it is empty");
    assert_eq!(refusal(" \n"), "payload is not JSON: it is empty");
}

#[test]
fn a_payload_that_is_not_json_is_refused_with_the_place() {
    assert_eq!(
        refusal("hello"),
        "payload is not JSON: expected value at line 1 column 1"
    );
    assert_eq!(
        refusal(r#"{"items": [] } x"#),
        "payload is not JSON: trailing characters at line 1 column 16"
    );
    assert_eq!(
        refusal(r#"{"items": ["#),
        "payload is not JSON: EOF while parsing a list at line 1 column 11"
    );
}

#[test]
fn json_of_the_wrong_shape_is_refused_with_the_field() {
    assert_eq!(
        refusal("{}"),
        "payload does not fit: missing field `items` at line 1 column 2"
    );
    assert_eq!(
        refusal(r#"{"items": [{"count": "two"}]}"#),
        "payload does not fit: `items[0].count`: invalid type: string \"two\", expected u32 \
         at line 1 column 26"
    );
}

#[test]
fn deep_nesting_is_an_error_and_no_overflow() {
    let deep = "[".repeat(100_000).into_bytes();
    let expected = "payload is not JSON: recursion limit exceeded at line 1 column 128";
    assert_eq!(
        serde_json::Value::from_body(deep.into()),
        Err(AgentError::InvalidPayload(expected.to_owned()))
    );
}

#[test]
fn a_string_answer_is_a_json_string() {
    assert_eq!(
        "two\nlines".into_body(),
        Ok(br#""two\nlines""#.to_vec().into())
    );
}

#[test]
fn a_body_goes_through_untouched() {
    let body = Body::new("image/png", [0x89, 0x50]);
    assert_eq!(Body::from_body(body.clone()), Ok(body.clone()));
    assert_eq!(body.clone().into_body(), Ok(body));
}
