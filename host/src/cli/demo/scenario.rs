//! The steps of the tutorial. Each says what it shows, and the demo fails if it does not.

use reqwest::Method;
use serde_json::json;

use super::super::client::{Agent, Client};
use super::super::exit::Failure;
use super::super::invoke::{SESSION, invocation};
use super::super::say;
use crate::ids::SessionId;

/// Plays the scenario against a server.
pub(super) async fn play(client: &Client, agent: &Agent) -> Result<(), Failure> {
    let [first, second, third] = std::array::from_fn(|_| SessionId::random());
    let turn = Turn { client, agent };

    say("1. Context: the agent is told who calls and in which session.");
    turn.ask(
        &first,
        1,
        "How is the weather, and which session is this?",
        &["Maira", "sunny", first.as_str()],
    )
    .await?;

    say("2. Continuity: the same session id continues the same memory.");
    turn.ask(&first, 1, "How much is 2X5?", &["10"]).await?;
    turn.ask(&first, 1, "and that plus 34?", &["44"]).await?;

    say("3. Isolation: another session of the same user knows nothing of it.");
    let answer = turn.ask(&second, 1, "And plus 10?", &["Maira"]).await?;
    if remembers(&answer, &second) {
        return Err(Failure::new(format!(
            "the second session knew what was said in the first: {answer}"
        )));
    }

    say("4. Payload freedom: a third session, another user.");
    turn.ask(&third, 2, "How is the weather?", &["Mani", "sunny"])
        .await?;

    say("5. What the sessions cost.");
    for session in [&first, &second, &third] {
        show_cost(client, agent, session).await?;
    }
    say("");

    say("6. Stop and fresh start: after a stop the same id is a new world.");
    let arn = agent.arn.replace(':', "%3A").replace('/', "%2F");
    let stop = client.request(Method::POST, &format!("/runtimes/{arn}/stopruntimesession"));
    client
        .send(stop.header(SESSION, first.as_str()).json(&json!({})))
        .await?;
    say(format_args!("   session {} is stopped", short(&first)));
    let answer = turn.ask(&first, 1, "and that plus 34?", &["Maira"]).await?;
    if remembers(&answer, &first) {
        return Err(Failure::new(format!(
            "the stopped session still remembered: {answer}"
        )));
    }
    Ok(())
}

struct Turn<'a> {
    client: &'a Client,
    agent: &'a Agent,
}

impl Turn<'_> {
    /// One invocation, shown as a dialogue. Fails when the answer lacks one of the words.
    async fn ask(
        &self,
        session: &SessionId,
        user: u32,
        prompt: &str,
        expected: &[&str],
    ) -> Result<String, Failure> {
        let payload = json!({ "user_id": user, "prompt": prompt });
        say(format_args!("   [session {}] > {payload}", short(session)));
        let request = invocation(self.client, &self.agent.arn, payload.to_string());
        let answer = self
            .client
            .json(request.header(SESSION, session.as_str()))
            .await?;
        let answer = answer.as_str().unwrap_or_default().to_owned();
        say(format_args!("   [session {}] < {answer}\n", short(session)));
        match expected.iter().find(|word| !answer.contains(**word)) {
            Some(missing) => Err(Failure::new(format!(
                "the answer lacks {missing:?}: {answer}"
            ))),
            None => Ok(answer),
        }
    }
}

/// Whether an answer knows the first session's result. (A session's id may hold any digits.)
fn remembers(answer: &str, session: &SessionId) -> bool {
    answer.replace(session.as_str(), "").contains("44")
}

async fn show_cost(client: &Client, agent: &Agent, session: &SessionId) -> Result<(), Failure> {
    let path = format!("/kellion/v1/agents/{}/sessions/{session}", agent.id);
    let cost = client.json(client.request(Method::GET, &path)).await?;
    let tokens = |kind: &str| cost["models"][kind].as_u64().unwrap_or_default();
    say(format_args!(
        "   [session {}] started in {:.0} µs; {} turns, {} KiB of memory, {} model calls, {} tokens",
        short(session),
        cost["startUs"].as_f64().unwrap_or_default(),
        cost["turns"],
        cost["memoryBytes"].as_u64().unwrap_or_default() / 1_024,
        cost["models"]["calls"],
        tokens("inputTokens") + tokens("outputTokens"),
    ));
    Ok(())
}

fn short(session: &SessionId) -> &str {
    &session.as_str()[..8]
}
