//! Names to addresses, by Core's own DNS client and configured servers only.
//!
//! The C library is never asked: it reads the hosts file, walks search lists and turns `127.1` or
//! `0x7f000001` into loopback. One call resolves once; whatever the answer is, the dialler gets
//! exactly these addresses and never a name.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RData, RecordType};

const QUERY_TIMEOUT: Duration = Duration::from_secs(2);
const TRIES: usize = 2;

pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Everything both address families answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub addresses: Vec<IpAddr>,
    /// How many CNAME records the longer of the two chains has.
    pub aliases: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookupError {
    NoSuchName,
    TimedOut,
    Failed,
}

impl LookupError {
    pub fn rule(self) -> &'static str {
        match self {
            Self::NoSuchName => "no-such-name",
            Self::TimedOut => "name-timeout",
            Self::Failed => "name-failure",
        }
    }
}

pub trait Resolve: Send + Sync + 'static {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Answer, LookupError>>;
}

/// The client for production: asks the given servers over UDP and TCP.
pub struct DnsClient {
    resolver: TokioResolver,
}

impl DnsClient {
    /// `servers` empty means those of the system's resolver configuration; its hosts file, search
    /// list and local domain stay unread.
    pub fn new(servers: &[SocketAddr]) -> anyhow::Result<Self> {
        let servers = if servers.is_empty() {
            hickory_resolver::system_conf::read_system_conf()?.0.into_parts().2
        } else {
            servers.iter().map(name_server).collect()
        };
        let config = ResolverConfig::from_name_servers(servers);
        let mut builder =
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        tighten(builder.options_mut());
        Ok(Self { resolver: builder.build()? })
    }

    async fn ask(&self, name: &Name, kind: RecordType) -> Result<Answer, LookupError> {
        match self.resolver.lookup(name.clone(), kind).await {
            Ok(lookup) => {
                let mut answer = Answer::default();
                for record in lookup.answers() {
                    match &record.data {
                        RData::A(address) => answer.addresses.push(IpAddr::V4(address.0)),
                        RData::AAAA(address) => answer.addresses.push(IpAddr::V6(address.0)),
                        RData::CNAME(_) => answer.aliases += 1,
                        _ => {}
                    }
                }
                Ok(answer)
            }
            Err(error) if error.is_nx_domain() => Err(LookupError::NoSuchName),
            Err(error) if error.is_no_records_found() => Ok(Answer::default()),
            Err(NetError::Timeout) => Err(LookupError::TimedOut),
            Err(_) => Err(LookupError::Failed),
        }
    }
}

impl Resolve for DnsClient {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Answer, LookupError>> {
        Box::pin(async move {
            let name = Name::from_ascii(format!("{name}.")).map_err(|_| LookupError::Failed)?;
            let (v4, v6) =
                tokio::join!(self.ask(&name, RecordType::A), self.ask(&name, RecordType::AAAA));
            // Half an answer is not an answer: the missing half could be the bad one.
            let (mut v4, v6) = (v4?, v6?);
            v4.addresses.extend(v6.addresses);
            v4.aliases = v4.aliases.max(v6.aliases);
            Ok(v4)
        })
    }
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = address.port();
        connection
    });
    NameServerConfig::new(address.ip(), true, connections.into())
}

fn tighten(options: &mut ResolverOpts) {
    options.use_hosts_file = ResolveHosts::Never;
    options.ndots = 0;
    options.timeout = QUERY_TIMEOUT;
    options.attempts = TRIES;
    options.preserve_intermediates = true;
}
