//! Direct code deployment: a zip of sources with their packages, built on the server.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::{code, fails, s3_host, serves, tells};
use crate::harness::{Agent, Host, S3, Tool, run, zip};

/// What toolchains need of the machine that the tests run on.
const MACHINE: [&str; 12] = [
    "PATH",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "PIP_CERT",
    "PIP_INDEX_URL",
    "PIP_FIND_LINKS",
];

fn home() -> PathBuf {
    PathBuf::from(std::env::var_os("HOME").expect("the tests' user has a home"))
}

/// Where `kellion build` has its toolchains.
fn tools() -> PathBuf {
    let cache =
        std::env::var_os("XDG_CACHE_HOME").map_or_else(|| home().join(".cache"), PathBuf::from);
    cache.join("kellion/tools")
}

/// A server that builds sources, with the toolchains that `kellion build` has.
fn builder(s3: &S3) -> Host {
    builder_with(s3, &tools())
}

fn builder_with(s3: &S3, tools: &Path) -> Host {
    let config = format!(
        "[artifacts]\nbuckets = [\"agents\"]\n[build]\npython = true\nnode = true\ntools = {:?}\n",
        tools.display().to_string()
    );
    let mut builder = s3_host(s3, &config).environment("HOME", home().display().to_string());
    for name in MACHINE {
        if let Ok(value) = std::env::var(name) {
            builder = builder.environment(name, value);
        }
    }
    builder.start()
}

const PLAIN: &str = r#"
import os

import greeter
from bedrock_agentcore import BedrockAgentCoreApp

COLOR = os.environ.get("COLOR", "none")
app = BedrockAgentCoreApp()
turns = 0


@app.entrypoint
def answer(payload):
    global turns
    turns += 1
    return greeter.greet(payload["name"], COLOR, turns)


if __name__ == "__main__":
    app.run()
"#;

/// A package as pip leaves it, in pure Python.
const GREETER: [(&str, &[u8]); 3] = [
    (
        "greeter/__init__.py",
        b"def greet(name, color, turn):\n    return f'Hello {name}, {color}, turn {turn}'\n",
    ),
    (
        "greeter-1.0.dist-info/METADATA",
        b"Metadata-Version: 2.1\nName: greeter\nVersion: 1.0\n\n",
    ),
    (
        "greeter-1.0.dist-info/RECORD",
        b"greeter/__init__.py,,\ngreeter-1.0.dist-info/METADATA,,\n",
    ),
];

/// Files of a zip, with the package that is there always.
fn package<'a>(files: &[(&'a str, &'a [u8])]) -> Vec<u8> {
    zip(&[&GREETER, files].concat())
}

/// How many components the server knows what they were made of.
fn made(host: &Host) -> usize {
    let notes = fs::read_dir(host.folder().join("data/made"));
    notes.expect("it is there").count()
}

async fn greets(agent: &Agent, expected: &str) {
    let payload = json!({ "name": "Ada" });
    let answer = agent.session("first").invoke(payload).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    // A text is JSON in one language, and plain in the other.
    assert_eq!(answer.text().trim_matches('"'), expected);
}

#[tokio::test]
async fn python_sources_are_built_once_for_each_environment() {
    let s3 = S3::start();
    let host = builder(&s3);
    // What is named like parts of the toolchain is the agent's, and never runs outside of a cell.
    let ran = host.folder().join("ran");
    let trap = format!(
        "open({:?}, 'w').write('x')\nraise SystemExit(1)\n",
        ran.display().to_string()
    );
    let traps = [
        "pip.py",
        "sitecustomize.py",
        ".kellion/sdk/python/scan/ast.py",
        "own/sdk/python/scan/ast.py",
    ];
    let mut files = vec![("agent.py", PLAIN.as_bytes())];
    files.extend(traps.map(|name| (name, trap.as_bytes())));
    s3.put("agents", "agent.zip", &package(&files)).await;

    let plain = code("agents", "agent.zip", &["agent.py"]);
    let agent = serves(&host, "plain", plain.clone()).await;
    greets(&agent, "Hello Ada, none, turn 1").await;
    assert_eq!(made(&host), 1);
    let observed = code(
        "agents",
        "agent.zip",
        &["opentelemetry-instrument", "agent.py"],
    );
    serves(&host, "again", observed).await;
    assert_eq!(made(&host), 1, "the same of the same is not made again");

    let mut colored = plain;
    colored["environmentVariables"] = json!({ "COLOR": "green" });
    let agent = serves(&host, "colored", colored).await;
    greets(&agent, "Hello Ada, green, turn 1").await;
    assert_eq!(made(&host), 2);
    assert!(!ran.exists(), "a stranger's code ran on this machine");
}

