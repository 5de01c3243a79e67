//! What went wrong at AWS, in the contract's words.
//!
//! Messages reach agents, so they carry no credential, no header, no account number, and not more than a few hundred
//! characters. What only the operator may know goes to the log.

use aws_sdk_bedrockruntime::config::http::HttpResponse;
use aws_sdk_bedrockruntime::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_bedrockruntime::types::error::ConverseStreamOutputError;
use http_body_util::LengthLimitError;

use crate::contract::model::{Error, ErrorKind, Usage};

#[cfg(test)]
mod tests;

/// The longest hint for a next try that is passed on, in milliseconds: five minutes, the longest that a quota window of
/// Bedrock lasts. A provider that asks for more is asking for a person.
const MAX_RETRY_AFTER_MS: u64 = 300_000;

/// How much of a provider's message is passed on, in characters: room for AWS's longest validation messages.
const MAX_MESSAGE_CHARS: usize = 500;

/// What AWS's validation says when the conversation is longer than the model can read.
const TOO_LONG: [&str; 8] = [
    "input is too long",
    "prompt is too long",
    "exceed context limit",
    "context length",
    "context window",
    "too many input tokens",
    "maximum number of tokens",
    "too many total text bytes",
];

/// Marks of request headers and keys; a message that shows one is withheld whole.
const SECRETS: [&str; 6] = [
    "aws4-hmac",
    "x-amz-security-token",
    "authorization",
    "signature=",
    "credential=",
    "bearer ",
];

/// Why something of the contract cannot be put to Bedrock; [`Problem::within`] says where it stands in the request.
#[derive(Debug, PartialEq)]
pub(super) struct Problem(String);

impl Problem {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }

    /// The same, with the place in front: `messages[2].content[0]: …`.
    pub(super) fn within(self, place: impl std::fmt::Display) -> Self {
        Self(format!("{place}: {}", self.0))
    }
}

impl From<BuildError> for Problem {
    fn from(error: BuildError) -> Self {
        Self(error.to_string())
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        error(ErrorKind::Invalid, problem.0)
    }
}

/// An error of a kind, with nothing billed and no hint when to try again.
pub(super) fn error(kind: ErrorKind, message: impl Into<String>) -> Error {
    Error {
        kind,
        message: scrub(&message.into()),
        retry_after_ms: None,
        usage: None,
    }
}

/// The error of a call that gave no answer.
pub(super) fn of_call<E>(failure: &SdkError<E, HttpResponse>, model: &str) -> Error
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    match failure {
        SdkError::ConstructionFailure(_) => error(
            ErrorKind::Invalid,
            format!(
                "Bedrock's client refused the request before sending it: {}",
                chain(failure)
            ),
        ),
        SdkError::TimeoutError(_) => error(ErrorKind::Timeout, "Bedrock did not answer in time"),
        SdkError::DispatchFailure(dispatch) => {
            tracing::warn!(model.id = model, error = %scrub(&chain(failure)), "Bedrock could not be reached");
            let message = if dispatch.is_timeout() {
                "no connection to Bedrock in time; try again"
            } else if dispatch.is_io() {
                "the connection to Bedrock failed; try again"
            } else {
                "this server could not send the call to Bedrock (credentials, region or endpoint); its operator finds the reason in the log"
            };
            error(ErrorKind::Unavailable, message)
        }
        SdkError::ResponseError(_) => unreadable(failure),
        SdkError::ServiceError(service) => {
            let raw = service.raw();
            let mut error = of_service(service.err(), raw.status().as_u16(), model);
            error.retry_after_ms = retry_after_ms(raw);
            error
        }
        _ => error(
            ErrorKind::Unavailable,
            "the call to Bedrock failed in a way that this version does not know",
        ),
    }
}

/// The error that ended a stream; `usage` is what is known to be billed.
pub(super) fn of_stream<R: std::fmt::Debug + Send + Sync + 'static>(
    failure: &SdkError<ConverseStreamOutputError, R>,
    usage: Option<Usage>,
) -> Error {
    let error = match failure {
        SdkError::ServiceError(service) => {
            let cause = service.err();
            let message = cause.message().unwrap_or("no reason given");
            match cause {
                ConverseStreamOutputError::ThrottlingException(_) => error(
                    ErrorKind::Throttled,
                    format!("Bedrock throttled the answer: {message}"),
                ),
                ConverseStreamOutputError::ValidationException(_) => invalid(message),
                _ => error(
                    ErrorKind::Unavailable,
                    format!("Bedrock broke the answer off: {message}"),
                ),
            }
        }
        SdkError::ResponseError(_) => unreadable(failure),
        SdkError::DispatchFailure(_) if too_large(failure) => unreadable(failure),
        _ => error(
            ErrorKind::Unavailable,
            "the connection to Bedrock broke in the middle of the answer",
        ),
    };
    Error { usage, ..error }
}

/// True when the failure is our own limit on an answer's bytes.
pub(super) fn too_large(failure: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(failure);
    while let Some(error) = next {
        if error.is::<LengthLimitError>() {
            return true;
        }
        next = error.source();
    }
    false
}

