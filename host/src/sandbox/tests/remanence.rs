//! What a cell leaves in its slot: nothing that the next one could find. There is one slot, which all cells here have in
//! turn, and one stack.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures::FutureExt;
use serde_json::{Value, json};

use super::super::{Cell, Config, Image, Program, Sandbox, compile};
use super::cuts::looked_at;
use super::odd::{Manner, Odd};
use super::stage::{Log, START, Session, birth};
use super::wat;
use crate::contract::types::AgentError;

/// In MiB: more than what of a memory stays in the process between two cells, so both ways of cleaning are met.
const MEMORY_MIB: u32 = 16;

/// Every byte of it is what guests here leave behind.
const MARK: [u8; 8] = [0xA5; 8];

/// The table of a guest, and what it does with it.
const TABLE: [&str; 3] = [
    "(table $table 100 20000 funcref) (elem declare func $deep)",
    "(drop (table.grow $table (ref.func $deep) (i32.const 5000)))
     (table.fill $table (i32.const 0) (ref.func $deep) (table.size $table))",
    "(drop (table.grow $table (ref.null func) (i32.const 5000)))
     (block $end (loop $next
        (br_if $end (i32.ge_u (local.get $at) (table.size $table)))
        (if (i32.eqz (ref.is_null (table.get $table (local.get $at))))
            (then (local.set $found (i32.add (local.get $found) (i32.const 1)))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))",
];

/// A guest that has 128 KiB of its own data from there on. It reads the payload from its second byte on: `m` fills all that it
/// can reach with the mark, asks for its configuration, and does what the next byte says; `s` looks for the mark everywhere,
/// and answers how often it stands in memory, in tables and in globals.
fn guest(data: u32, [table, fill_table, look_at_table]: [&str; 3]) -> Vec<u8> {
    let locals: String = (0..16).map(|n| format!("(local $l{n} i64)")).collect();
    let set: String = (0..16)
        .map(|n| {
            format!(
                "(local.set $l{n} (i64.load offset={} (i32.const 64)))",
                n * 8
            )
        })
        .collect();
    let sum: String = (0..16)
        .map(|n| format!("(i64.xor (local.get $l{n}))"))
        .collect();
    let globals = |each: fn(usize) -> String| (0..8).map(each).collect::<String>();
    wat::component(&format!(
        r#"(module
        (import "kellion:agent/session@0.1.0" "config" (func $config (param i32 i32 i32)))
        (import "kellion:agent/response@0.1.0" "write" (func $write (param i32 i32) (result i32)))
        (memory (export "memory") 40)
        (data (i32.const {data}) "{own}")
        {table} {declared}
        (global $free (mut i32) (i32.const 8192))
        (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
            (local $at i32)
            (local.set $at (i32.and (i32.add (global.get $free) (i32.const 15)) (i32.const -16)))
            (global.set $free (i32.add (local.get $at) (local.get $size)))
            (local.get $at))
        (func $grow (loop $more
            (br_if $more (i32.ne (memory.grow (i32.const 8)) (i32.const -1)))))
        (func $deep (param $left i32) (result i64)
            {locals}
            {set}
            (if (local.get $left) (then
                (drop (call $deep (i32.sub (local.get $left) (i32.const 1))))))
            (i64.const 0) {sum})
        (func $mark (param $then i32)
            (call $grow)
            (memory.fill (i32.const 64) (i32.const 0xA5)
                (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 64)))
            {fill_table}
            {filled}
            (drop (call $deep (i32.const 4000)))
            (call $config (i32.const 0) (i32.const 0) (i32.const 0))
            (if (i32.eq (local.get $then) (i32.const 116)) (then (unreachable)))
            (if (i32.eq (local.get $then) (i32.const 108)) (then (loop (br 0))))
            (if (i32.eq (local.get $then) (i32.const 119)) (then
                (drop (call $write (i32.const 64) (i32.const 8))))))
        (func $in_memory (result i32)
            (local $at i32) (local $end i32) (local $word i64) (local $found i32)
            (local.set $end (i32.mul (memory.size) (i32.const 65536)))
            (loop $next
                (local.set $word (i64.load (local.get $at)))
                (block $done (loop $byte
                    (br_if $done (i64.eqz (local.get $word)))
                    (if (i64.eq (i64.and (local.get $word) (i64.const 255)) (i64.const 0xA5))
                        (then (local.set $found (i32.add (local.get $found) (i32.const 1)))))
                    (local.set $word (i64.shr_u (local.get $word) (i64.const 8)))
                    (br $byte)))
                (local.set $at (i32.add (local.get $at) (i32.const 8)))
                (br_if $next (i32.lt_u (local.get $at) (local.get $end))))
            (local.get $found))
        (func $in_tables (result i32)
            (local $at i32) (local $found i32)
            {look_at_table}
            (local.get $found))
        (func $scan
            (local $memory i32)
            (local.set $memory (call $in_memory))
            (call $grow)
            (local.set $memory (i32.add (local.get $memory) (call $in_memory)))
            (call $config (i32.const 0) (i32.const 0) (i32.const 0))
            (i32.store (i32.const 64) (local.get $memory))
            (i32.store (i32.const 68) (call $in_tables))
            (i32.store (i32.const 72) (i32.const 0) {counted}))
        (func (export "invoke") (param $arguments i32) (result i32)
            (local $payload i32)
            (local.set $payload (i32.load (local.get $arguments)))
            (if (i32.eq (i32.load8_u offset=1 (local.get $payload)) (i32.const 109))
                (then (call $mark (i32.load8_u offset=2 (local.get $payload))))
                (else (call $scan)))
            (i32.store (i32.const 32) (i32.const 0))
            (i32.store (i32.const 36) (i32.const 64))
            (i32.store (i32.const 40) (i32.const 12))
            (i32.const 32)))"#,
        own = "kellion!".repeat(16 << 10),
        declared = globals(|n| format!("(global $g{n} (mut i64) (i64.const 0))")),
        filled = globals(|n| format!("(global.set $g{n} (i64.load (i32.const 64)))")),
        counted = globals(|n| format!("(i64.ne (global.get $g{n}) (i64.const 0)) (i32.add)")),
    ))
}

