//! The host's side of the contract, where it takes and returns no model types. Off WebAssembly, in
//! an agent's unit tests, a stand-in for it.

#[cfg(target_family = "wasm")]
pub(crate) use crate::bindings::kellion::agent::log::write as log;
#[cfg(target_family = "wasm")]
pub(crate) use crate::bindings::kellion::agent::response::{set_content_type, write};
#[cfg(target_family = "wasm")]
pub(crate) use crate::bindings::kellion::agent::session::{config, remaining};

#[cfg(not(target_family = "wasm"))]
pub(crate) use stand_in::*;

#[cfg(not(target_family = "wasm"))]
mod stand_in {
    use std::cell::RefCell;

    use crate::Body;
    use crate::log::Level;
    use crate::session::Budget;

    thread_local! {
        static SENT: RefCell<Body> = RefCell::default();
    }

    pub(crate) fn set_content_type(value: &str) {
        SENT.with_borrow_mut(|sent| sent.content_type = Some(value.to_owned()));
    }

    pub(crate) fn write(chunk: &[u8]) -> bool {
        SENT.with_borrow_mut(|sent| sent.bytes.extend_from_slice(chunk));
        true
    }

    pub(crate) fn take_sent() -> Body {
        SENT.take()
    }

    pub(crate) fn log(level: Level, message: &str) {
        eprintln!("{level:?}: {message}");
    }

    pub(crate) fn config(name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    pub(crate) fn remaining() -> Budget {
        Budget {
            tokens: None,
            money_micros: None,
        }
    }
}
