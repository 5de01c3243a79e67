//! What the server and its children give up: that a compiler gone bad harms nobody but its component, and that a server in
//! jail does all that it is there for.
//!
//! What can still be done inside of each jail is tried by the jail's own tests.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{
    ECHO, Host, Local, PROBE, TUTORIAL, eventually, in_time, kellion, reference, zip,
};
use crate::stand_in::{Answer, StandIn};

/// A compiler that does what the component's last section says, and compiles the others as it should.
struct Fake {
    folder: TempDir,
}

impl Fake {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let script = format!(
            "#!/bin/sh
deed=$(tail -c 16 /proc/self/fd/0 | tr -cd a-z)
echo $$ > {0}/$deed
case $deed in
  garbage) echo 'no program, whatever it says' ;;
  nothing) ;;
  hang) sleep 1000 ;;
  fork) sleep 1000 & (sleep 1000 >/dev/null 2>&1) & exit 3 ;;
  flood) exec head -c 10000000000 /dev/zero ;;
  kill) kill -9 $$ ;;
  starve) ulimit -c 0; echo 'memory allocation of 8 bytes failed' >&2; kill -ABRT $$ ;;
  toil) ulimit -c 0; kill -XCPU $$ ;;
  tell) env > {0}/environment; echo 'a secret of the operator' >&2; exit 3 ;;
  *) exec {1} \"$@\" ;;
esac
",
            folder.path().display(),
            env!("CARGO_BIN_EXE_kellion"),
        );
        let fake = Self { folder };
        fs::write(fake.path(), script).unwrap();
        fs::set_permissions(fake.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fake
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("compiler")
    }

    /// How nice the compiler is that did this.
    fn niceness(&self, deed: &str) -> Option<String> {
        let process = fs::read_to_string(self.folder.path().join(deed)).ok()?;
        let stat = fs::read_to_string(format!("/proc/{}/stat", process.trim())).ok()?;
        let (_, fields) = stat.rsplit_once(") ")?;
        fields.split(' ').nth(16).map(str::to_owned)
    }

    /// Whether somebody is still in the group of processes of the compiler that did this.
    fn is_alive(&self, deed: &str) -> bool {
        let group = fs::read_to_string(self.folder.path().join(deed)).unwrap();
        let processes = fs::read_dir("/proc").unwrap();
        let mut stats = processes.filter_map(|process| {
            let stat = fs::read_to_string(process.ok()?.path().join("stat")).ok()?;
            let (_, fields) = stat.rsplit_once(") ")?;
            Some(fields.to_owned())
        });
        // After the name: state, parent, group.
        stats.any(|fields| {
            let fields: Vec<_> = fields.split(' ').collect();
            fields[0] != "Z" && fields[2] == group.trim()
        })
    }
}

/// A component that works, with a section at its end that has no meaning but to the fake.
fn component(deed: &str) -> Vec<u8> {
    let name = format!("{deed:->16}");
    let mut bytes = fs::read(ECHO).unwrap();
    let length = u8::try_from(name.len()).unwrap();
    bytes.extend([0, length + 1, length]);
    bytes.extend(name.bytes());
    bytes
}

/// The agent that is made of this component, as it is when it is built.
async fn built(server: &Local, deed: &str) -> Value {
    server.push(&reference(deed), component(deed)).await;
    let agent = server.create(deed).await;
    in_time("the build", agent.built()).await
}

/// Files of the folder of compiled programs that are none.
fn left_behind(data: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(data.join("compiled")).unwrap();
    let files = files.map(|file| file.unwrap().path());
    files
        .filter(|file| !fs::read(file).unwrap().starts_with(b"\x7fELF"))
        .collect()
}

#[tokio::test]
async fn u12_a_compiler_gone_bad_costs_its_own_component_and_leaves_nothing_behind() {
    let fake = Fake::new();
    let server = Local::compiled_by(&fake.path(), |_| {}).await;
    // (What it does, and what is told.)
    let deeds = [
        ("garbage", "cannot load a compiled program"),
        ("nothing", "cannot load a compiled program"),
        ("fork", "ended without a word"),
        ("flood", "it takes more than 16 MiB on the disk"),
        ("kill", "the work on it was killed"),
        ("starve", "it takes more memory than there is for it"),
        ("toil", "it takes more CPU time than there is for it"),
        ("tell", "ended without a word"),
    ];
    for (deed, told) in deeds {
        let agent = built(&server, deed).await;
        assert_eq!(agent["status"], "CREATE_FAILED", "{deed}: {agent}");
        let reason = agent["failureReason"].as_str().unwrap();
        assert!(
            !reason.is_empty() && reason.contains(told),
            "{deed}: {reason}"
        );
        assert!(!reason.contains("secret"), "{deed}: {reason}");
        let folder = server.data().display().to_string();
        assert!(!reason.contains(&folder), "{deed}: {reason}");
        eventually("its group to be gone", || async {
            (!fake.is_alive(deed)).then_some(())
        })
        .await;
        assert_eq!(left_behind(server.data()), Vec::<PathBuf>::new(), "{deed}");
    }
    let good = built(&server, "good").await;
    assert_eq!(good["status"], "READY", "{good}");

    let environment = fs::read_to_string(fake.folder.path().join("environment")).unwrap();
    for line in environment.lines() {
        // The last three are the shell's own.
        let known = ["RAYON_NUM_THREADS=", "PWD=", "SHLVL=", "_="];
        assert!(known.iter().any(|known| line.starts_with(known)), "{line}");
    }
    server.stop().await;
}

