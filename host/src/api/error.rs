//! Errors on the wire: the only file that knows status codes.
//!
//! The AgentCore form is a status, the header `x-amzn-ErrorType` with the exception's name, and a JSON body with `message`.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};

use crate::agents::{self, NotServing};
use crate::ids::InvalidId;
use crate::sandbox::Fault;
use crate::sessions::{self, TravelError, TurnError};
use crate::sigv4;
use crate::tenants;

/// The exceptions of the AgentCore service models, and those that every AWS service answers to who is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    Validation,
    /// The same, of what is not even a request.
    Unreadable,
    ParameterMismatch,
    AccessDenied,
    ResourceNotFound,
    Conflict,
    RetryableConflict,
    RuntimeClient,
    Throttling,
    ServiceQuotaExceeded,
    InternalServer,
    UnknownOperation,
    Unauthorized,
    MissingAuthenticationToken,
    IncompleteSignature,
    InvalidSignature,
    UnrecognizedClient,
    Unavailable,
    RequestTimeout,
    RequestHeadersTooLarge,
}

impl Code {
    fn wire(self) -> (StatusCode, &'static str) {
        match self {
            Self::Validation | Self::Unreadable | Self::ParameterMismatch => {
                (StatusCode::BAD_REQUEST, "ValidationException")
            }
            Self::ServiceQuotaExceeded => (
                StatusCode::PAYMENT_REQUIRED,
                "ServiceQuotaExceededException",
            ),
            Self::AccessDenied => (StatusCode::FORBIDDEN, "AccessDeniedException"),
            Self::ResourceNotFound => (StatusCode::NOT_FOUND, "ResourceNotFoundException"),
            Self::UnknownOperation => (StatusCode::NOT_FOUND, "UnknownOperationException"),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "UnauthorizedException"),
            Self::MissingAuthenticationToken => {
                (StatusCode::FORBIDDEN, "MissingAuthenticationTokenException")
            }
            Self::IncompleteSignature => (StatusCode::BAD_REQUEST, "IncompleteSignatureException"),
            Self::InvalidSignature => (StatusCode::FORBIDDEN, "InvalidSignatureException"),
            Self::UnrecognizedClient => (StatusCode::FORBIDDEN, "UnrecognizedClientException"),
            Self::Unavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "ServiceUnavailableException",
            ),
            Self::Conflict => (StatusCode::CONFLICT, "ConflictException"),
            Self::RetryableConflict => (StatusCode::CONFLICT, "RetryableConflictException"),
            Self::RuntimeClient => (StatusCode::FAILED_DEPENDENCY, "RuntimeClientError"),
            Self::Throttling => (StatusCode::TOO_MANY_REQUESTS, "ThrottlingException"),
            Self::InternalServer => (StatusCode::INTERNAL_SERVER_ERROR, "InternalServerException"),
            Self::RequestTimeout => (StatusCode::REQUEST_TIMEOUT, "RequestTimeoutException"),
            Self::RequestHeadersTooLarge => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "RequestHeadersTooLargeException",
            ),
        }
    }

    /// The member `reason`, which the exception for invalid requests has.
    fn reason(self) -> Option<&'static str> {
        match self {
            Self::Validation => Some("FieldValidationFailed"),
            Self::Unreadable => Some("CannotParse"),
            Self::ParameterMismatch => Some("IdempotentParameterMismatchException"),
            _ => None,
        }
    }
}

/// All that a caller is told of what went wrong inside.
const FAILED: &str = "the server failed to carry out the request; its log says why";

/// What is refused for the way in which it comes, or goes wrong, whatever it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Its body came too slowly.
    SlowBody,
    /// It has too many headers, or too large ones.
    LargeHeaders,
    /// The server panicked over it.
    Panicked,
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::SlowBody => Self::new(
                Code::RequestTimeout,
                "the request's body came too slowly and was given up; send it again",
            ),
            Refusal::LargeHeaders => Self::new(
                Code::RequestHeadersTooLarge,
                "the request has more headers, or larger ones, than this server reads",
            ),
            Refusal::Panicked => Self::new(Code::InternalServer, FAILED),
        }
    }
}

/// A member of a request that does not fit, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) message: String,
}

