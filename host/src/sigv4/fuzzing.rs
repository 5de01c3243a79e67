//! What a fuzzer calls of this room.

use std::time::{Duration, SystemTime};

use hyper::http::{HeaderMap, HeaderName, HeaderValue};

use super::{Claim, Expected, Incoming};

/// A request as text: the method, the path and the query on a line each, then the headers.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let signed = "POST\n/runtimes/arn%3Aaws/invocations\nqualifier=DEFAULT\n\
        host: localhost\nx-amz-date: 20260101T000000Z\n\
        authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE12345/20260101/us-west-2/bedrock-agentcore/aws4_request, \
        SignedHeaders=host;x-amz-date, \
        Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7";
    let presigned = "GET\n/ping\nX-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE12345%2F20260101%2F\
        us-west-2%2Fbedrock-agentcore%2Faws4_request&X-Amz-Date=20260101T000000Z&X-Amz-Expires=60&\
        X-Amz-SignedHeaders=host&X-Amz-Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7\n\
        host: localhost";
    [signed, presigned]
        .map(|seed| seed.as_bytes().to_vec())
        .into()
}

/// Whatever claims to be signed is refused: nobody has the secret.
pub(crate) fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (method, path, query) = (line(), line(), line());
    let mut headers = HeaderMap::new();
    for line in lines {
        if let Some((name, value)) = line.split_once(": ")
            && let Ok(name) = name.parse::<HeaderName>()
            && let Ok(value) = HeaderValue::from_bytes(value.as_bytes())
        {
            headers.append(name, value);
        }
    }
    let incoming = Incoming {
        method,
        path,
        query,
        headers: &headers,
    };
    let expected = Expected {
        region: "us-west-2",
        service: "bedrock-agentcore",
        // The first second of 2026, which the seeds name.
        now: SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600),
    };
    for claim in [Claim::of(&incoming), Claim::presigned(&incoming)] {
        if let Ok(Some(claim)) = claim {
            let verified = claim.verify(&incoming, b"a secret", Some([0; 32]), &expected);
            assert!(verified.is_err(), "a signature was forged");
        }
    }
}
