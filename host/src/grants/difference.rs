//! What changes from one grant to another, for whoever deploys it.

use std::fmt;

use super::grant::Grant;
use super::terms::Terms;
use super::words::Words;

/// What changes from one grant to another: `+ models anthropic.*`, `- environment DEBUG`, `~ memory_mib 64 -> 128`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference(Vec<String>);

impl Difference {
    /// What is other in the second.
    pub fn between(before: &Grant, after: &Grant) -> Self {
        let (before, after) = (&before.granted, &after.granted);
        let mut lines = Vec::new();
        for ((key, before), (_, after)) in before.lists().iter().zip(&after.lists()) {
            lines.extend(after.difference(before).map(|new| format!("+ {key} {new}")));
            lines.extend(before.difference(after).map(|old| format!("- {key} {old}")));
        }
        for ((key, before), (_, after)) in before.limits().iter().zip(&after.limits()) {
            if before != after {
                lines.push(format!("~ {key} {before} -> {after}"));
            }
        }
        Self(lines)
    }

    /// What the first version of an agent gets, that had nothing before.
    pub fn of_first(grant: &Grant) -> Self {
        let nothing = Grant {
            granted: Terms {
                models: Some(Words::default()),
                environment: Some(Words::default()),
                ..Terms::default()
            },
            ..Grant::default()
        };
        Self::between(&nothing, grant)
    }

    /// One line for each change.
    pub fn lines(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}
