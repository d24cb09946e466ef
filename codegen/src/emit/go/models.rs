//! Contract types as Go declarations.

use super::types::{Names, Slot, Wrap};
use crate::contract::{
    Additional, Enumeration, EnumerationBase, Field, Object, Shape, Type, TypeDeclaration,
    TypeKind, Union, UnionStrategy, Variant,
};
use crate::encode::go;
use crate::names::{self, Scope};
use serde::Serialize;

#[derive(Serialize)]
pub struct Models {
    /// Whether anything here calls the runtime.
    pub runtime: bool,
    pub imports: Vec<&'static str>,
    pub types: Vec<Model>,
}

/// One declaration. `kind` chooses the block of the template.
#[derive(Serialize)]
pub struct Model {
    pub kind: &'static str,
    pub name: String,
    pub doc: Vec<String>,
    /// Log form masked, because something inside is classified.
    pub masks: bool,
    /// Every printed form masked, because the type itself is classified.
    pub classified: bool,
    /// What an alias or an enumeration stands on.
    pub base: String,
    pub fields: Vec<Line>,
    pub values: Vec<EnumerationLine>,
    pub variants: Vec<Choice>,
    /// Whether a variant is chosen by looking at the value first.
    pub inspects: bool,
}

#[derive(Serialize)]
pub struct Line {
    pub doc: Vec<String>,
    pub code: String,
}

#[derive(Serialize)]
pub struct EnumerationLine {
    pub doc: Vec<String>,
    pub name: String,
    pub literal: String,
}

#[derive(Serialize)]
pub struct Choice {
    pub doc: Vec<String>,
    pub name: String,
    pub ty: String,
    pub guard: String,
}

pub fn view(names: &Names<'_>) -> Models {
    let types: Vec<Model> =
        names.contract.types.values().map(|declaration| model(names, declaration)).collect();
    let runtime = types
        .iter()
        .any(|model| model.masks || model.classified || matches!(model.kind, "object" | "union"));
    Models { runtime, imports: imports(&types), types }
}

fn imports(types: &[Model]) -> Vec<&'static str> {
    let any = |test: &dyn Fn(&Model) -> bool| types.iter().any(test);
    let mut found = Vec::new();
    if any(&|model| {
        model.kind == "union"
            || model.base.contains("json.")
            || model.fields.iter().any(|field| field.code.contains("json.RawMessage"))
    }) {
        found.push("\"encoding/json\"");
    }
    if any(&|model| model.classified) {
        found.push("\"fmt\"");
    }
    if any(&|model| model.masks || model.classified) {
        found.push("\"log/slog\"");
    }
    if any(&|model| {
        model.base.contains("time.Time")
            || model.fields.iter().any(|field| field.code.contains("time.Time"))
            || model.variants.iter().any(|variant| variant.ty.contains("time.Time"))
    }) {
        found.push("\"time\"");
    }
    found
}

fn model(names: &Names<'_>, declaration: &TypeDeclaration) -> Model {
    let name = names.of(&declaration.name).to_owned();
    let mut view = Model {
        kind: "alias",
        doc: documentation(&name, declaration),
        masks: false,
        classified: declaration.data_class.is_some()
            && !matches!(declaration.kind, TypeKind::Alias(_)),
        base: String::new(),
        fields: Vec::new(),
        values: Vec::new(),
        variants: Vec::new(),
        inspects: false,
        name,
    };
    match &declaration.kind {
        TypeKind::Object(object) => {
            view.kind = "object";
            view.fields = fields(names, declaration, object);
        }
        TypeKind::Enumeration(enumeration) => enumeration_of(names, enumeration, &mut view),
        TypeKind::Union(union) => {
            view.kind = "union";
            view.variants = choices(names, union);
            view.inspects = view.variants.iter().any(|variant| variant.guard.contains("seen."));
        }
        TypeKind::Alias(ty) => view.base = alias(names, declaration, ty),
    }
    // An alias that is only another name has the methods of what it names.
    view.masks = names.masks(&declaration.name) && !view.base.starts_with('=');
    view
}

fn documentation(name: &str, declaration: &TypeDeclaration) -> Vec<String> {
    let mut text = match &declaration.description {
        Some(description) => format!("{name}: {description}"),
        None => format!(
            "{name} is the schema {}",
            declaration.wire_name.as_deref().map_or_else(
                || format!("at {}", declaration.location.pointer),
                |wire_name| format!("{wire_name}."),
            )
        ),
    };
    if declaration.deprecated {
        text.push_str("\n\nDeprecated: the API marks this type as deprecated.");
    }
    go::comment(&text, "")
}

fn fields(names: &Names<'_>, declaration: &TypeDeclaration, object: &Object) -> Vec<Line> {
    let mut scope = member_scope();
    let mut lines: Vec<Line> = object
        .fields
        .iter()
        .map(|field| {
            let name = scope.claim(&names::go_pascal(&field.wire_name));
            let slot = names.field(&declaration.name, field);
            let tag = go::tag(&field.wire_name, slot.omitted, &more_tags(field, &slot));
            Line { doc: field_doc(&name, field), code: format!("{name} {} {tag}", slot.ty) }
        })
        .collect();
    let extra = match &object.additional {
        Additional::Forbidden => None,
        Additional::Unspecified => Some("json.RawMessage".to_owned()),
        Additional::Typed(ty) => Some(names.element(ty)),
    };
    if let Some(ty) = extra {
        lines.push(Line {
            doc: vec!["\t// Extra holds the fields that have no place above.".to_owned()],
            code: format!("Extra map[string]{ty} `json:\"-\"`"),
        });
    }
    lines
}

/// Names that a struct needs for itself.
fn member_scope() -> Scope {
    Scope::with_reserved([
        "Extra",
        "MarshalJSON",
        "UnmarshalJSON",
        "String",
        "GoString",
        "Format",
        "LogValue",
    ])
}

