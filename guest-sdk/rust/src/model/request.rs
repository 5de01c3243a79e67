//! Building requests.

use super::{Guardrail, Inference, Message, Request, Tool, ToolChoice};

impl Request {
    /// A request that says nothing yet, to a model id, an inference-profile id, or an alias that
    /// the operator has set.
    pub fn new(model: impl Into<String>) -> Self {
        Self {
            model: model.into(),
            system: Vec::new(),
            messages: Vec::new(),
            inference: Inference::default(),
            tools: Vec::new(),
            tool_choice: None,
            guardrail: None,
            extra: None,
        }
    }

    /// Adds to the system prompt.
    pub fn system(mut self, text: impl Into<String>) -> Self {
        self.system.push(text.into().into());
        self
    }

    /// Adds a message.
    pub fn message(mut self, message: Message) -> Self {
        self.messages.push(message);
        self
    }

    /// Adds what the user says.
    pub fn user(self, text: impl Into<String>) -> Self {
        self.message(Message::user(text.into()))
    }

    /// Adds what the model said.
    pub fn assistant(self, text: impl Into<String>) -> Self {
        self.message(Message::assistant(text.into()))
    }

    /// Bounds the answer.
    pub fn max_tokens(mut self, tokens: u32) -> Self {
        self.inference.max_tokens = Some(tokens);
        self
    }

    /// Sets how freely the model picks its words, from 0 to 1.
    pub fn temperature(mut self, temperature: f32) -> Self {
        self.inference.temperature = Some(temperature);
        self
    }

    /// Narrows the choice of words to the likeliest ones that together reach this probability.
    pub fn top_p(mut self, top_p: f32) -> Self {
        self.inference.top_p = Some(top_p);
        self
    }

    /// Adds a text at which the model stops.
    pub fn stop_sequence(mut self, text: impl Into<String>) -> Self {
        self.inference.stop_sequences.push(text.into());
        self
    }

    /// Declares a tool. An [`Agent`](crate::Agent) declares its tools by itself.
    pub fn tool(mut self, tool: Tool) -> Self {
        self.tools.push(tool);
        self
    }

    /// Says whether the model must use a tool.
    pub fn tool_choice(mut self, choice: ToolChoice) -> Self {
        self.tool_choice = Some(choice);
        self
    }

    /// Puts the call under a guardrail.
    pub fn guardrail(mut self, guardrail: Guardrail) -> Self {
        self.guardrail = Some(guardrail);
        self
    }

    /// Passes fields of the model itself (`additionalModelRequestFields`).
    pub fn extra(mut self, fields: &serde_json::Value) -> Self {
        self.extra = Some(fields.to_string());
        self
    }
}

impl Default for Inference {
    /// The model's own settings.
    fn default() -> Self {
        Self {
            max_tokens: None,
            temperature: None,
            top_p: None,
            stop_sequences: Vec::new(),
        }
    }
}
