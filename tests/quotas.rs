//! Quotas: who has as much as it may is refused, and nobody else is slowed.

use reqwest::Method;
use serde_json::json;

use crate::harness::{Client, Host, PROBE, Reply, Witness, eventually, reference};
use crate::tenancy::configuration;

/// H19.
#[tokio::test]
async fn of_everything_as_much_as_the_quota_says_and_not_one_more() {
    let host = Host::start();
    let witness = Witness::tenant(&host).await;
    let policy = "[quotas]\nagents = 3\nversions = 2\nsessions = 4\n";
    let client = host.guest("small", policy).await;
    let agent = client.deploy("probe", PROBE).await;
    let all = |replies: Vec<Reply>, most: usize, good: u16, quota: &str| {
        let (fine, refused): (Vec<_>, Vec<_>) =
            replies.into_iter().partition(|reply| reply.status == good);
        assert_eq!(fine.len(), most, "{refused:?}");
        for reply in &refused {
            reply.assert_refused(402, "ServiceQuotaExceededException", quota);
        }
    };
    let create = (0..4).map(|number| {
        let client = client.clone();
        async move {
            let mut input = configuration("probe");
            input["agentRuntimeName"] = json!(format!("more_{number}"));
            client.put("/runtimes/", &input).await
        }
    });
    all(
        futures::future::join_all(create).await,
        2,
        202,
        "quota agents",
    );

    let update = (0..3).map(|_| {
        let (client, path) = (client.clone(), agent.path(""));
        async move { client.put(&path, &configuration("probe")).await }
    });
    all(
        futures::future::join_all(update).await,
        1,
        202,
        "quota versions",
    );
    agent.built().await;

    let invoke = (0..7).map(|number| {
        let session = agent.session(&format!("s{number}"));
        async move { session.invoke(json!({ "do": "count" })).await }
    });
    let replies = futures::future::join_all(invoke).await;
    let first = replies
        .iter()
        .position(|reply| reply.status == 200)
        .unwrap();
    all(replies, 4, 200, "quota sessions");
    // Those that are there go on, and one that ends makes room.
    let there = agent.session(&format!("s{first}"));
    let fork = there.fork(json!({ "turn": 1 })).await;
    fork.assert_refused(402, "ServiceQuotaExceededException", "quota sessions");
    assert_eq!(there.count().await, 2);
    assert_eq!(there.stop().await.status, 200);
    assert_eq!(agent.session("another").count().await, 1);
    let usage = client.get("/kellion/v1/usage").await.json_of(200);
    assert_eq!(usage["usage"]["sessions"], 4);
    assert_eq!(usage["policy"]["quotas"]["sessions"], 4);
    witness.survived(&host).await;
}

#[tokio::test]
async fn artifacts_have_as_much_room_as_the_quota_says() {
    let host = Host::start();
    let witness = Witness::tenant(&host).await;
    let client = host.guest("small", "[quotas]\nstorage_mib = 2\n").await;
    let push = async |name: &str, bytes: Vec<u8>| {
        let request = client
            .request(Method::PUT, "/kellion/v1/artifacts")
            .query(&[("reference", reference(name))])
            .body(bytes);
        client.send(request).await
    };
    // Bytes count once, and each name of them by itself.
    const NAME: usize = 4_096;
    const MIB: usize = 1 << 20;
    push("one", vec![1; MIB - 2 * NAME]).await.json_of(200);
    push("same", vec![1; MIB - 2 * NAME]).await.json_of(200);
    push("two", vec![2; MIB - NAME + 1]).await.assert_refused(
        402,
        "ServiceQuotaExceededException",
        "storage_mib",
    );
    push("two", vec![2; MIB - NAME]).await.json_of(200);
    push("again", vec![1; MIB - 2 * NAME]).await.assert_refused(
        402,
        "ServiceQuotaExceededException",
        "storage_mib",
    );
    let usage = client.get("/kellion/v1/usage").await.json_of(200);
    assert_eq!(usage["usage"]["storageBytes"], 2 << 20);
    let list = client.get("/kellion/v1/artifacts").await.json_of(200);
    assert_eq!(list["artifacts"].as_array().unwrap().len(), 3);

    // What is forgotten makes room.
    let forget = async |name: &str| {
        let request = client
            .request(Method::DELETE, "/kellion/v1/artifacts")
            .query(&[("reference", reference(name))]);
        client.send(request).await
    };
    assert_eq!(forget("two").await.status, 204);
    forget("two").await.assert_refused(
        404,
        "ResourceNotFoundException",
        "/two:latest was not found",
    );
    push("three", vec![3; MIB - NAME]).await.json_of(200);
    witness.survived(&host).await;
}

