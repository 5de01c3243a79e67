//! Where this server differs from the service models, and why. Nothing else does.

use crate::agents::Reference;
use crate::ids::SessionId;

/// What is asked of a text instead of the model's pattern and values. Its length is the model's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Instead {
    /// That artifacts can be named by it.
    Reference,
    /// Nothing.
    Anything,
    /// That sessions can be named by it; an empty header is as none.
    Session,
}

/// The shapes of the models that mean something else here.
const DIFFERENCES: [(&str, Instead, &str); 3] = [
    (
        "RuntimeContainerUri",
        Instead::Reference,
        "an agent comes from this server's own store or from any registry, not from Amazon's alone",
    ),
    (
        "AgentManagedRuntimeType",
        Instead::Anything,
        "what runs is a component, whatever its source was written in, and new names come with every client",
    ),
    (
        "SessionType",
        Instead::Session,
        "the model's own answers have this grammar, without which no answer could name the session; \
         an empty id leaves the choice to the server",
    ),
];

impl Instead {
    /// What holds for this shape, if it is not what the model says.
    pub(super) fn of(shape: &str) -> Option<Self> {
        let mut differences = DIFFERENCES.iter();
        let found = differences.find(|(name, _, _reason)| *name == shape);
        found.map(|(_, instead, _)| *instead)
    }

    /// What a text that does not satisfy it has to satisfy.
    pub(super) fn complaint(self, text: &str) -> Option<String> {
        match self {
            Self::Anything => None,
            Self::Reference => {
                let refusal = text.parse::<Reference>().err()?;
                Some(format!("Member must name an artifact: {refusal}"))
            }
            Self::Session => {
                let refusal = text.parse::<SessionId>().err()?;
                Some(format!("Member must name a session: {}", refusal.rule))
            }
        }
    }

    /// Whether an empty text is as none.
    pub(super) fn empty_is_none(self) -> bool {
        self == Self::Session
    }
}

#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    DIFFERENCES.iter().map(|(name, _, _)| *name)
}
