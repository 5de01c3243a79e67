//! `kellion sessions`: list them; or show one, its log, or stop it; or travel in time.

use reqwest::Method;
use serde_json::Value;

use super::client::Client;
use super::exit::{Failure, Kind};
use super::terminal::harmless;
use super::travel;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only sessions of this agent.
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Show a session and what its newest turns cost.
    Show {
        /// The session's id.
        session: String,
    },
    /// Show what the agent logged and printed.
    Log {
        /// The session's id.
        session: String,
        /// Only entries of this request.
        #[arg(long, value_name = "ID")]
        request: Option<String>,
    },
    /// End a session at once; the same id then names a fresh one.
    Stop {
        /// The session's id.
        session: String,
    },
    /// Show all that is recorded of a session, but for the seed of its random numbers.
    Journal(travel::JournalArgs),
    /// Begin a session that is where another was after one of its turns.
    Fork(travel::ForkArgs),
    /// Run recorded turns again, without models and without a trace, and show where they differ.
    Replay(travel::ReplayArgs),
    /// Print all that is recorded of a session as one JSON document, as secret as the session.
    Export(travel::ExportArgs),
}

pub(super) async fn run(args: &Args, client: &Client, json: bool) -> Result<(), Failure> {
    let agent = match &args.agent {
        Some(name) => Some(client.agent(name).await?.id),
        None => None,
    };
    match &args.action {
        None => list(client, agent.as_deref(), json).await,
        Some(Action::Show { session }) => {
            let path = path_of(client, agent.as_deref(), session).await?;
            let session = client.json(client.request(Method::GET, &path)).await?;
            let shown = if json {
                Ok(session.to_string())
            } else {
                serde_json::to_string_pretty(&session)
            };
            super::say(shown.map_err(|error| Failure::of(&error))?);
            Ok(())
        }
        Some(Action::Log { session, request }) => {
            let path = path_of(client, agent.as_deref(), session).await?;
            let asked = client.request(Method::GET, &format!("{path}/log"));
            let asked = match request {
                Some(request) => asked.query(&[("request", request)]),
                None => asked,
            };
            let log = client.json(asked).await?;
            for entry in log["entries"].as_array().into_iter().flatten() {
                if json {
                    super::say(entry);
                } else {
                    super::say(line(entry));
                }
            }
            Ok(())
        }
        Some(Action::Stop { session }) => {
            let path = path_of(client, agent.as_deref(), session).await?;
            client
                .send(client.request(Method::DELETE, &path))
                .await
                .map(drop)
        }
        Some(Action::Journal(args)) => {
            let path = path_of(client, agent.as_deref(), &args.session).await?;
            travel::journal(args, &path, client, json).await
        }
        Some(Action::Fork(args)) => {
            let path = path_of(client, agent.as_deref(), &args.session).await?;
            travel::fork(args, &path, client, json).await
        }
        Some(Action::Replay(args)) => {
            let path = path_of(client, agent.as_deref(), &args.session).await?;
            travel::replay(args, &path, client, json).await
        }
        Some(Action::Export(args)) => {
            let path = path_of(client, agent.as_deref(), &args.session).await?;
            travel::export(args, &path, client).await
        }
    }
}

async fn list(client: &Client, agent: Option<&str>, json: bool) -> Result<(), Failure> {
    for session in sessions(client, agent).await? {
        if json {
            super::say(&session);
            continue;
        }
        let text = |member: &str| session[member].as_str().unwrap_or("-");
        super::say(format_args!(
            "{:<40} {:<30} {:<8} {:>5} turns {:>8} KiB {:>8} tokens",
            text("session"),
            text("agent"),
            state(&session),
            session["turns"],
            session["memoryBytes"].as_u64().unwrap_or(0) / 1_024,
            session["models"]["inputTokens"].as_u64().unwrap_or(0)
                + session["models"]["outputTokens"].as_u64().unwrap_or(0),
        ));
    }
    Ok(())
}

/// One word for where a session stands; one that waits in the journal and not in memory rests.
fn state(session: &Value) -> &str {
    let rests = session["phase"] == "idle" && session["awake"] == false;
    match session["reason"].as_str() {
        Some(reason) => reason,
        None if rests => "resting",
        None => session["phase"].as_str().unwrap_or("-"),
    }
}

async fn sessions(client: &Client, agent: Option<&str>) -> Result<Vec<Value>, Failure> {
    let request = client.request(Method::GET, "/kellion/v1/sessions");
    let request = match agent {
        Some(agent) => request.query(&[("agent", agent)]),
        None => request,
    };
    let mut body = client.json(request).await?;
    Ok(match body["sessions"].take() {
        Value::Array(sessions) => sessions,
        _ => Vec::new(),
    })
}

/// Where the admin API has a session; its agent is looked up when it was not named.
async fn path_of(client: &Client, agent: Option<&str>, session: &str) -> Result<String, Failure> {
    let agent = match agent {
        Some(agent) => agent.to_owned(),
        None => {
            let all = sessions(client, None).await?;
            let found = all
                .iter()
                .find(|known| known["session"] == session)
                .and_then(|known| known["agent"].as_str());
            found.map(str::to_owned).ok_or_else(|| {
                Failure::new(format!(
                    "there is no session {session:?}; see: kellion sessions"
                ))
                .of_kind(Kind::NotFound)
            })?
        }
    };
    Ok(format!("/kellion/v1/agents/{agent}/sessions/{session}"))
}

/// One entry on a terminal. What it has beyond its first line is set in, so that none of it looks like another entry.
fn line(entry: &Value) -> String {
    let message = harmless(entry["message"].as_str().unwrap_or_default());
    let message = message.replace('\n', "\n    ");
    let level = entry["level"].as_str().unwrap_or_default();
    format!("{} {level:<5} {message}", time(&entry["at"]))
}

/// A moment as the admin API gives it.
pub(super) fn time(at: &Value) -> String {
    let at = at.as_u64().map(crate::clock::Timestamp::from_millis);
    at.map(|at| at.to_string()).unwrap_or_default()
}
