//! The parity document: public SDK symbols, checked against the operations behind them.

use super::documents::Documents;
use super::nearest::nearest;
use crate::config::Config;
use crate::contract::{
    Contract, Operation, ParameterLocation, Parity, ParityError, ParityMethod, ParityParameter,
    ParitySymbol, Shape, Type, TypeKind,
};
use crate::problem::Problems;
use crate::source::Node;
use serde_json::Value;
use std::path::Path;

pub(super) fn load(config: &Config, root: &Path, contract: &mut Contract, problems: &mut Problems) {
    let Some(file) = &config.parity else { return };
    let Some(documents) = Documents::read(root, file, problems) else { return };
    let node = documents.main().root();
    let mut reader = Reader { contract, problems };
    let errors: Vec<ParityError> =
        items(node, "errors").filter_map(|error| reader.error(error)).collect();
    reader.check_parents(node, &errors);
    let symbols =
        items(node, "symbols").filter_map(|symbol| reader.symbol(symbol, &errors)).collect();
    contract.parity = Some(Parity { symbols, errors, location: node.location() });
}

struct Reader<'r> {
    contract: &'r Contract,
    problems: &'r mut Problems,
}

impl Reader<'_> {
    fn error(&mut self, node: Node<'_>) -> Option<ParityError> {
        let name = self.name(node)?;
        let codes: Vec<String> =
            items(node, "codes").filter_map(Node::as_str).map(str::to_owned).collect();
        for code in items(node, "codes") {
            let text = code.as_str().unwrap_or_default();
            let known = &self.contract.problem_codes;
            if known.iter().any(|known| known.code == text) {
                continue;
            }
            let near = nearest(text, known.iter().map(|known| known.code.as_str()));
            self.problems.error(
                "parity-unknown",
                &code.location(),
                format!("the catalogue has no code `{text}`"),
                suggestion(near, "add it to `x-problem-catalogue`, or remove it here"),
            );
        }
        let statuses = items(node, "statuses")
            .filter_map(Node::as_u64)
            .filter_map(|status| u16::try_from(status).ok());
        Some(ParityError {
            name,
            parent: node.text("parent").map(str::to_owned),
            description: node.text("description").unwrap_or_default().to_owned(),
            codes,
            statuses: statuses.collect(),
        })
    }

    fn check_parents(&mut self, root: Node<'_>, errors: &[ParityError]) {
        for node in items(root, "errors") {
            let Some(parent) = node.get("parent") else { continue };
            let text = parent.as_str().unwrap_or_default();
            if !errors.iter().any(|error| error.name == text) {
                let near = nearest(text, errors.iter().map(|error| error.name.as_str()));
                let message = format!("there is no error `{text}`");
                self.problems.error(
                    "parity-unknown",
                    &parent.location(),
                    message,
                    suggestion(near, "declare it"),
                );
            }
        }
        if !errors.is_empty() && errors.iter().filter(|error| error.parent.is_none()).count() != 1 {
            let message = "the error tree needs exactly one root";
            self.problems.error(
                "parity-invalid",
                &root.location(),
                message,
                "leave out `parent` for the root alone",
            );
        }
        for error in errors {
            let mut current = error;
            for _ in 0..errors.len() {
                let parent =
                    errors.iter().find(|other| Some(&other.name) == current.parent.as_ref());
                let Some(parent) = parent else { break };
                current = parent;
                if current.name == error.name {
                    let message = format!("`{}` is its own ancestor", error.name);
                    self.problems.error(
                        "parity-invalid",
                        &root.location(),
                        message,
                        "break the circle of parents",
                    );
                    break;
                }
            }
        }
    }

    fn symbol(&mut self, node: Node<'_>, errors: &[ParityError]) -> Option<ParitySymbol> {
        let name = self.name(node)?;
        let methods =
            items(node, "methods").filter_map(|method| self.method(method, errors)).collect();
        Some(ParitySymbol {
            name,
            description: node.text("description").unwrap_or_default().to_owned(),
            methods,
            location: node.location(),
        })
    }

    fn method(&mut self, node: Node<'_>, errors: &[ParityError]) -> Option<ParityMethod> {
        let name = self.name(node)?;
        let wanted = node.text("operation").unwrap_or_default();
        let operations = &self.contract.operations;
        let Some(operation) = operations.iter().find(|operation| operation.id == wanted) else {
            let near = nearest(wanted, operations.iter().map(|operation| operation.id.as_str()));
            self.problems.error(
                "parity-unknown",
                &node.get("operation").unwrap_or(node).location(),
                format!("the spec has no operation `{wanted}`"),
                suggestion(near, "name an `operationId` of the spec"),
            );
            return None;
        };
        for error in items(node, "errors") {
            let text = error.as_str().unwrap_or_default();
            if !errors.iter().any(|known| known.name == text) {
                let near = nearest(text, errors.iter().map(|known| known.name.as_str()));
                let message = format!("there is no error `{text}`");
                self.problems.error(
                    "parity-unknown",
                    &error.location(),
                    message,
                    suggestion(near, "declare it under `errors`"),
                );
            }
        }
        let parameters: Vec<ParityParameter> = items(node, "parameters")
            .filter_map(|parameter| self.parameter(parameter, operation))
            .collect();
        self.check_complete(node, operation, &parameters);
        let answer = success_type(operation);
        let returns_field = node.text("returns_field");
        let returns = match (returns_field, answer) {
            (Some(field), Some(answer)) => self.answer_field(node, &answer, field),
            (_, answer) => answer,
        };
        Some(ParityMethod {
            name,
            description: node.text("description").unwrap_or_default().to_owned(),
            operation: operation.id.clone(),
            parameters,
            returns_field: returns_field.map(str::to_owned),
            returns,
            errors: items(node, "errors").filter_map(Node::as_str).map(str::to_owned).collect(),
            location: node.location(),
        })
    }

    fn answer_field(&mut self, node: Node<'_>, answer: &Type, name: &str) -> Option<Type> {
        let found = self.contract.field_of(answer, name).map(|field| field.ty.clone());
        if found.is_none() {
            self.problems.error(
                "parity-unknown",
                &node.get("returns_field").unwrap_or(node).location(),
                format!("the answer has no field `{name}`"),
                "name a field of the answer, or leave `returns_field` out",
            );
        }
        found
    }

    /// Every value the operation cannot do without must come from a parameter.
    fn check_complete(
        &mut self,
        node: Node<'_>,
        operation: &Operation,
        parameters: &[ParityParameter],
    ) {
        let mut missing = Vec::new();
        for parameter in operation.parameters.iter().filter(|parameter| parameter.required) {
            let target =
                format!("{}.{}", location_word(parameter.location_in), parameter.wire_name);
            if !parameters.iter().any(|known| known.target == target) {
                missing.push(target);
            }
        }
        if let Some(body) = operation.body.as_ref().filter(|body| body.required) {
            let takes_whole = parameters.iter().any(|parameter| parameter.target == "body");
            let fields =
                body.contents.first().and_then(|content| self.contract.object_of(&content.ty));
            for field in fields.into_iter().flat_map(|object| &object.fields) {
                let target = format!("body.{}", field.wire_name);
                let is_given = takes_whole || parameters.iter().any(|known| known.target == target);
                if field.required && !field.read_only && !is_given {
                    missing.push(target);
                }
            }
        }
        for target in missing {
            self.problems.error(
                "parity-incomplete",
                &node.location(),
                format!("the operation needs `{target}`, and no parameter gives it"),
                "add a parameter with this target",
            );
        }
    }

    fn parameter(&mut self, node: Node<'_>, operation: &Operation) -> Option<ParityParameter> {
        let name = self.name(node)?;
        let target = node.text("target").unwrap_or_default();
        let body = operation.body.as_ref().and_then(|body| Some((body, body.contents.first()?)));
        let found: Option<(Type, bool, Option<Value>)> = match target.split_once('.') {
            None if target == "body" => {
                body.map(|(body, content)| (content.ty.clone(), body.required, None))
            }
            Some(("body", field)) => body.and_then(|(body, content)| {
                let field = self.contract.field_of(&content.ty, field)?;
                Some((field.ty.clone(), body.required && field.required, field.default.clone()))
            }),
            Some((place, wire_name)) => {
                let parameter = operation.parameters.iter().find(|parameter| {
                    location_word(parameter.location_in) == place
                        && parameter.wire_name == wire_name
                });
                parameter.map(|parameter| {
                    (parameter.ty.clone(), parameter.required, parameter.default.clone())
                })
            }
            None => None,
        };
        let Some((ty, required, default)) = found else {
            self.problems.error(
                "parity-unknown",
                &node.get("target").unwrap_or(node).location(),
                format!("the operation `{}` has no `{target}`", operation.id),
                "write `path.NAME`, `query.NAME`, `header.NAME`, `body` or `body.FIELD`",
            );
            return None;
        };
        Some(ParityParameter {
            name,
            description: node.text("description").unwrap_or_default().to_owned(),
            ty,
            required,
            default,
            target: target.to_owned(),
        })
    }

    fn name(&mut self, node: Node<'_>) -> Option<String> {
        let name = node.text("name").filter(|name| {
            name.starts_with(|first: char| first.is_ascii_alphabetic())
                && name.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'_')
        });
        if name.is_none() {
            self.problems.error(
                "parity-invalid",
                &node.get("name").unwrap_or(node).location(),
                "expected a `name` of ASCII letters, digits and underscores",
                "give it such a name",
            );
        }
        name.map(str::to_owned)
    }
}

