//! The catalog of agents: every operation on them, and the queue of versions to build.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::Stream;
use tokio::sync::mpsc;

use super::artifacts::{Artifact, Files, Reference};
use super::builder::{BuildError, Builder};
use super::deployment::{Deployment, NotServing};
use super::records::{Agent, Build, Configuration, Endpoint, Status, VersionRecord};
use super::store::Store;
use super::{Config, Error, Limits};
use crate::clock::Clock;
use crate::ids::{AgentId, AgentKey, AgentName, EndpointName, TenantId, Version};
use crate::sandbox::Sandbox;

/// Of one tenant; AgentCore's own quotas.
const MAX_AGENTS: usize = 1_000;
const MAX_VERSIONS: usize = 1_000;
const MAX_ENDPOINTS: usize = 10;

/// The agents of this server. Cheap to clone.
#[derive(Clone)]
pub struct Agents(Arc<Inner>);

struct Inner {
    store: Store,
    files: Files,
    builder: Builder,
    clock: Arc<dyn Clock>,
    queue: mpsc::UnboundedSender<(AgentKey, Version)>,
    known: Mutex<HashMap<AgentKey, Entry>>,
}

struct Entry {
    agent: Agent,
    versions: BTreeMap<Version, VersionRecord>,
    endpoints: BTreeMap<EndpointName, Endpoint>,
    /// What serves, loaded when first called for.
    deployments: HashMap<Version, Arc<Deployment>>,
}

impl Agents {
    /// Opens the data directory, makes it if there is none, and goes on with builds that a restart interrupted.
    ///
    /// Blocks on the disk. Must be called in a tokio runtime, where the builds run, one at a time.
    pub fn open(
        config: &Config,
        limits: Limits,
        sandbox: Arc<Sandbox>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        std::fs::create_dir_all(&config.data).map_err(Error::disk("make the data directory"))?;
        let store = Store::open(&config.data.join("kellion.db"))?;
        let files = Files::open(
            config.data.join("artifacts"),
            u64::from(limits.artifact_mib) << 20,
        )?;
        let builder = Builder::new(config, sandbox)?;
        let mut known = HashMap::new();
        let (queue, waiting) = mpsc::unbounded_channel();
        for stored in store.load()? {
            let mut versions: BTreeMap<_, _> = stored
                .versions
                .into_iter()
                .map(|version| (version.version, version))
                .collect();
            for version in versions
                .values_mut()
                .filter(|version| version.build == Build::Building)
            {
                let _ = queue.send((stored.key.clone(), version.version));
            }
            let endpoints = stored
                .endpoints
                .into_iter()
                .map(|endpoint| (endpoint.name.clone(), endpoint))
                .collect();
            let entry = Entry {
                agent: stored.agent,
                versions,
                endpoints,
                deployments: HashMap::new(),
            };
            known.insert(stored.key, entry);
        }
        let inner = Arc::new(Inner {
            store,
            files,
            builder,
            clock,
            queue,
            known: Mutex::new(known),
        });
        tokio::spawn(build_queue(Arc::downgrade(&inner), waiting));
        Ok(Self(inner))
    }

