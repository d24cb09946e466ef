//! Paths and operations.

use super::{Loader, members};
use crate::contract::{Declared, HttpMethod, Idempotency, Operation, PathSegment, Policy};
use crate::names;
use crate::source::{Kind, Node};
use serde_json::{Map, Value};
use std::collections::HashMap;

const METHODS: [(&str, HttpMethod); 8] = [
    ("get", HttpMethod::Get),
    ("put", HttpMethod::Put),
    ("post", HttpMethod::Post),
    ("delete", HttpMethod::Delete),
    ("options", HttpMethod::Options),
    ("head", HttpMethod::Head),
    ("patch", HttpMethod::Patch),
    ("trace", HttpMethod::Trace),
];

/// Extensions that fill [`Policy`] and are therefore not kept as they are.
const POLICY: [&str; 8] = [
    "x-lane",
    "x-audit-action",
    "x-rate-limit-class",
    "x-body-limit",
    "x-max-authentication-age",
    "x-idempotency",
    "x-required-traits",
    "x-problems",
];

impl<'a> Loader<'a> {
    pub(super) fn operations(&mut self, root: Node<'a>) -> Vec<Operation> {
        let Some(paths) = root.get("paths") else {
            if root.get("webhooks").is_none() && root.get("components").is_none() {
                self.problems.error(
                    "paths-missing",
                    &root.location(),
                    "the document has no `paths`",
                    "add `paths`",
                );
            }
            return Vec::new();
        };
        if !paths.is_object() {
            self.wrong_kind(paths, "an object of path items by path");
        }
        let mut operations = Vec::new();
        let mut routes: HashMap<String, String> = HashMap::new();
        let mut ids: HashMap<String, Node<'a>> = HashMap::new();
        for (path, node) in paths.entries() {
            if path.starts_with("x-") {
                continue;
            }
            let Some(segments) = self.segments(path, node) else { continue };
            let Some(item) = self.follow(node) else { continue };
            if !item.is_object() {
                self.wrong_kind(item, "a path item");
                continue;
            }
            self.members(item, members::PATH_ITEM);
            self.route(path, &segments, node, &mut routes);
            for (key, value) in item.entries() {
                if matches!(key, "query" | "additionalOperations") {
                    self.problems.warning(
                        "target-unsupported",
                        &value.key_location(),
                        format!("`{key}` of OAS 3.2 is not read"),
                        "the other operations of this path are; use one of the eight methods of OAS 3.1",
                    );
                    continue;
                }
                let Some((_, method)) = METHODS.iter().find(|(name, _)| *name == key) else {
                    continue;
                };
                if !value.is_object() {
                    self.wrong_kind(value, "an operation");
                    continue;
                }
                let id = self.operation_id(value, *method, path, &mut ids);
                operations.push(self.operation(item, value, *method, path, &segments, id));
            }
        }
        operations
    }

    fn operation(
        &mut self,
        item: Node<'a>,
        node: Node<'a>,
        method: HttpMethod,
        path: &str,
        segments: &[PathSegment],
        id: String,
    ) -> Operation {
        self.members(node, members::OPERATION);
        let name = names::pascal(&id);
        let parameters = self.parameters(item, node, segments, &name);
        let body = node.get("requestBody").and_then(|body| self.body(body, &name));
        let responses = self.responses(node, &name);
        let text = |loader: &mut Self, key: &str| {
            let prose = node.get(key).or_else(|| item.get(key));
            prose.and_then(|prose| loader.prose(prose))
        };
        Operation {
            id,
            method,
            path: path.to_owned(),
            segments: segments.to_vec(),
            tag: self.first_tag(node),
            summary: text(self, "summary"),
            description: text(self, "description"),
            deprecated: node.flag("deprecated"),
            parameters,
            body,
            responses,
            security: self.security(node),
            policy: self.policy(node),
            extensions: extensions(node),
            location: node.key_location(),
        }
    }

    fn declared(&self, node: Node<'a>) -> Declared {
        let has = |key: &str| node.get(key).is_some();
        Declared {
            operation_id: has("operationId"),
            tags: has("tags"),
            security: has("security") || self.documents.main().root().get("security").is_some(),
            required_traits: has("x-required-traits"),
            problems: has("x-problems"),
        }
    }

    fn first_tag(&mut self, node: Node<'a>) -> String {
        let tags = node.get("tags");
        if let Some(tags) = tags
            && tags.kind() != Kind::Array
        {
            self.wrong_kind(tags, "a list of tags");
        }
        let first = tags.into_iter().flat_map(Node::items).find_map(Node::as_str);
        first.filter(|tag| !tag.is_empty()).unwrap_or("default").to_owned()
    }

    fn operation_id(
        &mut self,
        node: Node<'a>,
        method: HttpMethod,
        path: &str,
        ids: &mut HashMap<String, Node<'a>>,
    ) -> String {
        let declared = node.get("operationId");
        let id = match declared.and_then(Node::as_str).filter(|id| !id.is_empty()) {
            Some(id) => id.to_owned(),
            None => {
                let id = names::snake(&format!("{} {path}", method.as_str().to_ascii_lowercase()));
                self.problems.warning(
                    "operation-id-missing",
                    &node.key_location(),
                    format!(
                        "the operation has no `operationId`; it is named `{id}` after its path"
                    ),
                    "add an `operationId`, so that its name does not change with its path",
                );
                id
            }
        };
        let Some(first) = ids.insert(id.clone(), node) else { return id };
        let place = declared.unwrap_or(node).location();
        let other = first.location();
        self.problems.error(
            "operation-id-repeated",
            &place,
            format!("another operation has the id `{id}` (line {} of {})", other.line, other.file),
            "give each operation an id of its own",
        );
        // An error stops the compiler, so this name only has to be another one.
        format!("{id}_{}", ids.len())
    }

