//! What would happen to a call, layer by layer, without making it.
//!
//! The layers are the very functions a call passes, so the explanation cannot drift from the
//! guard. The name is looked up, nothing is dialled, and no secret is opened.

use super::location::Host;
use super::refusal::{Layer, Refusal};
use super::rule::{self, Demand};
use super::{Egress, Outgoing, Terms, read, shape};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    /// Refused, but only recorded for now.
    Report,
    Refuse,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub layer: Layer,
    pub verdict: Verdict,
    pub rule: Option<&'static str>,
    pub explanation: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    pub steps: Vec<Step>,
    pub entry: Option<String>,
    pub would_deny: Option<&'static str>,
}

impl Explanation {
    pub fn allowed(&self) -> bool {
        self.steps.iter().all(|step| step.verdict != Verdict::Refuse)
    }

    fn pass(&mut self, layer: Layer, explanation: String) {
        self.steps.push(Step { layer, verdict: Verdict::Pass, rule: None, explanation });
    }

    fn tell(&mut self, layer: Layer, verdict: Verdict, rule: &'static str) {
        let explanation = meaning(rule).to_owned();
        self.steps.push(Step { layer, verdict, rule: Some(rule), explanation });
    }
}

impl Egress {
    /// Every layer up to the first that refuses.
    pub async fn explain(&self, terms: Terms<'_>, call: Outgoing) -> Explanation {
        let mut told = Explanation::default();
        if let Err(refusal) = self.walk(terms, call, &mut told).await {
            told.tell(refusal.layer, Verdict::Refuse, refusal.rule);
        }
        told
    }

    async fn walk(
        &self,
        terms: Terms<'_>,
        call: Outgoing,
        told: &mut Explanation,
    ) -> Result<(), Refusal> {
        let location = read(terms.rules, &call.url)?;
        told.pass(Layer::Parse, "the address has exactly one reading".to_owned());
        let demand = Demand { location: &location, method: &call.method, phi: call.phi };
        let admitted = rule::admit(terms.rules, terms.report, demand)?;
        match admitted.would_deny {
            Some(rule) => {
                told.would_deny = Some(rule);
                told.tell(Layer::Allowlist, Verdict::Report, rule);
            }
            None => {
                let entry = admitted.rule.host();
                told.pass(Layer::Allowlist, format!("covered by the entry {entry}"));
                told.entry = Some(entry);
            }
        }
        let Host::Name(name) = &location.host else {
            return Err(Refusal { layer: Layer::Allowlist, rule: "address-literal" });
        };
        shape(call, &admitted.rule, &location, name)?;
        if let Some(credential) = &admitted.rule.credential
            && !terms.secrets.is_there(&credential.secret).await
        {
            return Err(Refusal { layer: Layer::Forward, rule: "secret-missing" });
        }
        told.pass(Layer::Forward, "the request may be sent as it is".to_owned());
        let addresses = self.addresses(name, terms.own).await?;
        let listed: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        told.pass(Layer::Address, format!("one of these would be dialled: {}", listed.join(", ")));
        Ok(())
    }
}

/// A rule in one sentence.
pub fn meaning(rule: &str) -> &'static str {
    match rule {
        "not-https" => "only https leaves, unless an approved entry asks for plain HTTP",
        "not-canonical" => "the address is not in the one form every program reads alike",
        "not-printable-ascii" => "the address has characters outside printable ASCII",
        "userinfo" => "the address carries a user or something before an at sign",
        "fragment" => "the address carries a fragment",
        "encoded-host" => "the host is percent-encoded",
        "encoded-separator" => "the path hides a dot or a slash behind an escape",
        "encoded-control" | "malformed-escape" => "the path has an escape that is not fit to send",
        "empty-segment" => "the path has an empty segment",
        "url-too-long" | "name-too-long" => "the address is too long",
        "no-scheme" | "malformed-url" | "no-host" | "not-a-host-name" => {
            "the address is not a URL with a host name"
        }
        "host-not-listed" => "no approved entry names this host",
        "scheme-not-listed" => "the entry of this host is for the other scheme",
        "port-not-listed" => "the entry of this host does not name this port",
        "path-not-listed" => "the entry of this host does not cover this path",
        "method-not-listed" => "the entry of this host does not name this method",
        "address-literal" => "an address in place of a name is never on the list",
        "phi-without-baa" => "PHI goes only to an entry that an agreement covers",
        "phi-not-granted" => "the entry is for PHI, and the plugin may not handle it",
        "secret-missing" => "the entry needs a secret that is not there",
        "secret-unusable" => "the secret cannot stand in a header",
        "request-too-large" => "the body is over the cap of the entry",
        "unexpected-body" => "this method carries no body",
        "malformed-header" => "a header cannot be sent as it is",
        "host-override" => "the Host header names another host",
        "length-mismatch" => "Content-Length differs from the body",
        "framing-header" => "a header of the framing belongs to Core",
        "no-such-name" | "no-address" => "the name has no address",
        "name-timeout" | "name-failure" => "the name servers did not answer",
        "alias-chain" => "the name is an alias of too many others",
        "own-address" => "the name leads back to Core or to a plugin",
        "denied-network" => "the name leads to a network that the operator has denied",
        "own-name" => "the name is that of a plugin; the Operator lane leads there",
        _ => "the name leads to an address that is not public",
    }
}
