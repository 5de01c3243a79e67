//! Errors on the wire: the only file that knows status codes.
//!
//! The AgentCore form is a status, the header `x-amzn-ErrorType` with the exception's name, and a JSON body with `message`.

use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::agents::{self, NotServing};
use crate::ids::InvalidId;
use crate::sandbox::Fault;
use crate::sessions::{self, TravelError, TurnError};

/// The exceptions of the AgentCore service models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    Validation,
    AccessDenied,
    ResourceNotFound,
    Conflict,
    RetryableConflict,
    RuntimeClient,
    Throttling,
    ServiceQuotaExceeded,
    InternalServer,
    UnknownOperation,
}

impl Code {
    fn wire(self) -> (StatusCode, &'static str) {
        match self {
            Self::Validation => (StatusCode::BAD_REQUEST, "ValidationException"),
            Self::ServiceQuotaExceeded => (
                StatusCode::PAYMENT_REQUIRED,
                "ServiceQuotaExceededException",
            ),
            Self::AccessDenied => (StatusCode::FORBIDDEN, "AccessDeniedException"),
            Self::ResourceNotFound => (StatusCode::NOT_FOUND, "ResourceNotFoundException"),
            Self::UnknownOperation => (StatusCode::NOT_FOUND, "UnknownOperationException"),
            Self::Conflict => (StatusCode::CONFLICT, "ConflictException"),
            Self::RetryableConflict => (StatusCode::CONFLICT, "RetryableConflictException"),
            Self::RuntimeClient => (StatusCode::FAILED_DEPENDENCY, "RuntimeClientError"),
            Self::Throttling => (StatusCode::TOO_MANY_REQUESTS, "ThrottlingException"),
            Self::InternalServer => (StatusCode::INTERNAL_SERVER_ERROR, "InternalServerException"),
        }
    }
}

/// What a caller is told when there is no answer.
#[derive(Debug)]
pub(super) struct ApiError {
    code: Code,
    message: String,
    /// Of a validation that failed.
    reason: &'static str,
    field: Option<String>,
}

/// The reasons of a validation that failed, in the words of the service model.
const FIELD: &str = "FieldValidationFailed";
const MISMATCH: &str = "IdempotentParameterMismatchException";

impl ApiError {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            reason: FIELD,
            field: None,
        }
    }

    /// A member of the request does not fit.
    pub(super) fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: Code::Validation,
            message: message.into(),
            reason: FIELD,
            field: Some(field.into()),
        }
    }

    /// The body is not what the operation takes.
    pub(super) fn unreadable(error: &serde_json::Error) -> Self {
        Self::invalid("body", format!("the request cannot be read: {error}"))
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
        Self::new(
            Code::InternalServer,
            "the server failed to carry out the request; its log says why",
        )
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, name) = self.code.wire();
        let mut body = json!({ "message": self.message });
        if self.code == Code::Validation {
            body["reason"] = Value::from(self.reason);
            if let Some(field) = self.field {
                body["fieldList"] = json!([{ "name": field, "message": body["message"] }]);
            }
        }
        let mut response = (status, axum::Json(body)).into_response();
        response
            .headers_mut()
            .insert("x-amzn-errortype", HeaderValue::from_static(name));
        response
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
            agents::Error::Invalid { field, message } => Self::invalid(field, message),
            agents::Error::TokenReused => Self {
                reason: MISMATCH,
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
            TurnError::Busy { .. } | TurnError::Fault(Fault::Full { .. }) => {
                Self::new(Code::Throttling, error.to_string())
            }
            TurnError::Retry | TurnError::ShuttingDown => {
                Self::new(Code::RetryableConflict, error.to_string())
            }
            TurnError::InvalidPayload(_) => Self::new(Code::RuntimeClient, received(400)),
            TurnError::Failed(_)
            | TurnError::Fault(
                Fault::Trapped(_)
                | Fault::CpuTime { .. }
                | Fault::Memory { .. }
                | Fault::Transfer { .. }
                | Fault::Exhausted,
            )
            | TurnError::Ended(_)
            | TurnError::TooLarge { .. }
            | TurnError::Broke {
                timed_out: false, ..
            }
            | TurnError::BrokenOff => Self::new(Code::RuntimeClient, received(500)),
            TurnError::NotRecorded | TurnError::Unrecovered(_) => {
                Self::new(Code::InternalServer, error.to_string())
            }
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
