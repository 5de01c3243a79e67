//! From an artifact to a loaded program: compiled by a child process, started once for a trial, kept by digest.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;

use super::artifacts::{name, new_file, open_folder};
use super::child::{Child, Outcome};
use super::{Config, Error};
use crate::contract::log::Level;
use crate::grants::Manifest;
use crate::ids::Digest;
use crate::sandbox::{Birth, Cell, EDITION, Fault, LogSink, Program, Sandbox};
use crate::workers::Expected;

/// The largest Python agents take some 25 s on two idle cores, and minutes on busy ones; past this the component means no
/// good.
const COMPILE_TIME: Duration = Duration::from_secs(300);

/// A trial start that takes longer would make every session wait as long.
const START_TIME: Duration = Duration::from_secs(10);

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
    programs: Mutex<HashMap<Digest, Arc<OnceCell<Program>>>>,
}

impl Builder {
    pub(super) fn new(config: &Config, sandbox: Arc<Sandbox>) -> Result<Self, Error> {
        let compiled = config.data.join("compiled");
        open_folder(&compiled).map_err(Error::disk("make the programs' folder"))?;
        Ok(Self {
            sandbox,
            compiler: config.compiler.clone(),
            compiled,
            programs: Mutex::default(),
        })
    }

    /// The program of an artifact, compiled if it never was; two who ask at the same time share the work.
    pub(super) async fn program(
        &self,
        digest: &Digest,
        artifact: PathBuf,
    ) -> Result<Program, BuildError> {
        let slot = {
            let mut programs = self.programs.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(programs.entry(digest.clone()).or_default())
        };
        slot.get_or_try_init(|| self.load_or_compile(digest, artifact))
            .await
            .cloned()
    }

    async fn load_or_compile(
        &self,
        digest: &Digest,
        artifact: PathBuf,
    ) -> Result<Program, BuildError> {
        // Machine code depends on the memory limit; the engine itself refuses programs of another version of it.
        let memory_mib = self.sandbox.config().memory_mib;
        let name = format!("{digest}-{memory_mib}-{EDITION}.cwasm");
        let path = self.compiled.join(name);
        if path.exists() {
            match self.load(path.clone()).await {
                Ok(program) => {
                    self.prepare(&program).await;
                    return Ok(program);
                }
                Err(error) => tracing::info!(artifact.digest = %digest, %error, "compiling again"),
            }
        }
        self.compile(artifact, path.clone()).await?;
        let program = self
            .load(path)
            .await
            .map_err(|error| BuildError::Component(format!("{error:#}")))?;
        self.try_start(&program, memory_mib).await?;
        self.prepare(&program).await;
        Ok(program)
    }

    /// Best done before the server is full.
    async fn prepare(&self, program: &Program) {
        if let Err(fault) = program.prepare(&self.sandbox).await {
            tracing::info!(%fault, "a program's images are prepared later");
        }
    }

    async fn load(&self, path: PathBuf) -> Result<Program, crate::sandbox::Error> {
        let sandbox = Arc::clone(&self.sandbox);
        let loading = tokio::task::spawn_blocking(move || sandbox.load(&path));
        loading
            .await
            .expect("loading does not panic and is never aborted")
    }

    async fn compile(&self, artifact: PathBuf, target: PathBuf) -> Result<(), BuildError> {
        let input = std::fs::File::open(artifact).map_err(Error::disk("open an artifact"))?;
        let (output, temporary) = new_file(&self.compiled)?;
        let memory_mib = self.sandbox.config().memory_mib.to_string();
        let child = Child {
            program: &self.compiler,
            arguments: ["compile-artifact", "--memory-mib", &memory_mib]
                .map(Into::into)
                .into(),
            environment: &[],
            folder: None,
            time: COMPILE_TIME,
        };
        match child.run(input, output).await? {
            // A torn program must never be found under this name: it would be run.
            Outcome::Done => Ok(name(temporary, target)
                .await
                .map_err(Error::disk("name a program"))?),
            Outcome::Refused(reason) => Err(BuildError::Component(reason)),
            Outcome::TooLong => {
                let limit = COMPILE_TIME.as_secs();
                Err(BuildError::Component(format!(
                    "compiling the component took longer than {limit} s"
                )))
            }
            Outcome::Lost => Err(BuildError::Component(
                "the compiler ended without a word on this component".to_owned(),
            )),
        }
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
            Ok(Ok(_) | Err(Fault::Full { .. } | Fault::Exhausted)) => Ok(()),
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
