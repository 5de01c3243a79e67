//! The `wasi:clocks` interfaces: one virtual clock for each cell, which stands still while the guest computes.
//!
//! So no guest can time another, or the server, and a replay sees the times that were.

use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::clocks::{monotonic_clock, wall_clock};
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};

use super::cell::State;
use super::handles::Handle;
use crate::clock::Timestamp;

const NS_PER_MS: u64 = 1_000_000;
const NS_PER_S: u64 = 1_000_000_000;

/// Both clocks of a cell, in one number: nanoseconds since the Unix epoch, good for the next five centuries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct VirtualClock(u64);

impl VirtualClock {
    /// What a guest means that names it as a deadline: a time that does not come.
    pub(super) const NEVER: u64 = u64::MAX;

    pub(super) fn at(time: Timestamp) -> Self {
        Self(nanoseconds(time))
    }

    /// The clock of which [`now`](Self::now) said this.
    pub(super) fn at_ns(time: u64) -> Self {
        Self(time)
    }

    /// The present moment. Each look takes a nanosecond, so that none shows what another showed.
    fn read(&mut self) -> u64 {
        let now = self.0;
        self.0 = now.saturating_add(1);
        now
    }

    /// The present moment, without a look at it.
    pub(super) fn now(self) -> u64 {
        self.0
    }

    /// Moves to a moment, unless it has passed.
    pub(super) fn advance_to(&mut self, time: Timestamp) {
        self.advance_to_ns(nanoseconds(time));
    }

    /// The same, to the nanosecond.
    pub(super) fn advance_to_ns(&mut self, time: u64) {
        self.0 = self.0.max(time);
    }
}

fn nanoseconds(time: Timestamp) -> u64 {
    time.as_millis().saturating_mul(NS_PER_MS)
}

/// The form of WASI.
fn datetime(ns: u64) -> wall_clock::Datetime {
    wall_clock::Datetime {
        seconds: ns / NS_PER_S,
        nanoseconds: (ns % NS_PER_S) as u32,
    }
}

impl wall_clock::Host for State {
    fn now(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        Ok(datetime(self.look()?))
    }

    fn resolution(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        Ok(datetime(NS_PER_MS))
    }
}

impl monotonic_clock::Host for State {
    fn now(&mut self) -> wasmtime::Result<u64> {
        self.look()
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(1)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.timer(when)
    }

    fn subscribe_duration(&mut self, duration: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.timer(self.clock.now().saturating_add(duration))
    }
}

/// What a timer's pollable hangs on in the table. When it is ready is for the `poll` interface to say.
struct Timer;

#[wasmtime_wasi::async_trait]
impl Pollable for Timer {
    async fn ready(&mut self) {}
}

impl State {
    fn look(&mut self) -> wasmtime::Result<u64> {
        self.spending.calls(1)?;
        Ok(self.clock.read())
    }

    fn timer(&mut self, deadline: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.spending.calls(1)?;
        let timer = self.table.push(Timer)?;
        let pollable = subscribe(&mut self.table, timer)?;
        self.timers.insert(pollable.rep(), deadline);
        self.handles.open(Handle::Other, pollable.rep());
        Ok(pollable)
    }
}
