//! The `log` interface, and the empty `types` interface.

use super::cell::State;
use crate::contract::{log, types};

impl log::Host for State {
    fn write(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        self.spending.carries(message.len())?;
        self.prints.log(level, &message);
        Ok(())
    }
}

impl types::Host for State {}
