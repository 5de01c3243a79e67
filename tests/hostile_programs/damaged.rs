//! Files on the disk that are not what the server left there.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use kellion_host::ids::Digest;
use rustix::fs::{FileType, Mode};
use serde_json::json;

use super::saying;
use crate::harness::{Agent, Host, PROBE, Witness, reference};

async fn deployed(host: &Host, name: &str, component: Vec<u8>) -> Agent {
    host.push(&reference(name), component).await;
    let agent = host.create(name).await;
    let built = agent.built().await;
    assert_eq!(built["status"], "READY", "{built}");
    agent
}

/// The file that begins with the digest of a component.
fn file(host: &Host, folder: &str, component: &[u8]) -> PathBuf {
    let folder = host.folder().join("data").join(folder);
    let digest = Digest::of(component);
    let mut files = fs::read_dir(folder).unwrap().map(|file| file.unwrap());
    let found = files.find(|file| {
        let name = file.file_name();
        name.to_str().unwrap().starts_with(digest.as_str())
    });
    found.expect("there is one").path()
}

fn flip(program: &Path) {
    let mut bytes = fs::read(program).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(program, bytes).unwrap();
}

fn cut(program: &Path) {
    let length = fs::metadata(program).unwrap().len();
    let file = fs::File::options().write(true).open(program).unwrap();
    file.set_len(length - 4_096).unwrap();
}

fn aside(program: &Path) -> PathBuf {
    let aside = program.with_extension("aside");
    fs::rename(program, &aside).unwrap();
    aside
}

fn link(program: &Path) {
    symlink(aside(program), program).unwrap();
}

fn second_name(program: &Path) {
    fs::hard_link(aside(program), program).unwrap();
}

fn pipe(program: &Path) {
    fs::remove_file(program).unwrap();
    let mode = Mode::RUSR | Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, program, FileType::Fifo, mode, 0).unwrap();
}

fn folder(program: &Path) {
    fs::remove_file(program).unwrap();
    fs::create_dir(program).unwrap();
    fs::write(program.join("inside"), "inside").unwrap();
}

fn everybodys(program: &Path) {
    fs::set_permissions(program, fs::Permissions::from_mode(0o666)).unwrap();
}

/// What is done to an agent's program, and what the log says of it.
type Damage = (&'static str, fn(&Path), &'static str);

const DAMAGES: &[Damage] = &[
    ("flipped", flip, "its keyed hash does not fit"),
    ("cut", cut, "its keyed hash does not fit"),
    ("linked", link, "it is a symbolic link"),
    ("twice", second_name, "it has 2 names"),
    ("pipe", pipe, "it is no regular file"),
    ("folder", folder, "it is no regular file"),
    ("everybodys", everybodys, "others may write to it"),
];

/// U15, U17.
#[tokio::test]
async fn u17_what_is_in_the_place_of_a_program_is_not_run_and_the_program_made_again() {
    let mut host = Host::builder().alone().start();
    let peaceful = host.deploy("peaceful", PROBE).await;
    let mut agents = Vec::new();
    for (name, _, _) in DAMAGES {
        agents.push(deployed(&host, name, saying(name)).await);
    }
    let swapped = deployed(&host, "swapped", saying("swapped")).await;
    let mode = fs::metadata(host.folder().join("data/compiled")).unwrap();
    assert_eq!(mode.mode() & 0o777, 0o700);
    host.shut_down();
    let anothers = file(&host, "compiled", &saying("flipped"));
    let own = file(&host, "compiled", &saying("swapped"));
    fs::copy(&anothers, &own).unwrap();
    for (name, damage, _) in DAMAGES {
        damage(&file(&host, "compiled", &saying(name)));
    }

    host.start_again();
    let witness = Witness::of(&host, &peaceful.of(&host)).await;
    for ((name, _, reason), agent) in DAMAGES.iter().zip(&agents) {
        let session = agent.of(&host).session("first");
        assert_eq!(session.ask(json!({})).await, *name);
        assert_said(&host, &saying(name), reason);
    }
    let session = swapped.of(&host).session("first");
    assert_eq!(session.ask(json!({})).await, "swapped");
    assert_said(&host, &saying("swapped"), "its keyed hash does not fit");
    witness.survived(&host).await;

    // All are good again.
    host.restart();
    for ((name, _, _), agent) in DAMAGES.iter().zip(&agents) {
        let session = agent.of(&host).session("second");
        assert_eq!(session.ask(json!({})).await, *name);
    }
    let said = host.said();
    assert!(!said.contains("compiling again"), "{said}");
}

