//! Cells without a server: programs, and turns that reach nothing.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, pending};

use kellion_host::clock::Timestamp;
use kellion_host::contract::EventStream;
use kellion_host::contract::log::Level;
use kellion_host::contract::model::{Error as ModelError, Request, Response};
use kellion_host::contract::session::Budget;
use kellion_host::contract::types::Context;
use kellion_host::sandbox::{self, Birth, Capabilities, LogSink, Program, Sandbox, Seed};

use super::Error;

/// What every cell's clock shows; the clock is the host's to move.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// A component's bytes.
pub(crate) fn read(component: &str) -> Result<Vec<u8>, Error> {
    Ok(std::fs::read(component)?)
}

/// Compiles a component, and loads it.
pub(crate) fn program(sandbox: &Sandbox, component: &[u8]) -> Result<Program, Error> {
    let compiled = tempfile::NamedTempFile::new()?;
    let memory_mib = sandbox.config().memory_mib;
    std::fs::write(compiled.path(), sandbox::compile(component, memory_mib)?)?;
    Ok(sandbox.load(compiled.as_file())?)
}

/// Of a cell like no other.
pub(crate) fn birth() -> Birth {
    Birth {
        seed: Seed::random(),
        at: NOW,
    }
}

pub(crate) fn microseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e6
}

pub(crate) fn context() -> Context {
    Context {
        session_id: "00000000-0000-0000-0000-000000000001".to_owned(),
        request_id: "00000000-0000-0000-0000-000000000002".to_owned(),
        turn: 1,
        agent_name: "bench".to_owned(),
        agent_version: "1".to_owned(),
        endpoint: "DEFAULT".to_owned(),
        tenant_id: "000000000000".to_owned(),
        user_id: None,
        headers: Vec::new(),
        content_type: Some("application/json".to_owned()),
        accept: None,
        deadline_ms: None,
        traceparent: None,
    }
}

/// A turn that reaches nothing, and a log that nobody reads.
pub(crate) struct Nothing;

impl LogSink for Nothing {
    fn write(&self, _: Level, _: &str) {}
}

impl Capabilities for Nothing {
    fn now(&self) -> Timestamp {
        NOW
    }

    fn sleep(&mut self, _: Duration) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn converse(&mut self, _: Request) -> BoxFuture<'_, Result<Response, ModelError>> {
        pending().boxed()
    }

    fn converse_stream(&mut self, _: Request) -> BoxFuture<'_, Result<EventStream, ModelError>> {
        pending().boxed()
    }

    fn count_tokens(&mut self, _: Request) -> BoxFuture<'_, Result<u64, ModelError>> {
        pending().boxed()
    }

    fn invoke_model(
        &mut self,
        _: String,
        _: Vec<u8>,
    ) -> BoxFuture<'_, Result<Vec<u8>, ModelError>> {
        pending().boxed()
    }

    fn set_content_type(&mut self, _: String) {}

    fn write(&mut self, _: Bytes) -> BoxFuture<'_, bool> {
        std::future::ready(true).boxed()
    }

    fn config(&self, _: &str) -> Option<String> {
        None
    }

    fn remaining(&self) -> Budget {
        Budget {
            tokens: None,
            money_micros: None,
        }
    }
}
