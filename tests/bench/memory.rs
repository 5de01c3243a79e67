//! Private memory of a server with idle sessions, for each session.

use std::time::Duration;

use super::Error;
use super::client::{self, Load, session_id};
use super::process::Memory;
use super::server::Server;

/// How many sessions, and what is measured of each.
const SESSIONS: [usize; 2] = [1_000, 10_000];

pub(crate) async fn run() -> Result<(), Error> {
    println!("  KiB a session, the server's own memory at start subtracted");
    for (name, component, payload) in [
        ("echo", env!("KELLION_ECHO_WASM"), &b"\"hello\""[..]),
        (
            "tutorial",
            env!("KELLION_TUTORIAL_WASM"),
            br#"{"user_id":1,"prompt":"How is the weather?"}"#,
        ),
    ] {
        for sessions in SESSIONS {
            one(name, component, payload, sessions).await?;
        }
    }
    Ok(())
}

/// A fresh server: first every session takes one turn, which is what starts it, then another four.
async fn one(name: &str, component: &str, payload: &[u8], sessions: usize) -> Result<(), Error> {
    const TURNS: usize = 5;
    let data = tempfile::tempdir()?;
    // In memory they stay, since nothing could bring them back.
    let configuration = "[sessions]\ndurability = \"none\"";
    let server = Server::configured(data.path(), None, configuration)?;
    let agent = server.deploy(component, name)?;
    let target = agent.invocations(&server.address);
    let load = Load {
        connections: 32,
        requests: sessions,
    };
    // One session first: what all of them share is there after it.
    let first = Load {
        requests: 1,
        ..load
    };
    client::run(&target, payload, first, |_, _| session_id(0, 0)).await?;
    let before = server.process.memory()?;
    for turn in 1..=TURNS {
        client::run(&target, payload, load, |_, number| session_id(0, number)).await?;
        if turn == 1 || turn == TURNS {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let after = server.process.memory()?;
            let each = |of: fn(&Memory) -> f64| (of(&after) - of(&before)) / (sessions - 1) as f64;
            println!(
                "  {name:8}  {sessions:6} sessions, turn {turn}: {:.1} private, {:.1} resident, {:.1} page tables",
                each(|memory| memory.private),
                each(|memory| memory.resident),
                each(|memory| memory.page_tables),
            );
        }
    }
    Ok(())
}
