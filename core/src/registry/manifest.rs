//! A manifest as Core takes it: valid by the one validator, with what it asks for spelled out.
//!
//! The digest says whether two manifests are the same. Where the plugin listens is left out of
//! it, since that changes with every start and grants nothing.

use serde_json::{Map, Value, json};
use vivified_contract::manifest::validate;
use vivified_contract::runtime::{Finding, Level};

use crate::json::{canonical, canonical_digest};
use crate::policy::Traits;

/// A manifest that passed every rule.
#[derive(Debug, Clone)]
pub struct Manifest {
    pub plugin_id: String,
    pub name: String,
    pub version: String,
    pub traits: Traits,
    /// Entries of `allowed_domains`, each with every limit spelled out.
    pub domains: Vec<Value>,
    pub base_url: Option<String>,
    pub digest: [u8; 32],
    pub document: Value,
}

impl Manifest {
    /// All faults at once; warnings do not refuse.
    pub fn check(document: Value) -> Result<Self, Vec<Finding>> {
        let mut findings = validate(&document);
        findings.retain(|finding| finding.level == Level::Error);
        let base_url = text(&document, "/endpoints/base_url");
        if base_url.as_deref().is_some_and(|url| !is_reachable_safely(url)) {
            findings.push(Finding {
                rule: "base-url-is-safe".into(),
                level: Level::Error,
                path: "/endpoints/base_url".into(),
                message: "plain HTTP is for loopback addresses only".into(),
                hint: "use https, or listen on 127.0.0.1 or [::1]".into(),
            });
        }
        let required = ["/id", "/name", "/version"].map(|pointer| text(&document, pointer));
        match required {
            [Some(plugin_id), Some(name), Some(version)] if findings.is_empty() => Ok(Self {
                plugin_id,
                name,
                version,
                traits: traits(&document, "/traits"),
                domains: domains(&document),
                base_url,
                digest: digest(&document),
                document,
            }),
            _ => Err(findings),
        }
    }
}

/// Host of a spelled-out entry.
pub(super) fn host(entry: &Value) -> &str {
    entry.get("host").and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn traits(document: &Value, pointer: &str) -> Traits {
    let names = document.pointer(pointer).and_then(Value::as_array);
    Traits::parse(names.into_iter().flatten().filter_map(Value::as_str))
}

pub(super) fn text(document: &Value, pointer: &str) -> Option<String> {
    document.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
}

pub(super) fn domains(document: &Value) -> Vec<Value> {
    let entries = document.get("allowed_domains").and_then(Value::as_array);
    let mut spelled: Vec<Value> = entries.into_iter().flatten().map(spell_out).collect();
    spelled.sort_by_key(canonical);
    spelled.dedup();
    spelled
}

/// A bare host and an object that says the same become the same entry.
fn spell_out(entry: &Value) -> Value {
    const CAPS: [&str; 4] =
        ["rate_per_minute", "max_request_bytes", "max_response_bytes", "timeout_ms"];
    const METHODS: [&str; 6] = ["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"];
    let host = entry.as_str().or_else(|| entry.get("host").and_then(Value::as_str));
    let given = |name: &str| entry.get(name).filter(|value| !value.is_null()).cloned();
    let mut methods: Vec<Value> = match given("methods") {
        Some(Value::Array(methods)) => methods,
        _ => METHODS.into_iter().map(Value::from).collect(),
    };
    methods.sort_by_key(Value::to_string);
    let plain = given("scheme").is_some_and(|scheme| scheme == "http");
    let mut spelled = json!({
        "host": host,
        "port": given("port").unwrap_or_else(|| if plain { 80 } else { 443 }.into()),
        "methods": methods,
        "path_prefix": given("path_prefix").unwrap_or_else(|| "/".into()),
        "baa": given("baa").unwrap_or_else(|| false.into()),
    });
    if plain {
        spelled["scheme"] = "http".into();
    }
    // A cap that is not given is Core's own and may change with it.
    for name in CAPS.into_iter().chain(["credential"]) {
        if let Some(value) = given(name) {
            spelled[name] = value;
        }
    }
    spelled
}

fn digest(document: &Value) -> [u8; 32] {
    let mut document = document.clone();
    if let Some(endpoints) = document.get_mut("endpoints").and_then(Value::as_object_mut) {
        endpoints.remove("base_url");
        if endpoints.is_empty() {
            document.as_object_mut().map(|document: &mut Map<_, _>| document.remove("endpoints"));
        }
    }
    canonical_digest(&document)
}

/// `https` anywhere, plain `http` only to the machine itself.
fn is_reachable_safely(url: &str) -> bool {
    let Ok(url) = url::Url::parse(url) else { return false };
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let loopback = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    plain && (url.scheme() == "https" || (url.scheme() == "http" && loopback))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_loopback() {
        for url in [
            "http://127.0.0.1:9000",
            "http://[::1]:9000/base",
            "http://localhost:9000",
            "https://plugin.example",
        ] {
            assert!(is_reachable_safely(url), "{url}");
        }
        for url in [
            "http://10.0.0.1:9000",
            "http://plugin.example",
            "http://127.0.0.1.example",
            "http://localhost.example",
            "http://0.0.0.0:9000",
            "http://[::]:9000",
            "ftp://127.0.0.1",
            "http://user@127.0.0.1",
            "not a url",
        ] {
            assert!(!is_reachable_safely(url), "{url}");
        }
    }

    #[test]
    fn the_digest_leaves_out_where_the_plugin_listens() {
        let plain = json!({ "id": "alpha", "traits": [] });
        let one = json!({ "traits": [], "id": "alpha", "endpoints": { "base_url": "http://a" } });
        let two = json!({ "id": "alpha", "traits": [], "endpoints": { "base_url": "http://b" } });
        assert_eq!(digest(&plain), digest(&one));
        assert_eq!(digest(&one), digest(&two));
        let health = json!({ "id": "alpha", "traits": [], "endpoints": { "health": "/up" } });
        assert_ne!(digest(&plain), digest(&health));
    }

    #[test]
    fn a_bare_host_is_the_same_as_its_spelled_out_entry() {
        let bare = spell_out(&json!("api.partner.example"));
        let object = json!({ "host": "api.partner.example", "port": 443, "path_prefix": "/" });
        assert_eq!(bare, spell_out(&object));
        let narrow = json!({ "host": "api.partner.example", "methods": ["POST", "GET"] });
        assert_ne!(bare, spell_out(&narrow));
        let turned = json!({ "methods": ["GET", "POST"], "host": "api.partner.example" });
        assert_eq!(spell_out(&narrow), spell_out(&turned));
    }
}
