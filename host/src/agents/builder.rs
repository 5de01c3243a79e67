//! From an artifact to a loaded program: compiled by a child process, started once for a trial, kept by digest.

use std::fs::File;
use std::io::Seek as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::artifacts::{digest_of_file, new_file};
use super::child::{Child, Outcome, largest_program};
use super::loaded::{Loaded, Slot};
use super::places::Places;
use super::programs::{Fresh, Genuine, ProgramKey, Programs};
use super::refusals::{Refusals, Stands};
use super::{Config, Error, Limits};
use crate::clock::Clock;
use crate::contract::log::Level;
use crate::grants::Manifest;
use crate::ids::{Digest, TenantId};
use crate::sandbox::{Birth, Cell, LogSink, Program, Sandbox};
use crate::signatures::TrustedKey;
use crate::workers::Expected;

/// A trial start that takes longer would make every session wait as long.
const START_TIME: Duration = Duration::from_secs(10);

/// One that takes longer over a signature means no good.
const VERIFY_TIME: Duration = Duration::from_secs(30);

/// Why there is no program.
pub(super) enum BuildError {
    /// The component's fault, in words for its owner.
    Component(String),
    /// Ours.
    Server(Error),
}

impl From<Error> for BuildError {
    fn from(error: Error) -> Self {
        Self::Server(error)
    }
}

/// Loaded programs by digest, and the way to new ones.
pub(super) struct Builder {
    sandbox: Arc<Sandbox>,
    compiler: PathBuf,
    compiled: PathBuf,
    /// Past this a component means no good.
    compile_time: Duration,
    kept: Arc<Programs>,
    refusals: Refusals,
    /// For children, of whatever kind.
    children: Places,
    /// For reading programs from the disk, each of which has a processor busy.
    loads: Places,
    loaded: Loaded,
}

impl Builder {
    pub(super) fn new(
        config: &Config,
        limits: Limits,
        key: &ProgramKey,
        sandbox: Arc<Sandbox>,
        clock: Arc<dyn Clock>,
        children: Places,
    ) -> Result<Self, Error> {
        let compiled = config.data.join("compiled");
        let kept = Arc::new(Programs::open(compiled.clone(), key, &sandbox)?);
        let processors = std::thread::available_parallelism().map_or(2, usize::from);
        Ok(Self {
            sandbox,
            compiler: config.compiler.clone(),
            compiled,
            compile_time: Duration::from_secs(limits.compile_seconds.get().into()),
            kept,
            refusals: Refusals::new(clock),
            children,
            loads: Places::new(processors, processors.div_ceil(2)),
            loaded: Loaded::default(),
        })
    }

    /// The program of an artifact, compiled if it never was; two who ask at the same time share the work. What is loaded is
    /// given at once; otherwise the tenant waits for its turn, and takes no thread for that.
    pub(super) async fn program(
        &self,
        tenant: &TenantId,
        digest: &Digest,
        artifact: PathBuf,
    ) -> Result<Program, BuildError> {
        let slot = self.loaded.slot(digest);
        let made = self.program_in(&slot, tenant, digest, artifact).await;
        match made {
            Ok(program) if *tenant == TenantId::local() => Ok(program),
            Ok(program) => Ok(program.in_group(self.sandbox.group(tenant.as_str()))),
            Err(error) => {
                self.loaded.give_up(digest, &slot);
                Err(error)
            }
        }
    }

    async fn program_in(
        &self,
        slot: &Slot,
        tenant: &TenantId,
        digest: &Digest,
        artifact: PathBuf,
    ) -> Result<Program, BuildError> {
        if let Some(program) = slot.get() {
            return Ok(program.clone());
        }
        {
            let _place = self.loads.take(tenant).await;
            if let Some(program) = slot.get() {
                return Ok(program.clone());
            }
            if let Some(program) = self.find(digest).await? {
                self.prepare(&program).await;
                // Another tenant may have been quicker, and then its one is good.
                let _ = slot.set(program.clone());
                return Ok(slot.get().cloned().unwrap_or(program));
            }
        }
        self.not_refused(digest)?;
        let _place = self.children.take(tenant).await;
        slot.get_or_try_init(|| self.make(digest, artifact))
            .await
            .cloned()
    }

    /// Lets a program in memory go, but for sessions that run it.
    pub(super) fn forget(&self, digest: &Digest) {
        self.loaded.forget(digest);
    }

