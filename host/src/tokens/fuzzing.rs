//! What a fuzzer calls of this room.

use super::keys::Keys;
use super::token::Token;

/// A token, and a key set.
pub(crate) const SEEDS: &[&str] = &[
    "eyJhbGciOiJFUzI1NiIsImtpZCI6ImZpcnN0In0.eyJpc3MiOiJodHRwczovL2lzc3VlciIsInN1YiI6Im1lIiwiZXhwIjoxfQ.c2lnbmF0dXJl",
    r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"first","use":"sig","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}"#,
];

/// A token of strangers against a key set that is sound, and a key set of strangers.
pub(crate) fn run(bytes: &[u8]) {
    let _ = Keys::read(bytes);
    let keys = Keys::read(SEEDS[1].as_bytes()).expect("the seed is a key set");
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(token) = Token::read(text)
    {
        assert!(token.verified(&keys).is_err(), "a token was forged");
    }
}
