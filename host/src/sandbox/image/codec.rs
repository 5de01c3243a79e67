//! Images as bytes: a format number in front, a checksum at the end, and in between nothing that is believed unseen.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use twox_hash::XxHash3_128;

use super::super::handles::{Handle, Shape};
use super::super::random::Seed;
use super::{Image, Memory, PAGE, Run, WASM_PAGE};

const MAGIC: &[u8; 8] = b"kln-img\0";
const FORMAT: u32 = 1;
const CHECKSUM: usize = 16;

/// The bytes are no image, or not the one that they were.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damaged {
    /// They do not begin as images do.
    #[error("this is not an image of a session")]
    NoImage,
    /// They were written by another version of the server.
    #[error("the image has the format {0}, which is not known here")]
    Format(u32),
    /// Some of them were lost or changed.
    #[error("the image is damaged")]
    Checksum,
    /// They are as they were written, and make no sense.
    #[error("the image is not consistent: {0}")]
    Inconsistent(&'static str),
}

impl Image {
    /// The image as bytes. Numbers are little-endian.
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(self.data.len() + 4_096);
        out.put_slice(MAGIC);
        out.put_u32_le(FORMAT);
        out.put_slice(&self.base);
        out.put_slice(&self.seed.to_bytes());
        out.put_u128_le(self.position);
        out.put_u64_le(self.clock);
        put_all(&mut out, &self.memories, |out, memory| {
            out.put_u32_le(memory.size);
            put_all(out, &memory.runs, |out, run| {
                out.put_u32_le(run.page);
                out.put_u32_le(run.pages);
            });
        });
        put_all(&mut out, &self.globals, |out, (index, value)| {
            out.put_u32_le(*index);
            out.put_u64_le(*value);
        });
        put_all(&mut out, &self.handles.slots, |out, slot| {
            out.put_u32_le(slot_code(*slot));
        });
        put_all(&mut out, &self.handles.free, |out, index| {
            out.put_u32_le(*index);
        });
        out.put_slice(&self.data);
        let checksum = XxHash3_128::oneshot(&out);
        out.put_u128_le(checksum);
        out.freeze()
    }

    /// The image that [`encode`](Self::encode) made these bytes of. Its pages stay where they are in them.
    ///
    /// The checksum tells damage from what was written, not a forger's work from ours: whoever may write images may write
    /// any state, and a hash that keeps forgers out would take most of the time that a session needs to come back. But no
    /// bytes make this panic, or take more than a few times the memory that they take themselves.
    pub fn decode(bytes: &Bytes) -> Result<Image, Damaged> {
        let mut head = bytes.clone();
        if bytes.len() < MAGIC.len() + 4 || head.split_to(MAGIC.len()) != MAGIC[..] {
            return Err(Damaged::NoImage);
        }
        let format = head.get_u32_le();
        if format != FORMAT {
            return Err(Damaged::Format(format));
        }
        let length = head.len().checked_sub(CHECKSUM).ok_or(Damaged::Checksum)?;
        let body = head.split_to(length);
        if XxHash3_128::oneshot(&bytes[..bytes.len() - CHECKSUM]) != head.get_u128_le() {
            return Err(Damaged::Checksum);
        }
        let image = Reader(body).image()?;
        image.check()?;
        Ok(image)
    }

    /// Whether the parts of the image agree with each other.
    fn check(&self) -> Result<(), Damaged> {
        let mut length = 0;
        for memory in &self.memories {
            let pages = u64::from(memory.size) * (WASM_PAGE / PAGE) as u64;
            let mut end = 0;
            for run in &memory.runs {
                if run.pages == 0 || u64::from(run.page) < end {
                    return Err(Damaged::Inconsistent("its runs overlap"));
                }
                end = u64::from(run.page) + u64::from(run.pages);
                length += u64::from(run.pages) * PAGE as u64;
            }
            if memory.size >= 1 << 16 || end > pages {
                return Err(Damaged::Inconsistent("it has pages where no memory is"));
            }
        }
        if length != self.data.len() as u64 {
            return Err(Damaged::Inconsistent(
                "its pages are not as many as it says",
            ));
        }
        if !self.handles.is_possible() {
            return Err(Damaged::Inconsistent("its handles cannot be made"));
        }
        Ok(())
    }
}

