//! The egress proxy: the only way out of the platform.
//!
//! A call passes the layers in this order: the URL has one reading (`location`), an entry of the
//! plugin's approved manifest covers it (`rule`), the request is shaped as Core shapes requests
//! (`headers`, `credential`), the name is resolved once and every address of the answer is public
//! and not our own (`resolve`, `address`, `own`), one of exactly these addresses is dialled and
//! proves its name (`connect`), and the answer is read under caps (`exchange`). One deadline lies
//! over all of it. Each layer stands alone, so that the failure of one is not the failure of the
//! guard.

pub mod address;
pub mod connect;
pub mod credential;
mod exchange;
pub mod explain;
mod headers;
mod loader;
pub mod local;
pub mod location;
pub mod modes;
pub mod own;
mod rate;
pub mod refusal;
pub mod resolve;
pub mod rule;
#[cfg(feature = "dev")]
pub mod stub;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

pub use exchange::Fetched;
pub use own::Own;
pub use refusal::{Failure, Layer, Refusal};
pub use rule::{AllowRule, Report};

use connect::{BoxStream, Dial, Tls};
use credential::Secrets;
use exchange::Checked;
use location::{Host, Location};
use resolve::Resolve;

/// The window of calls that no entry covers.
const NO_ENTRY: &str = "no entry";

/// Caps that hold for every call; entries and callers may only go below.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub lookup: Duration,
    pub connect: Duration,
    /// Refused or only recorded calls of a plugin in a minute.
    pub uncovered_per_minute: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            lookup: Duration::from_secs(5),
            connect: Duration::from_secs(10),
            uncovered_per_minute: 100,
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

/// What holds for the plugin that calls, at this moment.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    pub rules: &'a [AllowRule],
    pub report: &'a Report,
    pub own: &'a Own,
    pub secrets: &'a dyn Secrets,
    /// Milliseconds; never goes back.
    pub now: u64,
}

/// How a call went, and by which entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The entry of the allowlist that covers the call.
    pub entry: Option<String>,
    /// The rule of the allowlist that was only recorded.
    pub would_deny: Option<&'static str>,
    pub result: Result<Fetched, Failure>,
}

/// A call that needs nothing more than the network.
struct Ready {
    location: Location,
    name: String,
    rule: AllowRule,
    would_deny: Option<&'static str>,
    checked: Checked,
}

