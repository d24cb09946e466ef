//! The allowlist of one plugin, read from its approved manifest.
//!
//! An entry names a host (exactly, or exactly one label under `*.`), ports, methods and a path
//! prefix; `baa` marks the entries PHI may go to. An entry that could open more than its author
//! meant, such as a wildcard over a public suffix or a name inside a private network, is refused
//! when it is loaded, not when it is used.

use serde_json::Value;

use super::location::{Host, Location, check_name};
use super::refusal::{Layer, Refusal};

const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
/// The ports an entry may name; anything else is another protocol or a back door.
const PORTS: [u16; 2] = [443, 8443];

/// Endings that mean "inside this network" and never a partner on the Internet.
const PRIVATE_SUFFIXES: [&str; 15] = [
    "localhost",
    "localdomain",
    "local",
    "internal",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "svc",
    "arpa",
    "onion",
    "invalid",
    "localtest.me",
    "nip.io",
];

/// Second levels under which registries sell names: a wildcard there covers strangers.
const SHARED_SECOND_LEVELS: [&str; 12] =
    ["ac", "co", "com", "edu", "gob", "gov", "ltd", "mil", "ne", "net", "or", "org"];

/// Hosting suffixes under which anybody can take a name.
const SHARED_HOSTING: [&str; 8] = [
    "amazonaws.com",
    "azurewebsites.net",
    "cloudfront.net",
    "github.io",
    "herokuapp.com",
    "netlify.app",
    "vercel.app",
    "workers.dev",
];

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Exact(String),
    /// `.example.com`, with its dot, from `*.example.com`.
    OneLabelUnder(String),
}

/// One entry of `allowed_domains`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowRule {
    pattern: Pattern,
    ports: Vec<u16>,
    methods: Vec<String>,
    path_prefix: String,
    /// A business associate agreement stands behind this entry: PHI may go there.
    pub baa: bool,
}

/// What a call asks of an entry.
#[derive(Clone, Copy, Debug)]
pub struct Demand<'a> {
    pub location: &'a Location,
    pub method: &'a str,
    pub phi: bool,
}

impl AllowRule {
    /// Reads an entry: a host as text, or an object `{host, port?, ports?, methods?, path_prefix?,
    /// baa?}`. The error says which rule of the loader refuses it.
    pub fn parse(entry: &Value) -> Result<Self, &'static str> {
        let field = |name: &str| entry.get(name).filter(|value| !value.is_null());
        let host = entry.as_str().or_else(|| field("host")?.as_str()).ok_or("no-host")?;
        let ports = match (field("ports"), field("port")) {
            (Some(ports), _) => ports
                .as_array()
                .ok_or("bad-port")?
                .iter()
                .map(read_port)
                .collect::<Result<_, _>>()?,
            (None, Some(port)) => vec![read_port(port)?],
            (None, None) => vec![PORTS[0]],
        };
        let methods = match field("methods") {
            Some(methods) => methods
                .as_array()
                .ok_or("bad-method")?
                .iter()
                .map(read_method)
                .collect::<Result<_, _>>()?,
            None => METHODS.map(str::to_owned).to_vec(),
        };
        let path_prefix = field("path_prefix").map_or(Some("/"), Value::as_str);
        let path_prefix = path_prefix.filter(|path| path.starts_with('/')).ok_or("bad-path")?;
        let baa = field("baa").map_or(Some(false), Value::as_bool).ok_or("bad-baa")?;
        let pattern = read_pattern(host)?;
        Ok(Self { pattern, ports, methods, path_prefix: path_prefix.to_owned(), baa })
    }

    /// The host as the manifest writes it.
    pub fn host(&self) -> String {
        match &self.pattern {
            Pattern::Exact(name) => name.clone(),
            Pattern::OneLabelUnder(base) => format!("*{base}"),
        }
    }

    fn covers_host(&self, host: &Host) -> bool {
        // An address never matches a name rule, whatever it is spelled like.
        let Host::Name(host) = host else { return false };
        match &self.pattern {
            Pattern::Exact(name) => host == name,
            Pattern::OneLabelUnder(base) => host
                .strip_suffix(base.as_str())
                .is_some_and(|label| !label.is_empty() && !label.contains('.')),
        }
    }

    fn covers_path(&self, path: &str) -> bool {
        match path.strip_prefix(self.path_prefix.as_str()) {
            Some(rest) => {
                rest.is_empty() || self.path_prefix.ends_with('/') || rest.starts_with('/')
            }
            None => false,
        }
    }
}