/// How a cell goes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Goes {
    /// After a turn.
    Stopped,
    /// After its image was taken.
    Hibernated,
    /// In a trap.
    Trapped,
    /// With its CPU time used up.
    Spent,
    /// While it waited.
    Dropped,
}

struct Slot {
    sandbox: Sandbox,
    /// How often the mark stood on the stack, when it was last looked for.
    on_stack: Arc<AtomicUsize>,
}

impl Slot {
    fn new() -> Self {
        let sandbox = Sandbox::new(Config {
            max_live_sessions: 1,
            memory_mib: MEMORY_MIB,
            turn_cpu_ms: 1_000,
            ..Config::default()
        });
        Self {
            sandbox: sandbox.unwrap(),
            on_stack: Arc::default(),
        }
    }

    fn program(&self, component: &[u8]) -> Program {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&compile(component, MEMORY_MIB).unwrap())
            .unwrap();
        self.sandbox.load(file.as_file()).unwrap()
    }

    async fn start(&self, program: &Program) -> Session {
        let cell = Cell::start(&self.sandbox, program, Arc::new(Log::default()), &birth(1)).await;
        session(cell.unwrap())
    }

    async fn restore(&self, program: &Program, image: &Bytes) -> Session {
        let image = Image::decode(image).unwrap();
        let log = Arc::new(Log::default());
        let cell = Cell::restore(&self.sandbox, program, log, &image).boxed();
        session(cell.await.unwrap())
    }

    fn outside(&self, manner: Manner) -> Box<Odd> {
        let on_stack = Arc::clone(&self.on_stack);
        Odd::watching(manner, move || {
            on_stack.store(marks_on_stack(), Ordering::Relaxed)
        })
    }

    /// What a session finds in memory, in tables, in globals, and the host on its stack.
    async fn found_by(&self, session: &mut Session) -> [usize; 4] {
        self.on_stack.store(usize::MAX, Ordering::Relaxed);
        let outside = self.outside(Manner::Slow);
        let answer = session.turn_with(&json!("s"), START, outside).await;
        let found = answer.unwrap().unwrap();
        let number = |at: usize| u32::from_le_bytes(found[at..at + 4].try_into().unwrap()) as usize;
        let on_stack = self.on_stack.load(Ordering::Relaxed);
        [number(0), number(4), number(8), on_stack]
    }

    /// A cell marks everything and goes; its image if it was taken.
    async fn marked(&self, program: &Program, goes: Goes) -> Option<Bytes> {
        let mut session = self.start(program).await;
        let (deed, manner): (Value, Manner) = match goes {
            Goes::Stopped | Goes::Hibernated => (json!("mr"), Manner::Slow),
            Goes::Trapped => (json!("mt"), Manner::Slow),
            Goes::Spent => (json!("ml"), Manner::Slow),
            Goes::Dropped => (json!("mw"), Manner::Never("write")),
        };
        let turn = session.turn_with(&deed, START, self.outside(manner));
        if goes == Goes::Dropped {
            assert!(looked_at(turn, 10_000).is_none());
        } else {
            let answered: Result<Result<Vec<u8>, AgentError>, _> = turn.await;
            let answers = matches!(goes, Goes::Stopped | Goes::Hibernated);
            assert_eq!(answered.is_ok(), answers, "{goes:?}: {answered:?}");
        }
        let on_stack = self.on_stack.load(Ordering::Relaxed);
        assert!(on_stack > 10_000, "the mark stands there {on_stack} times");
        match goes {
            Goes::Hibernated => Some(session.image().await.unwrap()),
            _ => None,
        }
    }
}

