//! Images that no server has written, and handle tables that no guest of ours has.

use bytes::{Bytes, BytesMut};
use twox_hash::XxHash3_128;

use super::super::cell::Cell;
use super::super::handles::{Handle, Shape};
use super::super::random::Seed;
use super::super::tests::stage::{Chance, PROBE, Stage};
use super::accessor::Reach;
use super::{Damaged, Image, Memory, NotImageable, NotRestored, PAGE, Run};

fn small() -> Image {
    Image {
        base: [1; 32],
        memories: vec![
            Memory {
                size: 0,
                runs: Vec::new(),
            },
            Memory {
                size: 2,
                runs: vec![Run { page: 31, pages: 1 }],
            },
        ],
        data: Bytes::from(vec![7; PAGE]),
        globals: vec![(0, u64::MAX), (9, 1)],
        handles: Shape {
            slots: vec![
                Some(Handle::Stdin),
                None,
                Some(Handle::Pollable { stream: 1 }),
                Some(Handle::Stdout),
                Some(Handle::Stderr),
                Some(Handle::Network),
            ],
            free: vec![2],
        },
        clock: 5,
        seed: Seed::from_bytes([3; 32]),
        position: 1 << 40,
    }
}

#[test]
fn an_image_is_its_bytes() {
    let bytes = small().encode();
    assert_eq!(Image::decode(&bytes), Ok(small()));
    assert_eq!(small().data_bytes(), PAGE);
}

#[test]
fn bytes_that_are_not_whole_are_damaged() {
    let bytes = small().encode();
    for length in 0..bytes.len() {
        assert!(Image::decode(&bytes.slice(..length)).is_err(), "{length}");
    }
    let mut longer = BytesMut::from(&bytes[..]);
    longer.extend_from_slice(&[0]);
    assert_eq!(Image::decode(&longer.freeze()), Err(Damaged::Checksum));
    for bit in 0..bytes.len() * 8 {
        let flipped = with(&bytes, |bytes| bytes[bit / 8] ^= 1 << (bit % 8));
        assert!(Image::decode(&flipped).is_err(), "bit {bit}");
    }
    assert_eq!(Image::decode(&Bytes::new()), Err(Damaged::NoImage));
    let later = with(&bytes, |bytes| bytes[8] = 2);
    assert_eq!(Image::decode(&later), Err(Damaged::Format(2)));
}

const CHECKSUM: usize = 16;

/// The same bytes, but for a change.
fn with(bytes: &Bytes, change: impl FnOnce(&mut [u8])) -> Bytes {
    let mut bytes = BytesMut::from(&bytes[..]);
    change(&mut bytes);
    bytes.freeze()
}

/// The same, with a checksum that fits the change.
fn forged(bytes: &Bytes, change: impl FnOnce(&mut [u8])) -> Bytes {
    with(bytes, |bytes| {
        let (body, checksum) = bytes.split_last_chunk_mut::<CHECKSUM>().unwrap();
        change(body);
        *checksum = XxHash3_128::oneshot(body).to_le_bytes();
    })
}

#[test]
fn a_forged_image_says_what_it_holds_or_is_refused() {
    let bytes = small().encode();
    let body = bytes.len() - CHECKSUM - PAGE;
    for at in 12..body {
        for value in [0, 1, 2, 0x7f, 0x80, 0xff] {
            let forged = forged(&bytes, |bytes| bytes[at] = value);
            if let Ok(image) = Image::decode(&forged) {
                assert_eq!(image.encode(), forged, "byte {at} is {value}");
            }
        }
    }
    // Every length is a claim of four bytes: here the boldest.
    for at in 12..body - 4 {
        let forged = forged(&bytes, |bytes| bytes[at..at + 4].fill(0xff));
        if let Ok(image) = Image::decode(&forged) {
            assert_eq!(image.encode(), forged, "{at}");
        }
    }
}

