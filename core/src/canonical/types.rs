//! The types of events: those of the contract, and those that plugins declare in their manifests.
//!
//! A plugin may publish every canonical type, the types it declares itself, and types of others
//! that it names under `events.publishes`. A canonical name cannot be declared anew.

use std::sync::{Arc, LazyLock};

use serde_json::Value;
use vivified_contract::events::{EVENT_SCHEMAS, EventSchema};

use crate::schemas::nearest;

/// A known type of event.
#[derive(Clone, Debug, PartialEq)]
pub struct EventType {
    pub name: String,
    /// The plugin that declares it; `None` for the contract.
    pub declared_by: Option<String>,
    pub data_traits: Vec<String>,
    pub schema: Arc<Value>,
}

/// All types known at one moment.
#[derive(Clone, Debug, Default)]
pub struct EventTypes {
    types: Vec<Arc<EventType>>,
}

impl EventTypes {
    /// The types of the contract; they are read once.
    pub fn canonical() -> Self {
        static CANONICAL: LazyLock<EventTypes> = LazyLock::new(EventTypes::of_the_contract);
        CANONICAL.clone()
    }

    fn of_the_contract() -> Self {
        let read = |known: &EventSchema| {
            Some(EventType {
                name: known.event_type.to_owned(),
                declared_by: None,
                data_traits: known.data_traits.iter().map(|name| (*name).to_owned()).collect(),
                schema: Arc::new(serde_json::from_str(known.schema).ok()?),
            })
        };
        Self { types: EVENT_SCHEMAS.iter().filter_map(read).map(Arc::new).collect() }
    }

    /// Adds what the manifest of a plugin declares with a schema of its own.
    pub fn declare(&mut self, plugin_id: &str, manifest: &Value) {
        for entry in published(manifest) {
            let (Some(name), Some(schema)) = (name_of(entry), entry.get("schema")) else {
                continue;
            };
            if self.find(name).is_none() {
                self.types.push(Arc::new(EventType {
                    name: name.to_owned(),
                    declared_by: Some(plugin_id.to_owned()),
                    data_traits: strings(entry.get("data_traits")),
                    schema: Arc::new(schema.clone()),
                }));
            }
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &EventType> {
        self.types.iter().map(AsRef::as_ref)
    }

    pub fn find(&self, name: &str) -> Option<&EventType> {
        self.iter().find(|known| known.name == name)
    }

    /// The type a plugin with this manifest may publish under this name.
    pub fn publishable(&self, name: &str, plugin_id: &str, manifest: &Value) -> Option<&EventType> {
        self.find(name).filter(|known| match known.declared_by.as_deref() {
            None => true,
            Some(owner) => {
                owner == plugin_id || published(manifest).any(|entry| name_of(entry) == Some(name))
            }
        })
    }

    /// The known name that was probably meant.
    pub fn nearest(&self, name: &str) -> Option<&str> {
        nearest(name, self.types.iter().map(|known| known.name.as_str()))
    }
}

fn published(manifest: &Value) -> impl Iterator<Item = &Value> {
    let entries = manifest.pointer("/events/publishes").and_then(Value::as_array);
    entries.into_iter().flatten()
}

fn name_of(entry: &Value) -> Option<&str> {
    entry.as_str().or_else(|| entry.get("event_type")?.as_str())
}

fn strings(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_plugin_publishes_canonical_types_its_own_and_those_it_names() {
        let mut types = EventTypes::canonical();
        let owner = json!({"events": {"publishes": [
            {"event_type": "LabResult", "schema": {"type": "object"}, "data_traits": ["phi"]},
            {"event_type": "EmailSent", "schema": {}}
        ]}});
        let namer = json!({"events": {"publishes": ["LabResult"]}});
        types.declare("labs", &owner);
        assert_eq!(types.find("LabResult").unwrap().data_traits, ["phi"]);
        assert_eq!(types.find("EmailSent").unwrap().declared_by, None);
        assert!(types.publishable("EmailSent", "other", &json!({})).is_some());
        assert!(types.publishable("LabResult", "labs", &owner).is_some());
        assert!(types.publishable("LabResult", "copier", &namer).is_some());
        assert!(types.publishable("LabResult", "other", &json!({})).is_none());
        assert_eq!(types.nearest("LabResults"), Some("LabResult"));
    }
}
