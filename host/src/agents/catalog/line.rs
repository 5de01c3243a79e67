//! Versions that wait to be built, in a line for each tenant.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::ids::{AgentKey, TenantId, Version};

/// Who waits, and whose build runs.
#[derive(Default)]
pub(super) struct Line {
    waiting: HashMap<TenantId, VecDeque<(AgentKey, Version)>>,
    /// Tenants with something waiting, each once, the next first.
    turns: VecDeque<TenantId>,
    running: HashSet<TenantId>,
}

impl Line {
    /// A version comes behind the others of its tenant.
    pub(super) fn join(&mut self, key: AgentKey, version: Version) {
        let tenant = key.tenant.clone();
        let own = self.waiting.entry(tenant.clone()).or_default();
        if own.is_empty() {
            self.turns.push_back(tenant);
        }
        own.push_back((key, version));
    }

    /// The next to build, of the tenant that has waited longest and has no build running. Its build runs until it is done.
    pub(super) fn next(&mut self) -> Option<(AgentKey, Version)> {
        let idle = |tenant: &TenantId| !self.running.contains(tenant);
        let turn = self.turns.iter().position(idle)?;
        let tenant = self.turns.remove(turn)?;
        let own = self.waiting.get_mut(&tenant)?;
        let next = own.pop_front()?;
        if own.is_empty() {
            self.waiting.remove(&tenant);
        } else {
            self.turns.push_back(tenant.clone());
        }
        self.running.insert(tenant);
        Some(next)
    }

    /// The tenant's build has ended.
    pub(super) fn done(&mut self, tenant: &TenantId) {
        self.running.remove(tenant);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(tenant: &str) -> AgentKey {
        serde_json::from_value(serde_json::json!({
            "tenant": tenant,
            "agent": "agent-0123456789",
        }))
        .unwrap()
    }

    fn next(line: &mut Line) -> Option<(String, u32)> {
        let (key, version) = line.next()?;
        Some((key.tenant.to_string(), version.number()))
    }

    #[test]
    fn tenants_take_turns_and_have_one_build_each() {
        let (a, b) = ("111111111111", "222222222222");
        let mut line = Line::default();
        let mut version = Version::FIRST;
        for _ in 0..3 {
            line.join(key(a), version);
            version = version.next().unwrap();
        }
        let turn = |tenant: &str, version| Some((tenant.to_owned(), version));
        assert_eq!(next(&mut line), turn(a, 1));
        assert_eq!(next(&mut line), None, "one build a tenant");
        line.join(key(b), Version::FIRST);
        assert_eq!(
            next(&mut line),
            turn(b, 1),
            "not behind the first one's others"
        );
        line.join(key(b), version);
        line.done(&key(a).tenant);
        line.done(&key(b).tenant);
        assert_eq!(next(&mut line), turn(a, 2));
        assert_eq!(next(&mut line), turn(b, 4));
        line.done(&key(b).tenant);
        assert_eq!(next(&mut line), None);
        line.done(&key(a).tenant);
        assert_eq!(next(&mut line), turn(a, 3));
    }
}
