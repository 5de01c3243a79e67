//! A version's configuration, between the wire and the domain.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::agents::{
    AGENT_CARD, ArtifactSource, Configuration, DURABILITY, Lifecycle, Reference, Tags,
};
use crate::api::error::ApiError;
use crate::journal::Durability;

/// The input of create and update: the members that mean something here, and the rest, which is kept as it came.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RuntimeInput {
    pub(super) agent_runtime_name: Option<String>,
    agent_runtime_artifact: Option<Value>,
    role_arn: Option<String>,
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
    /// Checks every constraint of the service model that touches a member with a meaning here.
    pub(super) fn configuration(self) -> Result<Configuration, ApiError> {
        if self.authorizer_configuration.is_some() {
            // To store it and not enforce it would be a door that looks locked.
            let message = "authorizerConfiguration is not supported by this server; leave it out";
            return Err(ApiError::invalid("authorizerConfiguration", message));
        }
        let role_arn = self
            .role_arn
            .ok_or_else(|| ApiError::invalid("roleArn", "roleArn is required"))?;
        if !is_role_arn(&role_arn) {
            let message = "roleArn is the ARN of an IAM role, such as arn:aws:iam::123456789012:role/agent (it needs not exist)";
            return Err(ApiError::invalid("roleArn", message));
        }
        if let Some(description) = &self.description {
            length("description", description, 1, 4_096)?;
        }
        Ok(Configuration {
            artifact: artifact(self.agent_runtime_artifact)?,
            role_arn,
            description: self.description,
            environment: environment(self.environment_variables.unwrap_or_default())?,
            lifecycle: lifecycle(self.lifecycle_configuration)?,
            request_headers: request_headers(self.request_header_configuration)?,
            kept: self.kept,
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
    output
}

fn artifact(wire: Option<Value>) -> Result<ArtifactSource, ApiError> {
    const FIELD: &str = "agentRuntimeArtifact";
    let wire = wire.ok_or_else(|| ApiError::invalid(FIELD, "agentRuntimeArtifact is required"))?;
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
    if variables.len() > 50 {
        return Err(ApiError::invalid(
            FIELD,
            format!(
                "there are {} environment variables, at most 50 fit",
                variables.len()
            ),
        ));
    }
    for (name, value) in &variables {
        length(FIELD, name, 1, 100)?;
        length(FIELD, value, 0, 5_000)?;
    }
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
    let seconds = |name: &str, value: Option<u64>| match value {
        None => Ok(None),
        Some(seconds @ 60..=1_209_600) => Ok(Some(Duration::from_secs(seconds))),
        Some(other) => Err(ApiError::invalid(
            FIELD,
            format!("{name} is 60 to 1209600 seconds, not {other}"),
        )),
    };
    let idle = seconds(
        "idleRuntimeSessionTimeout",
        input.idle_runtime_session_timeout,
    )?;
    let max_lifetime = seconds("maxLifetime", input.max_lifetime)?.unwrap_or(default.max_lifetime);
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

fn request_headers(input: Option<RequestHeaders>) -> Result<Vec<String>, ApiError> {
    const FIELD: &str = "requestHeaderConfiguration";
    const CUSTOM: &str = "x-amzn-bedrock-agentcore-runtime-custom-";
    let names = input
        .map(|input| input.request_header_allowlist)
        .unwrap_or_default();
    if names.len() > 20 {
        return Err(ApiError::invalid(
            FIELD,
            format!("there are {} allowed headers, at most 20 fit", names.len()),
        ));
    }
    names
        .into_iter()
        .map(|name| {
            let name = name.to_ascii_lowercase();
            let valid = axum::http::HeaderName::from_bytes(name.as_bytes()).is_ok();
            let reserved = name.starts_with("x-amz-")
                || (name.starts_with("x-amzn-") && !name.starts_with(CUSTOM))
                || matches!(
                    name.as_str(),
                    "authorization" | "cookie" | "host" | "content-length" | "transfer-encoding"
                );
            if valid && !reserved {
                Ok(name)
            } else {
                Err(ApiError::invalid(
                    FIELD,
                    format!(
                        "the header {name:?} cannot be allowed: it is reserved or not a header name"
                    ),
                ))
            }
        })
        .collect()
}

fn is_role_arn(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    matches!(parts[..], ["arn", partition, "iam", "", account, role]
        if partition.starts_with("aws")
            && account.len() == 12
            && account.bytes().all(|b| b.is_ascii_digit())
            && role.strip_prefix("role/").is_some_and(|name| !name.is_empty() && name.len() <= 512))
}

pub(super) fn length(
    field: &'static str,
    value: &str,
    min: usize,
    max: usize,
) -> Result<(), ApiError> {
    let length = value.chars().count();
    if (min..=max).contains(&length) {
        Ok(())
    } else {
        Err(ApiError::invalid(
            field,
            format!("{field} has {min} to {max} characters, not {length}"),
        ))
    }
}
