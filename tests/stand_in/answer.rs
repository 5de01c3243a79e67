//! What a test tells the stand-in to answer.

use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::frames::event_frame;

/// A scripted answer. Make one with a constructor, then change what it should do.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(super) what: What,
    pub(super) headers: Vec<(String, String)>,
    pub(super) end: End,
    pub(super) pace: Option<Arc<Semaphore>>,
    pub(super) hold: bool,
    pub(super) takes: Duration,
    pub(super) trickles: Option<Duration>,
    echoes: bool,
}

/// The substance of an answer.
#[derive(Debug, Clone)]
pub(super) enum What {
    Message(Message),
    Error {
        status: u16,
        code: String,
        message: String,
    },
    Raw {
        status: u16,
        content_type: String,
        body: Bytes,
    },
    /// One piece again and again, made as it is sent.
    Repeated {
        content_type: String,
        begin: Bytes,
        piece: Bytes,
        times: usize,
    },
}

/// A model's answer.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) content: Vec<Value>,
    pub(super) stop_reason: String,
    pub(super) usage: Value,
    pub(super) extra: Option<Value>,
    /// Events in place of those made from the content.
    pub(super) events: Option<Vec<(String, Value)>>,
}

/// How an answer ends, after so many events of a stream or, when it is not a stream, before its body is complete.
#[derive(Debug, Clone)]
pub(super) enum End {
    Whole,
    Hang {
        after: usize,
    },
    Break {
        after: usize,
    },
    Exception {
        after: usize,
        code: String,
        message: String,
    },
    Stop {
        after: usize,
    },
}

impl Answer {
    fn new(what: What) -> Self {
        Self {
            what,
            headers: Vec::new(),
            end: End::Whole,
            pace: None,
            hold: false,
            takes: Duration::ZERO,
            trickles: None,
            echoes: false,
        }
    }

    /// A text.
    pub(crate) fn text(text: &str) -> Self {
        Self::content(vec![json!({ "text": text })])
    }

    /// The use of a tool.
    pub(crate) fn tool_use(id: &str, name: &str, input: &Value) -> Self {
        Self::content(vec![
            json!({ "toolUse": { "toolUseId": id, "name": name, "input": input } }),
        ])
    }

    /// Content blocks, as Bedrock writes them. The stop reason is `tool_use` when one of them uses a tool.
    pub(crate) fn content(content: Vec<Value>) -> Self {
        let uses_tool = content.iter().any(|block| block.get("toolUse").is_some());
        let stop_reason = if uses_tool { "tool_use" } else { "end_turn" }.to_owned();
        let usage = usage(10, 5);
        Self::new(What::Message(Message {
            content,
            stop_reason,
            usage,
            extra: None,
            events: None,
        }))
    }

    /// The events of a stream, each its type and its payload, as they shall stand on the wire.
    pub(crate) fn events(events: Vec<(&str, Value)>) -> Self {
        let mut answer = Self::content(Vec::new());
        if let What::Message(message) = &mut answer.what {
            message.events = Some(
                events
                    .into_iter()
                    .map(|(kind, payload)| (kind.to_owned(), payload))
                    .collect(),
            );
        }
        answer
    }

    /// An error, such as `(429, "ThrottlingException", …)`.
    pub(crate) fn error(status: u16, code: &str, message: &str) -> Self {
        Self::new(What::Error {
            status,
            code: code.to_owned(),
            message: message.to_owned(),
        })
    }

    /// Any body at all.
    pub(crate) fn raw(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self::new(What::Raw {
            status,
            content_type: content_type.to_owned(),
            body: body.into(),
        })
    }

    /// A body that begins like this and goes on with the same piece so many times. It does not end properly, and nobody
    /// holds it whole.
    pub(crate) fn repeated(begin: &str, piece: &str, times: usize) -> Self {
        Self::new(What::Repeated {
            content_type: "application/json".to_owned(),
            begin: Bytes::from(begin.to_owned()),
            piece: Bytes::from(piece.to_owned()),
            times,
        })
    }