pub struct Egress {
    resolver: Arc<dyn Resolve>,
    dial: Arc<dyn Dial>,
    tls: Tls,
    limits: Limits,
    rate: rate::Rate,
    known: own::Known,
    denied: Vec<ipnet::IpNet>,
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
            rate: rate::Rate::default(),
            known: own::Known::default(),
            denied: Vec::new(),
            #[cfg(feature = "dev")]
            stubs: Vec::new(),
        }
    }

    /// Denies these networks besides those that are never public.
    pub fn with_denied(mut self, denied: Vec<ipnet::IpNet>) -> Self {
        self.denied = denied;
        self
    }

    #[cfg(feature = "dev")]
    pub fn with_stubs(mut self, stubs: Vec<stub::EgressStub>) -> Self {
        self.stubs = stubs;
        self
    }

    /// What no call may reach: this machine, and the hosts where plugins listen.
    pub async fn own(&self, plugins: Vec<url::Host<String>>, now: u64) -> Own {
        let known = self.known.gather(plugins, &self.resolver, self.limits.lookup, now).await;
        Own { networks: self.denied.clone(), ..known }
    }

    /// Makes the call, or says why not.
    pub async fn fetch(&self, terms: Terms<'_>, call: Outgoing) -> Outcome {
        let (plugin_id, timeout) = (call.plugin_id.clone(), call.timeout);
        let checked = check(terms, call);
        let limited = match &checked {
            Ok(Ready { rule, would_deny: None, .. }) => {
                let window = rule.identity();
                self.rate.take(&plugin_id, &window, rule.caps.per_minute, terms.now)
            }
            _ => {
                let limit = self.limits.uncovered_per_minute;
                self.rate.take(&plugin_id, NO_ENTRY, limit, terms.now)
            }
        };
        let limited = limited.map_err(|retry_after| Failure::RateLimited { retry_after });
        match (checked, limited) {
            (Ok(ready), limited) => {
                let entry = ready.would_deny.is_none().then(|| ready.rule.host());
                let would_deny = ready.would_deny;
                let total = timeout.unwrap_or(ready.rule.caps.total).min(ready.rule.caps.total);
                let result = match limited {
                    Ok(()) => tokio::time::timeout(total, self.send(terms, ready))
                        .await
                        .unwrap_or(Err(Failure::TimedOut)),
                    Err(limited) => Err(limited),
                };
                Outcome { entry, would_deny, result }
            }
            (Err(refusal), limited) => {
                let failure = limited.err().unwrap_or(Failure::Refused(refusal));
                Outcome { entry: None, would_deny: None, result: Err(failure) }
            }
        }
    }

    async fn send(&self, terms: Terms<'_>, ready: Ready) -> Result<Fetched, Failure> {
        let Ready { location, name, rule, mut checked, .. } = ready;
        let mut secret = None;
        if let Some(credential) = &rule.credential {
            let missing = Refusal { layer: Layer::Forward, rule: "secret-missing" };
            let revealed = terms.secrets.reveal(&credential.secret).await.ok_or(missing)?;
            checked.headers.insert(credential.header.clone(), credential.value(&revealed)?);
            secret = Some(revealed);
        }
        let stream = self.open(&location, &name, terms.own).await?;
        let mut fetched = exchange::exchange(stream, checked, rule.caps.max_answer).await?;
        if let Some(secret) = secret {
            fetched.hide(&secret);
        }
        Ok(fetched)
    }

    async fn open(&self, location: &Location, name: &str, own: &Own) -> Result<BoxStream, Failure> {
        #[cfg(feature = "dev")]
        if let Some(stub) = self.stubs.iter().find(|stub| stub.host == name) {
            return self
                .dial
                .dial(stub.address)
                .await
                .map_err(|_| Failure::Unreachable("stub-refused"));
        }
        let addresses = self.addresses(name, own).await?;
        let connect = async {
            for address in addresses {
                let Ok(stream) = self.dial.dial(SocketAddr::new(address, location.port)).await
                else {
                    continue;
                };
                if !location.secure {
                    return Ok(stream);
                }
                let secured = self.tls.secure(stream, name).await;
                return secured.map_err(|_| Failure::Unreachable("tls-not-verified"));
            }
            Err(Failure::Unreachable("connection-refused"))
        };
        tokio::time::timeout(self.limits.connect, connect)
            .await
            .unwrap_or(Err(Failure::Unreachable("connect-timeout")))
    }

    /// The one look-up of a call; a name without a clean answer is a denial.
    async fn addresses(&self, name: &str, own: &Own) -> Result<Vec<IpAddr>, Refusal> {
        if own.names.contains(name) {
            return Err(Refusal { layer: Layer::Address, rule: "own-name" });
        }
        let answer = tokio::time::timeout(self.limits.lookup, self.resolver.resolve(name))
            .await
            .unwrap_or(Err(resolve::LookupError::TimedOut))
            .map_err(|error| Refusal { layer: Layer::Address, rule: error.rule() })?;
        address::admit(&answer, own)
    }
}

/// Every rule that needs no network: which URL, which entry, which shape.
fn check(terms: Terms<'_>, call: Outgoing) -> Result<Ready, Refusal> {
    let location = read(terms.rules, &call.url)?;
    let demand = rule::Demand { location: &location, method: &call.method, phi: call.phi };
    let admitted = rule::admit(terms.rules, terms.report, demand)?;
    let Host::Name(name) = location.host.clone() else {
        return Err(Refusal { layer: Layer::Allowlist, rule: "address-literal" });
    };
    let checked = shape(call, &admitted.rule, &location, &name)?;
    let rule::Admitted { rule, would_deny } = admitted;
    Ok(Ready { location, name, rule, would_deny, checked })
}

/// Plain HTTP is a reading at all only where an entry asks for it.
fn read(rules: &[AllowRule], url: &str) -> Result<Location, Refusal> {
    Location::parse_with(url, rules.iter().any(|rule| !rule.secure))
}

/// The request as it will leave, if its method, headers, size and data class are allowed to.
fn shape(
    call: Outgoing,
    rule: &AllowRule,
    location: &Location,
    name: &str,
) -> Result<Checked, Refusal> {
    let deny = |rule| Err(Refusal { layer: Layer::Forward, rule });
    if (call.phi || rule.baa) && !call.may_handle_phi {
        return deny("phi-not-granted");
    }
    if call.body.len() > rule.caps.max_request {
        return deny("request-too-large");
    }
    if !call.body.is_empty() && matches!(call.method.as_str(), "GET" | "HEAD") {
        return deny("unexpected-body");
    }
    let host = match location.port {
        port if port == location.usual_port() => name.to_owned(),
        port => format!("{name}:{port}"),
    };
    let headers = headers::outgoing(&call.headers, &host, call.body.len())?;
    let target = location.request_target();
    Ok(Checked { method: call.method, host, target, headers, body: call.body })
}
