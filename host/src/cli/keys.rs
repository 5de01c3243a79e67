//! `kellion keys`: what tenants sign their requests with.

use clap::Subcommand;
use serde_json::json;

use super::exit::Failure;
use super::operator::{Place, failure};
use crate::ids::{AccessKeyId, TenantId, UserName};
use crate::tenants::{Key, Permission, Permissions};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a key, and print it with its secret, which is shown this once.
    Create {
        /// The tenant's account number.
        account: TenantId,
        /// Who will hold it: sessions belong to the user who opened them, whichever key was used.
        #[arg(long, default_value = "admin", value_name = "NAME")]
        user: UserName,
        /// What it allows: invoke, invoke-for-user (name users in a header) and manage (everything else).
        #[arg(
            long,
            value_name = "PERMISSIONS",
            value_delimiter = ',',
            default_value = "invoke,invoke-for-user,manage"
        )]
        allow: Vec<Permission>,
    },
    /// List the keys, of one tenant or of all.
    Ls {
        /// The tenant's account number.
        account: Option<TenantId>,
    },
    /// Refuse a key for ever.
    Revoke {
        /// Its id.
        key: AccessKeyId,
    },
}

pub(super) fn run(args: &Args, json: bool) -> Result<(), Failure> {
    let tenants = args.place.tenants()?;
    match &args.command {
        Command::Create {
            account,
            user,
            allow,
        } => {
            let permissions = allow.iter().copied().collect::<Permissions>();
            let made = tenants
                .create_key(account, user.clone(), permissions)
                .map_err(|error| failure(&error))?;
            if json {
                let mut shown = json!(made.key);
                shown["secret"] = json!(made.secret);
                super::say(shown);
            } else {
                super::say(format_args!(
                    "export AWS_ACCESS_KEY_ID={}\nexport AWS_SECRET_ACCESS_KEY={}",
                    made.key.id, made.secret
                ));
                super::tell("the secret is not shown again");
            }
        }
        Command::Ls { account } => {
            let keys = tenants.keys().map_err(|error| failure(&error))?;
            let wanted = |key: &&Key| {
                account
                    .as_ref()
                    .is_none_or(|account| key.tenant == *account)
            };
            for key in keys.iter().filter(wanted) {
                show(key, json);
            }
        }
        Command::Revoke { key } => {
            tenants.revoke(key).map_err(|error| failure(&error))?;
            super::tell(format_args!("{key} is refused from now on"));
        }
    }
    Ok(())
}

fn show(key: &Key, json: bool) {
    if json {
        super::say(json!(key));
        return;
    }
    let allowed: Vec<&str> = Vec::from(key.permissions)
        .into_iter()
        .map(Permission::as_str)
        .collect();
    let state = match key.revoked {
        None => "good".to_owned(),
        Some(at) => format!("revoked {at}"),
    };
    super::say(format_args!(
        "{}  {}  {:<16}  {}  {state}",
        key.id,
        key.tenant,
        key.user,
        allowed.join(",")
    ));
}
