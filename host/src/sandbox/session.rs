//! The `session` interface.

use super::cell::State;
use super::spending::RECORDED;
use crate::contract::session::{Budget, Host};

impl Host for State {
    fn remaining(&mut self) -> wasmtime::Result<Budget> {
        self.spending.calls(RECORDED)?;
        Ok(match &self.turn {
            Some(turn) => turn.remaining(),
            None => Budget {
                tokens: Some(0),
                money_micros: Some(0),
            },
        })
    }

    fn config(&mut self, name: String) -> wasmtime::Result<Option<String>> {
        let value = self.turn.as_ref().and_then(|turn| turn.config(&name));
        let length = name.len() + value.as_ref().map_or(0, String::len);
        self.spending.carries(length)?;
        Ok(value)
    }
}