    /// Splits a path into texts and parameters; a fragment is not part of what travels.
    fn segments(&mut self, path: &str, node: Node<'a>) -> Option<Vec<PathSegment>> {
        let mut fault = |message: &str, help: &str| {
            self.problems.error(
                "path-invalid",
                &node.key_location(),
                format!("the path `{path}` {message}"),
                help,
            );
        };
        if !path.starts_with('/') {
            fault("does not open with `/`", "let it open with `/`");
            return None;
        }
        let mut rest = path.split('#').next().unwrap_or(path);
        if rest.contains('?') {
            fault("holds a query", "declare query parameters instead");
            return None;
        }
        if rest.chars().any(|character| character.is_control() || character.is_whitespace()) {
            fault("holds a space or a control character", "percent-encode it");
            return None;
        }
        if rest.len() < path.len() {
            self.problems.warning(
                "path-fragment",
                &node.key_location(),
                format!("the path `{path}` holds a fragment, which never travels"),
                "operations that differ in the fragment alone reach the same address",
            );
        }
        let mut segments = Vec::new();
        while let Some(open) = rest.find('{') {
            let close = rest[open..].find('}').map(|close| open + close);
            let name = close
                .map(|close| &rest[open + 1..close])
                .filter(|name| !name.is_empty() && !name.contains('{'));
            let (Some(close), Some(name)) = (close, name) else {
                self.problems.error(
                    "path-invalid",
                    &node.key_location(),
                    format!("the path `{path}` has a brace without its counterpart or name"),
                    "write each parameter as `{name}`",
                );
                return None;
            };
            if open > 0 {
                segments.push(PathSegment::Literal(rest[..open].to_owned()));
            }
            let segment = PathSegment::Parameter(name.to_owned());
            if segments.contains(&segment) {
                self.problems.error(
                    "path-invalid",
                    &node.key_location(),
                    format!("the path `{path}` names `{{{name}}}` twice"),
                    "give each parameter a name of its own",
                );
                return None;
            }
            segments.push(segment);
            rest = &rest[close + 1..];
        }
        if !rest.is_empty() {
            segments.push(PathSegment::Literal(rest.to_owned()));
        }
        Some(segments)
    }

    /// Reports two paths that match the same addresses.
    fn route(
        &mut self,
        path: &str,
        segments: &[PathSegment],
        node: Node<'a>,
        routes: &mut HashMap<String, String>,
    ) {
        let route: String = segments
            .iter()
            .map(|segment| match segment {
                PathSegment::Literal(text) => text.as_str(),
                PathSegment::Parameter(_) => "{}",
            })
            .collect();
        let Some(other) = routes.insert(route, path.to_owned()) else { return };
        if other.contains('#') || path.contains('#') {
            return;
        }
        self.problems.error(
            "path-ambiguous",
            &node.key_location(),
            format!("the path matches the same addresses as `{other}`"),
            "keep one of them, with the operations of both",
        );
    }

    fn policy(&mut self, node: Node<'a>) -> Policy {
        let text = |key: &str| node.text(key).map(str::to_owned);
        let list = |key: &str| -> Vec<String> {
            node.get(key)
                .into_iter()
                .flat_map(Node::items)
                .filter_map(Node::as_str)
                .map(str::to_owned)
                .collect()
        };
        let idempotency = node.get("x-idempotency").and_then(|value| match value.as_str() {
            Some("natural") => Some(Idempotency::Natural),
            Some("key") => Some(Idempotency::Key),
            Some("none") => Some(Idempotency::None),
            _ => {
                self.wrong_extension(value, "`natural`, `key` or `none`");
                None
            }
        });
        for key in ["x-lane", "x-audit-action", "x-rate-limit-class"] {
            if let Some(value) = node.get(key).filter(|value| value.as_str().is_none()) {
                self.wrong_extension(value, "text");
            }
        }
        for key in ["x-required-traits", "x-problems"] {
            if let Some(value) = node.get(key) {
                let is_list = value.kind() == Kind::Array
                    && value.items().all(|item| item.as_str().is_some());
                if !is_list {
                    self.wrong_extension(value, "a list of texts");
                }
            }
        }
        let mut number = |key: &str, unit: &str| {
            let value = node.get(key)?;
            let number = value.as_u64();
            if number.is_none() {
                self.wrong_extension(value, &format!("a number of {unit}"));
            }
            number
        };
        Policy {
            lane: text("x-lane"),
            audit_action: text("x-audit-action"),
            rate_limit_class: text("x-rate-limit-class"),
            body_limit: number("x-body-limit", "octets"),
            max_authentication_age: number("x-max-authentication-age", "seconds"),
            idempotency,
            required_traits: list("x-required-traits"),
            problems: list("x-problems"),
            declared: self.declared(node),
        }
    }

    fn wrong_extension(&mut self, node: Node<'a>, wanted: &str) {
        let key = node.key().unwrap_or_default();
        self.problems.error(
            "extension-invalid",
            &node.location(),
            format!("`{key}` must be {wanted}"),
            "write it so, or remove it",
        );
    }
}

fn extensions(node: Node<'_>) -> Map<String, Value> {
    node.entries()
        .filter(|(key, _)| key.starts_with("x-") && !POLICY.contains(key))
        .map(|(key, value)| (key.to_owned(), value.to_value()))
        .collect()
}
