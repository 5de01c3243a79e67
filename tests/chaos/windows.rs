//! A server that is killed in a chosen moment of a turn.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::afterwards::examine;
use super::callers::Caller;
use super::checker::prompt;
use super::dice::Dice;
use super::history::{Deed, History};
use crate::harness::{Host, PROBE, Reply, Session, TUTORIAL, eventually, in_time};
use crate::stand_in::{Answer, StandIn};

/// One try of a call that has this name.
async fn attempt(session: &Session, name: &str, payload: &Value) -> reqwest::Result<Reply> {
    let request = session.invocation(payload.to_string());
    let request = request.header("amz-sdk-invocation-id", name);
    let reply = async { Reply::read(request.send().await?).await };
    in_time("an answer, or its end", reply).await
}

/// Kills the server as soon as so many calls have come to the provider.
async fn kill_at(host: &mut Host, bedrock: &StandIn, calls: usize) {
    in_time("a call of a model", bedrock.arrived(calls)).await;
    host.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_at_any_moment_of_a_short_turn_leaves_it_whole_or_undone() {
    let mut dice = Dice::of("moments");
    let bedrock = Arc::new(StandIn::start().await);
    let mut host = Host::builder().bedrock(&bedrock).alone().start();
    let agent = host.deploy("probe", PROBE).await;
    let history = Arc::new(History::default());
    let caller = Caller::new("moments", &history, &bedrock, dice.split());
    let (turns, models) = (agent.session("turns"), agent.session("models"));
    // From before the request is read to after its answer was sent, in steps of less than a commit takes.
    for step in 0..40 {
        let (session, deed) = match step % 2 {
            0 => (&turns, Deed::Count),
            _ => (&models, Deed::Model(caller.word())),
        };
        let kill = async {
            tokio::time::sleep(Duration::from_micros(150 * step)).await;
            tokio::task::block_in_place(|| {
                history.kill(|| host.kill());
                host.start_again();
            });
        };
        tokio::join!(caller.ask(session, deed), kill);
    }
    examine(&mut host, &agent, &caller).await;
}

#[tokio::test]
async fn kill_9_in_each_of_two_model_calls_costs_only_the_call_in_flight() {
    let bedrock = StandIn::start().await;
    let mut host = Host::builder().bedrock(&bedrock).alone().start();
    let agent = host.deploy("tutorial", TUTORIAL).await;
    let session = agent.session("first");
    let payload = json!({ "user_id": 1, "prompt": "How much is 2*5?" });
    let tool = || Answer::tool_use("tooluse_1", "calculator", &json!({ "expression": "2*5" }));
    let lost = || Answer::text("lost").hold();
    // In the first call, twice.
    for calls in 1..=2 {
        bedrock.push(lost());
        let call = attempt(&session, "the-call", &payload);
        let (cut, ()) = tokio::join!(call, kill_at(&mut host, &bedrock, calls));
        assert!(cut.is_err(), "{cut:?}");
        host.start_again();
    }
    // In the second, three times.
    bedrock.push(tool());
    for calls in 4..=6 {
        bedrock.push(lost());
        let call = attempt(&session, "the-call", &payload);
        let (cut, ()) = tokio::join!(call, kill_at(&mut host, &bedrock, calls));
        assert!(cut.is_err(), "{cut:?}");
        host.start_again();
    }
    bedrock.push(Answer::text("It is 10."));
    for _ in 0..2 {
        let answer = attempt(&session, "the-call", &payload).await.unwrap();
        assert_eq!(answer.json_of(200), "It is 10.");
    }
    let bodies: Vec<Value> = bedrock
        .requests()
        .into_iter()
        .map(|request| request.body)
        .collect();
    let [first @ .., _, _, _, _] = &bodies[..] else {
        panic!("{bodies:?}");
    };
    let second = &bodies[3..];
    assert_eq!(
        first.len(),
        3,
        "two that were cut, and one that was answered"
    );
    assert!(first.iter().all(|body| *body == bodies[0]), "{first:?}");
    assert!(second.iter().all(|body| *body == bodies[3]), "{second:?}");
    assert_ne!(bodies[0], bodies[3]);
    assert_eq!(session.inspect().await["models"]["calls"], 2);
}

#[tokio::test]
async fn kill_9_in_a_stream_before_and_after_its_first_piece_begins_it_anew() {
    let bedrock = StandIn::start().await;
    let mut host = Host::builder().bedrock(&bedrock).alone().start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    let payload = json!({ "do": "model-stream", "prompt": "Count" });
    // So many events: only that the message starts, a first piece, more of them, and all but the end.
    for (tries, events) in [1, 2, 3, 4, 5].into_iter().enumerate() {
        bedrock.push(Answer::text("one two three").hang_after(events));
        let call = attempt(&session, "the-call", &payload);
        let (cut, ()) = tokio::join!(call, kill_at(&mut host, &bedrock, tries + 1));
        assert!(cut.is_err(), "{cut:?}");
        host.start_again();
    }
    bedrock.push(Answer::text("four five"));
    for _ in 0..2 {
        let whole = attempt(&session, "the-call", &payload).await.unwrap();
        assert_eq!(whole.text(), "data: \"four \"\n\ndata: \"five\"\n\n");
    }
    assert_eq!(bedrock.calls().converse_stream, 6);
    assert_eq!(session.count().await, 2);
}

#[tokio::test]
async fn kill_9_after_a_turn_and_before_its_answer_is_read_loses_nothing() {
    let bedrock = StandIn::start().await;
    let mut host = Host::builder().bedrock(&bedrock).alone().start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    for turn in 1..=3 {
        let name = format!("call-{turn}");
        let payload = json!({ "do": "model", "prompt": name });
        let request = session.invocation(payload.to_string());
        let unread = request.header("amz-sdk-invocation-id", &name).send();
        let unread = tokio::spawn(unread);
        eventually("the end of the turn", || async {
            let reply = session.look().await;
            (reply.status == 200 && reply.json()["receipts"][turn - 1]["turn"] == turn)
                .then_some(())
        })
        .await;
        host.kill();
        host.start_again();
        let answer = attempt(&session, &name, &payload).await.unwrap();
        assert_eq!(answer.json_of(200)["text"], format!("You said: {name}"));
        // What came of the first try is of no matter; it was the one answer, or none.
        if let Ok(Ok(response)) = unread.await
            && let Ok(reply) = Reply::read(response).await
        {
            assert_eq!(reply.body, answer.body);
        }
        assert_eq!(bedrock.calls().converse, turn);
    }
    assert_eq!(session.count().await, 4);
}

/// How often a recovery is cut.
const KILLS: usize = 10;

#[tokio::test]
async fn kill_9_over_and_over_during_recovery_changes_nothing() {
    let mut dice = Dice::of("recovery");
    let bedrock = StandIn::start().await;
    let mut host = Host::builder().bedrock(&bedrock).alone().start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    // Something to recover: turns that asked models, that printed, that broke and that filled memory.
    for turn in 0..20 {
        let word = format!("word-{turn}");
        session.ask(json!({ "do": "model", "prompt": word })).await;
        session.ask(json!({ "do": "print", "message": word })).await;
        session.ask(json!({ "do": "keep", "kib": 64 })).await;
        session.invoke(json!({ "do": "trap" })).await;
    }
    let question = json!({ "do": "model", "prompt": "the question" });
    let before = bedrock.calls().converse;
    for _ in 0..KILLS {
        let known = bedrock.calls().converse;
        bedrock.push(Answer::text("lost").hold());
        let later = dice.moment(Duration::from_millis(25));
        let kill = async {
            // In the middle of the replay, or when the open turn asks again.
            tokio::select! {
                () = tokio::time::sleep(later) => {}
                () = bedrock.arrived(known + 1) => {}
            }
            host.kill();
        };
        let (cut, ()) = tokio::join!(attempt(&session, "the-call", &question), kill);
        assert!(cut.is_err(), "{cut:?}");
        host.start_again();
    }
    // Answers that nobody came to ask for are still there, and hold the turn up.
    while bedrock.calls().converse < before + KILLS {
        let (known, call) = (
            bedrock.calls().converse,
            attempt(&session, "the-call", &question),
        );
        let (cut, ()) = tokio::join!(call, kill_at(&mut host, &bedrock, known + 1));
        assert!(cut.is_err(), "{cut:?}");
        host.start_again();
    }
    bedrock.push(Answer::text("found"));
    for _ in 0..2 {
        let answer = attempt(&session, "the-call", &question).await.unwrap();
        assert_eq!(answer.json_of(200)["text"], "found");
    }
    assert_eq!(session.count().await, 62);
    let kept = session.ask(json!({ "do": "keep", "kib": 0 })).await;
    assert_eq!(kept["kept_bytes"], 20 * 64 * 1024);
    let requests = bedrock.requests();
    for turn in 0..20 {
        let word = format!("word-{turn}");
        let bought = requests.iter().filter(|request| prompt(request) == word);
        assert_eq!(bought.count(), 1, "{word}");
    }
}

#[tokio::test]
async fn kill_9_while_a_running_turn_is_stopped_gives_it_one_end() {
    let mut dice = Dice::of("stopped");
    let bedrock = StandIn::start().await;
    let mut host = Host::builder().bedrock(&bedrock).alone().start();
    let agent = host.deploy("probe", PROBE).await;
    let payload = json!({ "do": "model", "prompt": "Hello" });
    for round in 0..12 {
        let session = agent.session(&format!("session-{round}"));
        session.count().await;
        let known = bedrock.calls().converse;
        bedrock.push(Answer::text("lost").hold());
        let later = dice.moment(Duration::from_millis(2));
        let stop = async {
            in_time("the call", bedrock.arrived(known + 1)).await;
            let killed = async {
                tokio::time::sleep(later).await;
                host.kill();
            };
            let stopped = async { session.stopping().send().await };
            tokio::join!(stopped, killed)
        };
        let (_, (stopped, ())) = tokio::join!(attempt(&session, "the-call", &payload), stop);
        host.start_again();
        let ended = session.inspect().await["phase"] == "ended";
        let acknowledged = stopped.is_ok_and(|stopped| stopped.status() == 200);
        assert!(ended || !acknowledged, "an acknowledged stop was lost");
        let first = attempt(&session, "the-call", &payload).await.unwrap();
        let again = attempt(&session, "the-call", &payload).await.unwrap();
        assert_eq!((first.status, &first.body), (again.status, &again.body));
        let turns = match (ended, first.status) {
            (true, 424) => 1,
            // The server died between the end of the turn and that of its session.
            (false, 424) => 2,
            // The stop had not come so far.
            (false, 200) => 3,
            _ => panic!("{first:?}"),
        };
        assert_eq!(session.count().await, turns);
    }
}