/// What a caller is told when there is no answer.
#[derive(Debug)]
pub(super) struct ApiError {
    code: Code,
    message: String,
    fields: Vec<Field>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl ApiError {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            fields: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// What came is not of the form of a request.
    pub(super) fn unreadable(message: impl Into<String>) -> Self {
        Self::new(Code::Unreadable, message)
    }

    /// A member of the request does not fit.
    pub(super) fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        let (name, message) = (field.into(), message.into());
        Self {
            code: Code::Validation,
            message: message.clone(),
            fields: vec![Field { name, message }],
            headers: Vec::new(),
        }
    }

    /// These members of the request do not fit.
    pub(super) fn failed(fields: Vec<Field>) -> Self {
        let errors = match fields.len() {
            1 => "1 validation error".to_owned(),
            several => format!("{several} validation errors"),
        };
        let messages: Vec<&str> = fields.iter().map(|field| field.message.as_str()).collect();
        Self {
            code: Code::Validation,
            message: format!("{errors} detected: {}", messages.join("; ")),
            fields,
            headers: Vec::new(),
        }
    }

    /// With one header more.
    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// When to come again, in whole seconds.
    pub(super) fn retry_after(self, wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        self.with(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)))
    }

    /// Ours. The cause goes to the server's log, never to the caller.
    fn internal(cause: &(dyn std::error::Error + 'static)) -> Self {
        let mut chain = cause.to_string();
        let mut source = cause.source();
        while let Some(cause) = source {
            chain = format!("{chain}: {cause}");
            source = cause.source();
        }
        tracing::error!(error = %chain, "a request failed");
        Self::new(Code::InternalServer, FAILED)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, name) = self.code.wire();
        let mut body = json!({ "message": self.message });
        if let Some(reason) = self.code.reason() {
            body["reason"] = Value::from(reason);
        }
        if !self.fields.is_empty() {
            body["fieldList"] = json!(self.fields);
        }
        let mut response = (status, axum::Json(body)).into_response();
        response
            .headers_mut()
            .insert("x-amzn-errortype", HeaderValue::from_static(name));
        response.headers_mut().extend(self.headers);
        response
    }
}

impl From<sigv4::Refusal> for ApiError {
    fn from(refusal: sigv4::Refusal) -> Self {
        let code = match &refusal {
            sigv4::Refusal::Incomplete(_) => Code::IncompleteSignature,
            sigv4::Refusal::Invalid(_) | sigv4::Refusal::Presigned => Code::InvalidSignature,
            sigv4::Refusal::UnknownKey => Code::UnrecognizedClient,
        };
        Self::new(code, refusal.to_string())
    }
}

impl From<tenants::Error> for ApiError {
    fn from(error: tenants::Error) -> Self {
        Self::internal(&error)
    }
}

impl From<InvalidId> for ApiError {
    fn from(error: InvalidId) -> Self {
        Self::invalid(error.what, error.to_string())
    }
}

impl From<agents::Error> for ApiError {
    fn from(error: agents::Error) -> Self {
        match error {
            agents::Error::NotFound(_) => Self::new(Code::ResourceNotFound, error.to_string()),
            agents::Error::Conflict(_) => Self::new(Code::Conflict, error.to_string()),
            agents::Error::Quota(_) => Self::new(Code::ServiceQuotaExceeded, error.to_string()),
            agents::Error::Digest => Self::new(Code::InvalidSignature, error.to_string()),
            agents::Error::Invalid { field, message } => Self::invalid(field, message),
            agents::Error::TokenReused => Self {
                code: Code::ParameterMismatch,
                ..Self::invalid("clientToken", error.to_string())
            },
            agents::Error::Random
            | agents::Error::Database(_)
            | agents::Error::Disk { .. }
            | agents::Error::Record(_) => Self::internal(&error),
        }
    }
}

impl From<NotServing> for ApiError {
    fn from(error: NotServing) -> Self {
        match &error {
            NotServing::NoAgent(_) | NotServing::NoEndpoint(_) | NotServing::NoVersion(_) => {
                Self::new(Code::ResourceNotFound, error.to_string())
            }
            NotServing::NotReady(_) => Self::new(Code::RetryableConflict, error.to_string()),
            NotServing::Failed(_) => Self::new(Code::RuntimeClient, error.to_string()),
            NotServing::Load(_) => Self::internal(&error),
        }
    }
}

