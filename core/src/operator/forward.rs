//! One try: a fresh request to the callee, and its answer under a cap.
//!
//! Nothing of the caller's request travels but its body: method, headers and framing are written
//! here. Plain HTTP is for loopback; anything else must prove its name over TLS 1.3.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::body::Bytes;
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Url};

use crate::egress::connect::Tls;
use crate::identity::IssuedToken;

const CONNECT: Duration = Duration::from_secs(5);
const MAX_ANSWER: usize = 8 * 1024 * 1024;
/// What is left of the deadline, for those who call on.
pub const DEADLINE: HeaderName = HeaderName::from_static("vivified-deadline-ms");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// How one try ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Try {
    Answered {
        status: u16,
        body: Vec<u8>,
        retry_after: Option<u64>,
    },
    /// Nobody took the connection, or it broke.
    Broken,
    TooLarge,
}

/// What a try sends beside its token and deadline.
pub struct Parcel {
    pub url: Url,
    pub body: Bytes,
    pub traceparent: String,
    pub tracestate: Option<String>,
    pub idempotency_key: Option<String>,
}

/// The client for calls to plugins: no proxy, no redirect, no compression, no cookies.
pub fn client(tls: &Tls) -> reqwest::Result<Client> {
    Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT)
        .user_agent(concat!("vivified-core/", env!("CARGO_PKG_VERSION")))
        // The name is settled here so that no resolver can send it elsewhere.
        .resolve("localhost", SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0))
        .tls_backend_preconfigured(tls.client_config())
        .build()
}

/// Where an operation is served; `None` for an address Core does not call.
pub fn target(base_url: &str, path: &str) -> Option<Url> {
    let base = Url::parse(base_url).ok()?;
    let plain = base.username().is_empty()
        && base.password().is_none()
        && base.query().is_none()
        && base.fragment().is_none();
    let reachable = match base.scheme() {
        "https" => true,
        "http" => is_loopback(&base),
        _ => false,
    };
    if !plain || !reachable || !path.starts_with('/') || path.starts_with("//") {
        return None;
    }
    let text = format!("{}{path}", base.as_str().trim_end_matches('/'));
    let url = Url::parse(&text).ok()?;
    // Dot segments in a path would leave the base the registry knows.
    (url.as_str() == text && url.origin() == base.origin()).then_some(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Sends once. The caller holds the deadline; `left` is what it still allows.
pub async fn send(client: &Client, parcel: &Parcel, token: &IssuedToken, left: Duration) -> Try {
    let Some(headers) = headers(parcel, token, left) else { return Try::Broken };
    let request = client.post(parcel.url.clone()).headers(headers).body(parcel.body.clone());
    let Ok(mut answer) = request.send().await else { return Try::Broken };
    let retry_after = answer.headers().get(header::RETRY_AFTER);
    let retry_after = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
    let status = answer.status().as_u16();
    let mut body = Vec::new();
    loop {
        match answer.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > MAX_ANSWER => return Try::TooLarge,
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Try::Answered { status, body, retry_after },
            Err(_) => return Try::Broken,
        }
    }
}

fn headers(parcel: &Parcel, token: &IssuedToken, left: Duration) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.expose())).ok()?;
    bearer.set_sensitive(true);
    headers.insert(header::AUTHORIZATION, bearer);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(DEADLINE, HeaderValue::try_from(left.as_millis().to_string()).ok()?);
    headers.insert(TRACEPARENT, HeaderValue::try_from(&parcel.traceparent).ok()?);
    for (name, value) in
        [(TRACESTATE, &parcel.tracestate), (IDEMPOTENCY_KEY, &parcel.idempotency_key)]
    {
        if let Some(value) = value {
            headers.insert(name, HeaderValue::try_from(value).ok()?);
        }
    }
    Some(headers)
}
