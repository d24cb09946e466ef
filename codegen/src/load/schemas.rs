//! The schema bundle for validators.
//!
//! It is lowered from the values as written, not from the types made of them: a validator has to
//! check what no type can say. It is text from the start, because nobody looks into it.

use super::Loader;
use super::keywords::{Dialect, Keywords};
use super::schema::is_true;
use crate::contract::TypeDeclaration;
use crate::names;
use crate::source::{Kind, Node, write_string};
use indexmap::IndexMap;
use std::collections::HashMap;

/// What keeps a number in 32 bits, beside a bound of its own.
const BOUNDS_OF_INT32: [([&str; 2], i32); 2] =
    [(["minimum", "exclusiveMinimum"], i32::MIN), (["maximum", "exclusiveMaximum"], i32::MAX)];

impl<'a> Loader<'a> {
    /// JSON Schema 2020-12 of every type, by name.
    pub(super) fn schema_bundle(
        &mut self,
        types: &IndexMap<String, TypeDeclaration>,
    ) -> IndexMap<String, String> {
        let mut nodes: HashMap<String, Node<'a>> = HashMap::with_capacity(self.named.len());
        for (node, name) in &self.named {
            if !self.moved.contains_key(node) {
                nodes.insert(name.clone(), *node);
            }
        }
        let mut definitions = IndexMap::with_capacity(types.len());
        for (name, declaration) in types {
            let schema = match nodes.get(name) {
                Some(node) => self.definition(*node),
                None => declaration.json_schema().to_string(),
            };
            definitions.insert(name.clone(), schema);
        }
        // Schemas that only a validator reaches, such as those below `not`.
        while let Some((node, name)) = self.validated_only.pop() {
            let schema = self.definition(node);
            definitions.insert(name, schema);
        }
        definitions
    }

    fn definition(&mut self, node: Node<'a>) -> String {
        let mut text = String::new();
        self.lower(node, true, &mut text);
        text
    }

    fn lower(&mut self, node: Node<'a>, is_root: bool, out: &mut String) {
        match node.kind() {
            Kind::Boolean => return node.write_json(out),
            Kind::Object => {}
            _ => return out.push_str("true"),
        }
        if !is_root && let Some(name) = self.named.get(&node) {
            out.push_str("{\"$ref\":\"#/$defs/");
            out.push_str(name);
            return out.push_str("\"}");
        }
        let keywords = Keywords::read(node);
        let nullable = is_true(keywords.nullable);
        let takes_null_beside = nullable
            && keywords.kind.is_none()
            && keywords.has_structure()
            && keywords.values.is_none();
        if takes_null_beside {
            out.push_str("{\"anyOf\":[");
        }
        out.push('{');
        let start = out.len();
        if self.dialect == Dialect::V31 || keywords.reference.is_none() {
            for (key, value) in node.entries() {
                self.lower_keyword(key, value, &keywords, start, out);
            }
        }
        if let Some(reference) = keywords.reference
            && let Some(name) = self.definition_name(reference)
        {
            write_key("$ref", start, out);
            out.push_str("\"#/$defs/");
            out.push_str(&name);
            out.push('"');
        }
        if keywords.format.and_then(Node::as_str) == Some("int32") {
            for (bounds, limit) in BOUNDS_OF_INT32 {
                if !bounds.iter().any(|bound| node.get(bound).is_some()) {
                    write_key(bounds[0], start, out);
                    out.push_str(&limit.to_string());
                }
            }
        }
        out.push('}');
        if takes_null_beside {
            out.push_str(",{\"type\":\"null\"}]}");
        }
    }

    fn lower_keyword(
        &mut self,
        key: &'a str,
        value: Node<'a>,
        keywords: &Keywords<'a>,
        start: usize,
        out: &mut String,
    ) {
        let nullable = is_true(keywords.nullable);
        match key {
            "type" if value.as_str() == Some("file") => {}
            "type" if nullable && value.kind() == Kind::String => {
                write_key(key, start, out);
                out.push('[');
                value.write_json(out);
                out.push_str(",\"null\"]");
            }
            "enum" => {
                write_key(key, start, out);
                let has_null = value.items().any(|item| item.kind() == Kind::Null);
                write_list(value.items(), out, Node::write_json);
                if nullable && !has_null {
                    out.pop();
                    out.push_str(if out.ends_with('[') { "null]" } else { ",null]" });
                }
            }
            "exclusiveMinimum" | "exclusiveMaximum" if value.kind() == Kind::Boolean => {
                let bound =
                    if key == "exclusiveMinimum" { keywords.minimum } else { keywords.maximum };
                if let Some(bound) = bound.filter(|_| value.as_bool() == Some(true)) {
                    write_key(key, start, out);
                    bound.write_json(out);
                }
            }
            "minimum" if is_true(keywords.exclusive_minimum) => {}
            "maximum" if is_true(keywords.exclusive_maximum) => {}
            "required" => {
                write_key(key, start, out);
                let names = value
                    .items()
                    .filter(|name| name.as_str().is_some_and(|name| !is_read_only(name, keywords)));
                write_list(names, out, Node::write_json);
            }
            "properties" | "patternProperties" | "dependentSchemas" if value.is_object() => {
                write_key(key, start, out);
                out.push('{');
                let start = out.len();
                for (name, schema) in value.entries() {
                    write_key(name, start, out);
                    self.lower(schema, false, out);
                }
                out.push('}');
            }
            "allOf" | "anyOf" | "oneOf" | "prefixItems" if value.kind() == Kind::Array => {
                write_key(key, start, out);
                write_list(value.items(), out, |schema, out| self.lower(schema, false, out));
            }
            "items" if value.kind() == Kind::Array => {}
            "items"
            | "additionalProperties"
            | "not"
            | "if"
            | "then"
            | "else"
            | "contains"
            | "propertyNames"
            | "unevaluatedItems"
            | "unevaluatedProperties" => {
                write_key(key, start, out);
                self.lower(value, false, out);
            }
            "type" | "const" | "format" | "pattern" | "minimum" | "maximum"
            | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" | "minLength"
            | "maxLength" | "minItems" | "maxItems" | "uniqueItems" | "minProperties"
            | "maxProperties" | "minContains" | "maxContains" | "dependentRequired"
            | "contentEncoding" => {
                write_key(key, start, out);
                value.write_json(out);
            }
            _ => {}
        }
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
}

/// Who sends a value cannot be asked for what only the answer holds.
fn is_read_only(name: &str, keywords: &Keywords<'_>) -> bool {
    let property = keywords.properties.and_then(|properties| properties.get(name));
    property.is_some_and(|property| property.flag("readOnly"))
}

/// The next key of the object that opened at `start`.
fn write_key(key: &str, start: usize, out: &mut String) {
    if out.len() > start {
        out.push(',');
    }
    write_string(key, out);
    out.push(':');
}

fn write_list<'a>(
    items: impl Iterator<Item = Node<'a>>,
    out: &mut String,
    mut write: impl FnMut(Node<'a>, &mut String),
) {
    out.push('[');
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(item, out);
    }
    out.push(']');
}
