//! Requests to hosts outside.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use vivified_contract::api::ProxyApi;
use vivified_contract::runtime::{Call, Fields, Problem};
use vivified_contract::{models, problems};

use super::calls::{asks, once, permit, plugin};
use crate::egress::{self, AllowRule, Failure, Fetched, Outgoing, Refusal};
use crate::policy::{DataTrait, DataTraits, Request, Trait};
use crate::registry::Plugin;
use crate::{Caller, Core};

const DEFAULT_TIMEOUT_MS: u64 = 10_000;

impl ProxyApi for Core {
    async fn call_external(
        &self,
        call: &mut Call<'_, Caller>,
        body: models::ProxyRequest,
    ) -> Result<models::ProxyResponse, Problem> {
        let plugin = plugin(call)?;
        let data = body.data_traits.iter().flatten().map(models::DataTrait::as_str);
        let data = DataTraits::parse(data);
        let claimed = body.plugin_id.as_deref();
        permit(self, &Request { claimed, data, ..asks(call, plugin.party()) })?;
        let granted = plugin.granted_domains();
        let rules: Vec<_> =
            granted.iter().filter_map(|entry| AllowRule::parse(entry).ok()).collect();
        let outgoing = outgoing(&plugin, data, body)?;
        let now = u64::try_from(self.clock.monotonic().as_millis()).unwrap_or(u64::MAX);
        let (request, octets) = (call.request, call.body_octets());
        let mut fetched = None;
        let work = async {
            let protected = protected(self);
            let answer = self.egress.fetch(&rules, outgoing, &protected, now).await;
            let answer = answer.map_err(|failure| failed(self, failure))?;
            fetched = Some((answer.entry.clone(), answer.status));
            Ok(response(answer))
        };
        let answer = once(self, &plugin.plugin_id, request, octets, work).await?;
        if let Some((entry, status)) = fetched {
            call.note("allowed_domain", entry);
            call.note("upstream_status", status);
        }
        Ok(answer)
    }
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

/// The addresses of this machine and of every plugin: nothing outside ever answers with them.
fn protected(core: &Core) -> std::collections::HashSet<std::net::IpAddr> {
    let mut protected = egress::local::addresses();
    for plugin in core.registry.all() {
        let url = plugin.base_url.as_deref().and_then(|text| url::Url::parse(text).ok());
        match url.as_ref().and_then(url::Url::host) {
            Some(url::Host::Ipv4(address)) => drop(protected.insert(address.into())),
            Some(url::Host::Ipv6(address)) => drop(protected.insert(address.into())),
            Some(url::Host::Domain(_)) | None => {}
        }
    }
    protected
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
