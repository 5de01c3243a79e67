//! Ways to answer, and to be heard otherwise.

use std::thread;
use std::time::Duration;

use kellion_sdk::response::{self, Events, Streamed};
use kellion_sdk::{AgentError, Body, Result, log};

pub(crate) fn stream(n: u64, pause: Duration, failure: Option<String>) -> Result<Streamed> {
    let mut events = Events::open();
    for item in 1..=n {
        if item > 1 {
            thread::sleep(pause);
        }
        events.send(&item)?;
        if !events.has_reader() {
            log::info!("the caller has gone after {item}");
            break;
        }
    }
    match failure {
        Some(message) => Err(AgentError::Failed(message)),
        None => Ok(events.end()),
    }
}

pub(crate) fn raw(chunks: &[String], rest: String) -> Body {
    response::set_content_type("text/plain");
    for chunk in chunks {
        response::write(chunk.as_bytes());
    }
    rest.into_bytes().into()
}

pub(crate) fn large(length: usize) -> Result<Body> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(length)?;
    bytes.resize(length, b'x');
    Ok(Body::new("application/octet-stream", bytes))
}

pub(crate) fn print(message: &str) {
    println!("{message}");
    eprintln!("{message}");
    log::debug!("{message}");
    log::info!("{message}");
    log::warn!("{message}");
    log::error!("{message}");
}

pub(crate) fn mutter(message: &str) {
    print!("{message}");
    eprint!("{message}");
}
