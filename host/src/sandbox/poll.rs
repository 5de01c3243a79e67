//! The `wasi:io/poll` interface: what is ready is a matter of the virtual clock alone.
//!
//! A timer is ready when the clock has reached its deadline. Everything else that a guest can poll is a stream of stdio,
//! which never keeps anyone waiting. When nothing is ready the clock jumps to the earliest deadline, after the host has
//! waited as long; how long that took, and what else happened meanwhile, no guest can tell.

use std::time::Duration;

use wasmtime::component::Resource;
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::p2::bindings::io::poll::{Host, HostPollable};

use super::cell::State;
use super::clocks::VirtualClock;

impl Host for State {
    async fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> wasmtime::Result<Vec<u32>> {
        self.spending.calls(1 + pollables.len() as u64)?;
        let deadlines = pollables
            .iter()
            .map(|pollable| self.deadline(pollable))
            .collect::<wasmtime::Result<Vec<u64>>>()?;
        let Some(earliest) = deadlines.iter().min() else {
            wasmtime::bail!("an empty list was polled");
        };
        self.wait_until(*earliest).await?;
        let now = self.clock.now();
        Ok((0..)
            .zip(deadlines)
            .filter(|(_, deadline)| *deadline <= now)
            .map(|(index, _)| index)
            .collect())
    }
}

impl HostPollable for State {
    async fn ready(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<bool> {
        self.spending.calls(1)?;
        Ok(self.deadline(&pollable)? <= self.clock.now())
    }

    async fn block(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        self.spending.calls(1)?;
        let deadline = self.deadline(&pollable)?;
        self.wait_until(deadline).await
    }

    fn drop(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        self.timers.remove(&pollable.rep());
        self.handles.close(pollable.rep());
        HostPollable::drop(&mut self.table, pollable)
    }
}

impl State {
    /// When it is ready, by the virtual clock.
    fn deadline(&self, pollable: &Resource<DynPollable>) -> wasmtime::Result<u64> {
        self.table.get(pollable)?;
        Ok(self.timers.get(&pollable.rep()).copied().unwrap_or(0))
    }

    async fn wait_until(&mut self, deadline: u64) -> wasmtime::Result<()> {
        let Some(wait) = deadline
            .checked_sub(self.clock.now())
            .filter(|wait| *wait > 0)
        else {
            return Ok(());
        };
        match &mut self.turn {
            // Until the turn is given up.
            Some(_) if deadline == VirtualClock::NEVER => std::future::pending().await,
            Some(turn) => turn.sleep(Duration::from_nanos(wait)).await,
            // Start code has nobody to wait for, and its time is its own.
            None if deadline == VirtualClock::NEVER => {
                wasmtime::bail!("the agent waits for ever while it starts")
            }
            None => {}
        }
        self.clock.advance_to_ns(deadline);
        Ok(())
    }
}
