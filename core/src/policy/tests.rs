//! The whole space is small enough to try: every state, every set of traits that matters, every
//! set of data, on both sides, against a second statement of the rules written as one sentence.

use std::sync::LazyLock;

use super::*;

mod checks;
mod document;
mod states;
mod tried;

const PLUGIN: &[PartyKind] = &[PartyKind::Plugin];
const PERSON: &[PartyKind] = &[PartyKind::Person];

static BUILT_IN: LazyLock<Rules> = LazyLock::new(|| Rules::new(&Document::built_in(), 0));

fn decide(request: &Request<'_>) -> Decision {
    BUILT_IN.decide(request)
}

/// An operation that no contract has, for callers of these kinds on this ground.
fn operation(kinds: &[PartyKind], ground: Ground) -> &'static Operation {
    Box::leak(Box::new(Operation {
        id: "tried_operation",
        lane: "control",
        kinds: Kinds::of(kinds),
        ground,
        must_be_active: true,
        brings_work: false,
        decided_again: false,
        tells_data: true,
        tells_other: true,
        place: Operation::delivery().place,
    }))
}

fn data_sets() -> Vec<DataTraits> {
    (0..16_u32)
        .map(|bits| {
            let chosen = DataTrait::ALL.iter().enumerate();
            chosen.filter(|(place, _)| bits & (1 << place) != 0).map(|(_, data)| *data).collect()
        })
        .collect()
}

/// Every set of handling traits, each with and without the trait of the lane.
fn trait_sets(lane: Trait) -> Vec<Traits> {
    let handling = data_sets().into_iter().map(DataTraits::handlers);
    handling.flat_map(|traits| [traits, traits.with(lane)]).collect()
}

#[test]
fn a_call_is_allowed_exactly_when_both_sides_have_everything() {
    let mut allowed = 0_u32;
    let mut tried = 0_u32;
    let ground = Ground::AllTraits(Traits::of(&[Trait::RpcCaller]));
    let operation = operation(PLUGIN, ground);
    for state in PluginState::ALL {
        for other_state in PluginState::ALL {
            for traits in trait_sets(Trait::RpcCaller) {
                for other_traits in trait_sets(Trait::RpcProvider) {
                    for data in data_sets() {
                        let request = Request {
                            data,
                            other: Some(Other {
                                plugin_id: "b",
                                state: other_state,
                                traits: other_traits,
                                needs: Traits::of(&[Trait::RpcProvider]),
                                demands: Traits::EMPTY,
                            }),
                            ..Request::new(
                                operation,
                                Party::Plugin { plugin_id: "a", state, traits },
                            )
                        };
                        let expected = matches!(state, PluginState::Active | PluginState::Draining)
                            && other_state == PluginState::Active
                            && traits.has(Trait::RpcCaller)
                            && other_traits.has(Trait::RpcProvider)
                            && traits.covers(data.handlers())
                            && other_traits.covers(data.handlers());
                        let decision = decide(&request);
                        assert_eq!(decision.allows(), expected, "{request:?} gave {decision:?}");
                        assert_eq!(decision.code.is_empty(), expected);
                        allowed += u32::from(expected);
                        tried += 1;
                    }
                }
            }
        }
    }
    assert_eq!(tried, 36 * 32 * 32 * 16);
    // The sum over data sets of 2^(4 - n) squared: both sides choose freely among the rest.
    // A draining caller may finish what it has begun.
    assert_eq!(allowed, 2 * (256 + 4 * 64 + 6 * 16 + 4 * 4 + 1));
}

#[test]
fn more_rights_never_deny_what_fewer_allowed() {
    let all: Vec<Traits> = (0..4096_u32)
        .map(|bits| {
            let chosen = Trait::ALL.iter().enumerate();
            chosen.filter(|(place, _)| bits & (1 << place) != 0).map(|(_, name)| *name).collect()
        })
        .collect();
    let ground = Ground::AllTraits(Traits::of(&[Trait::EventPublisher]));
    let operation = operation(PLUGIN, ground);
    let allows = |traits: Traits, data: DataTraits| {
        let caller = Party::Plugin { plugin_id: "a", state: PluginState::Active, traits };
        decide(&Request { data, ..Request::new(operation, caller) }).allows()
    };
    for traits in all {
        for data in data_sets() {
            if allows(traits, data) {
                for more in Trait::ALL {
                    assert!(allows(traits.with(*more), data), "{traits:?} and {more:?}");
                }
            }
        }
    }
}

#[test]
fn roles_and_traits_do_not_stand_in_for_each_other() {
    let everything: Traits = Trait::ALL.iter().copied().collect();
    let plugin = Party::Plugin { plugin_id: "a", state: PluginState::Active, traits: everything };
    let admin = Party::Person { roles: Role::ALL.iter().copied().collect() };
    let admin_only = Ground::AnyRole(Roles::of(&[Role::Admin]));
    let publisher = Ground::AllTraits(Traits::of(&[Trait::EventPublisher]));
    assert_eq!(
        decide(&Request::new(operation(PERSON, admin_only), plugin)).code,
        "wrong_principal"
    );
    assert_eq!(decide(&Request::new(operation(PLUGIN, publisher), admin)).code, "wrong_principal");
    // Even where the kind were accepted, the other vocabulary grants nothing.
    assert_eq!(decide(&Request::new(operation(PLUGIN, admin_only), plugin)).rule, "caller.role");
    assert_eq!(decide(&Request::new(operation(PERSON, publisher), admin)).rule, "caller.trait");
    assert!(decide(&Request::new(operation(PERSON, admin_only), admin)).allows());
}

