//! Everything hostile at once, in an order that a seed decides, while another tenant's session counts on.
//!
//! `KELLION_STRESS_CLIENTS` says how many hostile clients there are, `KELLION_STRESS_STEPS` how many steps each of them
//! makes, `KELLION_STRESS_SEED` which; all are told, so that a run can be made again.

use std::sync::atomic::{AtomicBool, Ordering};

use chacha20::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::{Agent, Client, Host, PROBE, Session, Witness, reference, wat};

const CLIENTS: u64 = 6;
const STEPS: u64 = 60;

const CONFIG: &str = "[sandbox]\nturn_cpu_ms = 100\nturn_output_mib = 4\nmemory_mib = 16\nmax_live_sessions = 64\n\
    [sessions]\nturn_seconds = 2\nwaiting_turns = 2\nhibernate_seconds = 1\n";

/// Does what the first byte of its payload says.
const HOSTILE: &str = r#"
    (import "kellion:agent/log@0.1.0" "write" (func $log (param i32 i32 i32)))
    (import "kellion:agent/response@0.1.0" "write" (func $write (param i32 i32) (result i32)))
    (global $turns (mut i32) (i32.const 0))
    (func $deep (param i64) (result i64)
        (i64.add (i64.const 1) (call $deep (local.get 0))))
    (func (export "invoke") (param $call i32) (result i32)
        (local $deed i32)
        (global.set $turns (i32.add (global.get $turns) (i32.const 1)))
        (local.set $deed (i32.load8_u (i32.load (local.get $call))))
        (if (i32.eq (local.get $deed) (i32.const 115)) (then (loop (br 0))))
        (if (i32.eq (local.get $deed) (i32.const 116)) (then (unreachable)))
        (if (i32.eq (local.get $deed) (i32.const 114)) (then (drop (call $deep (i64.const 0)))))
        (if (i32.eq (local.get $deed) (i32.const 109)) (then
            (loop (br_if 0 (i32.ne (i32.const -1) (memory.grow (i32.const 16)))))
            (memory.fill (i32.const 65536) (i32.const 255)
                (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 65536)))
            (unreachable)))
        (if (i32.eq (local.get $deed) (i32.const 108)) (then
            (loop (call $log (i32.const 1) (i32.const 0) (i32.const 60000)) (br 0))))
        (if (i32.eq (local.get $deed) (i32.const 111)) (then
            (loop (drop (call $write (i32.const 0) (i32.const 1000))) (br 0))))
        (if (i32.eq (local.get $deed) (i32.const 98)) (then
            (return (call $answer (i32.const 65536) (i32.const -1)))))
        (i32.store8 (i32.const 1024) (i32.add (i32.const 48)
            (i32.rem_u (global.get $turns) (i32.const 10))))
        (call $answer (i32.const 1024) (i32.const 1)))
"#;

/// What a hostile payload begins with, and how its turn may be answered.
const DEEDS: &[(&str, &[u16])] = &[
    ("spin", &[424, 429]),
    ("trap", &[424, 429]),
    ("recurse", &[424, 429]),
    ("memory", &[424, 429]),
    ("log", &[200, 424, 429]),
    ("output", &[200, 424, 429]),
    ("bad answer", &[424, 429]),
    ("count", &[200, 424, 429]),
];

fn setting(name: &str, default: u64) -> u64 {
    let set = std::env::var(name).ok();
    set.map_or(default, |value| value.parse().expect("a number"))
}

struct Hostile {
    client: Client,
    agent: Agent,
    chance: ChaCha8Rng,
    number: u64,
}

impl Hostile {
    fn below(&mut self, bound: u64) -> u64 {
        self.chance.next_u64() % bound
    }

    async fn step(&mut self) {
        match self.below(8) {
            0 => self.upload().await,
            1 => self.garbage().await,
            2 => self.leave().await,
            3 => {
                let reply = self.session().stop().await;
                assert!([200, 404, 409].contains(&reply.status), "{reply:?}");
            }
            _ => self.turn().await,
        }
    }

    fn session(&mut self) -> Session {
        let which = self.below(4);
        let name = format!("hostile-{}-{which}", self.number);
        self.agent.session(&name)
    }

