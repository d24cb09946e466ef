//! Taking classes of data out of a payload.
//!
//! The schema of the event type says which field holds which class (`x-data-class`). A text of a
//! masked class becomes `"***"`, so that its place is still seen; anything else is left out. When
//! the schema names no field of a class that the event carries, nothing can be told apart and
//! there is no mask: the event must be withheld.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Map, Value};

const MASKED: &str = "***";
/// Deeper than any payload may be nested; ends schemas that refer to themselves.
const DEEPEST: usize = 64;

/// The classes that one subscriber must not see of events of one type.
#[derive(Clone, Debug)]
pub struct Mask {
    classes: Arc<[String]>,
    schema: Arc<Value>,
}

impl Mask {
    /// `None` when the schema does not say where each of these classes is.
    pub fn new(schema: Arc<Value>, classes: Vec<String>) -> Option<Self> {
        let mut named = HashSet::new();
        collect_classes(&schema, &mut named);
        let told = classes.iter().all(|class| named.contains(class.as_str()));
        (told && !classes.is_empty()).then(|| Self { classes: classes.into(), schema })
    }

    /// Classes whose fields the schema names.
    pub fn classes_of(schema: &Value) -> Vec<String> {
        let mut named = HashSet::new();
        collect_classes(schema, &mut named);
        named.into_iter().map(str::to_owned).collect()
    }

    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    pub fn apply(&self, payload: &mut Value) {
        if !self.visit(&self.schema, payload, 0) {
            *payload = Value::Object(Map::new());
        }
    }

    /// Masks what the schema says of the value and all below. False when it must be left out.
    fn visit(&self, schema: &Value, value: &mut Value, depth: usize) -> bool {
        if depth > DEEPEST {
            return false;
        }
        if self.hides(schema) {
            let Value::String(text) = value else { return false };
            MASKED.clone_into(text);
            return true;
        }
        self.parts(schema).all(|part| self.visit(part, value, depth + 1))
            && self.visit_children(schema, value, depth)
    }

    fn visit_children(&self, schema: &Value, value: &mut Value, depth: usize) -> bool {
        match value {
            Value::Object(fields) => {
                fields.retain(|name, field| {
                    self.fields(schema, name).all(|schema| self.visit(schema, field, depth + 1))
                });
            }
            Value::Array(items) => {
                let schemas = [schema.get("items"), schema.get("contains")];
                items.retain_mut(|item| {
                    let mut schemas = schemas.iter().flatten();
                    schemas.all(|schema| self.visit(schema, item, depth + 1))
                });
            }
            _ => {}
        }
        true
    }

    fn hides(&self, schema: &Value) -> bool {
        let class = schema.get("x-data-class").and_then(Value::as_str).map(data_trait);
        class.is_some_and(|class| self.classes.iter().any(|hidden| hidden == class))
    }

    /// Schemas that speak of the same value. All branches of a choice count: which one was meant
    /// is the publisher's to know, and what one of them hides is hidden.
    fn parts<'s>(&'s self, schema: &'s Value) -> impl Iterator<Item = &'s Value> {
        let reference = schema.get("$ref").and_then(Value::as_str);
        let target = reference.and_then(|place| self.schema.pointer(place.strip_prefix('#')?));
        let lists = ["allOf", "anyOf", "oneOf"].into_iter();
        let listed = lists.filter_map(|key| schema.get(key)?.as_array()).flatten();
        let conditions = ["if", "then", "else"].into_iter().filter_map(|key| schema.get(key));
        target.into_iter().chain(listed).chain(conditions)
    }

    /// Schemas of the field of this name.
    fn fields<'s>(&self, schema: &'s Value, name: &str) -> impl Iterator<Item = &'s Value> {
        let named = schema.get("properties").and_then(|properties| properties.get(name));
        let patterns = schema.get("patternProperties").and_then(Value::as_object);
        let other = schema.get("additionalProperties").filter(|_| named.is_none());
        // A pattern counts for every name: hiding too much is the safe side.
        named.into_iter().chain(patterns.into_iter().flat_map(Map::values)).chain(other)
    }
}

fn collect_classes<'s>(schema: &'s Value, found: &mut HashSet<&'s str>) {
    match schema {
        Value::Object(fields) => {
            let class = fields.get("x-data-class").and_then(Value::as_str);
            found.extend(class.map(data_trait));
            fields.values().for_each(|field| collect_classes(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_classes(item, found)),
        _ => {}
    }
}

/// Schemas say `secret` of what the data classes of events call credentials.
fn data_trait(class: &str) -> &str {
    if class == "secret" { "credentials" } else { class }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mask(schema: Value, classes: &[&str]) -> Option<Mask> {
        let classes = classes.iter().map(|class| (*class).to_owned()).collect();
        Mask::new(Arc::new(schema), classes)
    }

    fn masked(schema: Value, classes: &[&str], mut payload: Value) -> Value {
        mask(schema, classes).expect("the classes are named").apply(&mut payload);
        payload
    }

    #[test]
    fn texts_become_stars_and_everything_else_of_the_class_is_left_out() {
        let schema = json!({ "properties": {
            "id": {}, "note": { "x-data-class": "phi" }, "age": { "x-data-class": "phi" },
            "mail": { "x-data-class": "pii" }, "key": { "x-data-class": "secret" },
        } });
        let payload = json!({ "id": 1, "note": "n", "age": 40, "mail": "m", "key": "k" });
        assert_eq!(
            masked(schema.clone(), &["phi"], payload.clone()),
            json!({ "id": 1, "note": "***", "mail": "m", "key": "k" })
        );
        assert_eq!(
            masked(schema, &["pii", "credentials"], payload),
            json!({ "id": 1, "note": "n", "age": 40, "mail": "***", "key": "***" })
        );
    }

    #[test]
    fn fields_are_found_through_references_choices_lists_and_patterns() {
        let schema = json!({
            "$defs": { "person": { "properties": { "name": { "x-data-class": "pii" } } } },
            "properties": {
                "one": { "$ref": "#/$defs/person" },
                "many": { "items": { "$ref": "#/$defs/person" } },
                "either": { "oneOf": [{ "type": "null" }, { "$ref": "#/$defs/person" }] },
            },
            "additionalProperties": { "x-data-class": "pii" },
        });
        let person = json!({ "name": "a canary", "role": "r" });
        let payload = json!({ "one": person, "many": [person, person], "either": person, "more": "a canary" });
        let hidden = masked(schema, &["pii"], payload);
        assert!(!hidden.to_string().contains("canary"), "{hidden}");
        assert_eq!(hidden["many"][1], json!({ "name": "***", "role": "r" }));
        let tree = json!({ "properties": {
            "self": { "$ref": "#" }, "name": { "x-data-class": "pii" } } });
        let payload = json!({ "self": { "self": { "name": "a canary" } }, "name": "a canary" });
        assert!(!masked(tree, &["pii"], payload).to_string().contains("canary"));
    }

    #[test]
    fn a_class_that_the_schema_does_not_name_cannot_be_masked() {
        let schema = json!({ "properties": { "note": { "x-data-class": "phi" } } });
        assert!(mask(schema.clone(), &["pii"]).is_none());
        assert!(mask(schema.clone(), &["phi", "pii"]).is_none());
        assert!(mask(schema.clone(), &["phi"]).is_some());
        assert!(mask(json!({ "type": "object" }), &["phi"]).is_none());
    }
}
