//! H6: frames of HTTP/2 that no client of good faith sends. They are written by hand, byte by byte.

use super::{LOW, stage};
use crate::harness::{Authority, Host, PROBE, Raw, Witness, eventually};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

/// The status 403 in HPACK, as text that is packed.
const FORBIDDEN: [u8; 5] = [0x48, 0x83, 0x68, 0x0c, 0xff];

const REFUSED_STREAM: u8 = 7;
const CANCEL: u8 = 8;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A request for this path in HPACK, without anything that has to be remembered.
fn head(method: &str, path: &str, authority: &str) -> Vec<u8> {
    let mut block = vec![if method == "GET" { 0x82 } else { 0x83 }, 0x86];
    for (index, value) in [(4, path), (1, authority)] {
        block.extend([index, u8::try_from(value.len()).unwrap()]);
        block.extend(value.bytes());
    }
    block
}

fn ready() -> Vec<u8> {
    head("GET", "/healthz/ready", "localhost")
}

/// A frame that came.
struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

/// A client of HTTP/2 without manners.
struct Rude<S> {
    raw: Raw<S>,
    came: Vec<u8>,
}

impl<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin> Rude<S> {
    async fn begin(raw: Raw<S>, settings: &[u8]) -> Self {
        let mut rude = Self {
            raw,
            came: Vec::new(),
        };
        let settings = frame(SETTINGS, 0, 0, settings);
        assert!(rude.raw.send([PREFACE, &settings].concat()).await);
        rude
    }

    async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        self.raw.send(frame(kind, flags, stream, payload)).await
    }

    /// The next frame; none when the server has closed the connection.
    async fn next(&mut self) -> Option<Frame> {
        loop {
            if self.came.len() >= 9 {
                let length = u32::from_be_bytes([0, self.came[0], self.came[1], self.came[2]]);
                let end = 9 + usize::try_from(length).unwrap();
                if self.came.len() >= end {
                    let bytes: Vec<u8> = self.came.drain(..end).collect();
                    return Some(Frame {
                        kind: bytes[3],
                        flags: bytes[4],
                        stream: u32::from_be_bytes([bytes[5], bytes[6], bytes[7], bytes[8]]),
                        payload: bytes[9..].to_vec(),
                    });
                }
            }
            let some = self.raw.some().await?;
            self.came.extend(some);
        }
    }

    /// The first frame of this kind; none when the connection is closed before.
    async fn first(&mut self, kind: u8) -> Option<Frame> {
        loop {
            let frame = self.next().await?;
            if frame.kind == kind {
                return Some(frame);
            }
        }
    }

    /// The connection is closed; if it is said why, then not because all is well.
    async fn is_sent_away(&mut self) {
        while let Some(frame) = self.next().await {
            if frame.kind == GOAWAY {
                assert_ne!(frame.payload[4..8], [0; 4], "no error");
            }
        }
    }

    /// An ordinary request is answered; the status in HPACK, which of 200 is one byte.
    async fn is_served(&mut self, stream: u32) {
        let flags = END_HEADERS | END_STREAM;
        assert!(self.send(HEADERS, flags, stream, &ready()).await);
        loop {
            let head = self.first(HEADERS).await.expect("an answer");
            if head.stream == stream {
                assert_eq!(head.payload[0], 0x88, "the status 200");
                return;
            }
        }
    }
}

#[tokio::test]
async fn h6_http_2_is_spoken_with_and_without_tls() {
    let (host, _, witness) = stage(LOW).await;
    let mut plain = Rude::begin(Raw::open(&host).await, &[]).await;
    plain.is_served(1).await;
    plain.is_served(3).await;
    // Its pings do not keep an idle connection open.
    assert!(plain.send(PING, 0, 0, &[7; 8]).await);
    let pong = plain.first(PING).await.expect("an answer");
    assert_eq!((pong.flags, &pong.payload[..]), (ACK, &[7; 8][..]));
    while plain.next().await.is_some() {}
    witness.survived(&host).await;

    let authority = Authority::new();
    let host = Host::builder().certified(&authority).start();
    let agent = host.deploy("probe", PROBE).await;
    let witness = Witness::of(&host, &agent).await;
    let raw = Raw::open(&host).await.encrypted(authority.client(&["h2"]));
    let mut encrypted = Rude::begin(raw.await.unwrap(), &[]).await;
    encrypted.is_served(1).await;
    drop(encrypted);
    witness.survived(&host).await;
}

