//! Reading the [`Context`].

use std::time::{Duration, SystemTime};

use crate::Context;

impl Context {
    /// The first header of that name, in upper or lower case. Only headers that the agent's
    /// configuration allows are here.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let header = headers.find(|header| header.name.eq_ignore_ascii_case(name))?;
        Some(&header.value)
    }

    /// How long this turn may still take; none when it has no deadline, zero when it is over.
    pub fn time_left(&self) -> Option<Duration> {
        let deadline = SystemTime::UNIX_EPOCH + Duration::from_millis(self.deadline_ms?);
        Some(
            deadline
                .duration_since(SystemTime::now())
                .unwrap_or_default(),
        )
    }
}

#[cfg(test)]
mod tests;
