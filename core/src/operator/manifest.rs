//! What the manifest of a callee says of one operation.

use std::time::Duration;

use serde_json::Value;

const DEFAULT_TIMEOUT_MS: u64 = 10_000;
const MAX_TIMEOUT_MS: u64 = 60_000;

/// An operation a plugin offers through the gateway.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    pub name: String,
    /// Below the base URL of the plugin.
    pub path: String,
    pub idempotent: bool,
    /// Over all tries together.
    pub timeout: Duration,
    pub required_traits: Vec<String>,
    pub data_traits: Vec<String>,
    pub input_schema: Option<Value>,
}

impl Offer {
    /// The operation of this name, if the manifest offers it.
    pub fn find(manifest: &Value, name: &str) -> Option<Self> {
        let entry = offers(manifest).find(|entry| text(entry, "name") == Some(name))?;
        let timeout = entry.get("timeout_ms").and_then(Value::as_u64);
        let timeout = timeout.unwrap_or(DEFAULT_TIMEOUT_MS).min(MAX_TIMEOUT_MS);
        Some(Self {
            name: name.to_owned(),
            path: text(entry, "path").map_or_else(|| format!("/rpc/{name}"), str::to_owned),
            idempotent: entry.get("idempotent").and_then(Value::as_bool).unwrap_or(false),
            timeout: Duration::from_millis(timeout),
            required_traits: texts(entry, "required_traits"),
            data_traits: texts(entry, "data_traits"),
            input_schema: entry.get("input_schema").cloned(),
        })
    }
}

/// Names of all operations a manifest offers.
pub fn offered(manifest: &Value) -> impl Iterator<Item = &str> {
    offers(manifest).filter_map(|entry| text(entry, "name"))
}

fn offers(manifest: &Value) -> impl Iterator<Item = &Value> {
    manifest.get("operations").and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(entry: &'a Value, key: &str) -> Option<&'a str> {
    entry.get(key).and_then(Value::as_str)
}

fn texts(entry: &Value, key: &str) -> Vec<String> {
    let items = entry.get(key).and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}
