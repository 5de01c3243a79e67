//! The catalog of agents: every operation on them, and the queue of versions to build.

mod build;
mod endpoints;
mod janitor;
mod make;
mod once;
mod serving;
mod storage;
mod tags;

use std::collections::{BTreeMap, HashMap};
use std::os::unix::fs::DirBuilderExt as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;

use super::artifacts::{self, Files};
use super::builder::Builder;
use super::deployment::{Deployment, NotServing};
use super::holds::Holds;
use super::places::Places;
use super::programs::ProgramKey;
use super::records::{Agent, Build, Configuration, Endpoint, Lifecycle, Status, VersionRecord};
use super::secret::Secret;
use super::sources::Sources;
use super::store::Store;
use super::workshop::Workshop;
use super::{Config, Error, Limits, Once, Policies, Resource, Tags};
use crate::clock::Clock;
use crate::ids::{AgentId, AgentKey, AgentName, EndpointName, TenantId, Version};
use crate::sandbox::Sandbox;
use crate::tenants::Policy;
pub use endpoints::NewEndpoint;
use serving::Serving;

/// How often, and how long apart, the lock on the data directory is tried at the start.
const LOCK_TRIES: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// Children at one time, each of which has the machine's processors and memory to itself as far as it needs them. Two, so
/// that one that takes minutes holds up nobody else's; a tenant has one.
const CHILDREN: usize = 2;

/// The agents of this server. Cheap to clone.
#[derive(Clone)]
pub struct Agents(Arc<Inner>);

/// A new agent, as its owner wants it.
pub struct NewAgent {
    /// What it is called.
    pub name: AgentName,
    /// Its first version.
    pub configuration: Configuration,
    /// Its tags.
    pub tags: Tags,
}

struct Inner {
    store: Store,
    secret: Secret,
    files: Files,
    sources: Sources,
    workshop: Workshop,
    builder: Builder,
    policies: Policies,
    clock: Arc<dyn Clock>,
    queue: mpsc::UnboundedSender<(AgentKey, Version)>,
    known: Mutex<HashMap<AgentKey, Entry>>,
    serving: Serving,
    /// Held as long as the catalog lives: what two servers keep in memory would not be what is on disk.
    _lock: std::fs::File,
}

struct Entry {
    agent: Agent,
    versions: BTreeMap<Version, VersionRecord>,
    endpoints: BTreeMap<EndpointName, Endpoint>,
}

