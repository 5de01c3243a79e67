//! What a fuzzer calls of this room.

use bytes::Bytes;

use super::compile::is_component;
use super::image::Image;
use super::instrument::instrument;
use super::response;
use super::scan::scan;
use crate::contract::response::Framing;

/// The smallest components and one that is none.
pub(crate) fn components() -> Vec<Vec<u8>> {
    [
        &b"\0asm\x0d\0\x01\0"[..],
        b"\0asm\x01\0\0\0",
        // A component with an empty core module, and a custom section.
        b"\0asm\x0d\0\x01\0\x01\x08\0asm\x01\0\0\0\0\x05\x04name",
    ]
    .map(<[u8]>::to_vec)
    .into()
}

/// What the compile child does with an upload before the compiler sees it.
pub(crate) fn component(bytes: &[u8]) {
    // Refused or not, it ends.
    if is_component(bytes).is_ok() && scan(bytes, 256).is_ok() {
        let _ = instrument(bytes);
    }
}

/// An image's beginning, which no mutation finds by itself.
pub(crate) fn images() -> Vec<Vec<u8>> {
    let mut head = b"kln-img\0\x01\0\0\0".to_vec();
    head.extend([0; 128]);
    vec![head]
}

/// An image is what it says, or it is refused. The checksum is put right, so that what lies behind it is tried.
pub(crate) fn image(bytes: &[u8]) {
    let mut sealed = bytes.to_vec();
    sealed.extend(twox_hash::XxHash3_128::oneshot(bytes).to_le_bytes());
    if let Ok(image) = Image::decode(&Bytes::from(sealed)) {
        let again = Image::decode(&image.encode());
        assert!(again.is_ok(), "{:?}", again.err());
    }
}

/// A piece of text as a server-sent event.
pub(crate) fn framed(text: String) -> Vec<u8> {
    response::frame(text, Framing::Sse)
}
