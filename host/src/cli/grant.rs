//! What agents ask for and may use, as commands show it.

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::Client;
use super::exit::Failure;
use crate::grants::{Difference, Grant, Manifest};

/// A version and its grant, as the server tells.
#[derive(Debug, Deserialize)]
pub(super) struct Shown {
    pub(super) version: String,
    pub(super) status: String,
    /// None while the version is not built.
    pub(super) grant: Option<Grant>,
}

/// The grant of a version; of the one that the agent serves when none is named.
pub(super) async fn of(
    client: &Client,
    agent: &str,
    version: Option<&str>,
) -> Result<Shown, Failure> {
    let path = format!("/kellion/v1/agents/{agent}/grant");
    let mut request = client.request(Method::GET, &path);
    if let Some(version) = version {
        request = request.query(&[("version", version)]);
    }
    serde_json::from_value(client.json(request).await?)
        .map_err(|error| Failure::new("the server's answer is no grant").because(&error))
}

/// The grant of the version that runs under this name now; none when none does.
pub(super) async fn running(client: &Client, name: &str) -> Result<Option<Grant>, Failure> {
    match client.find(name).await? {
        Some(agent) => Ok(of(client, &agent.id, None).await?.grant),
        None => Ok(None),
    }
}

/// What a deployment changes of what its agent may use.
pub(super) struct Change {
    difference: Difference,
    grant: Grant,
}

impl Change {
    /// Between the version that ran before, if one did, and the one that runs now.
    pub(super) fn between(before: Option<&Grant>, grant: Grant) -> Self {
        Self {
            difference: match before {
                Some(before) => Difference::between(before, &grant),
                None => Difference::of_first(&grant),
            },
            grant,
        }
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "difference": self.difference.lines(),
            "refused": self.grant.refused,
        })
    }

    /// To the terminal, beside the result; nothing when nothing changes.
    pub(super) fn tell(&self) {
        for line in self.difference.lines() {
            super::tell(format_args!("grant: {line}"));
        }
        for refused in &self.grant.refused {
            super::tell(format_args!("grant: not granted: {refused}"));
        }
    }
}

/// What a component asks for.
pub(super) fn say_asked(manifest: &Manifest) {
    if *manifest == Manifest::default() {
        super::say("asks     nothing of its own: every model, and the server's limits");
    } else {
        super::say(format_args!(
            "asks     {}",
            manifest.0.lines().join("\n         ")
        ));
    }
}

/// What an agent may use.
pub(super) fn say_granted(name: &str, shown: &Shown) {
    super::say(format_args!("agent    {name}"));
    super::say(format_args!("version  {}", shown.version));
    super::say(format_args!("status   {}", shown.status));
    let Some(grant) = &shown.grant else {
        super::say("grant    none: no version has been built");
        return;
    };
    super::say(format_args!(
        "grant    {}",
        grant.granted.lines().join("\n         ")
    ));
    if !grant.refused.is_empty() {
        let refused: Vec<String> = grant.refused.iter().map(ToString::to_string).collect();
        super::say(format_args!("refused  {}", refused.join("\n         ")));
    }
}
