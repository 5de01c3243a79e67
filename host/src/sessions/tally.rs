//! What turns come to, all together: each receipt is counted once.

use std::time::Duration;

use super::turn::{Outcome, Receipt};
use crate::sandbox::Limit;
use crate::telemetry::{Durations, Label, Telemetry, Totals};

impl Label for Outcome {
    const NAME: &'static str = "outcome";
    const ALL: &'static [Self] = &[
        Self::Answered,
        Self::AgentError,
        Self::Faulted,
        Self::Abandoned,
    ];

    fn text(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::AgentError => "agent_error",
            Self::Faulted => "faulted",
            Self::Abandoned => "abandoned",
        }
    }
}

impl Label for Limit {
    const NAME: &'static str = "limit";
    const ALL: &'static [Self] = &Limit::ALL;

    fn text(self) -> &'static str {
        self.as_str()
    }
}

/// Which way tokens went.
#[derive(Clone, Copy, PartialEq)]
enum Direction {
    Input,
    Output,
}

impl Label for Direction {
    const NAME: &'static str = "direction";
    const ALL: &'static [Self] = &[Self::Input, Self::Output];

    fn text(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
        }
    }
}

/// The totals of all sessions.
pub(super) struct Tally {
    turns: Totals<Outcome>,
    limits: Totals<Limit>,
    took: Durations,
    tokens: Totals<Direction>,
}

impl Tally {
    pub(super) fn new(telemetry: &Telemetry) -> Self {
        Self {
            turns: telemetry.totals("kellion_turns", "Turns that are over, by how they ended"),
            limits: telemetry.totals("kellion_limits", "Turns that broke a limit, by which"),
            took: telemetry.durations("kellion_turn_seconds", "How long turns took"),
            tokens: telemetry.totals("kellion_model_tokens", "Tokens of model calls"),
        }
    }

    /// A turn is over.
    pub(super) fn turn(&self, receipt: &Receipt) {
        self.turns.count(receipt.outcome);
        if let Some(limit) = receipt.limit {
            self.limits.count(limit);
        }
        self.took
            .observe(Duration::from_micros(receipt.duration_us));
        if receipt.models.calls > 0 {
            self.tokens
                .add(Direction::Input, receipt.models.input_tokens);
            self.tokens
                .add(Direction::Output, receipt.models.output_tokens);
        }
    }
}
