//! An answer in pieces: text word by word, a tool's input a few characters at a time.

use futures::StreamExt as _;

use crate::contract::EventStream;
use crate::contract::model::{BlockStart, Content, Delta, Event, Response, ToolUseStart};

/// Characters of a piece of a tool's input.
const INPUT_PIECE: usize = 8;

/// The events of an answer that is known whole.
pub(super) fn events(response: Response) -> EventStream {
    let mut events = Vec::new();
    for block in &response.content {
        match block {
            Content::Text(text) => {
                events.push(Event::BlockStart(BlockStart::Text));
                events.extend(
                    text.split_inclusive(' ')
                        .map(|word| Event::Delta(Delta::Text(word.to_owned()))),
                );
            }
            Content::ToolUse(call) => {
                let start = ToolUseStart {
                    id: call.id.clone(),
                    name: call.name.clone(),
                };
                events.push(Event::BlockStart(BlockStart::ToolUse(start)));
                let letters: Vec<char> = call.input.chars().collect();
                events.extend(
                    letters
                        .chunks(INPUT_PIECE)
                        .map(|piece| Event::Delta(Delta::ToolInput(piece.iter().collect()))),
                );
            }
            // Nothing that is scripted makes other blocks.
            _ => continue,
        }
        events.push(Event::BlockStop);
    }
    events.push(Event::Done(response));
    futures::stream::iter(events.into_iter().map(Ok)).boxed()
}
