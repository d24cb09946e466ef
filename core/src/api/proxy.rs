//! Requests to hosts outside.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use vivified_contract::api::{CallExternalParams, ProxyApi};
use vivified_contract::runtime::{Call, Fields, Problem};
use vivified_contract::{models, problems};
use zeroize::Zeroizing;

use super::calls::{asks, once, permit, plugin};
use crate::egress::resolve::BoxFuture;
use crate::egress::{self, AllowRule, Failure, Fetched, Outgoing, Own, Refusal, Report, Terms};
use crate::policy::{DataTrait, DataTraits, PluginState, Request, Trait};
use crate::registry::Plugin;
use crate::telemetry;
use crate::telemetry::metrics::{EGRESS, EgressDecision};
use crate::telemetry::traces::{Kind, Under};
use crate::{Caller, Core};

const DEFAULT_TIMEOUT_MS: u64 = 10_000;

impl ProxyApi for Core {
    async fn call_external(
        &self,
        call: &mut Call<'_, Caller>,
        _: CallExternalParams,
        body: models::ProxyRequest,
    ) -> Result<models::ProxyResponse, Problem> {
        let plugin = plugin(call)?;
        let data = body.data_traits.iter().flatten().map(models::DataTrait::as_str);
        let data = DataTraits::parse(data);
        let claimed = body.plugin_id.as_deref();
        permit(self, &Request { claimed, data, ..asks(call, plugin.party()) })?;
        let outgoing = outgoing(&plugin, data, body)?;
        let (request, octets) = (call.request, call.body_octets());
        let mut told = None;
        let work = async {
            let guard = Guarding::of(self, &plugin).await;
            let under = Under::request(request);
            let outcome = self.egress.fetch(guard.terms(), outgoing).await;
            let lane: [telemetry::Field<'_>; 1] = [("vivified.lane", &"proxy")];
            under.end("egress", Kind::Client, outcome.result.is_err(), &lane);
            EGRESS.count(match (&outcome.result, outcome.would_deny) {
                (Ok(_), None) => EgressDecision::Allowed,
                (_, Some(_)) => EgressDecision::Reported,
                (Err(Failure::Refused(_) | Failure::RateLimited { .. }), _) => {
                    EgressDecision::Denied
                }
                (Err(_), None) => EgressDecision::Failed,
            });
            let status = outcome.result.as_ref().ok().map(|fetched| fetched.status);
            told = Some((outcome.entry, outcome.would_deny, status));
            outcome.result.map(response).map_err(|failure| failed(self, failure))
        };
        let answer = once(self, &plugin.plugin_id, request, octets, work).await;
        if let Some((entry, would_deny, status)) = told {
            note(call, "allowed_domain", entry);
            note(call, "would_deny", would_deny);
            note(call, "upstream_status", status);
        }
        answer
    }
}

fn note<T: Into<serde_json::Value>>(
    call: &mut Call<'_, Caller>,
    key: &'static str,
    value: Option<T>,
) {
    if let Some(value) = value {
        call.note(key, value);
    }
}

/// What the guard needs to know of a plugin.
pub(super) struct Guarding<'a> {
    rules: Vec<AllowRule>,
    report: Report,
    own: Own,
    secrets: PluginSecrets<'a>,
    now: u64,
}

impl<'a> Guarding<'a> {
    pub(super) async fn of(core: &'a Core, plugin: &'a Plugin) -> Self {
        let rules = rules(plugin);
        let hosts = rules.iter().map(AllowRule::host);
        let report = core.egress_modes.report(&plugin.plugin_id, plugin.generation, hosts);
        let now = u64::try_from(core.clock.monotonic().as_millis()).unwrap_or(u64::MAX);
        let own = core.egress.own(plugin_hosts(core), now).await;
        let secrets = PluginSecrets { core, plugin_id: &plugin.plugin_id };
        Self { rules, report, own, secrets, now }
    }

    pub(super) fn terms(&self) -> Terms<'_> {
        Terms {
            rules: &self.rules,
            report: &self.report,
            own: &self.own,
            secrets: &self.secrets,
            now: self.now,
        }
    }
}

