//! One pure decision for every lane: who asks, on what ground, about whom, with which data.
//!
//! Everything is denied unless a ground in the request allows it, and every forbidding rule is
//! asked before the allowing one. The function knows no store, no clock and no wire format, so it
//! can be tried over its whole space and the answer can be explained by naming one rule.

mod traits;

pub use traits::{DataTrait, DataTraits, Member, Role, Roles, Set, Trait, Traits, parse};

/// What a plugin may do at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PluginState {
    Pending,
    Active,
    Suspended,
    Revoked,
    Left,
}

impl PluginState {
    pub const ALL: [Self; 5] =
        [Self::Pending, Self::Active, Self::Suspended, Self::Revoked, Self::Left];

    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Revoked => "revoked",
            Self::Left => "left",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// One side of a request, as verified by Core.
#[derive(Debug, Clone, Copy)]
pub enum Party<'a> {
    Anonymous,
    Enrollment { plugin_id: &'a str },
    Person { roles: Roles },
    Plugin { plugin_id: &'a str, state: PluginState, traits: Traits },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartyKind {
    Anonymous,
    Enrollment,
    Person,
    Plugin,
}

impl<'a> Party<'a> {
    pub fn kind(&self) -> PartyKind {
        match self {
            Self::Anonymous => PartyKind::Anonymous,
            Self::Enrollment { .. } => PartyKind::Enrollment,
            Self::Person { .. } => PartyKind::Person,
            Self::Plugin { .. } => PartyKind::Plugin,
        }
    }

    fn plugin_id(&self) -> Option<&'a str> {
        match *self {
            Self::Enrollment { plugin_id } | Self::Plugin { plugin_id, .. } => Some(plugin_id),
            Self::Anonymous | Self::Person { .. } => None,
        }
    }

    fn traits(&self) -> Traits {
        match *self {
            Self::Plugin { traits, .. } => traits,
            _ => Traits::EMPTY,
        }
    }

    fn roles(&self) -> Roles {
        match *self {
            Self::Person { roles } => roles,
            _ => Roles::EMPTY,
        }
    }
}

/// On what an operation may be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// Nothing: denied.
    None,
    /// Being of an accepted kind is enough.
    Kind,
    /// A person with one of these roles.
    AnyRole(Roles),
    /// A plugin with all of these traits.
    AllTraits(Traits),
}

/// The plugin at the other end: a callee, or a subscriber at delivery.
#[derive(Debug, Clone, Copy)]
pub struct Other {
    pub state: PluginState,
    pub traits: Traits,
    /// What the other side needs to take part in this lane.
    pub needs: Traits,
    /// What its manifest demands of those who call this operation.
    pub demands: Traits,
}

/// Where data would leave to.
#[derive(Debug, Clone, Copy)]
pub struct Destination {
    /// A business associate agreement covers it (45 CFR 164.504(e)).
    pub baa: bool,
}

#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub caller: Party<'a>,
    /// Kinds of callers the operation accepts.
    pub kinds: &'a [PartyKind],
    pub ground: Ground,
    /// False for the few operations a plugin needs before it is approved, such as its heartbeat.
    pub must_be_active: bool,
    /// The identity the body claims, if it claims one.
    pub claimed: Option<&'a str>,
    /// Classes of data in the request.
    pub data: DataTraits,
    pub other: Option<Other>,
    pub destination: Option<Destination>,
    /// The lane can deliver without the classified parts.
    pub maskable: bool,
}

impl<'a> Request<'a> {
    /// A request with no other side and no classified data.
    pub fn new(caller: Party<'a>, kinds: &'a [PartyKind], ground: Ground) -> Self {
        Self {
            caller,
            kinds,
            ground,
            must_be_active: true,
            claimed: None,
            data: DataTraits::EMPTY,
            other: None,
            destination: None,
            maskable: false,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    Allow,
    Deny,
    /// Allowed without the classified parts.
    Mask,
}

impl Effect {
    pub fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Mask => "mask",
        }
    }
}

