//! What one tenant's agent leaves behind, for another's that comes after it: nothing. There is one slot on this server, which
//! all have in turn.

use serde_json::json;

use crate::harness::{Agent, Client, Host, PROBE, Witness, reference, wat};

/// Fills its memory with the mark, and the stack. Otherwise it looks through all memory that it can get, and answers with
/// `0` or `1`: whether the mark is there.
fn guest() -> Vec<u8> {
    wat::agent(
        r#"(func $grow (loop $more
            (br_if $more (i32.ne (memory.grow (i32.const 2)) (i32.const -1)))))
        (func $deep (param $left i32) (param i64 i64 i64 i64 i64 i64) (result i64)
            (if (local.get $left) (then
                (drop (call $deep (i32.sub (local.get $left) (i32.const 1))
                    (local.get 1) (local.get 2) (local.get 3) (local.get 4) (local.get 5) (local.get 6)))))
            (i64.xor (local.get 1) (i64.xor (local.get 2) (local.get 3))))
        (func $mark
            (local $word i64)
            (call $grow)
            (memory.fill (i32.const 64) (i32.const 0xA5)
                (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 64)))
            (local.set $word (i64.load (i32.const 64)))
            (drop (call $deep (i32.const 5000)
                (local.get $word) (local.get $word) (local.get $word)
                (local.get $word) (local.get $word) (local.get $word))))
        (func $is_there (result i32)
            (local $at i32)
            (loop $next
                (if (i64.eq (i64.load (local.get $at)) (i64.const 0xA5A5A5A5A5A5A5A5))
                    (then (return (i32.const 1))))
                (local.set $at (i32.add (local.get $at) (i32.const 8)))
                (br_if $next (i32.lt_u (local.get $at) (i32.mul (memory.size) (i32.const 65536)))))
            (i32.const 0))
        (func (export "invoke") (param $arguments i32) (result i32)
            (local $deed i32)
            (local.set $deed (i32.load8_u offset=1 (i32.load (local.get $arguments))))
            (if (i32.ne (local.get $deed) (i32.const 115)) (then
                (call $mark)
                (if (i32.eq (local.get $deed) (i32.const 116)) (then (unreachable)))
                (if (i32.eq (local.get $deed) (i32.const 108)) (then (loop (br 0))))
                (i32.store8 (i32.const 2048) (i32.const 50)))
            (else
                (local.set $deed (call $is_there))
                (call $grow)
                (local.set $deed (i32.or (local.get $deed) (call $is_there)))
                (i32.store8 (i32.const 2048) (i32.add (i32.const 48) (local.get $deed)))))
            (call $answer (i32.const 2048) (i32.const 1)))"#,
    )
}

async fn deployed(client: &Client) -> Agent {
    client.push(&reference("guest"), guest()).await;
    let agent = client.create("guest").await;
    assert_eq!(agent.built().await["status"], "READY");
    agent
}

#[tokio::test]
async fn g35_another_tenant_in_the_same_slot_finds_nothing() {
    let config = "[sandbox]\nmax_live_sessions = 1\nmemory_mib = 16\nturn_cpu_ms = 1000\n";
    let host = Host::builder().config(config).start();
    let peaceful = host.guest("peaceful", "").await;
    let witness = Witness::of(&host, &peaceful.deploy("peaceful", PROBE).await).await;
    let (careless, curious) = (
        host.guest("careless", "").await,
        host.guest("curious", "").await,
    );
    let (careless, curious) = (deployed(&careless).await, deployed(&curious).await);
    let own = careless.session("own");
    assert_eq!(own.ask(json!("m")).await, 2);
    assert_eq!(own.ask(json!("s")).await, 1, "it would be found");
    let rests = curious.session("rests");
    assert_eq!(rests.ask(json!("s")).await, 0);
    for round in 0..6 {
        let session = careless.session(&format!("round-{round}"));
        match round % 3 {
            // It leaves the slot for the next, and is stopped afterwards.
            0 => assert_eq!(session.ask(json!("m")).await, 2),
            1 => assert_eq!(session.invoke(json!("t")).await.status, 424),
            _ => assert_eq!(session.invoke(json!("l")).await.status, 424),
        }
        let fresh = curious.session(&format!("round-{round}"));
        assert_eq!(fresh.ask(json!("s")).await, 0, "fresh, round {round}");
        assert_eq!(session.stop().await.status, 200);
        assert_eq!(
            rests.ask(json!("s")).await,
            0,
            "from its image, round {round}"
        );
    }
    witness.survived(&host).await;
}
