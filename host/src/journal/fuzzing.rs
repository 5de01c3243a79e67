//! What a fuzzer calls of this room.

use super::codec::{Entry, FORMAT, decode};
use super::store::Seq;
use crate::ids::SessionKey;

/// The records of the golden journal: one of each kind.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    const GOLDEN: &str = include_str!("../../../tests/golden/journal-1/journal.sql");
    let records = GOLDEN.lines().filter_map(|line| {
        let begin = line.find(r#"{"record""#)?;
        let end = line.rfind("}'")?;
        Some(line.as_bytes()[begin..=end].to_vec())
    });
    records.collect()
}

/// What can be read is written and read again as the same.
pub(crate) fn run(bytes: &[u8]) {
    let key: SessionKey = serde_json::from_value(serde_json::json!({
        "agent": { "tenant": "000000000000", "agent": "agent-0123456789" },
        "session": "a".repeat(40),
    }))
    .expect("the names are well-formed");
    let Ok(record) = decode(&key, Seq::FIRST, FORMAT, bytes) else {
        return;
    };
    let entry = Entry::of(&record).expect("records can be written");
    let again = decode(&key, Seq::FIRST, FORMAT, entry.text.as_bytes());
    assert_eq!(again.ok(), Some(record));
}
