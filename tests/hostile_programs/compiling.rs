//! Who is compiled for, and when; by a compiler that waits where the test tells it to.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use kellion_host::ids::Digest;
use rustix::fs::{FileType, Mode};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::saying;
use crate::harness::{Client, Local, eventually, in_time, reference};

/// The real compiler, behind a script that notes for which component it was started, and waits if there is a gate for it.
struct Compiler(TempDir);

/// What the compiler waits at.
struct Gate(File);

impl Gate {
    fn open(&mut self) {
        self.0.write_all(b"\n").unwrap();
    }
}

impl Compiler {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().display();
        let real = env!("CARGO_BIN_EXE_kellion");
        let script = format!(
            r#"#!/bin/sh
of=$(/usr/bin/sha256sum < /proc/self/fd/0)
of=${{of%% *}}
echo "$of" >> '{own}/started'
if [ -e "{own}/lost-$of" ]; then exit 1; fi
if [ -p "{own}/gate-$of" ]; then read -r _ < "{own}/gate-$of"; fi
exec '{real}' "$@"
"#
        );
        let compiler = Self(folder);
        fs::write(compiler.path(), script).unwrap();
        fs::set_permissions(compiler.path(), fs::Permissions::from_mode(0o700)).unwrap();
        compiler
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("compiler")
    }

    /// From now on it waits with this component until the gate is opened.
    fn gate(&self, component: &[u8]) -> Gate {
        let path = self
            .0
            .path()
            .join(format!("gate-{}", Digest::of(component)));
        let mode = Mode::RUSR | Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &path, FileType::Fifo, mode, 0).unwrap();
        // For both, so that neither waits for the other to open it.
        Gate(
            OpenOptions::new()
                .read(true)
                .write(true)
                .open(path)
                .unwrap(),
        )
    }

    /// Where the file is as long as which it ends without a word on this component.
    fn lost(&self, component: &[u8]) -> PathBuf {
        self.0
            .path()
            .join(format!("lost-{}", Digest::of(component)))
    }

    /// For which components it was started, in this order.
    fn started(&self) -> Vec<Digest> {
        let started = fs::read_to_string(self.0.path().join("started")).unwrap_or_default();
        started.lines().map(|line| line.parse().unwrap()).collect()
    }

    async fn has_started(&self, component: &[u8]) {
        let digest = Digest::of(component);
        eventually("the compiler", || async {
            self.started().contains(&digest).then_some(())
        })
        .await;
    }

    async fn serve(&self, data: &Path) -> Local {
        Local::compiling_in(data, &self.path()).await
    }
}

async fn deployed(client: &Client, name: &str, component: &[u8]) -> Value {
    client.push(&reference(name), component.to_vec()).await;
    client.create(name).await.built().await
}

/// U14.
#[tokio::test]
async fn u14_a_hundred_slow_compilations_of_one_tenant_keep_no_other_waiting() {
    let (data, compiler) = (tempfile::tempdir().unwrap(), Compiler::new());
    let server = compiler.serve(data.path()).await;
    let (many, small) = (server.guest("many").await, server.guest("small").await);
    let components: Vec<_> = (0..100).map(|n| saying(&format!("answer {n}"))).collect();
    let mut gates = Vec::new();
    let mut agents = Vec::new();
    for (number, component) in components.iter().enumerate() {
        gates.push(compiler.gate(component));
        let name = format!("slow{number}");
        many.push(&reference(&name), component.clone()).await;
        agents.push(many.create(&name).await);
    }
    compiler.has_started(&components[0]).await;

    // The hundred are in line, and the first of them is as slow as can be.
    let own = saying("mine");
    let built = in_time("another's build", deployed(&small, "small", &own)).await;
    assert_eq!(built["status"], "READY", "{built}");
    let expected = [&components[0], &own].map(|component| Digest::of(component));
    assert_eq!(compiler.started(), expected, "one child a tenant");

    gates[0].open();
    assert_eq!(agents[0].built().await["status"], "READY");
    compiler.has_started(&components[1]).await;
    assert_eq!(compiler.started().len(), 3);
    server.stop().await;
}