    /// Removes a program from the disk.
    pub(super) fn remove(&self, digest: &Digest) {
        self.kept.remove(digest);
    }

    /// Programs in memory that started no session since this was asked last.
    pub(super) fn unstarted(&self) -> Vec<Digest> {
        self.loaded.unstarted()
    }

    /// Lets a program in memory go, unless somebody has it.
    pub(super) fn forget_unused(&self, digest: &Digest) -> bool {
        self.loaded.forget_unused(digest)
    }

    fn not_refused(&self, digest: &Digest) -> Result<(), BuildError> {
        match self.refusals.reason(digest) {
            None => Ok(()),
            Some(reason) => Err(BuildError::Component(reason)),
        }
    }

    fn refuse(&self, digest: &Digest, reason: String, stands: Stands) -> BuildError {
        self.refusals.remember(digest, reason.clone(), stands);
        BuildError::Component(reason)
    }

    /// The program that was compiled before, if there is one that can be trusted.
    async fn find(&self, digest: &Digest) -> Result<Option<Program>, BuildError> {
        let (kept, sought) = (Arc::clone(&self.kept), digest.clone());
        let finding = tokio::task::spawn_blocking(move || kept.find(&sought));
        let found = finding
            .await
            .expect("finding does not panic and is never aborted")?;
        let Some(genuine) = found else {
            return Ok(None);
        };
        match self.load(genuine).await {
            Ok(program) => Ok(Some(program)),
            Err(error) => {
                tracing::info!(artifact.digest = %digest, %error, "compiling again");
                Ok(None)
            }
        }
    }

    /// Compiles an artifact, and keeps the program if it starts.
    async fn make(&self, digest: &Digest, artifact: PathBuf) -> Result<Program, BuildError> {
        // Somebody else's compilation may have ended while this one waited.
        self.not_refused(digest)?;
        let made = self.compile(digest, artifact).await?;
        let (kept, of) = (Arc::clone(&self.kept), digest.clone());
        let taking = tokio::task::spawn_blocking(move || kept.take(&of, &made));
        let Fresh { program, name } = taking
            .await
            .expect("taking does not panic and is never aborted")?;
        let program = self
            .load(program)
            .await
            .map_err(|error| self.refuse(digest, error.to_string(), Stands::AWhile))?;
        let memory_mib = self.sandbox.config().memory_mib;
        self.try_start(&program, memory_mib)
            .await
            .map_err(|error| match error {
                BuildError::Component(reason) => self.refuse(digest, reason, Stands::AWhile),
                BuildError::Server(error) => BuildError::Server(error),
            })?;
        name.give().await?;
        self.prepare(&program).await;
        Ok(program)
    }

    /// Best done before the server is full.
    async fn prepare(&self, program: &Program) {
        if let Err(fault) = program.prepare(&self.sandbox).await {
            tracing::info!(%fault, "a program's images are prepared later");
        }
    }

    async fn load(&self, program: Genuine) -> Result<Program, crate::sandbox::Error> {
        let sandbox = Arc::clone(&self.sandbox);
        let loading = tokio::task::spawn_blocking(move || sandbox.load(program.file()));
        loading
            .await
            .expect("loading does not panic and is never aborted")
    }

    /// The file of an artifact, if it still has the bytes that it was stored with: a version never runs others.
    async fn artifact(&self, digest: &Digest, path: PathBuf) -> Result<File, BuildError> {
        let reading = tokio::task::spawn_blocking(move || {
            let mut file = File::open(path)?;
            let found = digest_of_file(&mut file)?;
            file.rewind()?;
            Ok((file, found))
        });
        let read: std::io::Result<(File, Digest)> = reading
            .await
            .expect("reading does not panic and is never aborted");
        let (file, found) = read.map_err(Error::disk("read an artifact"))?;
        if found == *digest {
            return Ok(file);
        }
        tracing::error!(artifact.digest = %digest, %found, "an artifact was changed on the disk");
        Err(BuildError::Component(format!(
            "the artifact with the digest {digest} is not as it was stored on the server's disk; push the same bytes again"
        )))
    }

