//! From a checked address to a stream that speaks to the right host.
//!
//! Dialling and TLS are apart: a dialler gets an address and never a name, so there is no second
//! look-up to win; TLS gets the name of the rule and proves that the far side is that name. There
//! is no switch that turns the proof off.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::resolve::BoxFuture;

pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}
pub type BoxStream = Box<dyn Stream>;

/// Opens a byte stream to one address.
pub trait Dial: Send + Sync + 'static {
    fn dial(&self, address: SocketAddr) -> BoxFuture<'_, std::io::Result<BoxStream>>;
}

/// The dialler for production.
pub struct TcpDial;

impl Dial for TcpDial {
    fn dial(&self, address: SocketAddr) -> BoxFuture<'_, std::io::Result<BoxStream>> {
        Box::pin(async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as BoxStream)
        })
    }
}

/// TLS 1.3 with the public roots and, where a site has its own, one file of further roots.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ClientConfig>,
}

impl Tls {
    pub fn new(extra_roots: Option<&Path>) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        if let Some(path) = extra_roots {
            for certificate in CertificateDer::pem_file_iter(path)
                .with_context(|| format!("cannot read the roots in {}", path.display()))?
            {
                roots.add(certificate?)?;
            }
        }
        // The version list decides, not the feature list: other crates switch `tls12` on.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { config: Arc::new(config) })
    }

    /// The same rules for a client that makes its own connections.
    pub fn client_config(&self) -> ClientConfig {
        ClientConfig::clone(&self.config)
    }

    /// Shakes hands as `name`; an error means the far side could not prove to be it.
    pub async fn secure(&self, stream: BoxStream, name: &str) -> std::io::Result<BoxStream> {
        let name = ServerName::try_from(name.to_owned())
            .map_err(|_| std::io::Error::from(std::io::ErrorKind::InvalidInput))?;
        let connector = tokio_rustls::TlsConnector::from(self.config.clone());
        Ok(Box::new(connector.connect(name, stream).await?))
    }
}
