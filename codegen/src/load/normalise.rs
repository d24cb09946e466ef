//! How a reader tells the variants of a union apart, decided once and for all languages.
//!
//! In this order: by tag (a discriminator, or a constant every variant has), by JSON type, by
//! required properties of its own, else in the order they stand.

use super::compose::PendingUnion;
use crate::contract::{
    Additional, EnumerationBase, Object, Operation, Shape, Type, TypeDeclaration, TypeKind, Union,
    UnionStrategy, Variant,
};
use crate::names::Scope;
use crate::problem::Problems;
use indexmap::IndexMap;
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// Deepest chain of names that is followed.
const MAX_CHAIN: usize = 64;

type Types = IndexMap<String, TypeDeclaration>;

/// Settles what needs every type: strategies, variant names, masks, endless aliases.
pub(super) fn settle(types: &mut Types, pending: Vec<PendingUnion>, problems: &mut Problems) {
    break_alias_cycles(types, problems);
    for union in pending {
        let Some(TypeKind::Union(found)) =
            types.get(&union.name).map(|declaration| &declaration.kind)
        else {
            continue;
        };
        let mut settled = found.clone();
        settled.strategy = strategy(types, &mut settled.variants, &union, problems);
        name_variants(&mut settled);
        if let Some(declaration) = types.get_mut(&union.name) {
            declaration.kind = TypeKind::Union(settled);
        }
    }
    spread_data_classes(types);
}

fn strategy(
    types: &Types,
    variants: &mut [Variant],
    union: &PendingUnion,
    problems: &mut Problems,
) -> UnionStrategy {
    if let Some(property) = &union.property {
        match tag_by_discriminator(types, variants, property, &union.mapping) {
            Ok(()) => return UnionStrategy::Tag { property: property.clone() },
            Err(message) => {
                variants.iter_mut().for_each(|variant| variant.tags.clear());
                problems.warning(
                    "discriminator-ambiguous",
                    &union.location,
                    message,
                    "let every variant be an object and give each a value of its own under `mapping`",
                );
            }
        }
    }
    if let Some(property) = tag_by_constant(types, variants) {
        return UnionStrategy::Tag { property };
    }
    let kinds: Vec<u8> = variants.iter().map(|variant| json_kinds(types, &variant.ty, 0)).collect();
    let are_disjoint = kinds
        .iter()
        .enumerate()
        .all(|(index, kind)| *kind != 0 && kinds[..index].iter().all(|before| before & kind == 0));
    if are_disjoint {
        return UnionStrategy::JsonType;
    }
    if distinguish(types, variants) {
        return UnionStrategy::Shape;
    }
    problems.warning(
        "union-undecidable",
        &union.location,
        format!(
            "nothing tells the variants of `{}` apart; the first that fits is taken",
            union.name
        ),
        "add a `discriminator`, or a required property with a constant to each variant",
    );
    UnionStrategy::Ordered
}

fn tag_by_discriminator(
    types: &Types,
    variants: &mut [Variant],
    property: &str,
    mapping: &[(String, String)],
) -> Result<(), String> {
    let mut seen = HashSet::new();
    for variant in variants.iter_mut() {
        let Shape::Named(name) = &variant.ty.shape else {
            return Err(format!("a variant of the union has no `{property}`"));
        };
        let Some(object) = object_of(types, &variant.ty, 0) else {
            return Err(format!("the variant `{name}` is not an object"));
        };
        let mut tags: Vec<String> = mapping
            .iter()
            .filter(|(_, target)| target == name)
            .map(|(tag, _)| tag.clone())
            .collect();
        if tags.is_empty() {
            tags = constant_tags(types, object, property).unwrap_or_default();
        }
        if tags.is_empty() {
            let implied = types.get(name).and_then(|declaration| declaration.wire_name.clone());
            tags = vec![implied.unwrap_or_else(|| name.clone())];
        }
        for tag in &tags {
            if !seen.insert(tag.clone()) {
                return Err(format!("two variants answer to `{tag}`"));
            }
        }
        variant.tags = tags;
    }
    Ok(())
}

/// A required property that holds a different constant in every variant.
fn tag_by_constant(types: &Types, variants: &mut [Variant]) -> Option<String> {
    let objects: Option<Vec<&Object>> =
        variants.iter().map(|variant| object_of(types, &variant.ty, 0)).collect();
    let objects = objects?;
    for field in &objects.first()?.fields {
        let property = &field.wire_name;
        let tags: Option<Vec<Vec<String>>> = objects
            .iter()
            .map(|object| {
                let field = object.fields.iter().find(|field| field.wire_name == *property)?;
                field.required.then(|| constant_tags(types, object, property))?
            })
            .collect();
        let Some(tags) = tags else { continue };
        let mut seen = HashSet::new();
        if tags.iter().flatten().all(|tag| seen.insert(tag)) {
            let property = property.clone();
            for (variant, tags) in variants.iter_mut().zip(tags) {
                variant.tags = tags;
            }
            return Some(property);
        }
    }
    None
}

