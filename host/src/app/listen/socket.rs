//! A client's socket: it says when bytes come, gives up a client that takes none, and is closed in a way that lets the last
//! answer arrive.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use super::meter::Meter;
use super::places::Place;

/// How long a client that was refused may go on sending before it is hung up on.
const LINGER: Duration = Duration::from_secs(2);

/// The same for one that does so without end.
const LONGEST_LINGER: Duration = Duration::from_secs(10);

/// A socket, and its place among all that are open.
pub(super) struct Socket {
    /// There until this is dropped.
    open: Option<(TcpStream, Place)>,
    meter: Arc<Meter>,
    patience: Duration,
    /// When bytes that wait to be taken have waited for too long.
    stall: Option<Pin<Box<Sleep>>>,
    /// Whether bytes wait.
    waits: bool,
    /// We have nothing more to say.
    finished: bool,
    /// The client has nothing more to say.
    ended: bool,
}

impl Socket {
    pub(super) fn new(
        stream: TcpStream,
        place: Place,
        meter: Arc<Meter>,
        patience: Duration,
    ) -> Self {
        Self {
            open: Some((stream, place)),
            meter,
            patience,
            stall: None,
            waits: false,
            finished: false,
            ended: false,
        }
    }

    /// The first byte that the client sends, which stays to be read; none when it sends nothing any more.
    pub(super) async fn first_byte(&self) -> Option<u8> {
        let (stream, _) = self.open.as_ref()?;
        let mut first = [0];
        let there = stream.peek(&mut first).await.ok()?;
        (there > 0).then_some(first[0])
    }

    fn stream(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        match &mut self.open {
            Some((stream, _)) => Ok(Pin::new(stream)),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Bounds how long nothing of what is there is taken.
    fn bounded<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.waits = false;
            return written;
        }
        let until = || Instant::now() + self.patience;
        let stall = match &mut self.stall {
            Some(stall) => {
                if !self.waits {
                    stall.as_mut().reset(until());
                }
                stall
            }
            none => none.insert(Box::pin(tokio::time::sleep_until(until()))),
        };
        self.waits = true;
        ready!(stall.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(self.stream()?.poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.meter.received();
        } else if buffer.remaining() > 0 {
            self.ended = true;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.stream()?.poll_write(cx, bytes);
        self.bounded(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.stream()?.poll_write_vectored(cx, pieces);
        self.bounded(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.stream()?.poll_shutdown(cx))?;
        self.finished = true;
        Poll::Ready(Ok(()))
    }
}

impl Drop for Socket {
    /// A socket that is closed while bytes come tells the system to forget what was sent, maybe the reason of a refusal.
    /// So what the client still sends is read for a while.
    fn drop(&mut self) {
        if self.finished
            && !self.ended
            && self.meter.may_send()
            && let Some((stream, room)) = self.open.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move {
                let _ = tokio::time::timeout(LONGEST_LINGER, drain(stream)).await;
                drop(room);
            });
        }
    }
}

async fn drain(mut stream: TcpStream) {
    let mut scrap = vec![0; 4_096];
    while let Ok(Ok(1..)) = tokio::time::timeout(LINGER, stream.read(&mut scrap)).await {}
}
