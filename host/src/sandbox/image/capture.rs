//! From a cell to its image.

use std::ops::Range;

use bytes::BytesMut;
use sha2::{Digest, Sha256};

use super::super::cell::Cell;
use super::super::handles::{Handle, Shape};
use super::accessor::Reach;
use super::base::{Base, BaseMemory};
use super::{Image, Imaging, Memory, NotImageable, PAGE, Run, WASM_PAGE, pages};

impl Cell {
    /// The cell's state, between two turns. The cell goes on as if nothing had been, unless the future is dropped.
    ///
    /// Costs some ten microseconds, and for each MiB that the session has written some tens to hundreds more.
    pub async fn capture(&mut self) -> Result<Image, NotImageable> {
        let program = self.program.clone();
        let imaging = program.imaging().ok_or(NotImageable::Program)?;
        let base = imaging.base(&program, &self.limits).await;
        let base = base.map_err(NotImageable::NoBase)?;
        self.unlimited();
        let cpu = self.cpu();
        let image = cpu.count(self.image(imaging, base)).await;
        self.limited();
        match image {
            Ok(image) => image,
            Err(error) => Err(NotImageable::Broken(self.fault(&error))),
        }
    }

    /// SHA-256 over the cell's memories and globals: two cells in the same state have the same. For tests and audits.
    pub async fn memory_digest(&mut self) -> Result<[u8; 32], NotImageable> {
        let program = self.program.clone();
        let imaging = program.imaging().ok_or(NotImageable::Program)?;
        self.unlimited();
        let cpu = self.cpu();
        let digest = cpu.count(self.digest(imaging)).await;
        self.limited();
        digest.map_err(|error| NotImageable::Broken(self.fault(&error)))
    }

    async fn digest(&mut self, imaging: &Imaging) -> wasmtime::Result<[u8; 32]> {
        let mut reach = imaging.accessor.reach(&mut self.store, &self.instance);
        let mut hash = Sha256::new();
        for memory in 0..imaging.accessor.memories() {
            let bytes = reach.memory(memory).await?;
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        }
        for global in reach.globals().await? {
            hash.update(global.to_le_bytes());
        }
        Ok(hash.finalize().into())
    }

    async fn image(
        &mut self,
        imaging: &Imaging,
        base: &Base,
    ) -> wasmtime::Result<Result<Image, NotImageable>> {
        let mut reach = imaging.accessor.reach(&mut self.store, &self.instance);
        let handles = match handles(&mut reach).await? {
            Ok(handles) => handles,
            Err(reason) => return Ok(Err(reason)),
        };
        let mut data = BytesMut::new();
        let mut memories = Vec::new();
        for (number, base) in base.memories.iter().enumerate() {
            let bytes = reach.memory(number).await?;
            if bytes.len() < base.size {
                return Ok(Err(NotImageable::SmallerMemory));
            }
            memories.push(Memory {
                size: (bytes.len() / WASM_PAGE) as u32,
                runs: difference(bytes, base, &mut data),
            });
        }
        let globals = reach.globals().await?;
        let state = self.store.data();
        let (seed, position) = state.chance.state();
        Ok(Ok(Image {
            base: base.digest,
            memories,
            data: data.freeze(),
            globals: (0..)
                .zip(globals.into_iter().zip(&base.globals))
                .filter(|(_, (now, before))| now != *before)
                .map(|(index, (now, _))| (index, now))
                .collect(),
            handles,
            clock: state.clock.now(),
            seed,
            position,
        }))
    }
}

/// The shape of the handle table as it was watched, checked against what the next handles really are.
async fn handles(reach: &mut Reach<'_>) -> wasmtime::Result<Result<Shape, NotImageable>> {
    let state = reach.store.data_mut();
    let shape = state.handles.shape();
    let live = state.handles.live();
    // A pollable or stream is one entry; what has more, or was never watched, makes the counts differ.
    let held = state.table.iter_mut().count();
    if held != live || !shape.is_possible() {
        return Ok(Err(NotImageable::OpenHandles { live }));
    }
    let Some(root) = reach.any_root() else {
        // There is nothing to check with, and nothing to make a table of another shape with.
        let shape = shape.trimmed();
        return Ok(if shape == Shape::default() {
            Ok(shape)
        } else {
            Err(NotImageable::UnknownHandles)
        });
    };
    let probes = shape.free.len() + 1;
    let mut opened = Vec::with_capacity(probes);
    for _ in 0..probes {
        opened.push(reach.open(root).await?);
    }
    for index in opened.iter().rev() {
        reach.close(root, *index).await?;
    }
    Ok(if shape.next().take(probes).eq(opened) {
        Ok(shape.trimmed())
    } else {
        Err(NotImageable::UnknownHandles)
    })
}

/// The pages that differ from the base, as runs; their contents are appended to `data`.
fn difference(bytes: &[u8], base: &BaseMemory, data: &mut BytesMut) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let suspects = suspects(bytes, base);
    // At most; what is reserved and not used is never touched.
    data.reserve(suspects.iter().map(Range::len).sum());
    for range in suspects {
        for number in range.start / PAGE..range.end.div_ceil(PAGE) {
            let page = &bytes[number * PAGE..][..PAGE];
            let number = number as u32;
            if page == base.page(number) {
                continue;
            }
            match runs.last_mut() {
                Some(run) if run.page + run.pages == number => run.pages += 1,
                _ => runs.push(Run {
                    page: number,
                    pages: 1,
                }),
            }
            data.extend_from_slice(page);
        }
    }
    runs
}

/// Where a memory may differ from the base: everywhere, when the kernel does not say.
fn suspects(bytes: &[u8], base: &BaseMemory) -> Vec<Range<usize>> {
    match (&base.touched, pages::written(bytes)) {
        (Some(touched), Some(written)) => pages::union(touched, &written),
        _ => std::iter::once(0..bytes.len()).collect(),
    }
}

impl Handle {
    /// What may stand in its place while the table is filled.
    pub(super) fn or_any(this: Option<Self>, any: Self) -> Self {
        this.filter(|handle| handle.is_root()).unwrap_or(any)
    }
}
