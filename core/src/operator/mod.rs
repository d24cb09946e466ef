//! The gateway: one plugin calls an operation of another, and Core stands between them.
//!
//! Who may call what is decided before a call comes here. What happens here: the chain is checked,
//! the breaker is asked, a token for exactly this call is minted, and the call is forwarded under
//! one deadline that covers every try and binds the calls it causes in turn. The caller's own
//! token goes nowhere.

mod address;
mod answer;
mod breaker;
mod catalogue;
mod chain;
mod forward;
mod line;
mod pool;
mod retry;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use tokio::time::Instant;

pub use answer::Answer;
pub use breaker::Tripped;
pub use catalogue::Operation;
pub use chain::ChainFault;

use crate::egress::connect::Tls;
use crate::identity::{CallGrant, Identity};
use crate::policy::PluginState;
use crate::registry::{Plugin, Registry};
use crate::schemas::Fault;
use crate::telemetry::metrics::{CALL_RETRIES, CALLS, CallEnd};
use crate::{Clock, StoreError};
use breaker::{Breakers, Permit};
use catalogue::Catalogue;
use chain::Chains;
use forward::{Broken, Head, Parcel};
use pool::{Callee, Pool};
use retry::{Backoff, Budget};

/// A call that policy has allowed.
#[derive(Clone)]
pub struct Call {
    pub caller: String,
    pub callee: String,
    pub base_url: String,
    pub operation: Arc<Operation>,
    /// JSON, as the caller wrote it.
    pub body: Bytes,
    pub trace_id: String,
    pub traceparent: String,
    pub tracestate: Option<String>,
    /// The purpose of use, as the caller stated it and policy understood it.
    pub purpose: Option<String>,
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
    #[error("the callee lost its rights or its place during the call")]
    CalleeGone,
    #[error("the answer does not match the manifest")]
    InvalidResponse(Vec<Fault>),
    #[error("the answer is too large")]
    TooLarge,
    /// An answer in the four hundreds: the callee understood and said no.
    #[error("the callee refused with {status}")]
    Refused { status: u16, retry_after: Option<u64> },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Broken> for CallError {
    fn from(_: Broken) -> Self {
        Self::CalleeFailed
    }
}

pub struct Gateway {
    pool: Pool,
    identity: Identity,
    breakers: Breakers,
    chains: Chains,
    budget: Budget,
    backoff: Backoff,
    catalogue: Catalogue,
}

/// What every try of a call has in common.
struct Attempt<'c> {
    call: &'c Call,
    before: &'c [String],
    callee: Arc<Callee>,
    parcel: Parcel,
    deadline: Instant,
}

impl Gateway {
    pub fn new(identity: Identity, clock: Clock, tls: &Tls) -> Self {
        Self {
            pool: Pool::new(tls),
            identity,
            breakers: Breakers::new(clock.clone()),
            chains: Chains::default(),
            budget: Budget::new(clock),
            backoff: Backoff::default(),
            catalogue: Catalogue::default(),
        }
    }

    /// Breakers that are not closed, for those who watch.
    pub fn tripped(&self) -> Vec<Tripped> {
        self.breakers.tripped()
    }

    /// What a callee offers under this name.
    pub fn operation(&self, callee: &Plugin, name: &str) -> Option<Arc<Operation>> {
        self.catalogue.operation(callee, name)
    }

    /// Ends the connections and running calls of every callee that has moved or may no longer
    /// be called. One that is about to leave finishes what it has begun.
    pub fn follow(&self, registry: &Registry) {
        self.pool.keep(|plugin_id, base_url| {
            registry.get(plugin_id).is_some_and(|plugin| {
                matches!(plugin.state, PluginState::Active | PluginState::Draining)
                    && plugin.base_url.as_deref() == Some(base_url)
            })
        });
    }

    /// Forwards the call and answers what the callee answers.
    pub async fn call(&self, call: &Call) -> Result<Answer, CallError> {
        let answer = self.forward(call).await;
        CALLS.count(end_of(&answer));
        answer
    }

