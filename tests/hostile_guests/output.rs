//! Agents that send too much, or what is meant to do harm where it is read.

use std::process::Command;

use serde_json::{Value, json};

use super::{deployed, stage};
use crate::harness::{
    Agent, Host, PROBE, Raw, Session, Witness, eventually, in_time, invocation, kellion, run, wat,
};

const WRITE: &str =
    r#"(import "kellion:agent/response@0.1.0" "write" (func $write (param i32 i32) (result i32)))"#;

/// An agent that sends this many pieces of so many bytes, and answers nothing more.
fn sending(pieces: u32, bytes: u32) -> Vec<u8> {
    wat::agent(&format!(
        r#"{WRITE}
        (data (i32.const 1024) "x")
        (func (export "invoke") (param i32) (result i32)
            (local $pieces i32)
            (loop $again
                (drop (call $write (i32.const 1024) (i32.const {bytes})))
                (local.set $pieces (i32.add (local.get $pieces) (i32.const 1)))
                (br_if $again (i32.lt_u (local.get $pieces) (i32.const {pieces}))))
            (call $answer (i32.const 1024) (i32.const 0)))"#
    ))
}

async fn probe_on(config: &str) -> (Host, Agent, Witness) {
    let (host, witness) = stage(config).await;
    let agent = host.deploy("probe", PROBE).await;
    (host, agent, witness)
}

/// The newest receipt of a session that has no turn at the moment.
async fn newest(session: &Session) -> Value {
    let shown = session.inspect().await;
    let receipts = shown["receipts"].as_array().unwrap();
    receipts.last().expect("there is one").clone()
}

#[tokio::test]
async fn an_answer_that_never_ends_breaks_off_at_the_bound() {
    let (host, witness) = stage("[sandbox]\nturn_output_mib = 2\n").await;
    let agent = deployed(&host, "endless", sending(u32::MAX, 60_000)).await;
    let session = agent.session("first");
    let mut response = session.invocation("{}").send().await.unwrap();
    assert_eq!(response.status(), 200);
    let mut got = 0;
    let broken = loop {
        match in_time("a piece", response.chunk()).await {
            Ok(Some(piece)) => got += piece.len(),
            Ok(None) => panic!("a broken answer must not look whole"),
            Err(error) => break error,
        }
    };
    assert!(got <= 2 << 20, "{got} bytes, then {broken}");
    drop(response);
    let receipt = newest(&session).await;
    assert_eq!(receipt["outcome"], "faulted", "{receipt}");
    let log = session.whole_log().await;
    let limit = "the agent sent more than 2 MiB in one turn";
    assert!(log[0].starts_with(limit), "{log:?}");
    let replay = session.replay(json!({ "turn": 1 })).await.json_of(200);
    assert_eq!(replay["matches"], true, "{replay}");
    witness.survived(&host).await;
}

#[tokio::test]
async fn an_answer_in_one_piece_is_bounded_as_well() {
    let (host, agent, witness) = probe_on("[sandbox]\nturn_output_mib = 1\n").await;
    let session = agent.session("first");
    let fits = session
        .invoke(json!({ "do": "large", "bytes": 1_000_000 }))
        .await;
    assert_eq!((fits.status, fits.body.len()), (200, 1_000_000));
    let reply = session
        .invoke(json!({ "do": "large", "bytes": 1_050_000 }))
        .await;
    reply.assert_refused(
        424,
        "RuntimeClientError",
        "the agent sent more than 1 MiB in one turn",
    );
    assert_eq!(session.count().await, 2, "the turn is undone");
    witness.survived(&host).await;
}

#[tokio::test]
async fn g23_a_million_pieces_wait_for_a_client_who_is_cut_off_and_are_recorded_once() {
    let (host, mut witness) = stage("[server]\nwrite_timeout_seconds = 1\n").await;
    let agent = deployed(&host, "sending", sending(1_000_000, 1)).await;
    let session = agent.session("unread");
    let mut raw = Raw::narrow(&host).await;
    assert!(
        raw.send(invocation(&session, "content-length: 2\r\n"))
            .await
    );
    assert!(raw.send("{}").await);
    eventually("the turn", || async {
        (session.look().await.status == 200).then_some(())
    })
    .await;
    witness.answers().await;
    // The agent waits for its reader, until there is none any more; then it says the rest to the journal.
    eventually("the end of the turn", || async {
        (session.inspect().await["phase"] == "idle").then_some(())
    })
    .await;
    let receipt = newest(&session).await;
    assert_eq!(receipt["outcome"], "answered", "{receipt}");
    assert_eq!(receipt["outputBytes"], 1_000_000, "{receipt}");
    let journal = session.journal().await;
    let records = journal["records"].as_array().unwrap().iter();
    let turns = records.filter(|record| {
        ["turn", "turn-finished"]
            .map(Value::from)
            .contains(&record["record"])
    });
    assert_eq!(turns.count(), 1, "it is written once");
    let got = raw.rest().await;
    assert!(!got.ends_with("0\r\n\r\n"), "it was cut off: {}", got.len());
    drop(raw);
    witness.survived(&host).await;
}

