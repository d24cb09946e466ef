//! Which documents are refused, and that all that is wrong is told at once.

use serde_json::json;

use super::*;

fn document(rules: serde_json::Value) -> Document {
    Document::read(json!({ "rules": rules })).expect("a document")
}

/// Kind and place of each finding.
fn found(rules: serde_json::Value) -> Vec<(String, String)> {
    let findings = document(rules).findings();
    findings.into_iter().map(|finding| (finding.rule, finding.path)).collect()
}

fn is(found: &[(String, String)], expected: &[(&str, &str)]) {
    let found: Vec<(&str, &str)> =
        found.iter().map(|(rule, path)| (rule.as_str(), path.as_str())).collect();
    assert_eq!(found, expected);
}

#[test]
fn the_built_in_document_and_sensible_ones_pass() {
    assert_eq!(Document::built_in().findings(), []);
    let sensible = json!([
        { "id": GRANTED, "effect": "allow" },
        { "id": "mask.phi", "effect": "mask", "classes": ["phi"],
          "when": { "caller_lacks": ["handles_phi"] } },
        { "id": "purpose", "effect": "deny",
          "when": { "data_has": ["phi"], "purposes_not": ["treatment", "payment"] } },
        { "id": "no_money_to_writers", "effect": "deny",
          "when": { "operations": ["call_plugin"], "other_has": ["config_writer"],
                    "data_has": ["financial"] } },
        { "id": "operators_do_not_suspend", "effect": "deny",
          "when": { "operations": ["suspend_plugin"], "caller_lacks": ["admin"] } },
        { "id": "no_egress_for_research", "effect": "deny",
          "when": { "lanes": ["proxy"], "purposes": ["research"] } },
    ]);
    is(&found(sensible), &[]);
}

#[test]
fn all_faults_are_told_at_once_with_the_nearest_word() {
    let faults = json!([
        { "id": "a", "effect": "deny", "when": { "caller_has": ["handles_phy"] } },
        { "id": "a", "effect": "deny", "when": { "lanes": ["canonicle"] } },
        { "id": "caller.trait", "effect": "allow" },
        { "id": "b", "effect": "allow",
          "when": { "operations": ["publish_evnt"], "data_has": ["fhi"], "purposes": ["fun"] } },
        { "id": "c", "effect": "mask" },
        { "id": "d", "effect": "mask", "classes": ["phi"],
          "when": { "operations": ["call_plugin"] } },
    ]);
    is(
        &found(faults.clone()),
        &[
            ("unknown-trait", "/rules/0/when/caller_has/0"),
            ("repeated-id", "/rules/1/id"),
            ("unknown-lane", "/rules/1/when/lanes/0"),
            ("reserved-id", "/rules/2/id"),
            ("unknown-operation", "/rules/3/when/operations/0"),
            ("unknown-class", "/rules/3/when/data_has/0"),
            ("unknown-purpose", "/rules/3/when/purposes/0"),
            ("mask-classes", "/rules/4/classes"),
            ("mask-place", "/rules/5/when/operations"),
        ],
    );
    let findings = document(faults).findings();
    assert!(findings[0].hint.contains("handles_phi"), "{:?}", findings[0]);
    assert!(findings[4].hint.contains("publish_event"), "{:?}", findings[4]);
}

#[test]
fn a_rule_that_would_allow_what_the_floor_forbids_is_refused() {
    for (when, place) in [
        // Persons approve plugins, plugins do not.
        (json!({ "operations": ["approve_plugin"], "callers": ["plugin"] }), "/rules/1"),
        (
            json!({ "caller_lacks": ["event_publisher"], "operations": ["publish_event"] }),
            "/rules/1",
        ),
        (json!({ "data_has": ["phi"], "caller_lacks": ["handles_phi"] }), "/rules/1"),
        (json!({ "data_has": ["pii"], "other_lacks": ["handles_pii"] }), "/rules/1"),
        (
            json!({ "operations": ["get_config", "revoke_plugin"], "callers": ["plugin"] }),
            "/rules/1/when/operations/1",
        ),
    ] {
        let rules = json!([
            { "id": "needed", "effect": "allow", "when": { "callers": ["anonymous", "person"] } },
            { "id": "wide", "effect": "allow", "when": when },
        ]);
        is(&found(rules), &[("widens-floor", place)]);
    }
}

#[test]
fn a_rule_that_can_never_decide_is_told() {
    let when = |when: serde_json::Value| {
        let rules = json!([
            { "id": GRANTED, "effect": "allow" },
            { "id": "dead", "effect": "deny", "when": when },
        ]);
        found(rules)
    };
    for dead in [
        json!({ "caller_has": ["rpc_caller"], "caller_lacks": ["rpc_caller"] }),
        json!({ "caller_has": ["rpc_caller", "admin"] }),
        json!({ "purposes": ["research"], "purposes_not": ["research"] }),
        json!({ "operations": ["get_value"], "data_has": ["phi"] }),
        json!({ "operations": ["publish_event"], "other_has": ["rpc_provider"] }),
        json!({ "lanes": ["proxy"], "operations": ["publish_event"] }),
        json!({ "data_has": ["phi"], "caller_lacks": ["handles_phi"] }),
    ] {
        is(&when(dead), &[("unreachable", "/rules/1")]);
    }
    let twice = json!([
        { "id": GRANTED, "effect": "allow" },
        { "id": "narrow", "effect": "deny",
          "when": { "lanes": ["proxy"], "data_has": ["phi"], "purposes": ["research"] } },
        { "id": "wide", "effect": "deny", "when": { "data_has": ["phi"] } },
        { "id": "again", "effect": "allow", "when": { "lanes": ["operator"] } },
    ]);
    is(&found(twice), &[("unreachable", "/rules/1"), ("unreachable", "/rules/3")]);
}

#[test]
fn nobody_is_locked_out() {
    for rules in [
        json!([]),
        json!([{ "id": "plugins", "effect": "allow", "when": { "callers": ["plugin"] } }]),
        json!([
            { "id": GRANTED, "effect": "allow" },
            { "id": "purpose_always", "effect": "deny", "when": { "purposes_not": ["treatment"] } },
        ]),
    ] {
        let found = found(rules);
        assert!(found.iter().all(|(rule, _)| rule == "locks-out"), "{found:?}");
        assert!(found.len() > 3, "{found:?}");
    }
}
