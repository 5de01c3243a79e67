//! `kellion tenants`: accounts, and what bounds them.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;

use super::exit::Failure;
use super::operator::{Place, failure};
use crate::ids::TenantId;
use crate::tenants::{Policy, Tenant};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a tenant, and print its account number.
    Create {
        /// What to call it.
        name: String,
        /// An account number of your choice, 12 digits. [default: a new one]
        #[arg(long, value_name = "ACCOUNT")]
        id: Option<TenantId>,
        /// What bounds it, a TOML file; what the file leaves out has its default.
        #[arg(long, value_name = "FILE")]
        policy: Option<PathBuf>,
    },
    /// List the tenants.
    Ls,
    /// Show what bounds a tenant, or change it to what a file says.
    Policy {
        /// The tenant's account number.
        account: TenantId,
        /// A TOML file; what it leaves out has its default.
        file: Option<PathBuf>,
    },
    /// Refuse a tenant's keys and tokens from now on.
    Suspend {
        /// The tenant's account number.
        account: TenantId,
    },
    /// Take them again.
    Resume {
        /// The tenant's account number.
        account: TenantId,
    },
}

pub(super) fn run(args: &Args, json: bool) -> Result<(), Failure> {
    let tenants = args.place.tenants()?;
    match &args.command {
        Command::Create { name, id, policy } => {
            let policy = policy.as_deref().map(read).transpose()?.unwrap_or_default();
            let tenant = tenants
                .create(id.clone(), name, policy)
                .map_err(|error| failure(&error))?;
            if json {
                super::say(json!(tenant));
            } else {
                super::say(&tenant.id);
                super::tell(format_args!(
                    "make a key for it with: kellion keys create {}",
                    tenant.id
                ));
            }
        }
        Command::Ls => {
            let all = tenants.list().map_err(|error| failure(&error))?;
            if all.is_empty() && !json {
                super::tell("there are no tenants; make one with: kellion tenants create NAME");
            }
            for tenant in all {
                show(&tenant, json);
            }
        }
        Command::Policy { account, file } => {
            let tenant = match file {
                None => tenants.tenant(account),
                Some(file) => tenants.set_policy(account, read(file)?),
            }
            .map_err(|error| failure(&error))?;
            if json {
                super::say(json!(tenant.policy));
            } else {
                super::say(toml::to_string(&tenant.policy).unwrap_or_default().trim());
            }
        }
        Command::Suspend { account } => {
            let tenant = tenants.suspend(account, true);
            show(&tenant.map_err(|error| failure(&error))?, json);
        }
        Command::Resume { account } => {
            let tenant = tenants.suspend(account, false);
            show(&tenant.map_err(|error| failure(&error))?, json);
        }
    }
    Ok(())
}

fn show(tenant: &Tenant, json: bool) {
    if json {
        super::say(json!(tenant));
        return;
    }
    let state = if tenant.suspended {
        "suspended"
    } else {
        "active"
    };
    super::say(format_args!("{}  {state:<9}  {}", tenant.id, tenant.name));
}

fn read(file: &Path) -> Result<Policy, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::new(format!("cannot read {}", file.display())).because(&error))?;
    toml::from_str(&text).map_err(|error| {
        Failure::new(format!("{} is not a policy", file.display())).because(&error)
    })
}
