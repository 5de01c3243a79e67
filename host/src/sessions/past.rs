//! What the journal knows of a session, read as what it means: turns that are over, and one that a crash left open.

use super::invocation::TurnError;
use super::log::Entry;
use super::state::EndReason;
use super::turn::{ModelUse, Outcome, Receipt};
use crate::agents::Lifecycle;
use crate::clock::Timestamp;
use crate::ids::InvocationId;
use crate::journal::{
    self, History, Observed, Record, Sequenced, Started, TurnAccepted, TurnFinished,
};
use crate::sandbox::Limit;

/// A session's life so far.
#[derive(Debug)]
pub(super) struct Past {
    pub(super) started: Started,
    /// The last turn that is not among these, and when it was over: an image stands for it and all before.
    before: Option<(u64, Timestamp)>,
    /// In order.
    pub(super) turns: Vec<PastTurn>,
    /// Accepted and not finished: its server died, or could not write.
    pub(super) open: Option<OpenTurn>,
}

/// A turn that is over.
#[derive(Debug)]
pub(super) struct PastTurn {
    pub(super) accepted: TurnAccepted,
    pub(super) observed: Vec<Observed>,
    pub(super) finished: TurnFinished,
}

/// A turn that is not.
#[derive(Debug)]
pub(super) struct OpenTurn {
    pub(super) accepted: TurnAccepted,
    pub(super) observed: Vec<Observed>,
}

impl Past {
    /// Reads the records of an incarnation that has not ended, from its start or from an image on; or says which makes no
    /// sense.
    pub(super) fn read(records: Vec<Sequenced<Record>>) -> Result<Self, journal::Damage> {
        let mut past: Option<Past> = None;
        for Sequenced { seq, record } in records {
            let fits = match (record, &mut past) {
                (Record::Started(started), none @ None) => {
                    *none = Some(Past {
                        started,
                        before: None,
                        turns: Vec::new(),
                        open: None,
                    });
                    true
                }
                (Record::TurnAccepted(accepted), Some(past)) if past.open.is_none() => {
                    past.open = Some(OpenTurn {
                        accepted: *accepted,
                        observed: Vec::new(),
                    });
                    true
                }
                (
                    Record::Observed(observed),
                    Some(Past {
                        open: Some(open), ..
                    }),
                ) => {
                    let fits = observed.turn == open.accepted.turn;
                    open.observed.push(*observed);
                    fits
                }
                (Record::TurnFinished(finished), Some(past)) => match past.open.take() {
                    Some(open) if open.accepted.turn == finished.turn => {
                        past.turns.push(PastTurn {
                            accepted: open.accepted,
                            observed: open.observed,
                            finished: *finished,
                        });
                        true
                    }
                    _ => false,
                },
                (Record::Turn(turn), Some(past)) if past.open.is_none() => {
                    past.turns.push(PastTurn {
                        accepted: turn.accepted,
                        observed: Vec::new(),
                        finished: turn.finished,
                    });
                    true
                }
                // It says nothing that the turns before it do not say.
                (Record::Image(_), Some(past)) => past.open.is_none(),
                _ => false,
            };
            if !fits {
                let why = "it does not fit what stands before it".to_owned();
                return Err(journal::Damage { seq, why });
            }
        }
        past.ok_or_else(|| journal::Damage {
            seq: journal::Seq::FIRST,
            why: "there is no record at all".to_owned(),
        })
    }

    /// The same of what was loaded, which keeps its writer and its image.
    pub(super) fn take(history: &mut History) -> Result<Self, journal::Damage> {
        let mut past = Self::read(std::mem::take(&mut history.records))?;
        past.before = history.image.as_ref().map(|image| (image.turn, image.at));
        Ok(past)
    }

    /// Turns taken on and over.
    pub(super) fn turns_over(&self) -> u64 {
        let before = self.before.map_or(0, |(turn, _)| turn);
        self.turns.last().map_or(before, |turn| turn.finished.turn)
    }

    /// When it last did something; a fork, not before it was made.
    pub(super) fn active(&self) -> Timestamp {
        let open = self.open.as_ref().map(|open| open.accepted.at);
        let last = self.turns.last().map(|turn| turn.finished.at);
        let before = self.before.map(|(_, at)| at);
        let from = self.started.lives_from();
        let active = open.or(last).or(before);
        active.map_or(from, |at| at.max(from))
    }

