//! The way to a server: the same AgentCore wire that AWS SDKs speak, and the admin API beside it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Certificate, Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;

use super::exit::{Failure, Kind};
use super::signing;
use crate::config::DEFAULT_ADDRESS;
use crate::sigv4::Signer;

#[derive(Debug, clap::Args)]
pub(super) struct ClientArgs {
    /// The server's URL. [default: http://127.0.0.1:8080]
    #[arg(long, env = "KELLION_ENDPOINT", value_name = "URL")]
    endpoint: Option<String>,
    /// Certificates of authorities to trust beside the system's, in PEM form, for an https:// endpoint.
    #[arg(long, env = "KELLION_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

impl ClientArgs {
    pub(super) fn client(self) -> Result<Client, Failure> {
        let endpoint = self
            .endpoint
            .unwrap_or_else(|| format!("http://{DEFAULT_ADDRESS}"));
        let authorities = self.ca_file.as_deref().map(authorities).transpose()?;
        Client::trusting(&endpoint, authorities.unwrap_or_default())
    }
}

/// A client of one server.
pub(super) struct Client {
    http: reqwest::Client,
    signer: Option<Signer>,
    pub(super) endpoint: String,
}

/// An agent as the server lists it.
pub(super) struct Agent {
    pub(super) id: String,
    pub(super) arn: String,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) status: String,
}

impl Client {
    pub(super) fn new(endpoint: &str) -> Result<Self, Failure> {
        Self::trusting(endpoint, Vec::new())
    }

    fn trusting(endpoint: &str, authorities: Vec<Certificate>) -> Result<Self, Failure> {
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(3))
            .tls_certs_merge(authorities)
            .build()
            .map_err(|error| Failure::new("cannot make an HTTP client").because(&error))?;
        Ok(Self {
            http,
            signer: signing::signer()?,
            endpoint: endpoint.trim_end_matches('/').to_owned(),
        })
    }

    /// Whether there are credentials, so that requests are signed.
    pub(super) fn signs(&self) -> bool {
        self.signer.is_some()
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.endpoint))
    }

    /// Sends; an answer that is no success becomes a failure of the fitting kind.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let (http, request) = request.build_split();
        let mut request =
            request.map_err(|error| Failure::new("the request cannot be made").because(&error))?;
        if let Some(signer) = &self.signer {
            signing::sign(signer, &mut request)?;
        }
        let response = http.execute(request).await.map_err(|error| {
            let failure =
                Failure::new(format!("cannot reach a server at {}", self.endpoint)).because(&error);
            if error.is_connect() {
                failure.because(&StartOne)
            } else {
                failure
            }
        })?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let exception = response.headers().get("x-amzn-errortype");
        let unsigned = exception.is_some_and(|name| name == "MissingAuthenticationTokenException");
        let text = response.text().await.unwrap_or_default();
        let message = serde_json::from_str::<Value>(&text)
            .ok()
            .and_then(|body| body["message"].as_str().map(str::to_owned))
            .unwrap_or_else(|| format!("the server answered {status}"));
        let kind = match status {
            StatusCode::NOT_FOUND => Kind::NotFound,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Kind::Auth,
            StatusCode::CONFLICT => Kind::Conflict,
            StatusCode::FAILED_DEPENDENCY => Kind::Agent,
            _ => Kind::Failure,
        };
        let failure = Failure::new(message).of_kind(kind);
        Err(if unsigned {
            failure.because(&SignIt)
        } else {
            failure
        })
    }

    /// Sends, and reads the answer as JSON.
    pub(super) async fn json(&self, request: RequestBuilder) -> Result<Value, Failure> {
        let response = self.send(request).await?;
        response
            .json()
            .await
            .map_err(|error| Failure::new("the server's answer is not JSON").because(&error))
    }

    /// Every agent, page by page.
    pub(super) async fn agents(&self) -> Result<Vec<Agent>, Failure> {
        let mut agents = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let request = self
                .request(Method::POST, "/runtimes/")
                .query(&[("maxResults", "100")]);
            let request = match &token {
                Some(token) => request.query(&[("nextToken", token)]),
                None => request,
            };
            let page = self.json(request).await?;
            agents.extend(
                page["agentRuntimes"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(Agent::read),
            );
            token = page["nextToken"].as_str().map(str::to_owned);
            if token.is_none() {
                return Ok(agents);
            }
        }
    }

    /// The agent of this name or id, if there is one.
    pub(super) async fn find(&self, name: &str) -> Result<Option<Agent>, Failure> {
        Ok(self
            .agents()
            .await?
            .into_iter()
            .find(|agent| agent.name == name || agent.id == name || agent.arn == name))
    }

    /// The agent of this name or id.
    pub(super) async fn agent(&self, name: &str) -> Result<Agent, Failure> {
        self.find(name).await?.ok_or_else(|| {
            Failure::new(format!("there is no agent {name:?}; see: kellion agents"))
                .of_kind(Kind::NotFound)
        })
    }

    /// The ARN of the agent that is named so. An ARN is taken as it is: whoever may only invoke agents can list none.
    pub(super) async fn arn(&self, name: &str) -> Result<String, Failure> {
        if name.starts_with("arn:") {
            return Ok(name.to_owned());
        }
        Ok(self.agent(name).await?.arn)
    }
}

/// The certificates in a file.
fn authorities(file: &Path) -> Result<Vec<Certificate>, Failure> {
    let name = file.display();
    let bytes = std::fs::read(file).map_err(|error| {
        Failure::new(format!("cannot read the certificates in {name}")).because(&error)
    })?;
    let found = Certificate::from_pem_bundle(&bytes).map_err(|error| {
        Failure::new(format!("the certificates in {name} cannot be read")).because(&error)
    })?;
    if found.is_empty() {
        return Err(Failure::new(format!(
            "there is no certificate in {name}; it has to be in PEM form"
        )));
    }
    Ok(found)
}

impl Agent {
    fn read(value: &Value) -> Self {
        let text = |member: &str| value[member].as_str().unwrap_or_default().to_owned();
        Self {
            id: text("agentRuntimeId"),
            arn: text("agentRuntimeArn"),
            name: text("agentRuntimeName"),
            version: text("agentRuntimeVersion"),
            status: text("status"),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error(
    "this server takes signed requests; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to a key that its operator has made \
     with: kellion keys create ACCOUNT"
)]
struct SignIt;

#[derive(Debug, thiserror::Error)]
#[error("start one with: kellion serve, or name another with --endpoint")]
struct StartOne;
