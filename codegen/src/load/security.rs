//! Security schemes, and which of them an operation asks for.

use super::{Loader, members};
use crate::contract::{ParameterLocation, SecurityRequirement, SecurityScheme, SecuritySchemeKind};
use crate::source::{Kind, Node};
use indexmap::IndexMap;

impl<'a> Loader<'a> {
    pub(super) fn security_schemes(&mut self, root: Node<'a>) -> IndexMap<String, SecurityScheme> {
        let declared =
            root.get("components").and_then(|components| components.get("securitySchemes"));
        let mut schemes = IndexMap::new();
        for (name, node) in declared.into_iter().flat_map(Node::entries) {
            let Some(node) = self.follow(node) else { continue };
            self.members(node, members::SECURITY_SCHEME);
            let Some(kind) = self.scheme_kind(node) else { continue };
            let description = node.get("description").and_then(|node| self.prose(node));
            schemes.insert(
                name.to_owned(),
                SecurityScheme { name: name.to_owned(), kind, description },
            );
        }
        schemes
    }

    /// A scheme that nobody declared is one that nobody satisfies, not one that is left out.
    pub(super) fn unsatisfiable_schemes(&mut self) -> Vec<SecurityScheme> {
        let names = std::mem::take(&mut self.undeclared_schemes);
        let kind = SecuritySchemeKind::Http("undeclared".to_owned());
        names
            .into_iter()
            .map(|name| SecurityScheme { name, kind: kind.clone(), description: None })
            .collect()
    }

    fn scheme_kind(&mut self, node: Node<'a>) -> Option<SecuritySchemeKind> {
        let kind = match (
            node.text("type"),
            node.text("scheme").map(str::to_ascii_lowercase).as_deref(),
        ) {
            (Some("http"), Some("bearer")) => SecuritySchemeKind::HttpBearer,
            (Some("http"), Some("basic")) => SecuritySchemeKind::HttpBasic,
            (Some("http"), Some(_)) => SecuritySchemeKind::Http(node.text("scheme")?.to_owned()),
            (Some("oauth2"), _) => SecuritySchemeKind::OAuth2,
            (Some("openIdConnect"), _) => SecuritySchemeKind::OpenIdConnect,
            (Some("mutualTLS"), _) => SecuritySchemeKind::MutualTls,
            (Some("apiKey"), _) => {
                let location_in = match node.text("in") {
                    Some("query") => Some(ParameterLocation::Query),
                    Some("header") => Some(ParameterLocation::Header),
                    Some("cookie") => Some(ParameterLocation::Cookie),
                    _ => None,
                };
                match (location_in, node.text("name")) {
                    (Some(location_in), Some(name)) => {
                        SecuritySchemeKind::ApiKey { location_in, wire_name: name.to_owned() }
                    }
                    _ => {
                        self.invalid_scheme(
                            node,
                            "an `apiKey` scheme needs `name` and `in` (query, header or cookie)",
                        );
                        return None;
                    }
                }
            }
            _ => {
                self.invalid_scheme(node, "the scheme has no known `type`");
                return None;
            }
        };
        Some(kind)
    }

    fn invalid_scheme(&mut self, node: Node<'a>, message: &str) {
        self.problems.error(
            "security-scheme-invalid",
            &node.location(),
            message,
            "use http (with `scheme`), apiKey, oauth2, openIdConnect or mutualTLS",
        );
    }

    /// The requirements of an operation, else those of the document.
    pub(super) fn security(&mut self, operation: Node<'a>) -> Vec<SecurityRequirement> {
        let root = self.documents.main().root();
        let Some(security) = operation.get("security").or_else(|| root.get("security")) else {
            return Vec::new();
        };
        if security.kind() != Kind::Array {
            self.wrong_kind(security, "a list of security requirements");
        }
        let mut requirements = Vec::new();
        for node in security.items() {
            let mut schemes = Vec::new();
            for (name, scopes) in node.entries() {
                if self.component("securitySchemes", name).is_none() {
                    self.undefined_scheme(name, scopes);
                }
                let scopes = scopes.items().filter_map(Node::as_str).map(str::to_owned).collect();
                schemes.push((name.to_owned(), scopes));
            }
            requirements.push(SecurityRequirement { schemes });
        }
        requirements
    }

    fn undefined_scheme(&mut self, name: &str, node: Node<'a>) {
        let root = self.documents.main().root();
        let declared =
            root.get("components").and_then(|components| components.get("securitySchemes"));
        let known = declared.into_iter().flat_map(Node::entries).map(|(name, _)| name);
        let help = super::nearest::nearest(name, known).map_or_else(
            || "declare it under `components.securitySchemes`".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        self.problems.warning(
            "security-undefined",
            &node.key_location(),
            format!("the security scheme `{name}` is not declared, so nobody can satisfy it"),
            help,
        );
        if !self.undeclared_schemes.iter().any(|known| known == name) {
            self.undeclared_schemes.push(name.to_owned());
        }
    }
}
