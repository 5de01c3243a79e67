//! The `model` interface: every call goes to the turn's capabilities; the cell only keeps the stream handles.

use futures::StreamExt;
use wasmtime::component::Resource;

use super::cell::State;
use super::handles::Handle;
use super::spending::RECORDED;
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

/// Streams that an agent may have open at one time, each of which keeps a connection to the provider. An agent asks one model
/// at a time, and seldom a few.
const MAX_STREAMS: u32 = 64;

fn too_many_streams() -> Error {
    Error {
        kind: ErrorKind::Throttled,
        message: format!(
            "the agent has {MAX_STREAMS} streams of models open, as many as it may; drop one before you open another"
        ),
        retry_after_ms: None,
        usage: None,
    }
}

impl Host for State {
    async fn converse(&mut self, request: Request) -> wasmtime::Result<Result<Response, Error>> {
        self.spending.calls(RECORDED)?;
        let Some(turn) = &mut self.turn else {
            return Ok(Err(no_turn()));
        };
        let answer = turn.converse(request).await;
        self.observed();
        Ok(answer)
    }

    async fn converse_stream(
        &mut self,
        request: Request,
    ) -> wasmtime::Result<Result<Resource<ResponseStream>, Error>> {
        self.spending.calls(RECORDED)?;
        let Some(turn) = &mut self.turn else {
            return Ok(Err(no_turn()));
        };
        if self.streams >= MAX_STREAMS {
            return Ok(Err(too_many_streams()));
        }
        let stream = turn.converse_stream(request).await;
        self.observed();
        match stream {
            Ok(events) => {
                let stream = self.table.push(ResponseStream(events))?;
                self.streams += 1;
                self.handles.open(Handle::Other, stream.rep());
                Ok(Ok(stream))
            }
            Err(error) => Ok(Err(error)),
        }
    }

    async fn count_tokens(&mut self, request: Request) -> wasmtime::Result<Result<u64, Error>> {
        self.spending.calls(RECORDED)?;
        let Some(turn) = &mut self.turn else {
            return Ok(Err(no_turn()));
        };
        let tokens = turn.count_tokens(request).await;
        self.observed();
        Ok(tokens)
    }

    async fn invoke_model(
        &mut self,
        model: String,
        body: Vec<u8>,
    ) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        self.spending.calls(RECORDED)?;
        let Some(turn) = &mut self.turn else {
            return Ok(Err(no_turn()));
        };
        let answer = turn.invoke_model(model, body).await;
        self.observed();
        Ok(answer)
    }
}

impl HostResponseStream for State {
    async fn next(
        &mut self,
        stream: Resource<ResponseStream>,
    ) -> wasmtime::Result<Result<Option<Event>, Error>> {
        self.spending.calls(1)?;
        let ResponseStream(events) = self.table.get_mut(&stream)?;
        let event = events.next().await;
        self.observed();
        Ok(event.transpose())
    }

    fn drop(&mut self, stream: Resource<ResponseStream>) -> wasmtime::Result<()> {
        self.handles.close(stream.rep());
        self.table.delete(stream)?;
        self.streams -= 1;
        Ok(())
    }
}
