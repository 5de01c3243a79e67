//! From an image to a cell.

use std::sync::Arc;

use super::super::capabilities::LogSink;
use super::super::cell::{Birth, Cell};
use super::super::clocks::VirtualClock;
use super::super::engine::{Program, Sandbox};
use super::super::handles::{Handle, Shape};
use super::super::random::Chance;
use super::accessor::Reach;
use super::base::{Base, Silence};
use super::{Image, Imaging, NotRestored, PAGE, WASM_PAGE};

impl Cell {
    /// A cell that goes on where the captured one was. Its log gets nothing until its next turn.
    ///
    /// Costs some microseconds more than a start, and for each MiB of the image some tens to hundreds more.
    pub async fn restore(
        sandbox: &Sandbox,
        program: &Program,
        log: Arc<dyn LogSink>,
        image: &Image,
    ) -> Result<Cell, NotRestored> {
        let imaging = program.imaging().ok_or(NotRestored::AnotherProgram)?;
        let limits = sandbox.config();
        let base = imaging.base(program, limits).await?;
        if image.base != base.digest || !image.fits(base) {
            return Err(NotRestored::AnotherProgram);
        }
        let mut cell = Cell::begin(limits, program, Arc::new(Silence), &Birth::TRIAL).await?;
        cell.unlimited();
        let cpu = cell.cpu();
        let filled = cpu.count(cell.fill(imaging, base, image)).await;
        cell.limited();
        if let Err(error) = filled {
            return Err(cell.fault(&error).into());
        }
        let state = cell.store.data_mut();
        state.clock = VirtualClock::at_ns(image.clock);
        state.chance = Chance::at(&image.seed, image.position);
        cell.log_to(log);
        Ok(cell)
    }

    async fn fill(
        &mut self,
        imaging: &Imaging,
        base: &Base,
        image: &Image,
    ) -> wasmtime::Result<()> {
        let mut reach = imaging.accessor.reach(&mut self.store, &self.instance);
        reshape(&mut reach, &image.handles).await?;
        let mut data = &image.data[..];
        for (number, memory) in image.memories.iter().enumerate() {
            if !reach.grow_to(number, memory.size).await? {
                wasmtime::bail!("the memory of the image was refused");
            }
            if memory.runs.is_empty() {
                continue;
            }
            let pieces = memory.runs.iter().map(|run| {
                let (piece, rest) = data.split_at(run.length());
                data = rest;
                (run.page * PAGE as u32, piece)
            });
            reach.write(number, pieces).await?;
        }
        let mut globals = base.globals.clone();
        for (index, value) in &image.globals {
            globals[*index as usize] = *value;
        }
        reach.set_globals(&globals).await
    }
}

impl Image {
    /// Whether all that the image speaks of is there, and no more is there than it speaks of.
    fn fits(&self, base: &Base) -> bool {
        let globals = base.globals.len();
        let mut memories = self.memories.iter().zip(&base.memories);
        self.memories.len() == base.memories.len()
            && memories.all(|(memory, base)| memory.size as usize * WASM_PAGE >= base.size)
            && self
                .globals
                .iter()
                .all(|(index, _)| (*index as usize) < globals)
    }
}

/// Brings the handle table of a fresh instance, whatever its start has opened, to this shape.
///
/// Indices come in a fixed order, so the table is filled up from the front: with the right handle where that can be had
/// already, otherwise with some other in its place, which is then replaced or closed.
async fn reshape(reach: &mut Reach<'_>, target: &Shape) -> wasmtime::Result<()> {
    let start = reach.store.data().handles.shape();
    if start.clone().trimmed() == *target {
        return Ok(());
    }
    let Some(any) = reach.any_root() else {
        wasmtime::bail!("there are no handles to open");
    };
    close_strangers(reach, &start, target).await?;
    let end = target.end().max(start.end());
    let mut pollables = Vec::new();
    loop {
        let now = reach.store.data().handles.shape();
        let Some(index) = now.next().next().filter(|index| *index < end) else {
            break;
        };
        let got = match target.at(index) {
            Some(Handle::Pollable { stream }) => {
                let wanted = target.at(stream);
                match now.at(stream) {
                    Some(there) if Some(there) == wanted => reach.subscribe(there, stream).await?,
                    _ => {
                        pollables.push((index, stream));
                        reach.open(any).await?
                    }
                }
            }
            other => reach.open(Handle::or_any(other, any)).await?,
        };
        expect(got, index)?;
    }
    // Their streams are all there now.
    for (index, stream) in pollables {
        reach.close(any, index).await?;
        let there = Handle::or_any(target.at(stream), any);
        expect(reach.subscribe(there, stream).await?, index)?;
    }
    // What stands in the place of a hole goes, in such an order that the holes are filled again in theirs.
    for index in (target.end()..end).rev().chain(target.free.iter().copied()) {
        reach.close(any, index).await?;
    }
    Ok(())
}

/// Closes what the start has opened and the shape has not. Pollables first: they hang on their streams.
async fn close_strangers(
    reach: &mut Reach<'_>,
    start: &Shape,
    target: &Shape,
) -> wasmtime::Result<()> {
    let stays = |index| match start.at(index) {
        Some(Handle::Pollable { stream }) => {
            start.at(index) == target.at(index) && start.at(stream) == target.at(stream)
        }
        handle => handle == target.at(index),
    };
    for streams in [false, true] {
        for index in 1..start.end() {
            match start.at(index) {
                Some(handle) if handle.is_stream() == streams && !stays(index) => {
                    reach.close(handle, index).await?;
                }
                Some(_) | None => {}
            }
        }
    }
    Ok(())
}

fn expect(index: u32, expected: u32) -> wasmtime::Result<()> {
    if index == expected {
        Ok(())
    } else {
        Err(wasmtime::format_err!(
            "a handle came at {index}, not at {expected}"
        ))
    }
}
