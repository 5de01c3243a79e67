//! Clients that ask until they are answered, as the AWS SDKs do, and write down what they were told.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;

use super::dice::Dice;
use super::history::{Asked, Call, Deed, FAILED, History, Told};
use crate::harness::{Reply, Session, in_time};
use crate::stand_in::StandIn;

/// Between two tries: enough for a server to be there again soon after it says so.
const PAUSE: Duration = Duration::from_millis(3);

/// What a server says whose disk took nothing, or whose machine gave nothing.
const REFUSALS: [&str; 6] = [
    "the turn could not be recorded, and is not acknowledged; please retry",
    "the journal could not be written",
    "its journal could not be read; please retry",
    "the server has no memory left; try again later",
    "the turn before this one could not be finished",
    FAILED,
];

/// A client.
pub(super) struct Caller {
    pub(super) name: String,
    pub(super) history: Arc<History>,
    pub(super) bedrock: Arc<StandIn>,
    dice: Mutex<Dice>,
    made: AtomicU64,
    /// In how many of a hundred tries it hangs up before it has an answer.
    impatience: u64,
    /// How often it was told that the disk took nothing, if it asks again then.
    refused: Option<watch::Sender<usize>>,
}

impl Caller {
    pub(super) fn new(
        name: &str,
        history: &Arc<History>,
        bedrock: &Arc<StandIn>,
        dice: Dice,
    ) -> Self {
        Self {
            name: name.to_owned(),
            history: Arc::clone(history),
            bedrock: Arc::clone(bedrock),
            dice: Mutex::new(dice),
            made: AtomicU64::new(0),
            impatience: 0,
            refused: None,
        }
    }

    pub(super) fn impatient(mut self, percent: u64) -> Self {
        self.impatience = percent;
        self
    }

    /// Asks again when the server says that it could not write, as it is told to.
    pub(super) fn of_failing_disks(mut self) -> Self {
        self.refused = Some(watch::Sender::default());
        self
    }

    /// Waits until it was told so many more times that the disk took nothing.
    pub(super) async fn refusals(&self, more: usize) {
        let refused = self.refused.as_ref().expect("it is of failing disks");
        let mut refused = refused.subscribe();
        let wanted = *refused.borrow_and_update() + more;
        refused
            .wait_for(|refused| *refused >= wanted)
            .await
            .expect("the sender lives as long as the caller");
    }

    /// Whether this is a clear word on a disk that took nothing; anything else is an answer.
    fn is_refusal(&self, reply: &Reply) -> bool {
        let Some(refused) = self.refused.as_ref().filter(|_| reply.status == 500) else {
            return false;
        };
        let is_clear = REFUSALS.iter().any(|clear| reply.text().contains(clear));
        if is_clear {
            refused.send_modify(|refused| *refused += 1);
        }
        is_clear
    }

    pub(super) fn roll<T>(&self, roll: impl FnOnce(&mut Dice) -> T) -> T {
        roll(&mut self.dice.lock().expect("dice do not panic"))
    }

    /// A word that nobody else has.
    pub(super) fn word(&self) -> String {
        let made = self.made.fetch_add(1, Ordering::Relaxed);
        format!("{}-{made}", self.name)
    }

    /// Asks until there is an answer.
    pub(super) async fn ask(&self, session: &Session, deed: Deed) -> Told {
        self.ask_as(session, self.word(), deed).await
    }

    /// The same under a name of its own.
    pub(super) async fn ask_as(&self, session: &Session, invocation: String, deed: Deed) -> Told {
        let payload = deed.payload().to_string();
        let ask = || {
            let request = session.invocation(payload.clone());
            request.header("amz-sdk-invocation-id", invocation.clone())
        };
        let is_answer =
            |reply: &Reply| !matches!(reply.status, 409 | 429) && !self.is_refusal(reply);
        let asked = Asked::Turn(deed);
        self.until_answered(session, invocation.clone(), asked, ask, is_answer)
            .await
    }

    /// Stops the session, until that is so.
    pub(super) async fn stop(&self, session: &Session) -> Told {
        let is_answer = |reply: &Reply| reply.status != 409 && !self.is_refusal(reply);
        let ask = || session.stopping();
        self.until_answered(session, String::new(), Asked::Stop, ask, is_answer)
            .await
    }

    async fn until_answered(
        &self,
        session: &Session,
        invocation: String,
        asked: Asked,
        ask: impl Fn() -> reqwest::RequestBuilder,
        is_answer: impl Fn(&Reply) -> bool,
    ) -> Told {
        let (began, kills) = (self.history.now(), self.history.kills());
        let mut tries = 0;
        let answered = async {
            loop {
                tries += 1;
                let hurry = self.roll(|dice| {
                    let hurries = dice.percent(self.impatience);
                    hurries.then(|| dice.moment(Duration::from_millis(8)))
                });
                let reply = async { Reply::read(ask().send().await?).await };
                let reply = match hurry {
                    None => reply.await.ok(),
                    Some(patience) => tokio::time::timeout(patience, reply)
                        .await
                        .ok()
                        .and_then(Result::ok),
                };
                if let Some(reply) = reply.filter(&is_answer) {
                    return Told::of(&reply);
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        let told = in_time(&format!("an answer to {asked:?} {invocation}"), answered).await;
        // In this order: what comes to the provider from now on comes after the answer.
        let bought = self.bedrock.calls().total();
        let ended = self.history.now();
        self.history.add(Call {
            session: session.id.clone(),
            invocation,
            asked,
            began,
            ended,
            tries,
            kills: self.history.kills_since(kills),
            bought,
            told: told.clone(),
        });
        told
    }
}

/// Asks again what was answered before: each answer must be the one that was given.
pub(super) async fn ask_again(session: &Session, call: &Call) -> Result<(), String> {
    let Asked::Turn(deed) = &call.asked else {
        return Ok(());
    };
    let request = session.invocation(deed.payload().to_string());
    let request = request.header("amz-sdk-invocation-id", &call.invocation);
    let again = async { Reply::read(request.send().await?).await };
    let again = in_time("a stored answer", again)
        .await
        .map_err(|error| format!("{} asked again: {error}", call.invocation))?;
    let again = Told::of(&again);
    if again == call.told {
        return Ok(());
    }
    Err(format!(
        "{} was told {:?}, and asked again {again:?}",
        call.invocation, call.told
    ))
}
