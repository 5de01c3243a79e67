//! An answer of the server, read to its end.

use bytes::Bytes;
use reqwest::Response;
use reqwest::header::HeaderMap;
use serde_json::Value;

/// Everything of an answer that a client can see.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    /// Reads an answer to its end. Fails when the connection breaks before.
    pub(crate) async fn read(response: Response) -> reqwest::Result<Self> {
        Ok(Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.bytes().await?,
        })
    }

    /// A header's value; empty when it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().expect("the header is text"))
    }

    /// The body as text.
    #[track_caller]
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is text")
    }

    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("not JSON: {error}: {self:?}"))
    }

    /// The body as JSON, of an answer that must have this status.
    #[track_caller]
    pub(crate) fn json_of(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.json()
    }

    /// Checks every part of an error on the wire: the status, the exception's name, the request's id, and the message.
    #[track_caller]
    pub(crate) fn assert_refused(&self, status: u16, exception: &str, message: &str) {
        assert_eq!(
            (self.status, self.header("x-amzn-errortype")),
            (status, exception),
            "{self:?}"
        );
        assert!(!self.header("x-amzn-requestid").is_empty(), "{self:?}");
        let body = self.json();
        let told = body["message"].as_str().unwrap_or_default();
        assert!(
            told.contains(message),
            "{message:?} is not in {told:?}: {self:?}"
        );
    }

    /// Checks that one member of the request was refused, for whatever it breaks, and is named.
    #[track_caller]
    pub(crate) fn assert_invalid(&self, field: &str, message: &str) {
        let mut fields = self.refused_fields();
        fields.dedup();
        assert_eq!(fields, [field], "{self:?}");
        self.assert_refused(400, "ValidationException", message);
    }

    /// The names of the members that were refused. The message repeats what is said of each.
    #[track_caller]
    pub(crate) fn refused_fields(&self) -> Vec<String> {
        self.assert_refused(400, "ValidationException", "");
        let body = self.json();
        assert_eq!(body["reason"], "FieldValidationFailed", "{self:?}");
        let told = body["message"].as_str().unwrap_or_default();
        let fields = body["fieldList"].as_array().expect("a list of fields");
        let name = |field: &Value| {
            let message = field["message"].as_str().expect("a message");
            assert!(!message.is_empty() && told.contains(message), "{self:?}");
            field["name"].as_str().expect("a name").to_owned()
        };
        fields.iter().map(name).collect()
    }
}
