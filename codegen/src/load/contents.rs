//! Bodies, answers and headers.

use super::place::Place;
use super::{Loader, members};
use crate::contract::{Body, Content, ContentKind, Header, Response, Shape, StatusRange, Type};
use crate::source::Node;

impl<'a> Loader<'a> {
    pub(super) fn body(&mut self, node: Node<'a>, operation: &str) -> Option<Body> {
        let target = self.follow(node)?;
        self.members(target, members::BODY);
        let owner =
            owner_name(node, target, "Request").unwrap_or_else(|| format!("{operation}Request"));
        let contents = match target.get("content") {
            Some(content) => self.contents(content, &owner),
            None => {
                self.problems.error(
                    "content-missing",
                    &target.location(),
                    "a request body needs `content`",
                    "name the media type of the body and its schema",
                );
                Vec::new()
            }
        };
        if contents.is_empty() {
            return None;
        }
        let description = target.get("description").and_then(|node| self.prose(node));
        Some(Body { required: target.flag("required"), description, contents })
    }

    pub(super) fn responses(&mut self, operation: Node<'a>, name: &str) -> Vec<Response> {
        let mut responses = Vec::new();
        let Some(declared) = operation.get("responses") else {
            self.problems.error(
                "response-missing",
                &operation.key_location(),
                "the operation declares no answer",
                "add `responses` with at least one status",
            );
            return responses;
        };
        if !declared.is_object() {
            self.wrong_kind(declared, "an object of responses by status");
        }
        for (key, node) in declared.entries() {
            if key.starts_with("x-") {
                continue;
            }
            let Some(status) = status(key) else {
                self.problems.error(
                    "status-invalid",
                    &node.key_location(),
                    format!("`{key}` is not a status"),
                    "write a code from 100 to 599, a range such as `4XX`, or `default`",
                );
                continue;
            };
            if let Some(response) = self.response(node, status, key, name) {
                responses.push(response);
            }
        }
        responses.sort_by_key(|response| response.status);
        let is_plain = |response: &Response| response.status != StatusRange::Default;
        if !declared.entries().any(|(key, _)| !key.starts_with("x-")) {
            self.problems.warning(
                "response-missing",
                &declared.key_location(),
                "the operation declares no answer",
                "add at least one status",
            );
        } else if responses.iter().any(is_plain)
            && !responses.iter().any(|response| succeeds(response.status))
        {
            self.problems.warning(
                "response-without-success",
                &declared.key_location(),
                "no answer of this operation is a success",
                "declare the answer of a success (2XX, or 1XX or 3XX where that is meant)",
            );
        }
        responses
    }

    fn response(
        &mut self,
        node: Node<'a>,
        status: StatusRange,
        key: &str,
        operation: &str,
    ) -> Option<Response> {
        let target = self.follow(node)?;
        if !target.is_object() {
            self.wrong_kind(target, "a response");
            return None;
        }
        self.members(target, members::RESPONSE);
        let by_place = match status {
            StatusRange::Code(200..=299) => format!("{operation}Response"),
            StatusRange::Default => format!("{operation}DefaultResponse"),
            _ => format!("{operation}Response{}", key.to_ascii_uppercase()),
        };
        let owner = owner_name(node, target, "Response").unwrap_or(by_place);
        let headers = self.headers(target, &owner);
        let contents =
            target.get("content").map_or_else(Vec::new, |content| self.contents(content, &owner));
        let description =
            target.get("description").and_then(|node| self.prose(node)).unwrap_or_default();
        Some(Response { status, description, headers, contents })
    }

    fn headers(&mut self, response: Node<'a>, owner: &str) -> Vec<Header> {
        let mut headers = Vec::new();
        for (wire_name, node) in response.get("headers").into_iter().flat_map(Node::entries) {
            let Some(target) = self.follow(node) else { continue };
            self.members(target, members::HEADER);
            let outer = Place::Named(owner);
            let place = outer.within(wire_name);
            let ty = target
                .get("schema")
                .map_or_else(|| Type::new(Shape::String), |schema| self.shared(schema, &place));
            let description = target.get("description").and_then(|node| self.prose(node));
            headers.push(Header {
                wire_name: wire_name.to_owned(),
                ty,
                required: target.flag("required"),
                description,
            });
        }
        headers
    }

