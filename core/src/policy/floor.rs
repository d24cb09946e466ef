//! The floor: what is forbidden whatever any document says.
//!
//! A policy document is put on top of it and can only take away. The rules are plain functions in
//! the order in which a caller wants to hear of them.

use super::decision::Decision;
use super::request::{Ground, Party, PluginState, Request, Stated};
use super::traits::{DataTrait, Member};

/// A rule answers a denial when it applies and nothing when it does not.
type Rule = fn(&Request<'_>) -> Option<Decision>;

/// Name, meaning, rule.
const RULES: &[(&str, &str, Rule)] = &[
    ("caller.kind", "the operation is for another kind of caller", caller_kind),
    ("caller.identity", "a body names nobody but its caller", claimed_identity),
    ("caller.state", "only a plugin in the right state may act", caller_state),
    ("caller.role", "a person needs one of the roles the operation names", caller_role),
    ("caller.trait", "a plugin needs every trait the operation names", caller_traits),
    ("caller.purpose", "a purpose of use is a word of the vocabulary", caller_purpose),
    ("caller.data", "a plugin handles only classes it has the trait for", caller_data),
    ("callee.state", "the plugin at the other end must be active", other_state),
    ("callee.trait", "the plugin at the other end needs the trait of the lane", other_needs),
    ("callee.demand", "a callee may demand traits of its callers", other_demands),
    ("callee.data", "data goes only to a plugin that may handle its class", other_data),
    ("egress.phi_needs_baa", "PHI leaves only under a business associate agreement", phi_needs_baa),
];

/// The first rule that forbids this, whatever the document says.
pub(super) fn forbids(request: &Request<'_>) -> Option<Decision> {
    RULES.iter().find_map(|(_, _, rule)| rule(request))
}

/// Names and meanings of all rules.
pub fn floor_rules() -> impl Iterator<Item = (&'static str, &'static str)> {
    RULES.iter().map(|(name, meaning, _)| (*name, *meaning))
}

/// Whether the operation gives this caller any ground to stand on.
pub(super) fn has_ground(request: &Request<'_>) -> bool {
    match request.operation.ground {
        Ground::None => false,
        Ground::Kind => true,
        Ground::AnyRole(roles) => !roles.is_empty(),
        Ground::AllTraits(traits) => !traits.is_empty(),
    }
}

fn caller_kind(request: &Request<'_>) -> Option<Decision> {
    let accepted = request.operation.kinds.has(request.caller.kind());
    (!accepted).then(|| Decision::deny("caller.kind", "wrong_principal"))
}

fn claimed_identity(request: &Request<'_>) -> Option<Decision> {
    let claimed = request.claimed?;
    let own = request.caller.plugin_id() == Some(claimed);
    (!own).then(|| Decision::deny("caller.identity", "identity_mismatch"))
}

fn caller_state(request: &Request<'_>) -> Option<Decision> {
    let Party::Plugin { state, .. } = request.caller else { return None };
    let usable = match state {
        PluginState::Active => true,
        PluginState::Draining => !request.operation.brings_work,
        PluginState::Pending | PluginState::Suspended => !request.operation.must_be_active,
        PluginState::Revoked | PluginState::Left => false,
    };
    (!usable).then(|| Decision::deny("caller.state", "plugin_inactive"))
}

fn caller_role(request: &Request<'_>) -> Option<Decision> {
    let Ground::AnyRole(roles) = request.operation.ground else { return None };
    if !request.caller.roles().intersection(roles).is_empty() {
        return None;
    }
    let denied = Decision::deny("caller.role", "trait_missing");
    Some(roles.iter().next().map_or(denied.clone(), |role| denied.missing(role.name())))
}

fn caller_traits(request: &Request<'_>) -> Option<Decision> {
    let Ground::AllTraits(needed) = request.operation.ground else { return None };
    let missing = request.caller.traits().first_missing(needed)?;
    Some(Decision::deny("caller.trait", "trait_missing").missing(missing.name()))
}

fn caller_purpose(request: &Request<'_>) -> Option<Decision> {
    (request.purpose == Stated::Unknown)
        .then(|| Decision::deny("caller.purpose", "purpose_required"))
}

/// People hold no handling traits; operations that show them classified data name a role.
fn caller_data(request: &Request<'_>) -> Option<Decision> {
    let Party::Plugin { traits, .. } = request.caller else { return None };
    let missing = traits.first_missing(request.data.handlers())?;
    Some(Decision::deny("caller.data", "data_trait_missing").missing(missing.name()))
}

fn other_state(request: &Request<'_>) -> Option<Decision> {
    let other = request.other?;
    (other.state != PluginState::Active)
        .then(|| Decision::deny("callee.state", "callee_unavailable"))
}

fn other_needs(request: &Request<'_>) -> Option<Decision> {
    let other = request.other?;
    let missing = other.traits.first_missing(other.needs)?;
    let denied = Decision::deny("callee.trait", "operation_not_granted");
    Some(denied.missing(missing.name()).hint(OTHER_LACKS))
}

fn other_demands(request: &Request<'_>) -> Option<Decision> {
    let missing = request.caller.traits().first_missing(request.other?.demands)?;
    let denied = Decision::deny("callee.demand", "operation_not_granted");
    Some(denied.missing(missing.name()))
}

fn other_data(request: &Request<'_>) -> Option<Decision> {
    let missing = request.other?.traits.first_missing(request.data.handlers())?;
    let denied = Decision::deny("callee.data", "data_trait_missing");
    Some(denied.missing(missing.name()).hint(OTHER_LACKS))
}

const OTHER_LACKS: &str = "the plugin at the other end lacks this trait";

fn phi_needs_baa(request: &Request<'_>) -> Option<Decision> {
    let destination = request.destination?;
    (request.data.has(DataTrait::Phi) && !destination.baa).then(|| {
        Decision::deny("egress.phi_needs_baa", "egress_denied")
            .hint("PHI goes only to an entry of allowed_domains that is marked with baa")
    })
}
