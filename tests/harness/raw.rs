//! A connection of which every byte is the test's own.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Host, Session, encoded, in_time};

/// A client's end of a connection, encrypted or not.
pub(crate) struct Raw<S = TcpStream>(S);

impl Raw {
    pub(crate) async fn open(host: &Host) -> Self {
        let stream = TcpStream::connect(host.address()).await;
        Self(stream.expect("the server listens"))
    }

    /// One from another address.
    pub(crate) async fn open_from(host: &Host, from: [u8; 4]) -> Self {
        let socket = TcpSocket::new_v4().expect("there are sockets");
        let from = SocketAddr::from((from, 0));
        socket
            .bind(from)
            .expect("all of the network is this machine's");
        let address = host.address().parse().expect("an address");
        let stream = socket.connect(address).await;
        Self(stream.expect("the server listens"))
    }

    /// One for which the system keeps as little as it can of what is not read.
    pub(crate) async fn narrow(host: &Host) -> Self {
        let socket = TcpSocket::new_v4().expect("there are sockets");
        socket.set_recv_buffer_size(4_096).expect("it may be small");
        let address = host.address().parse().expect("an address");
        let stream = socket.connect(address).await;
        Self(stream.expect("the server listens"))
    }

    /// Speaks TLS from now on; none when the server does not.
    pub(crate) async fn encrypted(
        self,
        client: rustls::ClientConfig,
    ) -> std::io::Result<Raw<TlsStream<TcpStream>>> {
        let name = ServerName::try_from("localhost").expect("a name");
        let connector = TlsConnector::from(Arc::new(client));
        let shaken = in_time("the handshake", connector.connect(name, self.0)).await;
        shaken.map(Raw)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Raw<S> {
    pub(crate) fn stream(&self) -> &S {
        &self.0
    }

    /// Sends; false when the server takes no more.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        let sent = in_time("bytes to be taken", self.0.write_all(bytes.as_ref())).await;
        sent.is_ok()
    }

    /// Says that nothing more will be sent.
    pub(crate) async fn finish(&mut self) {
        self.0.shutdown().await.expect("the connection is open");
    }

    /// Some bytes that come; none when the server has closed the connection, whichever way.
    pub(crate) async fn some(&mut self) -> Option<Vec<u8>> {
        let mut bytes = vec![0; 16 * 1024];
        match in_time("bytes", self.0.read(&mut bytes)).await {
            Ok(0) | Err(_) => None,
            Ok(count) => {
                bytes.truncate(count);
                Some(bytes)
            }
        }
    }

    /// Everything that comes until the server closes the connection.
    pub(crate) async fn rest(&mut self) -> String {
        let mut all = Vec::new();
        while let Some(some) = self.some().await {
            all.extend(some);
        }
        String::from_utf8_lossy(&all).into_owned()
    }

    /// What comes until this text has come so many times.
    pub(crate) async fn until(&mut self, text: &str, times: usize) -> String {
        let mut all = String::new();
        while all.matches(text).count() < times {
            let some = self.some().await;
            let some = some.unwrap_or_else(|| panic!("no {text:?} came, but only {all:?}"));
            all.push_str(&String::from_utf8_lossy(&some));
        }
        all
    }

    /// The answer to what asks for the connection to be closed.
    pub(crate) async fn ask(&mut self, request: impl AsRef<[u8]>) -> String {
        self.send(request).await;
        self.rest().await
    }
}

/// The head of an invocation in this session, with these lines of headers more, each with its end.
pub(crate) fn invocation(session: &Session, headers: &str) -> String {
    format!(
        "POST /runtimes/{}/invocations HTTP/1.1\r\nhost: localhost\r\n\
         x-amzn-bedrock-agentcore-runtime-session-id: {}\r\n{headers}\r\n",
        encoded(session.agent_arn()),
        session.id
    )
}
