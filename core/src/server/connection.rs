//! One connection from its acceptance to its end: handshake, protocol, requests.

use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, HeaderValue, Uri, Version, header};
use axum::response::{IntoResponse, Response};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, interval, timeout};
use tokio_rustls::TlsAcceptor;
use tower::Service;
use vivified_contract::problems;
use vivified_contract::runtime::ClientCertificate;

use super::pulse::{Pulse, Running, Watched};
use super::tls::Tls;
use crate::config::EdgeLimits;
use crate::framing::{self, Screen};
use crate::telemetry::metrics::{CONNECTION_ENDS, Connection};

const REQUEST_LINE: usize = 8 * 1024;
const HEADER_BYTES: usize = 16 * 1024;
const HEADER_FIELDS: usize = 100;
/// More than line and headers together, so that what is a little too long gets an answer.
const BUFFER_BYTES: usize = 32 * 1024;
const STREAMS: u32 = 100;
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
const SEND_BUFFER: usize = 64 * 1024;
/// An answer of HTTP/2 goes in parts of a frame each, so that its request runs until the peer has
/// made room for the last one and not only until it is queued.
const PART: usize = 16 * 1024;
/// Streams a peer may reset before we have looked at them, and those we reset for its faults.
const PENDING_RESETS: usize = 20;
const LOCAL_RESETS: usize = 100;
const PING_EVERY: Duration = Duration::from_secs(20);
const PING_WAIT: Duration = Duration::from_secs(10);
/// While we stop, a connection without a request gets this long to send one: its answer says
/// that the connection ends, so that no request meets a closed door half-way.
const LAME: Duration = Duration::from_millis(500);
/// From a polite end to a hard one.
const PATIENCE: Duration = Duration::from_secs(2);

/// What every connection needs to know.
pub struct Shared {
    pub router: Router,
    pub tls: Option<Tls>,
    pub limits: EdgeLimits,
    /// True once we stop.
    pub stopping: watch::Receiver<bool>,
}

pub async fn serve(shared: Arc<Shared>, socket: TcpStream, peer: SocketAddr) {
    // A small answer must not wait for an acknowledgement of the one before.
    let _ = socket.set_nodelay(true);
    let Some(tls) = &shared.tls else {
        return talk(&shared, socket, peer, None).await;
    };
    let handshake = TlsAcceptor::from(tls.current()).accept(socket);
    match timeout(shared.limits.handshake, handshake).await {
        Ok(Ok(stream)) => {
            let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
            let certificate = shown.map(|shown| ClientCertificate(Arc::from(shown.as_ref())));
            talk(&shared, stream, peer, certificate).await;
        }
        Ok(Err(_)) => CONNECTION_ENDS.count(Connection::HandshakeFailed),
        Err(_) => CONNECTION_ENDS.count(Connection::HandshakeTimeout),
    }
}

async fn talk<S>(
    shared: &Arc<Shared>,
    stream: S,
    peer: SocketAddr,
    certificate: Option<ClientCertificate>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let pulse = Pulse::start();
    let io = TokioIo::new(Screen::new(Watched { stream, pulse: pulse.clone() }));
    let exchange = Exchange { shared: shared.clone(), pulse: pulse.clone(), peer, certificate };
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        // Here and not in the task of the request, which may have to wait for its turn.
        let running = exchange.pulse.request(request.version() == Version::HTTP_2);
        exchange.clone().answer(request, running)
    });
    let builder = builder();
    let mut connection = pin!(builder.serve_connection(io, service));
    let mut stopping = shared.stopping.clone();
    let mut tick = interval(pace(&shared.limits));
    // When to ask for the end because we stop, and when to stop being polite about it.
    let mut told = false;
    let mut lame: Option<Instant> = None;
    let mut end: Option<Instant> = None;
    loop {
        let next = lame.or(end);
        tokio::select! {
            // What has arrived is read before anybody is called late: it may have waited for us.
            biased;
            _ = connection.as_mut() => return,
            _ = stopping.changed(), if !told => {
                told = true;
                lame = Some(Instant::now() + if pulse.is_http2() { Duration::ZERO } else { LAME });
            }
            () = until(next), if next.is_some() => {
                if lame.take().is_none() {
                    return;
                }
                connection.as_mut().graceful_shutdown();
            }
            _ = tick.tick() => {}
        }
        match pulse.overdue(&shared.limits) {
            Some(Connection::IdleTimeout) if end.is_none() => {
                CONNECTION_ENDS.count(Connection::IdleTimeout);
                connection.as_mut().graceful_shutdown();
                end = Some(Instant::now() + PATIENCE);
            }
            Some(Connection::IdleTimeout) | None => {}
            Some(why) => return CONNECTION_ENDS.count(why),
        }
    }
}

