//! What the operations of plugins share: who calls, once only, and faults as violations.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use time::OffsetDateTime;
use vivified_contract::problems;
use vivified_contract::runtime::{Call, DateTime, Problem, RequestInfo, Violation};

use super::guard::{store_failed, token_problem};
use crate::idempotency::{Ticket, Turn, fingerprint};
use crate::json::parse_json;
use crate::policy::{Operation, Party, PluginState, Request, Stated};
use crate::registry::{Plugin, Registry};
use crate::schemas::Fault;
use crate::{Caller, Core};

const LONGEST_KEY: usize = 255;

/// The plugin that calls. The guard lets nobody else through to these operations.
pub fn plugin(call: &Call<'_, Caller>) -> Result<Arc<Plugin>, Problem> {
    call.caller.plugin().cloned().ok_or_else(problems::wrong_principal)
}

/// A plugin in this state finishes what it has begun.
pub fn finishes(state: PluginState) -> bool {
    matches!(state, PluginState::Active | PluginState::Draining)
}

/// Refuses a plugin that lost its rights since the call began.
pub fn still_present(registry: &Registry, plugin: &Plugin) -> Result<(), Problem> {
    let holder = registry.holder(&plugin.plugin_id, plugin.generation).map_err(token_problem)?;
    if finishes(holder.state) { Ok(()) } else { Err(problems::plugin_inactive()) }
}

/// What the policy is asked about this call; the lane adds what it knows.
pub fn asks<'a>(call: &Call<'_, Caller>, caller: Party<'a>) -> Request<'a> {
    Request {
        purpose: Stated::parse(call.request.purpose.as_deref()),
        ..Request::new(Operation::of(call.request.operation), caller)
    }
}

/// Goes on only with what the policy allows as it is.
pub fn permit(core: &Core, request: &Request<'_>) -> Result<(), Problem> {
    let decision = core.policy.decide(request);
    if decision.allows() { Ok(()) } else { Err(core.decisions.problem(request, &decision)) }
}

/// What stands for a request before its work begins.
pub enum Before<T> {
    Answered(T),
    /// To be done; with the right to keep the answer when the request has a key.
    Fresh(Option<Ticket>),
}

/// Whether the same request with the same `Idempotency-Key` was answered before.
pub async fn before<T: DeserializeOwned>(
    core: &Core,
    plugin_id: &str,
    request: &RequestInfo,
    body: &[u8],
) -> Result<Before<T>, Problem> {
    let Some(key) = &request.idempotency_key else { return Ok(Before::Fresh(None)) };
    if key.is_empty() || key.len() > LONGEST_KEY || !key.bytes().all(|byte| byte.is_ascii_graphic())
    {
        let pointer = "/header/Idempotency-Key";
        let message = "has 1 to 255 visible ASCII characters";
        return Err(problems::invalid_request().with_violation(pointer, "pattern", message));
    }
    let path: Vec<&str> = request.path.iter().map(|(_, value)| value.as_str()).collect();
    let body = parse_json(body).unwrap_or(Value::Null);
    let print = fingerprint(request.operation.id, &path, &body);
    match core.idempotency.begin(plugin_id, key, print).await.map_err(store_failed)? {
        Turn::Fresh(ticket) => Ok(Before::Fresh(Some(ticket))),
        Turn::Replay(answer) => {
            let answer = serde_json::from_value(answer).map_err(|_| problems::internal_error())?;
            Ok(Before::Answered(answer))
        }
        Turn::Running => Err(problems::idempotency_running().with_retry_after(1)),
        Turn::Mismatch => Err(problems::idempotency_mismatch()),
    }
}

/// Does `work`, unless the same request with the same `Idempotency-Key` was answered before.
pub async fn once<T, F>(
    core: &Core,
    plugin_id: &str,
    request: &RequestInfo,
    body: &[u8],
    work: F,
) -> Result<T, Problem>
where
    T: Serialize + DeserializeOwned,
    F: Future<Output = Result<T, Problem>>,
{
    let ticket = match before(core, plugin_id, request, body).await? {
        Before::Answered(answer) => return Ok(answer),
        Before::Fresh(ticket) => ticket,
    };
    let answer = work.await?;
    if let Some(ticket) = ticket {
        let kept = serde_json::to_value(&answer).map_err(|_| problems::internal_error())?;
        ticket.keep(&kept).await.map_err(store_failed)?;
    }
    Ok(answer)
}

/// Faults of a value that stands at `place` of the request.
pub fn violations(place: &str, faults: Vec<Fault>) -> Vec<Violation> {
    let violation = |fault: Fault| Violation {
        pointer: format!("{place}{}", fault.pointer),
        rule: fault.rule.into(),
        message: fault.message.into(),
    };
    faults.into_iter().map(violation).collect()
}

/// A time of the store, which counts milliseconds since 1970.
pub fn moment(millis: i64) -> DateTime {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000);
    DateTime(time.unwrap_or(OffsetDateTime::UNIX_EPOCH))
}
