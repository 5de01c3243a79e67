//! One conversation with an agent whose code changes under it.

use reqwest::Method;
use serde_json::json;

use super::super::answer;
use super::super::chat::{Shape, ask};
use super::super::client::{Agent, Client};
use super::super::exit::Failure;
use super::super::invoke::SESSION;
use crate::ids::SessionId;

/// The conversation. A session stays on the version that it began with; so when there is a new one, the session is ended
/// and begun again under the same id, and is told again what it was told. What models said before, the server remembers:
/// only what the new code asks otherwise is asked anew.
pub(super) struct Talk<'a> {
    client: &'a Client,
    shape: Shape,
    session: SessionId,
    agent: Option<Agent>,
    told: Vec<String>,
}

impl<'a> Talk<'a> {
    pub(super) fn new(client: &'a Client, shape: Shape) -> Self {
        Self {
            client,
            shape,
            session: SessionId::random(),
            agent: None,
            told: Vec::new(),
        }
    }

    /// One turn, answered on the terminal.
    pub(super) async fn say(&mut self, line: &str) -> Result<(), Failure> {
        if line.trim().is_empty() {
            return Ok(());
        }
        let Some(agent) = &self.agent else {
            crate::cli::tell("there is no agent yet: it does not build");
            return Ok(());
        };
        let payload = self.shape.payload(line);
        match ask(
            self.client,
            &agent.arn,
            self.session.as_str(),
            payload.clone(),
        )
        .await
        {
            Ok(response) => {
                answer::print(response).await?;
                self.told.push(payload);
            }
            Err(failure) => failure.tell(),
        }
        Ok(())
    }

    /// Goes on with another version, in the same session.
    pub(super) async fn move_to(&mut self, agent: Agent) {
        let agent = self.agent.insert(agent);
        if self.told.is_empty() {
            return;
        }
        let arn = agent.arn.replace(':', "%3A").replace('/', "%2F");
        let stop = self
            .client
            .request(Method::POST, &format!("/runtimes/{arn}/stopruntimesession"))
            .header(SESSION, self.session.as_str())
            .json(&json!({}));
        // One that is over already is as good.
        let _ = self.client.send(stop).await;
        for (turn, payload) in self.told.iter().enumerate() {
            let told = ask(
                self.client,
                &agent.arn,
                self.session.as_str(),
                payload.clone(),
            )
            .await;
            let told = match told {
                Ok(response) => answer::read(response, |_| Ok(())).await.map(drop),
                Err(failure) => Err(failure),
            };
            if let Err(failure) = told {
                crate::cli::tell(format_args!("turn {} fails on this version:", turn + 1));
                failure.tell();
            }
        }
        crate::cli::tell(format_args!(
            "your session goes on: {} turns were told again",
            self.told.len()
        ));
    }
}