    /// Stores bytes under a reference, which from then on names them. Reads the stream as it comes, up to the limit.
    pub async fn push<E>(
        &self,
        tenant: &TenantId,
        reference: Reference,
        bytes: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Result<Artifact, Error> {
        let (digest, size_bytes) = self.0.files.store(bytes).await?;
        let artifact = Artifact {
            reference,
            digest,
            size_bytes,
            pushed: self.0.clock.now(),
        };
        self.0.store.put_artifact(tenant, &artifact)?;
        Ok(artifact)
    }

    /// The tenant's artifacts, by reference.
    pub fn artifacts(&self, tenant: &TenantId) -> Result<Vec<Artifact>, Error> {
        self.0.store.artifacts(tenant)
    }

    /// Makes an agent with version 1 and the endpoint DEFAULT. It serves when its build is through.
    pub fn create(
        &self,
        tenant: &TenantId,
        name: AgentName,
        configuration: Configuration,
    ) -> Result<(Agent, VersionRecord), Error> {
        let mut known = self.0.known();
        let own = || known.iter().filter(|(key, _)| key.tenant == *tenant);
        if own().any(|(_, entry)| entry.agent.name == name) {
            return Err(Error::Conflict(format!(
                "an agent with the name {name} exists already"
            )));
        }
        if own().count() >= MAX_AGENTS {
            return Err(Error::Quota(format!(
                "the account has {MAX_AGENTS} agents, as many as it may have"
            )));
        }
        let now = self.0.clock.now();
        let agent = Agent {
            id: AgentId::new(&name),
            name,
            created: now,
        };
        let version = VersionRecord {
            version: Version::FIRST,
            configuration,
            build: Build::Building,
            created: now,
            updated: now,
        };
        let endpoint = Endpoint {
            name: EndpointName::default_endpoint(),
            description: None,
            target: Version::FIRST,
            live: None,
            created: now,
            updated: now,
        };
        let key = AgentKey {
            tenant: tenant.clone(),
            agent: agent.id.clone(),
        };
        self.0.store.put(
            &key,
            Some(&agent),
            Some(&version),
            std::slice::from_ref(&endpoint),
        )?;
        let entry = Entry {
            agent: agent.clone(),
            versions: BTreeMap::from([(Version::FIRST, version.clone())]),
            endpoints: BTreeMap::from([(endpoint.name.clone(), endpoint)]),
            deployments: HashMap::new(),
        };
        known.insert(key.clone(), entry);
        self.0.enqueue(key, Version::FIRST);
        Ok((agent, version))
    }

    /// Makes the next version. DEFAULT moves to it when its build is through; running sessions stay where they are.
    pub fn update(
        &self,
        key: &AgentKey,
        configuration: Configuration,
    ) -> Result<(Agent, VersionRecord), Error> {
        let mut known = self.0.known();
        let entry = known.entry_of(key)?;
        let next = entry
            .newest()
            .version
            .next()
            .filter(|_| entry.versions.len() < MAX_VERSIONS)
            .ok_or_else(|| {
                Error::Quota(format!(
                    "the agent has {} versions, as many as it may have",
                    entry.versions.len()
                ))
            })?;
        let now = self.0.clock.now();
        let version = VersionRecord {
            version: next,
            configuration,
            build: Build::Building,
            created: now,
            updated: now,
        };
        let mut moved = Vec::new();
        if let Some(endpoint) = entry.endpoints.get(&EndpointName::default_endpoint()) {
            moved.push(Endpoint {
                target: next,
                updated: now,
                ..endpoint.clone()
            });
        }
        self.0.store.put(key, None, Some(&version), &moved)?;
        entry.endpoints.extend(
            moved
                .into_iter()
                .map(|endpoint| (endpoint.name.clone(), endpoint)),
        );
        entry.versions.insert(next, version.clone());
        self.0.enqueue(key.clone(), next);
        Ok((entry.agent.clone(), version))
    }

    /// An agent at one version; the newest when none is named.
    pub fn get(
        &self,
        key: &AgentKey,
        version: Option<Version>,
    ) -> Result<(Agent, VersionRecord), Error> {
        let mut known = self.0.known();
        let entry = known.entry_of(key)?;
        let record = match version {
            Some(version) => entry.version(version)?.clone(),
            None => entry.newest().clone(),
        };
        Ok((entry.agent.clone(), record))
    }

    /// The tenant's agents with their newest versions, by id.
    pub fn list(&self, tenant: &TenantId) -> Vec<(Agent, VersionRecord)> {
        let known = self.0.known();
        let own = known.iter().filter(|(key, _)| key.tenant == *tenant);
        let mut list: Vec<_> = own
            .map(|(_, entry)| (entry.agent.clone(), entry.newest().clone()))
            .collect();
        list.sort_by(|(a, _), (b, _)| a.id.cmp(&b.id));
        list
    }

    /// An agent's versions, newest first.
    pub fn versions(&self, key: &AgentKey) -> Result<(Agent, Vec<VersionRecord>), Error> {
        let mut known = self.0.known();
        let entry = known.entry_of(key)?;
        Ok((
            entry.agent.clone(),
            entry.versions.values().rev().cloned().collect(),
        ))
    }

    /// Deletes an agent with everything below it.
    pub fn delete(&self, key: &AgentKey) -> Result<(), Error> {
        let mut known = self.0.known();
        known.entry_of(key)?;
        self.0.store.delete_agent(key)?;
        known.remove(key);
        Ok(())
    }

    /// Deletes one version. One that an endpoint points to stays, and so does the newest.
    pub fn delete_version(&self, key: &AgentKey, version: Version) -> Result<(), Error> {
        let mut known = self.0.known();
        let entry = known.entry_of(key)?;
        entry.version(version)?;
        let used = entry
            .endpoints
            .values()
            .find(|endpoint| endpoint.target == version || endpoint.live == Some(version));
        if let Some(endpoint) = used {
            return Err(Error::Conflict(format!(
                "version {version} cannot be deleted: the endpoint {} points to it",
                endpoint.name
            )));
        }
        self.0.store.delete_version(key, version)?;
        entry.versions.remove(&version);
        entry.deployments.remove(&version);
        Ok(())
    }

    /// Makes an endpoint that points to a version; the newest when none is named.
    pub fn create_endpoint(
        &self,
        key: &AgentKey,
        name: EndpointName,
        version: Option<Version>,
        description: Option<String>,
    ) -> Result<(Endpoint, Status), Error> {
        let mut known = self.0.known();
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
        let now = self.0.clock.now();
        let live = matches!(target.build, Build::Ready { .. }).then_some(target.version);
        let endpoint = Endpoint {
            name,
            description,
            target: target.version,
            live,
            created: now,
            updated: now,
        };
        self.put_endpoint(key, entry, endpoint)
    }

    /// Points an endpoint to another version, or describes it anew. DEFAULT follows the newest version and cannot be
    /// pointed elsewhere.
    pub fn update_endpoint(
        &self,
        key: &AgentKey,
        name: &EndpointName,
        version: Option<Version>,
        description: Option<String>,
    ) -> Result<(Endpoint, Status), Error> {
        let mut known = self.0.known();
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
        endpoint.updated = self.0.clock.now();
        self.put_endpoint(key, entry, endpoint)
    }

    fn put_endpoint(
        &self,
        key: &AgentKey,
        entry: &mut Entry,
        endpoint: Endpoint,
    ) -> Result<(Endpoint, Status), Error> {
        self.0
            .store
            .put(key, None, None, std::slice::from_ref(&endpoint))?;
        entry
            .endpoints
            .insert(endpoint.name.clone(), endpoint.clone());
        let status = entry.endpoint_status(&endpoint);
        Ok((endpoint, status))
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
    pub fn delete_endpoint(&self, key: &AgentKey, name: &EndpointName) -> Result<(), Error> {
        let mut known = self.0.known();
        let entry = known.entry_of(key)?;
        entry.endpoint(name)?;
        if name.is_default() {
            return Err(Error::Conflict(
                "the endpoint DEFAULT goes with its agent".to_owned(),
            ));
        }
        self.0.store.delete_endpoint(key, name)?;
        entry.endpoints.remove(name);
        Ok(())
    }

    /// What an endpoint serves now. From memory, but for the first call of a version after a restart.
    pub async fn resolve(
        &self,
        key: &AgentKey,
        endpoint: &EndpointName,
    ) -> Result<Arc<Deployment>, NotServing> {
        let version = {
            let known = self.0.known();
            let entry = known
                .get(key)
                .ok_or_else(|| NotServing::NoAgent(key.agent.to_string()))?;
            let endpoint = entry
                .endpoints
                .get(endpoint)
                .ok_or_else(|| NotServing::NoEndpoint(endpoint.to_string()))?;
            match endpoint.live {
                Some(live) => match entry.deployments.get(&live) {
                    Some(deployment) => return Ok(Arc::clone(deployment)),
                    None => live,
                },
                None => {
                    let failure = entry
                        .versions
                        .get(&endpoint.target)
                        .and_then(VersionRecord::failure);
                    return Err(match failure {
                        Some(reason) => NotServing::Failed(reason.to_owned()),
                        None => NotServing::NotReady(entry.endpoint_status(endpoint)),
                    });
                }
            }
        };
        self.0.deploy(key, version).await
    }
}

impl Inner {
    fn known(&self) -> Known<'_> {
        Known(self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn enqueue(&self, key: AgentKey, version: Version) {
        // The queue lives as long as the catalog; a version whose turn never comes is built after the next start.
        let _ = self.queue.send((key, version));
    }

    /// Loads the program of a version that was built before.
    async fn deploy(
        &self,
        key: &AgentKey,
        version: Version,
    ) -> Result<Arc<Deployment>, NotServing> {
        let gone = || NotServing::NoAgent(key.agent.to_string());
        let (name, record) = {
            let mut known = self.known();
            let entry = known.entry_of(key).map_err(|_| gone())?;
            (
                entry.agent.name.clone(),
                entry.version(version).map_err(|_| gone())?.clone(),
            )
        };
        let Build::Ready { digest } = &record.build else {
            return Err(gone());
        };
        let program = self
            .builder
            .program(digest, self.files.path(digest))
            .await
            .map_err(|error| match error {
                BuildError::Component(reason) => NotServing::Failed(reason),
                BuildError::Server(error) => NotServing::Load(error),
            })?;
        let configuration = record.configuration;
        let deployment = Arc::new(Deployment {
            agent: key.clone(),
            agent_name: name,
            version,
            lifecycle: configuration.lifecycle,
            environment: configuration.environment,
            request_headers: configuration.request_headers,
            program,
        });
        let mut known = self.known();
        let entry = known.entry_of(key).map_err(|_| gone())?;
        Ok(Arc::clone(
            entry.deployments.entry(version).or_insert(deployment),
        ))
    }

    /// Builds one version, and lets the endpoints that wait for it go on.
    async fn build(&self, key: &AgentKey, version: Version) -> Result<(), Error> {
        let reference = {
            let mut known = self.known();
            // Deleted while it waited.
            let Ok(entry) = known.entry_of(key) else {
                return Ok(());
            };
            let Ok(record) = entry.version(version) else {
                return Ok(());
            };
            record.configuration.artifact.reference.clone()
        };
        let build = match self.store.artifact(&key.tenant, &reference)? {
            None => Build::Failed {
                reason: format!(
                    "no artifact is stored under {reference}; push one with: kellion push FILE.wasm {reference}"
                ),
            },
            Some(artifact) => match self
                .builder
                .program(&artifact.digest, self.files.path(&artifact.digest))
                .await
            {
                Ok(_) => Build::Ready {
                    digest: artifact.digest,
                },
                Err(BuildError::Component(reason)) => Build::Failed { reason },
                Err(BuildError::Server(error)) => return Err(error),
            },
        };
        tracing::info!(agent.id = %key.agent, version = version.number(), ?build, "built");
        let mut known = self.known();
        let Ok(entry) = known.entry_of(key) else {
            return Ok(());
        };
        let Some(record) = entry.versions.get(&version) else {
            return Ok(());
        };
        let now = self.clock.now();
        let record = VersionRecord {
            build,
            updated: now,
            ..record.clone()
        };
        let mut moved: Vec<Endpoint> = Vec::new();
        if matches!(record.build, Build::Ready { .. }) {
            let waiting = entry
                .endpoints
                .values()
                .filter(|endpoint| endpoint.target == version);
            moved.extend(waiting.map(|endpoint| Endpoint {
                live: Some(version),
                updated: now,
                ..endpoint.clone()
            }));
        }
        self.store.put(key, None, Some(&record), &moved)?;
        entry.versions.insert(version, record);
        entry.endpoints.extend(
            moved
                .into_iter()
                .map(|endpoint| (endpoint.name.clone(), endpoint)),
        );
        Ok(())
    }
}

/// Builds versions one after another, as long as the catalog lives.
async fn build_queue(
    catalog: std::sync::Weak<Inner>,
    mut waiting: mpsc::UnboundedReceiver<(AgentKey, Version)>,
) {
    while let Some((key, version)) = waiting.recv().await {
        let Some(catalog) = catalog.upgrade() else {
            return;
        };
        if let Err(error) = catalog.build(&key, version).await {
            // It stays in its state and is built after the next start.
            tracing::error!(agent.id = %key.agent, version = version.number(), %error, "a build failed");
        }
    }
}

/// The catalog in memory, locked. Held for look-ups and for the write to disk that belongs to a change, so that memory
/// and disk change together.
struct Known<'a>(MutexGuard<'a, HashMap<AgentKey, Entry>>);

impl std::ops::Deref for Known<'_> {
    type Target = HashMap<AgentKey, Entry>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl std::ops::DerefMut for Known<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl Known<'_> {
    fn entry_of(&mut self, key: &AgentKey) -> Result<&mut Entry, Error> {
        self.0
            .get_mut(key)
            .ok_or_else(|| Error::NotFound(format!("the agent {}", key.agent)))
    }
}

impl Entry {
    /// There is always one: the newest is never deleted.
    fn newest(&self) -> &VersionRecord {
        self.versions
            .values()
            .next_back()
            .expect("an agent has at least one version")
    }

    fn version(&self, version: Version) -> Result<&VersionRecord, Error> {
        let id = &self.agent.id;
        self.versions
            .get(&version)
            .ok_or_else(|| Error::NotFound(format!("version {version} of the agent {id}")))
    }

    fn endpoint(&self, name: &EndpointName) -> Result<&Endpoint, Error> {
        let id = &self.agent.id;
        self.endpoints
            .get(name)
            .ok_or_else(|| Error::NotFound(format!("the endpoint {name} of the agent {id}")))
    }

    fn endpoint_status(&self, endpoint: &Endpoint) -> Status {
        match self.versions.get(&endpoint.target) {
            Some(target) => endpoint.status(&target.build),
            None => Status::Ready,
        }
    }
}
