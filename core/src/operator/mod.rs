//! The gateway: one plugin calls an operation of another, and Core stands between them.
//!
//! Who may call what is decided before a call comes here. What happens here: the chain is checked,
//! the breaker is asked, a token for exactly this call is minted, and the call is forwarded under
//! one deadline that covers every try and binds the calls it causes in turn. The caller's own
//! token goes nowhere.

mod breaker;
mod chain;
mod forward;
mod retry;
#[cfg(test)]
mod tests;

use std::time::Duration;

use axum::body::Bytes;
use serde_json::Value;
use tokio::time::Instant;

pub use breaker::Tripped;
pub use chain::ChainFault;

use crate::egress::connect::Tls;
use crate::identity::{CallGrant, Identity};
use crate::json::parse_json;
use crate::registry::Offer;
use crate::schemas::{Fault, Schemas};
use crate::{Clock, StoreError};
use breaker::Breakers;
use chain::Chains;
use forward::{Parcel, Try};
use retry::{Backoff, Budget};

/// A call that policy has allowed.
#[derive(Clone, Debug)]
pub struct Call {
    pub caller: String,
    pub callee: String,
    pub base_url: String,
    pub offer: Offer,
    /// JSON, as the caller wrote it.
    pub body: Bytes,
    pub trace_id: String,
    pub traceparent: String,
    pub tracestate: Option<String>,
    pub idempotency_key: Option<String>,
    /// The caller's own deadline; the offer's holds beside it.
    pub timeout: Option<Duration>,
    /// Plugins before the caller, when it showed the token of the call it works on.
    pub shown_chain: Option<Vec<String>>,
}

#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("the call breaks its chain")]
    Chain(ChainFault),
    #[error("the operation is paused")]
    CircuitOpen { retry_after: u64 },
    #[error("the callee did not answer in time")]
    TimedOut,
    #[error("the callee failed")]
    CalleeFailed,
    #[error("the answer is too large")]
    TooLarge,
    /// An answer in the four hundreds: the callee understood and said no.
    #[error("the callee refused with {status}")]
    Refused { status: u16, retry_after: Option<u64> },
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub struct Gateway {
    client: reqwest::Client,
    identity: Identity,
    breakers: Breakers,
    chains: Chains,
    budget: Budget,
    backoff: Backoff,
    schemas: Schemas,
}

impl Gateway {
    pub fn new(identity: Identity, clock: Clock, tls: &Tls) -> reqwest::Result<Self> {
        Ok(Self {
            client: forward::client(tls)?,
            identity,
            breakers: Breakers::new(clock),
            chains: Chains::default(),
            budget: Budget::default(),
            backoff: Backoff::default(),
            schemas: Schemas::default(),
        })
    }

    /// Breakers that are not closed, for those who watch.
    pub fn tripped(&self) -> Vec<Tripped> {
        self.breakers.tripped()
    }

    /// What the manifest of the callee finds wrong with an input.
    pub fn faults(&self, offer: &Offer, input: &Value) -> Vec<Fault> {
        offer
            .input_schema
            .as_ref()
            .map_or_else(Vec::new, |schema| self.schemas.faults(schema, input))
    }

    /// Forwards the call and answers what the callee answers; nothing is JSON `null`.
    pub async fn call(&self, call: Call) -> Result<Value, CallError> {
        let origin = self.chains.origin(&call.trace_id, &call.caller);
        let before = call.shown_chain.as_ref().unwrap_or(&origin.before);
        let path = chain::extend(before, &call.caller, &call.callee).map_err(CallError::Chain)?;
        let allowed = Duration::from_millis(call.offer.timeout_ms);
        let mut deadline = Instant::now() + call.timeout.map_or(allowed, |own| own.min(allowed));
        deadline = origin.deadline.map_or(deadline, |outer| deadline.min(outer));
        let url = forward::target(&call.base_url, &call.offer.path);
        let parcel = Parcel {
            url: url.ok_or(CallError::CalleeFailed)?,
            body: call.body.clone(),
            traceparent: call.traceparent.clone(),
            tracestate: call.tracestate.clone(),
            idempotency_key: call.idempotency_key.clone(),
        };
        let _entry = self.chains.enter(&call.trace_id, path, deadline);
        self.try_until(&call, before, &parcel, deadline).await
    }

    async fn try_until(
        &self,
        call: &Call,
        before: &[String],
        parcel: &Parcel,
        deadline: Instant,
    ) -> Result<Value, CallError> {
        self.budget.earn(&call.callee);
        let repeatable = call.offer.idempotent || call.idempotency_key.is_some();
        let mut tries = 0;
        loop {
            let outcome = self.try_once(call, before, parcel, deadline).await;
            let again = matches!(outcome, Err(CallError::CalleeFailed))
                && repeatable
                && tries < retry::MAX_RETRIES
                && self.budget.spend(&call.callee);
            if !again {
                return outcome;
            }
            tries += 1;
            let pause = self.backoff.pause(tries)?;
            if Instant::now() + pause >= deadline {
                return outcome;
            }
            tokio::time::sleep(pause).await;
        }
    }

    async fn try_once(
        &self,
        call: &Call,
        before: &[String],
        parcel: &Parcel,
        deadline: Instant,
    ) -> Result<Value, CallError> {
        let permit = self
            .breakers
            .admit(&call.callee, &call.offer.name)
            .map_err(|retry_after| CallError::CircuitOpen { retry_after })?;
        // A token for each try: callees take a token id once.
        let token = self.identity.call_token(&CallGrant {
            caller: &call.caller,
            callee: &call.callee,
            operation: &call.offer.name,
            body: &call.body,
            chain: before,
        })?;
        let left = deadline.saturating_duration_since(Instant::now());
        let sent = forward::send(&self.client, parcel, &token, left);
        let Ok(outcome) = tokio::time::timeout_at(deadline, sent).await else {
            // A caller in a hurry must not be able to shut the operation for everybody.
            if left >= Duration::from_millis(call.offer.timeout_ms) / 2 {
                permit.failed();
            }
            return Err(CallError::TimedOut);
        };
        let answer = read(outcome);
        match answer {
            Err(CallError::CalleeFailed | CallError::TooLarge) => permit.failed(),
            _ => permit.succeeded(),
        }
        answer
    }
}

fn read(outcome: Try) -> Result<Value, CallError> {
    match outcome {
        Try::Broken => Err(CallError::CalleeFailed),
        Try::TooLarge => Err(CallError::TooLarge),
        Try::Answered { status: 200..=299, body, .. } if body.is_empty() => Ok(Value::Null),
        Try::Answered { status: 200..=299, body, .. } => {
            parse_json(&body).map_err(|_| CallError::CalleeFailed)
        }
        // 401: the callee did not take Core's own token, so something between the two is broken.
        Try::Answered { status: status @ (400 | 402..=499), retry_after, .. } => {
            Err(CallError::Refused { status, retry_after })
        }
        Try::Answered { .. } => Err(CallError::CalleeFailed),
    }
}
