//! A denial in words: the rule, what it looked at, and the change that would be enough.

use vivified_contract::models;
use vivified_contract::runtime::Fields;

use crate::Core;
use crate::api::calls::moment;
use crate::api::plugins::status;
use crate::policy::{
    self, Change, Denial, Document, Inputs, Judged, Member, Operation, PartyKind, Rules, Step,
    Trait, floor_rules,
};

pub fn of(
    core: &Core,
    denial: &Denial,
    rules: &Rules,
    in_force: &Document,
) -> models::DecisionExplanation {
    let (origin, description) = rule(denial, in_force);
    let judged = denial.judged.as_ref();
    let missing = judged.map(|judged| policy::missing(&judged.inputs)).unwrap_or_default();
    models::DecisionExplanation {
        decision_id: denial.decision_id.clone(),
        at: moment(denial.at),
        effect: models::PolicyEffect::Deny,
        code: denial.code.clone(),
        rule: denial.rule.to_string(),
        rule_description: description,
        origin,
        policy_version: judged.map(|judged| judged.decision.version),
        inputs: judged.map(|judged| inputs(&judged.inputs)),
        missing: missing.into_iter().map(str::to_owned).collect(),
        fix: fix(core, judged, rules),
        other: Fields::default(),
    }
}

pub fn kind(kind: PartyKind) -> String {
    kind.name().to_owned()
}

fn rule(denial: &Denial, in_force: &Document) -> (models::RuleOrigin, String) {
    if denial.judged.is_none() {
        return (models::RuleOrigin::Lane, "the lane denied it for a reason of its own".into());
    }
    let name = &*denial.rule;
    if let Some((_, meaning)) = floor_rules().find(|(floor, _)| *floor == name) {
        return (models::RuleOrigin::Floor, meaning.to_owned());
    }
    let written = in_force.rules.iter().find(|rule| rule.id == name);
    let description = match written {
        Some(rule) => rule.description.clone(),
        None => Some("no rule of the document allows it".to_owned()),
    };
    (models::RuleOrigin::Document, description.unwrap_or_else(|| "it has no description".into()))
}

fn inputs(inputs: &Inputs) -> models::DecisionInputs {
    let lane = Operation::find(inputs.operation).map_or("control", |operation| operation.lane);
    let other = inputs.other.as_ref();
    models::DecisionInputs {
        operation: inputs.operation.to_owned(),
        lane: lane.to_owned(),
        caller: kind(inputs.kind),
        plugin_id: inputs.plugin_id.as_deref().map(str::to_owned),
        status: inputs.state.map(status),
        traits: inputs.traits.names(),
        roles: inputs.roles.names(),
        claims_another_identity: inputs.claims_another,
        data: inputs.data.names(),
        purpose: inputs.purpose.name().map(str::to_owned),
        other_plugin_id: other.map(|other| other.plugin_id.to_string()),
        other_status: other.map(|other| status(other.state)),
        other_traits: other.map(|other| other.traits.names()),
        other_needs: other.map(|other| other.needs.names()),
        other_demands: other.map(|other| other.demands.names()),
        destination_baa: inputs.destination.map(|destination| destination.baa),
        other: Fields::default(),
    }
}

/// Tried on the rules in force now, since those are the ones that a change has to satisfy.
fn fix(core: &Core, judged: Option<&Judged>, rules: &Rules) -> models::DecisionFix {
    let none = |note: &str| models::DecisionFix {
        safe: false,
        note: note.to_owned(),
        steps: Vec::new(),
        other: Fields::default(),
    };
    let Some(Judged { inputs, .. }) = judged else {
        return none("none was tried: the lane decided, not the policy");
    };
    if inputs.request().is_some_and(|request| !rules.decide(&request).denies()) {
        return models::DecisionFix { safe: true, ..none("the policy in force allows it now") };
    }
    let Some(steps) = policy::fix(rules, inputs) else {
        return none("none is safe: no right, state or purpose makes it allowed");
    };
    models::DecisionFix {
        safe: true,
        note: "all of the steps together allow it, and nothing smaller does".to_owned(),
        steps: steps.into_iter().map(|found| step(core, inputs, found)).collect(),
        other: Fields::default(),
    }
}

fn step(core: &Core, inputs: &Inputs, Step { change, also_allows }: Step) -> models::FixStep {
    let caller = inputs.plugin_id.as_deref().unwrap_or("caller");
    let other = inputs.other.as_ref().map_or("callee", |other| &other.plugin_id);
    let request = "request";
    let (action, subject, word) = match change {
        Change::State(purpose) => (models::FixAction::StatePurpose, request, purpose.name()),
        Change::LeaveOutIdentity => (models::FixAction::LeaveOutIdentity, request, "identity"),
        Change::LeaveOutData(class) => (models::FixAction::LeaveOutData, request, class.name()),
        Change::GiveRole(role) => (models::FixAction::GiveRole, "caller", role.name()),
        Change::GrantCaller(right) => (grant(core, caller, right), caller, right.name()),
        Change::GrantOther(right) => (grant(core, other, right), other, right.name()),
        Change::ActivateCaller => (models::FixAction::ActivatePlugin, caller, "active"),
        Change::ActivateOther => (models::FixAction::ActivatePlugin, other, "active"),
        Change::MarkBaa => (models::FixAction::MarkBaa, request, "baa"),
    };
    models::FixStep {
        action,
        subject: subject.to_owned(),
        word: word.to_owned(),
        also_allows: also_allows.into_iter().map(str::to_owned).collect(),
        other: Fields::default(),
    }
}

/// What the manifest already asks for only waits to be approved.
fn grant(core: &Core, plugin_id: &str, right: Trait) -> models::FixAction {
    let plugin = core.registry.get(plugin_id);
    match plugin.is_some_and(|plugin| plugin.requested_traits.has(right)) {
        true => models::FixAction::GrantTrait,
        false => models::FixAction::AskTrait,
    }
}
