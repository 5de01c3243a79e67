//! What a fuzzer calls of this room.

use super::wire;

/// Content blocks in Bedrock's JSON.
pub(crate) const BLOCKS: &[&str] = &[
    r#"{"text":"hello"}"#,
    r#"{"toolUse":{"toolUseId":"1","name":"calculator","input":{"expression":"2*5"}}}"#,
    r#"{"image":{"format":"png","source":{"bytes":"AAAA"}}}"#,
    r#"{"cachePoint":{"type":"default","ttl":"5m"}}"#,
    r#"{"guardContent":{"text":{"text":"x","qualifiers":["query"]}}}"#,
];

/// A block that can be put to Bedrock is told by it as one that can be put to it again.
pub(crate) fn block(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(block) = wire::parse(text) else {
        return;
    };
    if let Ok(block) = block.into_block() {
        let told = wire::text(block);
        assert!(
            told == wire::unknown_text() || wire::parse(&told).is_ok(),
            "{told}"
        );
    }
}
