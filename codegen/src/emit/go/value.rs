//! JSON values against contract types: whether an example is one, and how it is written in Go.

use super::models::field_names;
use super::types::{Names, Slot, Wrap, constant_type};
use crate::contract::{
    Additional, EnumerationBase, Object, Shape, Type, TypeKind, Union, UnionStrategy, Variant,
};
use crate::encode::go;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeSet;

/// Whether the value is of the type and survives a round trip byte for byte in meaning.
pub fn fits(names: &Names<'_>, ty: &Type, value: &Value) -> bool {
    if value.is_null() {
        return names.is_nullable(ty) || names.is_any(ty);
    }
    match &ty.shape {
        Shape::Any => true,
        Shape::Null => false,
        Shape::Boolean => value.is_boolean(),
        Shape::Integer32 => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        Shape::Integer64 => value.is_i64(),
        Shape::Float32 | Shape::Float64 => value.is_number(),
        Shape::String | Shape::Uuid => value.is_string(),
        Shape::DateTime => value.as_str().is_some_and(is_plain_moment),
        Shape::Date => value.as_str().is_some_and(is_plain_date),
        Shape::Base64 => value.as_str().is_some_and(is_base64),
        Shape::Binary => false,
        Shape::Array(item) => {
            value.as_array().is_some_and(|items| items.iter().all(|one| fits(names, item, one)))
        }
        Shape::Map(inner) => value
            .as_object()
            .is_some_and(|members| members.values().all(|one| fits(names, inner, one))),
        Shape::Constant(constant) => value == constant,
        Shape::Named(name) => named_fits(names, name, value),
    }
}

fn named_fits(names: &Names<'_>, name: &str, value: &Value) -> bool {
    let Some(declaration) = names.contract.types.get(name) else { return false };
    match &declaration.kind {
        TypeKind::Alias(ty) => fits(names, ty, value),
        TypeKind::Object(object) => object_fits(names, object, value),
        TypeKind::Enumeration(enumeration) => match enumeration.base {
            EnumerationBase::String => value.is_string(),
            EnumerationBase::Integer => value.is_i64(),
            EnumerationBase::Mixed => true,
        },
        TypeKind::Union(union) => variant(names, union, value).is_some(),
    }
}

