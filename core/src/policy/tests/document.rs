//! What a document can do on top of the floor, and what it cannot.

use serde_json::json;

use super::*;

fn rules(rules: serde_json::Value) -> Rules {
    let document = Document::read(json!({ "rules": rules })).expect("a document");
    Rules::new(&document, 7)
}

fn subscriber(traits: &[Trait]) -> Party<'static> {
    let traits = Traits::of(traits).with(Trait::EventSubscriber);
    Party::Plugin { plugin_id: "a", state: PluginState::Active, traits }
}

fn delivery(traits: &[Trait], data: &[DataTrait]) -> Request<'static> {
    let data = DataTraits::of(data);
    Request { data, maskable: data, ..Request::new(Operation::delivery(), subscriber(traits)) }
}

const ALLOW: &str = "default.granted";

#[test]
fn a_masking_rule_hands_over_without_the_class_instead_of_withholding() {
    let masks = rules(json!([
        { "id": ALLOW, "effect": "allow" },
        { "id": "mask.phi", "effect": "mask", "classes": ["phi"],
          "when": { "caller_lacks": ["handles_phi"] } },
    ]));
    let phi = DataTraits::of(&[DataTrait::Phi]);
    let lacking = masks.decide(&delivery(&[], &[DataTrait::Phi]));
    assert_eq!((lacking.effect, &*lacking.rule), (Effect::Mask(phi), "mask.phi"));
    assert_eq!(lacking.version, 7);
    assert!(!lacking.allows() && !lacking.denies());
    assert!(masks.decide(&delivery(&[Trait::HandlesPhi], &[DataTrait::Phi])).allows());
    assert!(masks.decide(&delivery(&[], &[])).allows());
    // The rest of the data still needs its right.
    let both = masks.decide(&delivery(&[], &[DataTrait::Phi, DataTrait::Pii]));
    assert_eq!((&*both.rule, both.missing), ("caller.data", Some("handles_pii")));
    // Without such a rule the event is withheld.
    assert_eq!(decide(&delivery(&[], &[DataTrait::Phi])).rule, "caller.data");
}

#[test]
fn what_must_be_masked_and_cannot_be_is_denied() {
    let masks = rules(json!([
        { "id": ALLOW, "effect": "allow" },
        { "id": "no_pii_for_research", "effect": "mask", "classes": ["pii"],
          "when": { "purposes": ["research"] } },
    ]));
    let request = delivery(&[Trait::HandlesPii], &[DataTrait::Pii]);
    assert!(masks.decide(&request).allows());
    let research = Request { purpose: Stated::Purpose(Purpose::Research), ..request };
    let pii = DataTraits::of(&[DataTrait::Pii]);
    assert_eq!(masks.decide(&research).effect, Effect::Mask(pii));
    let whole = masks.decide(&Request { maskable: DataTraits::EMPTY, ..research });
    assert_eq!((whole.effect, &*whole.rule), (Effect::Deny, "no_pii_for_research"));
}

#[test]
fn a_rule_can_demand_a_purpose() {
    let demands = rules(json!([
        { "id": ALLOW, "effect": "allow" },
        { "id": "phi_needs_purpose", "effect": "deny",
          "when": { "data_has": ["phi"], "purposes_not": ["treatment", "emergency"] } },
    ]));
    let request = delivery(&[Trait::HandlesPhi], &[DataTrait::Phi]);
    let silent = demands.decide(&request);
    assert_eq!((silent.code, &*silent.rule), ("purpose_required", "phi_needs_purpose"));
    for (purpose, allowed) in Purpose::ALL.iter().zip([true, false, false, false, false, true]) {
        let stated = Request { purpose: Stated::Purpose(*purpose), ..request };
        assert_eq!(demands.decide(&stated).allows(), allowed, "{purpose:?}");
    }
    let slip = Request { purpose: Stated::parse(Some("tretment")), ..request };
    assert_eq!(demands.decide(&slip).rule, "caller.purpose");
    assert!(demands.decide(&delivery(&[], &[])).allows(), "other data needs no purpose");
}

#[test]
fn while_the_data_is_unknown_it_is_held_against_nobody() {
    let demands = rules(json!([
        { "id": "phi_only", "effect": "allow", "when": { "data_has": ["phi"] } },
        { "id": "no_pii", "effect": "deny", "when": { "data_has": ["pii"] } },
        { "id": "no_research", "effect": "deny", "when": { "purposes": ["research"] } },
    ]));
    let publish = Operation::find("publish_event").unwrap();
    let traits = Traits::all();
    let caller = Party::Plugin { plugin_id: "a", state: PluginState::Active, traits };
    let early = Request { preliminary: true, ..Request::new(publish, caller) };
    assert!(demands.decide(&early).allows());
    let research = Request { purpose: Stated::Purpose(Purpose::Research), ..early };
    assert_eq!(demands.decide(&research).rule, "no_research");
    let late = Request::new(publish, caller);
    let with = |data: &[DataTrait]| {
        demands.decide(&Request { data: DataTraits::of(data), ..late }).rule.to_string()
    };
    assert_eq!(with(&[]), "default.deny");
    assert_eq!(with(&[DataTrait::Phi]), "phi_only");
    assert_eq!(with(&[DataTrait::Phi, DataTrait::Pii]), "no_pii");
}

#[test]
fn no_document_lifts_the_floor() {
    let generous = rules(json!([
        { "id": "everything", "effect": "allow" },
        { "id": "mask.all", "effect": "mask", "classes": ["phi", "pii", "financial", "credentials"] },
    ]));
    let call = Operation::find("call_plugin").unwrap();
    let mut denied = 0_u32;
    for state in PluginState::ALL {
        for data in data_sets() {
            for traits in trait_sets(Trait::RpcCaller) {
                for baa in [false, true] {
                    let caller = Party::Plugin { plugin_id: "a", state, traits };
                    let destination = Some(Destination { baa });
                    let request = Request { data, destination, ..Request::new(call, caller) };
                    if decide(&request).denies() {
                        denied += 1;
                        assert!(generous.decide(&request).denies(), "{request:?}");
                    }
                }
            }
        }
    }
    assert!(denied > 1_000);
}

#[test]
fn an_empty_document_allows_nothing() {
    let nothing = rules(json!([]));
    for operation in Operation::all() {
        for caller in [Party::Anonymous, Party::Person { roles: Roles::all() }, subscriber(&[])] {
            let decision = nothing.decide(&Request::new(operation, caller));
            assert!(decision.denies(), "{} {caller:?}", operation.id);
        }
    }
}
