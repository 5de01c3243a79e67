//! The `response` interface: the answer, as it is made.

use bytes::Bytes;
use futures::StreamExt;
use wasmtime::component::Resource;

use super::cell::State;
use crate::contract::ResponseStream;
use crate::contract::model::{Delta, Error, ErrorKind, Event, Response};
use crate::contract::response::{Framing, Host};

/// The longest media type, with its parameters. What is longer is none, and is as if it had not been said.
const LONGEST_TYPE: usize = 1 << 10;

impl Host for State {
    fn set_content_type(&mut self, value: String) -> wasmtime::Result<()> {
        self.spending.carries(value.len())?;
        if let Some(turn) = &mut self.turn
            && value.len() <= LONGEST_TYPE
        {
            turn.set_content_type(value);
        }
        Ok(())
    }

    async fn write(&mut self, chunk: Vec<u8>) -> wasmtime::Result<bool> {
        self.send(chunk).await
    }

    async fn forward(
        &mut self,
        source: Resource<ResponseStream>,
        framing: Framing,
    ) -> wasmtime::Result<Result<Response, Error>> {
        self.spending.calls(1)?;
        self.handles.close(source.rep());
        let ResponseStream(mut events) = self.table.delete(source)?;
        self.streams -= 1;
        loop {
            let event = events.next().await;
            self.observed();
            let Some(event) = event else {
                break;
            };
            match event {
                Ok(Event::Delta(Delta::Text(text))) => {
                    // A caller who left does not end the model's answer: the agent asked for the whole.
                    self.send(frame(text, framing)).await?;
                }
                Ok(Event::Done(response)) => return Ok(Ok(response)),
                Ok(Event::BlockStart(_) | Event::BlockStop | Event::Delta(_)) => {}
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Err(Error {
            kind: ErrorKind::Unavailable,
            message: "the model's answer ended before it was complete".to_owned(),
            retry_after_ms: None,
            usage: None,
        }))
    }
}

pub(super) fn frame(text: String, framing: Framing) -> Vec<u8> {
    match framing {
        Framing::Text => text.into_bytes(),
        Framing::Sse => format!("data: {}\n\n", serde_json::Value::String(text)).into_bytes(),
    }
}

impl State {
    async fn send(&mut self, chunk: Vec<u8>) -> wasmtime::Result<bool> {
        self.spending.carries(chunk.len())?;
        let Some(turn) = &mut self.turn else {
            return Ok(false);
        };
        self.spending.sends(chunk.len())?;
        let there = turn.write(Bytes::from(chunk)).await;
        self.observed();
        Ok(there)
    }
}