fn success_type(operation: &Operation) -> Option<Type> {
    Some(operation.success()?.contents.first()?.ty.clone())
}

fn location_word(location: ParameterLocation) -> &'static str {
    match location {
        ParameterLocation::Path => "path",
        ParameterLocation::Query => "query",
        ParameterLocation::Header => "header",
        ParameterLocation::Cookie => "cookie",
    }
}

fn items<'a>(node: Node<'a>, key: &str) -> impl Iterator<Item = Node<'a>> + use<'a> {
    node.get(key).into_iter().flat_map(Node::items)
}

fn suggestion(near: Option<&str>, otherwise: &str) -> String {
    near.map_or_else(|| otherwise.to_owned(), |near| format!("did you mean `{near}`?"))
}

impl Contract {
    /// The object behind a type, through aliases.
    pub fn object_of(&self, ty: &Type) -> Option<&crate::contract::Object> {
        let mut ty = ty;
        for _ in 0..64 {
            let Shape::Named(name) = &ty.shape else { return None };
            match &self.types.get(name)?.kind {
                TypeKind::Object(object) => return Some(object),
                TypeKind::Alias(inner) => ty = inner,
                _ => return None,
            }
        }
        None
    }

    /// A field of the object behind a type.
    pub fn field_of(&self, ty: &Type, wire_name: &str) -> Option<&crate::contract::Field> {
        self.object_of(ty)?.fields.iter().find(|field| field.wire_name == wire_name)
    }
}
