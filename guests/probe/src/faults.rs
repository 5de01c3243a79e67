//! What a guest may do to hurt.

use std::collections::TryReserveError;
use std::hint::black_box;

use serde::Serialize;

const MIB: usize = 1 << 20;

pub(crate) fn trap() -> ! {
    #[cfg(target_family = "wasm")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_family = "wasm"))]
    std::process::abort();
}

pub(crate) fn spin() -> ! {
    loop {
        compute(1);
    }
}

pub(crate) fn compute(rounds: u64) {
    for round in 0..rounds {
        black_box(round);
    }
}

/// How far filling memory went.
#[derive(Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Filled {
    pub(crate) mib: usize,
    pub(crate) refused: bool,
}

pub(crate) fn fill(limit_mib: usize) -> Filled {
    let mut chunks: Vec<Vec<u8>> = Vec::new();
    while chunks.len() < limit_mib {
        let mut chunk = Vec::new();
        // The list itself grows too, and must not be what runs out.
        if chunks.try_reserve(1).is_err() || chunk.try_reserve_exact(MIB).is_err() {
            return Filled {
                mib: chunks.len(),
                refused: true,
            };
        }
        // Not zero, so that no page of it is free of charge.
        chunk.resize(MIB, 0xA5);
        chunks.push(black_box(chunk));
    }
    Filled {
        mib: chunks.len(),
        refused: false,
    }
}

/// Every page is another one than its neighbours, and than what was there before.
pub(crate) fn keep(kept: &mut Vec<u8>, kib: usize) -> Result<(), TryReserveError> {
    let begin = kept.len();
    kept.try_reserve_exact(kib << 10)?;
    kept.extend((begin..begin + (kib << 10)).map(|at| (at % 251) as u8 | 1));
    black_box(kept);
    Ok(())
}

#[inline(never)]
pub(crate) fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 32]);
    // Never reached, but the compiler cannot know.
    if black_box(depth) == u64::MAX {
        return depth;
    }
    // Used after the call, so that it is no tail call.
    recurse(depth + 1) + black_box(frame)[0]
}
