//! The schema bundle for validators, and the document in one piece.
//!
//! Both are lowered from the values as written, not from the types made of them: a validator has
//! to check what no type can say.

use super::Loader;
use super::keywords::{Dialect, Keywords};
use crate::names;
use crate::source::{Kind, MAX_VALUES, Node};
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// Deepest chain of references that is written out in place.
const MAX_INLINE: usize = 64;

impl<'a> Loader<'a> {
    /// `{"$defs": {NAME: schema}}` for every type, in JSON Schema 2020-12.
    pub(super) fn schema_bundle(
        &mut self,
        types: &indexmap::IndexMap<String, crate::contract::TypeDeclaration>,
    ) -> Value {
        let mut nodes: HashMap<String, Node<'a>> = HashMap::with_capacity(self.named.len());
        for (node, name) in &self.named {
            if !self.moved.contains_key(node) {
                nodes.insert(name.clone(), *node);
            }
        }
        let mut definitions = Map::new();
        for (name, declaration) in types {
            let schema = match nodes.get(name) {
                Some(node) => self.lowered(*node, true),
                None => declaration.json_schema(),
            };
            definitions.insert(name.clone(), schema);
        }
        // Schemas that only a validator reaches, such as those below `not`.
        while let Some((node, name)) = self.validated_only.pop() {
            let schema = self.lowered(node, true);
            definitions.insert(name, schema);
        }
        json!({ "$defs": definitions })
    }

    fn lowered(&mut self, node: Node<'a>, is_root: bool) -> Value {
        match node.kind() {
            Kind::Boolean => return node.to_value(),
            Kind::Object => {}
            _ => return Value::Bool(true),
        }
        if !is_root && let Some(name) = self.named.get(&node) {
            return json!({ "$ref": format!("#/$defs/{name}") });
        }
        let keywords = Keywords::read(node);
        let mut schema = Map::new();
        if self.dialect == Dialect::V31 || keywords.reference.is_none() {
            for (key, value) in node.entries() {
                self.lower_keyword(key, value, &keywords, &mut schema);
            }
        }
        if let Some(reference) = keywords.reference
            && let Some(name) = self.definition_name(reference)
        {
            schema.insert("$ref".to_owned(), Value::String(format!("#/$defs/{name}")));
        }
        let nullable = super::schema::is_true(keywords.nullable);
        if nullable
            && keywords.kind.is_none()
            && keywords.has_structure()
            && keywords.values.is_none()
        {
            return json!({ "anyOf": [schema, { "type": "null" }] });
        }
        Value::Object(schema)
    }

    fn lower_keyword(
        &mut self,
        key: &str,
        value: Node<'a>,
        keywords: &Keywords<'a>,
        into: &mut Map<String, Value>,
    ) {
        let nullable = super::schema::is_true(keywords.nullable);
        let lowered = match key {
            "type" if nullable && value.kind() == Kind::String => json!([value.to_value(), "null"]),
            "type" if value.as_str() == Some("file") => return,
            "enum" => {
                let mut values: Vec<Value> = value.items().map(Node::to_value).collect();
                if nullable && !values.contains(&Value::Null) {
                    values.push(Value::Null);
                }
                Value::Array(values)
            }
            "exclusiveMinimum" | "exclusiveMaximum" if value.kind() == Kind::Boolean => {
                let bound =
                    if key == "exclusiveMinimum" { keywords.minimum } else { keywords.maximum };
                match bound {
                    Some(bound) if value.as_bool() == Some(true) => bound.to_value(),
                    _ => return,
                }
            }
            "minimum" if super::schema::is_true(keywords.exclusive_minimum) => return,
            "maximum" if super::schema::is_true(keywords.exclusive_maximum) => return,
            "required" => self.lowered_required(value, keywords),
            "properties" | "patternProperties" | "dependentSchemas" if value.is_object() => {
                let schemas = value
                    .entries()
                    .map(|(name, node)| (name.to_owned(), self.lowered(node, false)));
                Value::Object(schemas.collect())
            }
            "allOf" | "anyOf" | "oneOf" | "prefixItems" if value.kind() == Kind::Array => {
                Value::Array(value.items().map(|node| self.lowered(node, false)).collect())
            }
            "items" if value.kind() == Kind::Array => return,
            "items"
            | "additionalProperties"
            | "not"
            | "if"
            | "then"
            | "else"
            | "contains"
            | "propertyNames"
            | "unevaluatedItems"
            | "unevaluatedProperties" => self.lowered(value, false),
            "type" | "const" | "format" | "pattern" | "minimum" | "maximum"
            | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" | "minLength"
            | "maxLength" | "minItems" | "maxItems" | "uniqueItems" | "minProperties"
            | "maxProperties" | "minContains" | "maxContains" | "dependentRequired"
            | "contentEncoding" => value.to_value(),
            _ => return,
        };
        into.insert(key.to_owned(), lowered);
    }

