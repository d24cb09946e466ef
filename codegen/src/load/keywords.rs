//! The keywords of one schema object, found in one walk over its keys.

use super::nearest::nearest;
use crate::problem::Problems;
use crate::source::{Kind, Node};

/// The rules of the document a schema stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// OAS 3.0: `nullable`, boolean exclusive bounds.
    V30,
    /// OAS 3.1 and JSON Schema 2020-12.
    V31,
}

macro_rules! keywords {
    ($($field:ident = $name:literal),* $(,)?) => {
        /// Every keyword that bears on the type of a value.
        #[derive(Debug, Clone, Copy)]
        pub struct Keywords<'a> {
            pub node: Node<'a>,
            $(pub $field: Option<Node<'a>>,)*
        }

        impl<'a> Keywords<'a> {
            pub fn read(node: Node<'a>) -> Self {
                let mut keywords = Self { node, $($field: None,)* };
                for (key, value) in node.entries() {
                    match key {
                        $($name => keywords.$field = Some(value),)*
                        _ => {}
                    }
                }
                keywords
            }
        }

        const READ: &[&str] = &[$($name),*];
    };
}

keywords! {
    reference = "$ref",
    kind = "type",
    values = "enum",
    constant = "const",
    all_of = "allOf",
    one_of = "oneOf",
    any_of = "anyOf",
    properties = "properties",
    additional = "additionalProperties",
    pattern_properties = "patternProperties",
    required = "required",
    items = "items",
    prefix_items = "prefixItems",
    format = "format",
    encoding = "contentEncoding",
    media_type = "contentMediaType",
    nullable = "nullable",
    minimum = "minimum",
    maximum = "maximum",
    exclusive_minimum = "exclusiveMinimum",
    exclusive_maximum = "exclusiveMaximum",
    multiple_of = "multipleOf",
    min_length = "minLength",
    max_length = "maxLength",
    pattern = "pattern",
    min_items = "minItems",
    max_items = "maxItems",
    unique_items = "uniqueItems",
    discriminator = "discriminator",
    title = "title",
    description = "description",
    deprecated = "deprecated",
    read_only = "readOnly",
    write_only = "writeOnly",
    default = "default",
    example = "example",
    examples = "examples",
    data_class = "x-data-class",
    value_names = "x-enum-varnames",
    value_descriptions = "x-enum-descriptions",
}

/// Keywords that are known, though only validators look at them.
const KEPT: &[&str] = &[
    "not",
    "if",
    "then",
    "else",
    "minProperties",
    "maxProperties",
    "xml",
    "externalDocs",
    "contains",
    "minContains",
    "maxContains",
    "dependentRequired",
    "dependentSchemas",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contentSchema",
    "$schema",
    "$id",
    "$anchor",
    "$dynamicRef",
    "$dynamicAnchor",
    "$defs",
    "definitions",
    "$comment",
    "$vocabulary",
];

impl<'a> Keywords<'a> {
    /// The types named by `type`, and whether `null` is among them.
    pub fn types(&self) -> (Vec<&'a str>, bool) {
        let Some(kind) = self.kind else { return (Vec::new(), false) };
        let named: Vec<&str> = match kind.kind() {
            Kind::Array => kind.items().filter_map(Node::as_str).collect(),
            _ => kind.as_str().into_iter().collect(),
        };
        let allows_null = named.contains(&"null");
        (named.into_iter().filter(|name| *name != "null").collect(), allows_null)
    }

    /// True when null is allowed by a keyword of this very object.
    pub fn allows_null(&self) -> bool {
        self.nullable.and_then(Node::as_bool).unwrap_or(false)
            || self.types().1
            || self
                .values
                .is_some_and(|values| values.items().any(|value| value.kind() == Kind::Null))
    }

    /// True when the schema says no more than `null`.
    pub fn is_null(&self) -> bool {
        let (types, allows_null) = self.types();
        let only_null = |node: Node<'a>| node.items().all(|value| value.kind() == Kind::Null);
        (allows_null && types.is_empty())
            || self.constant.is_some_and(|value| value.kind() == Kind::Null)
            || self
                .values
                .is_some_and(|values| values.items().next().is_some() && only_null(values))
    }

    /// True when something here gives the value a shape.
    pub fn has_structure(&self) -> bool {
        self.reference.is_some() || self.has_own_structure() || self.has_composition()
    }

    /// As [`Self::has_structure`], compositions and references aside.
    pub fn has_own_structure(&self) -> bool {
        self.kind.is_some()
            || self.values.is_some()
            || self.constant.is_some()
            || self.items.is_some()
            || self.prefix_items.is_some()
            || self.is_object_like()
    }

    pub fn has_composition(&self) -> bool {
        self.all_of.is_some() || self.one_of.is_some() || self.any_of.is_some()
    }

    pub fn is_object_like(&self) -> bool {
        self.properties.is_some()
            || self.pattern_properties.is_some()
            || self.additional.is_some_and(|additional| additional.is_object())
            || self.types().0 == ["object"]
    }

    /// Reports keys that no version of JSON Schema or OpenAPI knows.
    pub fn report_unknown(&self, dialect: Dialect, problems: &mut Problems) {
        for (key, value) in self.node.entries() {
            if READ.contains(&key) || KEPT.contains(&key) || key.starts_with("x-") {
                continue;
            }
            let near = nearest(key, READ.iter().chain(KEPT).copied());
            if dialect == Dialect::V31 && near.is_none() {
                continue;
            }
            problems.warning(
                "unknown-field",
                &value.key_location(),
                format!("`{key}` is not a keyword of a schema"),
                near.map_or_else(
                    || "remove it, or let its name open with `x-`".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                ),
            );
        }
    }
}

impl<'a> Keywords<'a> {
    /// Takes over from `other` what is silent here.
    pub fn narrow(&mut self, other: &Self) {
        let pairs: [(&mut Option<Node<'a>>, Option<Node<'a>>); 13] = [
            (&mut self.format, other.format),
            (&mut self.values, other.values),
            (&mut self.constant, other.constant),
            (&mut self.minimum, other.minimum),
            (&mut self.maximum, other.maximum),
            (&mut self.exclusive_minimum, other.exclusive_minimum),
            (&mut self.exclusive_maximum, other.exclusive_maximum),
            (&mut self.multiple_of, other.multiple_of),
            (&mut self.min_length, other.min_length),
            (&mut self.max_length, other.max_length),
            (&mut self.pattern, other.pattern),
            (&mut self.min_items, other.min_items),
            (&mut self.max_items, other.max_items),
        ];
        for (own, other) in pairs {
            *own = own.or(other);
        }
    }
}
