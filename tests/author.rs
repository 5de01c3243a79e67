//! An author's loop on the command line: new, build, check, test, chat, dev.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Host, TUTORIAL, kellion};

/// A folder with the tutorial's agent in it.
fn bench() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let agent = folder.path().join("concierge.wasm");
    fs::copy(TUTORIAL, &agent).unwrap();
    (folder, agent)
}

/// The same with one test file.
fn test_of(turns: &Value) -> TempDir {
    let (folder, _) = bench();
    let test = json!({ "about": "a test of tests", "turns": turns });
    fs::write(folder.path().join("a.test.json"), test.to_string()).unwrap();
    folder
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    kellion(folder).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[track_caller]
fn succeeded(output: &Output) -> String {
    assert!(
        output.status.success(),
        "{}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}

#[test]
fn a_test_plays_models_and_looks_at_answers() {
    let folder = test_of(&json!([
        { "payload": { "prompt": "How much is 2X5?", "user_id": 1 }, "session": "a", "contains": ["Maira", "10"] },
        {
            "payload": { "prompt": "twenty-one times two?", "user_id": 1 }, "session": "a",
            "model": [
                [{ "text": "Let me see." }, { "tool": "calculator", "input": { "expression": "2*21" } }],
                { "text": "It is 42." }
            ],
            "asked": ["twenty-one", "42"],
            "answer": "It is 42."
        },
        {
            "payload": { "prompt": "and now?", "user_id": 1 },
            "model": [{ "error": "throttled", "message": "slow down" }],
            "error": "slow down"
        }
    ]));
    let said = succeeded(&run(folder.path(), &["test", "concierge.wasm"]));
    assert_eq!(said, "ok    a.test.json\n");
}

#[test]
fn a_test_that_fails_says_what_is_otherwise() {
    let payload = json!({ "prompt": "Hi", "user_id": 1 });
    let folder = test_of(&json!([
        { "payload": payload, "model": [{ "text": "a" }], "answer": "b" },
        { "payload": payload, "model": [{ "text": "a" }], "contains": "c" },
        { "payload": payload, "model": [{ "text": "a" }, { "text": "d" }] },
        { "payload": payload, "model": [] },
        { "payload": payload, "model": [{ "text": "a" }], "error": "e" },
        { "payload": payload, "model": [{ "text": "a" }], "asked": ["zebra"] },
        { "payload": { "prompt": 1 } },
    ]));
    let output = run(folder.path(), &["--json", "test", "concierge.wasm"]);
    assert_eq!(output.status.code(), Some(6));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["passed"], false);
    let complaints: Vec<&str> = told["complaints"]
        .as_array()
        .unwrap()
        .iter()
        .map(|complaint| complaint.as_str().unwrap())
        .collect();
    for (complaint, parts) in complaints.iter().zip([
        ["turn 1:", "\"a\", not \"b\""],
        ["turn 2:", "lacks \"c\""],
        ["turn 3:", "1 of the model's replies were never asked for"],
        ["turn 4:", "the script has no reply for model call 1"],
        ["turn 5:", "it should fail"],
        ["turn 6:", "lacks \"zebra\""],
        ["turn 7:", "payload does not fit"],
    ]) {
        for part in parts {
            assert!(complaint.contains(part), "{complaint}");
        }
    }
    assert_eq!(complaints.len(), 7, "{complaints:?}");
}

#[test]
fn a_file_that_is_no_test_is_refused_with_its_place() {
    for (content, part) in [
        ("{", "line 1"),
        (r#"{"turns": [{"payload": 1, "anser": 2}]}"#, "`anser`"),
        (
            r#"{"turns": [{"payload": 1, "model": [{"say": "x"}]}]}"#,
            "expected {\"text\": …}",
        ),
    ] {
        let (folder, _) = bench();
        fs::write(folder.path().join("a.test.json"), content).unwrap();
        let output = run(folder.path(), &["test", "concierge.wasm"]);
        assert_eq!(output.status.code(), Some(1));
        let said = text(&output.stderr);
        assert!(
            said.contains("a.test.json") && said.contains(part),
            "{said}"
        );
    }
    let (folder, _) = bench();
    let output = run(folder.path(), &["test", "concierge.wasm"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains(".test.json"));
}

#[test]
fn check_says_what_a_session_costs() {
    let (folder, _) = bench();
    let said = succeeded(&run(folder.path(), &["check", "concierge.wasm", "--json"]));
    let told: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(told["misfit"], Value::Null, "{told}");
    for member in [
        "sizeBytes",
        "programBytes",
        "startUs",
        "memoryBytes",
        "ownBytes",
    ] {
        assert!(told[member].as_u64() > Some(0), "{member}: {told}");
    }
    fs::write(folder.path().join("other.wasm"), b"\0asm\x0d\0\x01\0").unwrap();
    let output = run(folder.path(), &["check", "other.wasm"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("does not export \"invoke\""), "{said}");
}

#[tokio::test]
async fn chat_keeps_one_session() {
    let host = Host::start();
    host.deploy("tutorial", TUTORIAL).await;
    let mut chat = kellion(host.folder());
    chat.args(["chat", "tutorial", "--endpoint", host.endpoint()]);
    let lines = [
        r#"{"prompt": "How much is 2X5?", "user_id": 1}"#,
        "this one has no user",
        r#"{"prompt": "and that plus 34?", "user_id": 1}"#,
    ];
    let output = typed(chat, &lines.join("\n"));
    assert_eq!(
        succeeded(&output),
        "Hello Maira! 2*5 is 10.\nHello Maira! 10 + 34 is 44.\n"
    );
    let said = text(&output.stderr);
    assert!(said.contains("missing field `user_id`"), "{said}");
}

/// Runs a command with this typed.
fn typed(mut command: Command, lines: &str) -> Output {
    command.stdin(Stdio::piped());
    command.stdout(Stdio::piped());
    command.stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    let mut keyboard = process.stdin.take().unwrap();
    keyboard.write_all(lines.as_bytes()).unwrap();
    drop(keyboard);
    process.wait_with_output().unwrap()
}

/// What a newcomer does: begin, test, build, deploy, and read a streamed answer.
async fn newcomer(language: &str) {
    let host = Host::start();
    let folder = host.folder();
    let mut begin = author(folder);
    begin.args(["new", "newcomer", "--lang", language]);
    succeeded(&begin.output().unwrap());
    let project = folder.join("newcomer");
    let mut manifest = fs::read_to_string(project.join("agent.toml")).unwrap();
    manifest.push_str("turn_seconds = 60\n");
    fs::write(project.join("agent.toml"), manifest).unwrap();
    let tested = author(&project).arg("test").output().unwrap();
    assert_eq!(succeeded(&tested), "ok    agent.test.json\n");
    let mut deploy = author(&project);
    deploy.args(["deploy", "--endpoint", host.endpoint()]);
    let arn = succeeded(&deploy.output().unwrap());
    assert!(arn.contains("runtime/newcomer-"), "{arn}");
    let mut inspect = author(&project);
    inspect.args(["inspect", "newcomer", "--endpoint", host.endpoint()]);
    let granted = succeeded(&inspect.output().unwrap());
    assert!(granted.contains("turn_seconds 60\n"), "{granted}");
    let mut chat = author(&project);
    chat.args(["chat", "newcomer", "--endpoint", host.endpoint()]);
    let answers = typed(chat, "How much is 2*5?\nHow is the weather in Lima?\n");
    let answers = succeeded(&answers);
    let knows_sums = !matches!(language, "c" | "rust");
    let expected = if knows_sums {
        "2*5 is 10."
    } else {
        "The weather in Lima is sunny."
    };
    assert!(answers.contains(expected), "{answers}");
    assert_eq!(answers.lines().count(), 2, "{answers}");
}

#[tokio::test]
async fn a_newcomer_to_rust() {
    newcomer("rust").await;
}

#[tokio::test]
async fn a_newcomer_to_python() {
    newcomer("python").await;
}

#[tokio::test]
async fn a_newcomer_to_typescript() {
    newcomer("typescript").await;
}

#[tokio::test]
async fn a_newcomer_to_go() {
    newcomer("go").await;
}

#[tokio::test]
async fn a_newcomer_to_c() {
    newcomer("c").await;
}

#[test]
fn a_new_project_takes_its_name_and_overwrites_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for language in ["rust", "python", "typescript", "go", "c"] {
        let name = format!("my_{language}");
        let said = succeeded(&run(folder.path(), &["new", &name, "--lang", language]));
        assert!(said.contains(&format!("{name}/README.md")), "{said}");
        let readme = fs::read_to_string(folder.path().join(&name).join("README.md")).unwrap();
        assert!(readme.contains(&name) && !readme.contains("{{"), "{readme}");
        let again = run(folder.path(), &["new", &name, "--lang", language]);
        assert_eq!(again.status.code(), Some(5), "{}", text(&again.stderr));
    }
    for (arguments, part) in [
        (["new", "x", "--lang", "cobol"], "python, typescript"),
        (["new", "../x", "--lang", "go"], "begin with a letter"),
        (["new", "ü", "--lang", "go"], "begin with a letter"),
    ] {
        let output = run(folder.path(), &arguments);
        assert!(!output.status.success());
        assert!(
            text(&output.stderr).contains(part),
            "{}",
            text(&output.stderr)
        );
    }
    let output = run(folder.path(), &["build", "."]);
    assert!(
        text(&output.stderr).contains("kellion new NAME"),
        "{}",
        text(&output.stderr)
    );
}

/// An agent that counts its turns, in the version of this number.
fn counting(version: u32) -> String {
    format!(
        r#"#include <kellion.h>

kellion_result invoke(kellion_payload payload, const kellion_context *context) {{
    static int turns;
    (void)payload, (void)context;
    return kellion_text(kellion_format("version {version}, turn %d", ++turns));
}}
"#
    )
}

/// A running `kellion dev`.
struct Dev {
    process: Child,
    keyboard: ChildStdin,
    screen: BufReader<ChildStdout>,
    talk: BufReader<std::process::ChildStderr>,
}

impl Dev {
    fn start(folder: &Path) -> Self {
        let mut process = author(folder)
            .args(["dev", "--listen", "127.0.0.1:0", "--provider", "offline"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            keyboard: process.stdin.take().unwrap(),
            screen: BufReader::new(process.stdout.take().unwrap()),
            talk: BufReader::new(process.stderr.take().unwrap()),
            process,
        }
    }

    /// Reads on until this is told.
    #[track_caller]
    fn tells(&mut self, what: &str) {
        let mut told = String::new();
        while self.talk.read_line(&mut told).unwrap() > 0 {
            if told.contains(what) {
                return;
            }
        }
        panic!("{what:?} was never told: {told}");
    }

    fn says(&mut self, line: &str) -> String {
        writeln!(self.keyboard, "{line}").unwrap();
        let mut answer = String::new();
        self.screen.read_line(&mut answer).unwrap();
        answer
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The command line as an author has it: with their environment, package managers and toolchains.
fn author(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kellion"));
    command.current_dir(folder).stdin(Stdio::null());
    // The tests' own build is not the agent's.
    for name in [
        "CARGO_TARGET_DIR",
        "CARGO_ENCODED_RUSTFLAGS",
        "KELLION_ENDPOINT",
        "KELLION_DATA",
    ] {
        command.env_remove(name);
    }
    command
}

#[test]
fn dev_builds_again_when_a_file_changes_and_the_session_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("agent.c");
    fs::write(&source, counting(1)).unwrap();
    let mut dev = Dev::start(folder.path());
    dev.tells("version 1 is ready");
    assert_eq!(dev.says("Hi"), "version 1, turn 1\n");
    assert_eq!(dev.says("Hi"), "version 1, turn 2\n");

    fs::write(&source, "this is no C").unwrap();
    dev.tells("agent.c:1:");
    assert_eq!(
        dev.says("Hi"),
        "version 1, turn 3\n",
        "the version before still serves"
    );

    fs::write(&source, counting(2)).unwrap();
    dev.tells("3 turns were told again");
    assert_eq!(dev.says("Hi"), "version 2, turn 4\n");
}

#[test]
fn a_build_that_fails_shows_what_the_compiler_says() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("agent.c"), "int invoke = ;").unwrap();
    let output = author(folder.path()).args(["build"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(
        said.contains("agent.c:1:") && said.contains("expected expression"),
        "{said}"
    );
    assert!(!folder.path().join("agent.wasm").exists());
}
