//! What the document says about itself: version, title, servers, tags, error catalogue.

use super::documents::Documents;
use super::keywords::Dialect;
use super::{Loader, members};
use crate::contract::{Info, Operation, ProblemCode, Server, Tag};
use crate::problem::Problems;
use crate::source::{Kind, Node};

/// Which version of the specification the document follows; a problem when we read none of it.
pub(super) fn dialect(documents: &Documents, problems: &mut Problems) -> Option<Dialect> {
    let root = documents.main().root();
    if let Some(version) = root.get("swagger") {
        problems.error(
            "version-unsupported",
            &version.location(),
            "this is a Swagger 2.0 document",
            "convert it to OpenAPI 3.0 or 3.1 first",
        );
        return None;
    }
    let Some(version) = root.get("openapi") else {
        let message = if root.is_object() {
            "the document has no `openapi` version"
        } else {
            "the document is not an object"
        };
        problems.error(
            "version-unsupported",
            &root.location(),
            message,
            "name an OpenAPI document that opens with `openapi: 3.0.3` or `openapi: 3.1.0`",
        );
        return None;
    };
    let text = match version.kind() {
        Kind::String => version.as_str().unwrap_or_default().to_owned(),
        _ => version.to_value().to_string(),
    };
    match text.split('.').take(2).collect::<Vec<_>>().as_slice() {
        ["3", "0"] => Some(Dialect::V30),
        ["3", "1"] => Some(Dialect::V31),
        ["3", "2"] => {
            problems.warning(
                "version-newer",
                &version.location(),
                "OAS 3.2 is read as 3.1",
                "what only 3.2 has is reported where it stands",
            );
            Some(Dialect::V31)
        }
        _ => {
            problems.error(
                "version-unsupported",
                &version.location(),
                format!("version `{text}` is not read"),
                "use 3.0 or 3.1",
            );
            None
        }
    }
}

impl<'a> Loader<'a> {
    pub(super) fn info(&mut self, root: Node<'a>) -> Info {
        let Some(node) = root.get("info") else {
            self.problems.error(
                "info-missing",
                &root.location(),
                "the document has no `info`",
                "add `info` with `title` and `version`",
            );
            return Info::default();
        };
        self.members(node, members::INFO);
        let text = |key: &str| node.text(key).unwrap_or_default().to_owned();
        for key in ["title", "version"] {
            if node.text(key).is_none() {
                let place = node.get(key).unwrap_or(node).location();
                let message = format!("`info` has no `{key}` text");
                self.problems.error(
                    "info-missing",
                    &place,
                    message,
                    format!("add `{key}`, in quotes"),
                );
            }
        }
        let license = node.get("license");
        let identifier =
            license.and_then(|license| license.text("identifier").or(license.text("name")));
        Info {
            title: text("title"),
            version: text("version"),
            description: node.get("description").and_then(|node| self.prose(node)),
            license: identifier.map(str::to_owned),
        }
    }

    pub(super) fn servers(&mut self, root: Node<'a>) -> Vec<Server> {
        let mut servers = Vec::new();
        for node in root.get("servers").into_iter().flat_map(Node::items) {
            self.members(node, members::SERVER);
            let Some(url) = node.text("url") else {
                self.problems.error(
                    "server-invalid",
                    &node.location(),
                    "a server without `url`",
                    "add its `url`",
                );
                continue;
            };
            let mut url = url.to_owned();
            for (name, variable) in node.get("variables").into_iter().flat_map(Node::entries) {
                url = url
                    .replace(&format!("{{{name}}}"), variable.text("default").unwrap_or_default());
            }
            servers.push(Server {
                url,
                description: node.get("description").and_then(|node| self.prose(node)),
            });
        }
        servers
    }

    /// Declared tags in order, then those only operations name.
    pub(super) fn tags(&mut self, root: Node<'a>, operations: &[Operation]) -> Vec<Tag> {
        let mut tags: Vec<Tag> = Vec::new();
        for node in root.get("tags").into_iter().flat_map(Node::items) {
            self.members(node, members::TAG);
            match node.text("name") {
                None => self.wrong_kind(node, "a tag with a `name`"),
                Some(name) if tags.iter().any(|tag| tag.name == name) => self.problems.warning(
                    "tag-repeated",
                    &node.location(),
                    format!("the tag `{name}` is declared twice"),
                    "remove one declaration",
                ),
                Some(name) => {
                    let description = node.get("description").and_then(|node| self.prose(node));
                    tags.push(Tag { name: name.to_owned(), description });
                }
            }
        }
        for operation in operations {
            if !tags.iter().any(|tag| tag.name == operation.tag) {
                tags.push(Tag { name: operation.tag.clone(), description: None });
            }
        }
        tags.retain(|tag| operations.iter().any(|operation| operation.tag == tag.name));
        tags
    }

    pub(super) fn problem_codes(&mut self, root: Node<'a>) -> Vec<ProblemCode> {
        let mut codes: Vec<ProblemCode> = Vec::new();
        for node in root.get("x-problem-catalogue").into_iter().flat_map(Node::items) {
            let status = node
                .get("status")
                .and_then(Node::as_u64)
                .filter(|status| (400..600).contains(status));
            let (Some(code), Some(status), Some(title)) =
                (node.text("code"), status, node.text("title"))
            else {
                self.problems.error(
                    "problem-invalid",
                    &node.location(),
                    "an entry of the catalogue needs `code`, `status` (400 to 599) and `title`",
                    "add what is missing",
                );
                continue;
            };
            if codes.iter().any(|known| known.code == code) {
                self.problems.error(
                    "problem-repeated",
                    &node.location(),
                    format!("the code `{code}` stands twice in the catalogue"),
                    "remove one entry",
                );
                continue;
            }
            codes.push(ProblemCode {
                code: code.to_owned(),
                status: u16::try_from(status).unwrap_or(500),
                title: title.to_owned(),
                hint: node.text("hint").map(str::to_owned),
                retryable: node.flag("retryable"),
            });
        }
        codes
    }
}
