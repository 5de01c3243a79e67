//! Endpoints: names that point to versions.

use serde_json::Value;

use super::super::records::{Build, Endpoint, Status, VersionRecord};
use super::super::{Authorizer, Error, Once, Resource, Tags};
use super::Agents;
use crate::ids::{AgentKey, EndpointName, Version};

/// Of one agent; AgentCore's own quota.
const MAX_ENDPOINTS: usize = 10;

/// A new endpoint, as its owner wants it.
pub struct NewEndpoint {
    /// What it is called.
    pub name: EndpointName,
    /// The version it points to; the newest when none is named.
    pub version: Option<Version>,
    /// The owner's words.
    pub description: Option<String>,
    /// Its tags.
    pub tags: Tags,
}

impl Agents {
    /// Makes an endpoint. Returns what `answer` makes of it, or what it made when the same call came first.
    pub fn create_endpoint(
        &self,
        key: &AgentKey,
        new: NewEndpoint,
        once: Option<&Once>,
        answer: impl FnOnce(&Endpoint, Status) -> Value,
    ) -> Result<Value, Error> {
        let NewEndpoint {
            name,
            version,
            description,
            tags,
        } = new;
        let mut known = self.0.known();
        let now = self.0.clock.now();
        if let Some(answered) = self.0.answered(&key.tenant, once, now)? {
            return Ok(answered);
        }
        let entry = known.entry_of(key)?;
        if entry.endpoints.contains_key(&name) {
            return Err(Error::Conflict(format!(
                "the agent has an endpoint with the name {name} already"
            )));
        }
        if entry.endpoints.len() >= MAX_ENDPOINTS {
            return Err(Error::Quota(format!(
                "the agent has {MAX_ENDPOINTS} endpoints, as many as it may have"
            )));
        }
        let target = entry.version(version.unwrap_or(entry.newest().version))?;
        let live = matches!(target.build, Build::Ready { .. }).then_some(target.version);
        let endpoint = Endpoint {
            name,
            description,
            target: target.version,
            live,
            created: now,
            updated: now,
        };
        let answer = answer(&endpoint, entry.endpoint_status(&endpoint));
        let call = once.map(|once| (once, &answer));
        self.0.change(&key.tenant, call, now, |write| {
            write.endpoint(key, &endpoint)?;
            let resource = Resource::Endpoint(key.clone(), endpoint.name.clone());
            write.tag(&resource, &tags)
        })?;
        entry.endpoints.insert(endpoint.name.clone(), endpoint);
        self.0.serving.forget(key);
        Ok(answer)
    }

    /// Points an endpoint to another version, or describes it anew. DEFAULT follows the newest version and cannot be
    /// pointed elsewhere.
    pub fn update_endpoint(
        &self,
        key: &AgentKey,
        name: &EndpointName,
        (version, description): (Option<Version>, Option<String>),
        once: Option<&Once>,
        answer: impl FnOnce(&Endpoint, Status) -> Value,
    ) -> Result<Value, Error> {
        let mut known = self.0.known();
        let now = self.0.clock.now();
        if let Some(answered) = self.0.answered(&key.tenant, once, now)? {
            return Ok(answered);
        }
        let entry = known.entry_of(key)?;
        let mut endpoint = entry.endpoint(name)?.clone();
        if let Some(version) = version {
            if name.is_default() && version != entry.newest().version {
                return Err(Error::Conflict(
                    "the endpoint DEFAULT follows the newest version; make an endpoint of your own to pin another"
                        .to_owned(),
                ));
            }
            let target = entry.version(version)?;
            endpoint.target = version;
            if matches!(target.build, Build::Ready { .. }) {
                endpoint.live = Some(version);
            }
        }
        endpoint.description = description.or(endpoint.description);
        endpoint.updated = now;
        let answer = answer(&endpoint, entry.endpoint_status(&endpoint));
        let call = once.map(|once| (once, &answer));
        self.0.change(&key.tenant, call, now, |write| {
            write.endpoint(key, &endpoint)
        })?;
        entry.endpoints.insert(endpoint.name.clone(), endpoint);
        self.0.serving.forget(key);
        Ok(answer)
    }

    /// An endpoint, its status, and why it has failed, if it has.
    pub fn endpoint(
        &self,
        key: &AgentKey,
        name: &EndpointName,
    ) -> Result<(Endpoint, Status, Option<String>), Error> {
        let mut known = self.0.known();
        let entry = known.entry_of(key)?;
        let endpoint = entry.endpoint(name)?.clone();
        let failure = entry
            .versions
            .get(&endpoint.target)
            .and_then(VersionRecord::failure)
            .map(str::to_owned);
        let status = entry.endpoint_status(&endpoint);
        Ok((endpoint, status, failure))
    }

    /// Which bearer tokens open an endpoint: what the version says that it serves, or will serve. None when none do, and of
    /// what is not there.
    pub fn authorizer(&self, key: &AgentKey, name: &EndpointName) -> Option<Authorizer> {
        if let Some(deployment) = self.0.serving.get(key, name) {
            return deployment.authorizer.clone();
        }
        let known = self.0.known();
        let entry = known.get(key)?;
        let endpoint = entry.endpoints.get(name)?;
        let version = endpoint.live.unwrap_or(endpoint.target);
        entry
            .versions
            .get(&version)?
            .configuration
            .authorizer
            .clone()
    }

    /// An agent's endpoints, by name.
    pub fn endpoints(&self, key: &AgentKey) -> Result<Vec<(Endpoint, Status)>, Error> {
        let mut known = self.0.known();
        let entry = known.entry_of(key)?;
        Ok(entry
            .endpoints
            .values()
            .map(|endpoint| (endpoint.clone(), entry.endpoint_status(endpoint)))
            .collect())
    }

    /// Deletes an endpoint; DEFAULT lives as long as its agent.
    pub fn delete_endpoint(
        &self,
        key: &AgentKey,
        name: &EndpointName,
        once: Option<&Once>,
        answer: Value,
    ) -> Result<Value, Error> {
        let mut known = self.0.known();
        let now = self.0.clock.now();
        if let Some(answered) = self.0.answered(&key.tenant, once, now)? {
            return Ok(answered);
        }
        let entry = known.entry_of(key)?;
        entry.endpoint(name)?;
        if name.is_default() {
            return Err(Error::Conflict(
                "the endpoint DEFAULT goes with its agent".to_owned(),
            ));
        }
        let call = once.map(|once| (once, &answer));
        self.0.change(&key.tenant, call, now, |write| {
            write.delete_endpoint(key, name)
        })?;
        entry.endpoints.remove(name);
        self.0.serving.forget(key);
        Ok(answer)
    }
}
