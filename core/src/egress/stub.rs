//! Development only: one host answered by a local server in plain HTTP.
//!
//! Every other rule holds as in production; only the address check and TLS are replaced, and only
//! for exactly the hosts named on the command line. The module is not compiled into release
//! builds.

use std::net::SocketAddr;
use std::str::FromStr;

/// `HOST=IP:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EgressStub {
    pub host: String,
    pub address: SocketAddr,
}

impl FromStr for EgressStub {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let usage = "expected HOST=IP:PORT with a loopback address";
        let (host, address) = text.split_once('=').ok_or(usage)?;
        let address: SocketAddr = address.parse().map_err(|_| usage)?;
        if host.is_empty() || !address.ip().is_loopback() {
            return Err(usage);
        }
        Ok(Self { host: host.to_ascii_lowercase(), address })
    }
}
