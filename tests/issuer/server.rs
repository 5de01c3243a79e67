//! The issuer's two pages.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use futures::stream;

use super::{Answer, Page, Shared};

const CHUNK: usize = 64 * 1024;
const ENDLESS: usize = 1 << 30;

pub(super) fn router(shared: Arc<Shared>) -> Router {
    let page = |page: Page| get(move |State(shared): State<Arc<Shared>>| respond(shared, page));
    Router::new()
        .route("/.well-known/openid-configuration", page(Page::Discovery))
        .route("/keys", page(Page::Keys))
        .with_state(shared)
}

async fn respond(shared: Arc<Shared>, page: Page) -> Response {
    let answer = {
        let mut pages = shared.pages();
        match page {
            Page::Discovery => {
                pages.asked_discovery += 1;
                pages.discovery.clone()
            }
            Page::Keys => {
                pages.asked_keys += 1;
                pages.keys.clone()
            }
        }
    };
    match answer {
        Answer::Document(document) => axum::Json(document).into_response(),
        Answer::Text(text) => text.into_response(),
        Answer::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Answer::Redirect(place) => Redirect::temporary(&place).into_response(),
        Answer::Nothing => futures::future::pending().await,
        Answer::Endless => {
            let chunk = Bytes::from(vec![b' '; CHUNK]);
            let chunks = (0..ENDLESS / CHUNK).map(move |_| {
                shared.sent.fetch_add(CHUNK as u64, Ordering::Relaxed);
                Ok::<_, Infallible>(chunk.clone())
            });
            Body::from_stream(stream::iter(chunks)).into_response()
        }
    }
}
