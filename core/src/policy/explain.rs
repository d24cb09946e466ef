//! Why something was denied and the least that would allow it, found by trying.
//!
//! A change is tried on what was decided about and decided again by the rules in force: first
//! each change alone, then two together, and so on. Changes that give away less come first, so
//! the first set that is allowed is the smallest and the mildest. Nothing that the floor holds
//! against the caller for good, such as being of another kind or revoked, has a change at all.

use super::Member;
use super::inputs::Inputs;
use super::operation::Operation;
use super::request::{Destination, Ground, PluginState, Request, Stated};
use super::rules::Rules;
use super::traits::{DataTrait, PartyKind, Purpose, Role, Trait, Traits};

/// Most changes together that are tried.
const LARGEST_FIX: usize = 4;
/// The one operation whose caller chooses what data it sends.
const FREE_DATA: &str = "call_external";

/// One change to a request or to the rights of those it is between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    State(Purpose),
    LeaveOutIdentity,
    GiveRole(Role),
    GrantCaller(Trait),
    GrantOther(Trait),
    LeaveOutData(DataTrait),
    ActivateCaller,
    ActivateOther,
    MarkBaa,
}

/// A change and what else it would open to the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub change: Change,
    pub also_allows: Vec<&'static str>,
}

/// The smallest safe fix; none when nothing that was tried is allowed.
pub fn fix(rules: &Rules, denied: &Inputs) -> Option<Vec<Step>> {
    let candidates = candidates(denied);
    let chosen = (1..=LARGEST_FIX).find_map(|size| {
        let mut chosen = Vec::with_capacity(size);
        search(rules, denied, &candidates, size, &mut chosen).then_some(chosen)
    })?;
    let step = |change| Step { change, also_allows: also_allows(rules, denied, change) };
    Some(chosen.into_iter().map(step).collect())
}

/// Rights that the operation, the data or the callee ask for and that were not there.
pub fn missing(denied: &Inputs) -> Vec<&'static str> {
    let Some(operation) = Operation::find(denied.operation) else { return Vec::new() };
    if let Ground::AnyRole(roles) = operation.ground {
        let lacks = roles.intersection(denied.roles).is_empty();
        return roles.iter().filter(|_| lacks).map(Member::name).collect();
    }
    let needed = match operation.ground {
        Ground::AllTraits(traits) => traits,
        _ => Traits::EMPTY,
    };
    let handlers = denied.data.without(denied.maskable).handlers();
    let other = denied.other.as_ref();
    let demands = other.map_or(Traits::EMPTY, |other| other.demands);
    let plugin = denied.kind == PartyKind::Plugin;
    let own = needed.union(handlers).union(demands).without(denied.traits);
    let others =
        other.map_or(Traits::EMPTY, |other| other.needs.union(handlers).without(other.traits));
    own.union(others).iter().filter(|_| plugin).map(Member::name).collect()
}

/// Every change worth a try, the mildest first.
fn candidates(denied: &Inputs) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    let stated = |purpose: &Purpose| denied.purpose != Stated::Purpose(*purpose);
    changes.extend(Purpose::ALL.iter().copied().filter(stated).map(Change::State));
    changes.extend(denied.claims_another.then_some(Change::LeaveOutIdentity));
    match denied.kind {
        PartyKind::Person => {
            let mildest = [Role::Viewer, Role::Auditor, Role::Operator, Role::Admin];
            let lacks = |role: &Role| !denied.roles.has(*role);
            changes.extend(mildest.into_iter().filter(lacks).map(Change::GiveRole));
        }
        PartyKind::Plugin => {
            if denied.operation == FREE_DATA {
                changes.extend(denied.data.iter().map(Change::LeaveOutData));
            }
            let lacks = Traits::all().without(denied.traits);
            changes.extend(lacks.iter().map(Change::GrantCaller));
            changes.extend(is_waiting(denied.state).then_some(Change::ActivateCaller));
        }
        PartyKind::Anonymous | PartyKind::Enrollment => {}
    }
    if let Some(other) = &denied.other {
        let lacks = Traits::all().without(other.traits);
        changes.extend(lacks.iter().map(Change::GrantOther));
        changes.extend(is_waiting(Some(other.state)).then_some(Change::ActivateOther));
    }
    let uncovered = denied.destination.is_some_and(|destination| !destination.baa);
    changes.extend(uncovered.then_some(Change::MarkBaa));
    changes
}

/// In a state that an administrator can end without an enrolment.
fn is_waiting(state: Option<PluginState>) -> bool {
    matches!(state, Some(PluginState::Pending | PluginState::Suspended | PluginState::Draining))
}

/// Adds to `chosen` until it has `size` changes that are allowed together.
fn search(
    rules: &Rules,
    inputs: &Inputs,
    candidates: &[Change],
    size: usize,
    chosen: &mut Vec<Change>,
) -> bool {
    if size == 0 {
        return inputs.request().is_some_and(|request| rules.decide(&request).allows());
    }
    candidates.iter().enumerate().any(|(index, change)| {
        chosen.push(*change);
        let found = search(rules, &change.on(inputs), &candidates[index + 1..], size - 1, chosen);
        if !found {
            chosen.pop();
        }
        found
    })
}

impl Change {
    fn on(self, inputs: &Inputs) -> Inputs {
        let mut changed = inputs.clone();
        match self {
            Self::State(purpose) => changed.purpose = Stated::Purpose(purpose),
            Self::LeaveOutIdentity => changed.claims_another = false,
            Self::GiveRole(role) => changed.roles = changed.roles.with(role),
            Self::GrantCaller(right) => changed.traits = changed.traits.with(right),
            Self::LeaveOutData(class) => {
                changed.data = changed.data.without(super::Set::of(&[class]));
            }
            Self::ActivateCaller => changed.state = Some(PluginState::Active),
            Self::MarkBaa => changed.destination = Some(Destination { baa: true }),
            Self::GrantOther(right) => {
                if let Some(other) = &mut changed.other {
                    other.traits = other.traits.with(right);
                }
            }
            Self::ActivateOther => {
                if let Some(other) = &mut changed.other {
                    other.state = PluginState::Active;
                }
            }
        }
        changed
    }
}

/// Other operations the caller could use after the change and could not before.
fn also_allows(rules: &Rules, before: &Inputs, change: Change) -> Vec<&'static str> {
    let after = change.on(before);
    let (Some(before), Some(after)) = (before.request(), after.request()) else {
        return Vec::new();
    };
    let bare = |request: &Request<'_>, operation| {
        let plain = Request { purpose: request.purpose, ..Request::new(operation, request.caller) };
        rules.decide(&plain).allows()
    };
    let other = Operation::all().iter().filter(|other| other.id != before.operation.id);
    let opened = other.filter(|other| bare(&after, other) && !bare(&before, other));
    opened.map(|operation| operation.id).collect()
}