    /// A stream that begins well and then has this event so many times.
    pub(crate) fn repeated_event(kind: &str, payload: &Value, times: usize) -> Self {
        // A thousand of them at once, or sending them would take longer than reading.
        let piece = event_frame(kind, payload).repeat(1_000);
        Self::new(What::Repeated {
            content_type: "application/vnd.amazon.eventstream".to_owned(),
            begin: event_frame("messageStart", &json!({ "role": "assistant" })),
            piece: piece.into(),
            times: times.div_ceil(1_000),
        })
    }

    /// An error that repeats all headers of the request, and this.
    pub(crate) fn echo(status: u16, code: &str, message: &str) -> Self {
        Self {
            echoes: true,
            ..Self::error(status, code, message)
        }
    }

    /// The same for the request with these headers.
    pub(super) fn facing(mut self, headers: &HeaderMap) -> Self {
        if let What::Error { message, .. } = &mut self.what
            && self.echoes
        {
            for (name, value) in headers {
                message.push_str(&format!(
                    "; {name}: {}",
                    String::from_utf8_lossy(value.as_bytes())
                ));
            }
        }
        self
    }

    /// Comes byte by byte, with so long before each.
    pub(crate) fn trickles(mut self, pause: Duration) -> Self {
        self.trickles = Some(pause);
        self
    }

    /// With this stop reason.
    pub(crate) fn stop_reason(mut self, reason: &str) -> Self {
        if let What::Message(message) = &mut self.what {
            message.stop_reason = reason.to_owned();
        }
        self
    }

    /// With so many input and output tokens; 10 and 5 when nothing is said.
    pub(crate) fn usage(mut self, input: u64, output: u64) -> Self {
        if let What::Message(message) = &mut self.what {
            message.usage = usage(input, output);
        }
        self
    }

    /// With the tokens that a cache gave and took, beside the others.
    pub(crate) fn cached(mut self, read: u64, write: u64) -> Self {
        if let What::Message(message) = &mut self.what {
            message.usage["cacheReadInputTokens"] = read.into();
            message.usage["cacheWriteInputTokens"] = write.into();
        }
        self
    }

    /// With `additionalModelResponseFields`.
    pub(crate) fn extra(mut self, extra: Value) -> Self {
        if let What::Message(message) = &mut self.what {
            message.extra = Some(extra);
        }
        self
    }

    /// With a response header, such as `retry-after`.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Never answers: not even headers come.
    pub(crate) fn hold(mut self) -> Self {
        self.hold = true;
        self
    }

    /// Comes as slowly as models do: so long before its head, and before each event of a stream.
    pub(crate) fn takes(mut self, time: Duration) -> Self {
        self.takes = time;
        self
    }

    /// Falls silent after so many events, with the connection open.
    pub(crate) fn hang_after(mut self, events: usize) -> Self {
        self.end = End::Hang { after: events };
        self
    }

    /// Breaks the connection after so many events; an answer that is not a stream breaks before its body is complete.
    pub(crate) fn break_after(mut self, events: usize) -> Self {
        self.end = End::Break { after: events };
        self
    }

    /// Ends properly after so many events, too early.
    pub(crate) fn stop_after(mut self, events: usize) -> Self {
        self.end = End::Stop { after: events };
        self
    }

    /// Sends an exception after so many events, such as `throttlingException`.
    pub(crate) fn exception_after(mut self, events: usize, code: &str, message: &str) -> Self {
        self.end = End::Exception {
            after: events,
            code: code.to_owned(),
            message: message.to_owned(),
        };
        self
    }

    /// Sends each event of a stream only when it has taken a permit: one more permit, one more event.
    pub(crate) fn paced(mut self, permits: Arc<Semaphore>) -> Self {
        self.pace = Some(permits);
        self
    }
}

fn usage(input: u64, output: u64) -> Value {
    json!({ "inputTokens": input, "outputTokens": output, "totalTokens": input + output })
}
