//! Plain WASI stdout and stderr, as lines in the session's log.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use super::capabilities::LogSink;
use crate::contract::log::Level;

/// A line without an end is cut here, so that a print of gigabytes is held in pieces.
const LONGEST_LINE: usize = 8 << 10;

/// Both streams of one cell. A line goes to the log when it ends, or at the end of the turn.
#[derive(Clone)]
pub(super) struct Prints(Arc<Mutex<Lines>>);

struct Lines {
    log: Arc<dyn LogSink>,
    open: [(Level, Vec<u8>); 2],
}

impl Prints {
    pub(super) fn new(log: Arc<dyn LogSink>) -> Self {
        let open = [(Level::Info, Vec::new()), (Level::Warn, Vec::new())];
        Self(Arc::new(Mutex::new(Lines { log, open })))
    }

    /// What is printed from now on goes here.
    pub(super) fn log_to(&self, log: Arc<dyn LogSink>) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.log = log;
    }

    /// Logs what was printed without a line end.
    pub(super) fn flush(&self) {
        let Lines { log, open } = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (level, line) in open {
            if !line.is_empty() {
                log.write(*level, &String::from_utf8_lossy(line));
                line.clear();
            }
        }
    }

    fn print(&self, level: Level, bytes: &[u8]) {
        let Lines { log, open } = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((_, line)) = open.iter_mut().find(|(open, _)| *open == level) else {
            return;
        };
        for &byte in bytes {
            if byte != b'\n' {
                line.push(byte);
            }
            if byte == b'\n' || line.len() == LONGEST_LINE {
                log.write(level, &String::from_utf8_lossy(line));
                line.clear();
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
