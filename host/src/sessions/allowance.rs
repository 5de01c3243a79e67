//! What a turn may still ask of models, by its agent's grant.
//!
//! What was used is counted from what the journal has: finished turns by their receipts, the running one by the answers that
//! were recorded of it. So it counts the same after a crash, and a replay, which is given recorded answers, asks nobody here.
//! What calls under way may still cost counts as used.

use serde_json::Value;

use super::turn::ModelUse;
use crate::contract::model::{Error, ErrorKind, Request};
use crate::contract::session::Budget;
use crate::grants::Grant;

/// Output tokens that a call may get which says no `max-tokens`, of an agent with a budget of them: without a limit a model
/// says as much as it can, and one that asks for more than the model can say is refused. Models take this one.
const UNASKED: u32 = 4_096;

/// What is left of an agent's grant.
pub(super) struct Allowance<'a> {
    /// What the agent may use.
    pub(super) grant: &'a Grant,
    /// How many calls of models the server lets any turn make.
    pub(super) calls: u64,
    /// What the running turn has used, and what is set aside for its calls.
    pub(super) turn: ModelUse,
    /// What the turns of the session before it have used.
    pub(super) session: ModelUse,
}

/// Tokens that are left; none where there is no limit.
struct Left {
    input: Option<u64>,
    output: Option<u64>,
}

impl Allowance<'_> {
    /// Whether the model may be asked this now, which is about so many tokens long; and how many it may answer with at most,
    /// where that is limited.
    pub(super) fn ask(&self, request: &Request, input: u64) -> Result<Option<u32>, Error> {
        let left = self.call(&request.model)?;
        if let Some(left) = left.input.filter(|left| input > *left) {
            return Err(used_up(&format!(
                "input_tokens_per_session is used up: the session may send {left} tokens more, and the call would send \
                 about {input}"
            )));
        }
        let Some(left) = left.output else {
            return Ok(None);
        };
        if let Some(key) = request.extra.as_deref().and_then(own_limit) {
            return Err(denied(format!(
                "an agent with a budget of output tokens says in inference.max-tokens how many it wants, and not in extra, \
                 which has {key:?}"
            )));
        }
        let wanted = request.inference.max_tokens.unwrap_or(UNASKED);
        Ok(Some(
            u32::try_from(left).map_or(wanted, |left| left.min(wanted)),
        ))
    }

    /// The same for a call whose answer does not say what it cost.
    pub(super) fn ask_uncounted(&self, model: &str) -> Result<(), Error> {
        let left = self.call(model)?;
        match left.input.or(left.output) {
            None => Ok(()),
            Some(_) => Err(denied(
                "a model's own API does not say how many tokens a call cost, so an agent with a budget of tokens cannot \
                 use it; call converse, or ask for no such budget"
                    .to_owned(),
            )),
        }
    }

    /// Whether the model may be called once more, and what for.
    fn call(&self, model: &str) -> Result<Left, Error> {
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
        let left = self.left();
        if let (Some(0), Some(limit)) = (left.input, granted.input_tokens_per_session) {
            return Err(used_up(&format!(
                "input_tokens_per_session is used up: the session has sent {sent} tokens, its limit is {limit}"
            )));
        }
        if let (Some(0), Some(limit)) = (left.output, granted.output_tokens_per_session) {
            return Err(used_up(&format!(
                "output_tokens_per_session is used up: the session has received {received} tokens or waits for them, its \
                 limit is {limit}"
            )));
        }
        Ok(left)
    }

    /// Whether the model is granted at all.
    pub(super) fn model(&self, model: &str) -> Result<(), Error> {
        let covered = self.grant.model(model);
        covered.map_err(|missing| denied(missing.to_string()))
    }

    /// What may still be spent: the tighter one of the budgets of tokens.
    pub(super) fn remaining(&self) -> Budget {
        let Left { input, output } = self.left();
        Budget {
            tokens: input.into_iter().chain(output).min(),
            money_micros: None,
        }
    }

    fn left(&self) -> Left {
        let granted = &self.grant.granted;
        let (sent, received) = self.tokens();
        let left = |limit: Option<u64>, used: u64| limit.map(|limit| limit.saturating_sub(used));
        Left {
            input: left(granted.input_tokens_per_session, sent),
            output: left(granted.output_tokens_per_session, received),
        }
    }

    fn tokens(&self) -> (u64, u64) {
        let (session, turn) = (&self.session, &self.turn);
        (
            session.input_tokens.saturating_add(turn.input_tokens),
            session.output_tokens.saturating_add(turn.output_tokens),
        )
    }
}

/// A key of a model's own fields that may say how much it shall answer, such as `max_tokens` or `maxTokenCount`: beside
/// `max-tokens`, the provider decides which one holds.
fn own_limit(extra: &str) -> Option<String> {
    fn find(value: &Value) -> Option<String> {
        match value {
            Value::Object(members) => members.iter().find_map(|(key, value)| {
                let plain = key.to_ascii_lowercase();
                let says = |part: &str| plain.contains(part);
                let limits = says("max") && (says("tok") || says("len") || says("gen"));
                limits.then(|| key.clone()).or_else(|| find(value))
            }),
            Value::Array(values) => values.iter().find_map(find),
            _ => None,
        }
    }
    // What is no JSON reaches no provider.
    find(&serde_json::from_str(extra).ok()?)
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
