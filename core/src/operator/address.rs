//! Where a callee listens: the parts of its base URL that Core will dial, or none.
//!
//! Plain HTTP is for loopback; anything else must prove its name over TLS 1.3.

use std::net::{IpAddr, Ipv4Addr};

use url::{Host, Url};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub host: Dialled,
    pub port: u16,
    /// The name that the far side has to prove; none for plain HTTP on loopback.
    pub tls_name: Option<String>,
    /// The `Host` header.
    pub authority: String,
    /// Path of the base URL, without a slash at its end.
    prefix: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dialled {
    Address(IpAddr),
    Name(String),
}

impl Address {
    pub fn parse(base_url: &str) -> Option<Self> {
        let base = Url::parse(base_url).ok()?;
        let plain = base.username().is_empty()
            && base.password().is_none()
            && base.query().is_none()
            && base.fragment().is_none();
        let host = match base.host()? {
            Host::Ipv4(address) => Dialled::Address(address.into()),
            Host::Ipv6(address) => Dialled::Address(address.into()),
            // The name is settled here so that no resolver can send it elsewhere.
            Host::Domain("localhost") => Dialled::Address(Ipv4Addr::LOCALHOST.into()),
            Host::Domain(name) => Dialled::Name(name.to_owned()),
        };
        let loopback = matches!(host, Dialled::Address(address) if address.is_loopback());
        let name = base.host_str()?.trim_start_matches('[').trim_end_matches(']').to_owned();
        let tls_name = match base.scheme() {
            "https" => Some(name),
            "http" if loopback => None,
            _ => return None,
        };
        let authority = match base.port() {
            Some(port) => format!("{}:{port}", base.host_str()?),
            None => base.host_str()?.to_owned(),
        };
        let port = base.port_or_known_default()?;
        let prefix = base.path().trim_end_matches('/').to_owned();
        plain.then_some(Self { host, port, tls_name, authority, prefix })
    }

    /// The target of a request; none for a path that would leave the base the registry knows.
    pub fn target(&self, path: &str) -> Option<String> {
        let stays = path.starts_with('/')
            && !path.starts_with("//")
            && path.split('/').all(|segment| segment != "." && segment != "..")
            && path.bytes().all(|octet| {
                octet.is_ascii_alphanumeric() || matches!(octet, b'/' | b'-' | b'.' | b'_' | b'~')
            });
        stays.then(|| format!("{}{path}", self.prefix))
    }
}