fn put_all<T>(out: &mut BytesMut, items: &[T], put: impl Fn(&mut BytesMut, &T)) {
    out.put_u32_le(items.len() as u32);
    for item in items {
        put(out, item);
    }
}

/// The codes of handles; from [`POLLABLE`] on they are pollables, of the stream at the index that is left.
const EMPTY: u32 = 0;
const STDIN: u32 = 1;
const STDOUT: u32 = 2;
const STDERR: u32 = 3;
const NETWORK: u32 = 4;
const POLLABLE: u32 = 16;

fn slot_code(slot: Option<Handle>) -> u32 {
    match slot {
        // There are no others in an image.
        None | Some(Handle::Other) => EMPTY,
        Some(Handle::Stdin) => STDIN,
        Some(Handle::Stdout) => STDOUT,
        Some(Handle::Stderr) => STDERR,
        Some(Handle::Network) => NETWORK,
        Some(Handle::Pollable { stream }) => POLLABLE + stream,
    }
}

fn slot(code: u32) -> Result<Option<Handle>, Damaged> {
    Ok(match code {
        EMPTY => None,
        STDIN => Some(Handle::Stdin),
        STDOUT => Some(Handle::Stdout),
        STDERR => Some(Handle::Stderr),
        NETWORK => Some(Handle::Network),
        POLLABLE.. => Some(Handle::Pollable {
            stream: code - POLLABLE,
        }),
        _ => return Err(Damaged::Inconsistent("it has an unknown handle")),
    })
}

struct Reader(Bytes);

const SHORT: Damaged = Damaged::Inconsistent("it ends too early");

impl Reader {
    fn image(mut self) -> Result<Image, Damaged> {
        let base = self.array()?;
        let seed = Seed::from_bytes(self.array()?);
        let position = self.0.try_get_u128_le().map_err(|_| SHORT)?;
        let clock = self.long()?;
        let memories = self.all(8, |reader| {
            Ok(Memory {
                size: reader.word()?,
                runs: reader.all(8, |reader| {
                    Ok(Run {
                        page: reader.word()?,
                        pages: reader.word()?,
                    })
                })?,
            })
        })?;
        let globals = self.all(12, |reader| Ok((reader.word()?, reader.long()?)))?;
        let slots = self.all(4, |reader| slot(reader.word()?))?;
        let free = self.all(4, Self::word)?;
        Ok(Image {
            base,
            memories,
            data: self.0,
            globals,
            handles: Shape { slots, free },
            clock,
            seed,
            position,
        })
    }

    fn word(&mut self) -> Result<u32, Damaged> {
        self.0.try_get_u32_le().map_err(|_| SHORT)
    }

    fn long(&mut self) -> Result<u64, Damaged> {
        self.0.try_get_u64_le().map_err(|_| SHORT)
    }

    fn array(&mut self) -> Result<[u8; 32], Damaged> {
        let mut array = [0; 32];
        self.0.try_copy_to_slice(&mut array).map_err(|_| SHORT)?;
        Ok(array)
    }

    /// As many items as are announced, of at least so many bytes each: what cannot be there is not made room for.
    fn all<T>(
        &mut self,
        smallest: usize,
        item: impl Fn(&mut Self) -> Result<T, Damaged>,
    ) -> Result<Vec<T>, Damaged> {
        let count = self.word()? as usize;
        if count > self.0.len() / smallest {
            return Err(SHORT);
        }
        (0..count).map(|_| item(self)).collect()
    }
}
