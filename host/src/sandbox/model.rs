//! The `model` interface: every call goes to the turn's capabilities; the cell only keeps the stream handles.

use futures::StreamExt;
use wasmtime::component::Resource;

use super::cell::State;
use super::handles::Handle;
use crate::contract::ResponseStream;
use crate::contract::model::{
    Error, ErrorKind, Event, Host, HostResponseStream, Request, Response,
};

/// What a call gets that is made while the agent starts.
fn no_turn() -> Error {
    Error {
        kind: ErrorKind::Denied,
        message: "models can be called only in a turn, not while the agent starts".to_owned(),
        retry_after_ms: None,
        usage: None,
    }
}

impl Host for State {
    async fn converse(&mut self, request: Request) -> Result<Response, Error> {
        let Some(turn) = &mut self.turn else {
            return Err(no_turn());
        };
        let answer = turn.converse(request).await;
        self.observed();
        answer
    }

    async fn converse_stream(
        &mut self,
        request: Request,
    ) -> wasmtime::Result<Result<Resource<ResponseStream>, Error>> {
        let Some(turn) = &mut self.turn else {
            return Ok(Err(no_turn()));
        };
        let stream = turn.converse_stream(request).await;
        self.observed();
        match stream {
            Ok(events) => {
                let stream = self.table.push(ResponseStream(events))?;
                self.handles.open(Handle::Other, stream.rep());
                Ok(Ok(stream))
            }
            Err(error) => Ok(Err(error)),
        }
    }

    async fn count_tokens(&mut self, request: Request) -> Result<u64, Error> {
        let Some(turn) = &mut self.turn else {
            return Err(no_turn());
        };
        let tokens = turn.count_tokens(request).await;
        self.observed();
        tokens
    }

    async fn invoke_model(&mut self, model: String, body: Vec<u8>) -> Result<Vec<u8>, Error> {
        let Some(turn) = &mut self.turn else {
            return Err(no_turn());
        };
        let answer = turn.invoke_model(model, body).await;
        self.observed();
        answer
    }
}

impl HostResponseStream for State {
    async fn next(
        &mut self,
        stream: Resource<ResponseStream>,
    ) -> wasmtime::Result<Result<Option<Event>, Error>> {
        let ResponseStream(events) = self.table.get_mut(&stream)?;
        let event = events.next().await;
        self.observed();
        Ok(event.transpose())
    }

    fn drop(&mut self, stream: Resource<ResponseStream>) -> wasmtime::Result<()> {
        self.handles.close(stream.rep());
        self.table.delete(stream)?;
        Ok(())
    }
}