#[test]
fn without_a_ground_everything_is_denied() {
    let everything: Traits = Trait::ALL.iter().copied().collect();
    let parties = [
        Party::Anonymous,
        Party::Enrollment { plugin_id: "a" },
        Party::Person { roles: Role::ALL.iter().copied().collect() },
        Party::Plugin { plugin_id: "a", state: PluginState::Active, traits: everything },
    ];
    let kinds = [PartyKind::Anonymous, PartyKind::Enrollment, PartyKind::Person, PartyKind::Plugin];
    let empty = [Ground::None, Ground::AnyRole(Roles::EMPTY), Ground::AllTraits(Traits::EMPTY)];
    for party in parties {
        assert_eq!(decide(&Request::new(operation(&[], Ground::Kind), party)).rule, "caller.kind");
        for ground in empty {
            let decision = decide(&Request::new(operation(&kinds, ground), party));
            assert_eq!(decision.effect, Effect::Deny, "{party:?} {ground:?}");
        }
    }
    let default = decide(&Request::new(operation(&kinds, Ground::None), parties[3]));
    assert_eq!((&*default.rule, default.code), ("default.deny", "forbidden"));
}

#[test]
fn the_body_cannot_name_another_identity() {
    let traits = Traits::of(&[Trait::EventPublisher]);
    let caller = Party::Plugin { plugin_id: "alpha", state: PluginState::Active, traits };
    let operation = operation(PLUGIN, Ground::AllTraits(traits));
    let request = Request::new(operation, caller);
    for (claimed, code) in [
        (None, ""),
        (Some("alpha"), ""),
        (Some("Alpha"), "identity_mismatch"),
        (Some("alpha "), "identity_mismatch"),
        (Some("beta"), "identity_mismatch"),
        (Some(""), "identity_mismatch"),
    ] {
        assert_eq!(decide(&Request { claimed, ..request }).code, code, "{claimed:?}");
    }
}

#[test]
fn a_waiting_plugin_may_renew_and_nothing_else() {
    for state in PluginState::ALL {
        let caller = Party::Plugin { plugin_id: "a", state, traits: Traits::EMPTY };
        let request = Request::new(operation(PLUGIN, Ground::Kind), caller);
        let beat = Operation::find("send_heartbeat").unwrap();
        let renews = decide(&Request { operation: beat, ..request }).allows();
        let gone = matches!(state, PluginState::Revoked | PluginState::Left);
        assert_eq!(renews, !gone, "{state:?}");
        let acts = matches!(state, PluginState::Active | PluginState::Draining);
        assert_eq!(decide(&request).allows(), acts, "{state:?}");
    }
}

#[test]
fn phi_leaves_only_under_an_agreement() {
    let traits = Traits::of(&[Trait::ExternalCaller, Trait::HandlesPhi, Trait::HandlesPii]);
    let caller = Party::Plugin { plugin_id: "a", state: PluginState::Active, traits };
    let ground = Ground::AllTraits(Traits::of(&[Trait::ExternalCaller]));
    for (data, baa, allowed) in [
        (DataTrait::Phi, true, true),
        (DataTrait::Phi, false, false),
        (DataTrait::Pii, false, true),
        (DataTrait::Financial, true, false),
    ] {
        let request = Request {
            data: DataTraits::of(&[data]),
            destination: Some(Destination { baa }),
            ..Request::new(operation(PLUGIN, ground), caller)
        };
        assert_eq!(decide(&request).allows(), allowed, "{data:?} {baa}");
    }
}

#[test]
fn a_callee_can_demand_traits_and_must_handle_the_data() {
    let caller_traits = Traits::of(&[Trait::RpcCaller, Trait::HandlesPii]);
    let caller =
        Party::Plugin { plugin_id: "a", state: PluginState::Active, traits: caller_traits };
    let other = Other {
        plugin_id: "b",
        state: PluginState::Active,
        traits: Traits::of(&[Trait::RpcProvider]),
        needs: Traits::of(&[Trait::RpcProvider]),
        demands: Traits::of(&[Trait::StorageUser]),
    };
    let ground = Ground::AllTraits(Traits::of(&[Trait::RpcCaller]));
    let request = Request { other: Some(other), ..Request::new(operation(PLUGIN, ground), caller) };
    let decision = decide(&request);
    assert_eq!((&*decision.rule, decision.missing), ("callee.demand", Some("storage_user")));

    let other = Other { demands: Traits::EMPTY, ..other };
    let data = DataTraits::of(&[DataTrait::Pii]);
    let decision = decide(&Request { other: Some(other), data, ..request });
    assert_eq!((&*decision.rule, decision.missing), ("callee.data", Some("handles_pii")));
}

#[test]
fn the_vocabulary_is_that_of_the_manifest_schema() {
    let schema: serde_json::Value =
        serde_json::from_str(include_str!("../../../spec/manifest.schema.json")).unwrap();
    let words = |name: &str| -> Vec<String> {
        serde_json::from_value(schema["$defs"][name]["enum"].clone()).unwrap()
    };
    let names = |all: Vec<&str>| all.into_iter().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words("Trait"), names(Trait::ALL.iter().map(|word| word.name()).collect()));
    assert_eq!(words("DataTrait"), names(DataTrait::ALL.iter().map(|word| word.name()).collect()));
    for role in Role::ALL {
        assert_eq!(parse::<Trait>(role.name()), None, "a role of people is no trait of plugins");
    }
    assert_eq!(parse::<Trait>("Event_Publisher"), None);
}
