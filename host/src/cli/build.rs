//! `kellion build [PATH]`, and what other commands need of it.

use std::path::{Path, PathBuf};

use kellion_build::{Options, Project};
use serde_json::json;

use super::exit::Failure;
use crate::config;
use crate::grants::Manifest;

#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// The agent's folder, or its file.
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Where the component goes. [default: NAME.wasm in the agent's folder]
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The same as --build-env.
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = super::deploy::variable)]
    environment: Vec<(String, String)>,
    #[command(flatten)]
    how: How,
}

/// What every command that builds can be told.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct How {
    /// An environment variable for code that runs while the agent is built, as Python's and JavaScript's module level
    /// does; may be given again. What an agent reads in a turn is set by `deploy --env`.
    #[arg(long = "build-env", value_name = "NAME=VALUE", value_parser = super::deploy::variable)]
    environment: Vec<(String, String)>,
    /// Where toolchains are installed. [default: kellion/tools in the user's cache folder]
    #[arg(long, env = "KELLION_TOOLS", value_name = "DIR")]
    tools: Option<PathBuf>,
}

pub(super) fn run(args: &Args, json: bool) -> Result<(), Failure> {
    let project = find(&args.path)?;
    let mut how = args.how.clone();
    how.environment.extend(args.environment.iter().cloned());
    let built = build(&project, &how, args.out.clone())?;
    if json {
        super::say(json!({
            "component": built.component,
            "language": project.language.name(),
            "sizeBytes": std::fs::metadata(&built.component).map_or(0, |file| file.len()),
            "warnings": built.warnings,
        }));
    } else {
        super::say(built.component.display());
    }
    Ok(())
}

/// The project in a folder or of a file.
pub(super) fn find(path: &Path) -> Result<Project, Failure> {
    Project::find(path).map_err(|error| Failure::of(&error))
}

/// Builds, and says what is done and what may surprise.
pub(super) fn build(
    project: &Project,
    how: &How,
    out: Option<PathBuf>,
) -> Result<kellion_build::Built, Failure> {
    let options = Options {
        out,
        env: how.environment.iter().cloned().collect(),
        tools: how.tools.clone().or_else(config::default_tools),
        manifest: manifest(&project.folder)?.text(),
        ..Options::default()
    };
    let built = kellion_build::build(project, &options, &|line: &str| super::tell(line))
        .map_err(|error| Failure::of(&error))?;
    for warning in &built.warnings {
        super::tell(format_args!("warning: {warning}"));
    }
    Ok(built)
}

/// What the agent in this folder asks for, by the file `agent.toml` beside its sources.
fn manifest(folder: &Path) -> Result<Manifest, Failure> {
    let file = folder.join("agent.toml");
    let text = match std::fs::read(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Manifest::default());
        }
        Err(error) => {
            let cannot = format!("cannot read {}", file.display());
            return Err(Failure::new(cannot).because(&error));
        }
    };
    Manifest::parse(&text).map_err(|error| Failure::new(format!("{}: {error}", file.display())))
}

/// The bytes of a component: those of a `.wasm` file, or of what is built of the sources at this path.
pub(super) fn component(path: &Path, how: &How) -> Result<Vec<u8>, Failure> {
    let is_component = path.extension().is_some_and(|ending| ending == "wasm");
    let file = if is_component || !path.exists() {
        path.to_owned()
    } else {
        build(&find(path)?, how, None)?.component
    };
    std::fs::read(&file)
        .map_err(|error| Failure::new(format!("cannot read {}", file.display())).because(&error))
}

/// The name of the agent in a file or folder: letters, digits and underscores.
pub(super) fn agent_name(path: &Path) -> String {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name: String = stem
        .chars()
        .map(|each| {
            if each.is_ascii_alphanumeric() {
                each
            } else {
                '_'
            }
        })
        .take(48)
        .collect();
    if name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        name
    } else {
        format!("agent_{name}").chars().take(48).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_made_to_fit() {
        for (path, name) in [
            ("weather.wasm", "weather"),
            ("my-agent.py", "my_agent"),
            ("2nd.wasm", "agent_2nd"),
            ("über", "agent__ber"),
        ] {
            assert_eq!(agent_name(Path::new(path)), name);
        }
    }
}
