//! The routes of the stand-in, and the door: no signature for Bedrock, no answer.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Path, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::response::Response;
use axum::routing::post;

use super::respond::response;
use super::{Answer, Operation, Recorded, Shared, default};

/// All paths.
pub(super) fn router(shared: Arc<Shared>) -> Router {
    let route = |operation: Operation| {
        post(
            move |State(shared): State<Arc<Shared>>,
                  Path(model): Path<String>,
                  ConnectInfo(peer): ConnectInfo<SocketAddr>,
                  headers: HeaderMap,
                  body: Bytes| async move {
                // The body stays null when it is not JSON.
                let body = serde_json::from_slice(&body).unwrap_or_default();
                answer(
                    shared,
                    Recorded {
                        operation,
                        model,
                        peer,
                        headers,
                        body,
                    },
                )
                .await
            },
        )
    };
    Router::new()
        .route("/model/{model}/converse", route(Operation::Converse))
        .route(
            "/model/{model}/converse-stream",
            route(Operation::ConverseStream),
        )
        .route("/model/{model}/invoke", route(Operation::Invoke))
        .route("/model/{model}/count-tokens", route(Operation::CountTokens))
        .layer(DefaultBodyLimit::disable())
        .with_state(shared)
}

async fn answer(shared: Arc<Shared>, request: Recorded) -> Response {
    let Recorded {
        operation,
        body,
        headers,
        ..
    } = request.clone();
    if !signed(&headers) {
        let refusal = Answer::error(
            403,
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        );
        return response(shared, operation, &body, refusal).await;
    }
    shared.requests().push(request);
    shared.arrived.send_modify(|arrived| *arrived += 1);
    let scripted = shared.script().pop_front();
    let answer = scripted.unwrap_or_else(|| match operation {
        Operation::Converse | Operation::ConverseStream => default::answer(&body),
        Operation::CountTokens => Answer::text("").usage(body.to_string().len() as u64 / 4, 0),
        Operation::Invoke => Answer::text(""),
    });
    response(shared, operation, &body, answer.facing(&headers)).await
}

/// True when the request carries a signature of version 4 for the service `bedrock`.
fn signed(headers: &HeaderMap) -> bool {
    let Some(value) = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
    else {
        return false;
    };
    let Some(rest) = value.strip_prefix("AWS4-HMAC-SHA256 ") else {
        return false;
    };
    let scope = rest
        .split(", ")
        .find_map(|part| part.strip_prefix("Credential="));
    let for_bedrock = scope.is_some_and(|scope| scope.ends_with("/bedrock/aws4_request"));
    for_bedrock && rest.contains("SignedHeaders=") && rest.contains("Signature=")
}
