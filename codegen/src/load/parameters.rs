//! Parameters of a path and of an operation.

use super::contents::owner_name;
use super::place::Place;
use super::{Loader, members};
use crate::contract::{Parameter, ParameterLocation, ParameterStyle, PathSegment, Shape, Type};
use crate::source::{Kind, Node};

impl<'a> Loader<'a> {
    /// Parameters of the operation and those it inherits from its path: first those of the path,
    /// in path order, then the others in the order of the spec.
    pub(super) fn parameters(
        &mut self,
        path_item: Node<'a>,
        operation: Node<'a>,
        segments: &[PathSegment],
        name: &str,
    ) -> Vec<Parameter> {
        let mut parameters = self.own_parameters(path_item, name);
        for own in self.own_parameters(operation, name) {
            match parameters.iter_mut().find(|known| is_same(known, &own)) {
                Some(inherited) => *inherited = own,
                None => parameters.push(own),
            }
        }
        let mut in_path = Vec::new();
        for segment in segments {
            let PathSegment::Parameter(wire_name) = segment else { continue };
            let found = parameters.iter().position(|parameter| {
                parameter.location_in == ParameterLocation::Path
                    && parameter.wire_name == *wire_name
            });
            match found {
                Some(index) => in_path.push(parameters.remove(index)),
                None => self.problems.error(
                    "path-parameter-undeclared",
                    &operation.key_location(),
                    format!("the path has `{{{wire_name}}}`, and no parameter describes it"),
                    format!(
                        "add a parameter with `name: {wire_name}`, `in: path` and `required: true`"
                    ),
                ),
            }
        }
        parameters.retain(|parameter| {
            let is_unused = parameter.location_in == ParameterLocation::Path;
            if is_unused {
                self.problems.warning(
                    "path-parameter-unused",
                    &parameter.location,
                    format!("the path has no `{{{}}}`", parameter.wire_name),
                    "remove the parameter, or name it in the path",
                );
            }
            !is_unused
        });
        in_path.extend(parameters);
        in_path
    }

    fn own_parameters(&mut self, holder: Node<'a>, operation: &str) -> Vec<Parameter> {
        let Some(list) = holder.get("parameters") else { return Vec::new() };
        if list.kind() != Kind::Array {
            self.wrong_kind(list, "a list of parameters");
        }
        let mut parameters: Vec<Parameter> = Vec::new();
        for node in list.items() {
            let Some(parameter) = self.parameter(node, operation) else { continue };
            if parameters.iter().any(|known| is_same(known, &parameter)) {
                self.problems.error(
                    "parameter-repeated",
                    &node.location(),
                    format!("the parameter `{}` stands twice", parameter.wire_name),
                    "remove one of them",
                );
                continue;
            }
            parameters.push(parameter);
        }
        parameters
    }

    fn parameter(&mut self, node: Node<'a>, operation: &str) -> Option<Parameter> {
        let target = self.follow(node)?;
        if !target.is_object() {
            self.wrong_kind(target, "a parameter");
            return None;
        }
        self.members(target, members::PARAMETER);
        let Some(wire_name) = target.text("name").filter(|name| !name.is_empty()) else {
            self.invalid(target, "the parameter has no `name`", "add its `name`");
            return None;
        };
        let location_in = match target.text("in") {
            Some("path") => ParameterLocation::Path,
            Some("query") => ParameterLocation::Query,
            Some("header") => ParameterLocation::Header,
            Some("cookie") => ParameterLocation::Cookie,
            Some("body" | "formData") => {
                self.invalid(target, "this is a parameter of Swagger 2.0", "use `requestBody`");
                return None;
            }
            _ => {
                self.invalid(
                    target,
                    "the parameter does not say where it goes",
                    "set `in` to path, query, header or cookie",
                );
                return None;
            }
        };
        let is_in_path = location_in == ParameterLocation::Path;
        if is_in_path && !target.flag("required") {
            self.problems.warning(
                "path-parameter-optional",
                &target.location(),
                format!("the path parameter `{wire_name}` is not `required`"),
                "add `required: true`; a path cannot do without it",
            );
        }
        // These headers are set by the transport; RFC 9110 and OAS give a parameter no say.
        let lower = wire_name.to_ascii_lowercase();
        if location_in == ParameterLocation::Header
            && matches!(lower.as_str(), "accept" | "content-type" | "authorization")
        {
            self.problems.warning(
                "parameter-ignored",
                &target.location(),
                format!("a parameter cannot set the header `{wire_name}`"),
                "declare media types in `content` and credentials in `security`",
            );
            return None;
        }
        let owner = owner_name(node, target, "Parameter");
        let ty = self.parameter_type(target, wire_name, owner.as_deref(), operation);
        let (style, explode) = self.style(target, location_in);
        let schema = target.get("schema").filter(|schema| schema.is_object());
        let of_schema = |key: &str| schema.and_then(|schema| schema.get(key));
        let examples = self.examples(target);
        let data_class =
            target.text("x-data-class").or_else(|| of_schema("x-data-class")?.as_str());
        Some(Parameter {
            wire_name: wire_name.to_owned(),
            location_in,
            style,
            explode,
            required: is_in_path || target.flag("required"),
            ty,
            default: of_schema("default").map(Node::to_value),
            description: target.get("description").and_then(|node| self.prose(node)),
            example: examples
                .into_iter()
                .next()
                .or_else(|| of_schema("example").map(Node::to_value)),
            data_class: data_class.map(str::to_owned),
            deprecated: target.flag("deprecated"),
            location: target.location(),
        })
    }