/// The texts a property may hold, when its type lists them.
fn constant_tags(types: &Types, object: &Object, property: &str) -> Option<Vec<String>> {
    let field = object.fields.iter().find(|field| field.wire_name == property)?;
    let mut ty = &field.ty;
    for _ in 0..MAX_CHAIN {
        match &ty.shape {
            Shape::Constant(Value::String(text)) => return Some(vec![text.clone()]),
            Shape::Named(name) => match &types.get(name)?.kind {
                TypeKind::Alias(inner) => ty = inner,
                TypeKind::Enumeration(listed) if listed.base == EnumerationBase::String => {
                    return listed
                        .values
                        .iter()
                        .map(|value| value.wire.as_str().map(str::to_owned))
                        .collect();
                }
                _ => return None,
            },
            _ => return None,
        }
    }
    None
}

/// Finds for each variant the required properties no sibling has.
fn distinguish(types: &Types, variants: &mut [Variant]) -> bool {
    let objects: Option<Vec<&Object>> =
        variants.iter().map(|variant| object_of(types, &variant.ty, 0)).collect();
    let Some(objects) = objects else { return false };
    let mut holders: HashMap<&str, usize> = HashMap::new();
    for object in &objects {
        for field in &object.fields {
            *holders.entry(&field.wire_name).or_default() += 1;
        }
    }
    let found: Vec<Vec<String>> = objects
        .iter()
        .map(|object| {
            let own = object.fields.iter().filter(|field| {
                field.required && holders.get(field.wire_name.as_str()) == Some(&1)
            });
            own.map(|field| field.wire_name.clone()).collect()
        })
        .collect();
    let is_decided = found.iter().all(|own| !own.is_empty());
    if is_decided {
        for (variant, own) in variants.iter_mut().zip(found) {
            variant.distinguishing = own;
        }
    }
    is_decided
}

fn object_of<'t>(types: &'t Types, ty: &Type, depth: usize) -> Option<&'t Object> {
    let Shape::Named(name) = &ty.shape else { return None };
    match &types.get(name)?.kind {
        TypeKind::Object(object) => Some(object),
        TypeKind::Alias(inner) if depth < MAX_CHAIN => object_of(types, inner, depth + 1),
        _ => None,
    }
}

const TEXT: u8 = 1;
const NUMBER: u8 = 2;
const TRUTH: u8 = 4;
const LIST: u8 = 8;
const OBJECT: u8 = 16;
const NULL: u8 = 32;
const EVERY: u8 = 63;

/// The JSON types a value of this type can have.
fn json_kinds(types: &Types, ty: &Type, depth: usize) -> u8 {
    if depth > MAX_CHAIN {
        return EVERY;
    }
    match &ty.shape {
        Shape::Any => EVERY,
        Shape::Null => NULL,
        Shape::Boolean => TRUTH,
        Shape::Integer32 | Shape::Integer64 | Shape::Float32 | Shape::Float64 => NUMBER,
        Shape::String
        | Shape::DateTime
        | Shape::Date
        | Shape::Uuid
        | Shape::Base64
        | Shape::Binary => TEXT,
        Shape::Array(_) => LIST,
        Shape::Map(_) => OBJECT,
        Shape::Constant(value) => json_kind(value),
        Shape::Named(name) => match types.get(name).map(|declaration| &declaration.kind) {
            Some(TypeKind::Object(_)) => OBJECT,
            Some(TypeKind::Enumeration(listed)) => {
                listed.values.iter().fold(0, |kinds, value| kinds | json_kind(&value.wire))
            }
            Some(TypeKind::Union(union)) => union
                .variants
                .iter()
                .fold(0, |kinds, variant| kinds | json_kinds(types, &variant.ty, depth + 1)),
            Some(TypeKind::Alias(inner)) => json_kinds(types, inner, depth + 1),
            None => EVERY,
        },
    }
}

fn json_kind(value: &Value) -> u8 {
    match value {
        Value::Null => NULL,
        Value::Bool(_) => TRUTH,
        Value::Number(_) => NUMBER,
        Value::String(_) => TEXT,
        Value::Array(_) => LIST,
        Value::Object(_) => OBJECT,
    }
}

fn name_variants(union: &mut Union) {
    let mut scope = Scope::default();
    for variant in &mut union.variants {
        variant.name = scope.claim(&variant_name(&variant.ty));
    }
}

fn variant_name(ty: &Type) -> String {
    match &ty.shape {
        Shape::Any => "Any".to_owned(),
        Shape::Null => "Null".to_owned(),
        Shape::Boolean => "Boolean".to_owned(),
        Shape::Integer32 | Shape::Integer64 => "Integer".to_owned(),
        Shape::Float32 | Shape::Float64 => "Number".to_owned(),
        Shape::String => "Text".to_owned(),
        Shape::DateTime => "DateTime".to_owned(),
        Shape::Date => "Date".to_owned(),
        Shape::Uuid => "Uuid".to_owned(),
        Shape::Base64 | Shape::Binary => "Octets".to_owned(),
        Shape::Array(item) => format!("{}List", variant_name(item)),
        Shape::Map(value) => format!("{}Map", variant_name(value)),
        Shape::Named(name) => name.clone(),
        Shape::Constant(value) => crate::names::pascal(&value.to_string()),
    }
}

