//! What is secret stays where it belongs, and what was signed once does one thing.

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::{Method, Request};
use serde_json::json;

use crate::harness::{Client, Host, PROBE, Reply, Witness, encoded, reference, session_id};
use crate::issuer::{Issuer, SigningKey};

const SESSION: &str = "x-amzn-bedrock-agentcore-runtime-session-id";

/// Every file below a folder, with what is in it.
pub(crate) fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.is_file() {
            found.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
}

pub(crate) fn holds(bytes: &[u8], canary: &str) -> bool {
    bytes
        .windows(canary.len())
        .any(|window| window == canary.as_bytes())
}

/// A18. The server's own credentials, a key's secret, a token and a prompt: in no log, however talkative, in no error and no
/// file, but for the prompt, which the journal is there to keep.
#[tokio::test]
async fn a18_secrets_get_into_no_log_no_error_and_no_file() {
    const OWN: &str = "own-credentials-of-the-server";
    const PROMPT: &str = "prompt-that-nobody-else-shall-read";
    let signing = SigningKey::p256("first");
    let issuer = Issuer::start(&[&signing]).await;
    let host = Host::builder()
        .config("[auth]\nallow_private_issuers = true\n")
        .environment("KELLION_LOG", "debug")
        .environment("AWS_ACCESS_KEY_ID", "AKIDFORTESTS")
        .environment("AWS_SECRET_ACCESS_KEY", OWN)
        .start();
    let witness = Witness::tenant(&host).await;
    let account = host.tenant("one", "");
    let key = host.key(&account, &[]).await;
    let owner = host.signed(&key);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let token = signing.token(&json!({
        "iss": issuer.name(), "aud": "agents", "sub": "ada", "exp": now.as_secs() + 600,
    }));
    let opened = json!({ "authorizerConfiguration": { "customJWTAuthorizer": {
        "discoveryUrl": issuer.discovery_url(), "allowedAudience": ["agents"],
    } } });
    let signed = owner.deploy("signed", PROBE).await;
    let tokens = owner.deploy_with("tokens", PROBE, opened).await;

    let mut replies: Vec<Reply> = Vec::new();
    let session = signed.session("first");
    for payload in [
        json!({ "do": "count", "prompt": PROMPT }),
        json!({ "do": "nothing that it knows", "prompt": PROMPT }),
        json!({ "do": "trap", "prompt": PROMPT }),
    ] {
        replies.push(session.invoke(payload).await);
    }
    let with_token = |agent: &str, token: &str| {
        let path = format!("/runtimes/{}/invocations", encoded(agent));
        let request = host.request(Method::POST, &path).bearer_auth(token);
        let request = request.header(SESSION, session_id("tokens"));
        host.send(request.body(json!({ "do": "count", "prompt": PROMPT }).to_string()))
    };
    replies.push(with_token(&tokens.arn, &token).await);
    replies.push(with_token(&tokens.arn, &format!("{token}x")).await);
    replies.push(with_token(&signed.arn, &token).await);
    let mut wrong = key.clone();
    wrong.secret.push('x');
    let wrong = host.signed(&wrong);
    replies.push(wrong.get("/kellion/v1/server").await);
    replies.push(wrong.put("/runtimes/", &json!({ "prompt": PROMPT })).await);
    assert!(replies.iter().any(|reply| reply.status == 200));

    let secrets = [OWN, &key.secret, &token];
    for reply in &replies {
        for canary in secrets.iter().chain([&PROMPT]) {
            assert!(!holds(&reply.body, canary), "{canary} is in {reply:?}");
        }
    }
    let log = host.said();
    assert!(
        log.contains("DEBUG"),
        "the log is as talkative as it was asked to be"
    );
    for canary in secrets.iter().chain([&PROMPT]) {
        assert!(!log.contains(canary), "{canary} is in the log");
    }
    let mut kept = Vec::new();
    files(&host.folder().join("data"), &mut kept);
    assert!(kept.len() > 5);
    for (name, bytes) in &kept {
        for canary in secrets {
            assert!(!holds(bytes, canary), "{canary} is in {name}");
        }
        let journal = name.contains("/journal/");
        assert!(journal || !holds(bytes, PROMPT), "the prompt is in {name}");
    }
    witness.survived(&host).await;
}

/// The same bytes once more, as somebody who saw them on the way would send them.
async fn again(client: &Client, request: &Request) -> Reply {
    client
        .execute(request.try_clone().expect("the body is at hand"))
        .await
}

/// A8: within its five minutes a signature may come again, and does nothing more. (After them it is refused, which the tests of
/// signatures show with a clock of their own.)
#[tokio::test]
async fn a8_a_signed_change_that_is_replayed_is_one_change() {
    let host = Host::start();
    let witness = Witness::tenant(&host).await;
    let owner = host.guest("owner", "").await;
    let agent = owner.deploy("probe", PROBE).await;
    let input = json!({
        "agentRuntimeName": "second",
        "agentRuntimeArtifact": { "containerConfiguration": { "containerUri": reference("probe") } },
        "roleArn": crate::harness::ROLE,
        "clientToken": "c".repeat(40),
    });
    let create = owner.prepare(owner.request(Method::PUT, "/runtimes/").json(&input));
    let first = again(&owner, &create).await.json_of(202);
    assert_eq!(again(&owner, &create).await.json_of(202), first);
    let agents = owner.post("/runtimes/").await.json_of(200);
    assert_eq!(agents["agentRuntimes"].as_array().unwrap().len(), 2);

    let session = agent.session("first");
    let turn = session
        .invocation(json!({ "do": "count" }).to_string())
        .header("amz-sdk-invocation-id", "one-call");
    let turn = owner.prepare(turn);
    assert_eq!(again(&owner, &turn).await.json_of(200), 1);
    assert_eq!(again(&owner, &turn).await.json_of(200), 1);

    // Altered on the way, it is nothing at all.
    let mut other = turn.try_clone().unwrap();
    let elsewhere = session_id("another").parse().unwrap();
    other.headers_mut().insert(SESSION, elsewhere);
    again(&owner, &other)
        .await
        .assert_refused(403, "InvalidSignatureException", "");
    assert_eq!(session.count().await, 2);
    witness.survived(&host).await;
}
