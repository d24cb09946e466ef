//! Explaining and simulating, and that rules are exchanged as a whole.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::*;

fn rules(rules: serde_json::Value, version: i64) -> Rules {
    Rules::new(&Document::read(json!({ "rules": rules })).expect("a document"), version)
}

fn plugin(state: PluginState, traits: &[Trait]) -> Party<'static> {
    Party::Plugin { plugin_id: "alpha", state, traits: Traits::of(traits) }
}

fn changes(rules: &Rules, request: &Request<'_>) -> Option<Vec<Change>> {
    assert!(rules.decide(request).denies());
    let steps = fix(rules, &Inputs::of(request))?;
    Some(steps.into_iter().map(|step| step.change).collect())
}

#[test]
fn the_smallest_safe_fix_is_found_by_trying() {
    let publish = Operation::find("publish_event").unwrap();
    let active = PluginState::Active;
    let bare = Request::new(publish, plugin(active, &[]));
    let publisher = Change::GrantCaller(Trait::EventPublisher);
    assert_eq!(changes(&BUILT_IN, &bare), Some(vec![publisher]));
    assert_eq!(missing(&Inputs::of(&bare)), ["event_publisher"]);
    let phi = Request { data: DataTraits::of(&[DataTrait::Phi]), ..bare };
    let both = vec![publisher, Change::GrantCaller(Trait::HandlesPhi)];
    assert_eq!(changes(&BUILT_IN, &phi), Some(both));
    assert_eq!(missing(&Inputs::of(&phi)), ["event_publisher", "handles_phi"]);
    let other = Request { claimed: Some("beta"), ..bare };
    assert_eq!(changes(&BUILT_IN, &other), Some(vec![Change::LeaveOutIdentity, publisher]));
    let paused = Request::new(publish, plugin(PluginState::Suspended, &[Trait::EventPublisher]));
    assert_eq!(changes(&BUILT_IN, &paused), Some(vec![Change::ActivateCaller]));
}

#[test]
fn what_no_right_can_open_has_no_fix() {
    let approve = Operation::find("approve_plugin").unwrap();
    let publish = Operation::find("publish_event").unwrap();
    let all: Vec<Trait> = Trait::ALL.to_vec();
    for request in [
        Request::new(approve, plugin(PluginState::Active, &all)),
        Request::new(publish, plugin(PluginState::Revoked, &all)),
        Request::new(publish, Party::Anonymous),
        Request::new(publish, Party::Person { roles: Roles::all() }),
    ] {
        assert_eq!(changes(&BUILT_IN, &request), None, "{request:?}");
    }
    let never = rules(
        json!([
            { "id": GRANTED, "effect": "allow" },
            { "id": "no_events", "effect": "deny", "when": { "operations": ["publish_event"] } },
        ]),
        1,
    );
    assert_eq!(changes(&never, &Request::new(publish, plugin(PluginState::Active, &all))), None);
}

#[test]
fn a_fix_states_a_purpose_before_it_grants_a_right_and_tells_what_else_opens() {
    let demands = rules(
        json!([
            { "id": GRANTED, "effect": "allow" },
            { "id": "care", "effect": "deny",
              "when": { "operations": ["publish_event"], "caller_lacks": ["config_writer"],
                        "purposes_not": ["treatment"] } },
        ]),
        1,
    );
    let publish = Operation::find("publish_event").unwrap();
    let request = Request::new(publish, plugin(PluginState::Active, &[Trait::EventPublisher]));
    let care = Change::State(Purpose::Treatment);
    assert_eq!(changes(&demands, &request), Some(vec![care]));
    let approve = Operation::find("approve_plugin").unwrap();
    let nobody = Request::new(approve, Party::Person { roles: Roles::EMPTY });
    let steps = fix(&BUILT_IN, &Inputs::of(&nobody)).unwrap();
    assert_eq!(steps[0].change, Change::GiveRole(Role::Admin));
    assert!(steps[0].also_allows.contains(&"revoke_plugin"), "{steps:?}");
    assert_eq!(missing(&Inputs::of(&nobody)), ["admin"]);
}