/// What holds a classified value is classified: an alias, a union, an object by its free
/// members, a field. Objects with classified fields are not, because they mask field by field.
fn spread_data_classes(types: &mut Types) {
    let mut classes: HashMap<String, String> = types
        .iter()
        .filter_map(|(name, declaration)| Some((name.clone(), declaration.data_class.clone()?)))
        .collect();
    if classes.is_empty() {
        return;
    }
    let mut has_changed = true;
    while has_changed {
        has_changed = false;
        for (name, declaration) in
            types.iter_mut().filter(|(_, declaration)| declaration.data_class.is_none())
        {
            let class = match &declaration.kind {
                TypeKind::Alias(ty) => class_of(&classes, ty),
                TypeKind::Union(union) => {
                    union.variants.iter().find_map(|variant| class_of(&classes, &variant.ty))
                }
                TypeKind::Object(Object { additional: Additional::Typed(ty), .. }) => {
                    class_of(&classes, ty)
                }
                TypeKind::Object(_) | TypeKind::Enumeration(_) => None,
            };
            if let Some(class) = class {
                classes.insert(name.clone(), class.clone());
                declaration.data_class = Some(class);
                has_changed = true;
            }
        }
    }
    for declaration in types.values_mut() {
        let TypeKind::Object(object) = &mut declaration.kind else { continue };
        for field in object.fields.iter_mut().filter(|field| field.data_class.is_none()) {
            field.data_class = class_of(&classes, &field.ty);
        }
    }
}

/// A parameter whose type is classified is classified.
pub(super) fn classify_parameters(types: &Types, operations: &mut [Operation]) {
    let parameters = operations.iter_mut().flat_map(|operation| &mut operation.parameters);
    for parameter in parameters.filter(|parameter| parameter.data_class.is_none()) {
        let name = innermost_name(&parameter.ty);
        parameter.data_class = name.and_then(|name| types.get(name)?.data_class.clone());
    }
}

fn class_of(classes: &HashMap<String, String>, ty: &Type) -> Option<String> {
    classes.get(innermost_name(ty)?).cloned()
}

fn innermost_name(ty: &Type) -> Option<&str> {
    match &ty.shape {
        Shape::Named(name) => Some(name),
        Shape::Array(inner) | Shape::Map(inner) => innermost_name(inner),
        _ => None,
    }
}

/// No language can write an alias that contains itself: a map becomes an object, anything else
/// takes any value at the place where the circle closes.
fn break_alias_cycles(types: &mut Types, problems: &mut Problems) {
    for name in endless_aliases(types) {
        let Some(declaration) = types.get_mut(&name) else { continue };
        let TypeKind::Alias(ty) = &declaration.kind else { continue };
        declaration.kind = match ty.shape.clone() {
            Shape::Map(value) => TypeKind::Object(Object {
                fields: Vec::new(),
                additional: Additional::Typed(*value),
            }),
            Shape::Array(_) => {
                TypeKind::Alias(Type { shape: Shape::Array(Box::new(Type::any())), ..ty.clone() })
            }
            _ => TypeKind::Alias(Type::any()),
        };
        if matches!(declaration.kind, TypeKind::Alias(_)) {
            problems.warning(
                "type-cycle",
                &declaration.location,
                format!(
                    "`{name}` contains nothing but itself; its inside is read as any JSON value"
                ),
                "let an object stand between",
            );
        }
    }
}

/// Aliases that are met again on the way through aliases, lists and maps alone: one for each
/// circle. A walk in depth, without recursion.
fn endless_aliases(types: &Types) -> Vec<String> {
    #[derive(PartialEq)]
    enum Visit {
        OnPath,
        Done,
    }
    let mut visits: HashMap<&str, Visit> = HashMap::new();
    let mut endless = Vec::new();
    for start in types.keys() {
        let mut open: Vec<(&str, Option<&str>)> =
            match (visits.get(start.as_str()), named_by(types, start)) {
                (None, Some(next)) => vec![(start, Some(next))],
                _ => continue,
            };
        visits.insert(start, Visit::OnPath);
        while let Some((name, next)) = open.last_mut() {
            let Some(target) = next.take() else {
                visits.insert(name, Visit::Done);
                open.pop();
                continue;
            };
            match visits.get(target) {
                Some(Visit::OnPath) => endless.push(target.to_owned()),
                Some(Visit::Done) => {}
                None => {
                    visits.insert(target, Visit::OnPath);
                    open.push((target, named_by(types, target)));
                }
            }
        }
    }
    endless
}

/// The name at the bottom of an alias, below lists and maps.
fn named_by<'t>(types: &'t Types, name: &str) -> Option<&'t str> {
    match &types.get(name)?.kind {
        TypeKind::Alias(ty) => innermost_name(ty),
        _ => None,
    }
}
