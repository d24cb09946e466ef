//! The egress proxy: the only way out of the platform.
//!
//! A call passes the layers in this order: the URL has one reading (`location`), an entry of the
//! plugin's approved manifest covers it (`rule`), the request is shaped as Core shapes requests
//! (`headers`), the name is resolved once and every address of the answer is public (`resolve`,
//! `address`), one of exactly these addresses is dialled and proves its name (`connect`), and the
//! answer is read under caps (`exchange`). One deadline lies over all of it. Each layer stands
//! alone, so that the failure of one is not the failure of the guard.

pub mod address;
pub mod connect;
mod exchange;
mod headers;
pub mod local;
pub mod location;
mod rate;
pub mod refusal;
pub mod resolve;
pub mod rule;
#[cfg(feature = "dev")]
pub mod stub;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

pub use exchange::Fetched;
pub use refusal::{Failure, Layer, Refusal};
pub use rule::AllowRule;

use connect::{BoxStream, Dial, Tls};
use exchange::Checked;
use location::{Host, Location};
use resolve::Resolve;

/// Caps that hold for every call; a caller may only shorten the deadline.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub max_request: usize,
    pub max_answer: usize,
    pub lookup: Duration,
    pub connect: Duration,
    pub total: Duration,
    pub per_minute: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_request: 10 * 1024 * 1024,
            max_answer: 10 * 1024 * 1024,
            lookup: Duration::from_secs(5),
            connect: Duration::from_secs(10),
            total: Duration::from_secs(60),
            per_minute: 100,
        }
    }
}

/// One call a plugin wants made.
#[derive(Clone, Debug, Default)]
pub struct Outgoing {
    pub plugin_id: String,
    pub url: String,
    pub method: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Whether the data is protected health information.
    pub phi: bool,
    /// Whether the plugin was granted the handling of it.
    pub may_handle_phi: bool,
    /// The caller's own deadline; the cap on the total holds beside it.
    pub timeout: Option<Duration>,
}

pub struct Egress {
    resolver: Arc<dyn Resolve>,
    dial: Arc<dyn Dial>,
    tls: Tls,
    limits: Limits,
    rate: rate::Rate,
    #[cfg(feature = "dev")]
    stubs: Vec<stub::EgressStub>,
}

impl Egress {
    pub fn new(resolver: Arc<dyn Resolve>, dial: Arc<dyn Dial>, tls: Tls, limits: Limits) -> Self {
        Self {
            resolver,
            dial,
            tls,
            limits,
            rate: rate::Rate::per_minute(limits.per_minute),
            #[cfg(feature = "dev")]
            stubs: Vec::new(),
        }
    }

    #[cfg(feature = "dev")]
    pub fn with_stubs(mut self, stubs: Vec<stub::EgressStub>) -> Self {
        self.stubs = stubs;
        self
    }

    /// Makes the call, or says why not. `protected` are the addresses of Core and its plugins,
    /// `now` counts milliseconds and never goes back.
    pub async fn fetch(
        &self,
        rules: &[AllowRule],
        call: Outgoing,
        protected: &HashSet<IpAddr>,
        now: u64,
    ) -> Result<Fetched, Failure> {
        self.rate
            .take(&call.plugin_id, now)
            .map_err(|retry_after| Failure::RateLimited { retry_after })?;
        let total = call.timeout.unwrap_or(self.limits.total).min(self.limits.total);
        let (location, name, checked) = self.check(rules, call)?;
        let send = async {
            let stream = self.open(&location, &name, protected).await?;
            exchange::exchange(stream, checked, self.limits.max_answer).await
        };
        tokio::time::timeout(total, send).await.unwrap_or(Err(Failure::TimedOut))
    }

    /// Every rule that needs no network: which URL, which entry, which shape.
    fn check(
        &self,
        rules: &[AllowRule],
        call: Outgoing,
    ) -> Result<(Location, String, Checked), Refusal> {
        let location = Location::parse(&call.url)?;
        let demand = rule::Demand { location: &location, method: &call.method, phi: call.phi };
        let rule = rule::find(rules, demand)?;
        let Host::Name(name) = location.host.clone() else {
            return Err(Refusal { layer: Layer::Allowlist, rule: "address-literal" });
        };
        let checked = shape(call, rule, &location, &name, self.limits.max_request)?;
        Ok((location, name, checked))
    }

    async fn open(
        &self,
        location: &Location,
        name: &str,
        protected: &HashSet<IpAddr>,
    ) -> Result<BoxStream, Failure> {
        #[cfg(feature = "dev")]
        if let Some(stub) = self.stubs.iter().find(|stub| stub.host == name) {
            return self
                .dial
                .dial(stub.address)
                .await
                .map_err(|_| Failure::Unreachable("stub-refused"));
        }
        let addresses = self.addresses(name, protected).await?;
        let connect = async {
            for address in addresses {
                let Ok(stream) = self.dial.dial(SocketAddr::new(address, location.port)).await
                else {
                    continue;
                };
                return self
                    .tls
                    .secure(stream, name)
                    .await
                    .map_err(|_| Failure::Unreachable("tls-not-verified"));
            }
            Err(Failure::Unreachable("connection-refused"))
        };
        tokio::time::timeout(self.limits.connect, connect)
            .await
            .unwrap_or(Err(Failure::Unreachable("connect-timeout")))
    }

    /// The one look-up of a call; a name without a clean answer is a denial.
    async fn addresses(
        &self,
        name: &str,
        protected: &HashSet<IpAddr>,
    ) -> Result<Vec<IpAddr>, Refusal> {
        let answer = tokio::time::timeout(self.limits.lookup, self.resolver.resolve(name))
            .await
            .unwrap_or(Err(resolve::LookupError::TimedOut))
            .map_err(|error| Refusal { layer: Layer::Address, rule: error.rule() })?;
        address::admit(&answer, protected)
    }
}

/// The request as it will leave, if its method, headers, size and data class are allowed to.
fn shape(
    call: Outgoing,
    rule: &AllowRule,
    location: &Location,
    name: &str,
    max_request: usize,
) -> Result<Checked, Refusal> {
    let deny = |rule| Err(Refusal { layer: Layer::Forward, rule });
    if (call.phi || rule.baa) && !call.may_handle_phi {
        return deny("phi-not-granted");
    }
    if call.body.len() > max_request {
        return deny("request-too-large");
    }
    if !call.body.is_empty() && matches!(call.method.as_str(), "GET" | "HEAD") {
        return deny("unexpected-body");
    }
    let host = match location.port {
        443 => name.to_owned(),
        port => format!("{name}:{port}"),
    };
    let headers = headers::outgoing(&call.headers, &host, call.body.len())?;
    let target = location.request_target();
    Ok(Checked { entry: rule.host(), method: call.method, host, target, headers, body: call.body })
}
