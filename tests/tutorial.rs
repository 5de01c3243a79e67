//! The AgentCore tutorial on runtime context and session management, step by step.

use serde_json::json;

use crate::harness::{Host, TUTORIAL, guest};

#[tokio::test]
async fn sessions_continue_their_own_memory_and_know_nothing_of_each_other() {
    follow(TUTORIAL).await;
}

#[tokio::test]
async fn the_same_in_python() {
    follow(&guest("tutorial-python")).await;
}

#[tokio::test]
async fn the_same_in_typescript() {
    follow(&guest("tutorial-typescript")).await;
}

#[tokio::test]
async fn the_same_in_go() {
    follow(&guest("tutorial-go")).await;
}

#[tokio::test]
async fn the_same_in_c() {
    follow(&guest("tutorial-c")).await;
}

/// The tutorial's own steps.
async fn follow(file: &str) {
    let host = Host::start();
    let agent = host.deploy("tutorial", file).await;
    let first = agent.session("first");
    assert_eq!(
        first.prompt(1, "How is the weather?").await,
        "Hello Maira! The weather is sunny."
    );
    assert_eq!(
        first.prompt(1, "How much is 2X5?").await,
        "Hello Maira! 2*5 is 10."
    );
    assert_eq!(
        first.prompt(1, "and that plus 34?").await,
        "Hello Maira! 10 + 34 is 44."
    );

    let second = agent.session("second");
    assert_eq!(
        second.prompt(1, "And plus 10?").await,
        format!(
            "Hello Maira! There is no earlier result in session {} to add 10 to.",
            second.id
        )
    );

    let third = agent.session("third");
    assert_eq!(
        third.prompt(2, "How is the weather?").await,
        "Hello Mani! The weather is sunny."
    );

    // The first goes on as if nothing had happened since.
    assert_eq!(
        first.prompt(1, "and that plus 6?").await,
        "Hello Maira! 44 + 6 is 50."
    );
    assert_eq!(first.inspect().await["turns"], 4);
    assert_eq!(second.inspect().await["turns"], 1);
}

#[tokio::test]
async fn a_stopped_session_starts_afresh_under_the_same_id() {
    let host = Host::start();
    let agent = host.deploy("tutorial", TUTORIAL).await;
    let session = agent.session("first");
    session.prompt(1, "How much is 2X5?").await;

    let stopped = session.stop().await;
    assert_eq!(stopped.status, 200, "{stopped:?}");
    assert_eq!(
        stopped.header("x-amzn-bedrock-agentcore-runtime-session-id"),
        session.id
    );
    let ended = session.ended().await;
    assert_eq!(
        (&ended["reason"], &ended["turns"]),
        (&json!("stopped"), &json!(1))
    );

    let answer = session.prompt(1, "and that plus 34?").await;
    assert!(answer.contains("no earlier result"), "{answer}");
    assert_eq!(session.inspect().await["turns"], 1);
}

#[tokio::test]
async fn an_unknown_user_is_the_agents_own_error_and_the_session_goes_on() {
    let host = Host::start();
    let agent = host.deploy("tutorial", TUTORIAL).await;
    let session = agent.session("first");
    session.prompt(1, "How much is 2X5?").await;

    let refused = session
        .invoke(json!({ "user_id": 77, "prompt": "Who am I?" }))
        .await;
    refused.assert_refused(
        424,
        "RuntimeClientError",
        "Received error (500) from runtime: there is no user 77",
    );
    assert_eq!(
        session.prompt(1, "and that plus 34?").await,
        "Hello Maira! 10 + 34 is 44."
    );
}
