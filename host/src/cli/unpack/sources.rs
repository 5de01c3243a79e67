//! A component, of the sources in a zip.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use kellion_build::{Language, Options, Project, Watch};

use super::{Args, Problem};
use crate::agents::LARGEST_FILE;
use crate::agents::zip::Archive;
use crate::config::places;
use crate::grants::Manifest;
use crate::jail;

/// The most memory that each process of a build may fill. Agents with many libraries take one of these GiB or two.
const MOST_MEMORY: u64 = 4 << 30;

/// Has a build go on alone as soon as it can.
struct Apart<'a> {
    room: &'a Path,
    tools: Option<&'a Path>,
}

impl Watch for Apart<'_> {
    fn says(&self, _: &str) {}

    fn has_all(&self) -> io::Result<()> {
        let places = places::of_strangers_builds(self.room, self.tools);
        jail::cut_off(&places).map_err(io::Error::other)
    }
}

/// Builds the agent that begins in this entry, in the folder where this process runs.
pub(super) fn build(
    archive: &mut Archive<File>,
    number: usize,
    args: &Args,
) -> Result<PathBuf, Problem> {
    let entry = archive.name(number).to_owned();
    let language = language(&entry, args)?;
    hold_back();

    let room = std::env::current_dir().map_err(Problem::io("find the build's folder"))?;
    let folder = room.join("sources");
    fs::create_dir(&folder).map_err(Problem::io("make the build's folder"))?;
    archive.unpack(&folder)?;
    let manifest = manifest(&folder)?;
    let project = Project {
        entry: folder.join(&entry),
        folder,
        name: "agent".to_owned(),
        language,
    };
    let component = room.join("agent.wasm");
    let options = Options {
        out: Some(component.clone()),
        env: variables(&args.variables)?,
        tools: args.tools.clone(),
        own: Some(room.join("own")),
        vendored: true,
        manifest,
    };
    let apart = Apart {
        room: &room,
        tools: args.tools.as_deref(),
    };
    match kellion_build::build(&project, &options, &apart) {
        Ok(_) => Ok(component),
        Err(error) => Err(told(error, &room, args)),
    }
}

/// What the entry point is written in, if that is built here.
fn language(entry: &str, args: &Args) -> Result<Language, String> {
    let ending = Path::new(entry)
        .extension()
        .and_then(|ending| ending.to_str());
    let (language, name, built, setting) = match ending {
        Some("py") => (Language::Python, "Python", args.python, "python"),
        Some("js" | "mjs" | "cjs" | "ts" | "mts" | "cts") => {
            (Language::TypeScript, "JavaScript", args.node, "node")
        }
        _ => {
            return Err(format!(
                "the entry point {entry:?} is neither a component nor a source in Python or JavaScript"
            ));
        }
    };
    if built {
        return Ok(language);
    }
    Err(format!(
        "the zip holds sources, {entry:?}, and this server does not build {name}: put the component that `kellion build` makes \
         into the zip, or have the operator of this server set `{setting} = true` under [build] in its configuration"
    ))
}

/// Who builds goes behind who serves, and fills neither memory nor disk.
#[cfg(target_os = "linux")]
fn hold_back() {
    use rustix::process::{Resource, Rlimit, nice, setrlimit};

    let limit = |most| Rlimit {
        current: Some(most),
        maximum: Some(most),
    };
    // A system that knows better lets it go on, as others do.
    let _ = nice(10);
    let _ = setrlimit(Resource::Core, limit(0));
    let _ = setrlimit(Resource::Fsize, limit(LARGEST_FILE));
    let _ = setrlimit(Resource::Data, limit(MOST_MEMORY));
}

/// Other systems have these otherwise.
#[cfg(not(target_os = "linux"))]
fn hold_back() {}

/// What the agent asks for, if an `agent.toml` is in the zip.
fn manifest(folder: &Path) -> Result<Option<String>, Problem> {
    match fs::read(folder.join("agent.toml")) {
        Ok(text) => match Manifest::parse(&text) {
            Ok(manifest) => Ok(manifest.text()),
            Err(error) => Err(Problem::Zip(format!("agent.toml: {error}"))),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Problem::io("read the agent's manifest")(error)),
    }
}

fn variables(file: &Path) -> Result<BTreeMap<String, String>, Problem> {
    let text = fs::read(file).map_err(Problem::io("read the build's variables"))?;
    serde_json::from_slice(&text)
        .map_err(|error| Problem::Machine(format!("cannot read the build's variables: {error}")))
}

/// Puts what went wrong before whom it concerns, without this machine's folders where that is a stranger.
fn told(error: kellion_build::Error, room: &Path, args: &Args) -> Problem {
    use kellion_build::Error as E;

    let hide = |text: &str| {
        let mut text = text.replace(&format!("{}/sources/", room.display()), "");
        for folder in [Some(room), args.tools.as_deref()].into_iter().flatten() {
            text = text.replace(&format!("{}/", folder.display()), "");
        }
        text
    };
    match error {
        E::Agent(text) => Problem::Zip(hide(&text)),
        // What makes components runs the author's module, and dies of what that does.
        E::Command {
            command, output, ..
        } if command.contains("componentize-py") => Problem::Zip(format!(
            "the agent's module-level code failed while it was built:\n{}",
            hide(&output)
        )),
        other => Problem::Machine(format!("a build failed: {other}")),
    }
}