/// The approved entries that the loader takes.
pub(super) fn rules(plugin: &Plugin) -> Vec<AllowRule> {
    let granted = plugin.granted_domains();
    granted.iter().filter_map(|entry| AllowRule::parse(entry).ok()).collect()
}

/// The secrets of the calling plugin and of no other.
struct PluginSecrets<'a> {
    core: &'a Core,
    plugin_id: &'a str,
}

impl egress::credential::Secrets for PluginSecrets<'_> {
    fn reveal<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Option<Zeroizing<String>>> {
        Box::pin(async move { self.core.secrets.reveal(self.plugin_id, name).await.ok() })
    }

    fn is_there<'a>(&'a self, name: &'a str) -> BoxFuture<'a, bool> {
        Box::pin(
            async move { self.core.secrets.is_there(self.plugin_id, name).await.unwrap_or(false) },
        )
    }
}

/// Where plugins listen. One that deregistered itself listens for nobody.
fn plugin_hosts(core: &Core) -> Vec<url::Host<String>> {
    let plugins = core.registry.all();
    let listening = plugins.iter().filter(|plugin| plugin.state != PluginState::Left);
    let urls = listening.filter_map(|plugin| url::Url::parse(plugin.base_url.as_deref()?).ok());
    urls.filter_map(|url| Some(url.host()?.to_owned())).collect()
}

fn outgoing(
    plugin: &Plugin,
    data: DataTraits,
    body: models::ProxyRequest,
) -> Result<Outgoing, Problem> {
    let method = body.method.unwrap_or(models::ProxyMethod::Get);
    let encoding = body.body_encoding.unwrap_or(models::BodyEncoding::Utf8);
    let text = body.body.unwrap_or_default();
    let octets = match encoding {
        models::BodyEncoding::Base64 => STANDARD.decode(text).map_err(|_| {
            problems::invalid_request().with_violation("/body/body", "base64", "is not base64")
        })?,
        _ => text.into_bytes(),
    };
    let millis = body.timeout_ms.and_then(|millis| u64::try_from(millis).ok());
    Ok(Outgoing {
        plugin_id: plugin.plugin_id.clone(),
        url: body.url,
        method: method.as_str().to_owned(),
        headers: body.headers.unwrap_or_default().into_iter().collect(),
        body: octets,
        phi: data.has(DataTrait::Phi),
        may_handle_phi: plugin.granted_traits().has(Trait::HandlesPhi),
        timeout: Some(Duration::from_millis(millis.unwrap_or(DEFAULT_TIMEOUT_MS))),
    })
}

fn response(fetched: Fetched) -> models::ProxyResponse {
    let (body, body_encoding) = match String::from_utf8(fetched.body) {
        Ok(text) => (text, models::BodyEncoding::Utf8),
        Err(error) => (STANDARD.encode(error.as_bytes()), models::BodyEncoding::Base64),
    };
    models::ProxyResponse {
        status_code: fetched.status.into(),
        headers: fetched.headers.into_iter().collect(),
        body,
        body_encoding,
        other: Fields::default(),
    }
}

fn failed(core: &Core, failure: Failure) -> Problem {
    match failure {
        Failure::Refused(refusal) => denied(core, refusal),
        Failure::RateLimited { retry_after } => {
            problems::rate_limited().with_retry_after(retry_after)
        }
        Failure::TimedOut => problems::upstream_timeout(),
        Failure::Unreachable(rule) => problems::upstream_unreachable().with_detail(rule),
        Failure::BadAnswer("answer-too-large") => problems::response_too_large(),
        Failure::BadAnswer(rule) => problems::upstream_unreachable().with_detail(rule),
    }
}

fn denied(core: &Core, refusal: Refusal) -> Problem {
    let detail = format!("{}: {}", refusal.layer.name(), refusal.rule);
    core.decisions.denied(refusal.rule, problems::egress_denied().with_detail(detail))
}