fn unreadable(failure: &(dyn std::error::Error + 'static)) -> Error {
    if too_large(failure) {
        return error(
            ErrorKind::Unavailable,
            "Bedrock's answer is larger than this server accepts; ask for less at once",
        );
    }
    tracing::warn!(error = %scrub(&chain(failure)), "Bedrock's answer could not be read");
    error(
        ErrorKind::Unavailable,
        "Bedrock's answer could not be read: it broke off or is not what its API promises",
    )
}

fn of_service(failure: &impl ProvideErrorMetadata, status: u16, model: &str) -> Error {
    let code = failure.code().unwrap_or_default();
    let message = failure.message().unwrap_or("no reason given");
    match code {
        "ThrottlingException" | "TooManyRequestsException" => error(
            ErrorKind::Throttled,
            format!("Bedrock throttles calls to {model}: {message}"),
        ),
        "ModelNotReadyException" => error(
            ErrorKind::Throttled,
            format!("model {model} is not ready yet: {message}"),
        ),
        "ServiceQuotaExceededException" => error(
            ErrorKind::Throttled,
            format!("a Bedrock quota of this server is used up: {message}"),
        ),
        "ValidationException" => invalid(message),
        // AWS's own text names the caller's identity, which is this server's and not the agent's business.
        "AccessDeniedException" => {
            tracing::warn!(model.id = model, error = %scrub(message), "AWS denied the call");
            error(
                ErrorKind::Denied,
                format!(
                    "this server's AWS account may not call model {model}; its operator can ask AWS for access"
                ),
            )
        }
        "ResourceNotFoundException" => error(
            ErrorKind::Invalid,
            format!("Bedrock knows no model {model} in this region: {message}"),
        ),
        "ModelTimeoutException" => error(
            ErrorKind::Timeout,
            format!("model {model} took too long: {message}"),
        ),
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "IncompleteSignature"
        | "ExpiredTokenException"
        | "ExpiredToken"
        | "MissingAuthenticationTokenException" => {
            tracing::warn!(error.code = code, "AWS refused this server's credentials");
            error(
                ErrorKind::Unavailable,
                format!(
                    "AWS refused this server's own credentials ({code}); its operator must renew them"
                ),
            )
        }
        _ => {
            let kind = match status {
                408 => ErrorKind::Timeout,
                429 => ErrorKind::Throttled,
                401 | 403 => ErrorKind::Denied,
                // The model failed, which AWS counts among the caller's errors.
                424 => ErrorKind::Unavailable,
                400..=499 => ErrorKind::Invalid,
                _ => ErrorKind::Unavailable,
            };
            let name = if code.is_empty() {
                "an error without a name"
            } else {
                code
            };
            error(
                kind,
                format!("Bedrock answered {status}, {name}: {message}"),
            )
        }
    }
}

fn invalid(message: &str) -> Error {
    let lower = message.to_lowercase();
    let kind = if TOO_LONG.iter().any(|mark| lower.contains(mark)) {
        ErrorKind::ContextTooLong
    } else {
        ErrorKind::Invalid
    };
    error(kind, format!("Bedrock refused the request: {message}"))
}

/// When the provider wants to be asked again: `x-amz-retry-after` in milliseconds, or `retry-after` in whole seconds.
/// Dates and other text are ignored.
fn retry_after_ms(response: &HttpResponse) -> Option<u64> {
    let number = |name| {
        response
            .headers()
            .get(name)
            .and_then(|text| text.trim().parse::<u64>().ok())
    };
    let hint = number("x-amz-retry-after")
        .or_else(|| number("retry-after").map(|seconds| seconds.saturating_mul(1000)));
    hint.map(|hint| hint.min(MAX_RETRY_AFTER_MS))
}

/// An error and its causes, each told once.
fn chain(failure: &(dyn std::error::Error + 'static)) -> String {
    let mut text = failure.to_string();
    let mut next = failure.source();
    while let Some(error) = next {
        text = format!("{text}: {error}");
        next = error.source();
    }
    text
}

/// A text that may be shown: one line, bounded, without what a request carries in its headers and without account numbers.
fn scrub(text: &str) -> String {
    let lower = text.to_lowercase();
    if SECRETS.iter().any(|mark| lower.contains(mark)) || shows_key(text) {
        return "the provider's message is withheld, for it repeats parts of a signed request"
            .to_owned();
    }
    let text = mask_tokens(text);
    let mut clean = String::with_capacity(text.len().min(MAX_MESSAGE_CHARS * 4));
    let mut chars = text.chars();
    for c in chars.by_ref().take(MAX_MESSAGE_CHARS) {
        clean.push(if c.is_control() { ' ' } else { c });
    }
    if chars.next().is_some() {
        clean.push('…');
    }
    mask_accounts(&clean)
}

/// Replaces every run of at least so many characters that signatures and session tokens are written in: hexadecimal digits
/// or Base64. No word of a message is as long.
fn mask_tokens(text: &str) -> String {
    const LENGTH: usize = 64;
    let mut masked = String::with_capacity(text.len());
    let mut run = 0;
    for c in text.chars().chain(['\0']) {
        if c.is_ascii_alphanumeric() || "+/=".contains(c) {
            run += 1;
        } else {
            if run >= LENGTH {
                masked.truncate(masked.len() - run);
                masked.push('…');
            }
            run = 0;
        }
        masked.push(c);
    }
    masked.pop();
    masked
}

/// True when the text holds what looks like an AWS access key id: AKIA or ASIA and sixteen capitals or digits.
fn shows_key(text: &str) -> bool {
    text.as_bytes().windows(20).any(|window| {
        (window.starts_with(b"AKIA") || window.starts_with(b"ASIA"))
            && window
                .iter()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    })
}

/// Replaces every run of exactly twelve digits, the form of an AWS account number.
fn mask_accounts(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut digits = 0;
    for c in text.chars().chain(['\0']) {
        if c.is_ascii_digit() {
            digits += 1;
        } else {
            if digits == 12 {
                masked.truncate(masked.len() - 12);
                masked.push_str("************");
            }
            digits = 0;
        }
        masked.push(c);
    }
    masked.pop();
    masked
}