    async fn turn(&mut self) {
        let (deed, statuses) = DEEDS[self.below(DEEDS.len() as u64) as usize];
        let request = self.session().invocation(deed.to_owned());
        let response = self.client.begin(request).await;
        assert!(
            statuses.contains(&response.status().as_u16()),
            "{deed}: {response:?}"
        );
        // An answer that has begun may break off.
        let _ = response.bytes().await;
    }

    /// Asks, and hangs up while it is being answered.
    async fn leave(&mut self) {
        let deed = ["spin", "output", "count"][self.below(3) as usize];
        let request = self.session().invocation(deed.to_owned());
        let mut response = self.client.begin(request).await;
        let _ = response.chunk().await;
    }

    /// Bytes that are no component, or nearly one.
    async fn upload(&mut self) {
        let mut bytes = wat::agent(HOSTILE);
        for _ in 0..1 + self.below(8) {
            let place = self.below(bytes.len() as u64) as usize;
            bytes[place] = self.below(256) as u8;
        }
        bytes.truncate(self.below(bytes.len() as u64 * 2) as usize);
        let which = self.below(1 << 40);
        let name = format!("upload_{}_{which}", self.number);
        self.client.push(&reference(&name), bytes).await;
        let agent = self.client.create(&name).await;
        let status = agent.built().await["status"].clone();
        assert!(
            [Value::from("CREATE_FAILED"), Value::from("READY")].contains(&status),
            "{status}"
        );
        let reply = self.client.delete(&agent.path("")).await;
        assert_eq!(reply.status, 202, "{reply:?}");
    }

    /// Requests of no use.
    async fn garbage(&mut self) {
        let path = [
            "/runtimes/%2e%2e/",
            "/runtimes/arn%3Aaws%3A/invocations",
            "/kellion/v1/agents/x/sessions/y",
            "/%00",
        ][self.below(4) as usize];
        let reply = self.client.get(path).await;
        assert!((400..500).contains(&reply.status), "{reply:?}");
        let reply = self
            .client
            .put("/runtimes/", &json!({ "agentRuntimeName": 5 }))
            .await;
        assert_eq!(reply.status, 400, "{reply:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_tenants_session_counts_on_whatever_the_others_do() {
    let seed = setting("KELLION_STRESS_SEED", 7);
    let steps = setting("KELLION_STRESS_STEPS", STEPS);
    let clients = setting("KELLION_STRESS_CLIENTS", CLIENTS);
    println!(
        "KELLION_STRESS_SEED={seed} KELLION_STRESS_STEPS={steps} KELLION_STRESS_CLIENTS={clients}"
    );
    let host = Host::builder().config(CONFIG).start();
    // All ask as fast as they are answered, and many clients have many sessions and agents.
    let often = "[quotas]\nrequests_per_second = 1000000\nsessions = 1000000\nagents = 1000000\n";
    let peaceful = host.guest("peaceful", often).await;
    let stranger = host.guest("stranger", often).await;
    let counter = peaceful.deploy("peaceful", PROBE).await;
    stranger
        .push(&reference("hostile"), wat::agent(HOSTILE))
        .await;
    let agent = stranger.create("hostile").await;
    assert_eq!(agent.built().await["status"], "READY");
    let mut witness = Witness::of(&host, &counter).await;

    let mut hostile = JoinSet::new();
    for number in 0..clients {
        let mut one = Hostile {
            client: stranger.clone(),
            agent: agent.clone(),
            chance: ChaCha8Rng::seed_from_u64(seed * 1_000 + number),
            number,
        };
        hostile.spawn(async move {
            for _ in 0..steps {
                one.step().await;
            }
        });
    }
    let over = AtomicBool::new(false);
    let counting = async {
        while !over.load(Ordering::Relaxed) {
            witness.answers().await;
        }
    };
    let hostile = async {
        while let Some(done) = hostile.join_next().await {
            done.expect("every answer is one of those that may be");
        }
        over.store(true, Ordering::Relaxed);
    };
    tokio::join!(counting, hostile);
    witness.survived(&host).await;
}
