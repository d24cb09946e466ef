//! From a schema to a type: one function for each shape a schema can have.
//!
//! A use of a schema becomes a [`Type`]. Objects, enumerations and unions become declarations,
//! named from `components` or from their place. What only a validator can check stays in the
//! schema bundle.

use super::Loader;
use super::keywords::{Dialect, Keywords};
use super::place::{Naming, Place};
use crate::contract::{
    Additional, Constraints, Enumeration, EnumerationBase, EnumerationValue, Field, Object, Shape,
    Type, TypeDeclaration, TypeKind,
};
use crate::names;
use crate::source::{Kind, Node};
use indexmap::IndexMap;
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// Deepest nesting of schemas that is declared at once.
const MAX_DEPTH: usize = 32;
/// Longest part of an enumerated text that goes into its name.
const MAX_VALUE_NAME: usize = 48;

/// What a schema turned out to be.
pub(super) struct Built {
    pub kind: BuiltKind,
    pub nullable: bool,
}

pub(super) enum BuiltKind {
    Type(Type),
    /// A declaration under the name claimed for it.
    Declared(String, TypeKind),
}

/// One object of a conjunction, and the type that owns it when it came by a reference.
#[derive(Clone)]
pub(super) struct Part<'a> {
    pub keywords: Keywords<'a>,
    pub owner: Option<String>,
}

impl Built {
    pub fn new(shape: Shape) -> Self {
        Self::of(Type::new(shape))
    }

    pub fn of(mut ty: Type) -> Self {
        let nullable = std::mem::take(&mut ty.nullable);
        Self { kind: BuiltKind::Type(ty), nullable }
    }

    fn declared(name: String, kind: TypeKind) -> Self {
        Self { kind: BuiltKind::Declared(name, kind), nullable: false }
    }
}

impl<'a> Loader<'a> {
    /// The type of a value that this schema describes.
    pub(super) fn schema(&mut self, node: Node<'a>, place: &Place<'_>) -> Type {
        if let Some(name) = self.named.get(&node) {
            let name = name.clone();
            let nullable = self.is_nullable(node);
            return Type { nullable, ..Type::named(name) };
        }
        let Some(keywords) = self.keywords(node) else { return Type::any() };
        if let Some(reference) = keywords.reference {
            return self.reference_use(&keywords, reference, place);
        }
        if self.depth > MAX_DEPTH {
            return self.put_off(node, place);
        }
        self.depth += 1;
        let built = self.build(&keywords, Naming::Place(place));
        self.depth -= 1;
        self.finish(&keywords, built, None)
    }

    /// Names a schema now and declares it later: compositions can lead from schema to schema
    /// without end, and the stack has one.
    fn put_off(&mut self, node: Node<'a>, place: &Place<'_>) -> Type {
        let name = self.claim_name(&place.name());
        self.named.insert(node, name.clone());
        self.queue.push_back((node, name.clone(), None));
        Type { nullable: self.is_nullable(node), ..Type::named(name) }
    }

