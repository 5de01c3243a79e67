//! Disks that take nothing more, and processes that may open nothing more: nothing is acknowledged that is not written,
//! what was written can be read, and afterwards everything goes on.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::harness::{Host, PROBE, Reply, Session, in_time};
use crate::stand_in::{Answer, StandIn};

/// A file that must not grow is as good as a full disk, and any user may say so. The system's signal, which would end the
/// process, is turned off: a disk that is full sends none.
const NO_SIGNAL: &str = "trap '' XFSZ";

async fn call(session: &Session, name: &str, payload: &Value) -> Reply {
    let request = session.invocation(payload.to_string());
    let request = request.header("amz-sdk-invocation-id", name);
    let response = in_time("an answer", request.send()).await.unwrap();
    Reply::read(response).await.unwrap()
}

fn assert_not_recorded(reply: &Reply) {
    let message = "the turn could not be recorded, and is not acknowledged; please retry";
    reply.assert_refused(500, "InternalServerException", message);
}

/// Lets no file of the server grow beyond what the log of the journal has now.
fn fill_disk(host: &Host) {
    let log = host.folder().join("data/journal/journal.db-wal");
    let size = fs::metadata(log).unwrap().len();
    host.limit(&format!("--fsize={size}:"));
}

fn free_disk(host: &Host) {
    host.limit("--fsize=unlimited:");
}

#[tokio::test]
async fn a_full_disk_refuses_turns_and_reads_go_on_and_with_room_each_is_made_once() {
    let mut host = Host::builder().prelude(NO_SIGNAL).alone().start();
    let agent = host.deploy("probe", PROBE).await;
    let [first, second] = ["first", "second"].map(|name| agent.session(name));
    let count = json!({ "do": "count" });
    call(&first, "before", &count).await.json_of(200);

    fill_disk(&host);
    for _ in 0..3 {
        assert_not_recorded(&call(&first, "during", &count).await);
        assert_not_recorded(&call(&second, "also-during", &count).await);
    }
    assert_eq!(call(&first, "before", &count).await.json_of(200), 1);
    assert_eq!(first.inspect().await["turns"], 1);
    assert_eq!(host.get("/healthz/ready").await.status, 200);

    free_disk(&host);
    for _ in 0..2 {
        assert_eq!(call(&first, "during", &count).await.json_of(200), 2);
        assert_eq!(call(&second, "also-during", &count).await.json_of(200), 1);
    }
    host.kill();
    host.start_again();
    assert_eq!(call(&first, "during", &count).await.json_of(200), 2);
    assert_eq!(first.count().await, 3);
    assert_eq!(second.count().await, 2);
}

#[tokio::test]
async fn on_a_full_disk_no_model_is_paid_for_an_answer_that_cannot_be_kept() {
    let bedrock = StandIn::start().await;
    let builder = Host::builder().bedrock(&bedrock).prelude(NO_SIGNAL);
    let host = builder.alone().start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    session.count().await;
    fill_disk(&host);
    let asked = json!({ "do": "model", "prompt": "Hello" });
    let streamed = json!({ "do": "model-stream", "prompt": "Hello" });
    for _ in 0..3 {
        assert_not_recorded(&call(&session, "asked", &asked).await);
        assert_not_recorded(&call(&session, "streamed", &streamed).await);
    }
    assert_eq!(bedrock.calls().total(), 0);
    free_disk(&host);
    bedrock.push(Answer::text("Hello."));
    assert_eq!(
        call(&session, "asked", &asked).await.json_of(200)["text"],
        "Hello."
    );
    bedrock.push(Answer::text("Bye."));
    let reply = call(&session, "streamed", &streamed).await;
    assert_eq!(reply.text(), "data: \"Bye.\"\n\n");
    assert_eq!(bedrock.calls().total(), 2);
    assert_eq!(session.count().await, 4);
}

/// Takes the powers of the administrator from a server, if the tests have them: what is read-only is so for it, too.
fn without_powers() -> &'static str {
    match fs::metadata("/proc/self").unwrap().uid() {
        0 => "exec setpriv --inh-caps=-all --bounding-set=-all -- \"$0\" \"$@\"",
        _ => ":",
    }
}

/// A folder that cannot be written, until this is dropped.
struct ReadOnly(PathBuf);

impl ReadOnly {
    fn make(folder: PathBuf) -> Self {
        fs::set_permissions(&folder, Permissions::from_mode(0o500)).unwrap();
        Self(folder)
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        fs::set_permissions(&self.0, Permissions::from_mode(0o700)).unwrap();
    }
}

#[tokio::test]
async fn a_folder_that_became_read_only_refuses_what_needs_a_file_and_nothing_else() {
    let mut host = Host::builder().prelude(without_powers()).alone().start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    let large = json!({ "do": "large", "bytes": 100_000 });
    assert_eq!(session.count().await, 1);
    assert_eq!(call(&session, "kept", &large).await.status, 200);
    let read_only = ReadOnly::make(host.folder().join("data/journal/bodies"));
    for _ in 0..2 {
        assert_not_recorded(&call(&session, "refused", &large).await);
    }
    // Its turn is open, and what comes after it cannot be made before it.
    assert_eq!(call(&session, "kept", &large).await.status, 200);
    assert_eq!(agent.session("second").count().await, 1);
    drop(read_only);
    assert_eq!(call(&session, "refused", &large).await.status, 200);
    assert_eq!(session.count().await, 4);
    host.restart();
    assert_eq!(session.count().await, 5);
}

#[tokio::test]
async fn a_server_on_a_read_only_journal_says_so_and_does_not_start() {
    let mut host = Host::builder().prelude(without_powers()).alone().start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    session.count().await;
    host.kill();
    let journal = host.folder().join("data/journal");
    let read_only = ReadOnly::make(journal.clone());
    let files = ["lock", "journal.db", "journal.db-wal", "journal.db-shm"];
    for file in files {
        fs::set_permissions(journal.join(file), Permissions::from_mode(0o400)).unwrap();
    }
    let said = host.try_start_again().unwrap_err();
    assert!(said.contains("cannot open the journal in"), "{said}");
    drop(read_only);
    for file in files {
        fs::set_permissions(journal.join(file), Permissions::from_mode(0o600)).unwrap();
    }
    host.start_again();
    assert_eq!(session.count().await, 2);
}

#[tokio::test]
async fn a_server_that_may_open_nothing_more_refuses_turns_and_recovers() {
    let mut host = Host::builder().alone().start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    assert_eq!(session.count().await, 1);
    // A connection that is there already, and stays: no other can be taken.
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let send = async |name: &str, payload: Value| {
        let request = session.invocation(payload.to_string());
        let request = request.header("amz-sdk-invocation-id", name);
        let request = request.build().unwrap();
        let response = in_time("an answer", client.execute(request)).await.unwrap();
        Reply::read(response).await.unwrap()
    };
    let large = json!({ "do": "large", "bytes": 100_000 });
    assert_eq!(
        send("opens", json!({ "do": "count" })).await.json_of(200),
        2
    );
    host.limit("--nofile=0:");
    for _ in 0..2 {
        // It can be neither written nor, for another try, read.
        let refused = send("refused", large.clone()).await;
        refused.assert_refused(500, "InternalServerException", "; please retry");
    }
    host.limit("--nofile=1024:");
    assert_eq!(send("refused", large).await.status, 200);
    assert_eq!(session.count().await, 4);
    host.kill();
    host.start_again();
    assert_eq!(session.count().await, 5);
}