    fn parameter_type(
        &mut self,
        target: Node<'a>,
        wire_name: &str,
        owner: Option<&str>,
        operation: &str,
    ) -> Type {
        let outer = Place::Named(owner.unwrap_or(operation));
        let within = outer.within(wire_name);
        let place = if owner.is_some() { outer } else { within };
        if let Some(schema) = target.get("schema") {
            return self.shared(schema, &place);
        }
        let content = target.get("content").and_then(|content| content.entries().next());
        match content {
            Some((_, entry)) => match entry.get("schema") {
                Some(schema) => self.shared(schema, &place),
                None => Type::any(),
            },
            None => {
                self.problems.warning(
                    "parameter-untyped",
                    &target.location(),
                    format!("the parameter `{wire_name}` has neither `schema` nor `content`"),
                    "add a `schema`; until then it is a text",
                );
                Type::new(Shape::String)
            }
        }
    }

    fn style(
        &mut self,
        target: Node<'a>,
        location_in: ParameterLocation,
    ) -> (ParameterStyle, bool) {
        if target.get("schema").is_none() && target.get("content").is_some() {
            return (ParameterStyle::Json, false);
        }
        let by_location = match location_in {
            ParameterLocation::Path | ParameterLocation::Header => ParameterStyle::Simple,
            ParameterLocation::Query | ParameterLocation::Cookie => ParameterStyle::Form,
        };
        let style = match (target.text("style"), location_in) {
            (None, _) => by_location,
            (Some("simple"), ParameterLocation::Path | ParameterLocation::Header) => {
                ParameterStyle::Simple
            }
            (Some("form"), ParameterLocation::Query | ParameterLocation::Cookie) => {
                ParameterStyle::Form
            }
            (Some("label"), ParameterLocation::Path) => ParameterStyle::Label,
            (Some("matrix"), ParameterLocation::Path) => ParameterStyle::Matrix,
            (Some("spaceDelimited"), ParameterLocation::Query) => ParameterStyle::SpaceDelimited,
            (Some("pipeDelimited"), ParameterLocation::Query) => ParameterStyle::PipeDelimited,
            (Some("deepObject"), ParameterLocation::Query) => ParameterStyle::DeepObject,
            (Some(style), _) => {
                let message =
                    format!("the style `{style}` does not exist for this kind of parameter");
                let place = target.get("style").unwrap_or(target).location();
                self.problems.error(
                    "parameter-style",
                    &place,
                    message,
                    "remove `style`, or use one that OAS allows here",
                );
                by_location
            }
        };
        let explode = target.get("explode").and_then(Node::as_bool);
        let explodes_by_default =
            matches!(style, ParameterStyle::Form | ParameterStyle::DeepObject);
        (style, explode.unwrap_or(explodes_by_default))
    }

    fn invalid(&mut self, node: Node<'a>, message: &str, help: &str) {
        self.problems.error("parameter-invalid", &node.location(), message, help);
    }
}

fn is_same(a: &Parameter, b: &Parameter) -> bool {
    a.location_in == b.location_in
        && (a.wire_name == b.wire_name
            || (a.location_in == ParameterLocation::Header
                && a.wire_name.eq_ignore_ascii_case(&b.wire_name)))
}