fn session(cell: Cell) -> Session {
    Session {
        cell,
        log: Arc::default(),
        turns: 0,
    }
}

/// How often the mark stands on this stack, below where it is used now.
fn marks_on_stack() -> usize {
    let here = 0_u8;
    let here = std::ptr::from_ref(&here).addr();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let from = maps.lines().find_map(|line| {
        let (from, to) = line.split_whitespace().next()?.split_once('-')?;
        let from = usize::from_str_radix(from, 16).ok()?;
        let to = usize::from_str_radix(to, 16).ok()?;
        (from..to).contains(&here).then_some(from)
    });
    let from = from.unwrap();
    let mut memory = File::open("/proc/self/mem").unwrap();
    memory.seek(SeekFrom::Start(from as u64)).unwrap();
    let mut stack = vec![0; here - from];
    memory.read_exact(&mut stack).unwrap();
    stack.chunks_exact(8).filter(|word| **word == MARK).count()
}

#[tokio::test]
async fn g35_the_next_in_a_slot_finds_nothing_of_the_one_before() {
    let slot = Slot::new();
    // The boundary of what stays in the process lies in the first one's own data, and in nothing of the second.
    let first = slot.program(&guest(0xF_0000, TABLE));
    let second = slot.program(&guest(0x20_0000, TABLE));

    let mut own = slot.start(&first).await;
    assert_eq!(slot.found_by(&mut own).await, [0; 4]);
    let outside = slot.outside(Manner::Slow);
    let marked = own.turn_with(&json!("mr"), START, outside).await;
    marked.unwrap().unwrap();
    let [memory, tables, globals, _] = slot.found_by(&mut own).await;
    assert!(memory > 30 << 20, "looked through twice, it finds {memory}");
    assert!(tables > 5_000, "{tables}");
    assert_eq!(globals, 8);
    drop(own);

    for (before, after) in [(&first, &first), (&first, &second), (&second, &first)] {
        for goes in [Goes::Stopped, Goes::Trapped, Goes::Dropped, Goes::Spent] {
            let rounds = if goes == Goes::Spent { 1 } else { 5 };
            for round in 0..rounds {
                slot.marked(before, goes).await;
                let mut session = slot.start(after).await;
                let found = slot.found_by(&mut session).await;
                assert_eq!(found, [0; 4], "{goes:?}, round {round}");
            }
        }
    }
}

#[tokio::test]
async fn g35_a_session_that_comes_back_from_its_image_finds_its_own_and_nothing_else() {
    let slot = Slot::new();
    let first = slot.program(&guest(0xF_0000, [""; 3]));
    let second = slot.program(&guest(0x20_0000, [""; 3]));
    for program in [&first, &second] {
        // It takes a slot of its own for a moment.
        program.prepare(&slot.sandbox).await.unwrap();
    }
    for (before, after) in [(&first, &first), (&first, &second), (&second, &first)] {
        let mut session = slot.start(after).await;
        let (image, digest) = (session.image().await.unwrap(), session.digest().await);
        drop(session);
        for goes in [
            Goes::Hibernated,
            Goes::Stopped,
            Goes::Trapped,
            Goes::Dropped,
        ] {
            let marked = slot.marked(before, goes).await;
            let mut session = slot.restore(after, &image).await;
            assert_eq!(session.digest().await, digest, "{goes:?}");
            assert_eq!(slot.found_by(&mut session).await, [0; 4], "{goes:?}");
            drop(session);
            if let Some(marked) = marked {
                let mut session = slot.restore(before, &marked).await;
                let [memory, _, globals, on_stack] = slot.found_by(&mut session).await;
                assert!(memory > 30 << 20, "{memory} of its own");
                assert_eq!((globals, on_stack), (8, 0));
            }
        }
    }
}
