//! The five questions of the pipeline: how often, who, whether, what is about to happen, what
//! happened.
//!
//! All facts come from the operation's entry in the contract; the rules come from the policy. A
//! fact that Core does not understand, such as a scheme or a trait it has never heard of, denies.

use serde_json::Value;
use vivified_contract::problems;
use vivified_contract::runtime::{
    Allowance, Call, Credentials, End, Guard, OperationInfo, Outcome, Problem, RequestInfo, Stage,
};

use super::assurance;
use super::binding;
use super::limits::{Over, address_key};
use crate::audit::{Actor, AuditUnavailable, Entry, Phase};
use crate::identity::TokenError;
use crate::policy::{Denial, Operation, Request, RuleName, Stated};
use crate::registry::ENROLLMENT_PREFIX;
use crate::telemetry::metrics::{self, DECISIONS, Verdict};
use crate::telemetry::{self, Id};
use crate::{Caller, Core, StoreError};

/// The value of `x-audit-action` that says: nothing happens here.
const NOT_AUDITED: &str = "none";
/// The note of an operation that wrote the record of its success together with its effect.
pub(super) const RECORDED: &str = "recorded";
/// Longest text of a detail in a record.
const LONGEST_DETAIL: usize = 256;

/// An intent that stands in the log and waits for its outcome.
pub struct Receipt {
    rule: RuleName,
}

impl Guard for Core {
    type Caller = Caller;
    type Receipt = Receipt;

    async fn authenticate(
        &self,
        request: &RequestInfo,
        credentials: Credentials<'_>,
    ) -> Result<Caller, Problem> {
        if request.operation.is_anonymous() {
            return Ok(Caller::Anonymous);
        }
        let refused = match self.caller(request.operation, credentials).await {
            Ok(caller) if binding::holds(request, &caller) => return Ok(caller),
            Ok(_) => problems::token_invalid(),
            Err(refused) => refused,
        };
        match self.limits.stranger(request.peer) {
            Ok(_) => Err(refused),
            Err(over) => Err(limited(request, over)),
        }
    }

    async fn authorize(&self, request: &RequestInfo, caller: &Caller) -> Result<(), Problem> {
        let asked = asked(request, caller);
        let decision = self.policy.decide(&asked);
        DECISIONS.count(if decision.allows() { Verdict::Allow } else { Verdict::Deny });
        let person = caller.person().filter(|_| decision.code != "wrong_principal");
        let weak = person.and_then(|person| assurance::of(request.operation, person));
        if let Some((rule, problem)) = weak {
            return Err(self.decisions.denied(rule, problem));
        }
        if !decision.allows() {
            return Err(self.decisions.problem(&asked, &decision));
        }
        let now = self.clock.unix();
        match person.and_then(|person| assurance::freshness(request.operation, person, now)) {
            Some((rule, problem)) => Err(self.decisions.denied(rule, problem)),
            None => Ok(()),
        }
    }

    async fn limit(&self, request: &RequestInfo, caller: Option<&Caller>) -> Result<(), Problem> {
        let class = request.operation.rate_limit_class.unwrap_or_default();
        let taken = match caller {
            None => self.limits.address(request.peer, class, request.operation.is_anonymous()),
            Some(Caller::Anonymous) => return Ok(()),
            Some(caller) => self.limits.caller(&caller.actor(&self.audit).id, class),
        };
        // The bound every address has is not worth telling until it is reached.
        let told = |allowance: &Allowance| allowance.policy != "address";
        let allowance = taken.map_err(|over| limited(request, over))?;
        if told(&allowance) {
            request.tell(allowance);
        }
        Ok(())
    }

    async fn open(&self, request: &RequestInfo, caller: &Caller) -> Result<Receipt, Problem> {
        let asked = asked(request, caller);
        let decision = self.policy.rules().decide(&asked);
        // The policy may have been exchanged since; nothing begins under rules that forbid it.
        if !decision.allows() {
            return Err(self.decisions.problem(&asked, &decision));
        }
        let rule = decision.rule;
        if is_audited(request.operation) {
            let mut intent = self.entry(request, Some(caller), Phase::Intent);
            intent.rule = Some(rule.to_string());
            intent.request_bytes = request.declared_length;
            if reaches_outside(request.operation) {
                self.audit.append(intent).await.map(drop).map_err(audit_failed)?;
            } else {
                self.audit.announce(intent).map_err(audit_failed)?;
            }
        }
        Ok(Receipt { rule })
    }

