//! Types of the contract as pydantic models, open enumerations and aliases.

use super::layout;
use super::types::{Module, Types};
use super::uses::Uses;
use crate::contract::{
    Additional, Constraints, Enumeration, EnumerationBase, Field, Object, Shape, Type,
    TypeDeclaration, TypeKind,
};
use crate::encode::python as encode;
use crate::names::{self, Scope};
use serde::Serialize;
use serde_json::Value;
use std::collections::HashSet;

/// Names a field may not take: annotations use them, or the base of all models has them.
const RESERVED_FIELDS: &[&str] = &[
    "bool",
    "bytes",
    "construct",
    "copy",
    "dict",
    "float",
    "frozenset",
    "from_orm",
    "from_wire",
    "int",
    "json",
    "list",
    "masked_fields",
    "model_computed_fields",
    "model_config",
    "model_construct",
    "model_copy",
    "model_dump",
    "model_dump_json",
    "model_extra",
    "model_fields",
    "model_fields_set",
    "model_json_schema",
    "model_parametrized_name",
    "model_post_init",
    "model_rebuild",
    "model_validate",
    "model_validate_json",
    "model_validate_strings",
    "nullable_fields",
    "constant_fields",
    "object",
    "parse_file",
    "parse_obj",
    "parse_raw",
    "schema",
    "schema_json",
    "str",
    "to_wire",
    "update_forward_refs",
    "validate",
    "wire",
    "self",
];

/// A module of types: `models.py`, `events.py`.
#[derive(Serialize)]
pub struct View {
    pub imports: String,
    pub classes: Vec<Class>,
    /// Aliases stand behind the classes, each after those it uses.
    pub aliases: Vec<Alias>,
}

#[derive(Serialize)]
pub struct Class {
    /// `class Pet(Model):`
    pub head: String,
    pub docstring: String,
    /// What the class says about its fields.
    pub settings: Vec<String>,
    /// Fields or values, each with its own indentation.
    pub members: Vec<String>,
}

#[derive(Serialize)]
pub struct Alias {
    /// `PetId: TypeAlias = str`
    pub assignment: String,
    pub docstring: String,
}

/// Builds the view of some types.
pub fn view<'a>(
    types: &Types<'a>,
    uses: &Uses,
    declarations: impl Iterator<Item = &'a TypeDeclaration>,
) -> View {
    let mut module = Module::new("");
    let mut classes = Vec::new();
    let mut waiting = Vec::new();
    for declaration in declarations {
        let name = &*types.class(&declaration.name);
        match &declaration.kind {
            TypeKind::Object(object) => {
                classes.push(object_class(types, uses, declaration, object, name, &mut module));
            }
            TypeKind::Enumeration(enumeration) if enumeration.base != EnumerationBase::Mixed => {
                classes.push(enumeration_class(declaration, enumeration, name, &mut module));
            }
            _ => waiting.push(declaration),
        }
    }
    let aliases = aliases(types, &waiting, &mut module);
    View { imports: module.import_block(".").trim_end().to_owned(), classes, aliases }
}

/// The Python name of a field, before clashes are settled.
pub fn field_name(wire_name: &str) -> String {
    let name = names::snake(wire_name);
    let name = if name.starts_with('_') { format!("field{name}") } else { name };
    if RESERVED_FIELDS.contains(&name.as_str()) {
        format!("{name}_")
    } else {
        encode::identifier(&name)
    }
}

/// Python names of all fields of an object, in their order.
pub fn field_names(object: &Object) -> Vec<String> {
    let mut scope = Scope::default();
    object.fields.iter().map(|field| scope.claim(&field_name(&field.wire_name))).collect()
}

fn object_class(
    types: &Types<'_>,
    uses: &Uses,
    declaration: &TypeDeclaration,
    object: &Object,
    name: &str,
    module: &mut Module,
) -> Class {
    module.name("runtime.model", "Model");
    let mut settings = Vec::new();
    match &object.additional {
        Additional::Forbidden => {
            module.name("pydantic", "ConfigDict");
            settings.push("model_config = ConfigDict(extra=\"ignore\")".to_owned());
        }
        Additional::Typed(ty) if ty.shape != Shape::Any => {
            module.name("pydantic", "Field");
            let annotation = types.annotation(ty, module);
            settings
                .push(format!("__pydantic_extra__: dict[str, {annotation}] = Field(init=False)"));
        }
        Additional::Typed(_) | Additional::Unspecified => {}
    }
    let names = field_names(object);
    let set_of = |test: &dyn Fn(&Field) -> bool| -> Vec<String> {
        let chosen = object.fields.iter().zip(&names).filter(|(field, _)| test(field));
        chosen.map(|(_, name)| encode::string(name)).collect()
    };
    if declaration.data_class.is_some() {
        module.name("runtime.model", "EVERYTHING");
        class_variable("masked_fields", "EVERYTHING", &mut settings, module);
    } else {
        let masked =
            |field: &Field| field.data_class.is_some() || types.is_classified(&field.ty, 0);
        frozen_set("masked_fields", &set_of(&masked), &mut settings, module);
    }
    frozen_set(
        "nullable_fields",
        &set_of(&|field| types.accepts_null(&field.ty)),
        &mut settings,
        module,
    );
    frozen_set("constant_fields", &set_of(&|field| is_constant(field)), &mut settings, module);
    let mut members = Vec::with_capacity(object.fields.len());
    for (field, field_name) in object.fields.iter().zip(&names) {
        let optional = !field.required || uses.is_optional(&declaration.name, field);
        members.push(field_member(types, field, field_name, optional, module));
    }
    Class {
        head: format!("class {name}(Model):"),
        docstring: encode::docstring(&describe(declaration), 4),
        settings,
        members,
    }
}

