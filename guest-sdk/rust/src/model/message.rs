//! Making and reading messages.

use super::{Content, Message, Role};

/// Stands where there is nothing. Providers refuse a message without content, and a text that is
/// empty or blank; once in the conversation, it would fail every later turn.
const PLACEHOLDER: &str = "(nothing)";

impl Message {
    /// What the user says.
    pub fn user(content: impl Into<Content>) -> Self {
        Self {
            role: Role::User,
            content: vec![content.into()],
        }
    }

    /// What the model says.
    pub fn assistant(content: impl Into<Content>) -> Self {
        Self {
            role: Role::Assistant,
            content: vec![content.into()],
        }
    }

    /// The text of all text blocks, in order.
    pub fn text(&self) -> String {
        text(&self.content)
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

pub(super) fn text(content: &[Content]) -> String {
    let texts = content.iter().filter_map(|block| match block {
        Content::Text(text) => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

/// A model's answer as it may go back with the next request.
pub(crate) fn storable(mut content: Vec<Content>) -> Vec<Content> {
    content.retain(|block| !matches!(block, Content::Text(text) if is_blank(text)));
    if content.is_empty() {
        content.push(PLACEHOLDER.into());
    }
    content
}

/// A text as a provider takes it.
pub(crate) fn or_placeholder(text: String) -> String {
    if is_blank(&text) {
        PLACEHOLDER.to_owned()
    } else {
        text
    }
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}
