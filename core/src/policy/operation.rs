//! What the contract says of an operation, in the words of the policy.
//!
//! Who may call is written once, in the contract, and read here once. An operation that names a
//! scheme or a trait that Core has never heard of has no ground at all.

use std::collections::HashMap;
use std::sync::LazyLock;

use vivified_contract::operations::OPERATIONS;
use vivified_contract::runtime::OperationInfo;

use super::request::Ground;
use super::traits::{Kinds, PartyKind, Roles, Trait, Traits};

/// Handing one event to one subscriber. No route has this name: the event lane asks for it each
/// time it is about to deliver, by whatever route.
pub const DELIVERY: &str = "deliver_event";
/// Operations a plugin needs before it is approved and while it is paused.
const LIFE_CYCLE: [&str; 3] = ["register_plugin", "send_heartbeat", "deregister_plugin"];
/// Operations whose lane decides again when it has read the body.
const DECIDED_AGAIN: [&str; 3] = ["publish_event", "call_plugin", "call_external"];
/// The operation with a plugin at its other end.
const CALL: &str = "call_plugin";

#[derive(Debug, PartialEq, Eq)]
pub struct Operation {
    pub id: &'static str,
    pub lane: &'static str,
    /// Kinds of callers it accepts.
    pub kinds: Kinds,
    pub ground: Ground,
    /// False for the few operations a plugin needs before it is approved, such as its heartbeat.
    pub must_be_active: bool,
    /// The caller gets new work by it, which a plugin that drains does not.
    pub brings_work: bool,
    pub decided_again: bool,
    /// A decision on it can know classes of data.
    pub tells_data: bool,
    /// A decision on it can know the plugin at the other end.
    pub tells_other: bool,
    /// Place in [`Operation::all`].
    pub(super) place: usize,
}

struct Table {
    operations: Vec<Operation>,
    places: HashMap<&'static str, usize>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let known = OPERATIONS.iter().enumerate().map(|(place, info)| read(place, info));
    let operations: Vec<Operation> = known.chain([delivery(OPERATIONS.len())]).collect();
    let places = operations.iter().map(|operation| (operation.id, operation.place)).collect();
    Table { operations, places }
});

impl Operation {
    /// Every operation of the contract and the delivery of events.
    pub fn all() -> &'static [Self] {
        &TABLE.operations
    }

    pub fn find(id: &str) -> Option<&'static Self> {
        let place = *TABLE.places.get(id)?;
        TABLE.operations.get(place)
    }

    pub fn of(info: &OperationInfo) -> &'static Self {
        Self::find(info.id).expect("the table was made from the same contract")
    }

    pub fn delivery() -> &'static Self {
        &TABLE.operations[OPERATIONS.len()]
    }
}

fn read(place: usize, info: &'static OperationInfo) -> Operation {
    let kinds = kinds(info);
    Operation {
        id: info.id,
        lane: info.lane.unwrap_or("control"),
        kinds,
        ground: ground(info, kinds),
        must_be_active: !LIFE_CYCLE.contains(&info.id),
        brings_work: false,
        decided_again: DECIDED_AGAIN.contains(&info.id),
        tells_data: DECIDED_AGAIN.contains(&info.id),
        tells_other: info.id == CALL,
        place,
    }
}

fn delivery(place: usize) -> Operation {
    Operation {
        id: DELIVERY,
        lane: "canonical",
        kinds: Kinds::of(&[PartyKind::Plugin]),
        ground: Ground::AllTraits(Traits::of(&[Trait::EventSubscriber])),
        must_be_active: true,
        brings_work: true,
        decided_again: false,
        tells_data: true,
        tells_other: false,
        place,
    }
}

fn kinds(info: &OperationInfo) -> Kinds {
    if info.is_anonymous() {
        return Kinds::of(&[PartyKind::Anonymous]);
    }
    let schemes = info.security.iter().filter(|requirement| requirement.schemes.len() == 1);
    schemes
        .filter_map(|requirement| match requirement.schemes[0].name {
            "sessionToken" => Some(PartyKind::Person),
            "pluginToken" => Some(PartyKind::Plugin),
            "enrollmentToken" => Some(PartyKind::Enrollment),
            _ => None,
        })
        .collect()
}

/// People need one of the named roles, plugins all of the named traits. One word that is in
/// neither vocabulary leaves no ground at all.
fn ground(info: &OperationInfo, kinds: Kinds) -> Ground {
    let names = info.required_traits;
    if names.is_empty() {
        return Ground::Kind;
    }
    let roles = Roles::parse(names.iter().copied());
    let traits = Traits::parse(names.iter().copied());
    if kinds == Kinds::of(&[PartyKind::Person]) && roles.iter().count() == names.len() {
        Ground::AnyRole(roles)
    } else if kinds == Kinds::of(&[PartyKind::Plugin]) && traits.iter().count() == names.len() {
        Ground::AllTraits(traits)
    } else {
        Ground::None
    }
}