    /// Who sends a value cannot be asked for what only the answer holds.
    fn lowered_required(&self, required: Node<'a>, keywords: &Keywords<'a>) -> Value {
        let is_read_only = |name: &str| {
            let property = keywords.properties.and_then(|properties| properties.get(name));
            property.is_some_and(|property| property.flag("readOnly"))
        };
        let names = required.items().filter_map(Node::as_str).filter(|name| !is_read_only(name));
        Value::Array(names.map(Value::from).collect())
    }

    fn definition_name(&mut self, reference: Node<'a>) -> Option<String> {
        let target = self.resolve_schema(reference)?;
        if let Some(name) = self.named.get(&target) {
            return Some(name.clone());
        }
        let name = self.names.claim(&names::pascal(target.key().unwrap_or("value")));
        self.named.insert(target, name.clone());
        self.validated_only.push((target, name.clone()));
        Some(name)
    }

    /// The OpenAPI document with the values of its other files in it.
    pub(super) fn document(
        &mut self,
        types: &indexmap::IndexMap<String, crate::contract::TypeDeclaration>,
    ) -> Value {
        let root = self.documents.main().root();
        if self.documents.is_single() && !self.documents.has_texts() {
            return root.to_value();
        }
        let mut bundle =
            Bundle { loader: self, types, budget: MAX_VALUES, wanted: Vec::new(), open: 0 };
        let mut document = bundle.value(root);
        let mut done: Vec<String> = Vec::new();
        while let Some((node, name)) = bundle.wanted.pop() {
            if done.contains(&name) {
                continue;
            }
            let schema = bundle.value(node);
            document["components"]["schemas"][&name] = schema;
            done.push(name);
        }
        document
    }
}

/// Writes values of several files into one.
struct Bundle<'l, 'a> {
    loader: &'l Loader<'a>,
    types: &'l indexmap::IndexMap<String, crate::contract::TypeDeclaration>,
    /// Values that may still be written.
    budget: usize,
    /// Schemas of other files that the document has to take in.
    wanted: Vec<(Node<'a>, String)>,
    /// References that are being written out.
    open: usize,
}

impl<'a> Bundle<'_, 'a> {
    fn value(&mut self, node: Node<'a>) -> Value {
        self.budget = self.budget.saturating_sub(1);
        match node.kind() {
            Kind::Array => Value::Array(node.items().map(|item| self.value(item)).collect()),
            Kind::Object => {
                let target = self.loader.moved.get(&node).copied().unwrap_or(node);
                if target == node
                    && let Some(written) = self.reference(node)
                {
                    return written;
                }
                Value::Object(
                    target
                        .entries()
                        .map(|(key, value)| (key.to_owned(), self.value(value)))
                        .collect(),
                )
            }
            _ => node.to_value(),
        }
    }

    /// What stands for a reference; none when it can stay as it is.
    fn reference(&mut self, node: Node<'a>) -> Option<Value> {
        let reference = node.get("$ref")?;
        let text = reference.as_str()?;
        let documents = self.loader.documents;
        if let Some(prose) = documents.text(node, text) {
            return Some(Value::String(prose.to_owned()));
        }
        let main = documents.main();
        let target = documents.resolve(reference, text).ok()?;
        let target = self.loader.moved.get(&target).copied().unwrap_or(target);
        let is_local = std::ptr::eq(node.document(), main) && std::ptr::eq(target.document(), main);
        if is_local {
            return None;
        }
        let pointer = if let Some(name) = self.loader.named.get(&target) {
            let wire_name =
                self.types.get(name).and_then(|declaration| declaration.wire_name.clone());
            if wire_name.is_none() {
                self.wanted.push((target, name.clone()));
            }
            format!(
                "/components/schemas/{}",
                wire_name.unwrap_or_else(|| name.clone()).replace('~', "~0").replace('/', "~1")
            )
        } else if std::ptr::eq(target.document(), main) {
            target.pointer()
        } else if self.open < MAX_INLINE && self.budget > 0 {
            self.open += 1;
            let written = self.value(target);
            self.open -= 1;
            return Some(written);
        } else {
            return None;
        };
        let mut written = Map::new();
        written.insert("$ref".to_owned(), Value::String(format!("#{pointer}")));
        for (key, value) in node.entries().filter(|(key, _)| *key != "$ref") {
            written.insert(key.to_owned(), self.value(value));
        }
        Some(Value::Object(written))
    }
}