#[tokio::test]
async fn of_the_journal_as_much_as_the_quota_says_and_all_that_was_answered_stays() {
    let mut host = Host::start();
    let policy = "[quotas]\njournal_mib = 1\nsessions = 10000\nrequests_per_second = 10000\n";
    let client = host.guest("small", policy).await;
    let agent = client.deploy("probe", PROBE).await;
    let value = "x".repeat(200_000);
    let grow = async |session: usize| {
        let session = agent.session(&format!("s{session}"));
        session
            .invoke(json!({ "do": "echo", "value": value }))
            .await
    };
    // Each writes what it was asked and what it answered; what was counted a moment ago may stand for another.
    let (mut turns, mut refused) = (0, None);
    while refused.is_none() {
        let reply = grow(turns).await;
        match reply.status {
            200 => turns += 1,
            _ => refused = Some(reply),
        }
        assert!(turns < 5_000, "there is an end");
    }
    let full = "1 MiB or more in the journal, its quota journal_mib";
    let refused = refused.unwrap();
    refused.assert_refused(402, "ServiceQuotaExceededException", full);
    assert!(turns >= 3, "{turns}");
    let usage = client.get("/kellion/v1/usage").await.json_of(200);
    assert!(usage["usage"]["journalBytes"].as_u64().unwrap() >= 1 << 20);
    // The one that was refused has not begun, and holds nothing.
    assert_eq!(usage["usage"]["sessions"], turns);

    // That it has ended does not make it smaller, nor does a crash.
    assert_eq!(agent.session("s0").stop().await.status, 200);
    host.kill();
    host.start_again();
    let key = client.key().expect("the client signs");
    let client = Client::signing(host.endpoint(), key);
    let again = agent.of(&client).session("s1");
    let reply = again.invoke(json!({ "do": "count" })).await;
    reply.assert_refused(402, "ServiceQuotaExceededException", full);
    assert_eq!(again.inspect().await["turns"], 1);
    let fork = again.fork(json!({ "turn": 1 })).await;
    fork.assert_refused(402, "ServiceQuotaExceededException", full);
    // Others have a journal of their own.
    let witness = Witness::tenant(&host).await;
    witness.survived(&host).await;
}

#[tokio::test]
async fn who_has_too_many_turns_at_once_is_refused_and_nobody_else_waits() {
    let host = Host::start();
    let witness = Witness::tenant(&host).await;
    let busy = host.guest("busy", "[quotas]\nconcurrent_turns = 2\n").await;
    let other = host.guest("other", "").await;
    let agent = busy.deploy("probe", PROBE).await;
    let others = other.deploy("probe", PROBE).await;
    let spin = |name: &str| {
        let session = agent.session(name);
        tokio::spawn(async move { session.invoke(json!({ "do": "spin" })).await })
    };
    let (one, two) = (spin("one"), spin("two"));
    eventually("two turns", || async {
        let usage = busy.get("/kellion/v1/usage").await.json_of(200);
        (usage["usage"]["concurrentTurns"] == 2).then_some(())
    })
    .await;
    let refused = agent
        .session("three")
        .invoke(json!({ "do": "count" }))
        .await;
    refused.assert_refused(429, "ThrottlingException", "concurrent_turns");
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(others.session("one").count().await, 1);
    for (name, turn) in [("one", one), ("two", two)] {
        agent.session(name).stop().await;
        turn.await.unwrap();
    }
    let count = eventually("a place", || async {
        let reply = agent
            .session("three")
            .invoke(json!({ "do": "count" }))
            .await;
        (reply.status == 200).then(|| reply.json())
    })
    .await;
    assert_eq!(count, 1);
    witness.survived(&host).await;
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_again() {
    let host = Host::start();
    let witness = Witness::tenant(&host).await;
    let eager = host
        .guest("eager", "[quotas]\nrequests_per_second = 1\n")
        .await;
    let calm = host.guest("calm", "").await;
    let refused = eventually("a refusal", || async {
        let replies =
            futures::future::join_all((0..4).map(|_| eager.get("/kellion/v1/server"))).await;
        replies.into_iter().find(|reply| reply.status == 429)
    })
    .await;
    refused.assert_refused(429, "ThrottlingException", "requests_per_second");
    assert_eq!(refused.header("retry-after"), "1");
    calm.get("/kellion/v1/server").await.json_of(200);
    witness.survived(&host).await;
}