#[test]
fn an_image_that_contradicts_itself_is_refused() {
    let overlap = |image: &mut Image| {
        image.memories[1].runs = vec![Run { page: 1, pages: 2 }, Run { page: 2, pages: 1 }];
        image.data = Bytes::from(vec![0; 3 * PAGE]);
    };
    let changes: [&dyn Fn(&mut Image); 10] = [
        &overlap,
        &|image| image.memories[1].runs[0].page = 32,
        &|image| image.memories[1].runs[0].pages = u32::MAX,
        &|image| image.memories[1].runs[0].pages = 0,
        &|image| image.memories[1].size = 1 << 16,
        &|image| image.data = Bytes::from(vec![0; 2 * PAGE]),
        &|image| image.handles.free = vec![2, 2],
        &|image| image.handles.free.clear(),
        &|image| image.handles.slots[2] = Some(Handle::Pollable { stream: 2 }),
        &|image| image.handles.slots = vec![Some(Handle::Stdin); Shape::LARGEST + 1],
    ];
    for (number, change) in changes.iter().enumerate() {
        let mut image = small();
        change(&mut image);
        let decoded = Image::decode(&image.encode());
        assert!(
            matches!(decoded, Err(Damaged::Inconsistent(_))),
            "{number}: {decoded:?}"
        );
    }
}

#[tokio::test]
async fn an_image_of_what_is_not_there_is_not_restored() {
    let stage = Stage::with(&PROBE);
    let image = stage.session(1).await.cell.capture().await.unwrap();
    let changes: [&dyn Fn(&mut Image); 6] = [
        &|image| image.base[0] ^= 1,
        &|image| image.memories.clear(),
        &|image| image.memories.push(image.memories[0].clone()),
        &|image| image.memories[0].size = 0,
        &|image| image.globals.push((60_000, 1)),
        &|image| image.globals.push((u32::MAX, 1)),
    ];
    for (number, change) in changes.iter().enumerate() {
        let mut image = image.clone();
        change(&mut image);
        let restored = restore(&stage, &image).await.err();
        assert_eq!(restored, Some(NotRestored::AnotherProgram), "{number}");
    }
    let mut giant = image.clone();
    giant.memories[0].size = (1 << 16) - 1;
    let restored = restore(&stage, &giant).await.err();
    assert!(
        matches!(restored, Some(NotRestored::Fault(_))),
        "{restored:?}"
    );
    assert!(restore(&stage, &image).await.is_ok());
}

#[tokio::test]
async fn a_forged_image_is_restored_or_refused() {
    let stage = Stage::with(&PROBE);
    let mut chance = Chance(1);
    let mut session = stage.session(1).await;
    for _ in 0..5 {
        let deed = chance.deed();
        let _ = session
            .turn(&deed, crate::clock::Timestamp::from_millis(0), 1)
            .await;
    }
    let image = session.cell.capture().await.unwrap();
    let bytes = image.encode();
    // Behind the digest of the base, which any change would make one of another program.
    let (head, rest) = (12 + 32, bytes.len() - CHECKSUM - image.data_bytes());
    let mut restored = 0;
    for _ in 0..400 {
        let forged = forged(&bytes, |bytes| {
            let at = head + chance.below((rest - head) as u64) as usize;
            bytes[at] = chance.next() as u8;
        });
        if let Ok(image) = Image::decode(&forged)
            && restore(&stage, &image).await.is_ok()
        {
            restored += 1;
        }
    }
    assert!(restored > 0);
}

async fn restore(stage: &Stage, image: &Image) -> Result<Cell, NotRestored> {
    let log = std::sync::Arc::new(super::base::Silence);
    Cell::restore(&stage.sandbox, &stage.program, log, image).await
}

#[tokio::test]
async fn globals_come_back() {
    let stage = Stage::with(&PROBE);
    let imaging = stage.program.imaging().unwrap();
    let mut cell = stage.session(1).await.cell;
    let mut reach = imaging.accessor.reach(&mut cell.store, &cell.instance);
    // Between turns a Rust agent's only one, the stack pointer, is where it was at the start.
    let mut globals = reach.globals().await.unwrap();
    globals[0] -= 64;
    reach.set_globals(&globals).await.unwrap();
    let image = cell.capture().await.unwrap();
    assert_eq!(image.globals, [(0, globals[0])]);
    let mut restored = restore(&stage, &image).await.unwrap();
    assert_eq!(restored.memory_digest().await, cell.memory_digest().await);
    let mut reach = imaging
        .accessor
        .reach(&mut restored.store, &restored.instance);
    assert_eq!(reach.globals().await.unwrap(), globals);
}