    async fn forward(&self, call: &Call) -> Result<Answer, CallError> {
        let origin = self.chains.origin(&call.trace_id, &call.caller);
        let before = call.shown_chain.as_ref().unwrap_or(&origin.before);
        let path = chain::extend(before, &call.caller, &call.callee).map_err(CallError::Chain)?;
        let allowed = Duration::from_millis(call.operation.offer.timeout_ms);
        let mut deadline = Instant::now() + call.timeout.map_or(allowed, |own| own.min(allowed));
        deadline = origin.deadline.map_or(deadline, |outer| deadline.min(outer));
        let callee = self.pool.callee(&call.callee, &call.base_url);
        let callee = callee.ok_or(CallError::CalleeFailed)?;
        let target = callee.address.target(&call.operation.offer.path);
        let parcel = Parcel {
            target: target.ok_or(CallError::CalleeFailed)?,
            body: call.body.clone(),
            traceparent: call.traceparent.clone(),
            tracestate: call.tracestate.clone(),
            purpose: call.purpose.clone(),
            idempotency_key: call.idempotency_key.clone(),
        };
        let _entry = self.chains.enter(&call.trace_id, path, deadline);
        let attempt = Attempt { call, before, callee: callee.clone(), parcel, deadline };
        tokio::select! {
            biased;
            () = callee.is_gone() => Err(CallError::CalleeGone),
            answer = self.try_until(&attempt) => answer,
        }
    }

    async fn try_until(&self, attempt: &Attempt<'_>) -> Result<Answer, CallError> {
        let call = attempt.call;
        self.budget.earn(&call.callee);
        let repeatable = call.operation.offer.idempotent || call.idempotency_key.is_some();
        let mut tries = 0;
        loop {
            let outcome = self.try_once(attempt).await;
            let again = matches!(outcome, Err(CallError::CalleeFailed))
                && repeatable
                && tries < retry::MAX_RETRIES
                && self.budget.spend(&call.callee);
            if !again {
                return outcome;
            }
            tries += 1;
            CALL_RETRIES.count(());
            let pause = self.backoff.pause(tries)?;
            if Instant::now() + pause >= attempt.deadline {
                return outcome;
            }
            tokio::time::sleep(pause).await;
        }
    }

    async fn try_once(&self, attempt: &Attempt<'_>) -> Result<Answer, CallError> {
        let (call, offer) = (attempt.call, &attempt.call.operation.offer);
        let permit = self
            .breakers
            .admit(&call.callee, &offer.name)
            .map_err(|retry_after| CallError::CircuitOpen { retry_after })?;
        let left = attempt.deadline.saturating_duration_since(Instant::now());
        let exchange = self.exchange(attempt, left);
        let answer = match tokio::time::timeout_at(attempt.deadline, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(CallError::TimedOut),
        };
        // A caller in a hurry must not be able to shut the operation for everybody.
        let hurried = left < Duration::from_millis(offer.timeout_ms) / 2;
        judge(permit, &answer, hurried);
        answer
    }

    async fn exchange(&self, attempt: &Attempt<'_>, left: Duration) -> Result<Answer, CallError> {
        let Attempt { call, before, callee, parcel, deadline } = attempt;
        // A token for each try: callees take a token id once.
        let token = self.identity.call_token(&CallGrant {
            caller: &call.caller,
            callee: &call.callee,
            operation: &call.operation.offer.name,
            body: &call.body,
            chain: before,
        })?;
        let head = forward::send(&self.pool, callee, parcel, &token, left).await?;
        if (200..=299).contains(&head.status) {
            return answer::read(head, &call.operation, callee.clone(), *deadline).await;
        }
        Err(refusal(head).await)
    }
}

fn end_of(answer: &Result<Answer, CallError>) -> CallEnd {
    match answer {
        Ok(_) => CallEnd::Answered,
        Err(CallError::CircuitOpen { .. }) => CallEnd::CircuitOpen,
        Err(CallError::TimedOut) => CallEnd::Timeout,
        Err(CallError::CalleeGone | CallError::Store(_)) => CallEnd::Unavailable,
        Err(CallError::Chain(_) | CallError::Refused { .. }) => CallEnd::Refused,
        Err(_) => CallEnd::CalleeFailed,
    }
}

/// What the end of a try says of the callee.
fn judge(permit: Permit, answer: &Result<Answer, CallError>, hurried: bool) {
    match answer {
        Err(CallError::TimedOut) if hurried => permit.undecided(),
        Err(CallError::CalleeFailed | CallError::TooLarge | CallError::TimedOut) => permit.failed(),
        _ => permit.succeeded(),
    }
}

async fn refusal(head: Head) -> CallError {
    let (status, retry_after) = (head.status, head.retry_after);
    answer::discard(head).await;
    match status {
        // 401: the callee did not take Core's own token, so something between the two is broken.
        400 | 402..=499 => CallError::Refused { status, retry_after },
        _ => CallError::CalleeFailed,
    }
}
