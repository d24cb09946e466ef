//! Entries of a manifest become rules, or are refused.
//!
//! An entry that could open more than its author meant, such as a wildcard over a public suffix or
//! a name inside a private network, is refused when it is loaded, not when it is used. The schema
//! of the manifest refuses most of these earlier; nothing here trusts that it did.

use std::time::Duration;

use serde_json::Value;

use super::credential::Credential;
use super::location::check_name;
use super::rule::{AllowRule, Caps, Pattern};

pub const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
/// The ports an entry may name; anything else is another protocol or a back door.
const PORTS: [u16; 3] = [443, 8443, 9443];
const PLAIN_PORTS: [u16; 2] = [80, 8080];

/// Endings that mean "inside this network" and never a partner on the Internet.
const PRIVATE_SUFFIXES: [&str; 18] = [
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
    "lvh.me",
    "nip.io",
    "sslip.io",
    "xip.io",
];

/// Second levels under which registries sell names: a wildcard there covers strangers.
const SHARED_SECOND_LEVELS: [&str; 17] = [
    "ac", "asso", "co", "com", "edu", "go", "gob", "gouv", "gov", "ltd", "mil", "ne", "net", "nhs",
    "or", "org", "sch",
];

/// Hosting suffixes under which anybody can take a name.
const SHARED_HOSTING: [&str; 26] = [
    "akamaized.net",
    "amazonaws.com",
    "appspot.com",
    "azureedge.net",
    "azurefd.net",
    "azurewebsites.net",
    "b-cdn.net",
    "cloudapp.net",
    "cloudfront.net",
    "firebaseapp.com",
    "fly.dev",
    "github.io",
    "gitlab.io",
    "herokuapp.com",
    "netlify.app",
    "ngrok.app",
    "ngrok.io",
    "onrender.com",
    "pages.dev",
    "run.app",
    "trafficmanager.net",
    "ts.net",
    "vercel.app",
    "web.app",
    "windows.net",
    "workers.dev",
];

impl AllowRule {
    /// Reads an entry: a host as text, or an object as the manifest schema describes it. The error
    /// says which rule of the loader refuses it.
    pub fn parse(entry: &Value) -> Result<Self, &'static str> {
        let field = |name: &str| entry.get(name).filter(|value| !value.is_null());
        let host = entry.as_str().or_else(|| field("host")?.as_str()).ok_or("no-host")?;
        let secure = match field("scheme").map_or(Some("https"), Value::as_str) {
            Some("https") => true,
            Some("http") => false,
            _ => return Err("bad-scheme"),
        };
        let ports = read_ports(field("ports"), field("port"), secure)?;
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
        let credential = field("credential").map(Credential::parse).transpose()?;
        if !secure && (baa || credential.is_some()) {
            return Err("plain-http-is-bare");
        }
        let path_prefix = path_prefix.to_owned();
        let (pattern, caps) = (read_pattern(host)?, read_caps(entry)?);
        Ok(Self { pattern, secure, ports, methods, path_prefix, baa, caps, credential })
    }
}

fn read_caps(entry: &Value) -> Result<Caps, &'static str> {
    let usual = Caps::default();
    let number = |name: &str, usual: usize, most: usize| {
        let Some(value) = entry.get(name).filter(|value| !value.is_null()) else {
            return Ok(usual);
        };
        let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
        number.filter(|number| *number <= most).ok_or("bad-cap")
    };
    let total = usize::try_from(usual.total.as_millis()).unwrap_or(usize::MAX);
    let total = number("timeout_ms", total, total)?;
    Ok(Caps {
        per_minute: number("rate_per_minute", usual.per_minute, 6_000)?,
        max_request: number("max_request_bytes", usual.max_request, usual.max_request)?,
        max_answer: number("max_response_bytes", usual.max_answer, usual.max_answer)?,
        total: Duration::from_millis(u64::try_from(total).unwrap_or(u64::MAX)),
    })
}

fn read_ports(
    many: Option<&Value>,
    one: Option<&Value>,
    secure: bool,
) -> Result<Vec<u16>, &'static str> {
    let known: &[u16] = if secure { &PORTS } else { &PLAIN_PORTS };
    let read = |value: &Value| {
        let port = value.as_u64().and_then(|port| u16::try_from(port).ok()).ok_or("bad-port")?;
        known.contains(&port).then_some(port).ok_or("port-not-allowed")
    };
    match (many, one) {
        (Some(ports), _) => ports.as_array().ok_or("bad-port")?.iter().map(read).collect(),
        (None, Some(port)) => Ok(vec![read(port)?]),
        (None, None) => Ok(vec![known[0]]),
    }
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
