//! What the operator's monitoring reads: totals over all tenants, without a name of any of them.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;

use super::Api;
use crate::telemetry::{self, Label, Telemetry, Totals};

pub(super) async fn scrape(State(api): State<Arc<Api>>) -> impl IntoResponse {
    let content_type = [(header::CONTENT_TYPE, telemetry::CONTENT_TYPE)];
    (content_type, api.telemetry.text())
}

/// How a request was answered: a place in [`KNOWN`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Status(usize);

/// What this server answers with. Anything else is the last of them.
const KNOWN: [(u16, &str); 18] = [
    (200, "200"),
    (201, "201"),
    (202, "202"),
    (204, "204"),
    (400, "400"),
    (401, "401"),
    (402, "402"),
    (403, "403"),
    (404, "404"),
    (408, "408"),
    (409, "409"),
    (413, "413"),
    (424, "424"),
    (429, "429"),
    (431, "431"),
    (500, "500"),
    (503, "503"),
    (0, "other"),
];

impl Label for Status {
    const NAME: &'static str = "status";
    const ALL: &'static [Self] = &{
        let mut all = [Self(0); KNOWN.len()];
        let mut place = 0;
        while place < KNOWN.len() {
            all[place] = Self(place);
            place += 1;
        }
        all
    };

    fn text(self) -> &'static str {
        KNOWN[self.0].1
    }
}

/// Answers, by their status.
#[derive(Debug)]
pub struct Answers(Totals<Status>);

impl Answers {
    /// None so far.
    pub fn new(telemetry: &Telemetry) -> Self {
        Self(telemetry.totals("kellion_http_answers", "Answered requests, by their status"))
    }

    /// One more.
    pub(super) fn count(&self, status: StatusCode) {
        let known = KNOWN
            .iter()
            .position(|(known, _)| *known == status.as_u16());
        self.0.count(Status(known.unwrap_or(KNOWN.len() - 1)));
    }
}
