//! From a schema to a type: one function for each shape a schema can have.
//!
//! A use of a schema becomes a [`Type`]. Objects, enumerations and unions become declarations,
//! named from `components` or from their place. What only a validator can check stays in the
//! schema bundle.

use super::Loader;
use super::keywords::{Dialect, Keywords};
use super::object::Part;
use super::place::{Naming, Place};
use crate::contract::{Constraints, Shape, Type, TypeDeclaration, TypeKind};
use crate::source::{Kind, Node};
use serde_json::Value;

/// Deepest nesting of schemas that is declared at once.
const MAX_DEPTH: usize = 32;

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

impl Built {
    pub fn new(shape: Shape) -> Self {
        Self::of(Type::new(shape))
    }

    pub fn of(mut ty: Type) -> Self {
        let nullable = std::mem::take(&mut ty.nullable);
        Self { kind: BuiltKind::Type(ty), nullable }
    }

    pub fn declared(name: String, kind: TypeKind) -> Self {
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

    pub(super) fn by_type(&mut self, keywords: &Keywords<'a>, naming: Naming<'_>) -> Built {
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

pub(super) fn is_true(node: Option<Node<'_>>) -> bool {
    node.and_then(Node::as_bool) == Some(true)
}
