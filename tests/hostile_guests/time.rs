//! Agents that do not end.

use serde_json::json;

use super::{deployed, stage};
use crate::harness::wat;

#[tokio::test]
async fn g1_a_loop_in_a_turn_ends_with_its_cpu_time() {
    let (host, witness) = stage("[sandbox]\nturn_cpu_ms = 200\n").await;
    let spinning = wat::agent(
        r#"(func (export "invoke") (param i32) (result i32) (loop (br 0)) (unreachable))"#,
    );
    let agent = deployed(&host, "spinning", spinning).await;
    let reply = agent.session("first").invoke(json!({})).await;
    reply.assert_refused(
        424,
        "RuntimeClientError",
        "the agent used more than 200 ms of CPU time in one turn",
    );
    witness.survived(&host).await;
}

#[tokio::test]
async fn the_text_harness_makes_agents_that_answer() {
    let (host, witness) = stage("").await;
    let polite = wat::agent(
        r#"(data (i32.const 1024) "\"hello\"")
        (func (export "invoke") (param i32) (result i32)
            (call $answer (i32.const 1024) (i32.const 7)))"#,
    );
    let agent = deployed(&host, "polite", polite).await;
    assert_eq!(agent.session("first").ask(json!({})).await, "hello");
    witness.survived(&host).await;
}
