//! Direct code deployment: a zip of sources with their packages, built on the server.

use std::path::PathBuf;

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

/// A server that builds sources, with the toolchains that `kellion build` has.
fn builder(s3: &S3) -> Host {
    let home = PathBuf::from(std::env::var_os("HOME").expect("the tests' user has a home"));
    let cache =
        std::env::var_os("XDG_CACHE_HOME").map_or_else(|| home.join(".cache"), PathBuf::from);
    let tools = cache.join("kellion/tools");
    let config = format!(
        "[artifacts]\nbuckets = [\"agents\"]\n[build]\npython = true\nnode = true\ntools = {:?}\n",
        tools.display().to_string()
    );
    let mut builder = s3_host(s3, &config).environment("HOME", home.display().to_string());
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
    let notes = std::fs::read_dir(host.folder().join("data/made"));
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
    let left = std::fs::read_dir(host.folder().join("data/building")).expect("it is there");
    assert!(left.count() <= 1, "builds clean up after themselves");
}

/// A file of this machine that is no agent's business.
fn secret(host: &Host) -> String {
    let file = host.folder().join("secret.json");
    std::fs::write(&file, r#"{"key": "SECRET"}"#).expect("the folder is writable");
    file.display().to_string()
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
