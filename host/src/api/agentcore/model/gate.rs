//! The check before each route that is an operation of the service models.

use axum::body::Body;
use axum::extract::{FromRequestParts, Query, RawPathParams, Request, State};
use axum::middleware::{FromFnLayer, Next, from_fn_with_state};
use axum::response::Response;
use bytes::Bytes;
use futures::future::BoxFuture;
use serde_json::Value;

use super::check::{self, check};
use super::table::{Operation, operation_of};
use crate::api::body;
use crate::api::error::ApiError;
use crate::api::payloads::{Own, Share};

/// What a route is asked to be, if it is an operation of the models.
#[derive(Clone, Copy)]
pub(in crate::api) struct Checked(Option<&'static Operation>);

type Check = fn(State<Checked>, Request, Next) -> BoxFuture<'static, Result<Response, ApiError>>;

/// The gate of the route with this method and path. One that is no operation of the models lets everything through.
pub(in crate::api) fn gate(
    method: &str,
    path: &str,
) -> FromFnLayer<Check, Checked, (State<Checked>, Request)> {
    let check: Check = |State(Checked(operation)), request, next| {
        Box::pin(async move {
            match operation {
                Some(operation) => checked(operation, request, next).await,
                None => Ok(next.run(request).await),
            }
        })
    };
    from_fn_with_state(Checked(operation_of(method, path)), check)
}

async fn checked(
    operation: &'static Operation,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let (mut parts, mut body) = request.into_parts();
    let path = RawPathParams::from_request_parts(&mut parts, &())
        .await
        .map_err(|_| ApiError::unreadable("the path is not UTF-8"))?;
    let path: Vec<String> = path.iter().map(|(_, value)| value.to_owned()).collect();
    let Query(query) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
        .map_err(|_| ApiError::unreadable("the query cannot be read"))?;
    let mut document = None;
    if operation.has_document() {
        let own = parts.extensions.get::<Own>().cloned();
        let own = own.expect("the gate before says whose memory it is");
        let (bytes, value) = read(body, own.share()).await?;
        body = Body::from(bytes);
        document = Some(value);
    }
    let asked = check::Request {
        path: &path,
        query: &query,
        headers: &parts.headers,
        document: document.as_ref(),
    };
    check(operation, asked).map_err(|fields| {
        tracing::debug!(
            operation = operation.name,
            failures = fields.len(),
            "refused"
        );
        ApiError::failed(fields)
    })?;
    Ok(next.run(Request::from_parts(parts, body)).await)
}

/// The body, as it came and as what it says. AWS clients may leave out a body in which nothing would stand.
async fn read(body: Body, share: Share) -> Result<(Bytes, Value), ApiError> {
    let mut bytes = body::read(body, body::MAX_DOCUMENT, share).await?;
    if bytes.is_empty() {
        bytes = Bytes::from_static(b"{}");
    }
    let value: Value = serde_json::from_slice(&bytes)
        .map_err(|error| ApiError::unreadable(format!("the request cannot be read: {error}")))?;
    match value.is_object() {
        true => Ok((bytes, value)),
        false => Err(ApiError::unreadable(
            "the request cannot be read: it is not a JSON object",
        )),
    }
}
