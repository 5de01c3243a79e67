//! Every constraint of the AgentCore service models, held against a request before its handler sees it.
//!
//! `service.json` is cut from the models inside botocore by `tests/clients/cut_model.py`. [`table`] reads it,
//! [`differences`] says where this server means something else, [`check`] compares, and [`gate`] stands before each route
//! that is an operation of the models. A request is refused with all that is wrong with it at once.

mod check;
mod differences;
mod gate;
mod table;

pub(in crate::api) use gate::gate;

/// Holds a document against its operation, as the gate does.
#[cfg(any(test, fuzzing))]
pub(super) fn check_document(method: &str, path: &str, document: &serde_json::Value) {
    let Some(operation) = table::operation_of(method, path) else {
        return;
    };
    let headers = axum::http::HeaderMap::new();
    let asked = check::Request {
        path: &[],
        query: &[],
        headers: &headers,
        document: Some(document),
    };
    if let Err(failures) = check::check(operation, asked) {
        assert!((1..=check::MOST).contains(&failures.len()));
    }
}

#[cfg(test)]
mod tests;