/// Markup, a link and a clipboard for terminals, a bell, lines of its own, text that runs backwards, a formula, colours by
/// one byte, and what is no character at all.
const HARMFUL: &str = "<script>alert(1)</script>\x1b]52;c;ZXZpbA==\x07\x1b]8;;http://evil\x1b\\x\r\nkellion: all is well\r\
    \u{202e}txt.exe\u{2066}\n=cmd()|'/c calc'!A1,\"\u{9b}31m\u{7f}\0\u{feff}";

/// No byte of it that steers a terminal is in what is shown.
#[track_caller]
fn is_harmless(shown: &str) {
    let steers = |c: &char| {
        let lays_out = matches!(c, '\n' | '\t');
        (c.is_control() && !lays_out)
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    // A terminal ends its lines with both.
    let shown = shown.replace("\r\n", "\n");
    assert_eq!(shown.chars().find(steers), None, "{shown:?}");
}

/// What a command writes on a terminal, and what into a pipe.
async fn said(host: &Host, arguments: &[&str]) -> (String, Vec<u8>) {
    let prepared = |mut command: Command| async move {
        command.env("KELLION_ENDPOINT", host.endpoint());
        run(&mut command).await
    };
    let mut piped = kellion(host.folder());
    piped.args(arguments);
    let quoted: Vec<String> = arguments
        .iter()
        .map(|argument| format!("'{}'", argument.replace('\'', "'\\''")))
        .collect();
    let mut terminal = Command::new("script");
    terminal
        .args(["--quiet", "--return", "--command"])
        .arg(format!(
            "{} {}",
            env!("CARGO_BIN_EXE_kellion"),
            quoted.join(" ")
        ))
        .arg("/dev/null")
        .env("HOME", host.folder())
        .env("SHELL", "/bin/sh")
        .current_dir(host.folder())
        .stdin(std::process::Stdio::null());
    let (shown, piped) = (prepared(terminal).await, prepared(piped).await);
    (String::from_utf8(shown.stdout).unwrap(), piped.stdout)
}

#[tokio::test]
async fn g30_harmful_text_is_kept_as_it_is_and_harms_no_terminal() {
    let (host, agent, witness) = probe_on("").await;
    let session = agent.session("first");

    // As it is: in the answer, in the answer again, and in the log.
    let raw = json!({ "do": "raw", "chunks": [HARMFUL], "rest": HARMFUL });
    let call = || {
        let request = session.invocation(raw.to_string());
        request.header("amz-sdk-invocation-id", "harmful").send()
    };
    for _ in 0..2 {
        let answer = call().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.text().await.unwrap(), format!("{HARMFUL}{HARMFUL}"));
    }
    let printed = session
        .invoke(json!({ "do": "print", "message": HARMFUL }))
        .await;
    let log = session.log(printed.header("x-amzn-requestid")).await;
    assert_eq!(log.iter().filter(|entry| *entry == HARMFUL).count(), 4);
    let failed = session
        .invoke(json!({ "do": "fail", "message": HARMFUL }))
        .await;
    failed.assert_refused(424, "RuntimeClientError", HARMFUL);

    // On a terminal: everything that shows it.
    let id = session.id.as_str();
    let [raw, fail] = [
        raw.to_string(),
        json!({ "do": "fail", "message": HARMFUL }).to_string(),
    ];
    let commands: [&[&str]; 7] = [
        &["invoke", "probe", &raw, "--session", id],
        &["invoke", "probe", &fail, "--session", id],
        &["sessions", "log", id],
        &["sessions", "log", id, "--json"],
        &["sessions", "show", id],
        &["sessions", "journal", id],
        &["sessions", "export", id],
    ];
    for arguments in commands {
        let (shown, _) = said(&host, arguments).await;
        assert!(
            shown.contains("alert(1)") || arguments[1] == "show",
            "{arguments:?}: {shown}"
        );
        is_harmless(&shown);
    }
    let (shown, piped) = said(&host, commands[0]).await;
    assert_eq!(
        piped,
        format!("{HARMFUL}{HARMFUL}\n").into_bytes(),
        "a pipe gets the bytes"
    );
    assert!(shown.contains("\\u{1b}]52;c;ZXZpbA==\\u{7}"), "{shown}");

    // No line of the log looks like another entry.
    let (shown, _) = said(&host, &["sessions", "log", id]).await;
    assert!(
        !shown.lines().any(|line| line.starts_with("kellion:")),
        "{shown}"
    );

    // And the server's own log has none of it.
    is_harmless(&host.said());
    witness.survived(&host).await;
}

