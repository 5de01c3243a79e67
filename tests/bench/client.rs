//! A load generator that costs little: requests are bytes made once, and of an answer only its length and status are read.

use std::cell::Cell;
use std::io::{Error as IoError, ErrorKind};
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::future::try_join_all;
use futures::stream::FuturesUnordered;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Error;

/// Where requests go.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// `HOST:PORT`.
    pub(crate) address: String,
    /// The path.
    pub(crate) path: String,
}

/// What a closed loop did: every connection sends its next request when it has the last one's answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// Connections, all opened before the clock starts.
    pub(crate) connections: usize,
    /// Requests on all connections together.
    pub(crate) requests: usize,
}

/// The name of session number `number` of a round: 36 characters, as a UUID has.
pub(crate) fn session_id(round: usize, number: usize) -> String {
    format!("{round:07}-bench-session-number-{number:07}")
}

/// Sends `load.requests` requests; `session` names the session of each, by its connection's number and its own. Says how
/// long it took.
pub(crate) async fn run(
    target: &Target,
    body: &[u8],
    load: Load,
    session: impl Fn(usize, usize) -> String,
) -> Result<Duration, Error> {
    let opened = (0..load.connections).map(|_| Connection::open(target, body));
    let connections = try_join_all(opened).await?;
    let (next, session) = (&Cell::new(0), &session);
    let work = connections.into_iter().enumerate();
    let began = Instant::now();
    let mut work: FuturesUnordered<_> = work
        .map(|(connection, mut stream)| async move {
            while next.get() < load.requests {
                let number = next.replace(next.get() + 1);
                stream.send(&session(connection, number)).await?;
            }
            Ok::<(), IoError>(())
        })
        .collect();
    while let Some(done) = work.next().await {
        done?;
    }
    Ok(began.elapsed())
}

/// One kept-alive connection, and the request that goes over it.
pub(crate) struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    session_at: usize,
    answer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(target: &Target, body: &[u8]) -> Result<Self, IoError> {
        let stream = TcpStream::connect(&target.address).await?;
        stream.set_nodelay(true)?;
        let before = format!(
            "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
             x-amzn-bedrock-agentcore-runtime-session-id: ",
            target.path,
            target.address,
            body.len(),
        );
        let session_at = before.len();
        let mut request = before.into_bytes();
        request.extend_from_slice(session_id(0, 0).as_bytes());
        request.extend_from_slice(b"\r\n\r\n");
        request.extend_from_slice(body);
        Ok(Self {
            stream,
            request,
            session_at,
            answer: Vec::with_capacity(16 << 10),
        })
    }

    /// One request and its answer, whose body is returned. An answer that is no success is an error.
    pub(crate) async fn send(&mut self, session: &str) -> Result<&[u8], IoError> {
        let (head, whole) = self.receive(session).await?;
        if status(&self.answer) == Some(200) {
            Ok(&self.answer[head..whole])
        } else {
            let answer = String::from_utf8_lossy(&self.answer);
            Err(IoError::other(format!("the server answered: {answer}")))
        }
    }

    /// One request and the status of its answer.
    pub(crate) async fn exchange(&mut self, session: &str) -> Result<u16, IoError> {
        self.receive(session).await?;
        status(&self.answer).ok_or_else(|| ErrorKind::InvalidData.into())
    }

    /// One request; where the head of its answer ends, and where the body does.
    async fn receive(&mut self, session: &str) -> Result<(usize, usize), IoError> {
        let place = self.session_at..self.session_at + session.len();
        self.request[place].copy_from_slice(session.as_bytes());
        self.stream.write_all(&self.request).await?;
        self.answer.clear();
        loop {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            if let Some((head, length)) = head(&self.answer)
                && self.answer.len() >= head + length
            {
                return Ok((head, head + length));
            }
        }
    }
}

/// The status in an answer's first line.
fn status(answer: &[u8]) -> Option<u16> {
    let digits = answer.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The lengths of head and body, when the head is complete. Every server here sends its answers with their length.
pub(crate) fn head(answer: &[u8]) -> Option<(usize, usize)> {
    const LENGTH: &[u8] = b"content-length: ";
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let line = answer[..end]
        .split(|&byte| byte == b'\n')
        .find_map(|line| line.strip_prefix(LENGTH))?;
    let length = line.iter().take_while(|byte| byte.is_ascii_digit());
    let length = length.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'));
    Some((end + 4, length))
}
