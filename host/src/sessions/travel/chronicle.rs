//! What is recorded of a session, for who wants to read it.

use serde::ser::Error as _;
use serde::{Serialize, Serializer};

use crate::ids::{AgentId, Digest, SessionId, SessionKey, TenantId, Version};
use crate::journal::{Damage, Durability, Incarnation, Record, Seq, Sequenced, State, Transcript};

/// One life of a session as it was recorded.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Chronicle {
    /// Who owns it.
    pub tenant: TenantId,
    /// Whose session it is.
    pub agent: AgentId,
    /// The caller's name for it.
    pub session: SessionId,
    /// Which of its lives.
    pub incarnation: Incarnation,
    /// Where that stands.
    pub state: State,
    /// What its records survive.
    pub durability: Durability,
    /// The version that it runs on; none when its start cannot be read.
    pub version: Option<Version>,
    /// The component of that version; none likewise.
    pub artifact: Option<Digest>,
    /// The first record that is kept behind the start, when those between are not kept any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trimmed: Option<Seq>,
    /// Where its records are not as they were written; those before are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub damage: Option<Damage>,
    /// In order.
    pub records: Vec<Line>,
}

impl Chronicle {
    /// `secret` says whether the seed is left out.
    pub(super) fn new(key: &SessionKey, transcript: Transcript, secret: bool) -> Self {
        let started = match transcript.records.first().map(|first| &first.record) {
            Some(Record::Started(started)) => Some(started),
            _ => None,
        };
        Self {
            tenant: key.agent.tenant.clone(),
            agent: key.agent.agent.clone(),
            session: key.session.clone(),
            incarnation: transcript.incarnation,
            state: transcript.state,
            durability: transcript.durability,
            version: started.map(|started| started.version),
            artifact: started.map(|started| started.artifact.clone()),
            trimmed: transcript.trimmed,
            damage: transcript.damage,
            records: Vec::from_iter(
                transcript
                    .records
                    .into_iter()
                    .map(|record| Line { record, secret }),
            ),
        }
    }
}

/// A record and its place. In JSON one object, with the members that are stored, and `seq`.
#[derive(Debug)]
pub struct Line {
    record: Sequenced<Record>,
    /// Whether the seed is left out.
    secret: bool,
}

impl Serialize for Line {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Whole<'a> {
            seq: Seq,
            #[serde(flatten)]
            record: &'a Record,
        }
        let Sequenced { seq, record } = &self.record;
        let whole = Whole { seq: *seq, record };
        if !self.secret || !matches!(record, Record::Started(_)) {
            return whole.serialize(serializer);
        }
        let mut without = serde_json::to_value(&whole).map_err(S::Error::custom)?;
        if let Some(members) = without.as_object_mut() {
            members.remove("seed");
        }
        without.serialize(serializer)
    }
}
