//! Who waits for a turn, in a line for each tenant.

use std::collections::{HashMap, VecDeque};

use crate::ids::TenantId;

/// Who waits, and whose turn runs.
pub(super) struct Line<T> {
    /// The most turns of one tenant at one time.
    each: usize,
    waiting: HashMap<TenantId, VecDeque<T>>,
    /// Tenants with something waiting, each once, the next first.
    turns: VecDeque<TenantId>,
    running: HashMap<TenantId, usize>,
}

impl<T> Line<T> {
    /// An empty line, in which each tenant has so many turns at one time.
    pub(super) fn new(each: usize) -> Self {
        Self {
            each,
            waiting: HashMap::new(),
            turns: VecDeque::new(),
            running: HashMap::new(),
        }
    }

    /// Comes behind the others of its tenant.
    pub(super) fn join(&mut self, tenant: TenantId, waits: T) {
        let own = self.waiting.entry(tenant.clone()).or_default();
        if own.is_empty() {
            self.turns.push_back(tenant);
        }
        own.push_back(waits);
    }

    /// The next, of the tenant that has waited longest and has a turn left. It runs until it is done.
    pub(super) fn next(&mut self) -> Option<(TenantId, T)> {
        let may = |tenant: &TenantId| {
            let running = self.running.get(tenant).copied();
            running.unwrap_or_default() < self.each
        };
        let turn = self.turns.iter().position(may)?;
        let tenant = self.turns.remove(turn)?;
        let own = self.waiting.get_mut(&tenant)?;
        let next = own.pop_front()?;
        if own.is_empty() {
            self.waiting.remove(&tenant);
        } else {
            self.turns.push_back(tenant.clone());
        }
        *self.running.entry(tenant.clone()).or_default() += 1;
        Some((tenant, next))
    }

    /// One of the tenant's turns has ended. Its next comes when all others who wait now have had one.
    pub(super) fn done(&mut self, tenant: &TenantId) {
        if let Some(turn) = self.turns.iter().position(|waits| waits == tenant) {
            self.turns.remove(turn);
            self.turns.push_back(tenant.clone());
        }
        let Some(running) = self.running.get_mut(tenant) else {
            return;
        };
        *running -= 1;
        if *running == 0 {
            self.running.remove(tenant);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(number: &str) -> TenantId {
        number.parse().unwrap()
    }

    fn next(line: &mut Line<u32>) -> Option<(String, u32)> {
        let (tenant, waits) = line.next()?;
        Some((tenant.to_string(), waits))
    }

    #[test]
    fn tenants_take_turns_and_have_one_each() {
        let (a, b) = ("111111111111", "222222222222");
        let mut line = Line::new(1);
        for version in 1..=3 {
            line.join(tenant(a), version);
        }
        let turn = |tenant: &str, version| Some((tenant.to_owned(), version));
        assert_eq!(next(&mut line), turn(a, 1));
        assert_eq!(next(&mut line), None, "one a tenant");
        line.join(tenant(b), 1);
        assert_eq!(
            next(&mut line),
            turn(b, 1),
            "not behind the first one's others"
        );
        line.join(tenant(b), 4);
        line.done(&tenant(a));
        line.done(&tenant(b));
        assert_eq!(next(&mut line), turn(a, 2));
        assert_eq!(next(&mut line), turn(b, 4));
        line.done(&tenant(b));
        assert_eq!(next(&mut line), None);
        line.done(&tenant(a));
        assert_eq!(next(&mut line), turn(a, 3));
    }

    #[test]
    fn who_had_a_turn_comes_behind_those_who_had_none() {
        let (a, b) = ("111111111111", "222222222222");
        let mut line = Line::new(1);
        line.join(tenant(a), 1);
        assert!(line.next().is_some());
        line.join(tenant(a), 2);
        line.join(tenant(b), 1);
        line.done(&tenant(a));
        assert_eq!(next(&mut line), Some((b.to_owned(), 1)));
    }

    #[test]
    fn a_tenant_has_as_many_turns_as_the_line_gives_each() {
        let (a, b) = ("111111111111", "222222222222");
        let mut line = Line::new(2);
        for version in 1..=4 {
            line.join(tenant(a), version);
        }
        line.join(tenant(b), 1);
        let turn = |tenant: &str, version| Some((tenant.to_owned(), version));
        assert_eq!(next(&mut line), turn(a, 1));
        assert_eq!(next(&mut line), turn(b, 1), "in turn");
        assert_eq!(next(&mut line), turn(a, 2));
        assert_eq!(next(&mut line), None);
        line.done(&tenant(a));
        assert_eq!(next(&mut line), turn(a, 3));
        assert_eq!(next(&mut line), None);
    }
}
