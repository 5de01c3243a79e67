//! What every end-to-end test stands on: the real server in a process of its own, or in this one under a clock that the
//! test moves, and clients of it.

mod agent;
mod authority;
mod client;
mod host;
mod keys;
mod local;
mod raw;
mod reply;
mod services;
mod tools;
mod trace;
pub(crate) mod wat;
mod witness;

use std::future::Future;
use std::time::Duration;

pub(crate) use self::agent::{Agent, Session};
pub(crate) use self::authority::{Authority, Issued};
pub(crate) use self::client::{Client, ROLE, encoded, reference};
pub(crate) use self::host::{Builder as HostBuilder, Host, kellion};
pub(crate) use self::keys::Key;
pub(crate) use self::local::Local;
pub(crate) use self::raw::{Raw, invocation};
pub(crate) use self::reply::Reply;
pub(crate) use self::services::{Image, Registry, S3, zip};
pub(crate) use self::tools::{Tool, run, run_script, script};
pub(crate) use self::trace::{Threads, Trace, most_calls};
pub(crate) use self::witness::{Usage, Witness};

/// The agent of the tutorial.
pub(crate) const TUTORIAL: &str = env!("KELLION_TUTORIAL_WASM");

/// The agent that does one thing on request.
pub(crate) const PROBE: &str = env!("KELLION_PROBE_WASM");

/// The agent that sends back what it gets, byte for byte.
pub(crate) const ECHO: &str = env!("KELLION_ECHO_WASM");

/// The component that `tests/guests` has built of a guest in another language than Rust.
pub(crate) fn guest(name: &str) -> String {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let file = root.join(format!(".tools/guests/{name}.wasm"));
    assert!(
        file.exists(),
        "{name} is not built; build it with: tests/guests {name}"
    );
    file.display().to_string()
}

/// Asks again and again until there is an answer; the bound only keeps a broken server from hanging the test.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut ask: impl FnMut() -> F,
) -> T {
    for _ in 0..6_000 {
        if let Some(answer) = ask().await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("gave up waiting: {what}");
}

/// Waits for something that must come; the bound only keeps a broken server from hanging the test.
pub(crate) async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(180), future).await {
        Ok(value) => value,
        Err(_) => panic!("gave up waiting: {what}"),
    }
}

/// A session id with a readable beginning, of 40 characters.
pub(crate) fn session_id(name: &str) -> String {
    format!("{name:-<40}")
}
