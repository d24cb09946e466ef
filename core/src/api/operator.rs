//! Calls from plugin to plugin.

use std::time::Duration;

use axum::body::Bytes;
use serde_json::Value;
use vivified_contract::api::{CallPluginParams, OperatorApi};
use vivified_contract::runtime::{Call, Problem};
use vivified_contract::{models, problems};

use super::calls::{asks, once, plugin, violations};
use super::guard::{store_failed, token_problem};
use crate::operator::{self, CallError, ChainFault};
use crate::registry::{Offer, Plugin, between, callable};
use crate::schemas::nearest;
use crate::{Caller, Core};

/// Seconds after which a plugin that is not well may be back.
const CALLEE_BACK: u64 = 10;

impl OperatorApi for Core {
    async fn call_plugin(
        &self,
        call: &mut Call<'_, Caller>,
        plugin_id: models::PluginId,
        operation: String,
        params: CallPluginParams,
        body: Option<models::CallInput>,
    ) -> Result<models::CallOutput, Problem> {
        let caller = plugin(call)?;
        call.note("operation", operation.as_str());
        let callee = self.registry.get(&plugin_id).ok_or_else(problems::unknown_plugin)?;
        let offer = callee
            .offer(&operation)
            .ok_or_else(|| unknown_operation(self, &caller, &callee, &operation))?;
        let asked = between(asks(call, caller.party()), &callee, &offer);
        let decision = self.policy.decide(&asked);
        if !decision.allows() {
            let problem = self.decisions.problem(&asked, &decision);
            let away = decision.code == "callee_unavailable";
            return Err(if away { problem.with_retry_after(CALLEE_BACK) } else { problem });
        }
        let base_url = callee.base_url.clone().filter(|_| callee.is_healthy(self.clock.unix()));
        let base_url =
            base_url.ok_or_else(|| problems::callee_unavailable().with_retry_after(CALLEE_BACK))?;
        // An operation takes an object; no body is an empty one.
        let octets = match call.body_octets() {
            [] => Bytes::from_static(b"{}"),
            octets => Bytes::copy_from_slice(octets),
        };
        let input = body.map_or_else(|| Value::Object(serde_json::Map::new()), |input| input.0);
        let faults = self.gateway.faults(&offer, &input);
        if !faults.is_empty() {
            return Err(problems::invalid_request().with_violations(violations("/body", faults)));
        }
        let shown_chain = match &params.vivified_call_token {
            None => None,
            Some(token) => {
                let claims = self.identity.call_claims(&caller.plugin_id, token);
                Some(claims.map_err(token_problem)?.chain())
            }
        };
        let request = call.request;
        let timeout = params.vivified_timeout_ms.and_then(|millis| u64::try_from(millis).ok());
        let forwarded = operator::Call {
            caller: caller.plugin_id.clone(),
            callee: plugin_id,
            base_url,
            offer,
            body: octets,
            trace_id: request.trace.trace_id.clone(),
            traceparent: request.trace.traceparent(),
            tracestate: request.trace.state.clone(),
            idempotency_key: request.idempotency_key.clone(),
            timeout: timeout.map(Duration::from_millis),
            shown_chain,
        };
        let work =
            async { self.gateway.call(forwarded).await.map_err(|error| failed(self, error)) };
        once(self, &caller.plugin_id, request, call.body_octets(), work)
            .await
            .map(models::CallOutput)
    }
}

/// Names only what the caller could call.
fn unknown_operation(core: &Core, caller: &Plugin, callee: &Plugin, name: &str) -> Problem {
    let rules = core.policy.rules();
    let offers: Vec<Offer> =
        callee.offers().filter(|offer| callable(&rules, caller, callee, offer)).collect();
    let problem = problems::unknown_operation();
    match nearest(name, offers.iter().map(|offer| offer.name.as_str())) {
        Some(near) => problem.with_hint(format!("did you mean `{near}`?")),
        None => problem,
    }
}

fn failed(core: &Core, error: CallError) -> Problem {
    match error {
        CallError::Chain(fault) => {
            let (rule, problem) = match &fault {
                ChainFault::Cycle(path) => (
                    "chain.cycle",
                    problems::call_cycle().with_detail(format!("chain: {}", path.join(" -> "))),
                ),
                ChainFault::TooLong => ("chain.hops", problems::hop_limit()),
            };
            core.decisions.denied(rule, problem)
        }
        CallError::CircuitOpen { retry_after } => {
            problems::circuit_open().with_retry_after(retry_after)
        }
        CallError::TimedOut => problems::timeout(),
        CallError::CalleeFailed => problems::callee_failed(),
        CallError::TooLarge => problems::response_too_large(),
        CallError::Refused { status, retry_after } => refused(status, retry_after),
        CallError::Store(error) => store_failed(error),
    }
}

/// A callee that says no is told by the nearest code of this operation, and never by its words:
/// they could hold data.
fn refused(status: u16, retry_after: Option<u64>) -> Problem {
    let problem = match status {
        403 => problems::operation_not_granted(),
        404 => problems::unknown_operation(),
        413 => problems::payload_too_large(),
        429 => problems::rate_limited().with_retry_after(retry_after.unwrap_or(1)),
        _ => problems::invalid_request(),
    };
    problem.with_detail(format!("the callee answered {status}"))
}
