//! What nobody needs any more goes at once, from the disk and from memory: nobody fills either by uploading anew, by replacing
//! or by deleting.

use std::path::Path;

use reqwest::Method;
use serde_json::json;

use crate::harness::{Host, Local, PROBE, Reply, eventually, reference, wat};

/// How many files there are in a folder of a server's data.
fn files(data: &Path, folder: &str) -> usize {
    let entries = std::fs::read_dir(data.join(folder)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name());
    // Others are on their way to a name.
    names
        .filter(|name| !name.to_string_lossy().starts_with('.'))
        .count()
}

/// Waits until there are so many artifacts and programs.
async fn left(data: &Path, artifacts: usize, programs: usize) {
    let what = format!("{artifacts} artifacts and {programs} programs");
    eventually(&what, || async {
        let found = (files(data, "artifacts"), files(data, "compiled"));
        (found == (artifacts, programs)).then_some(())
    })
    .await;
}

/// An agent that answers with this digit, and is a component of its own by that.
fn digit(digit: usize) -> Vec<u8> {
    wat::agent(&format!(
        r#"(data (i32.const 1024) "{digit}")
        (func (export "invoke") (param i32) (result i32)
            (call $answer (i32.const 1024) (i32.const 1)))"#
    ))
}

async fn forget(host: &Host, name: &str) -> Reply {
    let request = host
        .request(Method::DELETE, "/kellion/v1/artifacts")
        .query(&[("reference", reference(name))]);
    host.send(request).await
}

#[tokio::test]
async fn what_no_reference_and_no_version_needs_goes_from_the_disk() {
    let host = Host::start();
    let data = host.folder().join("data");
    let agent = host.deploy("probe", PROBE).await;
    host.push(&reference("unused"), vec![7; 1_000]).await;
    left(&data, 2, 1).await;
    for name in ["probe", "unused"] {
        assert_eq!(forget(&host, name).await.status, 204);
    }
    left(&data, 1, 1).await;
    // The version runs on.
    assert_eq!(agent.session("first").count().await, 1);
    host.delete(&agent.path("")).await.json_of(202);
    left(&data, 0, 0).await;
}

#[tokio::test]
async fn a_name_that_is_pushed_again_takes_no_more_room() {
    let host = Host::start();
    let data = host.folder().join("data");
    for byte in 0..5 {
        host.push(&reference("again"), vec![byte; 1_000]).await;
    }
    left(&data, 1, 0).await;
    // The same bytes under two names are there as long as one of them is.
    host.push(&reference("other"), vec![4; 1_000]).await;
    forget(&host, "again").await;
    host.push(&reference("more"), vec![9; 1_000]).await;
    forget(&host, "more").await;
    left(&data, 1, 0).await;
    assert_eq!(forget(&host, "other").await.status, 204);
    left(&data, 0, 0).await;
}

/// Of an upload that is refused after its last byte nothing stays.
#[tokio::test]
async fn bytes_other_than_announced_are_not_kept() {
    let host = Host::start();
    let guest = host.guest("guest", "").await;
    let push = guest
        .request(Method::PUT, "/kellion/v1/artifacts")
        .query(&[("reference", reference("other"))])
        .body(vec![7; 1_000]);
    let mut changed = guest.prepare(push);
    *changed.body_mut() = Some(vec![8; 1_000].into());
    let refused = guest.execute(changed).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    left(&host.folder().join("data"), 0, 0).await;
}

#[tokio::test]
async fn versions_that_are_deleted_leave_what_others_run() {
    let host = Host::start();
    let data = host.folder().join("data");
    host.push(&reference("digit"), digit(1)).await;
    let agent = host.create("digit").await;
    assert_eq!(agent.built().await["status"], "READY");
    let twin = host
        .create_with("twin", crate::tenancy::configuration("digit"))
        .await;
    assert_eq!(twin.built().await["status"], "READY");
    host.push(&reference("digit"), digit(2)).await;
    agent.update("digit", json!({})).await;
    assert_eq!(agent.built().await["status"], "READY");
    left(&data, 2, 2).await;
    let first = agent.path("?version=1");
    eventually("the endpoint to have moved", || async {
        (host.delete(&first).await.status < 300).then_some(())
    })
    .await;
    let second = agent.session("first");
    assert_eq!(second.ask(json!(null)).await, 2);
    left(&data, 2, 2).await;
    assert_eq!(twin.session("twin").ask(json!(null)).await, 1);
    host.delete(&twin.path("")).await.json_of(202);
    left(&data, 1, 1).await;
    assert_eq!(second.ask(json!(null)).await, 2);
}

/// How often this process has a file of these data mapped.
fn mapped(data: &Path) -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let folder = data.to_str().unwrap();
    maps.lines().filter(|line| line.contains(folder)).count()
}

#[tokio::test]
async fn a_program_that_nobody_uses_leaves_memory_and_comes_back() {
    let local = Local::start().await;
    let agent = local.deploy("probe", PROBE).await;
    let program = local.data().join("compiled");
    let session = agent.session("first");
    assert_eq!(session.count().await, 1);
    assert!(mapped(&program) > 0);
    // It has been used in the first ten minutes, and not in the next.
    local.advance(601);
    assert_eq!(session.stop().await.status, 200);
    eventually("the program to leave", || async {
        local.advance(601);
        (mapped(&program) == 0).then_some(())
    })
    .await;
    let session = agent.session("second");
    assert_eq!(session.count().await, 1);
    assert!(mapped(&program) > 0);
    local.stop().await;
}
