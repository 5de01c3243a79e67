//! From an artifact to a component: most are one, and some are zips that hold one.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::artifacts::Files;
use super::builder::BuildError;
use super::child::{Child, Outcome};
use super::records::ArtifactSource;
use super::sources::zip::is_zip;
use super::{Config, Error};
use crate::ids::Digest;

/// Unpacking takes a moment, and a busy machine some more.
const UNPACK_TIME: Duration = Duration::from_secs(120);

/// Makes components of what is none yet.
pub(super) struct Workshop {
    program: PathBuf,
}

impl Workshop {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            program: config.compiler.clone(),
        }
    }

    /// The component in an artifact. Whether it is a good one, its compiler knows.
    pub(super) async fn component(
        &self,
        files: &Files,
        artifact: &Digest,
        source: &ArtifactSource,
    ) -> Result<Digest, BuildError> {
        let path = files.path(artifact);
        if !begins_as_zip(&path).map_err(Error::disk("read an artifact"))? {
            return Ok(artifact.clone());
        }
        let input = File::open(&path).map_err(Error::disk("open an artifact"))?;
        let (output, filled) = files.blank()?;
        let mut arguments = vec!["unpack-artifact".into()];
        arguments.extend(["--limit".into(), files.limit().to_string().into()]);
        if let Some(entry) = source.entry_point() {
            // In one word, so that none is taken for another option.
            arguments.push(format!("--entry={entry}").into());
        }
        let child = Child {
            program: &self.program,
            arguments,
            environment: &[],
            folder: None,
            time: UNPACK_TIME,
        };
        match child.run(input, output).await? {
            Outcome::Done => Ok(files.adopt(filled).await?),
            Outcome::Refused(reason) => Err(BuildError::Component(reason)),
            Outcome::TooLong => {
                let limit = UNPACK_TIME.as_secs();
                Err(BuildError::Component(format!(
                    "unpacking the zip took longer than {limit} s"
                )))
            }
            Outcome::Lost => Err(BuildError::Component(
                "unpacking the zip ended without a word on it".to_owned(),
            )),
        }
    }
}

fn begins_as_zip(path: &Path) -> std::io::Result<bool> {
    let mut beginning = Vec::new();
    File::open(path)?.take(4).read_to_end(&mut beginning)?;
    Ok(is_zip(&beginning))
}
