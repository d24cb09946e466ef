//! Calls from plugin to plugin.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use vivified_contract::api::{CallPluginParams, OperatorApi};
use vivified_contract::runtime::{Base64, Call, Fields, Problem, Raw};
use vivified_contract::{models, problems};

use super::calls::{asks, finishes, once, plugin, still_present, violations};
use super::guard::{store_failed, token_problem};
use super::watched::watched;
use crate::operator::{self, Answer, CallError, ChainFault, Operation};
use crate::policy::Request;
use crate::registry::{Offer, Plugin, Registry, between, callable};
use crate::schemas::nearest;
use crate::telemetry::traces::{Kind, Under};
use crate::telemetry::{self, Id};
use crate::{Caller, Core};

/// Seconds after which a plugin that is not well may be back.
const CALLEE_BACK: u64 = 10;
/// Largest answer that is kept for an `Idempotency-Key`.
const MAX_KEPT: usize = 1024 * 1024;
const JSON: &str = "application/json";

impl OperatorApi for Core {
    async fn call_plugin(
        &self,
        call: &mut Call<'_, Caller>,
        plugin_id: models::PluginId,
        operation: String,
        params: CallPluginParams,
        body: Option<models::CallInput>,
    ) -> Result<Raw, Problem> {
        let caller = plugin(call)?;
        call.note("operation", operation.as_str());
        let asked = asks(call, caller.party());
        let (operation, base_url) = resolve(self, &caller, asked, &plugin_id, &operation)?;
        let input = body.map_or_else(|| Value::Object(serde_json::Map::new()), |input| input.0);
        let faults = operation.input_faults(&input);
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
        let under = Under::request(request);
        let forwarded = operator::Call {
            caller: caller.plugin_id.clone(),
            callee: plugin_id,
            base_url,
            operation,
            // An operation takes an object; no body is an empty one.
            body: match call.body_octets() {
                [] => Bytes::from_static(b"{}"),
                octets => Bytes::copy_from_slice(octets),
            },
            trace_id: request.trace.trace_id.clone(),
            traceparent: under.spot.traceparent(),
            tracestate: request.trace.state.clone(),
            purpose: request.purpose.clone(),
            idempotency_key: request.idempotency_key.clone(),
            timeout: timeout.map(Duration::from_millis),
            shown_chain,
        };
        let work = async {
            let answer = self.gateway.call(&forwarded).await;
            let callee: [telemetry::Field<'_>; 2] =
                [("vivified.callee", &Id(&forwarded.callee)), ("vivified.lane", &"operator")];
            under.end("call", Kind::Client, answer.is_err(), &callee);
            let answer = answer.map_err(|error| failed(self, error))?;
            still_allowed(&self.registry, &caller, &forwarded.callee)?;
            Ok(answer)
        };
        if request.idempotency_key.is_none() {
            return Ok(match work.await? {
                Answer::Stream { media_type, body } => {
                    let (registry, callee) = (self.registry.clone(), forwarded.callee.clone());
                    let allowed = move || still_allowed(&registry, &caller, &callee).is_ok();
                    Raw::new(media_type, watched(body, allowed))
                }
                whole => release(whole),
            });
        }
        let work = async { keep(work.await?).await };
        once(self, &caller.plugin_id, request, call.body_octets(), work).await?.release()
    }

    async fn list_breakers(
        &self,
        _: &mut Call<'_, Caller>,
    ) -> Result<models::BreakerList, Problem> {
        let shown = |tripped: operator::Tripped| models::Breaker {
            plugin_id: tripped.plugin_id,
            operation: tripped.operation,
            state: if tripped.probing {
                models::BreakerState::Probing
            } else {
                models::BreakerState::Open
            },
            retry_after: i64::try_from(tripped.retry_after).unwrap_or(i64::MAX),
            other: Fields::default(),
        };
        let breakers = self.gateway.tripped().into_iter().map(shown).collect();
        Ok(models::BreakerList { breakers, other: Fields::default() })
    }
}

/// The operation and where it is served, when this caller may call it now.
fn resolve(
    core: &Core,
    caller: &Plugin,
    asked: Request<'_>,
    plugin_id: &str,
    name: &str,
) -> Result<(Arc<Operation>, String), Problem> {
    let callee = core.registry.get(plugin_id).ok_or_else(problems::unknown_plugin)?;
    let operation = core
        .gateway
        .operation(&callee, name)
        .ok_or_else(|| unknown_operation(core, caller, &callee, name))?;
    let asked = between(asked, &callee, &operation.offer);
    let decision = core.policy.decide(&asked);
    if !decision.allows() {
        let problem = core.decisions.problem(&asked, &decision);
        let away = decision.code == "callee_unavailable";
        return Err(if away { problem.with_retry_after(CALLEE_BACK) } else { problem });
    }
    let base_url = callee.base_url.clone().filter(|_| callee.is_healthy(core.clock.unix()));
    let away = || problems::callee_unavailable().with_retry_after(CALLEE_BACK);
    Ok((operation, base_url.ok_or_else(away)?))
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

/// Whoever lost its rights during the call gets no answer any more, and gives none.
fn still_allowed(registry: &Registry, caller: &Plugin, callee: &str) -> Result<(), Problem> {
    still_present(registry, caller)?;
    if registry.get(callee).is_none_or(|callee| !finishes(callee.state)) {
        return Err(problems::callee_unavailable().with_retry_after(CALLEE_BACK));
    }
    Ok(())
}

fn release(answer: Answer) -> Raw {
    match answer {
        Answer::Json(text) => Raw::new(JSON, text),
        Answer::Stream { media_type, body } => Raw::new(media_type, body),
    }
}

/// An answer that is kept for those who ask again with the same key.
#[derive(Serialize, Deserialize)]
struct Kept {
    media_type: String,
    octets: Base64,
}

async fn keep(answer: Answer) -> Result<Kept, Problem> {
    let Raw { media_type, body } = release(answer);
    let octets = axum::body::to_bytes(body, MAX_KEPT).await;
    let octets = octets.map_err(|_| {
        problems::response_too_large()
            .with_detail("with an Idempotency-Key an answer is kept and has at most 1 MiB")
    })?;
    Ok(Kept { media_type, octets: Base64(octets.to_vec()) })
}

impl Kept {
    fn release(self) -> Result<Raw, Problem> {
        Ok(Raw::new(self.media_type, self.octets.0))
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
        CallError::CalleeGone => problems::callee_unavailable().with_retry_after(CALLEE_BACK),
        CallError::InvalidResponse(faults) => {
            problems::invalid_response().with_violations(violations("/response", faults))
        }
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
