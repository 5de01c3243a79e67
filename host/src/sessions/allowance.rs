//! What a turn may still ask of models, by its agent's grant.
//!
//! What was used is counted from what the journal has: finished turns by their receipts, the running one by the answers that
//! were recorded of it. So it counts the same after a crash, and a replay, which is given recorded answers, asks nobody here.

use super::turn::ModelUse;
use crate::contract::model::{Error, ErrorKind};
use crate::contract::session::Budget;
use crate::grants::Grant;

/// What is left of an agent's grant.
pub(super) struct Allowance<'a> {
    /// What the agent may use.
    pub(super) grant: &'a Grant,
    /// How many calls of models the server lets any turn make.
    pub(super) calls: u64,
    /// What the running turn has used.
    pub(super) turn: ModelUse,
    /// What the turns of the session before it have.
    pub(super) session: ModelUse,
}

impl Allowance<'_> {
    /// Whether the model may be asked now.
    pub(super) fn ask(&self, model: &str) -> Result<(), Error> {
        self.model(model)?;
        let granted = &self.grant.granted;
        let calls = self.turn.calls;
        let own = granted
            .model_calls_per_turn
            .map(|limit| ("model_calls_per_turn", limit))
            .filter(|(_, limit)| *limit <= self.calls);
        let (name, limit) = own.unwrap_or(("turn_model_calls", self.calls));
        if calls >= limit {
            return Err(used_up(&format!(
                "{name} is used up: the turn has made {calls} calls, its limit is {limit}"
            )));
        }
        let (sent, received) = self.tokens();
        if let Some(limit) = granted
            .input_tokens_per_session
            .filter(|limit| sent >= *limit)
        {
            return Err(used_up(&format!(
                "input_tokens_per_session is used up: the session has sent {sent} tokens, its limit is {limit}"
            )));
        }
        if let Some(limit) = granted
            .output_tokens_per_session
            .filter(|limit| received >= *limit)
        {
            return Err(used_up(&format!(
                "output_tokens_per_session is used up: the session has received {received} tokens, its limit is {limit}"
            )));
        }
        Ok(())
    }

    /// The same for a call whose answer does not say what it cost.
    pub(super) fn ask_uncounted(&self, model: &str) -> Result<(), Error> {
        self.ask(model)?;
        let granted = &self.grant.granted;
        let counted = granted
            .input_tokens_per_session
            .or(granted.output_tokens_per_session);
        match counted {
            None => Ok(()),
            Some(_) => Err(denied(
                "a model's own API does not say how many tokens a call cost, so an agent with a budget of tokens cannot \
                 use it; call converse, or ask for no such budget"
                    .to_owned(),
            )),
        }
    }

    /// Whether the model is granted at all.
    pub(super) fn model(&self, model: &str) -> Result<(), Error> {
        let covered = self.grant.model(model);
        covered.map_err(|missing| denied(missing.to_string()))
    }

    /// What may still be spent: the tighter one of the budgets of tokens.
    pub(super) fn remaining(&self) -> Budget {
        let granted = &self.grant.granted;
        let (sent, received) = self.tokens();
        let input = granted
            .input_tokens_per_session
            .map(|limit| limit.saturating_sub(sent));
        let output = granted
            .output_tokens_per_session
            .map(|limit| limit.saturating_sub(received));
        Budget {
            tokens: input.into_iter().chain(output).min(),
            money_micros: None,
        }
    }

    fn tokens(&self) -> (u64, u64) {
        (
            self.session.input_tokens + self.turn.input_tokens,
            self.session.output_tokens + self.turn.output_tokens,
        )
    }
}

fn used_up(what: &str) -> Error {
    error(ErrorKind::BudgetExhausted, format!("the budget {what}"))
}

fn denied(why: String) -> Error {
    error(ErrorKind::Denied, why)
}

fn error(kind: ErrorKind, message: String) -> Error {
    Error {
        kind,
        message,
        retry_after_ms: None,
        usage: None,
    }
}
