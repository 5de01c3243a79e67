//! What a cell logs: entries, and plain WASI stdout and stderr as lines.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use super::capabilities::LogSink;
use super::spending::LogBudget;
use crate::contract::log::Level;

/// A line without an end is cut here, so that a print of gigabytes is held in pieces.
const LONGEST_LINE: usize = 8 << 10;

/// Both streams of one cell, and its way to the log. A line goes there when it ends, or at the end of the turn.
#[derive(Clone)]
pub(super) struct Prints(Arc<Mutex<Lines>>);

struct Lines {
    log: Arc<dyn LogSink>,
    budget: LogBudget,
    open: [(Level, Vec<u8>); 2],
}

impl Lines {
    fn log(&mut self, level: Level, message: &str) {
        if self.budget.takes(message.len()) {
            self.log.write(level, message);
        }
    }

    /// Logs the open line of this level.
    fn end(&mut self, level: Level) {
        let Some((_, line)) = self.open.iter_mut().find(|(open, _)| *open == level) else {
            return;
        };
        if self.budget.takes(line.len()) {
            self.log.write(level, &String::from_utf8_lossy(line));
        }
        line.clear();
    }

    /// Adds to the open line of this level; how many bytes it has then.
    fn add(&mut self, level: Level, bytes: &[u8]) -> usize {
        let open = self.open.iter_mut().find(|(open, _)| *open == level);
        open.map_or(0, |(_, line)| {
            line.extend_from_slice(bytes);
            line.len()
        })
    }
}

impl Prints {
    /// Of which a turn may log so much.
    pub(super) fn new(log: Arc<dyn LogSink>, turn_log_kib: u32) -> Self {
        let open = [(Level::Info, Vec::new()), (Level::Warn, Vec::new())];
        let budget = LogBudget::new(turn_log_kib);
        Self(Arc::new(Mutex::new(Lines { log, budget, open })))
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is printed from now on goes here.
    pub(super) fn log_to(&self, log: Arc<dyn LogSink>) {
        self.lines().log = log;
    }

    /// An entry of the agent's.
    pub(super) fn log(&self, level: Level, message: &str) {
        self.lines().log(level, message);
    }

    /// An entry of the host's own, for which there is always room.
    pub(super) fn note(&self, level: Level, message: &str) {
        self.lines().log.write(level, message);
    }

    /// The turn is over: logs what was printed without a line end, and how much was not logged.
    pub(super) fn flush(&self) {
        let lines = &mut *self.lines();
        for level in [Level::Info, Level::Warn] {
            if lines.add(level, &[]) > 0 {
                lines.end(level);
            }
        }
        if let Some(dropped) = lines.budget.renew() {
            lines.log.write(Level::Warn, &dropped);
        }
    }

    fn print(&self, level: Level, bytes: &[u8]) {
        let lines = &mut *self.lines();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (mut text, ends) = match piece.split_last() {
                Some((b'\n', text)) => (text, true),
                _ => (piece, false),
            };
            let mut length = lines.add(level, &[]);
            while length + text.len() >= LONGEST_LINE {
                let (now, later) = text.split_at(LONGEST_LINE - length);
                lines.add(level, now);
                lines.end(level);
                (text, length) = (later, 0);
            }
            lines.add(level, text);
            if ends {
                lines.end(level);
            }
        }
    }
}

/// One of the two streams.
#[derive(Clone)]
pub(super) struct Printer {
    prints: Prints,
    level: Level,
}

impl Printer {
    pub(super) fn new(prints: &Prints, level: Level) -> Self {
        Self {
            prints: prints.clone(),
            level,
        }
    }
}

impl IsTerminal for Printer {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Printer {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }
}

impl OutputStream for Printer {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.prints.print(self.level, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(LONGEST_LINE)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Printer {
    async fn ready(&mut self) {}
}

impl AsyncWrite for Printer {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.prints.print(self.level, bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
