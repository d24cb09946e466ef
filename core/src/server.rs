//! The network edge: TLS 1.3 or, in development, plain HTTP on loopback; limits; a clean end.
//!
//! Every connection is bounded in time and size before a request reaches the router. At the end
//! no new connection is taken and the running requests may finish.

use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use axum::Router;
use axum::http::{HeaderName, HeaderValue};
use axum_server::accept::{Accept, DefaultAcceptor};
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use axum_server::{Handle, Server};
use hyper_util::rt::TokioTimer;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::config::{Config, TlsFiles};
use crate::framing::Screen;
use crate::{Core, store};

const HANDSHAKE: Duration = Duration::from_secs(10);
const HEADERS: Duration = Duration::from_secs(10);
const FIRST_REQUEST: Duration = Duration::from_secs(10);
const DRAIN: Duration = Duration::from_secs(10);
const HEADER_BYTES: u32 = 16 * 1024;
const HEADER_FIELDS: usize = 100;
const BUFFER_BYTES: usize = 64 * 1024;
const STREAMS: u32 = 100;
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;

/// A bound address, ready to serve.
pub struct Listener {
    socket: TcpListener,
    pub address: SocketAddr,
    tls: Option<RustlsConfig>,
}

impl Listener {
    pub fn bind(config: &Config) -> anyhow::Result<Self> {
        let tls = config.tls.as_ref().map(tls_config).transpose()?;
        // The configuration says so already; here is where it would matter.
        if tls.is_none() && !(config.development && config.listen.ip().is_loopback()) {
            bail!("plain HTTP is for development on a loopback address only");
        }
        let socket = TcpListener::bind(config.listen)
            .with_context(|| format!("cannot listen on {}", config.listen))?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address, tls })
    }

    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Serves until `stop` resolves, then lets running requests finish.
    pub async fn serve(
        self,
        core: Arc<Core>,
        development: bool,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> anyhow::Result<()> {
        let handle = Handle::new();
        let drain = handle.clone();
        let events = core.events.clone();
        tokio::spawn(async move {
            stop.await;
            events.drain();
            drain.graceful_shutdown(Some(DRAIN));
        });
        let router = router(core, development);
        let mut server = axum_server::from_tcp(self.socket)?.handle(handle);
        bound(&mut server);
        let server = server.first_request_timeout(FIRST_REQUEST);
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        match self.tls {
            Some(tls) => {
                let acceptor = RustlsAcceptor::new(tls).handshake_timeout(HANDSHAKE);
                server.acceptor(Screened(acceptor)).serve(service).await?;
            }
            None => server.acceptor(Screened(DefaultAcceptor)).serve(service).await?,
        }
        Ok(())
    }
}

/// Puts the screen for ambiguous messages between a connection and the parser.
#[derive(Clone)]
struct Screened<A>(A);

impl<I, S, A> Accept<I, S> for Screened<A>
where
    A: Accept<I, S>,
    A::Future: Send + 'static,
{
    type Stream = Screen<A::Stream>;
    type Service = A::Service;
    type Future =
        Pin<Box<dyn Future<Output = std::io::Result<(Self::Stream, Self::Service)>> + Send>>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        let accepted = self.0.accept(stream, service);
        Box::pin(async move {
            let (stream, service) = accepted.await?;
            Ok((Screen::new(stream), service))
        })
    }
}

/// All operations of the contract, answered by this Core.
pub fn router(core: Arc<Core>, development: bool) -> Router {
    let router = vivified_contract::router(core);
    if !development {
        return router;
    }
    let name = HeaderName::from_static("vivified-dev-mode");
    router.layer(SetResponseHeaderLayer::overriding(name, HeaderValue::from_static("true")))
}

/// Bounds what one connection can take before it has asked for anything.
fn bound<A>(server: &mut Server<SocketAddr, A>) {
    let builder = server.http_builder();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_headers(HEADER_FIELDS)
        .max_buf_size(BUFFER_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(HEADER_BYTES);
}

/// TLS 1.3 and nothing older. The list of versions decides: other crates compile TLS 1.2 in.
pub fn tls_config(files: &TlsFiles) -> anyhow::Result<RustlsConfig> {
    let certificates = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(|found| found.collect::<Result<Vec<_>, _>>())
        .with_context(|| format!("cannot read certificates in {}", files.certificate.display()))?;
    let key = store::files::read(&files.key)?;
    let key = PrivateKeyDer::from_pem_slice(&key)
        .with_context(|| format!("cannot read a private key in {}", files.key.display()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .context("the certificate and the key do not go together")?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(RustlsConfig::from_config(Arc::new(config)))
}