    /// What the compile child makes of an artifact.
    async fn compile(&self, digest: &Digest, artifact: PathBuf) -> Result<File, BuildError> {
        let input = self.artifact(digest, artifact).await?;
        let size = input.metadata().map_or(0, |file| file.len());
        // Its name goes when this ends, and the program with the descriptor.
        let (output, _temporary) = new_file(&self.compiled)?;
        let made = output.try_clone().map_err(Error::disk("make a file"))?;
        let memory_mib = self.sandbox.config().memory_mib.to_string();
        let child = Child {
            program: &self.compiler,
            arguments: ["compile-artifact", "--memory-mib", &memory_mib]
                .map(Into::into)
                .into(),
            environment: &[],
            folder: None,
            time: self.compile_time,
            largest: largest_program(size),
        };
        match child.run(input, output).await? {
            Outcome::Done => Ok(made),
            Outcome::Refused(reason) => Err(self.refuse(digest, reason, Stands::Always)),
            Outcome::TooLong => {
                let limit = self.compile_time.as_secs();
                let reason = format!("compiling the component took longer than {limit} s");
                Err(self.refuse(digest, reason, Stands::AWhile))
            }
            Outcome::Lost => {
                let reason = "the compiler ended without a word on this component".to_owned();
                Err(self.refuse(digest, reason, Stands::AWhile))
            }
        }
    }

    /// Lets nothing through that is signed by none of these keys, if there are any.
    pub(super) async fn check_signature(
        &self,
        tenant: &TenantId,
        keys: &[TrustedKey],
        digest: &Digest,
        artifact: &Path,
    ) -> Result<(), BuildError> {
        if keys.is_empty() {
            return Ok(());
        }
        let input = self.artifact(digest, artifact.to_owned()).await?;
        let _place = self.children.take(tenant).await;
        let (output, _temporary) = new_file(&self.compiled)?;
        let keys = keys.iter().map(|key| format!("--key={key}").into());
        let child = Child {
            program: &self.compiler,
            arguments: std::iter::once("verify-artifact".into())
                .chain(keys)
                .collect(),
            environment: &[],
            folder: None,
            time: VERIFY_TIME,
            largest: 0,
        };
        let reason = match child.run(input, output).await? {
            Outcome::Done => return Ok(()),
            Outcome::Refused(reason) => reason,
            Outcome::TooLong | Outcome::Lost => {
                "the component's signature could not be looked at".to_owned()
            }
        };
        // Not remembered: another tenant trusts others, and this one may trust more tomorrow.
        Err(BuildError::Component(reason))
    }

    /// What an artifact asks for.
    pub(super) async fn manifest(&self, artifact: PathBuf) -> Result<Manifest, BuildError> {
        let reading = tokio::task::spawn_blocking(move || {
            let file = std::fs::File::open(artifact)?;
            Manifest::of_component(file)
        });
        let manifest = reading
            .await
            .expect("reading does not panic and is never aborted")
            .map_err(|source| {
                let action = "read an artifact";
                BuildError::Server(Error::Disk { action, source })
            })?;
        manifest.map_err(|invalid| BuildError::Component(invalid.to_string()))
    }

    /// An agent whose start code traps, or needs more memory than its sessions have, shall fail when it is deployed, not
    /// when it is first called.
    pub(super) async fn try_start(
        &self,
        program: &Program,
        memory_mib: u32,
    ) -> Result<(), BuildError> {
        struct Nowhere;
        impl LogSink for Nowhere {
            fn write(&self, _: Level, _: &str) {}
        }
        let (sandbox, program) = (Arc::clone(&self.sandbox), program.clone());
        let starting = async move {
            Cell::start_within(
                &sandbox,
                &program,
                memory_mib,
                Arc::new(Nowhere),
                &Birth::TRIAL,
            )
            .await
        };
        let trial = self.sandbox.workers().compute(
            &Arc::from("trials"),
            &Arc::default(),
            Expected::Long,
            starting,
        );
        match tokio::time::timeout(START_TIME, trial).await {
            // On a full server the first caller tries it instead.
            Ok(Ok(_)) => Ok(()),
            Ok(Err(fault)) if fault.is_want_of_room() => Ok(()),
            Ok(Err(fault)) => Err(BuildError::Component(format!(
                "a trial start failed: {fault}"
            ))),
            Err(_) => {
                let limit = START_TIME.as_secs();
                Err(BuildError::Component(format!(
                    "a trial start took longer than {limit} s"
                )))
            }
        }
    }
}
