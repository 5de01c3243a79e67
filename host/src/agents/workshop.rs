//! From an artifact to a component: most are one, some are zips that hold one, and some zips hold sources.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::artifacts::{Files, name, new_file, open_folder};
use super::builder::BuildError;
use super::child::{Child, Outcome};
use super::holds::Hold;
use super::places::Places;
use super::records::Configuration;
use super::sources::zip::is_zip;
use super::{Config, Error};
use crate::ids::{Digest, TenantId};

/// Agents with many libraries take a minute or two, and the first one of its language waits for the toolchain.
const BUILD_TIME: Duration = Duration::from_secs(600);

/// The largest file that a build may write, in bytes.
pub const LARGEST_FILE: u64 = 2 << 30;

/// Which sources are built on this server: none, unless it is told to. `[build]` in the configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BuildPolicy {
    /// Python, with its packages beside it. Needs Python 3.10 or newer with venv and pip, and Rust once.
    pub python: bool,
    /// JavaScript and TypeScript, with `node_modules`. Needs Node.js 20 or newer with npm.
    pub node: bool,
    /// Where toolchains are installed. By default where `kellion build` has them.
    pub tools: Option<PathBuf>,
}

/// Makes components of what is none yet.
pub(super) struct Workshop {
    program: PathBuf,
    policy: BuildPolicy,
    environment: Vec<(String, String)>,
    /// Digests of components, each in a file named for what it was made of.
    made: PathBuf,
    /// A folder in it for each build that runs.
    rooms: PathBuf,
    /// What builds are made with.
    edition: String,
    places: Places,
}

impl Workshop {
    /// Clears away what a crash left half-built. Builds take one of these places.
    pub(super) fn open(config: &Config, places: Places) -> Result<Self, Error> {
        let (made, rooms) = (config.data.join("made"), config.data.join("building"));
        open_folder(&made).map_err(Error::disk("make the builds' folder"))?;
        // What a build started may have outlived the server that was killed, and still write there for a moment.
        if let Err(error) = std::fs::remove_dir_all(&rooms)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "a build's leftovers stay until the next start");
        }
        std::fs::create_dir_all(&rooms).map_err(Error::disk("make the builds' folder"))?;
        Ok(Self {
            program: config.compiler.clone(),
            policy: config.build.clone(),
            environment: config.access.build.clone(),
            made,
            rooms,
            edition: kellion_build::edition(),
            places,
        })
    }

    /// The component in an artifact, or made of it. Whether it is a good one, its compiler knows.
    pub(super) async fn component(
        &self,
        tenant: &TenantId,
        files: &Files,
        artifact: Hold,
        configuration: &Configuration,
    ) -> Result<Hold, BuildError> {
        let path = files.path(artifact.digest());
        if !begins_as_zip(&path).map_err(Error::disk("read an artifact"))? {
            return Ok(artifact);
        }
        let entry = configuration.artifact.entry_point();
        let note =
            self.made
                .join(self.key(artifact.digest(), entry, &configuration.environment)?);
        if let Ok(known) = std::fs::read_to_string(&note)
            && let Ok(known) = known.parse::<Digest>()
        {
            let known = files.holds().hold(known);
            if files.path(known.digest()).exists() {
                return Ok(known);
            }
        }
        let place = self.places.take(tenant).await;
        let made = self
            .make(files, &path, entry, &configuration.environment)
            .await?;
        drop(place);
        let (mut file, temporary) = new_file(&self.made)?;
        std::io::Write::write_all(&mut file, made.digest().as_str().as_bytes())
            .map_err(Error::disk("note a build"))?;
        name(temporary, note)
            .await
            .map_err(Error::disk("note a build"))?;
        Ok(made)
    }

    /// What a component is made of: where all this is the same, it is.
    fn key(
        &self,
        artifact: &Digest,
        entry: Option<&str>,
        environment: &BTreeMap<String, String>,
    ) -> Result<String, Error> {
        let parts = (artifact, entry, environment, &self.edition);
        Ok(Digest::of(&serde_json::to_vec(&parts)?).to_string())
    }

    /// What a build sees of the environment. It writes nowhere but in its room and beside the toolchains, and package
    /// managers have to be told so.
    fn environment(&self, scratch: &Path) -> Vec<(String, String)> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let mut environment = self.environment.clone();
        environment.push(("TMPDIR".to_owned(), text(scratch)));
        if let Some(tools) = &self.policy.tools {
            environment.push(("PIP_CACHE_DIR".to_owned(), text(&tools.join("pip-cache"))));
            environment.push((
                "npm_config_cache".to_owned(),
                text(&tools.join("npm-cache")),
            ));
        }
        environment
    }

    async fn make(
        &self,
        files: &Files,
        zip: &Path,
        entry: Option<&str>,
        environment: &BTreeMap<String, String>,
    ) -> Result<Hold, BuildError> {
        let room = tempfile::tempdir_in(&self.rooms).map_err(Error::disk("make a folder"))?;
        let variables = room.path().join("variables.json");
        std::fs::write(
            &variables,
            serde_json::to_vec(environment).map_err(Error::from)?,
        )
        .map_err(Error::disk("write a build's variables"))?;
        let scratch = room.path().join("tmp");
        std::fs::create_dir(&scratch).map_err(Error::disk("make a folder"))?;
        let environment = self.environment(&scratch);
        let input = File::open(zip).map_err(Error::disk("open an artifact"))?;
        let (output, filled) = files.blank()?;

        let mut arguments = vec!["unpack-artifact".into()];
        arguments.extend(["--limit".into(), files.limit().to_string().into()]);
        arguments.extend(["--variables".into(), variables.into_os_string()]);
        if let Some(entry) = entry {
            // In one word, so that none is taken for another option.
            arguments.push(format!("--entry={entry}").into());
        }
        if let Some(tools) = &self.policy.tools {
            arguments.extend(["--tools".into(), tools.into()]);
        }
        let languages = [
            (self.policy.python, "--python"),
            (self.policy.node, "--node"),
        ];
        arguments.extend(
            languages
                .iter()
                .filter(|(on, _)| *on)
                .map(|(_, option)| option.into()),
        );
        let child = Child {
            program: &self.program,
            arguments,
            environment: &environment,
            folder: Some(room.path()),
            time: BUILD_TIME,
            largest: LARGEST_FILE,
        };
        let outcome = child.run(input, output).await?;
        // Thousands of files, some of them large: not for a thread that serves.
        tokio::task::spawn_blocking(move || drop(room));
        match outcome {
            Outcome::Done => Ok(files.adopt(filled).await?),
            Outcome::Refused(reason) => Err(BuildError::Component(reason)),
            Outcome::TooLong => {
                let limit = BUILD_TIME.as_secs();
                Err(BuildError::Component(format!(
                    "making a component of the zip took longer than {limit} s"
                )))
            }
            Outcome::Lost => Err(BuildError::Component(
                "the zip could not be made a component, for a reason that is not in it: this server's log has it, for its \
                 operator"
                    .to_owned(),
            )),
        }
    }
}

fn begins_as_zip(path: &Path) -> std::io::Result<bool> {
    let mut beginning = Vec::new();
    File::open(path)?.take(4).read_to_end(&mut beginning)?;
    Ok(is_zip(&beginning))
}
