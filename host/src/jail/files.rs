//! Which files a process may open, and whom it may reach: landlock.

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd,
    Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};

use super::{Error, Files, Places};

/// All that is asked of the kernel came with this: rights on files and devices, TCP, signals and abstract sockets. Linux 6.12
/// has it.
const KNOWN: ABI = ABI::V6;

/// Which of its TCP ports a process may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Network {
    /// None.
    None,
    /// All.
    Any,
}

/// Confines this thread, those that it starts, and their children: to some files, and to signals and abstract sockets among
/// themselves. For good, also when programs are run that would get more rights.
pub(super) fn confine(places: &Places, network: Network) -> Result<Files, Error> {
    let status = rules(places, network)
        .and_then(RulesetCreated::restrict_self)
        .map_err(|error| Error::Refused {
            action: "confine this process to its files",
            source: Box::new(error),
        })?;
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => Files::Full,
        RulesetStatus::PartiallyEnforced => Files::Partial,
        RulesetStatus::NotEnforced => Files::None,
    })
}

fn rules(places: &Places, network: Network) -> Result<RulesetCreated, RulesetError> {
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(KNOWN))?
        .scope(Scope::from_all(KNOWN))?;
    if network == Network::None {
        ruleset = ruleset.handle_access(AccessNet::from_all(KNOWN))?;
    }
    let run = AccessFs::from_read(KNOWN);
    let read = run & !BitFlags::from(AccessFs::Execute);
    let all = AccessFs::from_all(KNOWN);
    let write = all & !BitFlags::from(AccessFs::Execute);
    let mut created = ruleset.create()?;
    for (paths, access) in [
        (&places.read, read),
        (&places.run, run),
        (&places.write, write),
        (&places.own, all),
    ] {
        for path in paths {
            created = add(created, path, access)?;
        }
    }
    Ok(created)
}

fn add(
    ruleset: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, RulesetError> {
    // What is not there, or not for this user, need not be opened.
    let Ok(place) = PathFd::new(path) else {
        return Ok(ruleset);
    };
    let access = if path.is_dir() {
        access
    } else {
        access & AccessFs::from_file(KNOWN)
    };
    ruleset.add_rule(PathBeneath::new(place, access))
}
