use aws_smithy_types::{Document, Number};

use super::{from_pieces, parse, parse_object, text};

#[test]
fn json_comes_back_as_it_went() {
    for json in [
        "null",
        "true",
        "\"a \\\"quoted\\\" word\\nand ünïcode\"",
        "0",
        "-7",
        "18446744073709551615",
        "-9223372036854775808",
        "0.25",
        "[]",
        "{}",
        r#"{"a":[1,{"b":null}],"c":{"d":""}}"#,
    ] {
        assert_eq!(text(parse(json).unwrap()), json);
    }
}

#[test]
fn objects_are_written_in_one_order() {
    let forwards = text(parse(r#"{"a":1,"b":2,"c":3,"d":4}"#).unwrap());
    let backwards = text(parse(r#"{"d":4,"c":3,"b":2,"a":1}"#).unwrap());
    assert_eq!(forwards, backwards);
}

#[test]
fn a_number_that_json_cannot_write_becomes_null() {
    assert_eq!(text(Document::Number(Number::Float(f64::NAN))), "null");
    assert_eq!(text(Document::Number(Number::Float(f64::INFINITY))), "null");
}

#[test]
fn what_is_not_json_is_refused_and_deep_nesting_too() {
    assert!(parse("{").is_err());
    assert!(parse("").is_err());
    assert!(parse(&"[".repeat(100_000)).is_err());
    assert!(parse_object("[1]").is_err());
    assert!(parse_object("{}").is_ok());
}

#[test]
fn pieces_of_json_are_always_json_in_the_end() {
    assert_eq!(from_pieces(String::new()), "{}");
    assert_eq!(from_pieces(r#"{"a": 1}"#.to_owned()), r#"{"a": 1}"#);
    assert_eq!(from_pieces(r#"{"a": "#.to_owned()), r#""{\"a\": ""#);
}
