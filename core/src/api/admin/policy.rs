//! The policy document, its versions, what another would change, and why something was denied.

use vivified_contract::api::PutPolicyParams;
use vivified_contract::runtime::{Call, Fields, Finding, Problem, Violation};
use vivified_contract::{models, problems};

use super::explanation;
use crate::api::calls::moment;
use crate::api::guard::store_failed;
use crate::policy::{
    Changed, Decision, Document, Effect, PolicyError, Rules, Version, floor_rules, simulate,
};
use crate::{Caller, Core};

pub async fn get_policy(
    core: &Core,
    call: &mut Call<'_, Caller>,
) -> Result<models::PolicyRecord, Problem> {
    let version = core.policy.in_force(&core.store).await.map_err(failed)?;
    call.set_header("etag", format!("\"{}\"", version.version));
    record(version)
}

pub async fn put_policy(
    core: &Core,
    call: &mut Call<'_, Caller>,
    params: PutPolicyParams,
    body: models::PolicyWrite,
) -> Result<models::PolicyRecord, Problem> {
    let replaces = params.if_match.trim_matches('"').parse();
    let replaces = replaces.map_err(|_| problems::invalid_request())?;
    let document = document(body.document)?;
    let by = call.caller.actor(&core.audit).id;
    let put = core.policy.put(&core.store, &core.clock, document, replaces, by, body.reason);
    let version = put.await.map_err(failed)?;
    call.note("policy_version", version.version);
    call.note("rules", version.document.rules.len());
    call.set_header("etag", format!("\"{}\"", version.version));
    // What was withheld may go out now, and the other way round.
    core.events.wake();
    record(version)
}

pub async fn list_policy_versions(core: &Core) -> Result<models::PolicyVersions, Problem> {
    let versions = core.policy.versions(&core.store).await.map_err(store_failed)?;
    let versions = versions.into_iter().filter_map(|version| {
        let change = version.change?;
        Some(models::PolicyVersion {
            version: version.version,
            changed_at: moment(change.at),
            changed_by: change.by,
            reason: change.reason,
            other: Fields::default(),
        })
    });
    Ok(models::PolicyVersions { versions: versions.collect(), ..Default::default() })
}

pub async fn get_policy_version(
    core: &Core,
    version: i64,
) -> Result<models::PolicyRecord, Problem> {
    record(core.policy.version(&core.store, version).await.map_err(failed)?)
}

pub async fn simulate_policy(
    core: &Core,
    call: &mut Call<'_, Caller>,
    body: models::PolicySimulation,
) -> Result<models::SimulationResult, Problem> {
    let document = document(body.document)?;
    let (present, candidate) = (core.policy.rules(), Rules::new(&document, 0));
    let simulation = simulate(core.policy.sample().recorded(), &present, &candidate);
    call.note("changed", simulation.changed.len());
    Ok(models::SimulationResult {
        version: present.version(),
        shapes: signed(simulation.shapes),
        decisions: signed(simulation.decisions),
        changed: simulation.changed.into_iter().map(changed).collect(),
        findings: document.findings().into_iter().map(shown).collect(),
        other: Fields::default(),
    })
}

pub async fn explain_decision(
    core: &Core,
    decision_id: &str,
) -> Result<models::DecisionExplanation, Problem> {
    let denial = core.decisions.get(decision_id).ok_or_else(problems::unknown_decision)?;
    let rules = core.policy.rules();
    let in_force = match &denial.judged {
        Some(judged) => {
            let version = judged.decision.version;
            core.policy.version(&core.store, version).await.map_err(failed)?.document
        }
        None => Document::built_in(),
    };
    Ok(explanation::of(core, &denial, &rules, &in_force))
}

fn document(given: models::PolicyDocument) -> Result<Document, Problem> {
    let value = serde_json::to_value(given).map_err(|_| problems::internal_error())?;
    Document::read(value).map_err(|_| problems::invalid_request())
}

fn record(version: Version) -> Result<models::PolicyRecord, Problem> {
    let document = serde_json::from_value(version.document.to_value());
    let rules = floor_rules().map(|(id, description)| models::FloorRule {
        id: id.to_owned(),
        description: description.to_owned(),
        other: Fields::default(),
    });
    let change = version.change;
    Ok(models::PolicyRecord {
        version: version.version,
        document: document.map_err(|_| problems::internal_error())?,
        floor: rules.collect(),
        changed_at: change.as_ref().map(|change| moment(change.at)),
        changed_by: change.as_ref().map(|change| change.by.clone()),
        reason: change.map_or_else(|| "built in".to_owned(), |change| change.reason),
        other: Fields::default(),
    })
}

fn changed(changed: Changed) -> models::SimulatedChange {
    let inputs = changed.inputs;
    models::SimulatedChange {
        operation: inputs.operation.to_owned(),
        caller: explanation::kind(inputs.kind),
        plugin_id: inputs.plugin_id.map(Into::into),
        other_plugin_id: inputs.other.map(|other| other.plugin_id.into()),
        purpose: inputs.purpose.name().map(str::to_owned),
        data: inputs.data.names(),
        count: signed(changed.count),
        before: decision(&changed.before),
        after: decision(&changed.after),
        other: Fields::default(),
    }
}

fn decision(decision: &Decision) -> models::SimulatedDecision {
    let masked = match decision.effect {
        Effect::Mask(classes) => Some(classes.names()),
        Effect::Allow | Effect::Deny => None,
    };
    models::SimulatedDecision {
        effect: decision.effect.name().into(),
        rule: decision.rule.to_string(),
        masked,
        other: Fields::default(),
    }
}

fn shown(finding: Finding) -> models::PolicyFinding {
    models::PolicyFinding {
        pointer: finding.path,
        rule: finding.rule,
        message: finding.message,
        hint: finding.hint,
        other: Fields::default(),
    }
}

fn failed(error: PolicyError) -> Problem {
    match error {
        PolicyError::Refused(findings) => {
            let violations = findings.into_iter().map(|finding| Violation {
                pointer: format!("/body/document{}", finding.path),
                rule: finding.rule.into(),
                message: format!("{}; {}", finding.message, finding.hint).into(),
            });
            problems::invalid_policy().with_violations(violations.collect())
        }
        PolicyError::Conflict { current } => {
            problems::revision_conflict().with_detail(format!("version {current} is in force"))
        }
        PolicyError::UnknownVersion => problems::unknown_version(),
        PolicyError::Store(error) => store_failed(error),
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
