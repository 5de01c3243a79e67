//! `kellion test [PATH]`: an agent's tests, on the real server, with models that say what the tests tell them to.

mod expect;
mod fixture;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;

use self::expect::complaints;
use self::fixture::{Fixture, Turn};
use super::answer;
use super::build::{How, agent_name, component};
use super::chat::ask;
use super::client::{Agent, Client};
use super::deploy::deploy;
use super::exit::{Failure, Kind};
use super::serve;
use crate::ids::SessionId;
use crate::models::scripted::Scripted;

/// How the files of tests end.
const ENDING: &str = ".test.json";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The agent: its folder or source file, which is built first, or a .wasm file.
    #[arg(default_value = ".")]
    path: PathBuf,
    /// A file of tests; may be given again. [default: every *.test.json beside the agent, and in the folder tests there]
    #[arg(long = "fixture", value_name = "FILE")]
    fixtures: Vec<PathBuf>,
    #[command(flatten)]
    how: How,
}

pub(super) async fn run(args: &Args, as_json: bool) -> Result<(), Failure> {
    serve::log_to_stderr();
    let files = if args.fixtures.is_empty() {
        found(&args.path)?
    } else {
        args.fixtures.clone()
    };
    let fixtures: Vec<Fixture> = files
        .iter()
        .map(|file| Fixture::read(file))
        .collect::<Result<_, _>>()?;
    let bytes = component(&args.path, &args.how)?;
    let data = tempfile::tempdir().map_err(|error| {
        Failure::new("cannot make a folder for the test server").because(&error)
    })?;
    let own = serve::Args {
        listen: Some(([127, 0, 0, 1], 0).into()),
        data: Some(data.path().to_owned()),
        ..serve::Args::default()
    };
    let model = Arc::new(Scripted::default());
    let server = serve::start_with(&own, Arc::clone(&model) as _).await?;
    let stage = Stage {
        client: Client::new(&server.endpoint())?,
        model,
        name: agent_name(&args.path),
        component: bytes,
    };
    let mut failed = 0;
    for fixture in &fixtures {
        let complaints = stage.play(fixture).await?;
        failed += usize::from(!complaints.is_empty());
        if as_json {
            super::say(
                json!({ "test": fixture.name, "passed": complaints.is_empty(), "complaints": complaints }),
            );
        } else if complaints.is_empty() {
            super::say(format_args!("ok    {}", fixture.name));
        } else {
            super::say(format_args!("FAIL  {}", fixture.name));
            for complaint in complaints {
                super::say(format_args!("      {complaint}"));
            }
        }
    }
    server.stop().await.map_err(|error| Failure::of(&error))?;
    let passed = fixtures.len() - failed;
    super::tell(format_args!("{passed} passed, {failed} failed"));
    if failed > 0 {
        return Err(Failure::new(format!("{failed} tests failed")).of_kind(Kind::Agent));
    }
    Ok(())
}

/// The test files that belong to an agent.
fn found(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let folder = if path.is_dir() {
        path.to_owned()
    } else {
        path.parent().unwrap_or(Path::new("")).to_owned()
    };
    let folder = if folder.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        folder
    };
    let mut files = Vec::new();
    for folder in [folder.join("tests"), folder.clone()] {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().ends_with(ENDING) {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(Failure::new(format!(
            "there are no tests: no file in {} or in its folder tests ends in {ENDING}",
            folder.display()
        ))
        .of_kind(Kind::NotFound));
    }
    Ok(files)
}

/// The server with the agent and its model.
struct Stage {
    client: Client,
    model: Arc<Scripted>,
    name: String,
    component: Vec<u8>,
}

impl Stage {
    /// Plays a test and says what was not as it should be.
    async fn play(&self, fixture: &Fixture) -> Result<Vec<String>, Failure> {
        let environment: Vec<(String, String)> = fixture
            .environment
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let agent = deploy(
            &self.client,
            self.component.clone(),
            &self.name,
            &environment,
        )
        .await?;
        let mut sessions: BTreeMap<&str, SessionId> = BTreeMap::new();
        let mut all = Vec::new();
        for (number, turn) in fixture.turns.iter().enumerate() {
            let session = sessions
                .entry(&turn.session)
                .or_insert_with(SessionId::random);
            let found = self.turn(&agent, session, turn).await?;
            all.extend(
                found
                    .into_iter()
                    .map(|what| format!("turn {}: {what}", number + 1)),
            );
        }
        Ok(all)
    }

    async fn turn(
        &self,
        agent: &Agent,
        session: &SessionId,
        turn: &Turn,
    ) -> Result<Vec<String>, Failure> {
        self.model.begin(turn.replies());
        let payload = turn.payload.to_string();
        let told = match ask(&self.client, &agent.arn, session.as_str(), payload).await {
            Ok(response) => Ok(answer::read(response, |_| Ok(())).await?),
            Err(failure) => Err(failure.message().to_owned()),
        };
        Ok(complaints(turn, &told, &self.model.begin(None)))
    }
}
