//! The schema of the manifest and the loader agree: what the one lets through, the other takes.

use serde_json::{Value, json};
use vivified_contract::manifest::validate;
use vivified_contract::runtime::Level;

use crate::egress::AllowRule;

fn refused_by(entry: &Value) -> Vec<String> {
    let manifest = json!({
        "id": "alpha", "name": "Alpha", "version": "1.0.0", "contracts": ["vivified/1"],
        "traits": ["external_caller"], "allowed_domains": [entry],
        "security": { "authentication_required": true, "data_classification": ["internal"] },
        "compliance": { "hipaa_controls": [], "audit_level": "standard" },
    });
    let findings = validate(&manifest);
    let errors = findings.into_iter().filter(|finding| finding.level == Level::Error);
    errors.map(|finding| finding.rule).collect()
}

#[test]
fn good_entries_pass_both() {
    let credential = |header: &str, secret: &str| {
        json!({ "host": "api.partner.example",
            "credential": { "header": header, "secret": secret, "scheme": "Bearer" } })
    };
    for entry in [
        json!("api.partner.example"),
        json!("*.cdn.partner.example"),
        json!({ "host": "api.partner.example", "port": 9443, "baa": true }),
        json!({ "host": "api.partner.example", "scheme": "http" }),
        json!({ "host": "api.partner.example", "scheme": "http", "port": 8080 }),
        json!({ "host": "api.partner.example", "rate_per_minute": 6000, "timeout_ms": 100,
            "max_request_bytes": 0, "max_response_bytes": 10_485_760 }),
        credential("authorization", "secret://partner_key"),
        credential("x-api-key", "secret://k2"),
        credential("ocp-apim-subscription-key", "secret://k"),
    ] {
        assert_eq!(refused_by(&entry), Vec::<String>::new(), "{entry}");
        assert!(AllowRule::parse(&entry).is_ok(), "{entry}");
    }
}

#[test]
fn plain_http_and_odd_ports_are_refused_by_the_rule_that_says_why() {
    let http = |more: Value| {
        let mut entry = json!({ "host": "api.partner.example", "scheme": "http" });
        for (key, value) in more.as_object().expect("an object") {
            entry[key] = value.clone();
        }
        entry
    };
    let credential = json!({ "header": "x-api-key", "secret": "secret://k" });
    for (entry, rule) in [
        (http(json!({ "baa": true })), "plain-http-is-bare"),
        (http(json!({ "credential": credential })), "plain-http-is-bare"),
        (http(json!({ "port": 443 })), "port-fits-scheme"),
        (json!({ "host": "api.partner.example", "port": 80 }), "port-needs-tls"),
    ] {
        assert_eq!(refused_by(&entry), [rule], "{entry}");
        assert!(AllowRule::parse(&entry).is_err(), "{entry}");
    }
    for entry in [
        json!({ "host": "api.partner.example", "port": 22 }),
        json!({ "host": "api.partner.example", "credential": { "header": "host", "secret": "secret://k" } }),
        json!({ "host": "api.partner.example", "credential": { "header": "x-key", "secret": "value" } }),
    ] {
        assert!(!refused_by(&entry).is_empty(), "{entry}");
        assert!(AllowRule::parse(&entry).is_err(), "{entry}");
    }
}
