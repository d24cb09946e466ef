//! The document in one piece: as it is, or with the values of its other files written into it.

use super::Loader;
use crate::contract::TypeDeclaration;
use crate::source::{Kind, MAX_VALUES, Node, write_layered};
use indexmap::IndexMap;
use serde_json::{Map, Value};

/// Deepest chain of references that is written out in place.
const MAX_INLINE: usize = 64;

/// Levels of the document that get lines of their own: one for each operation and component.
const LAYERS: usize = 3;

impl<'a> Loader<'a> {
    /// The OpenAPI document as JSON text.
    pub(super) fn document(&mut self, types: &IndexMap<String, TypeDeclaration>) -> String {
        let root = self.documents.main().root();
        if self.documents.is_single() && !self.documents.has_texts() {
            return root.to_layered_json(LAYERS);
        }
        let mut text = String::new();
        write_layered(&self.bundled(root, types), LAYERS, &mut text);
        text.push('\n');
        text
    }

    fn bundled(&mut self, root: Node<'a>, types: &IndexMap<String, TypeDeclaration>) -> Value {
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
    types: &'l IndexMap<String, TypeDeclaration>,
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
