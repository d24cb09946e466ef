//! Which members the objects of OpenAPI have, so that a slip of the pen is found.

use super::Loader;
use super::nearest::nearest;
use crate::source::Node;

/// One kind of object and its members, in both versions.
pub(super) struct Members {
    what: &'static str,
    names: &'static [&'static str],
}

macro_rules! members {
    ($($(#[$doc:meta])* $constant:ident = $what:literal: $($name:literal)*;)*) => {
        $($(#[$doc])* pub(super) const $constant: &Members = &Members { what: $what, names: &[$($name),*] };)*
    };
}

members! {
    ROOT = "the document": "openapi" "info" "jsonSchemaDialect" "servers" "paths" "webhooks" "components" "security" "tags" "externalDocs" "$self";
    INFO = "the info": "title" "summary" "description" "termsOfService" "contact" "license" "version";
    COMPONENTS = "the components": "schemas" "responses" "parameters" "examples" "requestBodies" "headers" "securitySchemes" "links" "callbacks" "pathItems" "mediaTypes";
    PATH_ITEM = "a path": "$ref" "summary" "description" "get" "put" "post" "delete" "options" "head" "patch" "trace" "servers" "parameters" "query" "additionalOperations";
    OPERATION = "an operation": "tags" "summary" "description" "externalDocs" "operationId" "parameters" "requestBody" "responses" "callbacks" "deprecated" "security" "servers";
    PARAMETER = "a parameter": "name" "in" "description" "required" "deprecated" "allowEmptyValue" "style" "explode" "allowReserved" "schema" "example" "examples" "content";
    HEADER = "a header": "description" "required" "deprecated" "allowEmptyValue" "style" "explode" "allowReserved" "schema" "example" "examples" "content";
    BODY = "a request body": "description" "content" "required";
    MEDIA_TYPE = "a media type": "schema" "example" "examples" "encoding" "itemSchema" "prefixEncoding" "itemEncoding";
    RESPONSE = "a response": "description" "headers" "content" "links" "summary";
    TAG = "a tag": "name" "description" "externalDocs" "summary" "parent" "kind";
    SERVER = "a server": "url" "description" "variables" "name";
    SECURITY_SCHEME = "a security scheme": "type" "description" "name" "in" "scheme" "bearerFormat" "flows" "openIdConnectUrl" "oauth2MetadataUrl" "deprecated";
}

impl Loader<'_> {
    /// Warns of members this kind of object does not have.
    pub(super) fn members(&mut self, node: Node<'_>, members: &Members) {
        for (key, value) in node.entries() {
            if key.starts_with("x-") || members.names.contains(&key) {
                continue;
            }
            let help = nearest(key, members.names.iter().copied()).map_or_else(
                || "remove it, or let its name open with `x-`".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            let message = format!("`{key}` is not a member of {}", members.what);
            self.problems.warning("unknown-field", &value.key_location(), message, help);
        }
    }
}
