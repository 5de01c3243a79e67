//! An outside that misbehaves.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};

use super::super::Capabilities;
use super::stage::{Outside, START};
use crate::clock::Timestamp;
use crate::contract::EventStream;
use crate::contract::model::{Error, Request, Response};
use crate::contract::session::Budget;

/// What it does before it answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Manner {
    /// Each answer takes one more look.
    Slow,
    /// This call never returns.
    Never(&'static str),
    /// This call panics.
    Panics(&'static str),
}

impl Manner {
    async fn before(self, call: &'static str) {
        self.at_once(call);
        match self {
            Self::Slow => once_more().await,
            Self::Never(which) if which == call => std::future::pending().await,
            Self::Never(_) | Self::Panics(_) => {}
        }
    }

    fn at_once(self, call: &'static str) {
        assert!(self != Self::Panics(call), "{call} was to panic");
    }
}

async fn once_more() {
    let mut looked = false;
    poll_fn(|_| match std::mem::replace(&mut looked, true) {
        false => Poll::Pending,
        true => Poll::Ready(()),
    })
    .await;
}

/// An outside that answers from a script in its own manner.
pub(super) struct Odd {
    inner: Outside,
    manner: Manner,
    asked: Box<dyn Fn() + Send + Sync>,
}

impl Odd {
    pub(super) fn new(manner: Manner) -> Box<Self> {
        Self::watching(manner, || ())
    }

    /// One that does this when it is asked for a value of the configuration, on the guest's own stack.
    pub(super) fn watching(manner: Manner, asked: impl Fn() + Send + Sync + 'static) -> Box<Self> {
        Box::new(Self {
            // With this script no call is refused.
            inner: Outside::new(4, START),
            manner,
            asked: Box::new(asked),
        })
    }
}

impl Capabilities for Odd {
    fn converse(&mut self, request: Request) -> BoxFuture<'_, Result<Response, Error>> {
        let (manner, answer) = (self.manner, self.inner.converse(request));
        async move {
            manner.before("converse").await;
            answer.await
        }
        .boxed()
    }

    fn converse_stream(&mut self, request: Request) -> BoxFuture<'_, Result<EventStream, Error>> {
        let (manner, answer) = (self.manner, self.inner.converse_stream(request));
        async move {
            manner.before("converse_stream").await;
            let events = answer.await?.then(move |event| async move {
                manner.before("event").await;
                event
            });
            Ok(events.boxed())
        }
        .boxed()
    }

    fn count_tokens(&mut self, request: Request) -> BoxFuture<'_, Result<u64, Error>> {
        let (manner, answer) = (self.manner, self.inner.count_tokens(request));
        async move {
            manner.before("count_tokens").await;
            answer.await
        }
        .boxed()
    }

    fn invoke_model(
        &mut self,
        model: String,
        body: Vec<u8>,
    ) -> BoxFuture<'_, Result<Vec<u8>, Error>> {
        let (manner, answer) = (self.manner, self.inner.invoke_model(model, body));
        async move {
            manner.before("invoke_model").await;
            answer.await
        }
        .boxed()
    }

    fn set_content_type(&mut self, value: String) {
        self.manner.at_once("set_content_type");
        self.inner.set_content_type(value);
    }

    fn write(&mut self, chunk: Bytes) -> BoxFuture<'_, bool> {
        let (manner, answer) = (self.manner, self.inner.write(chunk));
        async move {
            manner.before("write").await;
            answer.await;
            true
        }
        .boxed()
    }

    fn config(&self, name: &str) -> Option<String> {
        self.manner.at_once("config");
        (self.asked)();
        self.inner.config(name)
    }

    fn remaining(&self) -> Budget {
        self.manner.at_once("remaining");
        self.inner.remaining()
    }

    fn now(&self) -> Timestamp {
        self.manner.at_once("now");
        self.inner.now()
    }

    fn sleep(&mut self, duration: Duration) -> BoxFuture<'_, ()> {
        let (manner, sleep) = (self.manner, self.inner.sleep(duration));
        async move {
            manner.before("sleep").await;
            sleep.await;
        }
        .boxed()
    }
}