/// The entry that covers the call, or the rule the nearest entry stops at.
pub fn find<'a>(rules: &'a [AllowRule], demand: Demand<'_>) -> Result<&'a AllowRule, Refusal> {
    let mut nearest = (0, Refusal { layer: Layer::Allowlist, rule: "host-not-listed" });
    for rule in rules {
        let steps = [
            (rule.covers_host(&demand.location.host), Layer::Allowlist, "host-not-listed"),
            (rule.ports.contains(&demand.location.port), Layer::Allowlist, "port-not-listed"),
            (rule.covers_path(&demand.location.path), Layer::Allowlist, "path-not-listed"),
            (
                rule.methods.iter().any(|method| method == demand.method),
                Layer::Forward,
                "method-not-listed",
            ),
            (!demand.phi || rule.baa, Layer::Forward, "phi-without-baa"),
        ];
        match steps.iter().position(|(held, ..)| !held) {
            None => return Ok(rule),
            Some(step) if step > nearest.0 => {
                nearest = (step, Refusal { layer: steps[step].1, rule: steps[step].2 });
            }
            Some(_) => {}
        }
    }
    Err(nearest.1)
}

fn read_port(value: &Value) -> Result<u16, &'static str> {
    let port = value.as_u64().and_then(|port| u16::try_from(port).ok()).ok_or("bad-port")?;
    PORTS.contains(&port).then_some(port).ok_or("port-not-allowed")
}

fn read_method(value: &Value) -> Result<String, &'static str> {
    let method = value.as_str().ok_or("bad-method")?;
    METHODS.contains(&method).then(|| method.to_owned()).ok_or("method-not-allowed")
}

fn read_pattern(host: &str) -> Result<Pattern, &'static str> {
    let (base, wildcard) = match host.strip_prefix("*.") {
        Some(base) => (base, true),
        None => (host, false),
    };
    if base.contains('*') {
        return Err("wildcard-not-leading");
    }
    if !base.is_ascii() {
        return Err("not-an-a-label");
    }
    check_name(base)?;
    if is_numeric(base) {
        return Err("address-literal");
    }
    if !base.contains('.') {
        return Err(if wildcard { "public-suffix" } else { "single-label" });
    }
    if ends_in(base, &PRIVATE_SUFFIXES) {
        return Err("private-name");
    }
    // The same reading the URL of a call gets, so that an entry can be matched at all.
    if url::Host::parse(base).map(|host| host.to_string()) != Ok(base.to_owned()) {
        return Err("not-canonical");
    }
    if !wildcard {
        return Ok(Pattern::Exact(base.to_owned()));
    }
    if is_public_suffix(base) {
        return Err("public-suffix");
    }
    Ok(Pattern::OneLabelUnder(format!(".{base}")))
}

fn is_numeric(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    last.starts_with(|first: char| first.is_ascii_digit())
}

fn ends_in(name: &str, suffixes: &[&str]) -> bool {
    suffixes.iter().any(|suffix| {
        name.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

fn is_public_suffix(name: &str) -> bool {
    let labels: Vec<&str> = name.split('.').collect();
    let country_second_level =
        labels.len() == 2 && labels[1].len() == 2 && SHARED_SECOND_LEVELS.contains(&labels[0]);
    country_second_level || ends_in(name, &SHARED_HOSTING)
}