    async fn close(
        &self,
        request: &RequestInfo,
        caller: Option<&Caller>,
        receipt: Option<Receipt>,
        outcome: &Outcome,
    ) -> Result<(), Problem> {
        if outcome.status >= 500 {
            log_failure(request, outcome);
        }
        let denied = outcome.decision_id.as_deref().and_then(|id| self.decisions.get(id));
        if !is_audited(request.operation) {
            return Ok(());
        }
        let is_recorded = outcome.notes.iter().any(|(key, _)| *key == RECORDED);
        if outcome.code.is_none() && is_recorded {
            return Ok(());
        }
        if !self.is_worth_a_record(request, caller, outcome) {
            return Ok(());
        }
        let mut entry = self.entry(request, caller, Phase::Outcome);
        let (decision, rule) = judgement(outcome, denied.as_deref(), receipt.as_ref());
        entry.decision = decision;
        entry.rule = rule.map(str::to_owned);
        entry.detail.extend(denied.iter().flat_map(|denial| denial.details()));
        entry.detail.extend(request.purpose.as_deref().and_then(stated));
        entry.decision_id = outcome.decision_id.clone();
        entry.outcome = outcome.code.as_deref().unwrap_or("ok").to_owned();
        entry.status = Some(outcome.status);
        entry.request_bytes = Some(outcome.request_octets);
        entry.response_bytes = outcome.response_octets;
        take_notes(&mut entry, &outcome.notes);
        self.audit.append(entry).await.map(|_| ()).map_err(audit_failed)
    }

    fn enter(&self, operation: &'static OperationInfo) -> Result<(), Problem> {
        self.load.enter(operation).map_err(|_| problems::overloaded().with_retry_after(1))
    }

    fn leave(&self, end: &End<'_>) {
        let operation = end.request.map(|request| request.operation);
        if let Some(operation) = operation {
            self.load.leave(operation);
        }
        telemetry::request_ended(end);
    }
}

impl Core {
    /// Who shows these credentials: a token is verified as the kind it claims to be, and then the
    /// session or the registration behind it is asked each time.
    async fn caller(
        &self,
        operation: &OperationInfo,
        credentials: Credentials<'_>,
    ) -> Result<Caller, Problem> {
        let token = credentials.bearer().ok_or_else(problems::unauthenticated)?;
        if accepts_scraper(operation) && self.scraper.is_token(token) {
            return Ok(Caller::Scraper);
        }
        let caller = if token.starts_with(ENROLLMENT_PREFIX) {
            self.registry.enrolled(token).await.map_err(store_failed)?.map(Caller::Enrollment)
        } else {
            match self.identity.verify(token) {
                Err(error) => Err(error),
                Ok(verified) => match verified.generation() {
                    Some(generation) => {
                        let holder = self.registry.holder(&verified.claims.subject, generation);
                        holder.map(Caller::Plugin)
                    }
                    None => {
                        let person = self.identity.person_of(&verified).await;
                        person.map_err(store_failed)?.map(Caller::Person)
                    }
                },
            }
        };
        caller.map_err(token_problem)
    }

    /// Of a flood that is refused, the first of each minute is written down: a log that records
    /// every one would let anybody fill the disk.
    fn is_worth_a_record(
        &self,
        request: &RequestInfo,
        caller: Option<&Caller>,
        outcome: &Outcome,
    ) -> bool {
        let flood = match outcome.stage {
            Stage::Headers => self.limits.stranger(request.peer).is_err(),
            _ => outcome.code.as_deref() == Some("rate_limited") && outcome.stage < Stage::Open,
        };
        let key = caller.map(|caller| caller.actor(&self.audit).id);
        let key = key.unwrap_or_else(|| address_key(request.peer));
        !flood || self.limits.record_refusal(&key)
    }

    /// The record of a success, for an operation that writes it together with its effect. The
    /// note [`RECORDED`] then says that the pipeline has none to write.
    pub(super) fn success(&self, call: &Call<'_, Caller>, status: u16) -> Entry {
        let (request, caller) = (call.request, call.caller);
        let mut entry = self.entry(request, Some(caller), Phase::Outcome);
        let rule = self.policy.rules().decide(&asked(request, caller)).rule;
        entry.rule = Some(rule.to_string());
        entry.detail.extend(request.purpose.as_deref().and_then(stated));
        entry.outcome = "ok".to_owned();
        entry.status = Some(status);
        entry.request_bytes = Some(call.body_octets().len() as u64);
        entry
    }