#[tokio::test]
async fn g30_a_content_type_breaks_out_of_no_header() {
    let (host, witness) = stage("").await;
    let typed = |value: &str, length: usize| {
        wat::agent(&format!(
            r#"(import "kellion:agent/response@0.1.0" "set-content-type" (func $type (param i32 i32)))
            (data (i32.const 1024) "{value}")
            (func (export "invoke") (param i32) (result i32)
                (call $type (i32.const 1024) (i32.const {length}))
                (call $answer (i32.const 1024) (i32.const 4)))"#
        ))
    };
    let (unknown, unsaid) = ("application/octet-stream", "application/json");
    for (name, value, length, told) in [
        ("lines", "text/html\\0d\\0aset-cookie: a=b", 25, unknown),
        ("nul", "text/\\00html", 10, unknown),
        ("long", "text", 1_025, unsaid),
    ] {
        let agent = deployed(&host, name, typed(value, length)).await;
        let answer = agent.session("first").invoke(json!({})).await;
        assert_eq!(
            (answer.status, answer.body.as_ref()),
            (200, &b"text"[..]),
            "{answer:?}"
        );
        assert_eq!(answer.header("content-type"), told, "{answer:?}");
        assert_eq!(answer.header("set-cookie"), "", "{answer:?}");
    }
    witness.survived(&host).await;
}

#[tokio::test]
async fn g37_a_session_that_fills_its_journal_takes_no_more_turns_and_keeps_those_it_had() {
    let (mut host, agent, _) = probe_on("[sessions]\njournal_mib = 1\n").await;
    let session = agent.session("growing");
    let value = "x".repeat(200_000);
    let full = "the session has more than 1 MiB in the journal, as much as it may; stop it, and go on in a new one";
    let mut turns = 0;
    let reply = loop {
        let grow = session.invocation(json!({ "do": "echo", "value": value }).to_string());
        let call = format!("grow-{turns}");
        let reply = grow
            .header("amz-sdk-invocation-id", call)
            .send()
            .await
            .unwrap();
        if reply.status() != 200 {
            break crate::harness::Reply::read(reply).await.unwrap();
        }
        turns += 1;
        assert!(turns < 10, "there is an end");
    };
    reply.assert_refused(402, "ServiceQuotaExceededException", full);
    // A turn writes what it was asked and what it answered.
    assert_eq!(turns, 3);

    // Nothing of it is lost: not in memory, not after a crash.
    for crash in [false, true] {
        if crash {
            host.kill();
            host.start_again();
        }
        let session = agent.of(&host).session("growing");
        let reply = session.invoke(json!({ "do": "count" })).await;
        reply.assert_refused(402, "ServiceQuotaExceededException", full);
        let shown = session.inspect().await;
        assert_eq!(shown["turns"], 3, "{shown}");
        let again = session.invocation(json!({ "do": "echo", "value": value }).to_string());
        let again = again
            .header("amz-sdk-invocation-id", "grow-1")
            .send()
            .await
            .unwrap();
        assert_eq!(
            again.json::<Value>().await.unwrap(),
            value,
            "its answers are there"
        );
        let replay = session.replay(json!({})).await.json_of(200);
        assert_eq!(replay["matches"], true, "{replay}");
    }

    // Others go on, and so does a fresh one of the same id.
    let agent = agent.of(&host);
    let witness = Witness::of(&host, &agent).await;
    let session = agent.session("growing");
    assert_eq!(session.stop().await.status, 200);
    assert_eq!(session.count().await, 1);
    witness.survived(&host).await;
}