    /// Reads the keywords of a schema and reports what is not one.
    pub(super) fn keywords(&mut self, node: Node<'a>) -> Option<Keywords<'a>> {
        match node.kind() {
            Kind::Object => {
                let keywords = Keywords::read(node);
                keywords.report_unknown(self.dialect, &mut self.problems);
                self.check_kinds(&keywords);
                Some(keywords)
            }
            Kind::Boolean if self.dialect == Dialect::V31 => None,
            _ => {
                self.problems.error(
                    "schema-invalid",
                    &node.location(),
                    "a schema must be an object",
                    "write `{}` for any value, or a schema with a `type`",
                );
                None
            }
        }
    }

    /// Reports keywords whose value is not of the kind the keyword takes.
    fn check_kinds(&mut self, keywords: &Keywords<'a>) {
        for list in [keywords.all_of, keywords.one_of, keywords.any_of].into_iter().flatten() {
            if list.kind() != Kind::Array || list.items().next().is_none() {
                self.wrong_kind(list, "a list of at least one schema");
            }
        }
        if let Some(properties) = keywords.properties.filter(|properties| !properties.is_object()) {
            self.wrong_kind(properties, "an object of schemas by property name");
        }
        // `required: true` on a property is a habit of older documents and means nothing here.
        if let Some(required) = keywords.required.filter(|required| required.kind() != Kind::Array)
        {
            self.problems.warning(
                "required-misplaced",
                &required.key_location(),
                "`required` of a schema is a list of property names",
                "list the property under `required` of the object that holds it",
            );
        }
    }

    /// Declares what needs a declaration and gives the type of the use.
    pub(super) fn finish(
        &mut self,
        keywords: &Keywords<'a>,
        built: Built,
        wire_name: Option<&str>,
    ) -> Type {
        match built.kind {
            BuiltKind::Type(ty) => Type { nullable: ty.nullable || built.nullable, ..ty },
            BuiltKind::Declared(name, kind) => {
                self.named.insert(keywords.node, name.clone());
                self.declare(keywords, &name, kind, wire_name);
                Type { nullable: built.nullable, ..Type::named(name) }
            }
        }
    }

    pub(super) fn declare(
        &mut self,
        keywords: &Keywords<'a>,
        name: &str,
        kind: TypeKind,
        wire_name: Option<&str>,
    ) {
        let mut examples: Vec<Value> = keywords.example.map(Node::to_value).into_iter().collect();
        examples.extend(keywords.examples.into_iter().flat_map(Node::items).map(Node::to_value));
        let declaration = TypeDeclaration {
            name: name.to_owned(),
            wire_name: wire_name.map(str::to_owned),
            description: self.description(keywords),
            kind,
            data_class: keywords.data_class.and_then(Node::as_str).map(str::to_owned),
            deprecated: is_true(keywords.deprecated),
            examples,
            location: keywords.node.key_location(),
        };
        self.declarations.insert(name.to_owned(), Some(declaration));
    }

    pub(super) fn description(&mut self, keywords: &Keywords<'a>) -> Option<String> {
        let node = keywords.description.or(keywords.title)?;
        self.prose(node)
    }

    /// The shape of a schema that is not a bare reference.
    pub(super) fn build(&mut self, keywords: &Keywords<'a>, naming: Naming<'_>) -> Built {
        let mut built = if keywords.values.is_some() || keywords.constant.is_some() {
            self.values(keywords, naming)
        } else if keywords.has_composition() {
            self.composition(keywords, naming)
        } else {
            self.by_type(keywords, naming)
        };
        built.nullable |= keywords.allows_null();
        built
    }

    fn by_type(&mut self, keywords: &Keywords<'a>, naming: Naming<'_>) -> Built {
        let (types, allows_null) = keywords.types();
        match types.as_slice() {
            [] if allows_null => Built::new(Shape::Null),
            [] if keywords.is_object_like() => self.plain_object(keywords, naming),
            [] if keywords.items.is_some() || keywords.prefix_items.is_some() => {
                self.array(keywords, naming)
            }
            [] => Built::of(Type::any()),
            [one] => self.single_type(keywords, one, naming),
            ["integer", "number"] | ["number", "integer"] => {
                self.single_type(keywords, "number", naming)
            }
            several => self.union_of_types(keywords, several, naming),
        }
    }

    pub(super) fn single_type(
        &mut self,
        keywords: &Keywords<'a>,
        kind: &str,
        naming: Naming<'_>,
    ) -> Built {
        let format = keywords.format.and_then(Node::as_str);
        let (shape, used_format) = match (kind, format) {
            ("string", _) => string_shape(keywords, format, self.dialect),
            ("integer", Some("int32")) => (Shape::Integer32, true),
            ("integer", format) => (Shape::Integer64, format == Some("int64")),
            ("number", Some("float")) => (Shape::Float32, true),
            ("number", format) => (Shape::Float64, format == Some("double")),
            ("boolean", _) => (Shape::Boolean, false),
            ("null", _) => (Shape::Null, false),
            ("array", _) => return self.array(keywords, naming),
            ("object", _) => return self.plain_object(keywords, naming),
            // OAS 3.0 has no such type, yet documents are written by people who need it.
            ("file", _) => (Shape::Binary, true),
            (unknown, _) => {
                let known = ["string", "integer", "number", "boolean", "array", "object", "null"];
                let help = super::nearest::nearest(unknown, known).map_or_else(
                    || format!("use one of {}", known.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                let place = keywords.kind.unwrap_or(keywords.node).location();
                self.problems.error(
                    "type-unknown",
                    &place,
                    format!("`{unknown}` is not a type"),
                    help,
                );
                (Shape::Any, true)
            }
        };
        let constraints = self.constraints(keywords, !used_format);
        Built::of(Type { shape, nullable: false, constraints })
    }

    fn array(&mut self, keywords: &Keywords<'a>, naming: Naming<'_>) -> Built {
        let own = naming.place();
        let place = own.within("Item");
        let item = match keywords.items {
            Some(items) if items.kind() != Kind::Array && keywords.prefix_items.is_none() => {
                self.schema(items, &place)
            }
            _ => Type::any(),
        };
        let constraints = self.constraints(keywords, false);
        Built::of(Type { shape: Shape::Array(Box::new(item)), nullable: false, constraints })
    }

    fn plain_object(&mut self, keywords: &Keywords<'a>, naming: Naming<'_>) -> Built {
        self.object(&[Part { keywords: *keywords, owner: None }], naming)
    }

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

    /// `enum` and `const`.
    fn values(&mut self, keywords: &Keywords<'a>, naming: Naming<'_>) -> Built {
        let listed: Vec<Node<'a>> = match (keywords.constant, keywords.values) {
            (Some(constant), _) => vec![constant],
            (None, Some(values)) if values.kind() == Kind::Array => values.items().collect(),
            (None, values) => {
                self.wrong_kind(values.unwrap_or(keywords.node), "a list of values");
                return self.by_type(keywords, naming);
            }
        };
        if listed.is_empty() {
            self.problems.error(
                "enum-empty",
                &keywords.values.unwrap_or(keywords.node).location(),
                "an enumeration without values fits nothing",
                "list at least one value, or remove `enum`",
            );
            return self.by_type(keywords, naming);
        }
        self.check_values_fit_type(keywords, &listed);
        let members = self.enumeration_values(keywords, &listed);
        self.enumeration(members, naming)
    }

    fn check_values_fit_type(&mut self, keywords: &Keywords<'a>, listed: &[Node<'a>]) {
        let (types, _) = keywords.types();
        if types.is_empty() {
            return;
        }
        for value in listed {
            let fits =
                value.kind() == Kind::Null || types.iter().any(|kind| fits_type(*value, kind));
            if !fits {
                self.problems.warning(
                    "enum-type",
                    &value.location(),
                    format!("the value is not of type {}", types.join(" or ")),
                    "quote it, or change `type`",
                );
            }
        }
    }

    pub(super) fn enumeration_values(
        &mut self,
        keywords: &Keywords<'a>,
        listed: &[Node<'a>],
    ) -> Vec<EnumerationValue> {
        let given = |list: Option<Node<'a>>, index: usize| {
            list.and_then(|list| list.items().nth(index)).and_then(Node::as_str)
        };
        let mut members: Vec<EnumerationValue> = Vec::new();
        let mut seen = HashSet::new();
        for (index, node) in listed.iter().enumerate() {
            if node.kind() == Kind::Null {
                continue;
            }
            let wire = node.to_value();
            if !seen.insert(wire.to_string()) {
                self.problems.warning(
                    "enum-repeated",
                    &node.location(),
                    format!("the value {wire} stands twice"),
                    "remove one of them",
                );
                continue;
            }
            let by_value = keywords.value_descriptions.and_then(|map| map.text(wire.as_str()?));
            members.push(EnumerationValue {
                name: given(keywords.value_names, index)
                    .map_or_else(|| value_name(&wire), str::to_owned),
                description: given(keywords.value_descriptions, index)
                    .or(by_value)
                    .map(str::to_owned),
                wire,
            });
        }
        members
    }

    pub(super) fn enumeration(
        &mut self,
        members: Vec<EnumerationValue>,
        naming: Naming<'_>,
    ) -> Built {
        let is_boolean =
            members.len() == 2 && members.iter().all(|member| member.wire.is_boolean());
        let is_structured =
            members.iter().any(|member| member.wire.is_object() || member.wire.is_array());
        match members.as_slice() {
            [] => return Built { nullable: true, ..Built::new(Shape::Null) },
            [one] => return Built::new(Shape::Constant(one.wire.clone())),
            _ if is_boolean => return Built::new(Shape::Boolean),
            _ if is_structured => return Built::of(Type::any()),
            _ => {}
        }
        let base = if members.iter().all(|member| member.wire.is_string()) {
            EnumerationBase::String
        } else if members.iter().all(|member| member.wire.is_i64()) {
            EnumerationBase::Integer
        } else {
            EnumerationBase::Mixed
        };
        let mut scope = names::Scope::default();
        let values = members
            .into_iter()
            .map(|member| EnumerationValue {
                name: scope.claim(&names::snake(&member.name)),
                ..member
            })
            .collect();
        let name = self.claim(naming);
        Built::declared(name, TypeKind::Enumeration(Enumeration { base, values }))
    }

    pub(super) fn constraints(
        &mut self,
        keywords: &Keywords<'a>,
        keep_format: bool,
    ) -> Constraints {
        let real = |node: Option<Node<'a>>| node.and_then(Node::as_f64);
        let whole = |node: Option<Node<'a>>| node.and_then(Node::as_u64);
        let mut minimum = real(keywords.minimum);
        let mut maximum = real(keywords.maximum);
        let mut exclusive_minimum = real(keywords.exclusive_minimum);
        let mut exclusive_maximum = real(keywords.exclusive_maximum);
        if is_true(keywords.exclusive_minimum) {
            exclusive_minimum = minimum.take();
        }
        if is_true(keywords.exclusive_maximum) {
            exclusive_maximum = maximum.take();
        }
        if let Some(pattern) = keywords.pattern {
            self.check_pattern(pattern);
        }
        let text = |node: Option<Node<'a>>| node.and_then(Node::as_str).map(str::to_owned);
        Constraints {
            minimum,
            maximum,
            exclusive_minimum,
            exclusive_maximum,
            multiple_of: real(keywords.multiple_of),
            min_length: whole(keywords.min_length),
            max_length: whole(keywords.max_length),
            pattern: text(keywords.pattern),
            min_items: whole(keywords.min_items),
            max_items: whole(keywords.max_items),
            unique_items: is_true(keywords.unique_items),
            format: text(keywords.format).filter(|_| keep_format),
        }
    }
}

fn string_shape(keywords: &Keywords<'_>, format: Option<&str>, dialect: Dialect) -> (Shape, bool) {
    match (format, keywords.encoding.and_then(Node::as_str)) {
        (Some("date-time"), _) => (Shape::DateTime, true),
        (Some("date"), _) => (Shape::Date, true),
        (Some("uuid"), _) => (Shape::Uuid, true),
        (Some("byte"), _) | (_, Some("base64" | "base64url")) => (Shape::Base64, true),
        (Some("binary"), _) => (Shape::Binary, true),
        _ if dialect == Dialect::V31 && is_octets(keywords) => (Shape::Binary, true),
        _ => (Shape::String, false),
    }
}

/// OAS 3.1 writes raw octets as `contentMediaType` without an encoding.
fn is_octets(keywords: &Keywords<'_>) -> bool {
    let media_type = keywords.media_type.and_then(Node::as_str);
    media_type
        .is_some_and(|media_type| !media_type.starts_with("text/") && !media_type.contains("json"))
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

fn fits_type(value: Node<'_>, kind: &str) -> bool {
    match value.kind() {
        Kind::Null => kind == "null",
        Kind::Boolean => kind == "boolean",
        Kind::Number => {
            kind == "number"
                || (kind == "integer" && value.as_f64().is_some_and(|real| real.fract() == 0.0))
        }
        Kind::String => kind == "string",
        Kind::Array => kind == "array",
        Kind::Object => kind == "object",
    }
}

/// A name for a value that has none: `-1` becomes `minus_1`, `<=` becomes `less_or_equal`.
fn value_name(wire: &Value) -> String {
    let text = match wire {
        Value::String(text) => text.chars().take(MAX_VALUE_NAME).collect(),
        other => other.to_string(),
    };
    if text.is_empty() {
        return "empty".to_owned();
    }
    if text.bytes().any(|octet| octet.is_ascii_alphanumeric()) {
        let sign = match text.as_bytes() {
            [b'-', next, ..] if next.is_ascii_digit() => "minus ",
            [b'+', next, ..] if next.is_ascii_digit() => "plus ",
            [b'-', ..] => "descending ",
            _ => "",
        };
        return format!("{sign}{text}");
    }
    let words: Vec<&str> = text.chars().map(symbol_name).collect();
    words.join(" ")
}

fn symbol_name(symbol: char) -> &'static str {
    match symbol {
        '<' => "less",
        '>' => "greater",
        '=' => "equal",
        '!' => "not",
        '+' => "plus",
        '-' => "minus",
        '*' => "star",
        '/' => "slash",
        '\\' => "backslash",
        '%' => "percent",
        '&' => "and",
        '|' => "or",
        '^' => "caret",
        '~' => "tilde",
        '.' => "dot",
        ',' => "comma",
        ':' => "colon",
        ';' => "semicolon",
        '?' => "question",
        '@' => "at",
        '#' => "hash",
        '$' => "dollar",
        '_' => "underscore",
        '"' | '\'' | '`' => "quote",
        '(' | ')' | '[' | ']' | '{' | '}' => "bracket",
        _ if symbol.is_whitespace() => "space",
        _ => "value",
    }
}

pub(super) fn is_true(node: Option<Node<'_>>) -> bool {
    node.and_then(Node::as_bool) == Some(true)
}

fn is_false(node: Option<Node<'_>>) -> bool {
    node.and_then(Node::as_bool) == Some(false)
}