fn field_member(
    types: &Types<'_>,
    field: &Field,
    name: &str,
    optional: bool,
    module: &mut Module,
) -> String {
    let mut annotation = types.annotation(&field.ty, module);
    let mut default = "";
    let constant = constant_of(field);
    if let Some(value) = &constant {
        default = value;
    } else if optional && types.accepts_null(&field.ty) {
        module.name("runtime.unset", "UNSET");
        if annotation != "Any" {
            module.name("runtime.unset", "Unset");
            annotation = if annotation == "None" || annotation.ends_with(" | None") {
                format!("{annotation} | Unset")
            } else {
                format!("{annotation} | None | Unset")
            };
        }
        default = "UNSET";
    } else if optional {
        annotation.push_str(" | None");
        default = "None";
    }
    let tail = if default.is_empty() { String::new() } else { format!(" = {default}") };
    let mut member = if name == field.wire_name {
        format!("{name}: {annotation}{tail}")
    } else {
        module.name("typing", "Annotated");
        module.name("runtime.model", "wire");
        let wire = format!("wire({})", encode::string(&field.wire_name));
        layout::group(4, &format!("{name}: Annotated"), &[annotation, wire], ["[", "]"], &tail)
    };
    if let Some(text) = field_text(field) {
        member.push_str("\n    ");
        member.push_str(&encode::docstring(&text, 4));
    }
    member
}

fn is_constant(field: &Field) -> bool {
    constant_of(field).is_some()
}

/// The literal of a required constant: it is sent without being given.
fn constant_of(field: &Field) -> Option<String> {
    match &field.ty.shape {
        Shape::Constant(value @ (Value::String(_) | Value::Bool(_) | Value::Number(_)))
            if field.required && !field.ty.nullable =>
        {
            Some(encode::value(value))
        }
        _ => None,
    }
}

fn frozen_set(name: &str, items: &[String], settings: &mut Vec<String>, module: &mut Module) {
    if items.is_empty() {
        return;
    }
    module.name("typing", "ClassVar");
    let head = format!("{name}: ClassVar[frozenset[str]] = frozenset");
    let line = format!("{head}({{{}}})", items.join(", "));
    settings.push(if line.len() + 4 <= encode::WIDTH {
        line
    } else {
        let set = layout::group(8, "", items, ["{", "}"], "");
        format!("{head}(\n        {set}\n    )")
    });
}

fn class_variable(name: &str, value: &str, settings: &mut Vec<String>, module: &mut Module) {
    module.name("typing", "ClassVar");
    settings.push(format!("{name}: ClassVar[frozenset[str]] = {value}"));
}

fn enumeration_class(
    declaration: &TypeDeclaration,
    enumeration: &Enumeration,
    name: &str,
    module: &mut Module,
) -> Class {
    let base = match enumeration.base {
        EnumerationBase::Integer => module.name("runtime.model", "OpenIntEnum"),
        _ => module.name("runtime.model", "OpenStrEnum"),
    };
    let mut scope = Scope::with_reserved(["name", "value", "mro", "is_known"]);
    let members = enumeration
        .values
        .iter()
        .map(|value| {
            let cased = names::screaming(&value.name);
            let cased = if cased.starts_with('_') { format!("VALUE{cased}") } else { cased };
            let mut member = format!("{} = {}", scope.claim(&cased), encode::value(&value.wire));
            if let Some(text) = &value.description {
                member.push_str("\n    ");
                member.push_str(&encode::docstring(text, 4));
            }
            member
        })
        .collect();
    Class {
        head: format!("class {name}({base}):"),
        docstring: encode::docstring(&describe(declaration), 4),
        settings: Vec::new(),
        members,
    }
}