#[tokio::test]
async fn what_cannot_be_built_is_refused_by_its_name() {
    let s3 = S3::start();
    let host = builder(&s3);
    let native = b"\x7fELF";
    let numpy: [(&str, &[u8]); 4] = [
        ("agent.py", PLAIN.as_bytes()),
        ("numpy/core.cpython-313-x86_64-linux-gnu.so", native),
        (
            "numpy-2.1.0.dist-info/METADATA",
            b"Name: numpy\nVersion: 2.1.0\n\n",
        ),
        (
            "numpy-2.1.0.dist-info/RECORD",
            b"numpy/core.cpython-313-x86_64-linux-gnu.so,,\n",
        ),
    ];
    let cases: [(&str, Vec<u8>, &str, &[&str]); 6] = [
        (
            "numpy",
            package(&numpy),
            "agent.py",
            &["numpy 2.1.0", "native code"],
        ),
        (
            "library",
            package(&[("agent.py", PLAIN.as_bytes()), ("lib/fast.so", native)]),
            "agent.py",
            &["native code: lib/fast.so"],
        ),
        (
            "broken",
            package(&[("agent.py", b"import greeter\nimport nowhere_at_all\n")]),
            "agent.py",
            &["agent.py\", line 2", "nowhere_at_all"],
        ),
        (
            "package",
            zip(&[
                ("index.js", b"import 'leftpad';"),
                ("package.json", br#"{"dependencies": {"leftpad": "1"}}"#),
            ]),
            "index.js",
            &["node_modules", "npm install"],
        ),
        (
            "outside",
            zip(&[(
                "index.js",
                format!("import s from {:?}; console.log(s)", secret(&host)).as_bytes(),
            )]),
            "index.js",
            // Refused by who bundles, or by the jail before that.
            &["secret.json"],
        ),
        (
            "language",
            package(&[("main.go", b"package main")]),
            "main.go",
            &["\"main.go\"", "neither a component"],
        ),
    ];
    for (name, bytes, entry, told) in cases {
        s3.put("agents", name, &bytes).await;
        let reason = fails(&host, name, code("agents", name, &[entry])).await;
        tells(&reason, told);
        let folder = host.folder().display().to_string();
        assert!(
            !reason.contains("SECRET") && !reason.contains("/building/"),
            "{reason}"
        );
        assert!(name == "outside" || !reason.contains(&folder), "{reason}");
    }
    assert_eq!(made(&host), 0);
    let left = fs::read_dir(host.folder().join("data/building")).expect("it is there");
    assert!(left.count() <= 1, "builds clean up after themselves");
}

/// A file of this machine that is no agent's business.
fn secret(host: &Host) -> String {
    let file = host.folder().join("secret.json");
    fs::write(&file, r#"{"key": "SECRET"}"#).expect("the folder is writable");
    file.display().to_string()
}

/// What makes components, gone bad: it says what it can still do, and fails.
const GONE_BAD: &str = r#"#!/usr/bin/env python3
import os, pathlib, socket, sys

here = pathlib.Path(sys.argv[0]).parent

def tries(name, deed):
    try:
        deed()
        print(f"{name}: done")
    except OSError as error:
        print(f"{name}: refused")

tries("the room", lambda: pathlib.Path("kept").write_text("x"))
tries("a pair", socket.socketpair)
tries("another server", lambda: socket.create_connection(("127.0.0.1", int(PORT))))
tries("a name server", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", 53)))
tries("a local service", lambda: socket.socket(socket.AF_UNIX))
tries("the toolchain", lambda: (here / "python").unlink())
sys.exit(1)
"#;

/// A folder of toolchains with what makes components of Python gone bad; `port` is somebody's.
fn gone_bad(folder: &Path, port: u16) {
    let installed = fs::read_dir(tools()).expect("toolchains are there");
    let names = installed.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    // Beside those with packages, locks and what is kept between builds.
    let is_toolchain = |name: &String| {
        name.strip_prefix("python-")
            .is_some_and(|id| id.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    let python = PathBuf::from("/usr/bin/env");
    let python = std::process::Command::new(python)
        .args([
            "python3",
            "-c",
            "import os, sys; print(os.path.realpath(sys.executable))",
        ])
        .output()
        .expect("there is a Python");
    let python = String::from_utf8(python.stdout).expect("its path is text");
    for name in names.filter(is_toolchain) {
        let bin = folder.join(name).join("bin");
        fs::create_dir_all(&bin).unwrap();
        fs::write(bin.with_file_name("installed"), "").unwrap();
        symlink(python.trim(), bin.join("python")).unwrap();
        let tool = bin.join("componentize-py");
        fs::write(&tool, GONE_BAD.replace("PORT", &port.to_string())).unwrap();
        fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[tokio::test]
async fn a_toolchain_that_a_stranger_has_turned_reaches_nobody_and_stays_as_it_is() {
    let s3 = S3::start();
    // The real one is installed now, if it was not.
    s3.put(
        "agents",
        "agent.zip",
        &package(&[("agent.py", PLAIN.as_bytes())]),
    )
    .await;
    let entry = ["agent.py"];
    serves(&builder(&s3), "plain", code("agents", "agent.zip", &entry)).await;

    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    gone_bad(folder.path(), listener.local_addr().unwrap().port());
    let host = builder_with(&s3, folder.path());
    s3.put(
        "agents",
        "ours.zip",
        &package(&[("agent.py", b"import kellion\n")]),
    )
    .await;
    let reason = fails(&host, "turned", code("agents", "ours.zip", &entry)).await;
    tells(
        &reason,
        &[
            "the room: done",
            "a pair: done",
            "another server: refused",
            "a name server: refused",
            "a local service: refused",
            "the toolchain: refused",
        ],
    );
}

#[tokio::test]
async fn javascript_with_node_modules_becomes_an_agent() {
    let s3 = S3::start();
    let host = builder(&s3);
    let index = br#"
import { BedrockAgentCoreApp } from "bedrock-agentcore/runtime";
import { greet } from "greeter";

const color = process.env.COLOR ?? "none";
let turns = 0;
const app = new BedrockAgentCoreApp({
  invocationHandler: { process: async ({ name }) => greet(name, color, ++turns) },
});
app.run();
"#;
    let files: [(&str, &[u8]); 4] = [
        ("index.mjs", index),
        (
            "package.json",
            br#"{"type": "module", "dependencies": {"greeter": "1.0.0"}}"#,
        ),
        (
            "node_modules/greeter/package.json",
            br#"{"name": "greeter", "version": "1.0.0", "main": "index.js"}"#,
        ),
        (
            "node_modules/greeter/index.js",
            b"exports.greet = (name, color, turn) => `Hello ${name}, ${color}, turn ${turn}`;",
        ),
    ];
    s3.put("agents", "node.zip", &zip(&files)).await;
    let mut node = code("agents", "node.zip", &["index.mjs"]);
    node["agentRuntimeArtifact"]["codeConfiguration"]["runtime"] = json!("NODE_22");
    node["environmentVariables"] = json!({ "COLOR": "blue" });
    let agent = serves(&host, "node", node).await;
    greets(&agent, "Hello Ada, blue, turn 1").await;
}

#[tokio::test]
async fn sources_are_not_built_unless_the_operator_says_so() {
    let s3 = S3::start();
    let host = s3_host(&s3, "[artifacts]\nbuckets = [\"agents\"]").start();
    s3.put(
        "agents",
        "agent.zip",
        &package(&[("agent.py", PLAIN.as_bytes()), ("index.js", b"1")]),
    )
    .await;
    for (name, entry, setting) in [
        ("python", "agent.py", "`python = true` under [build]"),
        ("node", "index.js", "`node = true` under [build]"),
    ] {
        let reason = fails(&host, name, code("agents", "agent.zip", &[entry])).await;
        tells(&reason, &[entry, setting, "kellion build"]);
    }
}

#[tokio::test]
async fn a_deployment_script_for_agentcore_runs_unchanged() {
    let s3 = S3::start();
    let host = builder(&s3);
    let mut script = Tool::Script("code_deployment.py").command(host.folder());
    script
        .arg(host.endpoint())
        .env("AWS_ENDPOINT_URL_S3", &s3.endpoint);
    for name in [
        "PIP_CERT",
        "PIP_INDEX_URL",
        "PIP_FIND_LINKS",
        "HTTPS_PROXY",
        "NO_PROXY",
    ] {
        if let Some(value) = std::env::var_os(name) {
            script.env(name, value);
        }
    }
    let output = run(&mut script).await;
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