/// Does with handles what a guest might do, a hundred times, and closes some at the end.
async fn juggle(reach: &mut Reach<'_>, chance: &mut Chance) {
    for deed in 0..120 {
        let shape = reach.store.data().handles.shape();
        let live: Vec<_> = (1..shape.end())
            .filter_map(|index| Some((index, shape.at(index)?)))
            .collect();
        let streams: Vec<_> = live
            .iter()
            .filter(|(_, handle)| handle.is_stream())
            .collect();
        match if deed < 100 { chance.below(5) } else { 3 } {
            0 | 1 => {
                let root = Handle::ROOTS[chance.below(4) as usize];
                reach.open(root).await.unwrap();
            }
            2 if !streams.is_empty() => {
                let (index, handle) = streams[chance.below(streams.len() as u64) as usize];
                reach.subscribe(*handle, *index).await.unwrap();
            }
            _ if !live.is_empty() => {
                let (index, handle) = live[chance.below(live.len() as u64) as usize];
                // A stream stays as long as there is a pollable of it.
                let child = Handle::Pollable { stream: index };
                if live.iter().all(|(_, handle)| *handle != child) {
                    reach.close(handle, index).await.unwrap();
                }
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn any_table_of_handles_comes_back() {
    let stage = Stage::with(&PROBE);
    let imaging = stage.program.imaging().unwrap();
    let mut chance = Chance(1);
    let mut holes = 0;
    for round in 0..40 {
        let mut cell = stage.session(1).await.cell;
        let mut reach = imaging.accessor.reach(&mut cell.store, &cell.instance);
        juggle(&mut reach, &mut chance).await;
        let before = reach.store.data().handles.shape();
        let image = cell.capture().await.unwrap();
        holes += image.handles.free.len();
        let mut restored = restore(&stage, &image).await.unwrap();
        let mut next = Vec::new();
        for cell in [&mut cell, &mut restored] {
            assert_eq!(cell.capture().await.as_ref(), Ok(&image), "round {round}");
            let shape = cell.store.data().handles.shape();
            assert_eq!(shape.trimmed(), image.handles, "round {round}");
            let mut reach = imaging.accessor.reach(&mut cell.store, &cell.instance);
            let mut opened = Vec::new();
            for _ in 0..20 {
                opened.push(reach.open(Handle::Stdout).await.unwrap());
            }
            next.push(opened);
        }
        assert_eq!(next[0], next[1], "round {round}");
        assert!(before.next().take(20).eq(next[0].iter().copied()));
    }
    assert!(holes > 40, "the tables had only {holes} holes");
}

#[tokio::test]
async fn a_handle_that_was_not_watched_is_found_out() {
    let stage = Stage::with(&PROBE);
    let imaging = stage.program.imaging().unwrap();
    let mut cell = stage.session(1).await.cell;
    let mut reach = imaging.accessor.reach(&mut cell.store, &cell.instance);
    let mut opened = Vec::new();
    for _ in 0..3 {
        opened.push(reach.open(Handle::Stdout).await.unwrap());
    }
    for index in &opened[..2] {
        reach.close(Handle::Stdout, *index).await.unwrap();
    }
    // The host hears of a handle that the table does not have…
    let phantoms = [u32::MAX, u32::MAX - 1];
    let live = cell.store.data().handles.live() + 2;
    for rep in phantoms {
        cell.store.data_mut().handles.open(Handle::Stdout, rep);
    }
    assert_eq!(
        cell.capture().await,
        Err(NotImageable::OpenHandles { live })
    );
    // …and takes two places for free in the wrong order.
    for rep in phantoms {
        cell.store.data_mut().handles.close(rep);
    }
    assert_eq!(cell.capture().await, Err(NotImageable::UnknownHandles));
    // Something is held of which the host heard nothing.
    let live = live - 2;
    let unknown = cell.store.data_mut().table.push(()).unwrap();
    assert_eq!(
        cell.capture().await,
        Err(NotImageable::OpenHandles { live })
    );
    cell.store.data_mut().table.delete(unknown).unwrap();
    assert_eq!(cell.capture().await, Err(NotImageable::UnknownHandles));
}
