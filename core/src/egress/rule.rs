//! The allowlist of one plugin: which entry of its approved manifest covers a call.
//!
//! An entry names a scheme, a host (exactly, or exactly one label under `*.`), a port, methods and
//! a path prefix; `baa` marks the entries PHI may go to. It also carries the caps of its calls and
//! the credential Core adds. While a new manifest rolls out, an administrator may let what the
//! allowlist refuses pass and be recorded; that never touches PHI, plain HTTP, or a host that no
//! entry could ever name.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::json;

use super::credential::Credential;
use super::location::{Host, Location};
use super::refusal::{Layer, Refusal};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    Exact(String),
    /// `.example.com`, with its dot, from `*.example.com`.
    OneLabelUnder(String),
}

/// Caps of the calls of one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    pub per_minute: usize,
    pub max_request: usize,
    pub max_answer: usize,
    pub total: Duration,
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            per_minute: 100,
            max_request: 1024 * 1024,
            max_answer: 10 * 1024 * 1024,
            total: Duration::from_secs(60),
        }
    }
}

/// One entry of `allowed_domains`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowRule {
    pub(super) pattern: Pattern,
    /// https; plain HTTP only where the entry asks for it.
    pub secure: bool,
    pub ports: Vec<u16>,
    pub methods: Vec<String>,
    pub path_prefix: String,
    /// A business associate agreement stands behind this entry: PHI may go there.
    pub baa: bool,
    pub caps: Caps,
    pub credential: Option<Credential>,
}

/// What a call asks of an entry.
#[derive(Clone, Copy, Debug)]
pub struct Demand<'a> {
    pub location: &'a Location,
    pub method: &'a str,
    pub phi: bool,
}

/// Whose refusals by the allowlist are only recorded for now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// All of the plugin's.
    pub plugin: bool,
    /// Those of hosts that these entries cover, as the manifest writes them.
    pub hosts: HashSet<String>,
}

/// The entry a call goes by, and the rule that would have refused it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    pub rule: AllowRule,
    pub would_deny: Option<&'static str>,
}

impl AllowRule {
    /// The host as the manifest writes it.
    pub fn host(&self) -> String {
        match &self.pattern {
            Pattern::Exact(name) => name.clone(),
            Pattern::OneLabelUnder(base) => format!("*{base}"),
        }
    }

    /// What tells this entry from the others of its plugin.
    pub fn identity(&self) -> String {
        let ports: Vec<String> = self.ports.iter().map(u16::to_string).collect();
        format!("{}:{}{}", self.host(), ports.join(","), self.path_prefix)
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
        let location = demand.location;
        let steps = [
            (rule.covers_host(&location.host), Layer::Allowlist, "host-not-listed"),
            (rule.secure == location.secure, Layer::Allowlist, "scheme-not-listed"),
            (rule.ports.contains(&location.port), Layer::Allowlist, "port-not-listed"),
            (rule.covers_path(&location.path), Layer::Allowlist, "path-not-listed"),
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

/// The same, where a refusal may be one that is only recorded.
pub fn admit(
    rules: &[AllowRule],
    report: &Report,
    demand: Demand<'_>,
) -> Result<Admitted, Refusal> {
    let refusal = match find(rules, demand) {
        Ok(rule) => return Ok(Admitted { rule: rule.clone(), would_deny: None }),
        Err(refusal) => refusal,
    };
    match let_out(rules, report, demand, refusal) {
        Some(rule) => Ok(Admitted { rule, would_deny: Some(refusal.rule) }),
        None => Err(refusal),
    }
}

/// An entry for just this call, when its refusal is one of those that are only recorded.
fn let_out(
    rules: &[AllowRule],
    report: &Report,
    demand: Demand<'_>,
    refusal: Refusal,
) -> Option<AllowRule> {
    const RECORDED: [&str; 4] =
        ["host-not-listed", "port-not-listed", "path-not-listed", "method-not-listed"];
    let location = demand.location;
    let Host::Name(name) = &location.host else { return None };
    if demand.phi || !location.secure || !RECORDED.contains(&refusal.rule) {
        return None;
    }
    let by_entry = || {
        let covering = rules.iter().filter(|rule| rule.covers_host(&location.host));
        covering.map(AllowRule::host).any(|host| report.hosts.contains(&host))
    };
    if !report.plugin && !by_entry() {
        return None;
    }
    // Only what a manifest could have asked for.
    let entry = json!({ "host": name, "port": location.port, "methods": [demand.method] });
    AllowRule::parse(&entry).ok()
}
