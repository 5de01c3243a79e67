//! Functions that a model may call.
//!
//! ```
//! use kellion_sdk::tool::NoInput;
//! use kellion_sdk::{Agent, Result};
//! use schemars::JsonSchema;
//! use serde::Deserialize;
//!
//! #[derive(Deserialize, JsonSchema)]
//! struct Order {
//!     /// The number on the parcel, such as "KE-1234".
//!     number: String,
//! }
//!
//! fn track(order: Order) -> Result<String> {
//!     Ok(format!("{} is on its way", order.number))
//! }
//!
//! fn opening_hours(_: NoInput) -> Result<&'static str> {
//!     Ok("9 to 5")
//! }
//!
//! let agent = Agent::new("us.amazon.nova-lite-v1:0")
//!     .tool("track", "Tells where a parcel is.", track)
//!     .tool("opening_hours", "Tells when the shop is open.", opening_hours);
//! ```

mod schema;

use std::fmt::{self, Display};

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::json;
use crate::model::{self, ToolOutput, or_placeholder};

/// The input of a tool that needs none.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub struct NoInput {}

/// A function with the declaration that tells a model about it.
pub struct Tool {
    declaration: model::Tool,
    run: Box<Run>,
}

/// From the input's JSON to the output; an error's text is for the model to read.
type Run = dyn FnMut(&str) -> Result<ToolOutput, String>;

impl Tool {
    /// Makes a tool of a function or a closure.
    ///
    /// The model reads the description, and the doc comments on the fields of `I`. A string that
    /// the function returns reaches the model as text, an object as JSON. An error reaches it too,
    /// as text and marked as an error, and so does an input that does not fit: the model may mend
    /// its call.
    pub fn new<I, O, E>(
        name: impl Into<String>,
        description: impl Into<String>,
        mut function: impl FnMut(I) -> Result<O, E> + 'static,
    ) -> Self
    where
        I: DeserializeOwned + JsonSchema,
        O: Serialize,
        E: Display,
    {
        let schema = schema::of::<I>();
        let run = move |input: &str| {
            let input =
                read_input(input, schema.shape).map_err(|misfit| format!("input {misfit}"))?;
            let output = function(input).map_err(|error| error.to_string())?;
            serde_json::to_value(output)
                .map(to_output)
                .map_err(|error| error.to_string())
        };
        Self {
            declaration: model::Tool {
                name: name.into(),
                description: Some(description.into()),
                input_schema: schema.json,
            },
            run: Box::new(run),
        }
    }

    /// What the model is told.
    pub fn declaration(&self) -> &model::Tool {
        &self.declaration
    }

    /// Runs the function on an input that a model wrote.
    pub fn run(&mut self, input: &str) -> Result<ToolOutput, String> {
        (self.run)(input)
    }
}

impl fmt::Debug for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tool").field(&self.declaration).finish()
    }
}

fn read_input<I: DeserializeOwned>(input: &str, shape: schema::Shape) -> Result<I, json::Misfit> {
    // A streamed call of a tool without input has no piece of input at all.
    let input = if input.trim().is_empty() { "{}" } else { input };
    match shape {
        schema::Shape::Object => json::decode(input.as_bytes()),
        schema::Shape::Wrapped => {
            json::decode::<schema::Wrapper<I>>(input.as_bytes()).map(|wrapper| wrapper.input)
        }
    }
}

fn to_output(value: Value) -> ToolOutput {
    match value {
        Value::String(text) => ToolOutput::Text(or_placeholder(text)),
        object @ Value::Object(_) => ToolOutput::Json(object.to_string()),
        // Bedrock refuses JSON results that are no objects.
        other => ToolOutput::Text(other.to_string()),
    }
}

#[cfg(test)]
mod tests;
