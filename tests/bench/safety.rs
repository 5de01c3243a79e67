//! What safety costs, so that nobody turns it off blindly.

use std::time::Instant;

use wasmtime::{Config, Engine, Instance, Module, Store};

use super::client::{Load, session_id};
use super::server::Server;
use super::stats::Rounds;
use super::throughput::Side;
use super::{Error, throughput};

const ROUNDS: usize = 5;

/// N6.
pub(crate) async fn run() -> Result<(), Error> {
    println!("  N6: {ROUNDS} rounds; median (least–most)");
    interruption()?;
    served().await
}

/// A loop of Wasm that can be interrupted at every turn, against one that cannot.
fn interruption() -> Result<(), Error> {
    const LOOP: &str = r#"(module (func (export "run") (param $rounds i64) (result i64)
        (local $sum i64)
        (loop $more
            (local.set $sum (i64.add (i64.mul (local.get $sum) (i64.const 3)) (local.get $rounds)))
            (local.set $rounds (i64.sub (local.get $rounds) (i64.const 1)))
            (br_if $more (i64.ne (local.get $rounds) (i64.const 0))))
        (local.get $sum)))"#;
    const TURNS: i64 = 200_000_000;
    let module = wat::parse_str(LOOP)?;
    let time = |interruptible: bool| -> Result<f64, Error> {
        let mut config = Config::new();
        config.epoch_interruption(interruptible);
        let engine = Engine::new(&config)?;
        let module = Module::new(&engine, &module)?;
        let mut store = Store::new(&engine, ());
        if interruptible {
            store.set_epoch_deadline(1);
        }
        let instance = Instance::new(&mut store, &module, &[])?;
        let run = instance.get_typed_func::<i64, i64>(&mut store, "run")?;
        let began = Instant::now();
        run.call(&mut store, TURNS)?;
        Ok(began.elapsed().as_secs_f64())
    };
    let mut ratios = Rounds::new();
    for _ in 0..ROUNDS {
        ratios.push(time(false)? / time(true)?);
    }
    println!("    guests that can be interrupted: {ratios:.2} of the speed of the tightest loop");
    Ok(())
}

/// Servers that differ in one thing each.
async fn served() -> Result<(), Error> {
    const LOAD: Load = Load {
        connections: 64,
        requests: 6_000,
    };
    const KINDS: [(&str, &str); 4] = [
        ("durability none", "[sessions]\ndurability = \"none\""),
        ("durability process", "[sessions]\ndurability = \"process\""),
        ("durability power", "[sessions]\ndurability = \"power\""),
        (
            "process, no jail",
            "[sessions]\ndurability = \"process\"\n[server]\nsandbox = \"off\"",
        ),
    ];
    let mut servers = Vec::new();
    for (name, configuration) in KINDS {
        let data = tempfile::tempdir()?;
        let Ok(server) = Server::configured(data.path(), None, configuration) else {
            println!("    {name}: this server knows no such setting");
            continue;
        };
        let agent = server.deploy(env!("KELLION_ECHO_WASM"), "echo")?;
        let target = agent.invocations(&server.address);
        servers.push((name, server, target, data, Side::default(), Rounds::new()));
    }
    for round in 0..=ROUNDS {
        let mut first = None;
        for (_, server, target, _, side, ratios) in &mut servers {
            let session = |connection, _| session_id(0, connection);
            let served = side.round(&server.process, target, LOAD, session).await?;
            let none = *first.get_or_insert(served);
            if round > 0 {
                ratios.push(served / none);
            } else {
                *side = Side::default();
            }
        }
    }
    println!(
        "    turns a second, {} connections, {} bytes",
        LOAD.connections,
        throughput::body().len()
    );
    for (name, _, _, _, side, ratios) in &servers {
        println!(
            "    {name:20} {:.0}, {:.1} µs of CPU each; ratio {ratios:.2}",
            side.per_second, side.cpu_us
        );
    }
    Ok(())
}
