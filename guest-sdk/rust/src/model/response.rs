//! Reading responses.

use std::ops::AddAssign;

use super::{Content, Response, ToolUse, Usage, message};

impl Response {
    /// The text of all text blocks, in order.
    pub fn text(&self) -> String {
        message::text(&self.content)
    }

    /// The tools that the model asks for, in order.
    pub fn tool_uses(&self) -> impl Iterator<Item = &ToolUse> {
        self.content.iter().filter_map(|block| match block {
            Content::ToolUse(tool_use) => Some(tool_use),
            _ => None,
        })
    }
}

impl Default for Usage {
    /// Nothing used.
    fn default() -> Self {
        Self {
            input_tokens: 0,
            output_tokens: 0,
            cache_read_tokens: 0,
            cache_write_tokens: 0,
        }
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, more: Self) {
        self.input_tokens += more.input_tokens;
        self.output_tokens += more.output_tokens;
        self.cache_read_tokens += more.cache_read_tokens;
        self.cache_write_tokens += more.cache_write_tokens;
    }
}
