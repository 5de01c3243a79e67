//! Where a manifest stands: a custom section of the component itself, not of a module in it.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use super::manifest::{Invalid, MANIFEST_BYTES};

/// The name of the custom section with the manifest.
pub const SECTION: &str = "kellion:manifest";

/// How a component begins.
const COMPONENT: &[u8; 8] = b"\0asm\x0d\0\x01\0";

/// Sections that are looked at. Toolchains make some hundred; to look at millions would only cost.
const MOST_SECTIONS: u32 = 100_000;

/// The id of custom sections.
const CUSTOM: u8 = 0;

/// The bytes of the section, if the component has one. Only the headings of sections are read, so neither the size of an
/// artifact nor what is in it costs anything.
pub(super) fn find(component: impl Read + Seek) -> io::Result<Result<Option<Vec<u8>>, Invalid>> {
    let mut component = BufReader::new(component);
    match read(&mut component) {
        // Cut off: no component at all, which its parser says better.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Ok(None)),
        found => found,
    }
}

fn read(
    component: &mut BufReader<impl Read + Seek>,
) -> io::Result<Result<Option<Vec<u8>>, Invalid>> {
    let end = component.seek(SeekFrom::End(0))?;
    component.rewind()?;
    let mut heading = [0; 8];
    component.read_exact(&mut heading)?;
    let mut at = heading.len() as u64;
    let mut found = None;
    if heading != *COMPONENT {
        return Ok(Ok(None));
    }
    for _ in 0..MOST_SECTIONS {
        if at >= end {
            return Ok(Ok(found));
        }
        let mut id = [0];
        component.read_exact(&mut id)?;
        let (size, digits) = number(component)?;
        let next = at + 1 + digits + u64::from(size);
        if id == [CUSTOM] {
            let (name, digits) = number(component)?;
            let content = u64::from(size).checked_sub(digits + u64::from(name));
            if name as usize == SECTION.len()
                && let Some(content) = content
            {
                let mut name = [0; SECTION.len()];
                component.read_exact(&mut name)?;
                if name == *SECTION.as_bytes() {
                    if content > MANIFEST_BYTES as u64 {
                        return Ok(Err(too_long(content)));
                    }
                    let mut bytes = vec![0; content as usize];
                    component.read_exact(&mut bytes)?;
                    if found.replace(bytes).is_some() {
                        return Ok(Err(Invalid(format!(
                            "the component has more than one section {SECTION}; build it again without one of them"
                        ))));
                    }
                }
            }
        }
        let here = component.stream_position()?;
        component.seek_relative(next as i64 - here as i64)?;
        at = next;
    }
    Ok(Err(Invalid(format!(
        "the component has more than {MOST_SECTIONS} sections"
    ))))
}

pub(super) fn too_long(bytes: u64) -> Invalid {
    Invalid(format!(
        "the manifest has {bytes} bytes, at most {MANIFEST_BYTES} fit"
    ))
}

/// A number in LEB128, and how many bytes it takes.
fn number(bytes: &mut impl Read) -> io::Result<(u32, u64)> {
    let mut value = 0_u64;
    for place in 0..5 {
        let mut byte = [0];
        bytes.read_exact(&mut byte)?;
        value |= u64::from(byte[0] & 0x7f) << (7 * place);
        if byte[0] & 0x80 == 0 {
            let value = u32::try_from(value).map_err(|_| io::ErrorKind::UnexpectedEof)?;
            return Ok((value, place + 1));
        }
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}
