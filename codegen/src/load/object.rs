//! Objects: properties of one schema, or of all parts of a conjunction.

use super::Loader;
use super::keywords::Keywords;
use super::place::{Naming, Place};
use super::schema::{Built, is_true};
use crate::contract::{Additional, Field, Object, Shape, Type, TypeKind};
use crate::source::Node;
use indexmap::IndexMap;
use std::collections::HashMap;

/// One object of a conjunction, and the type that owns it when it came by a reference.
#[derive(Clone)]
pub(super) struct Part<'a> {
    pub keywords: Keywords<'a>,
    pub owner: Option<String>,
}

impl<'a> Loader<'a> {
    /// An object with all properties of its parts; a map when no part has properties.
    pub(super) fn object(&mut self, parts: &[Part<'a>], naming: Naming<'_>) -> Built {
        let has_fields = parts.iter().any(|part| {
            part.keywords.properties.is_some_and(|properties| properties.entries().next().is_some())
        });
        let is_closed = parts.iter().any(|part| is_false(part.keywords.additional));
        if !has_fields && !is_closed && !parts.iter().any(|part| part.keywords.required.is_some()) {
            let own = naming.place();
            let value = self.map_value(parts, &own.within("Value")).unwrap_or_else(Type::any);
            let constraints = parts.first().map(|part| self.constraints(&part.keywords, false));
            let shape = Shape::Map(Box::new(value));
            return Built::of(Type {
                shape,
                nullable: false,
                constraints: constraints.unwrap_or_default(),
            });
        }
        let name = self.claim(naming);
        let mut fields: Vec<Field> = Vec::new();
        let mut at: HashMap<&'a str, usize> = HashMap::new();
        let required = self.required_names(parts);
        for part in parts {
            let owner = part.owner.clone().unwrap_or_else(|| name.clone());
            let place = Place::Named(&owner);
            let Some(properties) = part.keywords.properties else { continue };
            for (wire_name, node) in properties.entries() {
                let field = self.field(wire_name, node, &place);
                match at.get(wire_name) {
                    Some(&index) => refine(&mut fields[index], field),
                    None => {
                        at.insert(wire_name, fields.len());
                        fields.push(field);
                    }
                }
            }
        }
        for (wire_name, node) in required {
            match at.get(wire_name) {
                Some(&index) => fields[index].required = true,
                None => {
                    self.problems.warning(
                        "required-undeclared",
                        &node.location(),
                        format!("`{wire_name}` is required but not among the properties"),
                        "declare it under `properties`; until then it takes any JSON value",
                    );
                    at.insert(wire_name, fields.len());
                    fields.push(any_field(wire_name, node));
                }
            }
        }
        let additional = self.additional(parts, &Place::Named(&name));
        Built::declared(name, TypeKind::Object(Object { fields, additional }))
    }

    fn field(&mut self, wire_name: &'a str, node: Node<'a>, place: &Place<'_>) -> Field {
        let ty = self.schema(node, &place.within(wire_name));
        let keywords = if node.is_object() { Some(Keywords::read(node)) } else { None };
        let description = keywords.as_ref().and_then(|keywords| self.description(keywords));
        let of = |pick: fn(&Keywords<'a>) -> Option<Node<'a>>| keywords.as_ref().and_then(pick);
        Field {
            wire_name: wire_name.to_owned(),
            ty,
            required: false,
            default: of(|keywords| keywords.default).map(Node::to_value),
            read_only: is_true(of(|keywords| keywords.read_only)),
            write_only: is_true(of(|keywords| keywords.write_only)),
            description,
            data_class: of(|keywords| keywords.data_class)
                .and_then(Node::as_str)
                .map(str::to_owned),
            deprecated: is_true(of(|keywords| keywords.deprecated)),
            location: node.key_location(),
        }
    }

    fn required_names(&mut self, parts: &[Part<'a>]) -> IndexMap<&'a str, Node<'a>> {
        let mut names = IndexMap::new();
        for required in parts.iter().filter_map(|part| part.keywords.required) {
            for node in required.items() {
                match node.as_str() {
                    Some(name) => {
                        names.entry(name).or_insert(node);
                    }
                    None => self.wrong_kind(node, "a property name"),
                }
            }
        }
        names
    }

    fn additional(&mut self, parts: &[Part<'a>], place: &Place<'_>) -> Additional {
        if parts.iter().any(|part| is_false(part.keywords.additional)) {
            return Additional::Forbidden;
        }
        self.map_value(parts, &place.within("Value"))
            .map_or(Additional::Unspecified, Additional::Typed)
    }

    /// Type of the values beside the declared ones, when a part says something about them.
    fn map_value(&mut self, parts: &[Part<'a>], place: &Place<'_>) -> Option<Type> {
        for part in parts {
            match part.keywords.additional {
                Some(additional) if additional.is_object() => {
                    return Some(self.schema(additional, place));
                }
                Some(additional) if additional.as_bool() == Some(true) => return Some(Type::any()),
                Some(additional) if additional.as_bool().is_none() => {
                    self.wrong_kind(additional, "a schema, true or false");
                }
                _ => {}
            }
            if let Some(patterns) = part.keywords.pattern_properties {
                let mut schemas = patterns.entries().map(|(_, node)| node);
                return match (schemas.next(), schemas.next()) {
                    (Some(only), None) => Some(self.schema(only, place)),
                    _ => Some(Type::any()),
                };
            }
        }
        None
    }
}

/// What the second declaration of a property adds to the first.
fn refine(known: &mut Field, later: Field) {
    if later.ty.shape != Shape::Any {
        known.ty = later.ty;
    }
    known.default = later.default.or(known.default.take());
    known.description = later.description.or(known.description.take());
    known.data_class = later.data_class.or(known.data_class.take());
    known.read_only |= later.read_only;
    known.write_only |= later.write_only;
    known.deprecated |= later.deprecated;
}

fn any_field(wire_name: &str, node: Node<'_>) -> Field {
    Field {
        wire_name: wire_name.to_owned(),
        ty: Type::any(),
        required: true,
        default: None,
        read_only: false,
        write_only: false,
        description: None,
        data_class: None,
        deprecated: false,
        location: node.location(),
    }
}

fn is_false(node: Option<Node<'_>>) -> bool {
    node.and_then(Node::as_bool) == Some(false)
}
