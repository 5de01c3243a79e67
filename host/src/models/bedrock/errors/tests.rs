use super::{Problem, error, mask_accounts, scrub};
use crate::contract::model::{Error, ErrorKind};

#[test]
fn a_problem_is_an_invalid_request_that_says_where() {
    let error = Error::from(
        Problem::new("too round")
            .within("content[1]")
            .within("messages[0]"),
    );
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::Invalid, "messages[0]: content[1]: too round")
    );
    assert_eq!((error.retry_after_ms, error.usage), (None, None));
}

#[test]
fn messages_are_one_bounded_line() {
    let message = error(
        ErrorKind::Invalid,
        format!("one\r\ntwo\0{}", "é".repeat(2_000)),
    )
    .message;
    assert!(message.starts_with("one  two "), "{message}");
    assert_eq!(message.chars().count(), 501);
    assert!(message.ends_with('…'));
    assert_eq!(scrub("short"), "short");
}

#[test]
fn a_message_that_shows_a_signed_request_is_withheld() {
    for text in [
        "The Canonical String was 'POST authorization:AWS4-HMAC-SHA256'",
        "X-Amz-Security-Token: IQoJb3",
        "header Bearer eyJhbGciOi",
        "key AKIAIOSFODNN7EXAMPLE is old",
        "key ASIAIOSFODNN7EXAMPLE is old",
    ] {
        assert!(scrub(text).contains("withheld"), "{text}");
    }
    for text in [
        "You are not authorized",
        "the thinking signature is invalid",
        "AKIA is a prefix",
    ] {
        assert_eq!(scrub(text), text);
    }
}

#[test]
fn account_numbers_are_masked_and_other_numbers_are_not() {
    assert_eq!(
        mask_accounts("arn:aws:iam::123456789012:user"),
        "arn:aws:iam::************:user"
    );
    assert_eq!(mask_accounts("123456789012"), "************");
    assert_eq!(
        mask_accounts("12345678901 and 1234567890123"),
        "12345678901 and 1234567890123"
    );
    assert_eq!(mask_accounts(""), "");
}

#[test]
fn what_is_as_long_as_a_signature_or_a_token_is_masked() {
    let signature = "0123456789abcdef".repeat(4);
    assert_eq!(
        scrub(&format!("you sent {signature}, and it is late")),
        "you sent …, and it is late"
    );
    assert_eq!(scrub(&"Ab+/".repeat(50)), "…");
    let word = "x".repeat(63);
    assert_eq!(scrub(&word), word);
}
