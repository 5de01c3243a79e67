//! `kellion sign FILE --key KEY`.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::exit::Failure;
use crate::ids::Digest;
use crate::signatures::SigningKey;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The component, a .wasm file.
    file: PathBuf,
    /// The author's private Ed25519 key, as PEM; `openssl genpkey -algorithm ed25519 -out author.pem` makes one.
    #[arg(long)]
    key: PathBuf,
    /// Where the signed component is written. In place by default.
    #[arg(long, short)]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &Args, json: bool) -> Result<(), Failure> {
    let unreadable = |path: &Path, error: &std::io::Error| {
        Failure::new(format!("cannot read {}", path.display())).because(error)
    };
    let pem = std::fs::read_to_string(&args.key).map_err(|error| unreadable(&args.key, &error))?;
    let key = SigningKey::from_pem(&pem)
        .map_err(|error| Failure::new(args.key.display().to_string()).because(&error))?;
    let component = std::fs::read(&args.file).map_err(|error| unreadable(&args.file, &error))?;
    let signed = key
        .sign(&component)
        .ok_or_else(|| Failure::new(format!("{} is no component", args.file.display())))?;
    let output = args.output.as_ref().unwrap_or(&args.file);
    std::fs::write(output, &signed).map_err(|error| {
        Failure::new(format!("cannot write {}", output.display())).because(&error)
    })?;
    let (digest, public) = (Digest::of(&signed), key.public());
    if json {
        super::say(json!({ "digest": digest, "key": public }));
    } else {
        super::say(format_args!(
            "{} is sha256:{digest}, signed; who trusts the key has in the tenant's policy\n\nsigned_by = [\"{public}\"]",
            output.display()
        ));
    }
    Ok(())
}
