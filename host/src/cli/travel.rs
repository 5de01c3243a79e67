//! `kellion sessions journal`, `fork`, `replay` and `export`.

use std::io::Write;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::client::Client;
use super::exit::Failure;
use super::sessions::time;
use super::terminal::{Shown, harmless};

/// Characters of a record that its line shows.
const EXCERPT: usize = 80;

/// Digits of a digest that tell it from others at a glance.
const DIGITS: usize = 12;

/// Which of the lives of one id.
#[derive(Debug, clap::Args)]
struct Life {
    /// An earlier life of this id, from 1 on; the newest by default.
    #[arg(long, value_name = "N")]
    incarnation: Option<u64>,
}

impl Life {
    fn request(&self, client: &Client, method: Method, path: &str) -> RequestBuilder {
        let request = client.request(method, path);
        match self.incarnation {
            Some(number) => request.query(&[("incarnation", number)]),
            None => request,
        }
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct JournalArgs {
    /// The session's id.
    pub(super) session: String,
    #[command(flatten)]
    life: Life,
}

pub(super) async fn journal(
    args: &JournalArgs,
    path: &str,
    client: &Client,
    json: bool,
) -> Result<(), Failure> {
    let path = format!("{path}/journal");
    let journal = client.json(args.life.request(client, Method::GET, &path));
    let journal = journal.await?;
    for record in journal["records"].as_array().into_iter().flatten() {
        if json {
            super::say(record);
        } else {
            super::say(line(record));
        }
    }
    let damage = &journal["damage"];
    if let Some(why) = damage["why"].as_str() {
        super::tell(format_args!(
            "the journal is damaged at record {}: {}",
            damage["seq"],
            harmless(why)
        ));
    }
    Ok(())
}

/// One record: its turn, its time, what it is, and a little of what it says.
fn line(record: &Value) -> String {
    let turn = record["turn"]
        .as_u64()
        .or_else(|| record["finished"]["turn"].as_u64())
        .map(|turn| turn.to_string());
    let name = record["record"].as_str().unwrap_or_default();
    let (kind, text) = match name {
        "started" => (name, started(record)),
        "turn-accepted" => (name, body(&record["payload"])),
        "observed" => {
            let result = &record["result"];
            let kind = result["kind"].as_str().unwrap_or_default();
            (
                kind,
                format!("call {}: {}", record["call"], observed(result)),
            )
        }
        "turn-finished" => (name, finished(&record["outcome"])),
        "turn" => {
            let asked = cut(&body(&record["accepted"]["payload"]), EXCERPT / 2);
            let outcome = finished(&record["finished"]["outcome"]);
            (name, format!("{asked} {outcome}"))
        }
        "image" => (name, format!("{} KiB", kib(&record["bytes"]))),
        _ => (
            name,
            record["reason"].as_str().unwrap_or_default().to_owned(),
        ),
    };
    let turn = turn.as_deref().unwrap_or("-");
    let at = match name {
        "turn" => time(&record["finished"]["at"]),
        _ => time(&record["at"]),
    };
    format!("{turn:>5} {at} {kind:<15} {}", cut(&text, EXCERPT))
        .trim_end()
        .to_owned()
}

fn started(record: &Value) -> String {
    let version = &record["version"];
    let forked = &record["forked"];
    match forked["session"].as_str() {
        Some(of) => format!(
            "version {version}, forked from turn {} of {of}",
            forked["turn"]
        ),
        None => format!("version {version}"),
    }
}

fn observed(result: &Value) -> String {
    match result["kind"].as_str().unwrap_or_default() {
        "converse-stream" => {
            let events = result["events"].as_array().map_or(0, Vec::len);
            let end = result["end"]["end"].as_str().unwrap_or_default();
            format!("{events} events, {end}")
        }
        "remaining" => result["budget"].to_string(),
        _ => {
            let answer = &result["answer"];
            let given = answer.get("Ok").or(answer.get("Err")).unwrap_or(answer);
            match (given["content"].as_array(), given["message"].as_str()) {
                (Some(blocks), _) => Vec::from_iter(blocks.iter().map(block)).join(" "),
                (None, Some(message)) => format!("error: {message}"),
                (None, None) if given.is_object() => body(given),
                (None, None) => given.to_string(),
            }
        }
    }
}

/// What a model said: a text, a tool that it uses, or else what kind of thing.
fn block(block: &Value) -> String {
    let Some((kind, content)) = block.as_object().and_then(|block| block.iter().next()) else {
        return block.as_str().unwrap_or_default().to_owned();
    };
    match (content.as_str(), content["name"].as_str()) {
        (Some(text), _) => text.to_owned(),
        (None, Some(tool)) => format!("{tool} {}", content["input"].as_str().unwrap_or_default()),
        (None, None) => kind.clone(),
    }
}

fn finished(outcome: &Value) -> String {
    let word = outcome["outcome"].as_str().unwrap_or_default();
    match outcome["message"].as_str() {
        Some(message) => format!("{word}: {message}"),
        None => format!("{word}: {}", body(&outcome["output"])),
    }
}

fn kib(bytes: &Value) -> u64 {
    bytes.as_u64().unwrap_or_default().div_ceil(1_024)
}

fn body(body: &Value) -> String {
    match (body["text"].as_str(), body["base64"].as_str()) {
        (Some(text), _) => text.to_owned(),
        (None, Some(bytes)) => format!("{} bytes", bytes.len() / 4 * 3),
        (None, None) => String::new(),
    }
}

/// On one line, and no longer than that.
fn cut(text: &str, longest: usize) -> String {
    let words = Vec::from_iter(text.split_whitespace().take(longest)).join(" ");
    let mut shown: String = words.chars().take(longest).collect();
    if shown.len() < words.len() {
        shown.push('…');
    }
    harmless(&shown)
}

#[derive(Debug, clap::Args)]
pub(super) struct ForkArgs {
    /// The id of the session to fork, which goes on as if nothing had been.
    pub(super) session: String,
    /// The last turn that the new session shall know of.
    #[arg(long, value_name = "N")]
    turn: u64,
    /// The id of the new session, 33 to 256 characters. [default: a random one]
    #[arg(long = "as", value_name = "ID")]
    fork: Option<String>,
    #[command(flatten)]
    life: Life,
}

pub(super) async fn fork(
    args: &ForkArgs,
    path: &str,
    client: &Client,
    json: bool,
) -> Result<(), Failure> {
    let mut input = json!({ "turn": args.turn });
    if let Some(fork) = &args.fork {
        input["session"] = json!(fork);
    }
    let request = args
        .life
        .request(client, Method::POST, &format!("{path}/fork"));
    let fork = client.json(request.json(&input)).await?;
    if json {
        super::say(fork);
        return Ok(());
    }
    let text = |member: &str| fork[member].as_str().unwrap_or_default();
    super::say(text("session"));
    super::tell(format_args!(
        "go on with turn {}: kellion invoke {} PAYLOAD --session {}",
        args.turn.saturating_add(1),
        text("agent"),
        text("session")
    ));
    Ok(())
}

#[derive(Debug, clap::Args)]
pub(super) struct ReplayArgs {
    /// The session's id.
    pub(super) session: String,
    /// Show this turn only, and those before it that differ. [default: all]
    #[arg(long, value_name = "N")]
    turn: Option<u64>,
    /// Replay on this version of the agent. [default: the session's own]
    #[arg(long, value_name = "VERSION")]
    against: Option<u32>,
    #[command(flatten)]
    life: Life,
}

pub(super) async fn replay(
    args: &ReplayArgs,
    path: &str,
    client: &Client,
    json: bool,
) -> Result<(), Failure> {
    let input = json!({ "turn": args.turn, "version": args.against });
    let request = args
        .life
        .request(client, Method::POST, &format!("{path}/replay"));
    let replay = client.json(request.json(&input)).await?;
    let turns = replay["turns"].as_array().map_or(&[][..], Vec::as_slice);
    if json {
        super::say(&replay);
    } else {
        for turn in turns {
            super::say(verdict(turn));
        }
    }
    let count = |status| turns.iter().filter(|turn| turn["status"] == status).count();
    match (count("differs"), count("unreached")) {
        (0, 0) => Ok(()),
        (differ, unreached) => Err(Failure::new(format!(
            "of {} turns on version {}, {differ} differ and {unreached} are not reached",
            turns.len(),
            replay["version"]
        ))),
    }
}

/// One turn, with a line for each difference.
fn verdict(turn: &Value) -> String {
    let status = match turn["status"].as_str().unwrap_or_default() {
        "undone" => "was undone, and is not replayed",
        "unreached" => "is not reached",
        status => status,
    };
    let mut text = format!("turn {} {status}", turn["turn"]);
    for difference in turn["differences"].as_array().into_iter().flatten() {
        text.push_str("\n  ");
        text.push_str(&told(difference));
    }
    text
}

fn told(difference: &Value) -> String {
    let call = &difference["call"];
    let (recorded, replayed) = (&difference["recorded"], &difference["replayed"]);
    match difference["what"].as_str().unwrap_or_default() {
        "asks-otherwise" => format!(
            "call {call} asks something else: {}, recorded {}",
            asked(replayed),
            asked(recorded)
        ),
        "asks-more" => format!("call {call} is new: {}", asked(replayed)),
        "asks-less" => format!("call {call} is not made: {}", asked(recorded)),
        "reads-further" => format!("call {call} is read further than it was"),
        "breaks" => {
            let message = difference["message"].as_str().unwrap_or_default();
            format!("it breaks: {}", harmless(message))
        }
        "answers-otherwise" => format!(
            "it answers otherwise:\n    recorded {}\n    replayed {}",
            end(recorded),
            end(replayed)
        ),
        other => other.to_owned(),
    }
}

fn asked(asked: &Value) -> String {
    let kind = asked["kind"].as_str().unwrap_or_default();
    let digest = asked["request"].as_str().unwrap_or_default();
    let digest: String = digest.chars().take(DIGITS).collect();
    format!("{kind} {digest}")
}

fn end(end: &Value) -> String {
    let text = |member: &str| end[member].as_str().unwrap_or_default();
    let excerpt = text("excerpt").replace('\n', " ");
    let excerpt = harmless(&excerpt);
    match text("contentType") {
        "" | "application/json" => format!("{}: {excerpt}", text("outcome")),
        other => format!("{} ({}): {excerpt}", text("outcome"), harmless(other)),
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct ExportArgs {
    /// The session's id.
    pub(super) session: String,
    #[command(flatten)]
    life: Life,
}

pub(super) async fn export(args: &ExportArgs, path: &str, client: &Client) -> Result<(), Failure> {
    let path = format!("{path}/export");
    let mut answer = client
        .send(args.life.request(client, Method::GET, &path))
        .await?;
    let mut out = Shown::on(std::io::stdout().lock());
    let broke = |error: &(dyn std::error::Error + 'static)| {
        Failure::new("the export broke off").because(error)
    };
    while let Some(chunk) = answer.chunk().await.map_err(|error| broke(&error))? {
        out.write_all(&chunk).map_err(|error| broke(&error))?;
    }
    out.write_all(b"\n").map_err(|error| broke(&error))
}

#[cfg(test)]
mod tests;
