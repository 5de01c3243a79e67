//! What clients of the server's port may do, and how the port is encrypted.

use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::jail;

/// The bounds of the port. They are there for clients that are broken or hostile; others never meet them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// How many connections are open at a time; further ones wait. 10,000 by default, and never so many that less than 256
    /// file descriptors are left of what the system grants the process. On a server with keys one address, or one network
    /// of 64 bits with IPv6, has three quarters of them at most, and less the more others have some.
    pub max_connections: NonZeroUsize,
    /// How long the head of a request may take, in seconds, from its first byte on; that of the first one from the
    /// connection on. Then the connection is closed. A TLS handshake may take as long. 10 by default.
    pub header_timeout_seconds: NonZeroU64,
    /// How many headers a request has at most. 100 by default.
    pub max_headers: NonZeroUsize,
    /// How large the headers of a request are at most, in bytes. 32 KiB by default, and at least 4 KiB.
    pub max_header_bytes: HeaderBytes,
    /// How long a connection without a request is kept, in seconds. 75 by default.
    pub idle_timeout_seconds: NonZeroU64,
    /// How quickly a body must come, in bytes a second. 1,024 by default.
    pub body_bytes_per_second: NonZeroU32,
    /// How far a body may lag behind that rate, in seconds. Then it is given up. 20 by default.
    pub body_grace_seconds: NonZeroU64,
    /// How long a client may take nothing of an answer that is there for it, in seconds. Then it is cut off; its turn goes
    /// on. 60 by default.
    pub write_timeout_seconds: NonZeroU64,
    /// How many requests one HTTP/2 connection has at a time. 250 by default.
    pub max_streams: NonZeroU32,
    /// How many all of them have together; one more is refused before anything of it is read, and clients try it again.
    /// 10,000 by default. On a server with keys one address has three quarters of them at most, as of connections.
    pub max_all_streams: NonZeroUsize,
    /// Memory for payloads that are being received or worked on, in MiB; what would need more is refused with 429. A tenant
    /// has three quarters of it at most. By default an eighth of what the machine or its container has, and at least 256.
    pub payload_mib: Option<NonZeroU64>,
    /// Whether the server gives up what it does not need before it serves. As far as the system lets it, by default.
    pub sandbox: jail::Mode,
    /// The certificate, for HTTPS. None by default: plain HTTP.
    pub tls: Option<Tls>,
    /// The file with the token that opens what concerns the whole server, such as its metrics: 32 characters at least. None
    /// by default; then, once there are keys, nobody is let in there.
    pub operator_token_file: Option<PathBuf>,
}

/// Where the certificate and its key are. Both files are read again when they change.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The certificate and those between it and its authority, as PEM.
    pub certificate: PathBuf,
    /// The certificate's private key, as PEM.
    pub key: PathBuf,
}

/// A bound of a request's headers, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u32")]
pub struct HeaderBytes(u32);

impl HeaderBytes {
    /// In bytes.
    pub fn get(self) -> u32 {
        self.0
    }
}

/// A bound that would leave no room for what every request needs, or more than a head can be.
#[derive(Debug, thiserror::Error)]
#[error("{0} is no bound of headers: choose between 4096 and 1048576 bytes")]
pub struct InvalidHeaderBytes(u32);

impl TryFrom<u32> for HeaderBytes {
    type Error = InvalidHeaderBytes;

    fn try_from(bytes: u32) -> Result<Self, InvalidHeaderBytes> {
        if (4_096..=1_048_576).contains(&bytes) {
            Ok(Self(bytes))
        } else {
            Err(InvalidHeaderBytes(bytes))
        }
    }
}

impl Default for Server {
    fn default() -> Self {
        let seconds = |seconds| NonZeroU64::new(seconds).expect("a default is not zero");
        let count = |count| NonZeroUsize::new(count).expect("a default is not zero");
        let number = |number| NonZeroU32::new(number).expect("a default is not zero");
        Self {
            max_connections: count(10_000),
            header_timeout_seconds: seconds(10),
            max_headers: count(100),
            max_header_bytes: HeaderBytes(32 * 1024),
            idle_timeout_seconds: seconds(75),
            body_bytes_per_second: number(1024),
            body_grace_seconds: seconds(20),
            write_timeout_seconds: seconds(60),
            max_streams: number(250),
            max_all_streams: count(10_000),
            payload_mib: None,
            sandbox: jail::Mode::default(),
            tls: None,
            operator_token_file: None,
        }
    }
}

impl Server {
    /// How long a head may take.
    pub fn header_timeout(&self) -> Duration {
        Duration::from_secs(self.header_timeout_seconds.get())
    }

    /// How long a connection without a request is kept.
    pub fn idle_timeout(&self) -> Duration {
        Duration::from_secs(self.idle_timeout_seconds.get())
    }

    /// How far a body may lag behind.
    pub fn body_grace(&self) -> Duration {
        Duration::from_secs(self.body_grace_seconds.get())
    }

    /// Memory for payloads, in bytes, on a machine that has so much, if anybody knows.
    pub fn payload_bytes(&self, available: Option<u64>) -> u64 {
        const LEAST: u64 = 256 << 20;
        match self.payload_mib {
            Some(mib) => mib.get() << 20,
            None => (available.unwrap_or_default() / 8).max(LEAST),
        }
    }

    /// How long a client may take nothing.
    pub fn write_timeout(&self) -> Duration {
        Duration::from_secs(self.write_timeout_seconds.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_that_would_serve_nobody_are_refused() {
        for text in [
            "max_connections = 0",
            "header_timeout_seconds = 0",
            "body_bytes_per_second = 0",
            "max_header_bytes = 100",
            "max_header_bytes = 2000000",
            "max_streams = 0",
            "max_all_streams = 0",
            "[tls]\ncertificate = \"a.pem\"",
        ] {
            assert!(toml::from_str::<Server>(text).is_err(), "{text}");
        }
        let some: Server = toml::from_str("max_header_bytes = 8192").unwrap();
        assert_eq!(some.max_header_bytes.get(), 8_192);
        assert_eq!(some.max_headers, Server::default().max_headers);
    }
}
