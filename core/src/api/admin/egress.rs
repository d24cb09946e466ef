//! Where a plugin may go, what is only recorded for now, and why a request would be refused.

use vivified_contract::runtime::{Call, DateTime, Problem};
use vivified_contract::{models, problems};

use super::config::known;
use crate::api::guard::store_failed;
use crate::api::identity::date_time;
use crate::api::proxy::{Guarding, rules};
use crate::egress::explain::{Explanation, Step, Verdict};
use crate::egress::{AllowRule, Layer, Outgoing, modes};
use crate::policy::{DataTrait, DataTraits, PluginState, Trait};
use crate::registry::Plugin;
use crate::settings::secrets::REFERENCE;
use crate::{Caller, Core};

pub async fn get_plugin_egress(
    core: &Core,
    _call: &mut Call<'_, Caller>,
    plugin_id: models::PluginId,
) -> Result<models::EgressPolicy, Problem> {
    policy(core, &*known(core, &plugin_id)?).await
}

pub async fn set_plugin_egress_mode(
    core: &Core,
    call: &mut Call<'_, Caller>,
    plugin_id: models::PluginId,
    body: models::EgressModeWrite,
) -> Result<models::EgressPolicy, Problem> {
    let plugin = known(core, &plugin_id)?;
    if matches!(plugin.state, PluginState::Revoked | PluginState::Left) {
        return Err(problems::state_conflict().with_detail(plugin.state.name()));
    }
    let named = |host: &String| plugin.requested_hosts().contains(host);
    if !body.host.as_ref().is_none_or(named) {
        let message = "is no entry of the manifest";
        return Err(problems::invalid_request().with_violation("/body/host", "entry", message));
    }
    let ends_at = match body.mode {
        models::EgressMode::Report => Some(end(core, body.until)?),
        _ => None,
    };
    call.note("mode", body.mode.as_str());
    call.note("entry", body.host.clone().unwrap_or_else(|| "*".to_owned()));
    if let Some(ends_at) = ends_at {
        call.note("until", ends_at);
    }
    let set = core.egress_modes.set(&plugin_id, plugin.generation, body.host, ends_at, body.reason);
    set.await.map_err(store_failed)?;
    policy(core, &plugin).await
}

pub async fn check_egress(
    core: &Core,
    call: &mut Call<'_, Caller>,
    body: models::EgressCheckRequest,
) -> Result<models::EgressCheck, Problem> {
    call.note("plugin_id", body.plugin_id.clone());
    let plugin = known(core, &body.plugin_id)?;
    let data = body.data_traits.iter().flatten().map(models::DataTrait::as_str);
    let data = DataTraits::parse(data);
    let refused = if plugin.state != PluginState::Active {
        Some(("plugin-inactive", format!("the plugin is {}", plugin.state.name())))
    } else if !plugin.granted_traits().has(Trait::ExternalCaller) {
        Some(("trait-missing", "the trait external_caller is not granted".to_owned()))
    } else if !plugin.granted_traits().covers(data.handlers()) {
        Some(("data-trait-missing", "the plugin may not handle this class of data".to_owned()))
    } else {
        None
    };
    if let Some((rule, explanation)) = refused {
        let step = step("plugin", models::EgressStepOutcome::Refuse, Some(rule), explanation);
        return Ok(models::EgressCheck { steps: vec![step], ..Default::default() });
    }
    let method = body.method.unwrap_or(models::ProxyMethod::Get);
    let outgoing = Outgoing {
        plugin_id: body.plugin_id,
        url: body.url,
        method: method.as_str().to_owned(),
        phi: data.has(DataTrait::Phi),
        may_handle_phi: plugin.granted_traits().has(Trait::HandlesPhi),
        ..Outgoing::default()
    };
    let guard = Guarding::of(core, &plugin).await;
    let told = core.egress.explain(guard.terms(), outgoing).await;
    call.note("allowed", told.allowed());
    Ok(explained(told))
}

/// The end of report mode, which is in the future and not far.
fn end(core: &Core, until: Option<DateTime>) -> Result<i64, Problem> {
    let refuse =
        |message| problems::invalid_request().with_violation("/body/until", "end", message);
    let until = until.ok_or_else(|| refuse("report mode needs an end"))?;
    let (now, ends_at) = (core.clock.unix(), until.0.unix_timestamp());
    if ends_at <= now || ends_at > now + modes::LONGEST {
        return Err(refuse("is not within the next 30 days"));
    }
    Ok(ends_at)
}

async fn policy(core: &Core, plugin: &Plugin) -> Result<models::EgressPolicy, Problem> {
    let ends_at =
        |host: Option<&str>| core.egress_modes.ends_at(&plugin.plugin_id, plugin.generation, host);
    let secrets =
        core.secrets.list(&plugin.plugin_id).await.map_err(|_| problems::internal_error())?;
    let entry = |rule: AllowRule| {
        let until = ends_at(Some(&rule.host()));
        models::EgressEntry {
            host: rule.host(),
            scheme: if rule.secure { "https" } else { "http" }.to_owned(),
            port: rule.ports.first().copied().unwrap_or_default().into(),
            mode: mode(until),
            report_until: until.map(date_time),
            rate_per_minute: i32::try_from(rule.caps.per_minute).unwrap_or(i32::MAX),
            max_request_bytes: i64::try_from(rule.caps.max_request).unwrap_or(i64::MAX),
            max_response_bytes: i64::try_from(rule.caps.max_answer).unwrap_or(i64::MAX),
            timeout_ms: i32::try_from(rule.caps.total.as_millis()).unwrap_or(i32::MAX),
            credential: rule.credential.map(|credential| models::EgressCredential {
                header: credential.header.as_str().to_owned(),
                ready: secrets.iter().any(|secret| secret.name == credential.secret),
                secret: format!("{REFERENCE}{}", credential.secret),
                other: Default::default(),
            }),
            methods: rule.methods,
            path_prefix: rule.path_prefix,
            baa: rule.baa,
            other: Default::default(),
        }
    };
    let until = ends_at(None);
    Ok(models::EgressPolicy {
        plugin_id: plugin.plugin_id.clone(),
        mode: mode(until),
        report_until: until.map(date_time),
        entries: rules(plugin).into_iter().map(entry).collect(),
        other: Default::default(),
    })
}

fn mode(until: Option<i64>) -> models::EgressMode {
    if until.is_some() { models::EgressMode::Report } else { models::EgressMode::Enforce }
}

fn explained(told: Explanation) -> models::EgressCheck {
    let outcome = |verdict: Verdict| match verdict {
        Verdict::Pass => models::EgressStepOutcome::Pass,
        Verdict::Report => models::EgressStepOutcome::Report,
        Verdict::Refuse => models::EgressStepOutcome::Refuse,
    };
    let one = |Step { layer, verdict, rule, explanation }: Step| {
        step(Layer::name(layer), outcome(verdict), rule, explanation)
    };
    models::EgressCheck {
        allowed: told.allowed(),
        would_deny: told.would_deny.map(str::to_owned),
        entry: told.entry,
        steps: told.steps.into_iter().map(one).collect(),
        other: Default::default(),
    }
}

fn step(
    layer: &str,
    outcome: models::EgressStepOutcome,
    rule: Option<&str>,
    explanation: String,
) -> models::EgressStep {
    models::EgressStep {
        layer: layer.to_owned(),
        outcome,
        rule: rule.map(str::to_owned),
        explanation: Some(explanation),
        other: Default::default(),
    }
}
