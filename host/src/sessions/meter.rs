//! What a turn uses, counted while it runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::turn::ModelUse;
use crate::contract::model::{Delta, Error, Event, Usage};

/// Bytes of a token, by which streams are estimated.
const BYTES: u64 = 4;

/// Counts while the turn runs.
#[derive(Debug, Default)]
pub(super) struct Meter {
    calls: AtomicU64,
    input_tokens: AtomicU64,
    output_tokens: AtomicU64,
    output_bytes: AtomicU64,
}

impl Meter {
    pub(super) fn models(&self) -> ModelUse {
        ModelUse {
            calls: self.calls.load(Ordering::Relaxed),
            input_tokens: self.input_tokens.load(Ordering::Relaxed),
            output_tokens: self.output_tokens.load(Ordering::Relaxed),
        }
    }

    pub(super) fn output_bytes(&self) -> u64 {
        self.output_bytes.load(Ordering::Relaxed)
    }

    pub(super) fn sent(&self, bytes: usize) {
        self.output_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn called(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    fn add(&self, input: u64, output: u64) {
        self.input_tokens.fetch_add(input, Ordering::Relaxed);
        self.output_tokens.fetch_add(output, Ordering::Relaxed);
    }

    /// An error may have been billed, too.
    pub(super) fn answered(&self, usage: Result<&Usage, &Error>) {
        let usage = match usage {
            Ok(usage) => Some(usage),
            Err(error) => error.usage.as_ref(),
        };
        if let Some(usage) = usage {
            self.add(usage.input_tokens, usage.output_tokens);
        }
    }
}

/// Counts one stream, of which nobody says what it cost before its end. Until then an estimate stands for that: who drops a
/// stream before its end, or keeps it, shall not have it for nothing.
pub(super) struct StreamCount {
    meter: Arc<Meter>,
    /// What stands in the meter for it; none after its end.
    estimate: Option<Estimate>,
}

struct Estimate {
    input: u64,
    output_bytes: u64,
}

impl Estimate {
    fn output(&self) -> u64 {
        self.output_bytes.div_ceil(BYTES)
    }
}

impl StreamCount {
    /// A stream was opened, by a request of so many tokens.
    pub(super) fn open(meter: Arc<Meter>, input: u64) -> Self {
        meter.add(input, 0);
        let estimate = Estimate {
            input,
            output_bytes: 0,
        };
        Self {
            meter,
            estimate: Some(estimate),
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
        let Some(estimate) = &mut self.estimate else {
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
        let before = estimate.output();
        estimate.output_bytes += bytes as u64;
        self.meter.add(0, estimate.output() - before);
    }

    /// It is known what it cost.
    fn settle(&mut self, usage: Result<&Usage, &Error>) {
        if let Some(estimate) = self.estimate.take() {
            let meter = &self.meter;
            meter.answered(usage);
            meter
                .input_tokens
                .fetch_sub(estimate.input, Ordering::Relaxed);
            meter
                .output_tokens
                .fetch_sub(estimate.output(), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::model::{ErrorKind, Response, StopReason};

    fn usage(input: u64, output: u64) -> Usage {
        Usage {
            input_tokens: input,
            output_tokens: output,
            cache_read_tokens: 0,
            cache_write_tokens: 0,
        }
    }

    fn opened() -> (Arc<Meter>, StreamCount) {
        let meter = Arc::new(Meter::default());
        let mut count = StreamCount::open(Arc::clone(&meter), 100);
        for text in ["Hello", ", Maira"] {
            count.saw(Ok(&Event::Delta(Delta::Text(text.to_owned()))));
        }
        (meter, count)
    }

    fn tokens(meter: &Meter) -> (u64, u64) {
        let used = meter.models();
        (used.input_tokens, used.output_tokens)
    }

    #[test]
    fn a_stream_that_is_dropped_counts_by_what_it_gave() {
        let (meter, count) = opened();
        assert_eq!(tokens(&meter), (100, 3));
        drop(count);
        assert_eq!(tokens(&meter), (100, 3));
    }

    #[test]
    fn what_the_provider_says_at_the_end_stands_in_place_of_the_estimate() {
        let (meter, mut count) = opened();
        count.saw(Ok(&Event::Done(Response {
            content: Vec::new(),
            stop_reason: StopReason::EndTurn,
            usage: usage(90, 2),
            latency_ms: 0,
            model: String::new(),
            extra: None,
        })));
        assert_eq!(tokens(&meter), (90, 2));
    }

    #[test]
    fn a_stream_that_fails_counts_as_its_error_says() {
        for (billed, expected) in [(None, (0, 0)), (Some(usage(7, 1)), (7, 1))] {
            let (meter, mut count) = opened();
            count.saw(Err(&Error {
                kind: ErrorKind::Throttled,
                message: String::new(),
                retry_after_ms: None,
                usage: billed,
            }));
            assert_eq!(tokens(&meter), expected);
        }
    }
}
