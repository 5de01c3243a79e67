//! A provider that asks another one only what it was not asked before: for development, where a conversation is told again
//! whenever the agent's code has changed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _};

use super::Provider;
use crate::contract::EventStream;
use crate::contract::model::{Error, Event, Request, Response};
use crate::ids::Digest;

/// Keeps every answer of the provider behind it, for the length of the process. Errors are not kept, nor are streams that
/// were not read to their end.
pub struct Remembering {
    behind: Arc<dyn Provider>,
    answers: Arc<Mutex<HashMap<Digest, Answer>>>,
}

#[derive(Clone)]
enum Answer {
    Whole(Response),
    Pieces(Vec<Event>),
}

impl Remembering {
    /// Remembers what this provider says.
    pub fn new(behind: Arc<dyn Provider>) -> Self {
        Self {
            behind,
            answers: Arc::default(),
        }
    }

    fn recall(&self, key: &Digest) -> Option<Answer> {
        let answers = self.answers.lock();
        answers
            .unwrap_or_else(PoisonError::into_inner)
            .get(key)
            .cloned()
    }
}

/// The same for the same request of the same kind.
fn key(kind: &str, request: &Request) -> Digest {
    let request = serde_json::to_string(request).unwrap_or_default();
    Digest::of(format!("{kind} {request}").as_bytes())
}

fn keep(answers: &Mutex<HashMap<Digest, Answer>>, key: Digest, answer: Answer) {
    let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
    answers.insert(key, answer);
}

impl Provider for Remembering {
    fn name(&self) -> &'static str {
        self.behind.name()
    }

    fn converse(&self, request: Request) -> BoxFuture<'_, Result<Response, Error>> {
        async move {
            let key = key("converse", &request);
            if let Some(Answer::Whole(response)) = self.recall(&key) {
                return Ok(response);
            }
            let response = self.behind.converse(request).await?;
            keep(&self.answers, key, Answer::Whole(response.clone()));
            Ok(response)
        }
        .boxed()
    }

    fn converse_stream(&self, request: Request) -> BoxFuture<'_, Result<EventStream, Error>> {
        async move {
            let key = key("converse-stream", &request);
            if let Some(Answer::Pieces(events)) = self.recall(&key) {
                return Ok(futures::stream::iter(events.into_iter().map(Ok)).boxed());
            }
            let events = self.behind.converse_stream(request).await?;
            let answers = Arc::clone(&self.answers);
            let mut seen = Vec::new();
            let events = events.inspect(move |event| {
                let Ok(event) = event else { return };
                seen.push(event.clone());
                if matches!(event, Event::Done(_)) {
                    keep(
                        &answers,
                        key.clone(),
                        Answer::Pieces(std::mem::take(&mut seen)),
                    );
                }
            });
            Ok(events.boxed())
        }
        .boxed()
    }

    fn count_tokens(&self, request: Request) -> BoxFuture<'_, Result<u64, Error>> {
        self.behind.count_tokens(request)
    }

    fn invoke_model(&self, model: String, body: Vec<u8>) -> BoxFuture<'_, Result<Vec<u8>, Error>> {
        self.behind.invoke_model(model, body)
    }
}

#[cfg(test)]
mod tests {
    use super::super::scripted::{Played, Reply, Scripted};
    use super::*;
    use crate::contract::model::{Content, Inference};

    fn request(model: &str) -> Request {
        Request {
            model: model.to_owned(),
            system: Vec::new(),
            messages: Vec::new(),
            inference: Inference {
                max_tokens: None,
                temperature: None,
                top_p: None,
                stop_sequences: Vec::new(),
            },
            tools: Vec::new(),
            tool_choice: None,
            guardrail: None,
            extra: None,
        }
    }

    #[tokio::test]
    async fn what_was_answered_is_not_asked_again() {
        let model = Arc::new(Scripted::default());
        let says = |text: &str| Reply::Say(vec![Content::Text(text.to_owned())]);
        model.begin(Some(vec![says("one"), says("two"), says("three")]));
        let remembering = Remembering::new(Arc::clone(&model) as Arc<dyn Provider>);

        let first = remembering.converse(request("a")).await.unwrap();
        assert_eq!(remembering.converse(request("a")).await, Ok(first));
        let other = remembering.converse(request("b")).await.unwrap();
        assert_eq!(other.content, [Content::Text("two".to_owned())]);

        let mut told = Vec::new();
        for _ in 0..2 {
            let stream = remembering.converse_stream(request("a")).await.unwrap();
            told.push(stream.collect::<Vec<_>>().await);
        }
        assert_eq!(told[0], told[1]);
        let Played { asked, left } = model.begin(None);
        assert_eq!((asked.len(), left), (3, 0));
    }
}
