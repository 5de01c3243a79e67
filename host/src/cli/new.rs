//! `kellion new NAME --lang LANGUAGE`.

use std::path::{Path, PathBuf};

use kellion_build::Language;
use serde_json::json;

use super::exit::{Failure, Kind};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The agent's name, and that of its new folder.
    name: String,
    /// What to write it in: rust, python, typescript, go or c.
    #[arg(long, value_name = "LANGUAGE")]
    lang: Language,
}

pub(super) fn run(args: &Args, json: bool) -> Result<(), Failure> {
    let Args { name, lang } = args;
    let files = kellion_build::create(Path::new(""), name, *lang).map_err(|error| {
        let failure = Failure::of(&error);
        match error {
            kellion_build::Error::Exists(_) => failure.of_kind(Kind::Conflict),
            _ => failure,
        }
    })?;
    if json {
        let files: Vec<&PathBuf> = files.iter().collect();
        super::say(json!({ "name": name, "language": lang.name(), "files": files }));
        return Ok(());
    }
    for file in &files {
        super::say(file.display());
    }
    super::tell(format_args!(
        "\nGo on with:\n  cd {name}\n  kellion dev       # builds it, serves it, and lets you talk to it"
    ));
    Ok(())
}
