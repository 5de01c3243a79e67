//! A plain HTTP client of one server, and the steps that most tests begin with.

use std::time::Duration;

use reqwest::{Method, Request, RequestBuilder};
use serde_json::{Value, json};

use super::{Agent, Authority, Key, Reply, eventually};

/// The account of a server without keys.
pub(crate) const ACCOUNT: &str = "000000000000";

/// A role as create and update require one.
pub(crate) const ROLE: &str = "arn:aws:iam::000000000000:role/kellion";

/// An image reference of the form that strict clients ask for.
pub(crate) fn reference(name: &str) -> String {
    format!("{ACCOUNT}.dkr.ecr.us-west-2.amazonaws.com/{name}:latest")
}

/// A client of one server. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    endpoint: String,
    key: Option<Key>,
}

impl Client {
    pub(super) fn new(endpoint: String) -> Self {
        Self::trusting(endpoint, None)
    }

    /// One that trusts an authority beside the system's.
    pub(super) fn trusting(endpoint: String, authority: Option<&Authority>) -> Self {
        let authority = authority.map(Authority::certificate);
        // No proxies of this machine, and no connection kept to a server that may be killed meanwhile; the limit only
        // keeps a broken server from hanging the test.
        let http = reqwest::Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .timeout(Duration::from_secs(240))
            .tls_certs_merge(authority)
            .build()
            .expect("an HTTP client can be made");
        Self {
            http,
            endpoint,
            key: None,
        }
    }

    /// One that signs what it sends.
    pub(crate) fn signing(endpoint: &str, key: &Key) -> Self {
        Self {
            key: Some(key.clone()),
            ..Self::new(endpoint.to_owned())
        }
    }

    /// What it signs with.
    pub(crate) fn key(&self) -> Option<&Key> {
        self.key.as_ref()
    }

    /// Whose agents it reaches.
    pub(crate) fn account(&self) -> &str {
        self.key.as_ref().map_or(ACCOUNT, |key| &key.account)
    }

    /// The server's URL, for other clients.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.endpoint))
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(self.request(Method::GET, path)).await
    }

    /// As AWS clients send their list operations: with nothing in the body.
    pub(crate) async fn post(&self, path: &str) -> Reply {
        self.send(self.request(Method::POST, path).body("")).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Reply {
        self.send(self.request(Method::PUT, path).json(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// Sends, and reads the answer to its end, whatever it is.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Reply {
        self.execute(self.prepare(request)).await
    }

    /// Sends, and gives the answer as it begins.
    pub(crate) async fn begin(&self, request: RequestBuilder) -> reqwest::Response {
        let response = self.http.execute(self.prepare(request)).await;
        response.expect("the server answers")
    }

    /// A request as it will be sent, signed if this client signs.
    pub(crate) fn prepare(&self, request: RequestBuilder) -> Request {
        let mut request = request.build().expect("the request can be made");
        if let Some(key) = &self.key {
            key.sign(&mut request);
        }
        request
    }

    /// Sends what is prepared, as it is.
    pub(crate) async fn execute(&self, request: Request) -> Reply {
        let response = self.http.execute(request).await;
        let response = response.expect("the server answers");
        Reply::read(response).await.expect("the answer is whole")
    }

    /// Stores bytes under a reference.
    pub(crate) async fn push(&self, reference: &str, bytes: impl Into<reqwest::Body>) {
        let request = self
            .request(Method::PUT, "/kellion/v1/artifacts")
            .query(&[("reference", reference)])
            .body(bytes);
        self.send(request).await.json_of(200);
    }

    /// Pushes the file and makes an agent of it that serves.
    pub(crate) async fn deploy(&self, name: &str, file: &str) -> Agent {
        self.deploy_with(name, file, json!({})).await
    }

    /// The same, with more members of the configuration.
    pub(crate) async fn deploy_with(&self, name: &str, file: &str, more: Value) -> Agent {
        let bytes = std::fs::read(file).expect("the build script made the guest");
        self.push(&reference(name), bytes).await;
        let agent = self.create_with(name, more).await;
        assert_eq!(agent.built().await["status"], "READY");
        agent
    }

    /// Makes an agent of what its reference names, ready or not.
    pub(crate) async fn create(&self, name: &str) -> Agent {
        self.create_with(name, json!({})).await
    }

    /// The same, with more members of the configuration.
    pub(crate) async fn create_with(&self, name: &str, more: Value) -> Agent {
        let mut input = input(name);
        input["agentRuntimeName"] = json!(name);
        merge(&mut input, more);
        let created = self.put("/runtimes/", &input).await.json_of(202);
        let text = |member: &str| {
            created[member]
                .as_str()
                .expect("create names it")
                .to_owned()
        };
        self.agent(text("agentRuntimeId"), text("agentRuntimeArn"))
    }

    /// An agent that is there already.
    pub(crate) fn agent(&self, id: String, arn: String) -> Agent {
        Agent::new(self.clone(), id, arn)
    }

    /// The sessions, as the admin API lists them.
    pub(crate) async fn sessions(&self) -> Vec<Value> {
        let list = self.get("/kellion/v1/sessions").await.json_of(200);
        list["sessions"].as_array().expect("a list").clone()
    }

    /// Asks until the answer has this status.
    pub(crate) async fn until(&self, status: u16, ask: impl Fn() -> RequestBuilder) -> Reply {
        eventually(&format!("an answer with status {status}"), || async {
            let reply = self.send(ask()).await;
            (reply.status == status).then_some(reply)
        })
        .await
    }
}

/// What create and update have in common.
pub(super) fn input(name: &str) -> Value {
    json!({
        "agentRuntimeArtifact": { "containerConfiguration": { "containerUri": reference(name) } },
        "roleArn": ROLE,
        "networkConfiguration": { "networkMode": "PUBLIC" },
    })
}

pub(super) fn merge(input: &mut Value, more: Value) {
    let Value::Object(more) = more else {
        panic!("members of a configuration are an object: {more}");
    };
    input.as_object_mut().expect("an object").extend(more);
}

/// An ARN as one segment of a path.
pub(crate) fn encoded(arn: &str) -> String {
    arn.replace(':', "%3A").replace('/', "%2F")
}