#[tokio::test]
async fn h6_a_foreign_authority_is_refused_as_a_foreign_host_is() {
    let (host, _, witness) = stage(LOW).await;
    let mut rude = Rude::begin(Raw::open(&host).await, &[]).await;
    let foreign = head("GET", "/healthz/ready", "rebound.example.com");
    assert!(
        rude.send(HEADERS, END_HEADERS | END_STREAM, 1, &foreign)
            .await
    );
    let refused = rude.first(HEADERS).await.expect("an answer");
    assert!(
        refused.payload.starts_with(&FORBIDDEN),
        "{:?}",
        refused.payload
    );
    drop(rude);
    witness.survived(&host).await;
}

#[tokio::test]
async fn h6_streams_that_are_opened_and_reset_at_once_end_the_connection() {
    let (host, _, mut witness) = stage(LOW).await;
    let mut rude = Rude::begin(Raw::open(&host).await, &[]).await;
    let request = ready();
    for first in (1..40_000).step_by(400) {
        let both = |stream| {
            let mut both = frame(HEADERS, END_HEADERS | END_STREAM, stream, &request);
            both.extend(frame(RST_STREAM, 0, stream, &[0, 0, 0, CANCEL]));
            both
        };
        let batch: Vec<u8> = (first..first + 400).step_by(2).flat_map(both).collect();
        if !rude.raw.send(batch).await {
            break;
        }
    }
    rude.is_sent_away().await;
    witness.answers().await;
    drop(rude);
    witness.survived(&host).await;
}

#[tokio::test]
async fn h6_a_head_that_is_continued_without_end_ends_the_connection() {
    let (host, _, mut witness) = stage(LOW).await;
    let mut rude = Rude::begin(Raw::open(&host).await, &[]).await;
    assert!(rude.send(HEADERS, END_STREAM, 1, &ready()).await);
    // A header of a name and a value of one byte each.
    let more = [0, 1, b'x', 1, b'y'].repeat(200);
    for _ in 0..10_000 {
        if !rude.send(CONTINUATION, 0, 1, &more).await {
            break;
        }
    }
    rude.is_sent_away().await;
    witness.answers().await;
    drop(rude);
    witness.survived(&host).await;
}

#[tokio::test]
async fn h6_a_head_that_grows_when_it_is_unpacked_is_refused() {
    let (host, _, mut witness) = stage(LOW).await;
    let mut rude = Rude::begin(Raw::open(&host).await, &[]).await;
    // A header of 3,000 bytes that is to be remembered, and then named again and again in one byte each.
    let mut bomb = ready();
    bomb.extend([0x40, 1, b'x', 0x7f]);
    // 3,000 less 127, seven bits at a time.
    bomb.extend([0x80 | (2_873 % 128) as u8, (2_873 / 128) as u8]);
    bomb.extend([b'y'; 3_000]);
    bomb.extend([0xbe; 10_000]);
    assert!(rude.send(HEADERS, END_HEADERS | END_STREAM, 1, &bomb).await);
    // It is answered with 431, or the stream or the connection ends.
    let mut refused = false;
    while let Some(frame) = rude.next().await {
        if frame.kind == HEADERS {
            assert_ne!(frame.payload[0], 0x88, "it is not served");
        }
        refused |= [HEADERS, RST_STREAM, GOAWAY].contains(&frame.kind);
    }
    assert!(refused);
    witness.answers().await;
    drop(rude);
    witness.survived(&host).await;
}

