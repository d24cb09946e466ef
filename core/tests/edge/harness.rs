//! A Core process with certificates of its own, and blocking clients to talk to it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

pub const SCRAPE_TOKEN: &str = "synthetic-scrape-token-0123456789";
pub const HEALTH: &str = "GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n";

pub type Tls = StreamOwned<ClientConnection, TcpStream>;

/// Who signs the certificates of a test.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new() -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).expect("parameters");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(parameters, key).expect("an authority"))
    }

    pub fn der(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    pub fn issue(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().expect("a key");
        let parameters = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        (parameters.signed_by(&key, &self.0).expect("a certificate"), key)
    }
}

pub struct Edge {
    pub folder: tempfile::TempDir,
    pub authority: Authority,
    pub child: Option<Child>,
    pub address: SocketAddr,
}

impl Edge {
    /// Starts Core with these settings of its file.
    pub fn start(settings: &str) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let authority = Authority::new();
        install(folder.path(), &authority);
        private(&folder.path().join("scrape"), SCRAPE_TOKEN);
        std::fs::write(folder.path().join("ca.pem"), authority.pem()).expect("writes");
        let at = |name: &str| format!("{:?}", folder.path().join(name));
        let text = format!(
            "listen = \"127.0.0.1:0\"\ndata_dir = {}\ntls_cert = {}\ntls_key = {}\n\
             metrics_token_file = {}\n{}\n",
            at("data"),
            at("cert.pem"),
            at("key.pem"),
            at("scrape"),
            settings.replace("CLIENT_CA", &at("ca.pem"))
        );
        std::fs::write(folder.path().join("core.toml"), text).expect("writes");
        let address = "127.0.0.1:0".parse().expect("an address");
        let mut edge = Self { folder, authority, child: None, address };
        edge.run();
        edge
    }

    pub fn run(&mut self) {
        let mut command = binary(&[]);
        command.arg("--config").arg(self.path("core.toml"));
        let mut child = command.spawn().expect("starts");
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        let ready = stdout.lines().map_while(Result::ok).find_map(|line| {
            line.split_once("ready at https://").map(|(_, address)| address.to_owned())
        });
        self.address = ready.expect("a ready line").parse().expect("an address");
        self.child = Some(child);
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn signal(&self, name: &str) {
        let id = self.child.as_ref().expect("runs").id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().expect("signals").success());
    }

    /// Waits for the end and gives the exit code.
    pub fn wait(&mut self) -> i32 {
        let mut child = self.child.take().expect("runs");
        child.wait().expect("ends").code().expect("an exit code")
    }

    pub fn client(&self, identity: Option<&(rcgen::Certificate, KeyPair)>) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der()).expect("a root");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots);
        match identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
                let chain = vec![certificate.der().clone()];
                builder.with_client_auth_cert(chain, key).expect("an identity")
            }
        }
    }

    pub fn tcp(&self) -> TcpStream {
        let socket = TcpStream::connect(self.address).expect("connects");
        socket.set_read_timeout(Some(Duration::from_secs(20))).expect("sets");
        socket.set_nodelay(true).expect("sets");
        socket
    }

    pub fn tls(&self) -> Tls {
        self.tls_as(None)
    }

    pub fn tls_as(&self, identity: Option<&(rcgen::Certificate, KeyPair)>) -> Tls {
        let name = ServerName::try_from("localhost").expect("a name");
        let config = Arc::new(self.client(identity));
        StreamOwned::new(ClientConnection::new(config, name).expect("a client"), self.tcp())
    }

    /// One request on a connection of its own.
    pub fn ask(&self, request: &str) -> (u16, String) {
        exchange(&mut self.tls(), request).expect("answers")
    }

    pub fn metrics(&self) -> String {
        let request = format!(
            "GET /metrics HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {SCRAPE_TOKEN}\r\n\r\n"
        );
        let (status, text) = self.ask(&request);
        assert_eq!(status, 200, "{text}");
        text
    }

    /// The value of one series.
    pub fn figure(&self, series: &str) -> f64 {
        let text = self.metrics();
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {series}")).parse().expect("a number")
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

pub fn binary(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vivified-core"));
    command.env_clear().args(arguments).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// Runs a command of the binary to its end.
pub fn run(arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } =
        binary(arguments).stderr(Stdio::piped()).output().expect("runs");
    let text = |octets| String::from_utf8(octets).expect("text");
    (status.code().expect("an exit code"), text(stdout), text(stderr))
}

/// A new certificate for `localhost` in the files of the settings.
pub fn install(folder: &Path, authority: &Authority) -> CertificateDer<'static> {
    let (certificate, key) = authority.issue("localhost");
    std::fs::write(folder.join("cert.pem"), certificate.pem()).expect("writes");
    private(&folder.join("key.pem"), &key.serialize_pem());
    certificate.der().clone()
}

pub fn private(path: &Path, text: &str) {
    std::fs::write(path, text).expect("writes");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("sets the mode");
}

/// Sends one request and reads one answer with a declared length.
pub fn exchange(stream: &mut Tls, request: &str) -> std::io::Result<(u16, String)> {
    let (head, body) = exchange_whole(stream, request)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok((status.ok_or(std::io::ErrorKind::InvalidData)?, body))
}

/// The same with the head of the answer as it came, in lower case.
pub fn exchange_whole(stream: &mut Tls, request: &str) -> std::io::Result<(String, String)> {
    stream.write_all(request.as_bytes())?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut octet = [0];
        stream.read_exact(&mut octet)?;
        head.push(octet[0]);
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body)?;
    Ok((head, String::from_utf8_lossy(&body).into_owned()))
}

/// Seconds until the peer closes.
pub fn closed_after(stream: &mut impl Read) -> f64 {
    let start = Instant::now();
    let mut buffer = [0; 1_024];
    while matches!(stream.read(&mut buffer), Ok(octets) if octets > 0) {}
    start.elapsed().as_secs_f64()
}
