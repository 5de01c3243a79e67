//! What a turn uses, counted while it runs, and what is set aside for its calls.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::turn::ModelUse;
use crate::contract::model::{Delta, Error, Event, Usage};

/// Bytes of a token, by which streams are estimated.
const BYTES: u64 = 4;

/// Counts while the turn runs.
#[derive(Debug, Default)]
pub(super) struct Meter {
    counts: Mutex<Counts>,
    output_bytes: AtomicU64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    /// What was used, by what the provider said; by an estimate, of calls that have not ended or were given up.
    used: ModelUse,
    /// Output tokens that calls under way may still get.
    reserved: u64,
}

impl Counts {
    fn called(&mut self) {
        self.used.calls = self.used.calls.saturating_add(1);
    }

    fn add(&mut self, input: u64, output: u64) {
        self.used.input_tokens = self.used.input_tokens.saturating_add(input);
        self.used.output_tokens = self.used.output_tokens.saturating_add(output);
    }

    fn subtract(&mut self, input: u64, output: u64) {
        self.used.input_tokens = self.used.input_tokens.saturating_sub(input);
        self.used.output_tokens = self.used.output_tokens.saturating_sub(output);
    }

    /// An error may have been billed, too.
    fn answered(&mut self, usage: Result<&Usage, &Error>) {
        let usage = match usage {
            Ok(usage) => Some(usage),
            Err(error) => error.usage.as_ref(),
        };
        if let Some(usage) = usage {
            self.add(usage.input_tokens, usage.output_tokens);
        }
    }

    /// With what is set aside.
    fn committed(&self) -> ModelUse {
        ModelUse {
            output_tokens: self.used.output_tokens.saturating_add(self.reserved),
            ..self.used
        }
    }
}

impl Meter {
    /// What was used.
    pub(super) fn models(&self) -> ModelUse {
        self.counts(|counts| counts.used)
    }

    /// The same, with what calls under way may still use: nobody else may have that.
    pub(super) fn committed(&self) -> ModelUse {
        self.counts(|counts| counts.committed())
    }

    pub(super) fn output_bytes(&self) -> u64 {
        self.output_bytes.load(Ordering::Relaxed)
    }

    pub(super) fn sent(&self, bytes: usize) {
        self.output_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Counts a call, and sets aside what it may cost: so many tokens of input, by an estimate, and as many of output as
    /// `allow` says, which is told what is used and set aside already. A call that is not allowed counts as well.
    ///
    /// All of it is one step, so that of many calls at once no two are allowed the same tokens.
    pub(super) fn reserve(
        self: &Arc<Self>,
        input: u64,
        allow: impl FnOnce(ModelUse) -> Result<u64, Error>,
    ) -> Result<Reservation, Error> {
        let reserved = self.counts(|counts| {
            let allowed = allow(counts.committed());
            counts.called();
            let reserved = allowed?;
            counts.add(input, 0);
            counts.reserved = counts.reserved.saturating_add(reserved);
            Ok::<_, Error>(reserved)
        })?;
        Ok(Reservation {
            meter: Arc::clone(self),
            input,
            output: 0,
            reserved,
        })
    }

    /// Counts a call that was made before, with this outcome.
    pub(super) fn recorded(&self, usage: Result<&Usage, &Error>) {
        self.counts(|counts| {
            counts.called();
            counts.answered(usage);
        });
    }

    /// Counts one of which nobody knows what it cost.
    pub(super) fn recorded_uncounted(&self) {
        self.counts(Counts::called);
    }

    /// Counts a stream that was opened before, by a request of so many tokens. Nobody is asked for it, so nothing is set
    /// aside.
    pub(super) fn recorded_stream(self: &Arc<Self>, input: u64) -> StreamCount {
        self.counts(|counts| {
            counts.called();
            counts.add(input, 0);
        });
        StreamCount::of(Reservation {
            meter: Arc::clone(self),
            input,
            output: 0,
            reserved: 0,
        })
    }

    fn counts<T>(&self, look: impl FnOnce(&mut Counts) -> T) -> T {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        look(&mut counts)
    }
}

/// What is set aside for one call, from before it is made until it is known what it cost. A call that is given up before
/// that costs what it sent, by the estimate, and what it got: who drops a call shall not have it for nothing.
#[derive(Debug)]
#[must_use = "what is set aside is given back at once"]
pub(super) struct Reservation {
    meter: Arc<Meter>,
    /// What stands in the meter for it, by an estimate.
    input: u64,
    output: u64,
    /// Output tokens that it may get beyond those.
    reserved: u64,
}

impl Reservation {
    /// It is known what the call cost.
    pub(super) fn settle(mut self, usage: Result<&Usage, &Error>) {
        let (input, output) = (self.input, self.output);
        let reserved = std::mem::take(&mut self.reserved);
        self.meter.counts(|counts| {
            counts.reserved = counts.reserved.saturating_sub(reserved);
            counts.subtract(input, output);
            counts.answered(usage);
        });
    }

    /// So many tokens have come.
    fn got(&mut self, tokens: u64) {
        let expected = tokens.min(self.reserved);
        self.reserved -= expected;
        self.output = self.output.saturating_add(tokens);
        self.meter.counts(|counts| {
            counts.reserved = counts.reserved.saturating_sub(expected);
            counts.add(0, tokens);
        });
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let reserved = self.reserved;
        self.meter.counts(|counts| {
            counts.reserved = counts.reserved.saturating_sub(reserved);
        });
    }
}

/// Counts one stream, of which nobody says what it cost before its end. Until then an estimate stands for that.
pub(super) struct StreamCount {
    /// None after its end.
    reservation: Option<Reservation>,
    output_bytes: u64,
}

impl StreamCount {
    /// Of the stream that this was set aside for.
    pub(super) fn of(reservation: Reservation) -> Self {
        Self {
            reservation: Some(reservation),
            output_bytes: 0,
        }
    }

    /// The stream gives this.
    pub(super) fn saw(&mut self, event: Result<&Event, &Error>) {
        match event {
            Ok(Event::Delta(delta)) => self.gave(delta),
            Ok(Event::Done(response)) => self.settle(Ok(&response.usage)),
            Ok(Event::BlockStart(_) | Event::BlockStop) => {}
            Err(error) => self.settle(Err(error)),
        }
    }

    fn gave(&mut self, delta: &Delta) {
        let Some(reservation) = &mut self.reservation else {
            return;
        };
        let bytes = match delta {
            Delta::Text(text)
            | Delta::Reasoning(text)
            | Delta::ReasoningSignature(text)
            | Delta::ToolInput(text)
            | Delta::Other(text) => text.len(),
            Delta::RedactedReasoning(bytes) => bytes.len(),
        };
        let before = self.output_bytes.div_ceil(BYTES);
        self.output_bytes = self.output_bytes.saturating_add(bytes as u64);
        reservation.got(self.output_bytes.div_ceil(BYTES) - before);
    }

    fn settle(&mut self, usage: Result<&Usage, &Error>) {
        if let Some(reservation) = self.reservation.take() {
            reservation.settle(usage);
        }
    }
}

#[cfg(test)]
mod tests;