/// U14, where programs are gone and the first calls have them compiled.
#[tokio::test]
async fn u14_first_calls_after_a_restart_take_their_turns_too() {
    let (data, compiler) = (tempfile::tempdir().unwrap(), Compiler::new());
    let server = compiler.serve(data.path()).await;
    let (many, small) = (server.guest("many").await, server.guest("small").await);
    let components: Vec<_> = (0..3).map(|n| saying(&format!("answer {n}"))).collect();
    let mut agents = Vec::new();
    for (number, component) in components.iter().enumerate() {
        let name = format!("slow{number}");
        many.push(&reference(&name), component.clone()).await;
        agents.push(many.create(&name).await);
    }
    for agent in &agents {
        assert_eq!(agent.built().await["status"], "READY");
    }
    small.push(&reference("small"), saying("mine")).await;
    let own = small.create("small").await;
    assert_eq!(own.built().await["status"], "READY");
    server.stop().await;
    for file in fs::read_dir(data.path().join("compiled")).unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }
    let before = compiler.started().len();
    assert_eq!(before, 4);

    let mut gates: Vec<_> = components.iter().map(|one| compiler.gate(one)).collect();
    let server = compiler.serve(data.path()).await;
    let (many, small) = (server.of(&many), server.of(&small));
    let calls = agents.iter().map(|agent| {
        let session = agent.of(&many).session("first");
        tokio::spawn(async move { session.ask(json!({})).await })
    });
    let calls: Vec<_> = calls.collect();
    eventually("the compiler", || async {
        (compiler.started().len() > before).then_some(())
    })
    .await;
    // Three calls wait for it, and this one is served by the one thread of all.
    let answer = in_time("another's call", async {
        own.of(&small).session("first").ask(json!({})).await
    });
    assert_eq!(answer.await, "mine");
    let started = compiler.started();
    assert_eq!(started.len(), before + 2, "one child a tenant: {started:?}");
    assert_eq!(started.last(), Some(&Digest::of(&saying("mine"))));

    gates.iter_mut().for_each(Gate::open);
    for (number, call) in calls.into_iter().enumerate() {
        assert_eq!(call.await.unwrap(), format!("answer {number}"));
    }
    assert_eq!(compiler.started().len(), before + 4);
    server.stop().await;
}

#[tokio::test]
async fn what_was_refused_is_refused_again_with_the_same_words_and_not_compiled() {
    let (data, compiler) = (tempfile::tempdir().unwrap(), Compiler::new());
    let server = compiler.serve(data.path()).await;
    let (one, other) = (server.guest("one").await, server.guest("other").await);
    let component = b"\0asm\x0d\0\x01\0";
    let refused = deployed(&one, "empty", component).await;
    assert_eq!(refused["status"], "CREATE_FAILED", "{refused}");
    let reason = refused["failureReason"].as_str().unwrap();
    assert!(reason.contains("does not export"), "{reason}");
    for (client, name) in [(&one, "again"), (&other, "empty")] {
        let again = deployed(client, name, component).await;
        assert_eq!(again["status"], "CREATE_FAILED", "{again}");
        assert_eq!(again["failureReason"], reason);
    }
    assert_eq!(compiler.started().len(), 1);
    // What is no fault of its bytes is said of none.
    let fine = deployed(&other, "fine", &saying("fine")).await;
    assert_eq!(fine["status"], "READY", "{fine}");
    server.stop().await;
}

#[tokio::test]
async fn a_compiler_that_ended_without_a_word_is_tried_again_later() {
    let (data, compiler) = (tempfile::tempdir().unwrap(), Compiler::new());
    let server = compiler.serve(data.path()).await;
    let component = saying("late");
    let lost = compiler.lost(&component);
    fs::write(&lost, "").unwrap();
    server.push(&reference("late"), component).await;
    let agent = server.create("late").await;
    let failed = agent.built().await;
    assert_eq!(failed["status"], "CREATE_FAILED", "{failed}");
    fs::remove_file(&lost).unwrap();
    let again = agent.update("late", json!({})).await;
    assert_eq!(again["status"], "UPDATE_FAILED", "{again}");
    assert_eq!(again["failureReason"], failed["failureReason"]);
    assert_eq!(compiler.started().len(), 1);
    server.advance(600);
    let later = agent.update("late", json!({})).await;
    assert_eq!(later["status"], "READY", "{later}");
    assert_eq!(compiler.started().len(), 2);
    assert_eq!(agent.session("first").ask(json!({})).await, "late");
    server.stop().await;
}
