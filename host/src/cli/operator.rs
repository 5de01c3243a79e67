//! What the server's operator does on its data directory, whether a server runs on it or not.

use std::path::PathBuf;
use std::sync::Arc;

use super::exit::{Failure, Kind};
use super::serve;
use crate::clock::SystemClock;
use crate::tenants::{self, Tenants};

/// Whose data directory.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Place {
    /// The server's data directory. [default: kellion in the user's data folder]
    #[arg(long, env = "KELLION_DATA", value_name = "DIR", global = true)]
    data: Option<PathBuf>,
    /// The server's configuration file. [default: ./kellion.toml if it is there]
    #[arg(long, env = "KELLION_CONFIG", value_name = "FILE", global = true)]
    config: Option<PathBuf>,
}

impl Place {
    pub(super) fn tenants(&self) -> Result<Tenants, Failure> {
        let config = serve::config(&serve::Args {
            data: self.data.clone(),
            config: self.config.clone(),
            ..serve::Args::default()
        })?;
        Tenants::open(
            &config.data,
            config.master_key.as_deref(),
            Arc::new(SystemClock),
        )
        .map_err(|error| failure(&error))
    }
}

pub(super) fn failure(error: &tenants::Error) -> Failure {
    let kind = match error {
        tenants::Error::NoTenant(_) | tenants::Error::NoKey(_) => Kind::NotFound,
        tenants::Error::Exists(_) => Kind::Conflict,
        _ => Kind::Failure,
    };
    Failure::of(error).of_kind(kind)
}
