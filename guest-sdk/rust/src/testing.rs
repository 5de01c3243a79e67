//! For an agent's unit tests, which run natively. Not there on WebAssembly.
//!
//! ```
//! use kellion_sdk::Agent;
//! use kellion_sdk::testing::Script;
//! use serde_json::json;
//!
//! let script = Script::new().calls("weather", &json!({ "city": "Lima" })).says("It is sunny.");
//! let mut agent = Agent::new("any").answered_by(script.clone());
//!
//! let reply = agent.ask("How is the weather?").expect("the script answers");
//!
//! assert_eq!(reply.text, "It is sunny.");
//! assert_eq!(script.requests().len(), 2);
//! ```

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use serde_json::Value;

use crate::model::{
    self, Content, Delivery, ErrorKind, Model, Request, Response, StopReason, ToolUse, Usage,
};
use crate::{Body, Context, host};

/// The context of some session's first turn.
pub fn context() -> Context {
    Context {
        session_id: "00000000-0000-0000-0000-000000000001".to_owned(),
        request_id: "00000000-0000-0000-0000-000000000002".to_owned(),
        turn: 1,
        agent_name: "agent".to_owned(),
        agent_version: "1".to_owned(),
        endpoint: "DEFAULT".to_owned(),
        tenant_id: "000000000000".to_owned(),
        user_id: None,
        headers: Vec::new(),
        content_type: Some("application/json".to_owned()),
        accept: None,
        deadline_ms: None,
        traceparent: None,
    }
}

/// Takes what this thread has sent through [`response`](crate::response) since the last time.
pub fn take_sent() -> Body {
    host::take_sent()
}

/// A model that gives prepared answers, one for each request. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Script {
    answers: Rc<RefCell<VecDeque<model::Result<Response>>>>,
    requests: Rc<RefCell<Vec<Request>>>,
}

impl Script {
    /// No answers yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Then it says this.
    pub fn says(self, text: &str) -> Self {
        self.answers_with(Self::text(text))
    }

    /// Then it calls this tool.
    pub fn calls(self, tool: &str, input: &Value) -> Self {
        let id = format!("call-{}", self.answers.borrow().len() + 1);
        let call = ToolUse {
            id,
            name: tool.to_owned(),
            input: input.to_string(),
        };
        self.answers_with(response(StopReason::ToolUse, vec![Content::ToolUse(call)]))
    }

    /// Then it answers with this, whatever it is.
    pub fn answers_with(self, response: Response) -> Self {
        self.answers.borrow_mut().push_back(Ok(response));
        self
    }

    /// Then it fails.
    pub fn fails(self, error: model::Error) -> Self {
        self.answers.borrow_mut().push_back(Err(error));
        self
    }

    /// A response that is one text.
    pub fn text(text: &str) -> Response {
        response(StopReason::EndTurn, vec![text.into()])
    }

    /// The requests that have come so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.borrow().clone()
    }
}

impl Model for Script {
    /// Text is delivered word by word, each with the space after it.
    fn answer(
        &mut self,
        request: &Request,
        delivery: &mut Delivery<'_>,
    ) -> model::Result<Response> {
        self.requests.borrow_mut().push(request.clone());
        let exhausted = || {
            Err(model::Error::new(
                ErrorKind::Unavailable,
                "the script has no more answers",
            ))
        };
        let response = self
            .answers
            .borrow_mut()
            .pop_front()
            .unwrap_or_else(exhausted)?;
        for piece in response.text().split_inclusive(' ') {
            match delivery {
                Delivery::Whole => {}
                Delivery::Pieces(text) => text(piece),
                Delivery::Forward(events) => events.send(piece).expect("a string is always JSON"),
            }
        }
        Ok(response)
    }
}

fn response(stop_reason: StopReason, content: Vec<Content>) -> Response {
    Response {
        content,
        stop_reason,
        usage: Usage {
            input_tokens: 10,
            output_tokens: 5,
            ..Usage::default()
        },
        latency_ms: 0,
        model: "script".to_owned(),
        extra: None,
    }
}