#[tokio::test]
async fn u12_a_compiler_that_hangs_is_ended_while_others_go_on() {
    let fake = Fake::new();
    let server = Local::compiled_by(&fake.path(), |config| {
        config.agents.compile_seconds = 20.try_into().unwrap();
    })
    .await;
    server.push(&reference("hang"), component("hang")).await;
    let hanging = server.create("hang").await;
    let nice = eventually("the compiler to hang", || async { fake.niceness("hang") }).await;
    assert_eq!(nice, "5", "it steps back before it does anything");
    let good = built(&server, "good").await;
    assert_eq!(good["status"], "READY", "{good}");

    let agent = in_time("its end", hanging.built()).await;
    assert_eq!(agent["status"], "CREATE_FAILED");
    let reason = agent["failureReason"].as_str().unwrap();
    assert!(reason.contains("took longer than 20 s"), "{reason}");
    eventually("its group to be gone", || async {
        (!fake.is_alive("hang")).then_some(())
    })
    .await;
    assert_eq!(left_behind(server.data()), Vec::<PathBuf>::new());
    let state = server.get("/kellion/v1/status").await.json_of(200);
    assert_eq!(state["sandbox"]["mode"], "off", "tests are not jailed");
    server.stop().await;
}

/// What the system says of a running server.
fn status(host: &Host, name: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{}/status", host.process_id())).unwrap();
    let value = status.lines().find_map(|line| line.strip_prefix(name));
    value.unwrap().trim_start_matches(':').trim().to_owned()
}

#[tokio::test]
async fn t1_a_server_in_a_required_jail_does_all_that_it_is_there_for() {
    let bedrock = StandIn::start().await;
    bedrock.push(Answer::text("Hello, Maira."));
    let mut host = Host::builder()
        .bedrock(&bedrock)
        .environment("KELLION_SANDBOX", "require")
        .config("[sandbox]\nmax_live_sessions = 2")
        .start();
    let told = host.get("/kellion/v1/status").await.json_of(200);
    assert_eq!(
        told["sandbox"],
        json!({ "mode": "require", "landlock": "full", "seccomp": true })
    );
    assert_eq!(told["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status(&host, "Seccomp"), "2");
    assert_eq!(status(&host, "NoNewPrivs"), "1");

    let agent = host.deploy("tutorial", TUTORIAL).await;
    let answer = agent.session("first").prompt(1, "Hello").await;
    assert!(answer.contains("Hello, Maira."), "{answer}");

    // More sessions than fit into memory come back with what they knew, before a restart and after it.
    let agent = host.deploy("probe", PROBE).await;
    let sessions: Vec<_> = (0..6)
        .map(|number| agent.session(&format!("session-{number}")))
        .collect();
    for turn in 1..=2 {
        for session in &sessions {
            assert_eq!(session.count().await, turn);
        }
    }
    host.restart();
    for session in &sessions {
        assert_eq!(session.count().await, 3);
    }

    // A zip, which a child takes the component out of.
    let component = fs::read(ECHO).unwrap();
    let packed = zip(&[("agent.wasm", &component)]);
    host.push(&reference("zipped"), packed).await;
    let agent = host.create("zipped").await.built().await;
    assert_eq!(agent["status"], "READY", "{agent}");
}

#[tokio::test]
async fn a_server_says_how_far_it_is_confined() {
    for (mode, seccomp) in [("try", true), ("off", false)] {
        let host = Host::builder()
            .config(&format!("[server]\nsandbox = \"{mode}\""))
            .environment("KELLION_LOG", "info")
            .start();
        let told = host.get("/kellion/v1/status").await.json_of(200);
        assert_eq!(told["sandbox"]["mode"], mode);
        assert_eq!(told["sandbox"]["seccomp"], seccomp);
        assert!(host.said().contains("what this server can do"), "{mode}");
        let shown = kellion(host.folder())
            .args(["status", "--endpoint", host.endpoint()])
            .output()
            .unwrap();
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(shown.contains(mode), "{shown}");
    }
}

#[tokio::test]
async fn f24_a_server_leaves_no_core_file_and_lets_nobody_look_into_it() {
    // As root it is shown by who owns what the system tells of it; then the server must be somebody else,
    // with a program that everybody may reach.
    const COMMANDS: &str = "ulimit -c unlimited
if [ $(id -u) = 0 ]; then
  cp \"$0\" kellion
  chown -R 65534 .
  exec setpriv --reuid 65534 --clear-groups ./kellion \"$@\"
fi";
    let mut host = Host::builder().prelude(COMMANDS).start();
    let told = fs::metadata(format!("/proc/{}/status", host.process_id())).unwrap();
    assert_eq!(told.uid(), 0, "what is open to its user is its user's");
    assert_ne!(status(&host, "Uid").split('\t').next(), Some("0"));
    let limits = fs::read_to_string(format!("/proc/{}/limits", host.process_id())).unwrap();
    let core = limits.lines().find(|line| line.contains("core")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");

    // It still does its work, and sees what its own memory holds: an image of a session is taken.
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    assert_eq!(session.count().await, 1);

    let files = |folder: &Path| -> Vec<_> {
        let files = fs::read_dir(folder).unwrap();
        files.map(|file| file.unwrap().file_name()).collect()
    };
    let before = files(host.folder());
    host.die_of("ABRT");
    let status = eventually("its end", || {
        let exited = host.exited();
        async move { exited }
    })
    .await;
    assert_eq!(status.signal(), Some(6));
    assert!(!status.core_dumped());
    assert_eq!(files(host.folder()), before);
}
