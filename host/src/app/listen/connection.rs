//! One connection, from the handshake to its end.

use std::future::poll_fn;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONNECTION, HOST};
use axum::http::{HeaderMap, HeaderValue, Request, Response, Version};
use axum::response::IntoResponse as _;
use futures::FutureExt as _;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, Sleep};
use tokio_rustls::TlsAcceptor;

use super::Order;
use super::incoming::{GivenUp, Pace, Paced};
use super::meter::{Meter, Waits};
use super::outgoing::{Outgoing, Streams};
use super::places::{Place, Places, Strangers};
use super::socket::Socket;
use super::tls::Certificates;
use crate::{api, config};

/// The first byte of whoever speaks TLS.
const TLS_HANDSHAKE_RECORD: u8 = 22;

/// What is said to those who do not, in the one language that they most likely understand.
const SPEAK_TLS: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: 57\r\n\
    connection: close\r\n\r\nThis port speaks HTTPS; begin the address with https://.\n";

/// How often an HTTP/2 client is asked whether it is still there, and how long it may take to say so.
const PING: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(20));

/// Streams of HTTP/2 that a client may open and reset before the server has looked at them.
const RESET_STREAMS: usize = 20;

/// Streams of HTTP/2 that the server may have to reset for a client's mistakes.
const FAULTY_STREAMS: usize = 256;

/// How much of a head may be kept while it comes, beyond what it may have at most: then it can be refused with words.
const HEAD_ROOM: usize = 2;

/// What a header costs beside its name and value, in bytes, as both versions of HTTP count.
const HEADER_OVERHEAD: usize = 4;

/// The largest number of headers that costs nothing to read.
const USUAL_HEADERS: usize = 100;

/// What all connections have in common.
pub(super) struct Door {
    http: auto::Builder<Streams>,
    certificates: Option<Arc<Certificates>>,
    waits: Waits,
    write_timeout: Duration,
    rules: Arc<Rules>,
    /// Of requests on connections of HTTP/2, of which each carries many.
    requests: Arc<Places>,
}

/// What holds for every request.
struct Rules {
    router: TowerToHyperService<Router>,
    pace: Pace,
    max_headers: usize,
    max_header_bytes: usize,
}

impl Door {
    pub(super) fn new(
        router: Router,
        config: &config::Server,
        certificates: Option<Arc<Certificates>>,
        strangers: Strangers,
    ) -> Self {
        let header_bytes = config.max_header_bytes.get();
        let max_header_bytes = usize::try_from(header_bytes).unwrap_or(usize::MAX);
        let max_headers = config.max_headers.get();
        let mut http = auto::Builder::new(Streams {
            patience: config.write_timeout(),
        });
        http.http1()
            .timer(TokioTimer::new())
            // Connections are watched here, also while they do not say yet what they speak.
            .header_read_timeout(None)
            .max_buf_size(HEAD_ROOM * max_header_bytes);
        if max_headers != USUAL_HEADERS {
            http.http1().max_headers(max_headers);
        }
        http.http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(config.max_streams.get())
            .max_header_list_size(header_bytes)
            .max_pending_accept_reset_streams(RESET_STREAMS)
            .max_local_error_reset_streams(FAULTY_STREAMS)
            .keep_alive_interval(PING.0)
            .keep_alive_timeout(PING.1);
        Self {
            http,
            certificates,
            waits: Waits {
                head: config.header_timeout(),
                idle: config.idle_timeout(),
            },
            write_timeout: config.write_timeout(),
            rules: Arc::new(Rules {
                router: TowerToHyperService::new(router),
                pace: Pace {
                    rate: config.body_bytes_per_second.get(),
                    grace: config.body_grace(),
                },
                max_headers,
                max_header_bytes,
            }),
            requests: Arc::new(Places::new(config.max_all_streams.get(), strangers)),
        }
    }