/// Field names of an object by wire name, as `fields` gives them.
pub fn field_names(object: &Object) -> Vec<(&Field, String)> {
    let mut scope = member_scope();
    object
        .fields
        .iter()
        .map(|field| (field, scope.claim(&names::go_pascal(&field.wire_name))))
        .collect()
}

fn more_tags(field: &Field, slot: &Slot) -> String {
    if let Shape::Constant(value) = &field.ty.shape
        && field.required
        && slot.wrap == Wrap::None
    {
        return format!("constant:{}", go::string(&value.to_string()));
    }
    if slot.null_is_nil { "nullable:\"true\"".to_owned() } else { String::new() }
}

fn field_doc(name: &str, field: &Field) -> Vec<String> {
    let mut text = match &field.description {
        Some(description) => format!("{name}: {description}"),
        None => format!("{name} is {} on the wire.", field.wire_name),
    };
    if let Some(default) = &field.default {
        text.push_str(&format!("\n\nThe server takes {default} when it is absent."));
    }
    if field.deprecated {
        text.push_str("\n\nDeprecated: the API marks this field as deprecated.");
    }
    go::comment(&text, "\t")
}

fn enumeration_of(names: &Names<'_>, enumeration: &Enumeration, view: &mut Model) {
    let (kind, base) = match enumeration.base {
        EnumerationBase::String => ("enumeration", "string"),
        EnumerationBase::Integer => ("enumeration", "int64"),
        EnumerationBase::Mixed => ("alias", "= any"),
    };
    view.kind = kind;
    view.base = base.to_owned();
    if enumeration.base == EnumerationBase::Mixed {
        return;
    }
    for value in &enumeration.values {
        let name = names.claim(&format!("{}{}", view.name, names::go_pascal(&value.name)));
        let text = match &value.description {
            Some(description) => format!("{name}: {description}"),
            None => format!("{name} is {} on the wire.", value.wire),
        };
        view.values.push(EnumerationLine {
            doc: go::comment(&text, "\t"),
            literal: go::value(&value.wire),
            name,
        });
    }
}

fn alias(names: &Names<'_>, declaration: &TypeDeclaration, ty: &Type) -> String {
    let base = names.base(ty);
    if declaration.data_class.is_some() && !names.is_classified(ty) {
        return format!("= Classified[{base}]");
    }
    match ty.shape {
        Shape::Array(_) | Shape::Map(_) => base,
        _ => format!("= {base}"),
    }
}

/// Field names of the variants of a union.
pub fn variant_names(union: &Union) -> Vec<(&Variant, String)> {
    let mut scope = member_scope();
    scope.claim("Raw");
    union
        .variants
        .iter()
        .map(|variant| (variant, scope.claim(&names::go_pascal(&variant.name))))
        .collect()
}

fn choices(names: &Names<'_>, union: &Union) -> Vec<Choice> {
    variant_names(union)
        .into_iter()
        .map(|(variant, name)| {
            let ty = names.base(&variant.ty);
            Choice {
                doc: vec![format!("\t// {name} is set when the value is this variant.")],
                guard: guard(names, union, variant, &name),
                ty,
                name,
            }
        })
        .collect()
}

/// The Go expression that reads the variant when the value is one.
fn guard(names: &Names<'_>, union: &Union, variant: &Variant, name: &str) -> String {
    let list =
        |items: &[String]| items.iter().map(|item| go::string(item)).collect::<Vec<_>>().join(", ");
    let required = |ty: &Type| -> Vec<String> {
        names.object(ty).map_or_else(Vec::new, |(_, object)| {
            object
                .fields
                .iter()
                .filter(|field| field.required && !field.write_only)
                .map(|field| field.wire_name.clone())
                .collect()
        })
    };
    let test = match &union.strategy {
        UnionStrategy::Tag { property } if !variant.tags.is_empty() => {
            Some(format!("seen.Tag({}, {})", go::string(property), list(&variant.tags)))
        }
        UnionStrategy::Shape if !variant.distinguishing.is_empty() => {
            Some(format!("seen.Has({})", list(&variant.distinguishing)))
        }
        _ => match required(&variant.ty) {
            fields if !fields.is_empty() => Some(format!("seen.Has({})", list(&fields))),
            _ => json_kind(names, &variant.ty).map(|kind| format!("seen.Is(\"{kind}\")")),
        },
    };
    let read = format!("runtime.Choose(data, &m.{name})");
    test.map_or_else(|| read.clone(), |test| format!("{test} && {read}"))
}

fn json_kind(names: &Names<'_>, ty: &Type) -> Option<&'static str> {
    match &names.resolved(ty).shape {
        Shape::Any => None,
        Shape::Null => Some("null"),
        Shape::Boolean => Some("boolean"),
        Shape::Integer32 | Shape::Integer64 | Shape::Float32 | Shape::Float64 => Some("number"),
        Shape::String
        | Shape::DateTime
        | Shape::Date
        | Shape::Uuid
        | Shape::Base64
        | Shape::Binary => Some("string"),
        Shape::Array(_) => Some("array"),
        Shape::Map(_) => Some("object"),
        Shape::Constant(value) => match super::types::constant_type(value) {
            "string" => Some("string"),
            "bool" => Some("boolean"),
            "int64" | "float64" => Some("number"),
            _ => None,
        },
        Shape::Named(name) => match &names.contract.types.get(name)?.kind {
            TypeKind::Object(_) => Some("object"),
            TypeKind::Enumeration(values) => match values.base {
                EnumerationBase::String => Some("string"),
                EnumerationBase::Integer => Some("number"),
                EnumerationBase::Mixed => None,
            },
            _ => None,
        },
    }
}
