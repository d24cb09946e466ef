//! State by operation: what a plugin in each state may ask for, over the whole contract.

use super::*;

/// What a plugin may do that is neither active nor gone.
const LIFE_CYCLE: [&str; 3] = ["register_plugin", "send_heartbeat", "deregister_plugin"];

#[test]
fn every_state_meets_every_operation() {
    let mut rows = 0_u32;
    let mut allowed = std::collections::BTreeMap::<&str, u32>::new();
    for operation in Operation::all() {
        for state in PluginState::ALL {
            let caller = Party::Plugin { plugin_id: "a", state, traits: Traits::all() };
            let expected = operation.kinds.has(PartyKind::Plugin)
                && match state {
                    PluginState::Active => true,
                    PluginState::Draining => operation.id != DELIVERY,
                    PluginState::Pending | PluginState::Suspended => {
                        LIFE_CYCLE.contains(&operation.id)
                    }
                    PluginState::Revoked | PluginState::Left => false,
                };
            let decision = decide(&Request::new(operation, caller));
            assert_eq!(decision.allows(), expected, "{} while {state:?}", operation.id);
            *allowed.entry(state.name()).or_default() += u32::from(expected);
            rows += 1;
        }
    }
    assert_eq!(rows as usize, Operation::all().len() * PluginState::ALL.len());
    assert_eq!((allowed["suspended"], allowed["revoked"], allowed["left"]), (3, 0, 0));
    assert_eq!(allowed["draining"] + 1, allowed["active"]);
    assert!(allowed["active"] > 20);
}

#[test]
fn a_callee_works_only_while_it_is_active() {
    let call = Operation::find("call_plugin").unwrap();
    let traits = Traits::all();
    let caller = Party::Plugin { plugin_id: "a", state: PluginState::Active, traits };
    for state in PluginState::ALL {
        let other = Other { plugin_id: "b", state, traits, needs: traits, demands: traits };
        let decision = decide(&Request { other: Some(other), ..Request::new(call, caller) });
        assert_eq!(decision.allows(), state == PluginState::Active, "{state:?}");
    }
}

/// Nobody outside its own kind gets anything, with every right there is.
#[test]
fn every_operation_is_for_the_callers_it_names() {
    let parties = [
        Party::Anonymous,
        Party::Enrollment { plugin_id: "a" },
        Party::Person { roles: Roles::all() },
        Party::Plugin { plugin_id: "a", state: PluginState::Active, traits: Traits::all() },
    ];
    for operation in Operation::all() {
        assert!(!operation.kinds.is_empty(), "{} is for nobody", operation.id);
        for party in parties {
            let expected = operation.kinds.has(party.kind());
            let decision = decide(&Request::new(operation, party));
            assert_eq!(decision.allows(), expected, "{} for {party:?}", operation.id);
        }
    }
}