fn object_fits(names: &Names<'_>, object: &Object, value: &Value) -> bool {
    let Some(members) = value.as_object() else { return false };
    let known = |name: &String| object.fields.iter().any(|field| field.wire_name == *name);
    let extra_fits = match &object.additional {
        Additional::Forbidden => members.keys().all(known),
        Additional::Unspecified => true,
        Additional::Typed(ty) => {
            members.iter().filter(|(name, _)| !known(name)).all(|(_, one)| fits(names, ty, one))
        }
    };
    extra_fits
        && object.fields.iter().all(|field| match members.get(&field.wire_name) {
            Some(one) => {
                let dropped = field.read_only && is_zero(one);
                let absent_null = one.is_null()
                    && !field.required
                    && !names.is_nullable(&field.ty)
                    && !names.is_any(&field.ty);
                !dropped && !absent_null && fits(names, &field.ty, one)
            }
            None => !field.required || field.read_only,
        })
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

/// The variant a reader chooses.
fn variant<'u>(names: &Names<'_>, union: &'u Union, value: &Value) -> Option<&'u Variant> {
    union.variants.iter().find(|variant| {
        let chosen = match &union.strategy {
            UnionStrategy::Tag { property } => value
                .get(property)
                .and_then(Value::as_str)
                .is_some_and(|tag| variant.tags.iter().any(|known| known == tag)),
            UnionStrategy::Shape => {
                variant.distinguishing.iter().all(|name| value.get(name).is_some())
            }
            UnionStrategy::JsonType | UnionStrategy::Ordered => true,
        };
        chosen && fits(names, &variant.ty, value)
    })
}

fn is_plain_moment(text: &str) -> bool {
    text.len() == 20
        && text.ends_with('Z')
        && text.as_bytes()[10] == b'T'
        && is_plain_date(&text[..10])
}

fn is_plain_date(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(|(index, byte)| match index {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

/// The three numbers of a day or of a time.
fn numbers(text: &str) -> Option<[u32; 3]> {
    let parts: Option<Vec<u32>> = text.split(['-', ':']).map(|part| part.parse().ok()).collect();
    parts?.try_into().ok()
}

fn is_base64(text: &str) -> bool {
    text.len().is_multiple_of(4)
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
}

/// Writes values as Go expressions of another package.
pub struct Literals<'n, 'a> {
    pub names: &'n Names<'a>,
    /// Package qualifier with its dot.
    pub prefix: String,
    /// Packages of the standard library that the expressions need.
    pub imports: RefCell<BTreeSet<&'static str>>,
}

impl Literals<'_, '_> {
    /// The value as an expression of the plain type; none when it is not of the type.
    pub fn of(&self, ty: &Type, value: &Value, depth: usize) -> Option<String> {
        if self.names.is_classified(ty) {
            let Shape::Named(name) = &ty.shape else { return None };
            let TypeKind::Alias(target) = &self.names.contract.types.get(name)?.kind else {
                return None;
            };
            let inner = self.of(target, value, depth)?;
            return Some(match target.shape {
                Shape::Any => format!("{0}Classify[any]({inner})", self.prefix),
                _ => format!("{}Classify({inner})", self.prefix),
            });
        }
        match &ty.shape {
            Shape::Any => Some(go::value(value)),
            Shape::Null => value.is_null().then(|| "nil".to_owned()),
            Shape::Boolean => value.as_bool().map(|flag| flag.to_string()),
            Shape::Integer32 | Shape::Integer64 => value.as_i64().map(|number| number.to_string()),
            Shape::Float32 | Shape::Float64 => value.as_f64().map(|number| number.to_string()),
            Shape::String | Shape::Uuid => value.as_str().map(go::string),
            Shape::Array(item) => {
                let items: Option<Vec<String>> =
                    value.as_array()?.iter().map(|one| self.element(item, one, depth)).collect();
                let ty = self.type_of(ty);
                Some(format!("{ty}{{{}}}", items?.join(", ")))
            }
            Shape::Map(inner) => {
                let entries: Option<Vec<String>> = value
                    .as_object()?
                    .iter()
                    .map(|(name, one)| {
                        Some(format!("{}: {}", go::string(name), self.element(inner, one, depth)?))
                    })
                    .collect();
                let ty = self.type_of(ty);
                Some(format!("{ty}{{{}}}", entries?.join(", ")))
            }
            Shape::Constant(constant) => (value == constant).then(|| go::value(value)),
            Shape::Named(name) => self.named(name, value, depth),
            Shape::DateTime => self.moment(value.as_str()?),
            Shape::Date => {
                let day = value.as_str().filter(|text| is_plain_date(text))?;
                let [year, month, day] = numbers(day)?;
                Some(format!("{}Date{{Year: {year}, Month: {month}, Day: {day}}}", self.prefix))
            }
            Shape::Base64 => Some("[]byte(\"example\")".to_owned()),
            Shape::Binary => Some(format!(
                "{}File{{Name: \"example.txt\", Content: {}}}",
                self.prefix,
                self.reader()
            )),
        }
    }

    /// An example of an `io.Reader`.
    pub fn reader(&self) -> String {
        self.imports.borrow_mut().insert("strings");
        "strings.NewReader(\"example\")".to_owned()
    }

    fn moment(&self, text: &str) -> Option<String> {
        if !is_plain_moment(text) {
            return None;
        }
        let [year, month, day] = numbers(&text[..10])?;
        let [hour, minute, second] = numbers(&text[11..19])?;
        self.imports.borrow_mut().insert("time");
        Some(format!("time.Date({year}, {month}, {day}, {hour}, {minute}, {second}, 0, time.UTC)"))
    }

    /// The value in a field or parameter.
    pub fn slot(&self, ty: &Type, slot: &Slot, value: &Value, depth: usize) -> Option<String> {
        if value.is_null() && !self.names.is_any(ty) {
            return match slot.wrap {
                Wrap::Optional => Some(format!("{}Null[{}]()", self.prefix, self.type_of(ty))),
                Wrap::Pointer => Some("nil".to_owned()),
                Wrap::None => slot.null_is_nil.then(|| "nil".to_owned()),
            };
        }
        let mut text = self.of(ty, value, depth)?;
        let typed = |text: String| -> String {
            let needs_type = matches!(
                self.names.resolved(ty).shape,
                Shape::Integer32 | Shape::Integer64 | Shape::Float32 | Shape::Float64
            ) || self.is_enumeration(ty) && !text.contains('.')
                || matches!(self.names.resolved(ty).shape, Shape::Any);
            if needs_type { format!("{}({text})", self.type_of(ty)) } else { text }
        };
        if slot.classified {
            text = format!("{}Classify({})", self.prefix, typed(text));
        }
        Some(match slot.wrap {
            Wrap::None => text,
            Wrap::Pointer if slot.classified => format!("{}Ptr({text})", self.prefix),
            Wrap::Pointer => format!("{}Ptr({})", self.prefix, typed(text)),
            Wrap::Optional if slot.classified => format!("{}Present({text})", self.prefix),
            Wrap::Optional => format!("{}Present({})", self.prefix, typed(text)),
        })
    }

    fn element(&self, ty: &Type, value: &Value, depth: usize) -> Option<String> {
        if value.is_null() {
            return Some("nil".to_owned());
        }
        let text = self.of(ty, value, depth)?;
        if self.names.is_nullable(ty) && !self.names.is_nilable(ty) {
            return Some(format!("{}Ptr({text})", self.prefix));
        }
        Some(text)
    }

    fn named(&self, name: &str, value: &Value, depth: usize) -> Option<String> {
        let declaration = self.names.contract.types.get(name)?;
        match &declaration.kind {
            TypeKind::Alias(ty) => {
                let text = self.of(ty, value, depth)?;
                // An alias of a list or map is a type of its own in Go.
                let literal = text.strip_prefix(&self.type_of(ty));
                match (&ty.shape, literal) {
                    (Shape::Array(_) | Shape::Map(_), Some(literal)) => {
                        Some(format!("{}{}{literal}", self.prefix, self.names.of(name)))
                    }
                    _ => Some(text),
                }
            }
            TypeKind::Enumeration(enumeration) => match enumeration.base {
                EnumerationBase::String => value.as_str().map(go::string),
                EnumerationBase::Integer => value.as_i64().map(|number| number.to_string()),
                EnumerationBase::Mixed => Some(go::value(value)),
            },
            TypeKind::Object(object) => {
                let members = value.as_object()?;
                let mut entries: Vec<(String, String)> = Vec::new();
                for (field, field_name) in field_names(object) {
                    let Some(one) = members.get(&field.wire_name) else { continue };
                    let slot = self.names.field(&declaration.name, field);
                    entries.push((field_name, self.slot(&field.ty, &slot, one, depth + 1)?));
                }
                if entries.len() + usize::from(members.is_empty()) == 0 {
                    return None;
                }
                let ty = format!("{}{}", self.prefix, self.names.of(name));
                Some(composite(&ty, &entries, depth))
            }
            TypeKind::Union(union) => {
                let chosen = variant(self.names, union, value)?;
                let text = self.of(&chosen.ty, value, depth)?;
                let field = super::models::variant_names(union)
                    .into_iter()
                    .find(|(one, _)| one.name == chosen.name)?
                    .1;
                let ty = format!("{}{}", self.prefix, self.names.of(name));
                let pointer = match chosen.ty.shape {
                    Shape::Named(_) if text.contains('{') => format!("&{text}"),
                    _ => format!("{}Ptr[{}]({text})", self.prefix, self.type_of(&chosen.ty)),
                };
                Some(format!("{ty}{{{field}: {pointer}}}"))
            }
        }
    }

    fn is_enumeration(&self, ty: &Type) -> bool {
        matches!(&self.names.resolved(ty).shape, Shape::Named(name)
            if matches!(self.names.contract.types.get(name).map(|one| &one.kind), Some(TypeKind::Enumeration(_))))
    }

    /// The Go type with the package in front of every name of the package.
    pub fn type_of(&self, ty: &Type) -> String {
        match &ty.shape {
            Shape::Array(item) => format!("[]{}", self.element_type(item)),
            Shape::Map(inner) => format!("map[string]{}", self.element_type(inner)),
            Shape::Named(_) => format!("{}{}", self.prefix, self.names.base(ty)),
            Shape::Date | Shape::Binary => format!("{}{}", self.prefix, self.names.base(ty)),
            Shape::Constant(value) => constant_type(value).to_owned(),
            _ => self.names.base(ty),
        }
    }

    fn element_type(&self, ty: &Type) -> String {
        let text = self.type_of(ty);
        if self.names.is_nullable(ty) && !self.names.is_nilable(ty) {
            format!("*{text}")
        } else {
            text
        }
    }
}

/// A struct literal, one field a line. gofmt aligns neighbours that fit a line each; a value of
/// several lines stands alone.
fn composite(ty: &str, entries: &[(String, String)], depth: usize) -> String {
    if entries.is_empty() {
        return format!("{ty}{{}}");
    }
    let indent = "\t".repeat(depth + 1);
    let mut lines = String::new();
    for section in entries.chunk_by(|one, two| !one.1.contains('\n') && !two.1.contains('\n')) {
        let widest = section.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, text) in section {
            let padding = " ".repeat(widest - name.len());
            lines.push_str(&format!("{indent}\t{name}: {padding}{text},\n"));
        }
    }
    format!("{ty}{{\n{lines}{indent}}}")
}
