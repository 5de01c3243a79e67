//! What a fuzzer calls of this room.

pub(crate) use super::agentcore::fuzzing::{DOCUMENTS, HEADERS, NAMES, document, headers, names};