    /// The entries of `content`, in order.
    pub(super) fn contents(&mut self, node: Node<'a>, owner: &str) -> Vec<Content> {
        let mut contents: Vec<Content> = Vec::new();
        if !node.is_object() {
            self.wrong_kind(node, "an object of schemas by media type");
        }
        for (media_type, entry) in node.entries() {
            let Some(entry) = self.follow(entry) else { continue };
            self.members(entry, members::MEDIA_TYPE);
            if !media_type.contains('/') {
                self.problems.error(
                    "media-type-invalid",
                    &entry.key_location(),
                    format!("`{media_type}` is not a media type"),
                    "write type and subtype, such as `application/json`",
                );
                continue;
            }
            let mut kind = content_kind(media_type);
            let schema = entry.get("schema").or_else(|| entry.get("itemSchema"));
            let ty = match (kind, schema) {
                (ContentKind::Binary, _) => Type::new(Shape::Binary),
                (ContentKind::Text, None) => Type::new(Shape::String),
                (_, None) => Type::any(),
                (_, Some(schema)) => self.shared(schema, &Place::Named(owner)),
            };
            // A wildcard without a schema, or a JSON body of raw octets, is a stream of octets.
            let is_wildcard = media_type.starts_with("*/") || media_type.is_empty();
            if ty.shape == Shape::Binary || (is_wildcard && ty.shape == Shape::Any) {
                kind = ContentKind::Binary;
            }
            let ty = match kind {
                ContentKind::Binary => Type::new(Shape::Binary),
                ContentKind::Text if !is_textual(&ty.shape) => Type::new(Shape::String),
                _ => ty,
            };
            contents.push(Content {
                media_type: media_type.to_owned(),
                kind,
                ty,
                examples: self.examples(entry),
            });
        }
        contents
    }

    /// `example`, or the values of `examples`.
    pub(super) fn examples(&mut self, node: Node<'a>) -> Vec<serde_json::Value> {
        let mut values = Vec::new();
        if let Some(example) = node.get("example") {
            values.push(self.example_value(example));
        }
        for (_, example) in node.get("examples").into_iter().flat_map(Node::entries) {
            let Some(example) = self.follow(example) else { continue };
            if let Some(value) = example.get("value") {
                values.push(self.example_value(value));
            }
        }
        values
    }

    /// A literal; some documents put a reference to a file in its place.
    fn example_value(&self, node: Node<'a>) -> serde_json::Value {
        let reference = node.get("$ref").filter(|_| node.entries().count() == 1);
        let target = reference
            .and_then(|reference| self.documents.resolve(reference, reference.as_str()?).ok());
        target.unwrap_or(node).to_value()
    }

    /// The type of a schema that several operations may reach through one component.
    pub(super) fn shared(&mut self, node: Node<'a>, place: &Place<'_>) -> Type {
        if let Some(ty) = self.shared.get(&node) {
            return ty.clone();
        }
        let ty = self.schema(node, place);
        self.shared.insert(node, ty.clone());
        ty
    }
}

/// The name of what stands in a component, when the value was reached by reference.
pub(super) fn owner_name(node: Node<'_>, target: Node<'_>, suffix: &str) -> Option<String> {
    if node == target {
        return None;
    }
    let key = target.key().map_or_else(
        || {
            target
                .document()
                .file
                .rsplit('/')
                .next()
                .and_then(|name| name.split('.').next())
                .map(str::to_owned)
        },
        |key| Some(key.to_owned()),
    )?;
    let name = crate::names::pascal(&key);
    Some(if name.ends_with(suffix) { name } else { format!("{name}{suffix}") })
}

fn is_textual(shape: &Shape) -> bool {
    !matches!(
        shape,
        Shape::Any
            | Shape::Null
            | Shape::Array(_)
            | Shape::Map(_)
            | Shape::Binary
            | Shape::Named(_)
    )
}

fn succeeds(status: StatusRange) -> bool {
    match status {
        StatusRange::Code(code) => code < 400,
        StatusRange::Range(class) => class < 4,
        StatusRange::Default => false,
    }
}

fn status(key: &str) -> Option<StatusRange> {
    if key == "default" {
        return Some(StatusRange::Default);
    }
    let octets = key.as_bytes();
    if octets.len() != 3 || !(b'1'..=b'5').contains(&octets[0]) {
        return None;
    }
    if octets[1..].eq_ignore_ascii_case(b"XX") {
        return Some(StatusRange::Range(u16::from(octets[0] - b'0')));
    }
    octets.iter().all(u8::is_ascii_digit).then(|| key.parse().ok().map(StatusRange::Code))?
}

fn content_kind(media_type: &str) -> ContentKind {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/x-www-form-urlencoded" => ContentKind::Form,
        "text/event-stream" => ContentKind::EventStream,
        "application/x-ndjson"
        | "application/ndjson"
        | "application/jsonl"
        | "application/json-lines"
        | "application/x-jsonlines"
        | "application/json-seq"
        | "application/stream+json" => ContentKind::JsonLines,
        "application/json" | "text/json" | "application/*" | "*/*" => ContentKind::Json,
        "application/xml" => ContentKind::Text,
        _ if essence.ends_with("+json") => ContentKind::Json,
        _ if essence.ends_with("+xml") => ContentKind::Text,
        _ if essence.starts_with("multipart/") => ContentKind::Multipart,
        _ if essence.starts_with("text/") => ContentKind::Text,
        _ => ContentKind::Binary,
    }
}