impl From<sessions::Error> for ApiError {
    fn from(error: sessions::Error) -> Self {
        match &error {
            sessions::Error::NotFound(_) => Self::new(Code::ResourceNotFound, error.to_string()),
            sessions::Error::NotOwner => Self::new(Code::AccessDenied, error.to_string()),
            sessions::Error::Busy => Self::new(Code::RetryableConflict, error.to_string()),
            sessions::Error::Journal(_) => Self::internal(&error),
        }
    }
}

impl From<TravelError> for ApiError {
    fn from(error: TravelError) -> Self {
        match error {
            TravelError::NotFound
            | TravelError::NotRecorded
            | TravelError::NoIncarnation(_)
            | TravelError::NoTurn { .. }
            | TravelError::Trimmed => Self::new(Code::ResourceNotFound, error.to_string()),
            TravelError::Unfinished(_) => Self::invalid("turn", error.to_string()),
            TravelError::Exists(_) => Self::new(Code::Conflict, error.to_string()),
            TravelError::Busy(_) => Self::new(Code::RetryableConflict, error.to_string()),
            TravelError::NotServing(error) => error.into(),
            TravelError::Refused(error) => error.into(),
            TravelError::Fault(fault) => TurnError::Fault(fault).into(),
            TravelError::TimedOut { .. } => Self::new(Code::RuntimeClient, error.to_string()),
            TravelError::Damaged(_) | TravelError::Memory { .. } => {
                Self::new(Code::InternalServer, error.to_string())
            }
            TravelError::Journal(error) => Self::internal(&error),
        }
    }
}

/// An answer that cannot be written as JSON.
impl From<serde_json::Error> for ApiError {
    fn from(error: serde_json::Error) -> Self {
        Self::internal(&error)
    }
}

impl From<TurnError> for ApiError {
    fn from(error: TurnError) -> Self {
        // AgentCore's agents answer with HTTP statuses of their own, and its callers are shown them.
        let received = |status: u16| format!("Received error ({status}) from runtime: {error}");
        match &error {
            TurnError::Busy { .. }
            | TurnError::ManyTurns { .. }
            | TurnError::Crowded { .. }
            | TurnError::Behind { .. }
            | TurnError::MuchTalk
            | TurnError::Fault(
                Fault::Full { .. } | Fault::Exhausted | Fault::ManyLive { .. } | Fault::MuchMemory,
            ) => Self::new(Code::Throttling, error.to_string()).retry_after(Duration::from_secs(1)),
            TurnError::ManySessions { .. }
            | TurnError::LongSession { .. }
            | TurnError::FullJournal { .. } => {
                Self::new(Code::ServiceQuotaExceeded, error.to_string())
            }
            TurnError::NotOwner => Self::new(Code::AccessDenied, error.to_string()),
            TurnError::Retry | TurnError::ShuttingDown => {
                Self::new(Code::RetryableConflict, error.to_string())
            }
            TurnError::InvalidPayload(_) => Self::new(Code::RuntimeClient, received(400)),
            TurnError::Failed(_)
            | TurnError::Fault(
                Fault::Trapped(_)
                | Fault::CpuTime { .. }
                | Fault::HostCalls { .. }
                | Fault::Output { .. }
                | Fault::StartTime { .. }
                | Fault::Memory { .. }
                | Fault::Table { .. }
                | Fault::Handles { .. }
                | Fault::Stack { .. }
                | Fault::Transfer { .. },
            )
            | TurnError::Ended(_)
            | TurnError::Broke {
                timed_out: false, ..
            }
            | TurnError::BrokenOff => Self::new(Code::RuntimeClient, received(500)),
            TurnError::NotRecorded
            | TurnError::Unfinished
            | TurnError::Unrecovered(_)
            | TurnError::Internal => Self::new(Code::InternalServer, error.to_string()),
            TurnError::TimedOut { .. }
            | TurnError::Broke {
                timed_out: true, ..
            } => Self::new(Code::RuntimeClient, received(504)),
        }
    }
}

/// Whatever the route table does not know.
pub(super) async fn no_such_route(method: Method, uri: Uri) -> ApiError {
    let path: String = uri.path().chars().take(200).collect();
    ApiError::new(
        Code::UnknownOperation,
        format!("there is no operation {method} {path}"),
    )
}
