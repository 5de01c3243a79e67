//! An agent on a server, and its sessions.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::client::{Client, encoded, input, merge};
use super::{Reply, eventually, session_id};

const SESSION: &str = "x-amzn-bedrock-agentcore-runtime-session-id";

/// An agent that a test made.
#[derive(Debug, Clone)]
pub(crate) struct Agent {
    client: Client,
    pub(crate) id: String,
    pub(crate) arn: String,
}

impl Agent {
    pub(super) fn new(client: Client, id: String, arn: String) -> Self {
        Self { client, id, arn }
    }

    /// An agent that may not be there.
    pub(crate) fn named(client: &Client, id: &str, arn: &str) -> Self {
        Self::new(client.clone(), id.to_owned(), arn.to_owned())
    }

    /// The same agent on another server, which has its data, or for another caller.
    pub(crate) fn of(&self, client: &Client) -> Self {
        Self {
            client: client.clone(),
            ..self.clone()
        }
    }

    /// A path below the agent in the control plane.
    pub(crate) fn path(&self, below: &str) -> String {
        format!("/runtimes/{}/{below}", self.id)
    }

    /// GetAgentRuntime, as soon as nothing is being built.
    pub(crate) async fn built(&self) -> Value {
        eventually("the build", || async {
            let runtime = self.client.get(&self.path("")).await.json_of(200);
            let building = ["CREATING", "UPDATING"].map(Value::from);
            (!building.contains(&runtime["status"])).then_some(runtime)
        })
        .await
    }

    /// A new version with these members changed; GetAgentRuntime when it is built.
    pub(crate) async fn update(&self, name: &str, more: Value) -> Value {
        let mut input = input(name);
        merge(&mut input, more);
        self.client.put(&self.path(""), &input).await.json_of(202);
        self.built().await
    }

    /// An invocation that names no session.
    pub(crate) fn invocation(&self) -> RequestBuilder {
        let path = format!("/runtimes/{}/invocations", encoded(&self.arn));
        self.client.request(Method::POST, &path)
    }

    /// The session of this name; see [`session_id`].
    pub(crate) fn session(&self, name: &str) -> Session {
        self.session_of_id(&session_id(name))
    }

    /// The session of this id.
    pub(crate) fn session_of_id(&self, id: &str) -> Session {
        Session {
            agent: self.clone(),
            id: id.to_owned(),
        }
    }
}

/// A session of an agent.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    agent: Agent,
    pub(crate) id: String,
}

impl Session {
    /// The ARN of its agent.
    pub(crate) fn agent_arn(&self) -> &str {
        &self.agent.arn
    }

    /// An invocation with these bytes.
    pub(crate) fn invocation(&self, payload: impl Into<reqwest::Body>) -> RequestBuilder {
        self.agent
            .invocation()
            .header(SESSION, &self.id)
            .body(payload)
    }

    /// The answer to a payload, whatever it is.
    pub(crate) async fn invoke(&self, payload: Value) -> Reply {
        self.send(self.invocation(payload.to_string())).await
    }

    /// The JSON that a payload is answered with.
    pub(crate) async fn ask(&self, payload: Value) -> Value {
        self.invoke(payload).await.json_of(200)
    }

    /// What the probe counts: the turns of this session's memory.
    pub(crate) async fn count(&self) -> Value {
        self.ask(json!({ "do": "count" })).await
    }

    /// What the tutorial's agent says.
    pub(crate) async fn prompt(&self, user: u32, prompt: &str) -> String {
        let answer = self.ask(json!({ "user_id": user, "prompt": prompt })).await;
        answer.as_str().expect("the agent answers text").to_owned()
    }

    /// StopRuntimeSession.
    pub(crate) async fn stop(&self) -> Reply {
        self.send(self.stopping()).await
    }

    /// The same, yet to be sent.
    pub(crate) fn stopping(&self) -> RequestBuilder {
        let path = format!("/runtimes/{}/stopruntimesession", encoded(&self.agent.arn));
        let request = self.agent.client.request(Method::POST, &path);
        request.header(SESSION, &self.id).body("{}")
    }

    /// What the admin API shows of it.
    pub(crate) async fn inspect(&self) -> Value {
        self.look().await.json_of(200)
    }

    /// What it answers the admin API, whatever it is.
    pub(crate) async fn look(&self) -> Reply {
        self.send(self.looking()).await
    }

    /// Returns when a turn of it runs.
    pub(crate) async fn runs(&self) {
        eventually("the turn to run", || async {
            let shown = self.look().await;
            (shown.status == 200 && shown.json()["phase"] == "running").then_some(())
        })
        .await;
    }

    /// A look, yet to be sent.
    pub(crate) fn looking(&self) -> RequestBuilder {
        self.agent.client.request(Method::GET, &self.admin_path())
    }

    /// What the admin API shows of it once it has ended.
    pub(crate) async fn ended(&self) -> Value {
        eventually("the end of the session", || async {
            let shown = self.inspect().await;
            (shown["phase"] == "ended").then_some(shown)
        })
        .await
    }

    /// The messages in its log that belong to a request.
    pub(crate) async fn log(&self, request: &str) -> Vec<String> {
        self.logged(&format!("?request={request}")).await
    }

    /// All messages in its log.
    pub(crate) async fn whole_log(&self) -> Vec<String> {
        self.logged("").await
    }

    async fn logged(&self, query: &str) -> Vec<String> {
        let path = format!("{}/log{query}", self.admin_path());
        let log = self.agent.client.get(&path).await.json_of(200);
        let entries = log["entries"].as_array().expect("a list");
        let message = |entry: &Value| entry["message"].as_str().expect("text").to_owned();
        entries.iter().map(message).collect()
    }

    /// What is recorded of it.
    pub(crate) async fn journal(&self) -> Value {
        let path = format!("{}/journal", self.admin_path());
        self.agent.client.get(&path).await.json_of(200)
    }

    /// Forks it: a turn, and maybe an id.
    pub(crate) async fn fork(&self, input: Value) -> Reply {
        self.send(self.travel("fork", &input)).await
    }

    /// Replays it: maybe a turn, maybe a version.
    pub(crate) async fn replay(&self, input: Value) -> Reply {
        self.send(self.travel("replay", &input)).await
    }

    /// A request for one of both.
    pub(crate) fn travel(&self, how: &str, input: &Value) -> RequestBuilder {
        let path = format!("{}/{how}", self.admin_path());
        self.agent.client.request(Method::POST, &path).json(input)
    }

    /// Where the admin API has it.
    pub(crate) fn admin_path(&self) -> String {
        format!("/kellion/v1/agents/{}/sessions/{}", self.agent.id, self.id)
    }

    async fn send(&self, request: RequestBuilder) -> Reply {
        self.agent.client.send(request).await
    }
}
