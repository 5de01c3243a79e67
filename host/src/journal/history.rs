//! What is read back, and whether it is what was written.

use std::collections::HashMap;

use bytes::Bytes;

use super::chain::{self, GENESIS, Hash};
use super::codec;
use super::head::{Head, Mark};
use super::store::{Found, Indexed, Location, Place, Row};
use super::{
    Damage, Durability, Error, Imaged, Incarnation, ModelUse, Record, Seq, Started, State,
    TurnAccepted, TurnFinished, Writer,
};
use crate::clock::Timestamp;
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
#[derive(Debug, Default)]
pub struct Loaded {
    /// The open incarnation, if there is one.
    pub live: Option<History>,
    /// Finished turns by their invocation ids, of all incarnations still kept; [`Journal::answer`] reads one.
    ///
    /// [`Journal::answer`]: super::Journal::answer
    pub answered: HashMap<InvocationId, Location>,
}

/// A session that was asked for if it is not too much.
#[derive(Debug)]
pub enum Weighed {
    /// It is not.
    Light(Box<Loaded>),
    /// Its records since its image, with the image, take so many bytes.
    Heavy(u64),
}

/// The records from which an open incarnation is brought back, and the way to go on.
#[derive(Debug)]
pub struct History {
    /// How it began.
    pub started: Sequenced<Started>,
    /// The newest image of its memory, when it is given instead of the records before it.
    pub image: Option<Kept>,
    /// In order; the first is [`Record::Started`], none is [`Record::Ended`]. With an image only those behind its own follow;
    /// without, all, and [`Record::Image`] among them says nothing to a replay.
    pub records: Vec<Sequenced<Record>>,
    /// Turns taken on since the start.
    pub turns: u64,
    /// What all turns finished since the start used of models.
    pub models: ModelUse,
    /// The linear memory after the last finished turn, in bytes; 0 before the first.
    pub memory_bytes: u64,
    /// Positioned at the end.
    pub writer: Writer,
}

/// An image as [`Writer::keep_image`] kept it, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The place of its record.
    pub seq: Seq,
    /// The last turn that it contains; 0 before the first.
    pub turn: u64,
    /// When it was taken.
    pub at: Timestamp,
    /// Which compiled program and engine can restore it.
    pub program: String,
    /// The memory.
    pub bytes: Bytes,
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
    /// The first record that is kept after the start, when those between were trimmed.
    pub trimmed: Option<Seq>,
    /// What all its turns come to, those that were trimmed among them; none when its row makes no sense.
    pub totals: Option<Sums>,
    /// The intact records, from the start.
    pub records: Vec<Sequenced<Record>>,
    /// Why there are no more, when there should be.
    pub damage: Option<Damage>,
}

/// What the turns of an incarnation come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sums {
    /// When it last did something.
    pub active: Timestamp,
    /// Turns taken on.
    pub turns: u64,
    /// What they used of models.
    pub models: ModelUse,
    /// The linear memory after the last finished turn, in bytes.
    pub memory_bytes: u64,
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

/// Checks the rows of an incarnation: every record, and that none is missing at the end. `since_image` when they are those
/// from the image on, with the first.
pub(super) fn verify(head: &Head, rows: &[Row], since_image: bool) -> Verified {
    let mut records = Vec::with_capacity(rows.len());
    let mut before = GENESIS;
    let mut seq = Seq::FIRST.0;
    for row in rows {
        match checked(head, &before, row, seq) {
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
        (seq, before) = match (seq == Seq::FIRST.0, head.image, head.trimmed) {
            (true, Some(image), _) if since_image => (image.seq, image.before),
            (true, _, Some(trimmed)) => (trimmed.seq + 1, trimmed.link),
            _ => (seq + 1, row.link),
        };
    }
    let stopped = shape(head, &records, seq - 1, &before).map(Stopped::Damage);
    Verified { records, stopped }
}

fn checked(head: &Head, before: &Hash, row: &Row, seq: i64) -> Result<Record, Stopped> {
    let damage = |why| Stopped::Damage(Damage { seq: Seq(seq), why });
    let text = intact(head, before, row, seq).map_err(damage)?;
    if seq == Seq::FIRST.0 && row.link != head.start {
        return Err(damage("it is not the start that was written".to_owned()));
    }
    codec::decode(&head.key, Seq(seq), row.format, text).map_err(Stopped::Unknown)
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
fn shape(head: &Head, records: &[Sequenced<Record>], last: i64, link: &Hash) -> Option<Damage> {
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
    let (before, row) = match (rows, head.trimmed) {
        ([row], _) if seq == Seq::FIRST => (GENESIS, row),
        ([row], Some(trimmed)) if trimmed.seq == seq.0 - 1 => (trimmed.link, row),
        ([before, row], _) if before.seq == seq.0 - 1 => (before.link, row),
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

/// How an incarnation began.
pub(super) fn started(records: &[Sequenced<Record>]) -> Option<Sequenced<Started>> {
    match records.first() {
        Some(Sequenced {
            seq,
            record: Record::Started(started),
        }) => Some(Sequenced {
            seq: *seq,
            record: started.clone(),
        }),
        _ => None,
    }
}

/// Takes the record of the image from those that [`verify`] gave from there on.
pub(super) fn take_image(
    mark: &Mark,
    records: &mut Vec<Sequenced<Record>>,
) -> Result<Imaged, Damage> {
    let fits = |imaged: &Imaged| {
        i64::try_from(imaged.turn) == Ok(mark.turn)
            && i64::try_from(imaged.bytes) == Ok(mark.bytes)
            && imaged.state == chain::name(&mark.file)
    };
    match records.get(1).map(|second| &second.record) {
        Some(Record::Image(imaged)) if fits(imaged) => {
            let imaged = imaged.clone();
            records.remove(1);
            Ok(imaged)
        }
        _ => Err(Damage {
            seq: Seq(mark.seq),
            why: "it is not the image that was kept".to_owned(),
        }),
    }
}

/// Compares the index of answers with the records, those before the first of them with their sum: a lost entry would let a
/// turn run twice.
pub(super) fn misindexed(
    place: Place,
    head: &Head,
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
            Record::Turn(turn) => {
                let location = Location {
                    incarnation: place.incarnation,
                    turn: turn.finished.turn,
                    accepted: *seq,
                    finished: *seq,
                };
                let invocation = turn.accepted.invocation.as_ref();
                expected.extend(invocation.map(|invocation| (invocation.as_str(), location)));
            }
            Record::Started(_) | Record::Observed(_) | Record::Image(_) | Record::Ended(_) => {}
        }
    }
    let own = || answers.iter().filter(|answer| answer.place == place);
    let mut sum = [0; 32];
    own().for_each(|answer| chain::toggle(&mut sum, &chain::answer(answer)));
    // The start is no turn's, so the records behind it say where they begin.
    let from = records.get(1).map_or(Seq(i64::MAX), |first| first.seq);
    let mut found: Vec<_> = own()
        .filter(|answer| answer.location.accepted >= from)
        .map(|answer| (answer.invocation.as_str(), answer.location))
        .collect();
    expected.sort_by_key(|(_, location)| location.turn);
    found.sort_by_key(|(_, location)| location.turn);
    (expected != found || sum != head.answers).then(|| Damage {
        seq: Seq::FIRST,
        why: "the index of its answers does not fit its records".to_owned(),
    })
}
