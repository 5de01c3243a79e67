use serde_json::{Value, json};

use super::{kind, parse, text};

/// Through the SDK's block and back.
fn there_and_back(block: &Value) -> Value {
    let block = parse(&block.to_string()).unwrap().into_block().unwrap();
    serde_json::from_str(&text(block)).unwrap()
}

#[test]
fn every_block_beyond_the_contract_comes_back_as_it_went() {
    let span = json!({ "documentIndex": 0, "start": 3, "end": 9 });
    let blocks = [
        json!({ "text": "plain" }),
        json!({ "image": { "format": "png", "source": { "bytes": "AAH+/w==" } } }),
        json!({ "video": { "format": "mp4", "source": { "bytes": "AAH+/w==" } } }),
        json!({ "audio": { "format": "wav", "source": { "bytes": "AAH+/w==" } } }),
        json!({ "document": { "name": "a", "format": "txt", "source": { "text": "words" }, "context": "c", "citations": { "enabled": true } } }),
        json!({ "document": { "name": "a", "format": "txt", "source": { "content": [{ "text": "one" }, { "text": "two" }] } } }),
        json!({ "cachePoint": { "type": "default", "ttl": "1h" } }),
        json!({ "guardContent": { "text": { "text": "mind this", "qualifiers": ["query", "grounding_source"] } } }),
        json!({ "guardContent": { "image": { "format": "png", "source": { "bytes": "AAH+/w==" } } } }),
        json!({ "searchResult": { "source": "s", "title": "t", "content": [{ "text": "found" }], "citations": { "enabled": true } } }),
        json!({ "toolUse": { "toolUseId": "s1", "name": "n", "input": { "q": [1, 2] }, "type": "server_tool_use" } }),
        json!({ "toolResult": { "toolUseId": "s1", "status": "success", "type": "nova_result", "content": [
            { "text": "t" }, { "json": { "a": 1 } },
            { "image": { "format": "png", "source": { "bytes": "AAH+/w==" } } },
            { "document": { "name": "a", "format": "txt", "source": { "text": "words" } } },
            { "video": { "format": "mp4", "source": { "bytes": "AAH+/w==" } } },
            { "searchResult": { "source": "s", "title": "t", "content": [{ "text": "found" }] } },
        ] } }),
        json!({ "citationsContent": { "content": [{ "text": "said" }], "citations": [
            { "title": "T", "source": "S", "sourceContent": [{ "text": "quote" }], "location": { "web": { "url": "u", "domain": "d" } } },
            { "location": { "documentChar": span } }, { "location": { "documentPage": span } }, { "location": { "documentChunk": span } },
            { "location": { "searchResultLocation": { "searchResultIndex": 1, "start": 0, "end": 1 } } },
        ] } }),
    ];
    for block in blocks {
        assert_eq!(there_and_back(&block), block);
    }
}

#[test]
fn what_is_not_known_is_refused_by_its_name() {
    for (block, name) in [
        (json!({ "hologram": {} }), "hologram"),
        (
            json!({ "searchResult": { "source": "s", "title": "t", "content": [], "colour": "red" } }),
            "colour",
        ),
        (
            json!({ "image": { "format": "png", "source": { "tape": 1 } } }),
            "tape",
        ),
        (
            json!({ "citationsContent": { "citations": [{ "location": { "moon": {} } }] } }),
            "moon",
        ),
    ] {
        let problem = format!("{:?}", parse(&block.to_string()).unwrap_err());
        assert!(problem.contains(name), "{problem}");
    }
}

#[test]
fn a_source_of_documents_is_none_of_media() {
    for block in [
        json!({ "image": { "format": "png", "source": { "text": "words" } } }),
        json!({ "audio": { "format": "wav" } }),
        json!({ "document": { "name": "a", "format": "txt", "source": { "s3Location": { "uri": "s3://b/k" } } } }),
        json!({ "document": { "name": "a", "format": "txt" } }),
    ] {
        assert!(
            parse(&block.to_string()).unwrap().into_block().is_err(),
            "{block}"
        );
    }
}

#[test]
fn bytes_that_are_not_base64_are_refused() {
    let block = r#"{"image":{"format":"png","source":{"bytes":"not base64!"}}}"#;
    assert!(parse(block).is_err());
}

#[test]
fn kinds_are_named_as_on_the_wire() {
    for block in [
        json!({ "text": "" }),
        json!({ "cachePoint": { "type": "default" } }),
        json!({ "citationsContent": {} }),
    ] {
        let parsed = parse(&block.to_string()).unwrap().into_block().unwrap();
        assert!(block.get(kind(&parsed)).is_some(), "{block}");
    }
}