    /// Serves a client to the end of its connection.
    pub(super) async fn enter(
        &self,
        stream: TcpStream,
        place: Place,
        mut orders: watch::Receiver<Order>,
    ) {
        let meter = Arc::new(Meter::new(self.waits));
        let address = place.address();
        let socket = Socket::new(stream, place, Arc::clone(&meter), self.write_timeout);
        let Some(certificates) = &self.certificates else {
            return self.serve(socket, address, &meter, &mut orders).await;
        };
        let shaken = tokio::select! {
            shaken = tokio::time::timeout(self.waits.head, shake_hands(socket, certificates)) => shaken,
            () = ordered_away(&mut orders, &meter) => return,
        };
        if let Ok(Some(stream)) = shaken {
            meter.begin();
            self.serve(stream, address, &meter, &mut orders).await;
        }
    }

    async fn serve(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        address: IpAddr,
        meter: &Arc<Meter>,
        orders: &mut watch::Receiver<Order>,
    ) {
        let (rules, own) = (Arc::clone(&self.rules), Arc::clone(meter));
        let requests = Arc::clone(&self.requests);
        let service = service_fn(move |request| {
            let open = own.request(request.version());
            let place = match request.version() {
                Version::HTTP_2 => requests.try_give(address).map(Some),
                // It has that of its connection.
                _ => Some(None),
            };
            let (rules, meter) = (Arc::clone(&rules), Arc::clone(&own));
            async move {
                let place = place.ok_or(Refused)?;
                let answer = rules.answer(request, &meter).await;
                Ok::<_, h2::Error>(answer.map(|body| Outgoing::new(body, open, place)))
            }
        });
        let mut connection = pin!(self.http.serve_connection(TokioIo::new(stream), service));
        let mut overdue = pin!(tokio::time::sleep(self.waits.head));
        loop {
            tokio::select! {
                () = poll_fn(|cx| {
                    meter.register(cx.waker());
                    if connection.as_mut().poll(cx).is_ready() {
                        return Poll::Ready(());
                    }
                    is_overdue(meter, overdue.as_mut(), cx)
                }) => return,
                order = next(orders) => match order {
                    Order::Serve => {}
                    Order::MakeRoom if !meter.is_spare() => {}
                    Order::MakeRoom | Order::Stop => connection.as_mut().graceful_shutdown(),
                    Order::Cut => return,
                },
            }
        }
    }
}

/// A request that was not looked at, which its client may repeat (RFC 9113, section 8.7).
struct Refused;

impl From<Refused> for h2::Error {
    fn from(_: Refused) -> Self {
        h2::Reason::REFUSED_STREAM.into()
    }
}

/// The next order.
async fn next(orders: &mut watch::Receiver<Order>) -> Order {
    match orders.changed().await {
        Ok(()) => *orders.borrow_and_update(),
        // Nobody is left to give any.
        Err(_) => Order::Cut,
    }
}

/// Returns when a connection without a request has to go.
async fn ordered_away(orders: &mut watch::Receiver<Order>, meter: &Meter) {
    loop {
        match next(orders).await {
            Order::Serve => {}
            Order::MakeRoom if !meter.is_spare() => {}
            Order::MakeRoom | Order::Stop | Order::Cut => return,
        }
    }
}

