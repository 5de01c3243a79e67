//! What a user says to an agent.

use crate::model::{Content, Message, Role};

/// A text, or any content: images and documents beside the text.
#[derive(Clone, Debug, PartialEq)]
pub struct Prompt(Vec<Content>);

impl From<&str> for Prompt {
    fn from(text: &str) -> Self {
        Self(vec![text.into()])
    }
}

impl From<String> for Prompt {
    fn from(text: String) -> Self {
        Self(vec![text.into()])
    }
}

impl From<Vec<Content>> for Prompt {
    fn from(content: Vec<Content>) -> Self {
        Self(content)
    }
}

impl From<Prompt> for Message {
    fn from(prompt: Prompt) -> Self {
        Self {
            role: Role::User,
            content: prompt.0,
        }
    }
}
