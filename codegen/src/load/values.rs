//! `enum` and `const`: listed values, and a name for each.

use super::Loader;
use super::keywords::Keywords;
use super::place::Naming;
use super::schema::Built;
use crate::contract::{Enumeration, EnumerationBase, EnumerationValue, Shape, Type, TypeKind};
use crate::names;
use crate::source::{Kind, Node};
use serde_json::Value;
use std::collections::HashSet;

/// Longest part of an enumerated text that goes into its name.
const MAX_VALUE_NAME: usize = 48;

impl<'a> Loader<'a> {
    /// `enum` and `const`.
    pub(super) fn values(&mut self, keywords: &Keywords<'a>, naming: Naming<'_>) -> Built {
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
