//! A version's configuration, between the wire and the domain.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::agents::{
    AGENT_CARD, ArtifactSource, Authorizer, Configuration, DURABILITY, Lifecycle, Reference, Tags,
};
use crate::api::error::ApiError;
use crate::journal::Durability;

/// The input of create and update, held against the service model before: the members that mean something here, and the
/// rest, which is kept as it came.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RuntimeInput {
    pub(super) agent_runtime_name: Option<String>,
    agent_runtime_artifact: Value,
    role_arn: String,
    description: Option<String>,
    environment_variables: Option<BTreeMap<String, String>>,
    lifecycle_configuration: Option<LifecycleInput>,
    request_header_configuration: Option<RequestHeaders>,
    authorizer_configuration: Option<Value>,
    /// Of the agent, not of a version.
    pub(super) tags: Option<Tags>,
    #[serde(flatten)]
    kept: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LifecycleInput {
    idle_runtime_session_timeout: Option<u64>,
    max_lifetime: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestHeaders {
    request_header_allowlist: Vec<String>,
}

impl RuntimeInput {
    /// Checks what the service model has no words for.
    pub(super) fn configuration(self) -> Result<Configuration, ApiError> {
        let authorizer = self
            .authorizer_configuration
            .map(Authorizer::try_from)
            .transpose()?;
        let mut kept = self.kept;
        kept.retain(|_, value| !value.is_null());
        Ok(Configuration {
            artifact: artifact(self.agent_runtime_artifact)?,
            role_arn: self.role_arn,
            description: self.description,
            environment: environment(self.environment_variables.unwrap_or_default())?,
            lifecycle: lifecycle(self.lifecycle_configuration)?,
            request_headers: request_headers(
                self.request_header_configuration,
                authorizer.is_some(),
            )?,
            authorizer,
            kept,
        })
    }
}

/// The members of GetAgentRuntime that come from the configuration.
pub(super) fn output(configuration: &Configuration) -> Map<String, Value> {
    let mut output = configuration.kept.clone();
    output
        .entry("networkConfiguration")
        .or_insert_with(|| json!({ "networkMode": "PUBLIC" }));
    output.insert(
        "agentRuntimeArtifact".to_owned(),
        configuration.artifact.wire.clone(),
    );
    output.insert("roleArn".to_owned(), json!(configuration.role_arn));
    output.insert(
        "lifecycleConfiguration".to_owned(),
        json!({
            "idleRuntimeSessionTimeout": configuration.lifecycle.idle_timeout.as_secs(),
            "maxLifetime": configuration.lifecycle.max_lifetime.as_secs(),
        }),
    );
    if let Some(description) = &configuration.description {
        output.insert("description".to_owned(), json!(description));
    }
    if !configuration.environment.is_empty() {
        output.insert(
            "environmentVariables".to_owned(),
            json!(configuration.environment),
        );
    }
    if !configuration.request_headers.is_empty() {
        let allowed = json!({ "requestHeaderAllowlist": configuration.request_headers });
        output.insert("requestHeaderConfiguration".to_owned(), allowed);
    }
    if let Some(authorizer) = &configuration.authorizer {
        output.insert(
            "authorizerConfiguration".to_owned(),
            authorizer.wire().clone(),
        );
    }
    output
}

fn artifact(wire: Value) -> Result<ArtifactSource, ApiError> {
    const FIELD: &str = "agentRuntimeArtifact";
    let text = |pointer: &str| wire.pointer(pointer).and_then(Value::as_str);
    let container = text("/containerConfiguration/containerUri").map(str::parse::<Reference>);
    let code =
        text("/codeConfiguration/code/s3/bucket").zip(text("/codeConfiguration/code/s3/prefix"));
    let reference = match (container, code) {
        (Some(reference), None) => reference,
        (None, Some((bucket, key))) => Reference::s3(bucket, key),
        _ => {
            let message = "agentRuntimeArtifact has either containerConfiguration.containerUri or codeConfiguration.code.s3 with bucket and prefix";
            return Err(ApiError::invalid(FIELD, message));
        }
    };
    let reference = reference.map_err(|message| ApiError::invalid(FIELD, message))?;
    Ok(ArtifactSource { reference, wire })
}

fn environment(variables: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, ApiError> {
    const FIELD: &str = "environmentVariables";
    if let Some(value) = variables.get(DURABILITY)
        && let Err(error) = value.parse::<Durability>()
    {
        let message = format!("{DURABILITY} is {value:?}: {error}");
        return Err(ApiError::invalid(FIELD, message));
    }
    if let Some(value) = variables.get(AGENT_CARD)
        && let Err(error) = serde_json::from_str::<Map<String, Value>>(value)
    {
        let message = format!("{AGENT_CARD} is not a JSON object: {error}");
        return Err(ApiError::invalid(FIELD, message));
    }
    Ok(variables)
}

fn lifecycle(input: Option<LifecycleInput>) -> Result<Lifecycle, ApiError> {
    const FIELD: &str = "lifecycleConfiguration";
    let default = Lifecycle::default();
    let Some(input) = input else {
        return Ok(default);
    };
    let idle = input.idle_runtime_session_timeout.map(Duration::from_secs);
    let max_lifetime = input
        .max_lifetime
        .map_or(default.max_lifetime, Duration::from_secs);
    // As at AWS: a short lifetime alone pulls the default idle time down with it.
    let idle_timeout = idle.unwrap_or(default.idle_timeout.min(max_lifetime));
    if idle_timeout > max_lifetime {
        return Err(ApiError::invalid(
            FIELD,
            "idleRuntimeSessionTimeout must not be larger than maxLifetime",
        ));
    }
    Ok(Lifecycle {
        idle_timeout,
        max_lifetime,
    })
}

/// Headers that an agent may be shown. Among them is Authorization only when it is a token, which its agent may pass on: a
/// signature is of use to nobody else.
fn request_headers(
    input: Option<RequestHeaders>,
    takes_tokens: bool,
) -> Result<Vec<String>, ApiError> {
    const FIELD: &str = "requestHeaderConfiguration";
    const CUSTOM: &str = "x-amzn-bedrock-agentcore-runtime-custom-";
    let names = input
        .map(|input| input.request_header_allowlist)
        .unwrap_or_default();
    names
        .into_iter()
        .map(|name| {
            let name = name.to_ascii_lowercase();
            let valid = axum::http::HeaderName::from_bytes(name.as_bytes()).is_ok();
            let reserved = name.starts_with("x-amz-")
                || (name.starts_with("x-amzn-") && !name.starts_with(CUSTOM))
                || matches!(
                    name.as_str(),
                    "cookie" | "host" | "content-length" | "transfer-encoding"
                )
                || (name == "authorization" && !takes_tokens);
            if valid && !reserved {
                Ok(name)
            } else {
                Err(ApiError::invalid(
                    FIELD,
                    format!(
                        "the header {name:?} cannot be allowed: it is reserved, or not a header name; Authorization needs a \
                         customJWTAuthorizer"
                    ),
                ))
            }
        })
        .collect()
}