#[tokio::test]
async fn h6_more_streams_than_are_allowed_are_refused() {
    let config = format!("{LOW}max_streams = 10\n").replace("body_grace_seconds = 1\n", "");
    let (host, _, mut witness) = stage(&config).await;
    let mut rude = Rude::begin(Raw::open(&host).await, &[]).await;
    let settings = rude.first(SETTINGS).await.expect("the server's settings");
    assert!(
        settings
            .payload
            .chunks(6)
            .any(|setting| setting == [0, 3, 0, 0, 0, 10]),
        "{:?}",
        settings.payload
    );
    assert!(rude.send(SETTINGS, ACK, 0, &[]).await);
    // Each has a body that is waited for.
    let request = head("PUT", "/runtimes/", "localhost");
    let mut refused = 0;
    for stream in (1..200).step_by(2) {
        assert!(rude.send(HEADERS, END_HEADERS, stream, &request).await);
    }
    while refused < 90 {
        let reset = rude
            .first(RST_STREAM)
            .await
            .expect("the connection is kept");
        assert_eq!(reset.payload, [0, 0, 0, REFUSED_STREAM]);
        refused += 1;
    }
    witness.answers().await;
    drop(rude);
    witness.survived(&host).await;
}

#[tokio::test]
async fn h6_a_stream_that_nobody_reads_is_reset_and_the_others_are_served() {
    let (host, _, mut witness) = stage(&LOW.replace("idle_timeout_seconds = 1\n", "")).await;
    // The client takes no byte of any body.
    let no_window = [0, 4, 0, 0, 0, 0];
    let mut rude = Rude::begin(Raw::open(&host).await, &no_window).await;
    for stream in [1, 3, 5] {
        assert!(
            rude.send(HEADERS, END_HEADERS | END_STREAM, stream, &ready())
                .await
        );
    }
    let mut reset = Vec::new();
    while reset.len() < 3 {
        let frame = rude
            .first(RST_STREAM)
            .await
            .expect("the connection is kept");
        reset.push(frame.stream);
    }
    reset.sort_unstable();
    assert_eq!(reset, [1, 3, 5]);
    rude.is_served(7).await;
    witness.answers().await;
    drop(rude);
    witness.survived(&host).await;
}

#[tokio::test]
async fn h6_streams_of_many_connections_leave_some_for_others() {
    let host = Host::builder()
        .config("[server]\nmax_all_streams = 12\n")
        .start();
    let client = host.guest("somebody", "").await;
    let agent = client.deploy("probe", PROBE).await;
    let witness = Witness::of(&host, &agent).await;
    // Each is answered, and none can be done: the client takes no byte of any body.
    let no_window = [0, 4, 0, 0, 0, 0];
    let (mut greedy, mut served, mut refused) = (Vec::new(), 0, 0);
    for _ in 0..2 {
        let mut rude = Rude::begin(Raw::open(&host).await, &no_window).await;
        for stream in (1..20).step_by(2) {
            let flags = END_HEADERS | END_STREAM;
            assert!(rude.send(HEADERS, flags, stream, &ready()).await);
        }
        let mut answered = 0;
        while answered < 10 {
            let frame = rude.next().await.expect("the connection is kept");
            match frame.kind {
                HEADERS => served += 1,
                RST_STREAM => {
                    assert_eq!(frame.payload, [0, 0, 0, REFUSED_STREAM]);
                    refused += 1;
                }
                _ => continue,
            }
            answered += 1;
        }
        greedy.push(rude);
    }
    assert_eq!((served, refused), (9, 11));
    let other = Raw::open_from(&host, [127, 0, 0, 2]).await;
    Rude::begin(other, &[]).await.is_served(1).await;
    // A connection of HTTP/1 has its place as such.
    let mut plain = Raw::open(&host).await;
    let ask = "GET /healthz/live HTTP/1.1\r\nhost: localhost\r\n\r\n";
    assert!(plain.send(ask).await && plain.some().await.is_some());

    drop(greedy);
    eventually("room for another", || async {
        let mut rude = Rude::begin(Raw::open(&host).await, &[]).await;
        let flags = END_HEADERS | END_STREAM;
        assert!(rude.send(HEADERS, flags, 1, &ready()).await);
        loop {
            match rude.next().await.expect("the connection is kept").kind {
                HEADERS => return Some(()),
                RST_STREAM => return None,
                _ => {}
            }
        }
    })
    .await;
    witness.survived(&host).await;
}
