//! A streamed answer on its way from the SDK to the agent.

use std::time::Duration;

use aws_sdk_bedrockruntime::primitives::event_stream::EventReceiver;
use aws_sdk_bedrockruntime::types::ConverseStreamOutput;
use aws_sdk_bedrockruntime::types::error::ConverseStreamOutputError;
use futures::StreamExt as _;
use tokio::time::timeout;

use super::assembly::Assembly;
use super::errors::{error, of_stream};
use crate::contract::EventStream;
use crate::contract::model::{Error, ErrorKind, Event};

/// How long a complete answer waits for the end of its transport. Reaching it lets the connection be used again; an answer
/// must not hang on that.
const LAST_BYTES: Duration = Duration::from_millis(200);

/// What the SDK reads from.
pub(super) type Receiver = EventReceiver<ConverseStreamOutput, ConverseStreamOutputError>;

/// The answer's events. `idle` bounds the wait between two pieces of the provider, not what the reader of the stream takes
/// its time for. Dropping the stream closes the call.
pub(super) fn events(receiver: Receiver, model: String, idle: Duration) -> EventStream {
    let answer = Answer {
        receiver,
        model,
        idle,
        assembly: Assembly::default(),
    };
    futures::stream::try_unfold(Some(answer), |answer| async {
        match answer {
            Some(answer) => answer.next().await.map(Some),
            None => Ok(None),
        }
    })
    .boxed()
}

struct Answer {
    receiver: Receiver,
    model: String,
    idle: Duration,
    assembly: Assembly,
}

impl Answer {
    /// The next event, and what is left of the answer after it: nothing after `done`.
    async fn next(mut self) -> Result<(Event, Option<Self>), Error> {
        loop {
            if let Some(event) = self.assembly.next() {
                return Ok((event, Some(self)));
            }
            let whole = self.assembly.is_whole();
            let wait = if whole { LAST_BYTES } else { self.idle };
            match timeout(wait, self.receiver.recv()).await {
                Ok(Ok(Some(piece))) => self.assembly.take(piece),
                Ok(Ok(None)) => return self.finish(),
                Ok(Err(_)) | Err(_) if whole => return self.finish(),
                Ok(Err(failure)) => return Err(of_stream(&failure, self.assembly.usage())),
                Err(_) => {
                    let message = format!(
                        "Bedrock sent nothing more for {} s in the middle of its answer",
                        wait.as_secs_f32()
                    );
                    return Err(Error {
                        usage: self.assembly.usage(),
                        ..error(ErrorKind::Timeout, message)
                    });
                }
            }
        }
    }

    fn finish(self) -> Result<(Event, Option<Self>), Error> {
        let response = self.assembly.finish(self.model)?;
        Ok((Event::Done(response), None))
    }
}
