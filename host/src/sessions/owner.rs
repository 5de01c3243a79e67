//! Whose a session is.

use sha2::{Digest as _, Sha256};

use crate::ids::{InvocationId, UserId};
use crate::journal::Started;

/// Who called, and on whose behalf: a session belongs to the first who did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Owner {
    /// The name of the caller; none where callers have no names.
    pub principal: Option<String>,
    /// On whose behalf, when the caller said.
    pub user: Option<UserId>,
}

impl Owner {
    /// Whether this owner's session takes turns of that caller. A session that was opened without names is everybody's of
    /// its tenant, and one that was opened for no user in particular is open for all of its principal's.
    pub fn admits(&self, caller: &Owner) -> bool {
        let principal = self.principal.is_none() || self.principal == caller.principal;
        principal && (self.user.is_none() || self.user == caller.user)
    }

    /// Who began this session.
    pub(super) fn of(started: &Started) -> Self {
        Self {
            principal: started.principal.clone(),
            user: started.user.clone(),
        }
    }

    /// What names a call among those of all callers. Whoever guesses another's invocation id shall not be told its answer.
    pub(super) fn scope(&self, call: InvocationId) -> InvocationId {
        if *self == Self::default() {
            return call;
        }
        let mut hash = Sha256::new();
        for part in [
            self.principal.as_deref(),
            self.user.as_ref().map(UserId::as_str),
            Some(call.as_str()),
        ] {
            let part = part.unwrap_or_default();
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let scoped: String = hash
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        scoped.parse().expect("64 hexadecimal digits are an id")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(principal: Option<&str>, user: Option<&str>) -> Owner {
        Owner {
            principal: principal.map(str::to_owned),
            user: user.map(|user| user.parse().unwrap()),
        }
    }

    #[test]
    fn a_session_takes_turns_of_its_own_caller_and_user() {
        let opened = owner(Some("user/ada"), Some("7"));
        assert!(opened.admits(&opened));
        for other in [
            owner(Some("user/ada"), None),
            owner(Some("user/ada"), Some("8")),
            owner(Some("user/bob"), Some("7")),
            Owner::default(),
        ] {
            assert!(!opened.admits(&other), "{other:?}");
        }
        assert!(owner(Some("user/ada"), None).admits(&opened));
        assert!(Owner::default().admits(&opened));
    }

    #[test]
    fn calls_of_different_callers_are_different_calls() {
        let call: InvocationId = "one".parse().unwrap();
        let owners = [
            Owner::default(),
            owner(Some("user/ada"), None),
            owner(None, Some("user/ada")),
            owner(Some("user/ad"), Some("a")),
        ];
        let scoped: std::collections::HashSet<_> = owners
            .iter()
            .map(|owner| owner.scope(call.clone()))
            .collect();
        assert_eq!(scoped.len(), owners.len());
        assert_eq!(owners[0].scope(call.clone()), call);
    }
}
