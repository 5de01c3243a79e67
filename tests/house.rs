//! The house keeps its floors: a test reads the server's sources and holds them against the rules.
//!
//! Each complaint names the file, the line and the rule with its reason.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms and their floors. A room may use rooms of lower floors only: then nothing below can come to depend on what
/// stands above it, and a room can be read, tested and moved with what is under it.
const FLOORS: &[(&str, u32)] = &[
    ("fuzzing", 7),
    ("main", 7),
    ("cli", 6),
    ("app", 5),
    ("config", 4),
    ("api", 4),
    ("sessions", 3),
    ("agents", 2),
    ("sandbox", 1),
    ("models", 1),
    ("journal", 1),
    ("tenants", 1),
    ("tokens", 1),
    ("signatures", 0),
    ("sigv4", 0),
    ("telemetry", 0),
    ("grants", 0),
    ("contract", 0),
    ("ids", 0),
    ("jail", 0),
    ("clock", 0),
    ("shares", 0),
    ("workers", 0),
];

/// What only some rooms may know. One door to each vendor keeps it replaceable, and its types out of the rest.
const QUARANTINE: &[(&str, &[&str], &str)] = &[
    (
        "wasmtime",
        &["sandbox", "contract"],
        "wasmtime is known to the sandbox and the contract's bindings alone",
    ),
    (
        "aws_sdk_bedrockruntime",
        &["models/bedrock"],
        "the AWS SDK is known to the Bedrock provider alone",
    ),
    (
        "aws_config",
        &["models/bedrock"],
        "the AWS SDK is known to the Bedrock provider alone",
    ),
    (
        "aws_smithy_types",
        &["models/bedrock"],
        "the AWS SDK is known to the Bedrock provider alone",
    ),
    (
        "oci_client",
        &["agents/sources/registry"],
        "container registries are known to their source of artifacts alone",
    ),
    (
        "object_store",
        &["agents/sources/bucket"],
        "S3 is known to its source of artifacts alone",
    ),
    (
        "wasmsign2",
        &["signatures"],
        "the tool that signs is known to the room of signatures alone",
    ),
    (
        "axum",
        &["api", "app"],
        "HTTP is known to the api and to who starts it alone",
    ),
    (
        "hyper_util",
        &["app"],
        "connections are known to the listener alone",
    ),
    (
        "tokio_rustls",
        &["app"],
        "connections are known to the listener alone",
    ),
    (
        "rusqlite",
        &["agents", "journal", "tenants"],
        "the database is known to the rooms that own tables alone",
    ),
    (
        "reqwest",
        &["cli", "tokens"],
        "the HTTP client is known to the command line and to the reader of issuers' keys alone",
    ),
    (
        "prometheus_client",
        &["telemetry"],
        "metrics are known to the room that counts alone",
    ),
    (
        "libc",
        &["jail", "workers"],
        "the system is asked through rustix, but for what that does not offer",
    ),
    (
        "jsonwebtoken",
        &["tokens"],
        "JWT is known to the room that verifies tokens alone",
    ),
    ("landlock", &["jail"], "landlock is known to the jail alone"),
    (
        "seccompiler",
        &["jail"],
        "seccomp is known to the jail alone",
    ),
    (
        "std::env::var",
        &["config"],
        "the environment is read by the configuration alone",
    ),
    (
        "SystemTime::now",
        &["clock"],
        "the time is an argument, so that a test can be the clock",
    ),
    (
        "std::process::exit",
        &[],
        "a process ends through main, so that everything is dropped",
    ),
];

/// Longer files hold two subjects, or soon will.
const LONGEST_FILE: usize = 600;

struct Source {
    room: String,
    path: String,
    text: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.push(read(&root, &path));
            }
        }
    }
    assert!(sources.len() > 50, "the sources are not where they were");
    sources
}

fn read(root: &Path, path: &PathBuf) -> Source {
    let relative = path
        .strip_prefix(root)
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    let room = relative.split(['/', '.']).next().unwrap().to_owned();
    Source {
        room,
        path: relative,
        text: fs::read_to_string(path).unwrap(),
    }
}

impl Source {
    fn is_test(&self) -> bool {
        self.path.contains("/tests")
    }

    /// Lines of code, numbered from 1: without comments, and without the tests at a file's end.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line.trim()))
            .take_while(|(_, line)| *line != "#[cfg(test)]")
            .filter(|(_, line)| !line.starts_with("//"))
    }
}

fn floor(room: &str) -> Option<u32> {
    FLOORS
        .iter()
        .find(|(name, _)| *name == room)
        .map(|(_, floor)| *floor)
}

fn assert_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn arrows_between_rooms_go_down() {
    let mut complaints = Vec::new();
    for source in sources()
        .iter()
        .filter(|source| source.room != "lib" && source.room != "main")
    {
        let Some(own) = floor(&source.room) else {
            complaints.push(format!(
                "{}: the room {:?} has no floor",
                source.path, source.room
            ));
            continue;
        };
        for (number, line) in source.code() {
            for used in line.split("crate::").skip(1) {
                let used: String = used
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect();
                if used != source.room && floor(&used).is_some_and(|floor| floor >= own) {
                    complaints.push(format!(
                        "{}:{number}: {} may not use {used}",
                        source.path, source.room
                    ));
                }
            }
        }
    }
    assert_none(&complaints);
}

#[test]
fn vendors_are_known_behind_one_door() {
    let mut complaints = Vec::new();
    for source in sources().iter().filter(|source| !source.is_test()) {
        for (vendor, rooms, reason) in QUARANTINE {
            if rooms.iter().any(|room| source.path.starts_with(room)) {
                continue;
            }
            for (number, line) in source.code() {
                let names = |after: &str| {
                    line.match_indices(after).any(|(at, _)| {
                        !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '"')
                    })
                };
                let path = vendor.contains("::");
                let wanted = if path {
                    (*vendor).to_owned()
                } else {
                    format!("{vendor}::")
                };
                if names(&wanted) {
                    complaints.push(format!("{}:{number}: {vendor}: {reason}", source.path));
                }
            }
        }
    }
    assert_none(&complaints);
}

#[test]
fn exceptions_from_lints_have_a_reason_and_expire() {
    let mut complaints = Vec::new();
    for source in sources() {
        for (number, line) in source.text.lines().enumerate() {
            if line.trim_start().starts_with("#[allow") || line.trim_start().starts_with("#![allow")
            {
                complaints.push(format!(
                    "{}:{}: use #[expect(…, reason = …)]",
                    source.path,
                    number + 1
                ));
            }
        }
    }
    assert_none(&complaints);
}

#[test]
fn a_file_has_one_subject() {
    let long: Vec<String> = sources()
        .iter()
        .map(|source| (source.path.clone(), source.text.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST_FILE)
        .map(|(path, lines)| {
            format!("{path}: {lines} lines, more than {LONGEST_FILE}: two subjects?")
        })
        .collect();
    assert_none(&long);
}