/// What was decided and which rule decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    pub effect: Effect,
    pub rule: &'static str,
    /// Code of the problem that tells the caller; empty when allowed.
    pub code: &'static str,
    /// The right whose lack decided, by its name.
    pub missing: Option<&'static str>,
    pub hint: Option<&'static str>,
}

impl Decision {
    pub fn allows(&self) -> bool {
        self.effect == Effect::Allow
    }

    fn allow(rule: &'static str) -> Self {
        Self { effect: Effect::Allow, rule, code: "", missing: None, hint: None }
    }

    fn deny(rule: &'static str, code: &'static str) -> Self {
        Self { effect: Effect::Deny, rule, code, missing: None, hint: None }
    }

    fn missing(self, name: &'static str) -> Self {
        Self { missing: Some(name), ..self }
    }

    fn hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }
}

/// A rule answers a decision when it applies and nothing when it does not.
type Rule = fn(&Request<'_>) -> Option<Decision>;

/// Forbidding rules first, in the order in which a caller wants to hear of them.
const RULES: &[Rule] = &[
    caller_kind,
    claimed_identity,
    caller_state,
    caller_role,
    caller_traits,
    caller_data,
    other_state,
    other_needs,
    other_demands,
    other_data,
    phi_needs_baa,
    granted,
];

/// Decides. The same request always gets the same answer.
pub fn decide(request: &Request<'_>) -> Decision {
    let denied = Decision::deny("default.deny", "forbidden");
    RULES.iter().find_map(|rule| rule(request)).unwrap_or(denied)
}

fn caller_kind(request: &Request<'_>) -> Option<Decision> {
    let accepted = request.kinds.contains(&request.caller.kind());
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
        PluginState::Pending | PluginState::Suspended => !request.must_be_active,
        PluginState::Revoked | PluginState::Left => false,
    };
    (!usable).then(|| Decision::deny("caller.state", "plugin_inactive"))
}

fn caller_role(request: &Request<'_>) -> Option<Decision> {
    let Ground::AnyRole(roles) = request.ground else { return None };
    if !request.caller.roles().intersection(roles).is_empty() {
        return None;
    }
    let denied = Decision::deny("caller.role", "trait_missing");
    Some(roles.iter().next().map_or(denied, |role| denied.missing(role.name())))
}

fn caller_traits(request: &Request<'_>) -> Option<Decision> {
    let Ground::AllTraits(needed) = request.ground else { return None };
    let missing = request.caller.traits().first_missing(needed)?;
    Some(Decision::deny("caller.trait", "trait_missing").missing(missing.name()))
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
    let denied = Decision::deny("callee.trait", "operation_not_granted").missing(missing.name());
    Some(denied.hint("the plugin at the other end lacks this trait"))
}

fn other_demands(request: &Request<'_>) -> Option<Decision> {
    let missing = request.caller.traits().first_missing(request.other?.demands)?;
    Some(Decision::deny("callee.demand", "operation_not_granted").missing(missing.name()))
}

fn other_data(request: &Request<'_>) -> Option<Decision> {
    let missing = request.other?.traits.first_missing(request.data.handlers())?;
    let denied = Decision::deny("callee.data", "data_trait_missing").missing(missing.name());
    if request.maskable {
        return Some(Decision { effect: Effect::Mask, code: "", ..denied });
    }
    Some(denied.hint("the plugin at the other end lacks this trait"))
}

fn phi_needs_baa(request: &Request<'_>) -> Option<Decision> {
    let destination = request.destination?;
    (request.data.has(DataTrait::Phi) && !destination.baa).then(|| {
        Decision::deny("egress.phi_needs_baa", "egress_denied")
            .hint("PHI goes only to an entry of allowed_domains that is marked with baa")
    })
}

/// Reached only when nothing forbids; still there must be a ground.
fn granted(request: &Request<'_>) -> Option<Decision> {
    let held = match request.ground {
        Ground::None => false,
        Ground::Kind => true,
        Ground::AnyRole(roles) => !roles.is_empty(),
        Ground::AllTraits(traits) => !traits.is_empty(),
    };
    held.then(|| Decision::allow("default.granted"))
}

#[cfg(test)]
mod tests;
