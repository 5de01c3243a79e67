//! The `log` interface, and the empty `types` interface.

use super::cell::State;
use crate::contract::{log, types};

impl log::Host for State {
    fn write(&mut self, level: log::Level, message: String) {
        self.log.write(level, &message);
    }
}

impl types::Host for State {}