async fn until(at: Option<Instant>) {
    if let Some(at) = at {
        tokio::time::sleep_until(at).await;
    }
}

/// Often enough that nobody is late by much more than a quarter of the shortest limit.
fn pace(limits: &EdgeLimits) -> Duration {
    let shortest = limits.headers.min(limits.idle).min(limits.write);
    (shortest / 4).clamp(Duration::from_millis(50), Duration::from_secs(1))
}

/// Bounds what one connection can take before it has asked for anything.
fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_headers(HEADER_FIELDS)
        .max_buf_size(BUFFER_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(u32::try_from(HEADER_BYTES).unwrap_or(u32::MAX))
        .max_send_buf_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(LOCAL_RESETS)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_WAIT);
    builder
}

#[derive(Clone)]
struct Exchange {
    shared: Arc<Shared>,
    pulse: Arc<Pulse>,
    peer: SocketAddr,
    certificate: Option<ClientCertificate>,
}

impl Exchange {
    async fn answer(
        self,
        request: hyper::Request<Incoming>,
        running: Running,
    ) -> Result<Response<Counted>, std::convert::Infallible> {
        let version = request.version();
        let mut response = match refusal(version, request.uri(), request.headers()) {
            Some(refusal) => refusal,
            None => self.route(request).await,
        };
        if *self.shared.stopping.borrow() && version < Version::HTTP_2 {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response.map(|body| Counted { body, part: Bytes::new(), running }))
    }

    async fn route(&self, request: hyper::Request<Incoming>) -> Response {
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(self.peer));
        if let Some(certificate) = &self.certificate {
            request.extensions_mut().insert(certificate.clone());
        }
        let mut router = self.shared.router.clone();
        match router.call(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

/// An answer whose request runs until its last octet has been taken.
struct Counted {
    body: Body,
    /// What has come from the body and is not handed over yet.
    part: Bytes,
    running: Running,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        if !this.running.is_http2() {
            return Pin::new(&mut this.body).poll_frame(context);
        }
        if this.part.is_empty() {
            match Pin::new(&mut this.body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => this.part = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                other => {
                    this.running.waits_for_us();
                    return other;
                }
            }
        }
        this.running.handed_over();
        let now = this.part.len().min(PART);
        Poll::Ready(Some(Ok(Frame::data(this.part.split_to(now)))))
    }

    fn is_end_stream(&self) -> bool {
        self.part.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (left, behind) = (self.part.len() as u64, self.body.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(left + behind.lower());
        if let Some(upper) = behind.upper() {
            hint.set_upper(left + upper);
        }
        hint
    }
}

/// The answer to what is too large or names no host or several.
fn refusal(version: Version, uri: &Uri, headers: &HeaderMap) -> Option<Response> {
    let line = uri.path_and_query().map_or(0, |path| path.as_str().len());
    if line > REQUEST_LINE {
        return Some(problems::request_line_too_long().into_response());
    }
    // As HTTP/1.1 writes them: a colon, a space and an end of line for each.
    let octets: usize =
        headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if octets > HEADER_BYTES || headers.len() > HEADER_FIELDS {
        return Some(problems::headers_too_large().into_response());
    }
    let named = version != Version::HTTP_2 || framing::names_one_host(uri, headers);
    (!named).then(|| problems::invalid_request().into_response())
}
