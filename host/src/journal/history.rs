//! What is read back, and whether it is what was written.

use std::collections::HashMap;

use super::chain::{self, GENESIS, Hash};
use super::store::{Found, Head, Indexed, Location, Place, Row};
use super::{Damage, Error, Incarnation, Record, Seq, State, TurnAccepted, TurnFinished, Writer};
use super::{Durability, codec};
use crate::ids::{InvocationId, SessionKey};

/// A record and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Sequenced<T> {
    /// Its place in the incarnation.
    pub seq: Seq,
    /// The record.
    pub record: T,
}

/// What is known of a session.
#[derive(Debug)]
pub struct Loaded {
    /// The open incarnation, if there is one.
    pub live: Option<History>,
    /// Finished turns by their invocation ids, of all incarnations still kept; [`Journal::answer`] reads one.
    ///
    /// [`Journal::answer`]: super::Journal::answer
    pub answered: HashMap<InvocationId, Location>,
}

/// All records of an open incarnation, and the way to go on.
#[derive(Debug)]
pub struct History {
    /// In order; the first is [`Record::Started`], none is [`Record::Ended`].
    pub records: Vec<Sequenced<Record>>,
    /// Positioned at the end.
    pub writer: Writer,
}

/// A finished turn: who asked, and what the answer was.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// How it began.
    pub accepted: TurnAccepted,
    /// How it ended.
    pub finished: TurnFinished,
}

/// An incarnation for reading, as far as it can be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Transcript {
    /// Which one.
    pub incarnation: Incarnation,
    /// Where it stands.
    pub state: State,
    /// What its records survive.
    pub durability: Durability,
    /// The intact records from the start.
    pub records: Vec<Sequenced<Record>>,
    /// Why there are no more, when there should be.
    pub damage: Option<Damage>,
}

/// The records of an incarnation that are as they were written, and where that ends.
pub(super) struct Verified {
    pub(super) records: Vec<Sequenced<Record>>,
    pub(super) stopped: Option<Stopped>,
}

/// Why no more records could be read.
pub(super) enum Stopped {
    Damage(Damage),
    /// A format or kind of another version of this program.
    Unknown(Error),
}

/// Checks a whole incarnation: every record, and that none is missing at the end.
pub(super) fn verify(head: &Head, rows: &[Row]) -> Verified {
    let mut records = Vec::with_capacity(rows.len());
    let mut before = GENESIS;
    for (row, seq) in rows.iter().zip(1..) {
        let record = intact(head, &before, row, seq)
            .map_err(|why| Stopped::Damage(Damage { seq: Seq(seq), why }))
            .and_then(|text| {
                codec::decode(&head.key, Seq(seq), row.format, text).map_err(Stopped::Unknown)
            });
        match record {
            Ok(record) => records.push(Sequenced {
                seq: Seq(seq),
                record,
            }),
            Err(stopped) => {
                return Verified {
                    records,
                    stopped: Some(stopped),
                };
            }
        }
        before = row.link;
    }
    let stopped = shape(head, &records, &before).map(Stopped::Damage);
    Verified { records, stopped }
}

/// The text of a row that stands where it should and says what it said.
fn intact<'a>(head: &Head, before: &Hash, row: &'a Row, seq: i64) -> Result<&'a [u8], String> {
    if row.seq != seq {
        return Err(format!("it is missing; the next one there is {}", row.seq));
    }
    let text = row.text.as_ref().map_err(Clone::clone)?;
    let digest = chain::digest(text);
    let link = chain::link(
        before,
        &head.key,
        head.incarnation,
        seq,
        row.format,
        &digest,
    );
    if link == row.link {
        Ok(text)
    } else {
        Err("it is not what was written there".to_owned())
    }
}

/// What the records must be like as a whole.
fn shape(head: &Head, records: &[Sequenced<Record>], link: &Hash) -> Option<Damage> {
    let last = i64::try_from(records.len()).unwrap_or(i64::MAX);
    let damage = |seq, why: &str| {
        Some(Damage {
            seq: Seq(seq),
            why: why.to_owned(),
        })
    };
    if last < head.last {
        return damage(last + 1, "it and all after it are missing");
    }
    if last > head.last {
        return damage(head.last + 1, "it stands behind the end");
    }
    if *link != head.link {
        return damage(last, "it is not the end that was written");
    }
    let starts = matches!(
        records.first().map(|first| &first.record),
        Some(Record::Started(_))
    );
    if !starts {
        return damage(1, "it is not the start of a session");
    }
    let ends = matches!(
        records.last().map(|last| &last.record),
        Some(Record::Ended(_))
    );
    let mut odd = ends != (head.state == State::Ended);
    // A damaged incarnation that was given up is over without saying so.
    odd &= head.damage.is_none();
    if odd {
        return damage(last, "it does not fit the session's state");
    }
    None
}

/// Checks one record by its link to the one before it.
pub(super) fn verify_one(head: &Head, rows: &[Row], seq: Seq) -> Result<Record, Stopped> {
    let damage = |why: String| Stopped::Damage(Damage { seq, why });
    let (before, row) = match rows {
        [row] if seq == Seq::FIRST => (GENESIS, row),
        [before, row] if before.seq == seq.0 - 1 => (before.link, row),
        _ => return Err(damage("it or the one before it is missing".to_owned())),
    };
    let text = intact(head, &before, row, seq.0).map_err(damage)?;
    codec::decode(&head.key, seq, row.format, text).map_err(Stopped::Unknown)
}

/// The row of an incarnation that is asked for under this key.
pub(super) fn sealed<'a>(key: &SessionKey, found: &'a Found) -> Result<&'a Head, Damage> {
    match &found.head {
        Some(head) if found.sealed && head.key == *key => Ok(head),
        _ => Err(Damage {
            seq: Seq::FIRST,
            why: "the session's own row is not what was written there".to_owned(),
        }),
    }
}

/// Compares the index of answers with the records: a lost entry would let a turn run twice.
pub(super) fn misindexed(
    place: Place,
    records: &[Sequenced<Record>],
    answers: &[Indexed],
) -> Option<Damage> {
    let mut open = HashMap::new();
    let mut expected = Vec::new();
    for Sequenced { seq, record } in records {
        match record {
            Record::TurnAccepted(accepted) => {
                open.insert(accepted.turn, (*seq, &accepted.invocation));
            }
            Record::TurnFinished(finished) => {
                let turn = finished.turn;
                if let Some((accepted, Some(invocation))) = open.remove(&turn) {
                    let location = Location {
                        incarnation: place.incarnation,
                        turn,
                        accepted,
                        finished: *seq,
                    };
                    expected.push((invocation.as_str(), location));
                }
            }
            Record::Started(_) | Record::Observed(_) | Record::Ended(_) => {}
        }
    }
    let mut found: Vec<_> = answers
        .iter()
        .filter(|answer| answer.place == place)
        .map(|answer| (answer.invocation.as_str(), answer.location))
        .collect();
    expected.sort_by_key(|(_, location)| location.turn);
    found.sort_by_key(|(_, location)| location.turn);
    (expected != found).then(|| Damage {
        seq: Seq::FIRST,
        why: "the index of its answers does not fit its records".to_owned(),
    })
}