#[test]
fn every_fix_of_every_single_denial_is_allowed() {
    let mut fixed = 0_u32;
    for operation in Operation::all().iter().filter(|one| one.kinds.has(PartyKind::Plugin)) {
        for state in PluginState::ALL {
            for data in data_sets() {
                let request = Request { data, ..Request::new(operation, plugin(state, &[])) };
                if !decide(&request).denies() {
                    continue;
                }
                if matches!(state, PluginState::Revoked | PluginState::Left) {
                    assert_eq!(changes(&BUILT_IN, &request), None);
                } else if data.iter().count() <= 1 {
                    assert!(changes(&BUILT_IN, &request).is_some(), "{request:?}");
                    fixed += 1;
                }
            }
        }
    }
    assert!(fixed > 100);
}

#[test]
fn what_was_recorded_is_decided_again_by_another_document() {
    let policy = Policy::built_in();
    let publish = Operation::find("publish_event").unwrap();
    let caller = plugin(PluginState::Active, &[Trait::EventPublisher, Trait::HandlesPhi]);
    let phi = Request { data: DataTraits::of(&[DataTrait::Phi]), ..Request::new(publish, caller) };
    for _ in 0..5 {
        assert!(policy.decide(&phi).allows());
    }
    assert!(policy.decide(&Request { data: DataTraits::EMPTY, ..phi }).allows());
    assert!(policy.decide(&Request { claimed: Some("beta"), ..phi }).denies());
    let candidate = rules(
        json!([
            { "id": GRANTED, "effect": "allow" },
            { "id": "care", "effect": "deny",
              "when": { "data_has": ["phi"], "purposes_not": ["treatment"] } },
        ]),
        1,
    );
    let simulation = simulate(policy.sample().recorded(), &policy.rules(), &candidate);
    assert_eq!((simulation.shapes, simulation.decisions), (3, 7));
    let [changed] = &simulation.changed[..] else { panic!("{simulation:?}") };
    assert_eq!((changed.count, &*changed.after.rule), (5, "care"));
    assert!(changed.before.allows() && changed.after.denies());
    // The same document changes nothing.
    let same = simulate(policy.sample().recorded(), &policy.rules(), &BUILT_IN);
    assert_eq!(same.changed.len(), 0);
}

#[test]
fn the_sample_is_bounded() {
    let policy = Policy::built_in();
    let publish = Operation::find("publish_event").unwrap();
    for number in 0..3 * PLACES {
        let plugin_id = format!("p{number}");
        let (state, traits) = (PluginState::Active, Traits::EMPTY);
        let caller = Party::Plugin { plugin_id: &plugin_id, state, traits };
        policy.decide(&Request::new(publish, caller));
    }
    let recorded = policy.sample().recorded().len();
    assert!((PLACES / 2..=PLACES).contains(&recorded), "{recorded}");
}

/// Even versions name their rule `even` and deny; odd ones name it `odd` and allow.
fn version(number: i64) -> Rules {
    let rule = match number % 2 {
        0 => json!([{ "id": GRANTED, "effect": "allow" }, { "id": "even", "effect": "deny" }]),
        _ => json!([{ "id": "odd", "effect": "allow" }]),
    };
    rules(rule, number)
}

#[test]
fn a_decision_never_mixes_versions_while_they_are_exchanged() {
    let policy = Policy::new(version(1));
    let done = AtomicBool::new(false);
    let health = Operation::find("get_health").unwrap();
    let request = Request::new(health, Party::Anonymous);
    let decided: Vec<[u64; 2]> = std::thread::scope(|scope| {
        let deciders: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let (mut seen, mut newest) = ([0_u64; 2], 0);
                    while !done.load(Ordering::Relaxed) {
                        let decision = policy.decide(&request);
                        let even = decision.version % 2 == 0;
                        let rule = if even { "even" } else { "odd" };
                        assert_eq!((&*decision.rule, decision.denies()), (rule, even));
                        assert!(decision.version >= newest, "an older version came back");
                        newest = decision.version;
                        seen[usize::from(even)] += 1;
                    }
                    seen
                })
            })
            .collect();
        for number in 2..4_000 {
            policy.exchange(version(number));
            // What is late never replaces what is newer.
            policy.exchange(version(number - 1));
        }
        done.store(true, Ordering::Relaxed);
        deciders.into_iter().map(|decider| decider.join().expect("decides")).collect()
    });
    assert_eq!(policy.rules().version(), 3_999);
    let odd: u64 = decided.iter().map(|seen| seen[0]).sum();
    let even: u64 = decided.iter().map(|seen| seen[1]).sum();
    assert!(odd > 0 && even > 0, "both versions decided: {odd} and {even}");
}