    fn entry(&self, request: &RequestInfo, caller: Option<&Caller>, phase: Phase) -> Entry {
        let actor = caller.map_or_else(Actor::anonymous, |caller| caller.actor(&self.audit));
        let action = request.operation.audit_action.unwrap_or(request.operation.id);
        let mut entry = match phase {
            Phase::Intent => Entry::intent(actor, action),
            Phase::Outcome => Entry::outcome(actor, action, ""),
        };
        entry.lane = request.operation.lane.map(str::to_owned);
        // A path is text of the caller; only the id of a plugin that Core knows is a fact.
        let known = |id: &&str| self.registry.get(id).is_some();
        let about = request.path_value("plugin_id").filter(known);
        entry.plugin_id = about.map(str::to_owned);
        entry.trace_id = Some(request.trace.trace_id.clone());
        entry
    }
}

/// What the policy is asked of this caller and this operation, before any data is looked at.
fn asked<'a>(request: &RequestInfo, caller: &'a Caller) -> Request<'a> {
    let operation = Operation::of(request.operation);
    Request {
        purpose: Stated::parse(request.purpose.as_deref()),
        preliminary: operation.decided_again,
        ..Request::new(operation, caller.party())
    }
}

/// The purpose as the caller stated it, when it is a word of the vocabulary.
fn stated(header: &str) -> Option<(String, String)> {
    let name = Stated::parse(Some(header)).name()?;
    Some(("purpose".to_owned(), name.to_owned()))
}

/// Only where the contract says so: the token of a scraper opens nothing else.
fn accepts_scraper(operation: &OperationInfo) -> bool {
    let mut schemes = operation.security.iter().flat_map(|requirement| requirement.schemes);
    schemes.any(|scheme| scheme.name == "scrapeToken")
}

/// What the record says of the decision: a refusal of who or whether or how often is a denial,
/// everything else was allowed and went well or badly.
fn judgement<'a>(
    outcome: &Outcome,
    denied: Option<&'a Denial>,
    receipt: Option<&'a Receipt>,
) -> (&'static str, Option<&'a str>) {
    match outcome.stage {
        _ if denied.is_some() => ("deny", denied.map(|denial| &*denial.rule)),
        Stage::Limit => ("deny", Some("caller.rate")),
        Stage::Authenticate => ("deny", Some("caller.token")),
        Stage::Headers | Stage::Authorize => ("deny", None),
        _ if matches!(outcome.status, 401 | 403) => ("deny", None),
        _ => ("allow", receipt.map(|receipt| &*receipt.rule)),
    }
}

/// What the trace id of a failed answer finds in the log.
fn log_failure(request: &RequestInfo, outcome: &Outcome) {
    telemetry::warn(
        "request failed",
        &[
            ("trace_id", &Id(&request.trace.trace_id)),
            ("operation", &request.operation.id),
            ("status", &outcome.status),
            ("code", &Id(outcome.code.as_deref().unwrap_or_default())),
        ],
    );
}

/// Notes become details, but for the few that have a field of their own.
fn take_notes(entry: &mut Entry, notes: &[(&'static str, Value)]) {
    for (key, value) in notes {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let text: String = text.chars().take(LONGEST_DETAIL).collect();
        match *key {
            "plugin_id" => entry.plugin_id = Some(text),
            "rule" => entry.rule = Some(text),
            key => drop(entry.detail.insert(key.to_owned(), text)),
        }
    }
}

/// Whether the operation does something that the store cannot take back. Its intent must be on the
/// disk before; for all others it is enough that the intent is queued, because what they do is
/// queued behind it.
fn reaches_outside(operation: &OperationInfo) -> bool {
    !matches!(operation.lane, Some("control" | "canonical"))
}

fn is_audited(operation: &OperationInfo) -> bool {
    operation.audit_action != Some(NOT_AUDITED)
}

pub(super) fn token_problem(error: TokenError) -> Problem {
    match error {
        TokenError::Expired => problems::token_expired(),
        TokenError::Invalid => problems::token_invalid(),
    }
}

/// The store is also where the audit log lives: without it nothing may happen.
pub(super) fn store_failed(error: StoreError) -> Problem {
    telemetry::error("store failed", &[("kind", &error.kind())]);
    match error {
        StoreError::Unavailable => problems::audit_unavailable(),
        _ => problems::internal_error(),
    }
}

/// Over a bound: the caller learns which one, and when to come back.
fn limited(request: &RequestInfo, over: Over) -> Problem {
    metrics::RATE_LIMITED.count(());
    request.tell(over.allowance);
    problems::rate_limited().with_retry_after(over.wait)
}

pub(super) fn audit_failed(_: AuditUnavailable) -> Problem {
    problems::audit_unavailable()
}
