//! The guard against a fixture Internet: its DNS, its addresses and its TLS servers live in this
//! process, and every address that is dialled is remembered.

mod credentials;
mod dns;
mod layers;
mod manifest;
mod mutations;
mod rollout;
mod vectors;

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt as _};

use zeroize::Zeroizing;

use super::resolve::{Answer, BoxFuture, LookupError};
use super::*;
use crate::certificates::Authority;
pub use crate::certificates::Certificate;

/// Names of the servers of the fixture Internet.
const NAMES: [&str; 3] = ["api.partner.test", "*.cdn.partner.test", "xn--bcher-kva.test"];
pub const REFUSING: &str = "93.184.215.99";

/// The entries the vectors assume.
pub fn rules() -> Vec<AllowRule> {
    let listed = |host: &str, ports: &[u16]| {
        AllowRule::parse(&json!({"host": host, "ports": ports, "methods": ["GET", "POST"]}))
            .expect("a good entry")
    };
    vec![
        listed("api.partner.test", &[443, 8443]),
        listed("*.cdn.partner.test", &[443, 8443]),
        listed("xn--bcher-kva.test", &[443]),
    ]
}

/// What the far side does in one test.
#[derive(Clone)]
pub struct Script {
    /// One answer per query; the last one repeats.
    pub dns: Vec<Result<Answer, LookupError>>,
    pub response: Vec<u8>,
    pub certificate: Certificate,
    pub own: Own,
    pub rules: Vec<AllowRule>,
    pub report: Report,
    pub secrets: Secret,
}

/// At most one secret: its name and value.
#[derive(Clone, Default)]
pub struct Secret(pub Option<(&'static str, &'static str)>);

impl Secrets for Secret {
    fn reveal<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Option<Zeroizing<String>>> {
        let found = self.0.filter(|(own, _)| *own == name);
        Box::pin(async move { found.map(|(_, value)| Zeroizing::new(value.to_owned())) })
    }

    fn is_there<'a>(&'a self, name: &'a str) -> BoxFuture<'a, bool> {
        Box::pin(async move { self.0.is_some_and(|(own, _)| own == name) })
    }
}

impl Script {
    pub fn terms(&self) -> Terms<'_> {
        Terms {
            rules: &self.rules,
            report: &self.report,
            own: &self.own,
            secrets: &self.secrets,
            now: 0,
        }
    }
}

/// One entry from its JSON.
pub fn entry(value: serde_json::Value) -> Vec<AllowRule> {
    vec![AllowRule::parse(&value).expect("a good entry")]
}

impl Default for Script {
    fn default() -> Self {
        Self {
            dns: vec![Ok(answer(&["93.184.215.14"]))],
            response: b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec(),
            certificate: Certificate::Good,
            own: Own::default(),
            rules: rules(),
            report: Report::default(),
            secrets: Secret::default(),
        }
    }
}

/// How a call ended, and what the world saw of it.
pub struct Seen {
    pub result: Result<Fetched, Failure>,
    pub entry: Option<String>,
    pub would_deny: Option<&'static str>,
    pub dialled: Vec<SocketAddr>,
    pub queries: usize,
    pub requests: Vec<String>,
}

pub fn answer(addresses: &[&str]) -> Answer {
    let addresses = addresses.iter().map(|text| text.parse().expect("an address")).collect();
    Answer { addresses, aliases: 0 }
}

pub fn get(url: &str) -> Outgoing {
    Outgoing {
        plugin_id: "alpha".to_owned(),
        url: url.to_owned(),
        method: "GET".to_owned(),
        may_handle_phi: true,
        ..Outgoing::default()
    }
}

/// Runs one call against the scripted world.
pub async fn run(script: Script, call: Outgoing) -> Seen {
    let authority = Authority::new();
    let dns = Arc::new(FixtureDns { answers: script.dns.clone(), queries: Mutex::default() });
    let network = Arc::new(FixtureDial {
        acceptor: authority.acceptor(script.certificate, &NAMES),
        response: script.response.clone(),
        dialled: Mutex::default(),
        requests: Arc::default(),
    });
    let tls = Tls::new(Some(&authority.file)).expect("the roots load");
    let egress = Egress::new(dns.clone(), network.clone(), tls, Limits::default());
    let outcome = egress.fetch(script.terms(), call).await;
    Seen {
        result: outcome.result,
        entry: outcome.entry,
        would_deny: outcome.would_deny,
        dialled: network.dialled.lock().unwrap().clone(),
        queries: dns.queries.lock().unwrap().values().sum(),
        requests: network.requests.lock().unwrap().clone(),
    }
}

struct FixtureDns {
    answers: Vec<Result<Answer, LookupError>>,
    queries: Mutex<HashMap<String, usize>>,
}

impl FixtureDns {
    /// One that always answers the same.
    fn of(addresses: &[&str]) -> Arc<Self> {
        Arc::new(Self { answers: vec![Ok(answer(addresses))], queries: Mutex::default() })
    }
}

impl Resolve for FixtureDns {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Answer, LookupError>> {
        let mut queries = self.queries.lock().unwrap();
        let count = queries.entry(name.to_owned()).or_default();
        let answer = self.answers.get(*count).or(self.answers.last()).cloned();
        *count += 1;
        Box::pin(async move { answer.unwrap_or(Err(LookupError::NoSuchName)) })
    }
}

struct FixtureDial {
    acceptor: tokio_rustls::TlsAcceptor,
    response: Vec<u8>,
    dialled: Mutex<Vec<SocketAddr>>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Dial for FixtureDial {
    fn dial(&self, address: SocketAddr) -> BoxFuture<'_, std::io::Result<BoxStream>> {
        self.dialled.lock().unwrap().push(address);
        if address.ip().to_string() == REFUSING {
            return Box::pin(async { Err(std::io::ErrorKind::ConnectionRefused.into()) });
        }
        let (near, far) = tokio::io::duplex(64 * 1024);
        let (acceptor, response) = (self.acceptor.clone(), self.response.clone());
        let requests = self.requests.clone();
        let plain = address.port() == 80;
        tokio::spawn(async move {
            let mut stream: BoxStream = if plain {
                Box::new(far)
            } else {
                let Ok(stream) = acceptor.accept(far).await else { return };
                Box::new(stream)
            };
            let request = read_request(&mut stream).await;
            requests.lock().unwrap().push(request);
            let _ = stream.write_all(&response).await;
            let _ = stream.shutdown().await;
        });
        Box::pin(async move { Ok(Box::new(near) as BoxStream) })
    }
}

async fn read_request(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut read = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| length.parse().expect("a length"));
            if body.len() >= length {
                return text;
            }
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return text,
            Ok(count) => read.extend_from_slice(&buffer[..count]),
        }
    }
}