/// Whether the connection's deadline is over. The timer is moved only when it goes off too early, or is too late: a request
/// costs no work on it.
fn is_overdue(meter: &Meter, mut timer: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Poll<()> {
    loop {
        let Some(deadline) = meter.deadline() else {
            return Poll::Pending;
        };
        if deadline <= Instant::now() {
            return Poll::Ready(());
        }
        if timer.is_elapsed() || timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        if timer.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
    }
}

/// The encrypted stream; none when the client does not come to one.
async fn shake_hands(
    mut socket: Socket,
    certificates: &Certificates,
) -> Option<tokio_rustls::server::TlsStream<Socket>> {
    if socket.first_byte().await? != TLS_HANDSHAKE_RECORD {
        let _ = socket.write_all(SPEAK_TLS).await;
        let _ = socket.shutdown().await;
        return None;
    }
    TlsAcceptor::from(certificates.current())
        .accept(socket)
        .await
        .inspect_err(|error| tracing::debug!(%error, "a TLS handshake failed"))
        .ok()
}

impl Rules {
    async fn answer(&self, mut request: Request<Incoming>, meter: &Arc<Meter>) -> Response<Body> {
        if self.is_too_much(request.headers()) {
            meter.leave_unread();
            return api::refusal(api::Refusal::LargeHeaders);
        }
        name_host(&mut request);
        let version = request.version();
        let given_up = GivenUp::default();
        let request = request.map(|body| {
            let paced = Paced::new(body, self.pace, given_up.clone(), meter);
            Body::new(paced)
        });
        // A handler that panics must not take the connection with it, and the other requests on it.
        let answer = AssertUnwindSafe(self.router.call(request)).catch_unwind();
        let answer = match answer.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(never)) => match never {},
            Err(_) => {
                tracing::error!("a request ended in a panic of the server");
                api::refusal(api::Refusal::Panicked)
            }
        };
        if !given_up.get() {
            return answer;
        }
        let mut refusal = api::refusal(api::Refusal::SlowBody);
        if version != Version::HTTP_2 {
            let close = HeaderValue::from_static("close");
            refusal.headers_mut().insert(CONNECTION, close);
        }
        refusal.into_response()
    }

    fn is_too_much(&self, headers: &HeaderMap) -> bool {
        let size = |(name, value): (&axum::http::HeaderName, &HeaderValue)| {
            name.as_str().len() + value.len() + HEADER_OVERHEAD
        };
        headers.len() > self.max_headers
            || headers.iter().map(size).sum::<usize>() > self.max_header_bytes
    }
}

/// HTTP/2 names the host in the address, HTTP/1.1 in a header. Whoever asks for it finds it in the header.
fn name_host<B>(request: &mut Request<B>) {
    if let Some(authority) = request.uri().authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        request.headers_mut().insert(HOST, host);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_to_those_who_do_not_speak_tls_is_http() {
        let text = std::str::from_utf8(SPEAK_TLS).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("content-length: {}\r\n", body.len())),
            "{text}"
        );
    }

    #[tokio::test]
    async fn g27_a_handler_that_panics_is_answered_for_and_leaves_its_connection_to_others() {
        use axum::routing::get;
        use tokio::io::AsyncReadExt as _;

        async fn panics() -> &'static str {
            panic!("a detail of the inside")
        }
        let router = Router::new()
            .route("/panic", get(panics))
            .route("/fine", get(|| async { "this is fine" }));
        let door = Door::new(router, &config::Server::default(), None, Arc::new(|| false));
        let place = Places::new(1, Arc::new(|| false));
        let place = place.try_give([127, 0, 0, 1].into()).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let (orders, told) = watch::channel(Order::Serve);
        let requests = "GET /panic HTTP/1.1\r\nhost: localhost\r\n\r\n\
            GET /fine HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        client.write_all(requests.as_bytes()).await.unwrap();
        let mut answers = String::new();
        let ((), answered) = tokio::join!(
            door.enter(stream, place, told),
            client.read_to_string(&mut answers)
        );
        answered.unwrap();
        drop(orders);
        assert!(answers.starts_with("HTTP/1.1 500 "), "{answers}");
        assert!(answers.contains("InternalServerException"), "{answers}");
        assert!(answers.contains("x-amzn-requestid"), "{answers}");
        assert!(!answers.contains("a detail"), "{answers}");
        assert!(answers.ends_with("this is fine"), "{answers}");
    }

    #[test]
    fn the_host_of_the_address_is_the_one_that_counts() {
        let mut request = Request::builder()
            .uri("http://rebound.example.com/")
            .header(HOST, "localhost")
            .body(())
            .unwrap();
        name_host(&mut request);
        assert_eq!(request.headers()[HOST], "rebound.example.com");
        assert_eq!(request.headers().get_all(HOST).iter().count(), 1);
    }
}