    /// Whether it is a fork of which a crash cut the copying, so that nobody was ever told of it.
    fn is_cut_copy(&self) -> bool {
        let forked = self.started.forked.as_ref();
        forked.is_some_and(|forked| self.turns_over() < forked.turn)
    }

    /// Why the session is over by now, though nobody was there to see it. One with an open turn was never idle.
    pub(super) fn expired(&self, lifecycle: &Lifecycle, now: Timestamp) -> Option<EndReason> {
        if self.is_cut_copy() {
            Some(EndReason::Broken)
        } else if now >= self.started.lives_from() + lifecycle.max_lifetime {
            Some(EndReason::Lifetime)
        } else if self.open.is_none() && now >= self.active() + lifecycle.idle_timeout {
            Some(EndReason::Idle)
        } else {
            None
        }
    }

    /// What the turns cost.
    pub(super) fn receipts(&self) -> impl Iterator<Item = Receipt> {
        self.turns.iter().map(PastTurn::receipt)
    }

    /// What was logged in the turns.
    pub(super) fn log(&self) -> impl Iterator<Item = Entry> {
        self.turns.iter().flat_map(PastTurn::log)
    }
}

impl PastTurn {
    /// Whether it left its mark on the session: one that faulted or was given up is undone.
    pub(super) fn counts(&self) -> bool {
        match self.finished.outcome {
            journal::Outcome::Answered { .. } | journal::Outcome::AgentError { .. } => true,
            journal::Outcome::Faulted { .. } | journal::Outcome::Abandoned { .. } => false,
        }
    }

    /// Whether it ended in a trap or at a limit, which a replay can do, too.
    pub(super) fn broke(&self) -> bool {
        matches!(self.finished.outcome, journal::Outcome::Faulted { .. })
    }

    fn receipt(&self) -> Receipt {
        let (outcome, output_bytes) = match &self.finished.outcome {
            journal::Outcome::Answered { output, .. } => (Outcome::Answered, output.0.len()),
            journal::Outcome::AgentError { sent, .. } => {
                let sent = sent.as_ref().map_or(0, |sent| sent.output.0.len());
                (Outcome::AgentError, sent)
            }
            journal::Outcome::Faulted { .. } => (Outcome::Faulted, 0),
            journal::Outcome::Abandoned { .. } => (Outcome::Abandoned, 0),
        };
        Receipt {
            request: self.accepted.request.clone(),
            turn: self.accepted.turn,
            at: self.accepted.at,
            outcome,
            duration_us: self.finished.duration_us,
            cpu_us: self.finished.cpu_us,
            memory_bytes: self.finished.memory_bytes,
            limit: self.finished.limit.as_deref().and_then(Limit::parse),
            models: self.finished.models.into(),
            output_bytes: output_bytes as u64,
        }
    }

    fn log(&self) -> impl Iterator<Item = Entry> {
        self.finished.log.iter().map(|logged| Entry {
            at: logged.at,
            request: Some(self.accepted.request.clone()),
            level: logged.level,
            message: logged.message.clone(),
        })
    }
}

impl OpenTurn {
    /// Whether this is the turn of that call.
    pub(super) fn is(&self, call: Option<&InvocationId>) -> bool {
        call.is_some() && self.accepted.invocation.as_ref() == call
    }
}

impl From<journal::ModelUse> for ModelUse {
    fn from(used: journal::ModelUse) -> Self {
        Self {
            calls: used.calls,
            input_tokens: used.input_tokens,
            output_tokens: used.output_tokens,
        }
    }
}

impl From<ModelUse> for journal::ModelUse {
    fn from(used: ModelUse) -> Self {
        Self {
            calls: used.calls,
            input_tokens: used.input_tokens,
            output_tokens: used.output_tokens,
        }
    }
}

/// What the caller of a turn that is over is told.
pub(super) fn failure(outcome: &journal::Outcome) -> Option<TurnError> {
    match outcome {
        journal::Outcome::Answered { .. } => None,
        journal::Outcome::AgentError {
            invalid_payload: true,
            message,
            ..
        } => Some(TurnError::InvalidPayload(message.clone())),
        journal::Outcome::AgentError { message, .. } => Some(TurnError::Failed(message.clone())),
        journal::Outcome::Faulted { message } => Some(TurnError::Broke {
            message: message.clone(),
            timed_out: false,
        }),
        journal::Outcome::Abandoned { message, timed_out } => Some(TurnError::Broke {
            message: message.clone(),
            timed_out: *timed_out,
        }),
    }
}
