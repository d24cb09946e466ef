//! One spelling for every URL: text that does not survive a round trip is refused.
//!
//! Parsers disagree on strange URLs, and the disagreement is the attack. So the text is parsed
//! once (WHATWG), written back, and must come out as it went in, save the case of scheme and host,
//! an explicit default port and a missing final `/`. What remains has exactly one reading.

use std::net::IpAddr;

use url::Url;

use super::refusal::{Layer, Refusal};

const MAX_LENGTH: usize = 8 * 1024;
const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    Name(String),
    Address(IpAddr),
}

/// Where a call goes; `path` starts with `/`, `query` comes without its `?`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// https; plain HTTP is read only where an approved entry asks for it.
    pub secure: bool,
    pub host: Host,
    pub port: u16,
    pub path: String,
    pub query: Option<String>,
}

impl Location {
    /// Reads a canonical https URL.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        Self::parse_with(text, false)
    }

    /// The same, and plain HTTP too when `plain` says that an entry asks for it.
    pub fn parse_with(text: &str, plain: bool) -> Result<Self, Refusal> {
        parse(text, plain).map_err(|rule| Refusal { layer: Layer::Parse, rule })
    }

    /// The port that a URL of this scheme leaves out.
    pub fn usual_port(&self) -> u16 {
        if self.secure { 443 } else { 80 }
    }

    /// What stands on the request line.
    pub fn request_target(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }

    pub(super) fn of(url: &Url) -> Option<Self> {
        let host = match url.host()? {
            url::Host::Domain(name) => Host::Name(name.to_owned()),
            url::Host::Ipv4(address) => Host::Address(IpAddr::V4(address)),
            url::Host::Ipv6(address) => Host::Address(IpAddr::V6(address)),
        };
        Some(Self {
            secure: url.scheme() == "https",
            host,
            port: url.port_or_known_default()?,
            path: url.path().to_owned(),
            query: url.query().map(str::to_owned),
        })
    }
}

fn parse(text: &str, plain: bool) -> Result<Location, &'static str> {
    if text.len() > MAX_LENGTH {
        return Err("url-too-long");
    }
    if !text.bytes().all(|byte| (0x21..=0x7e).contains(&byte)) {
        return Err("not-printable-ascii");
    }
    let (scheme, rest) = text.split_once("://").ok_or("no-scheme")?;
    let (scheme, port) = match scheme.to_ascii_lowercase().as_str() {
        "https" => ("https", ":443"),
        "http" if plain => ("http", ":80"),
        _ => return Err("not-https"),
    };
    let authority_end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(authority_end);
    if authority.contains('@') {
        return Err("userinfo");
    }
    if authority.contains('%') {
        return Err("encoded-host");
    }
    if tail.contains('#') {
        return Err("fragment");
    }
    let url = Url::parse(text).map_err(|_| "malformed-url")?;
    if folded(scheme, authority, port, tail) != url.as_str() {
        return Err("not-canonical");
    }
    let location = Location::of(&url).ok_or("no-host")?;
    if let Host::Name(name) = &location.host {
        check_name(name)?;
    }
    check_path(&location.path)?;
    Ok(location)
}

/// The input with the three permitted freedoms taken away.
fn folded(scheme: &str, authority: &str, port: &str, tail: &str) -> String {
    let authority = authority.to_ascii_lowercase();
    let authority = authority.strip_suffix(port).unwrap_or(&authority);
    let slash = if tail.starts_with('/') { "" } else { "/" };
    format!("{scheme}://{authority}{slash}{tail}")
}

/// Letters, digits and inner hyphens in at least one label (RFC 952, RFC 1123).
pub(super) fn check_name(name: &str) -> Result<(), &'static str> {
    if name.len() > MAX_NAME {
        return Err("name-too-long");
    }
    name.split('.').all(is_label).then_some(()).ok_or("not-a-host-name")
}

fn is_label(label: &str) -> bool {
    let byte_ok = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=MAX_LABEL).contains(&label.len())
        && label.bytes().all(byte_ok)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// Separators in disguise would be read one way by a path rule and another way upstream.
fn check_path(path: &str) -> Result<(), &'static str> {
    if path.contains("//") {
        return Err("empty-segment");
    }
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|byte| (byte as char).to_digit(16));
        match (digit(bytes.next()), digit(bytes.next())) {
            (Some(high), Some(low)) => match high * 16 + low {
                0x2f | 0x2e | 0x5c => return Err("encoded-separator"),
                value if value < 0x20 || value == 0x7f => return Err("encoded-control"),
                _ => {}
            },
            _ => return Err("malformed-escape"),
        }
    }
    Ok(())
}
