//! Strangers' bytes in the place of a component. Each test is named after what was uploaded; after each, another agent's
//! session still answers with its memory, what the server spent is given back, and the next upload is built.

mod archives;
mod bombs;
mod bytes;
mod signed;
mod wire;
mod worlds;

use futures::future::join_all;

use crate::harness::{Agent, ECHO, Host, PROBE, Witness, reference};

/// A server with a configuration, and another client's session on it.
async fn stage(config: &str) -> (Host, Witness) {
    let host = Host::builder().config(config).start();
    let peaceful = host.deploy("peaceful", PROBE).await;
    let witness = Witness::of(&host, &peaceful).await;
    (host, witness)
}

fn read(file: &str) -> Vec<u8> {
    std::fs::read(file).expect("the build script made the guest")
}

fn parse(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("the text is WebAssembly")
}

/// Uploads bytes and makes an agent of them.
async fn uploaded(host: &Host, name: &str, bytes: Vec<u8>) -> Agent {
    host.push(&reference(name), bytes).await;
    host.create(name).await
}

/// Uploads bytes of which no agent can be made; what its author is told.
async fn refused(host: &Host, name: &str, bytes: Vec<u8>) -> String {
    let built = uploaded(host, name, bytes).await.built().await;
    assert_eq!(built["status"], "CREATE_FAILED", "{name}: {built}");
    let reason = built["failureReason"].as_str().expect("text").to_owned();
    // It was this upload's fault, not the server's.
    assert!(!reason.contains("without a word"), "{name}: {reason}");
    assert!(
        !reason.contains('/') || !reason.contains("data/"),
        "{name}: {reason}"
    );
    reason
}

/// The same of many at a time, each with parts of what is told.
async fn all_refused(host: &Host, cases: Vec<(String, Vec<u8>, Vec<&str>)>) {
    let cases = cases.into_iter().map(|(name, bytes, told)| async move {
        let reason = refused(host, &name, bytes).await;
        for part in told {
            assert!(
                reason.contains(part),
                "{name}: {part:?} is not in {reason:?}"
            );
        }
    });
    join_all(cases).await;
}

/// A case of [`all_refused`].
fn case<'a>(name: &str, bytes: Vec<u8>, told: &[&'a str]) -> (String, Vec<u8>, Vec<&'a str>) {
    (name.to_owned(), bytes, told.to_vec())
}

/// An upload that means well is built, and nothing of the others is left.
async fn goes_on(host: &Host, witness: Witness) {
    let agent = host.deploy("afterwards", ECHO).await;
    let payload = serde_json::json!({ "still": "here" });
    assert_eq!(agent.session("first").ask(payload.clone()).await, payload);
    no_leftovers(host);
    witness.survived(host).await;
}

/// No file that was begun is still there.
fn no_leftovers(host: &Host) {
    assert_eq!(unfinished(host), [""; 0]);
}

/// The files that were begun and are not finished.
fn unfinished(host: &Host) -> Vec<String> {
    let folders = ["artifacts", "compiled", "made"];
    let files = folders.iter().flat_map(|folder| {
        let folder = std::fs::read_dir(host.folder().join("data").join(folder));
        folder.expect("it is there").map(|entry| {
            let entry = entry.expect("it can be read");
            entry.file_name().to_string_lossy().into_owned()
        })
    });
    files
        .filter(|name| name.starts_with(".incoming-"))
        .collect()
}
