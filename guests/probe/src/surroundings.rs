//! What a guest can see of the machine below, and of chance and time.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Instant, SystemTime, SystemTimeError, UNIX_EPOCH};
use std::{env, fs};

use serde::Serialize;

/// Each attempt with what it gave: `{"Ok": …}` or `{"Err": "why not"}`.
#[derive(Serialize)]
pub(crate) struct Reach {
    variables: BTreeMap<String, String>,
    arguments: Vec<String>,
    root: Result<Vec<String>, String>,
    passwd: Result<String, String>,
    written: Result<(), String>,
    connected: Result<(), String>,
    resolved: Result<(), String>,
}

pub(crate) fn reach() -> Reach {
    Reach {
        variables: env::vars().collect(),
        arguments: env::args().collect(),
        root: told(names_in("/")),
        passwd: told(fs::read_to_string("/etc/passwd")),
        written: told(fs::write("/tmp/probe", "x")),
        connected: told(TcpStream::connect("127.0.0.1:1").map(drop)),
        resolved: told("localhost:1".to_socket_addrs().map(drop)),
    }
}

fn names_in(folder: &str) -> io::Result<Vec<String>> {
    fs::read_dir(folder)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect()
}

fn told<T>(attempt: io::Result<T>) -> Result<T, String> {
    attempt.map_err(|error| error.to_string())
}

/// The wall clock, and how far the monotonic clock moves between two looks.
#[derive(Serialize)]
pub(crate) struct Clock {
    now_ms: u128,
    elapsed_ns: u128,
}

pub(crate) fn clock() -> Result<Clock, SystemTimeError> {
    let before = Instant::now();
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(Clock {
        now_ms: now.as_millis(),
        elapsed_ns: before.elapsed().as_nanos(),
    })
}

/// 16 bytes in hex. The standard library seeds its hash maps from the host.
pub(crate) fn random() -> String {
    let seed = RandomState::new();
    format!("{:016x}{:016x}", seed.hash_one(0), seed.hash_one(1))
}
