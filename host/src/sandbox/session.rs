//! The `session` interface.

use super::cell::State;
use crate::contract::session::{Budget, Host};

impl Host for State {
    fn remaining(&mut self) -> Budget {
        match &self.turn {
            Some(turn) => turn.remaining(),
            None => Budget {
                tokens: Some(0),
                money_micros: Some(0),
            },
        }
    }

    fn config(&mut self, name: String) -> Option<String> {
        self.turn.as_ref()?.config(&name)
    }
}