impl Agents {
    /// Opens the data directory, makes it if there is none, and goes on with builds that a restart interrupted.
    ///
    /// `policies` bounds tenants and what their agents are granted; by `key` compiled programs are known again. Blocks on the disk. Must be called in a tokio runtime,
    /// where the builds run.
    pub fn open(
        config: &Config,
        limits: Limits,
        policies: Policies,
        key: &ProgramKey,
        sandbox: Arc<Sandbox>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        // What agents were told and remember is nobody else's on this machine.
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&config.data)
            .map_err(Error::disk("make the data directory"))?;
        let lock = lock(&config.data)?;
        let store = Store::open(&config.data.join("kellion.db"))?;
        let secret = store.secret()?;
        let (release, released) = mpsc::unbounded_channel();
        let files = Files::open(
            config.data.join("artifacts"),
            u64::from(limits.artifact_mib) << 20,
            Holds::new(release),
        )?;
        let children = Places::new(CHILDREN, 1);
        let workshop = Workshop::open(config, children.clone())?;
        let builder = Builder::new(config, limits, key, sandbox, Arc::clone(&clock), children)?;
        let mut known = HashMap::new();
        let (queue, waiting) = mpsc::unbounded_channel();
        for stored in store.load()? {
            let versions: BTreeMap<_, _> = stored
                .versions
                .into_iter()
                .map(|version| (version.version, version))
                .collect();
            for version in versions
                .values()
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
            };
            known.insert(stored.key, entry);
        }
        sweep(config, &store, &known)?;
        let inner = Arc::new(Inner {
            store,
            secret,
            files,
            sources: Sources::new(config.sources.clone(), config.access.clone()),
            workshop,
            builder,
            policies,
            clock,
            queue,
            known: Mutex::new(known),
            serving: Serving::default(),
            _lock: lock,
        });
        tokio::spawn(build::build_queue(Arc::downgrade(&inner), waiting));
        let clock = Arc::clone(&inner.clock);
        tokio::spawn(janitor::clear_up(Arc::downgrade(&inner), released, clock));
        Ok(Self(inner))
    }

    /// The secret by which this data directory knows what it gave out.
    pub fn secret(&self) -> &Secret {
        &self.0.secret
    }

    /// Makes an agent with version 1 and the endpoint DEFAULT. It serves when its build is through.
    ///
    /// Returns what `answer` makes of it, or what it made when the same call came first; as all that change something do.
    pub fn create(
        &self,
        tenant: &TenantId,
        new: NewAgent,
        once: Option<&Once>,
        answer: impl FnOnce(&Agent, &VersionRecord) -> Value,
    ) -> Result<Value, Error> {
        let NewAgent {
            name,
            configuration,
            tags,
        } = new;
        let mut known = self.0.known();
        let now = self.0.clock.now();
        if let Some(answered) = self.0.answered(tenant, once, now)? {
            return Ok(answered);
        }
        let own = || known.iter().filter(|(key, _)| key.tenant == *tenant);
        if own().any(|(_, entry)| entry.agent.name == name) {
            return Err(Error::Conflict(format!(
                "an agent with the name {name} exists already"
            )));
        }
        if let Some(most) = self.0.policy(tenant).quotas.agents
            && own().count() >= most as usize
        {
            return Err(Error::Quota(format!(
                "the account has {most} agents, its quota agents; delete one, or ask the server's operator for more"
            )));
        }
        let agent = Agent {
            id: AgentId::new(&name),
            name,
            created: now,
        };
        let version = VersionRecord {
            version: Version::FIRST,
            configuration,
            build: Build::Building,
            grant: None,
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
        let answer = answer(&agent, &version);
        let call = once.map(|once| (once, &answer));
        self.0.change(tenant, call, now, |write| {
            write.agent(&key, &agent)?;
            write.version(&key, &version)?;
            write.endpoint(&key, &endpoint)?;
            write.tag(&Resource::Agent(key.clone()), &tags)
        })?;
        let entry = Entry {
            agent,
            versions: BTreeMap::from([(Version::FIRST, version)]),
            endpoints: BTreeMap::from([(endpoint.name.clone(), endpoint)]),
        };
        known.insert(key.clone(), entry);
        self.0.enqueue(key, Version::FIRST);
        Ok(answer)
    }

    /// Makes the next version. DEFAULT moves to it when its build is through; running sessions stay where they are.
    ///
    /// It has what its configuration says and nothing of the version before, but for `platformVersion`.
    pub fn update(
        &self,
        key: &AgentKey,
        configuration: Configuration,
        once: Option<&Once>,
        answer: impl FnOnce(&Agent, &VersionRecord) -> Value,
    ) -> Result<Value, Error> {
        let most = self.0.policy(&key.tenant).quotas.versions;
        let mut known = self.0.known();
        let now = self.0.clock.now();
        if let Some(answered) = self.0.answered(&key.tenant, once, now)? {
            return Ok(answered);
        }
        let entry = known.entry_of(key)?;
        let newest = entry.newest();
        let next = newest
            .version
            .next()
            .filter(|_| most.is_none_or(|most| entry.versions.len() < most as usize))
            .ok_or_else(|| {
                Error::Quota(format!(
                    "the agent has {} versions, the account's quota versions; delete old ones, or ask the server's \
                     operator for more",
                    entry.versions.len()
                ))
            })?;
        let version = VersionRecord {
            version: next,
            configuration: configuration.after(&newest.configuration),
            build: Build::Building,
            grant: None,
            created: now,
            updated: now,
        };
        let moved = entry.endpoints.get(&EndpointName::default_endpoint());
        let moved = moved.map(|endpoint| Endpoint {
            target: next,
            updated: now,
            ..endpoint.clone()
        });
        let answer = answer(&entry.agent, &version);
        let call = once.map(|once| (once, &answer));
        self.0.change(&key.tenant, call, now, |write| {
            write.version(key, &version)?;
            moved
                .iter()
                .try_for_each(|endpoint| write.endpoint(key, endpoint))
        })?;
        entry
            .endpoints
            .extend(moved.map(|endpoint| (endpoint.name.clone(), endpoint)));
        entry.versions.insert(next, version);
        self.0.enqueue(key.clone(), next);
        Ok(answer)
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
    pub fn delete(
        &self,
        key: &AgentKey,
        once: Option<&Once>,
        answer: Value,
    ) -> Result<Value, Error> {
        let mut known = self.0.known();
        let now = self.0.clock.now();
        if let Some(answered) = self.0.answered(&key.tenant, once, now)? {
            return Ok(answered);
        }
        known.entry_of(key)?;
        let call = once.map(|once| (once, &answer));
        self.0
            .change(&key.tenant, call, now, |write| write.delete_agent(key))?;
        let gone = known.remove(key);
        self.0.serving.forget(key);
        let versions = gone.into_iter().flat_map(|entry| entry.versions);
        versions.for_each(|(_, version)| self.0.release(&version));
        Ok(answer)
    }

    /// Deletes one version. One that an endpoint points to stays, and so does the newest.
    pub fn delete_version(
        &self,
        key: &AgentKey,
        version: Version,
        once: Option<&Once>,
        answer: Value,
    ) -> Result<Value, Error> {
        let mut known = self.0.known();
        let now = self.0.clock.now();
        if let Some(answered) = self.0.answered(&key.tenant, once, now)? {
            return Ok(answered);
        }
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
        let call = once.map(|once| (once, &answer));
        self.0.change(&key.tenant, call, now, |write| {
            write.delete_version(key, version)
        })?;
        if let Some(gone) = entry.versions.remove(&version) {
            self.0.release(&gone);
        }
        Ok(answer)
    }

    /// What an endpoint serves now. From memory, but for the first call of a version after a restart.
    pub async fn resolve(
        &self,
        key: &AgentKey,
        endpoint: &EndpointName,
    ) -> Result<Arc<Deployment>, NotServing> {
        if let Some(deployment) = self.0.serving.get(key, endpoint) {
            return Ok(deployment);
        }
        let (agent, version) = self.served(key, endpoint)?;
        let deployment = self.0.deploy(key, agent, version).await?;
        let known = self.0.known();
        let points_to = known
            .get(key)
            .and_then(|entry| entry.endpoints.get(endpoint)?.live);
        if points_to == Some(deployment.version) {
            self.0
                .serving
                .put(key.clone(), endpoint.clone(), Arc::clone(&deployment));
        }
        Ok(deployment)
    }

    /// The version that an endpoint serves now. From memory.
    pub fn served(
        &self,
        key: &AgentKey,
        endpoint: &EndpointName,
    ) -> Result<(Agent, VersionRecord), NotServing> {
        let known = self.0.known();
        let entry = known
            .get(key)
            .ok_or_else(|| NotServing::NoAgent(key.agent.to_string()))?;
        let endpoint = entry
            .endpoints
            .get(endpoint)
            .ok_or_else(|| NotServing::NoEndpoint(endpoint.to_string()))?;
        let live = endpoint.live.and_then(|live| entry.versions.get(&live));
        if let Some(live) = live {
            return Ok((entry.agent.clone(), live.clone()));
        }
        let target = entry.versions.get(&endpoint.target);
        Err(match target.and_then(VersionRecord::failure) {
            Some(reason) => NotServing::Failed(reason.to_owned()),
            None => NotServing::NotReady(entry.endpoint_status(endpoint)),
        })
    }

    /// A version of an agent, whether an endpoint points to it or not: what a session that began on it goes on with.
    ///
    /// Not from memory; for sessions that are taken up again, which costs more than this.
    pub async fn version(
        &self,
        key: &AgentKey,
        version: Version,
    ) -> Result<Arc<Deployment>, NotServing> {
        let (agent, record) = {
            let known = self.0.known();
            let entry = known
                .get(key)
                .ok_or_else(|| NotServing::NoAgent(key.agent.to_string()))?;
            let record = entry.versions.get(&version);
            let record = record.ok_or(NotServing::NoVersion(version))?;
            (entry.agent.clone(), record.clone())
        };
        self.0.deploy(key, agent, record).await
    }

    /// How long the sessions of a version live. From memory.
    pub fn lifecycle(&self, key: &AgentKey, version: Version) -> Result<Lifecycle, NotServing> {
        let known = self.0.known();
        let entry = known
            .get(key)
            .ok_or_else(|| NotServing::NoAgent(key.agent.to_string()))?;
        let record = entry.versions.get(&version);
        let record = record.ok_or(NotServing::NoVersion(version))?;
        Ok(record.configuration.lifecycle)
    }
}

impl Inner {
    fn known(&self) -> Known<'_> {
        Known(self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How far the agents of the tenant may go.
    fn policy(&self, tenant: &TenantId) -> Arc<Policy> {
        (self.policies)(tenant)
    }

    /// Says that a version went.
    fn release(&self, version: &VersionRecord) {
        if let Build::Ready { digest } = &version.build {
            self.files.holds().release(digest.clone());
        }
    }

    fn enqueue(&self, key: AgentKey, version: Version) {
        // The queue lives as long as the catalog; a version whose turn never comes is built after the next start.
        let _ = self.queue.send((key, version));
    }
}

/// Removes artifacts and programs that no reference names and no version was built of. Nothing uses them at the start.
fn sweep(config: &Config, store: &Store, known: &HashMap<AgentKey, Entry>) -> Result<(), Error> {
    let mut needed = store.digests()?;
    for entry in known.values() {
        for version in entry.versions.values() {
            if let Build::Ready { digest } = &version.build {
                needed.insert(digest.clone());
            }
        }
    }
    for folder in ["artifacts", "compiled"] {
        artifacts::sweep(&config.data.join(folder), &needed)
            .map_err(Error::disk("look for files that nobody needs"))?;
    }
    Ok(())
}

/// Makes this server the only one on its data directory. The system lets go of the lock when the process ends, however.
fn lock(data: &std::path::Path) -> Result<std::fs::File, Error> {
    let lock = std::fs::File::create(data.join("lock")).map_err(Error::disk("make a file"))?;
    // Who was killed holds it until the system has cleared up after him.
    for _ in 0..LOCK_TRIES {
        if lock.try_lock().is_ok() {
            return Ok(lock);
        }
        std::thread::sleep(LOCK_PAUSE);
    }
    Err(Error::Conflict(
        "another server uses it; stop that one, or name another with --data".to_owned(),
    ))
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
