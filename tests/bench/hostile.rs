//! Neighbours who do their worst, from threads of their own so that the victim's client is left alone.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::time::{Instant, interval_at};

use super::client::{Connection, Target, session_id};
use super::server::{Agent, Server};
use super::{Error, wat};

/// Sessions of hostile neighbours are named after this round, which no victim has.
const ROUND: usize = 9_000_000;

/// What goes on until this is dropped.
pub(crate) struct Hostile {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    /// Where sessions whose turns do not end are stopped, and how many there are.
    sessions: Option<(Target, usize)>,
}

impl Hostile {
    /// Turns that do not end by themselves, in so many sessions.
    pub(crate) fn endless(server: &Server, agent: &Agent, body: &str, count: usize) -> Self {
        let target = agent.invocations(&server.address);
        let held = (0..count).filter_map(|number| {
            let mut stream = TcpStream::connect(&target.address).ok()?;
            let request = request(&target, &session_id(ROUND, number), body);
            stream.write_all(&request).ok()?;
            Some(stream)
        });
        let held: Vec<_> = held.collect();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let holding = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                thread::park_timeout(Duration::from_millis(50));
            }
            drop(held);
        });
        Self {
            stop,
            threads: vec![holding],
            sessions: Some((agent.stop(server), count)),
        }
    }

    /// Turns without end on so many connections, each in a session of its own.
    pub(crate) fn flood(server: &Server, agent: &Agent, body: &str) -> Self {
        Self::turns(server, agent, body, None)
    }

    /// Sessions that begin, so many in a second, each with one turn.
    pub(crate) fn sessions(server: &Server, agent: &Agent, body: &str, per_second: u32) -> Self {
        Self::turns(server, agent, body, Some(per_second))
    }

    fn turns(server: &Server, agent: &Agent, body: &str, fresh: Option<u32>) -> Self {
        const CONNECTIONS: usize = 8;
        let pause = fresh.map(|per_second| Duration::from_secs(CONNECTIONS as u64) / per_second);
        let target = agent.invocations(&server.address);
        let body = body.to_owned();
        Self::threads(1, move |stop| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("the system gives a runtime");
            let flooding = (0..CONNECTIONS).map(|number| {
                let (target, body, stop) = (&target, &body, &stop);
                async move {
                    let mut turn = 0;
                    let mut due = pause.map(|pause| {
                        let first = pause * number as u32 / CONNECTIONS as u32;
                        interval_at(Instant::now() + first, pause)
                    });
                    while !stop.load(Ordering::Relaxed) {
                        let Ok(mut connection) = Connection::open(target, body.as_bytes()).await
                        else {
                            continue;
                        };
                        while !stop.load(Ordering::Relaxed) {
                            let session = match &mut due {
                                Some(due) => {
                                    due.tick().await;
                                    turn * CONNECTIONS + number
                                }
                                None => number,
                            };
                            turn += 1;
                            if connection
                                .exchange(&session_id(ROUND, session))
                                .await
                                .is_err()
                            {
                                break;
                            }
                        }
                    }
                }
            });
            runtime.block_on(futures::future::join_all(flooding));
        })
    }

    /// Callers who ask for much and read nothing of it.
    pub(crate) fn slow_readers(server: &Server, agent: &Agent, body: &str, count: usize) -> Self {
        let mut hostile = Self::endless(server, agent, body, count);
        hostile.sessions = None;
        hostile
    }

    /// Components that take long to compile, one after another in two places.
    pub(crate) fn bombs(server: &Server, folder: &Path) -> Self {
        let (address, folder) = (server.address.clone(), folder.to_owned());
        let number = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        Self::threads(2, move |stop| {
            while !stop.load(Ordering::Relaxed) {
                let number = number.fetch_add(1, Ordering::Relaxed);
                let file = folder.join(format!("bomb-{number}.wasm"));
                let written = std::fs::write(&file, bomb(number));
                if written.is_err() || deploy(&address, &file, number).is_err() {
                    return;
                }
            }
        })
    }

    fn threads(count: usize, work: impl Fn(Arc<AtomicBool>) + Clone + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let start = |_| {
            let (work, stop) = (work.clone(), Arc::clone(&stop));
            thread::spawn(move || {
                // What they do on the client's cores is not what is measured; nor what processes do that they start.
                let _ = rustix::process::setpriority_process(None, 19);
                work(stop);
            })
        };
        Self {
            threads: (0..count).map(start).collect(),
            stop,
            sessions: None,
        }
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        if let Some((target, count)) = &self.sessions {
            for number in 0..*count {
                let stopped = TcpStream::connect(&target.address).and_then(|mut stream| {
                    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
                    stream.write_all(&request(target, &session_id(ROUND, number), ""))?;
                    stream.read(&mut [0; 64])
                });
                drop(stopped);
            }
        }
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
    }
}

fn request(target: &Target, session: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         x-amzn-bedrock-agentcore-runtime-session-id: {session}\r\n\r\n{body}",
        target.path,
        target.address,
        body.len(),
    )
    .into_bytes()
}

fn deploy(address: &str, file: &Path, number: usize) -> Result<(), Error> {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_kellion"));
    command.args(["deploy", "--json", "--name", &format!("bomb_{number}")]);
    command.args(["--endpoint", &format!("http://{address}")]);
    command.arg(file).output()?;
    Ok(())
}

/// Much code, none of which was compiled before.
fn bomb(number: usize) -> Vec<u8> {
    let step = "(local.set 0 (i32.mul (i32.add (local.get 0) (i32.const 7)) (i32.xor (local.get 0) (local.get 1))))";
    let steps = step.repeat(40);
    let functions = (0..1_500).map(|function| {
        format!("(func $f{function} (param i32 i32) (result i32) {steps} (i32.const {number}) (i32.add (local.get 0)))")
    });
    let functions: String = functions.collect();
    wat::agent(&format!(
        r#"{functions}
        (data (i32.const 1024) "1")
        (func (export "invoke") (param i32) (result i32)
            (drop (call $f0 (i32.const 1) (i32.const 2)))
            (call $answer (i32.const 1024) (i32.const 1)))"#
    ))
}

/// Copies 32 MiB of its memory from one place to the other, without end: one instruction each time.
pub(crate) fn copier() -> Vec<u8> {
    wat::agent(
        r#"(func (export "invoke") (param i32) (result i32)
            (drop (memory.grow (i32.const 1100)))
            (loop $more
                (memory.copy (i32.const 36700160) (i32.const 131072) (i32.const 33554432))
                (br $more))
            (unreachable))"#,
    )
}

/// Writes to its log without end.
pub(crate) fn talker() -> Vec<u8> {
    wat::agent(
        r#"(import "kellion:agent/log@0.1.0" "write" (func $write (param i32 i32 i32)))
        (data (i32.const 1024) "a line that says nothing, and says it again and again and again")
        (func (export "invoke") (param i32) (result i32)
            (loop $more
                (call $write (i32.const 1) (i32.const 1024) (i32.const 63))
                (br $more))
            (unreachable))"#,
    )
}
