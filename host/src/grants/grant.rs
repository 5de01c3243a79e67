//! What a version of an agent may use.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::manifest::Manifest;
use super::terms::{Policy, Terms};
use super::words::{ModelPattern, Words, shown};

/// What a version of an agent may use: what its artifact asks for, as far as the policy of its tenant goes.
///
/// The default is that of an agent that asks for nothing under no policy: every model, every name, the server's limits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// What it may use.
    pub granted: Terms,
    /// What it asked for.
    pub asked: Terms,
    /// What it asked for and was not given.
    #[serde(default)]
    pub refused: Vec<Refusal>,
}

/// Something that was asked for and is not granted, or not as much of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The key in the manifest.
    pub key: String,
    /// What was asked for.
    pub value: String,
    /// Why it is not granted.
    pub reason: String,
}

impl Refusal {
    fn new(key: &str, value: impl fmt::Display, reason: String) -> Self {
        Self {
            key: key.to_owned(),
            value: value.to_string(),
            reason,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.key, self.value, self.reason)
    }
}

/// The agent wants what its grant does not cover. Says what is missing, and where to add it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Denied(String);

impl Grant {
    /// What is granted to an artifact that asks for this, under this policy. Of numbers the smaller one counts; a name that
    /// the policy does not allow is left out. What is not granted as it was asked for is [`refused`](Self::refused).
    pub fn of(manifest: &Manifest, policy: &Policy) -> Self {
        let (asked, allowed) = (&manifest.0, &policy.0);
        let refused = &mut Vec::new();
        let granted = Terms {
            models: models(asked.models.as_ref(), allowed.models.as_ref(), refused),
            // There is no host that a server without a policy lets agents reach.
            egress: asked.egress.as_ref().map(|asked| {
                let none = Words::default();
                let allowed = allowed.egress.as_ref().unwrap_or(&none);
                names("egress", asked, allowed, refused)
            }),
            memory_mib: least("memory_mib", asked.memory_mib, allowed.memory_mib, refused),
            turn_seconds: least(
                "turn_seconds",
                asked.turn_seconds,
                allowed.turn_seconds,
                refused,
            ),
            turn_cpu_ms: least(
                "turn_cpu_ms",
                asked.turn_cpu_ms,
                allowed.turn_cpu_ms,
                refused,
            ),
            model_calls_per_turn: least(
                "model_calls_per_turn",
                asked.model_calls_per_turn,
                allowed.model_calls_per_turn,
                refused,
            ),
            input_tokens_per_session: least(
                "input_tokens_per_session",
                asked.input_tokens_per_session,
                allowed.input_tokens_per_session,
                refused,
            ),
            output_tokens_per_session: least(
                "output_tokens_per_session",
                asked.output_tokens_per_session,
                allowed.output_tokens_per_session,
                refused,
            ),
            environment: match (&asked.environment, &allowed.environment) {
                (Some(asked), Some(allowed)) => Some(names("environment", asked, allowed, refused)),
                (asked, allowed) => asked.as_ref().or(allowed.as_ref()).cloned(),
            },
            secrets: asked.secrets.as_ref().map(|asked| match &allowed.secrets {
                Some(allowed) => names("secrets", asked, allowed, refused),
                None => asked.clone(),
            }),
        };
        Self {
            granted,
            asked: asked.clone(),
            refused: std::mem::take(refused),
        }
    }

    /// Whether the agent may call the model; otherwise what to do about it.
    pub fn model(&self, model: &str) -> Result<(), Denied> {
        let covers = |terms: &Terms| match &terms.models {
            Some(models) => models.iter().any(|pattern| pattern.covers(model)),
            None => true,
        };
        if covers(&self.granted) {
            return Ok(());
        }
        let model = shown(model);
        let denied = format!("the agent's grant does not cover the model {model}");
        Err(Denied(match &self.asked.models {
            Some(asked) if !covers(&self.asked) => format!(
                "{denied}; its manifest asks for [{asked}]: add it to agent.toml, or have the tenant's policy allow it"
            ),
            _ => format!(
                "{denied}: the tenant's policy does not allow it; have the policy allow it, and deploy the agent again"
            ),
        }))
    }

    /// Whether the agent's configuration may set the name; otherwise what to do about it.
    pub fn environment(&self, name: &str) -> Result<(), Denied> {
        let covers = |terms: &Terms| match &terms.environment {
            Some(names) => names.iter().any(|known| known.as_str() == name),
            None => true,
        };
        if covers(&self.granted) {
            return Ok(());
        }
        let name = shown(name);
        let denied = format!("the agent's grant does not cover the environment variable {name}");
        Err(Denied(match &self.asked.environment {
            Some(asked) if !covers(&self.asked) => format!(
                "{denied}; its manifest asks for [{asked}]: add it to agent.toml, or leave it out of the configuration"
            ),
            _ => format!(
                "{denied}: the tenant's policy does not allow it; have the policy allow it, or leave it out of the \
                 configuration"
            ),
        }))
    }
}

/// What the patterns of both sides have in common. One that has nothing in common with the other side is refused.
fn models(
    asked: Option<&Words<ModelPattern>>,
    allowed: Option<&Words<ModelPattern>>,
    refused: &mut Vec<Refusal>,
) -> Option<Words<ModelPattern>> {
    let (Some(asked), Some(allowed)) = (asked, allowed) else {
        return asked.or(allowed).cloned();
    };
    let mut common = Vec::new();
    for pattern in asked.iter() {
        let before = common.len();
        common.extend(allowed.iter().filter_map(|other| pattern.common(other)));
        if common.len() == before {
            let reason = format!("the tenant's policy allows [{allowed}]");
            refused.push(Refusal::new("models", pattern, reason));
        }
    }
    let within_another = |pattern: &&ModelPattern| {
        common
            .iter()
            .any(|other| other != pattern && other.contains(pattern))
    };
    let widest = common.iter().filter(|pattern| !within_another(pattern));
    Some(widest.map(|pattern| (*pattern).clone()).collect())
}

/// What both sides name. What the policy does not name is refused.
fn names<W: Ord + Clone + fmt::Display>(
    key: &'static str,
    asked: &Words<W>,
    allowed: &Words<W>,
    refused: &mut Vec<Refusal>,
) -> Words<W> {
    let reason = match (allowed.is_empty(), key) {
        (true, "egress") => "the tenant's policy allows no host".to_owned(),
        (true, _) => "the tenant's policy allows none".to_owned(),
        (false, _) => format!("the tenant's policy allows [{allowed}]"),
    };
    let (granted, left): (Vec<&W>, Vec<&W>) = asked.iter().partition(|word| allowed.contains(word));
    refused.extend(
        left.into_iter()
            .map(|word| Refusal::new(key, word, reason.clone())),
    );
    granted.into_iter().cloned().collect()
}

/// The smaller one of what is asked for and what is allowed, whichever of them is said.
fn least<N: Ord + Copy + fmt::Display>(
    key: &'static str,
    asked: Option<N>,
    allowed: Option<N>,
    refused: &mut Vec<Refusal>,
) -> Option<N> {
    if let (Some(asked), Some(allowed)) = (asked, allowed)
        && asked > allowed
    {
        let reason = format!("the tenant's policy allows {allowed}");
        refused.push(Refusal::new(key, asked, reason));
    }
    asked.into_iter().chain(allowed).min()
}