/// The log has a line on the program of this component, with this reason.
fn assert_said(host: &Host, component: &[u8], reason: &str) {
    let digest = Digest::of(component);
    let said = host.said();
    let line = said.lines().find(|line| {
        line.contains(digest.as_str()) && line.contains("compiling again") && line.contains(reason)
    });
    assert!(line.is_some(), "{digest}: {reason}");
}

/// U18.
#[tokio::test]
async fn u18_a_version_runs_the_bytes_that_it_was_built_of_and_no_others() {
    let mut host = Host::builder().alone().start();
    let peaceful = host.deploy("peaceful", PROBE).await;
    let agent = deployed(&host, "agent", saying("one")).await;
    let running = agent.session("running");
    assert_eq!(running.ask(json!({})).await, "one");

    // Other bytes get the name; who runs and who comes new has what the version was built of.
    host.push(&reference("agent"), saying("two")).await;
    assert_eq!(running.ask(json!({})).await, "one");
    assert_eq!(agent.session("new").ask(json!({})).await, "one");

    // As well when it is compiled again.
    host.shut_down();
    fs::remove_file(file(&host, "compiled", &saying("one"))).unwrap();
    host.start_again();
    let agent = agent.of(&host);
    let witness = Witness::of(&host, &peaceful.of(&host)).await;
    assert_eq!(agent.session("later").ask(json!({})).await, "one");

    // A new version has the new bytes, and who runs stays where it was.
    let built = agent.update("agent", json!({})).await;
    assert_eq!(built["status"], "READY", "{built}");
    assert_eq!(agent.session("newest").ask(json!({})).await, "two");
    assert_eq!(agent.session("later").ask(json!({})).await, "one");
    witness.survived(&host).await;
}

/// U18: what must never serve again is deleted.
#[tokio::test]
async fn u18_a_version_that_was_deleted_never_comes_back() {
    let host = Host::start();
    let peaceful = host.deploy("peaceful", PROBE).await;
    let witness = Witness::of(&host, &peaceful).await;
    let agent = deployed(&host, "agent", saying("bad")).await;
    host.push(&reference("agent"), saying("good")).await;
    let built = agent.update("agent", json!({})).await;
    assert_eq!(built["status"], "READY", "{built}");
    let first = agent.path("?version=1");
    host.delete(&first).await.json_of(202);

    // No endpoint goes back to it, new or old, and its number is given to nobody.
    let back = json!({ "name": "back", "agentRuntimeVersion": "1" });
    let refused = host.put(&agent.path("runtime-endpoints/"), &back).await;
    refused.assert_refused(404, "ResourceNotFoundException", "version 1");
    let back = json!({ "agentRuntimeVersion": "1" });
    let moved = host
        .put(&agent.path("runtime-endpoints/DEFAULT/"), &back)
        .await;
    assert!([404, 409].contains(&moved.status), "{moved:?}");
    let built = agent.update("agent", json!({})).await;
    assert_eq!(built["agentRuntimeVersion"], "3", "{built}");
    assert_eq!(agent.session("new").ask(json!({})).await, "good");
    witness.survived(&host).await;
}

/// U18, on the disk.
#[tokio::test]
async fn u18_an_artifact_that_was_changed_on_the_disk_is_not_run() {
    let mut host = Host::builder().alone().start();
    let peaceful = host.deploy("peaceful", PROBE).await;
    let agent = deployed(&host, "agent", saying("one")).await;
    host.shut_down();
    fs::remove_file(file(&host, "compiled", &saying("one"))).unwrap();
    fs::write(file(&host, "artifacts", &saying("one")), saying("two")).unwrap();
    host.start_again();
    let agent = agent.of(&host);
    let witness = Witness::of(&host, &peaceful.of(&host)).await;
    let reply = agent.session("first").invoke(json!({})).await;
    assert_ne!(reply.status, 200);
    assert!(
        reply.text().contains("is not as it was stored"),
        "{}",
        reply.text()
    );
    // What it says helps.
    host.push(&reference("again"), saying("one")).await;
    assert_eq!(agent.session("second").ask(json!({})).await, "one");
    witness.survived(&host).await;
}
