//! What a fuzzer calls: everything that reads bytes of strangers, as functions that may neither panic nor hang.
//!
//! Built for tests, where each target runs on its seeds and on mutations of them, and for the fuzzer (`tests/fuzz/run`).
//! A target asserts more than survival where there is more to say: what was read is written and read again as the same.

use std::io::{Cursor, sink};

use crate::agents::zip;
use crate::grants::Manifest;
use crate::models::bedrock;
use crate::{api, cli, config, journal, sandbox, sigv4, tokens};

/// One reader of strangers' bytes.
pub struct Target {
    /// What it is called on the command line.
    pub name: &'static str,
    /// Bytes that it takes, or nearly: where a fuzzer begins.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Reads the bytes.
    pub run: fn(&[u8]),
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target {
        name: "component",
        seeds: sandbox::fuzzing::components,
        run: sandbox::fuzzing::component,
    },
    Target {
        name: "image",
        seeds: sandbox::fuzzing::images,
        run: sandbox::fuzzing::image,
    },
    Target {
        name: "manifest",
        seeds: || lines(MANIFESTS),
        run: manifest,
    },
    Target {
        name: "zip",
        seeds: || vec![EMPTY_ZIP.to_vec()],
        run: archive,
    },
    Target {
        name: "names",
        seeds: || lines(api::fuzzing::NAMES),
        run: api::fuzzing::names,
    },
    Target {
        name: "headers",
        seeds: || lines(api::fuzzing::HEADERS),
        run: api::fuzzing::headers,
    },
    Target {
        name: "documents",
        seeds: || lines(api::fuzzing::DOCUMENTS),
        run: api::fuzzing::document,
    },
    Target {
        name: "signature",
        seeds: sigv4::fuzzing::seeds,
        run: sigv4::fuzzing::run,
    },
    Target {
        name: "token",
        seeds: || lines(tokens::fuzzing::SEEDS),
        run: tokens::fuzzing::run,
    },
    Target {
        name: "journal",
        seeds: journal::fuzzing::seeds,
        run: journal::fuzzing::run,
    },
    Target {
        name: "frames",
        seeds: || lines(&["data: \"one\"\n\ndata: {\"two\": 2}\n\n", "two\nlines"]),
        run: frames,
    },
    Target {
        name: "blocks",
        seeds: || lines(bedrock::fuzzing::BLOCKS),
        run: bedrock::fuzzing::block,
    },
    Target {
        name: "configuration",
        seeds: || {
            lines(&[
                "listen = \"127.0.0.1:8080\"\n[sandbox]\nmemory_mib = 256\n[server]\nidle_timeout_seconds = 60\n",
            ])
        },
        run: config::fuzz,
    },
];

/// The target of this name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

const MANIFESTS: &[&str] = &[
    "models = [\"us.amazon.nova-lite-v1:0\"]\nmemory_mib = 64\nturn_seconds = 30\n",
    "{\"models\": [\"*\"], \"environment\": [\"NAME\"], \"egress\": [\"example.com\"]}",
];

/// A zip without entries.
const EMPTY_ZIP: &[u8] = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

fn lines(seeds: &[&str]) -> Vec<Vec<u8>> {
    seeds.iter().map(|seed| seed.as_bytes().to_vec()).collect()
}

fn manifest(bytes: &[u8]) {
    if let Ok(manifest) = Manifest::parse(bytes)
        && let Some(text) = manifest.text()
    {
        assert_eq!(Manifest::parse(text.as_bytes()), Ok(manifest));
    }
    let found = Manifest::of_component(Cursor::new(bytes));
    assert!(found.is_ok(), "bytes in memory can be read");
}

fn archive(bytes: &[u8]) {
    const LIMIT: u64 = 1 << 20;
    let Ok(mut archive) = zip::Archive::open(Cursor::new(bytes), LIMIT) else {
        return;
    };
    match archive.choose(None) {
        Ok(zip::Choice::Component(number) | zip::Choice::Source(number)) => {
            // It may turn out to be broken; more than it said it has is never copied.
            let _ = archive.copy(number, &mut sink());
        }
        Err(reason) => assert!(!reason.is_empty()),
    }
}

/// Text goes through a frame unchanged, and a reader of frames reads anything.
fn frames(bytes: &[u8]) {
    let _ = cli::read_frames(bytes.to_vec());
    let text = String::from_utf8_lossy(bytes).into_owned();
    let framed = sandbox::fuzzing::framed(text.clone());
    assert_eq!(
        cli::read_frames(framed),
        [serde_json::Value::String(text)],
        "one frame, with the same text"
    );
}

#[cfg(test)]
mod tests {
    use rand_core::{Rng, SeedableRng};

    use super::*;

    const MUTATIONS: usize = 300;

    /// Changes some bytes, as fuzzers do.
    fn mutate(bytes: &mut Vec<u8>, chance: &mut chacha20::ChaCha8Rng) {
        for _ in 0..1 + chance.next_u32() % 4 {
            let at = chance.next_u32() as usize % (bytes.len() + 1);
            let byte = chance.next_u32() as u8;
            match chance.next_u32() % 5 {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, byte),
                2 if at < bytes.len() => drop(bytes.remove(at)),
                3 if at < bytes.len() => bytes[at] ^= 1 << (byte % 8),
                _ if at < bytes.len() => bytes[at] = byte,
                _ => bytes.push(byte),
            }
        }
    }

    #[test]
    fn no_target_panics_on_its_seeds_or_near_them() {
        let mut chance = chacha20::ChaCha8Rng::from_seed([7; 32]);
        for target in TARGETS {
            (target.run)(b"");
            for seed in (target.seeds)() {
                (target.run)(&seed);
                for _ in 0..MUTATIONS {
                    let mut bytes = seed.clone();
                    mutate(&mut bytes, &mut chance);
                    (target.run)(&bytes);
                }
            }
        }
    }
}