/// Aliases in an order in which each one comes after those it uses; those in a cycle are lazy.
fn aliases(types: &Types<'_>, waiting: &[&TypeDeclaration], module: &mut Module) -> Vec<Alias> {
    let mut left: Vec<&TypeDeclaration> = waiting.to_vec();
    let mut undefined: HashSet<&str> = left.iter().map(|alias| alias.name.as_str()).collect();
    let mut done = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let (ready, blocked): (Vec<_>, Vec<_>) = left
            .iter()
            .partition(|alias| !mentioned(alias).iter().any(|name| undefined.contains(name)));
        // What is left when nothing is ready is a cycle, or stands behind one.
        let lazy = ready.is_empty();
        let (now, later) = if lazy { (blocked, Vec::new()) } else { (ready, blocked) };
        for alias in now {
            done.push(alias_of(types, alias, lazy, module));
            undefined.remove(alias.name.as_str());
        }
        left = later;
    }
    done
}

/// Contract names an alias is made of, not looking into other types.
fn mentioned(declaration: &TypeDeclaration) -> Vec<&str> {
    fn walk<'a>(ty: &'a Type, found: &mut Vec<&'a str>) {
        match &ty.shape {
            Shape::Named(name) => found.push(name),
            Shape::Array(item) | Shape::Map(item) => walk(item, found),
            _ => {}
        }
    }
    let mut found = Vec::new();
    match &declaration.kind {
        TypeKind::Alias(ty) => walk(ty, &mut found),
        TypeKind::Union(union) => {
            union.variants.iter().for_each(|variant| walk(&variant.ty, &mut found));
        }
        TypeKind::Object(_) | TypeKind::Enumeration(_) => {}
    }
    found
}

fn alias_of(
    types: &Types<'_>,
    declaration: &TypeDeclaration,
    lazy: bool,
    module: &mut Module,
) -> Alias {
    let name = &*types.class(&declaration.name);
    let target = match &declaration.kind {
        TypeKind::Union(union) => types.union(union, module),
        TypeKind::Alias(ty) => types.annotation(ty, module),
        _ => module.name("typing", "Any").to_owned(),
    };
    let assignment = if lazy {
        module.name("typing_extensions", "TypeAliasType");
        let one_line = target.split_whitespace().collect::<Vec<_>>().join(" ");
        let text = encode::string(&one_line);
        let arguments = [encode::string(name), text];
        layout::group(0, &format!("{name} = TypeAliasType"), &arguments, ["(", ")"], "")
    } else {
        module.name("typing", "TypeAlias");
        format!("{name}: TypeAlias = {target}")
    };
    Alias { assignment, docstring: encode::docstring(&describe(declaration), 0) }
}

fn describe(declaration: &TypeDeclaration) -> String {
    let mut text = declaration.description.clone().unwrap_or_default();
    if text.trim().is_empty() {
        let name = declaration.wire_name.as_deref().unwrap_or(&declaration.name);
        text = format!("`{name}` of the contract.");
    }
    if declaration.deprecated {
        text.push_str("\n\nDeprecated.");
    }
    text
}

/// Description, limits and default of a field, as sentences.
fn field_text(field: &Field) -> Option<String> {
    let mut text = field.description.clone().unwrap_or_default();
    let limits = limits(&field.ty.constraints);
    let mut notes = Vec::new();
    if !limits.is_empty() {
        notes.push(format!("{limits}."));
    }
    if let Some(default) = field.default.as_ref().filter(|default| !default.is_null()) {
        notes.push(format!("Default: {default}."));
    }
    if field.deprecated {
        notes.push("Deprecated.".to_owned());
    }
    if !notes.is_empty() {
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        text.push_str(&notes.join(" "));
    }
    (!text.trim().is_empty()).then_some(text)
}

/// `1 to 256`, `At most 63 characters, pattern ...`
pub fn limits(constraints: &Constraints) -> String {
    let number = |value: f64| {
        if value.fract() == 0.0 { format!("{value:.0}") } else { value.to_string() }
    };
    let count = |value: Option<u64>| value.map(|value| value.to_string());
    let parts = [
        range(constraints.minimum.map(number), constraints.maximum.map(number), ""),
        range(count(constraints.min_length), count(constraints.max_length), " characters"),
        range(count(constraints.min_items), count(constraints.max_items), " entries"),
        constraints.pattern.as_ref().map(|pattern| format!("pattern `{pattern}`")),
        constraints.format.as_ref().map(|format| format!("format {format}")),
    ];
    let text = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        format!("{}{}", first.to_ascii_uppercase(), letters.as_str())
    })
}

fn range(lowest: Option<String>, highest: Option<String>, unit: &str) -> Option<String> {
    match (lowest, highest) {
        (Some(lowest), Some(highest)) if lowest == highest => Some(format!("{lowest}{unit}")),
        (Some(lowest), Some(highest)) => Some(format!("{lowest} to {highest}{unit}")),
        (Some(lowest), None) => Some(format!("at least {lowest}{unit}")),
        (None, Some(highest)) => Some(format!("at most {highest}{unit}")),
        (None, None) => None,
    }
}
