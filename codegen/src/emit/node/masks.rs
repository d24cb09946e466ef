//! `masks.ts`: what is classified in each type, as data for the runtime.

use super::plan::Plan;
use crate::contract::{Additional, Contract, Shape, Type, TypeDeclaration, TypeKind};
use crate::encode::typescript as encode;
use serde::Serialize;
use std::collections::HashSet;

/// Types that print masked, wholly or in parts.
pub struct Masks<'a> {
    whole: HashSet<&'a str>,
    touched: HashSet<&'a str>,
}

#[derive(Serialize)]
pub struct MasksView {
    /// Lines of the table.
    entries: Vec<String>,
    /// Lines of the interface from names to types.
    types: Vec<String>,
}

impl<'a> Masks<'a> {
    pub fn new(contract: &'a Contract) -> Self {
        let mut masks = Self { whole: HashSet::new(), touched: HashSet::new() };
        loop {
            let before = masks.touched.len() + masks.whole.len();
            for (name, declaration) in &contract.types {
                if masks.is_whole(declaration) {
                    masks.whole.insert(name);
                }
                if masks.is_touched(declaration) {
                    masks.touched.insert(name);
                }
            }
            if masks.touched.len() + masks.whole.len() == before {
                return masks;
            }
        }
    }

    /// Whether anything is classified at all.
    pub fn any(&self) -> bool {
        !self.touched.is_empty() || !self.whole.is_empty()
    }

    /// The mask of a use of a type as source text; none when nothing in it is classified.
    pub fn of(&self, ty: &Type) -> Option<String> {
        match &ty.shape {
            Shape::Named(name) if self.whole.contains(name.as_str()) => Some("true".to_owned()),
            Shape::Named(name) if self.touched.contains(name.as_str()) => {
                Some(encode::string(name))
            }
            Shape::Array(item) => self.of(item).map(|mask| inside("items", mask)),
            Shape::Map(value) => self.of(value).map(|mask| inside("values", mask)),
            _ => None,
        }
    }

    fn is_whole(&self, declaration: &TypeDeclaration) -> bool {
        declaration.data_class.is_some()
            || matches!(&declaration.kind, TypeKind::Alias(ty) if self.of(ty).as_deref() == Some("true"))
    }

    fn is_touched(&self, declaration: &TypeDeclaration) -> bool {
        let hit = |ty: &Type| self.hits(ty);
        declaration.data_class.is_some()
            || match &declaration.kind {
                TypeKind::Object(object) => {
                    object.fields.iter().any(|field| field.data_class.is_some() || hit(&field.ty))
                        || matches!(&object.additional, Additional::Typed(ty) if hit(ty))
                }
                TypeKind::Union(union) => union.variants.iter().any(|variant| hit(&variant.ty)),
                TypeKind::Alias(ty) => hit(ty),
                TypeKind::Enumeration(_) => false,
            }
    }

    fn hits(&self, ty: &Type) -> bool {
        match &ty.shape {
            Shape::Named(name) => self.touched.contains(name.as_str()),
            Shape::Array(inner) | Shape::Map(inner) => self.hits(inner),
            _ => false,
        }
    }

    fn entry(&self, declaration: &TypeDeclaration) -> Vec<String> {
        if self.whole.contains(declaration.name.as_str()) {
            return vec!["true".to_owned()];
        }
        match &declaration.kind {
            TypeKind::Object(object) => {
                let mut lines = vec!["{".to_owned(), "  fields: {".to_owned()];
                for field in &object.fields {
                    let mask = match &field.data_class {
                        Some(_) => Some("true".to_owned()),
                        None => self.of(&field.ty),
                    };
                    if let Some(mask) = mask {
                        let key = if field.wire_name == "__proto__" {
                            "['__proto__']".to_owned()
                        } else {
                            encode::key(&field.wire_name)
                        };
                        lines.push(format!("    {key}: {mask},"));
                    }
                }
                if lines.len() == 2 {
                    lines.pop();
                } else {
                    lines.push("  },".to_owned());
                }
                if let Additional::Typed(ty) = &object.additional
                    && let Some(mask) = self.of(ty)
                {
                    lines.push(format!("  values: {mask},"));
                }
                lines.push("}".to_owned());
                lines
            }
            TypeKind::Union(union) => {
                let masks = union.variants.iter().filter_map(|variant| self.of(&variant.ty));
                let masks: Vec<String> = masks.collect();
                let text = super::layout::array(4, "variants: ", &masks, ",");
                vec!["{".to_owned(), format!("  {text}"), "}".to_owned()]
            }
            TypeKind::Alias(ty) => vec![self.of(ty).unwrap_or_else(|| "{}".to_owned())],
            TypeKind::Enumeration(_) => vec!["{}".to_owned()],
        }
    }
}

/// What holds only classified values is classified itself.
fn inside(part: &str, mask: String) -> String {
    if mask == "true" { mask } else { format!("{{ {part}: {mask} }}") }
}

pub fn view(plan: &Plan<'_>, masks: &Masks<'_>) -> MasksView {
    let touched = plan.contract.types.iter().filter(|(name, _)| {
        masks.touched.contains(name.as_str()) || masks.whole.contains(name.as_str())
    });
    let mut entries = Vec::new();
    let mut types = Vec::new();
    for (name, declaration) in touched {
        let lines = masks.entry(declaration);
        let last = lines.len() - 1;
        for (index, line) in lines.into_iter().enumerate() {
            let head = if index == 0 { format!("{name}: ") } else { String::new() };
            let tail = if index == last { "," } else { "" };
            entries.push(format!("{head}{line}{tail}"));
        }
        types.push(format!("{name}: models.{};", plan.types[name.as_str()]));
    }
    MasksView { entries, types }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{Field, Object};
    use crate::problem::Location;

    fn object(name: &str, fields: &[(&str, Type, bool)]) -> TypeDeclaration {
        let field = |(name, ty, classified): &(&str, Type, bool)| Field {
            wire_name: (*name).to_owned(),
            ty: ty.clone(),
            required: true,
            default: None,
            read_only: false,
            write_only: false,
            description: None,
            data_class: classified.then(|| "secret".to_owned()),
            deprecated: false,
            location: Location::default(),
        };
        declare(
            name,
            TypeKind::Object(Object {
                fields: fields.iter().map(field).collect(),
                additional: Additional::Unspecified,
            }),
        )
    }

    fn declare(name: &str, kind: TypeKind) -> TypeDeclaration {
        TypeDeclaration {
            name: name.to_owned(),
            wire_name: None,
            description: None,
            kind,
            data_class: None,
            deprecated: false,
            examples: Vec::new(),
            location: Location::default(),
        }
    }

    fn list(ty: Type) -> Type {
        Type::new(Shape::Array(Box::new(ty)))
    }

    #[test]
    fn masks_reach_through_lists_and_types_that_hold_themselves() {
        let mut note = declare("Note", TypeKind::Alias(Type::new(Shape::String)));
        note.data_class = Some("phi".to_owned());
        let text = Type::new(Shape::String);
        let tree = object(
            "Tree",
            &[
                ("children", list(Type::named("Tree")), false),
                ("secret", text.clone(), true),
                ("notes", list(Type::named("Note")), false),
            ],
        );
        let outer = object("Outer", &[("trees", list(Type::named("Tree")), false)]);
        let plain = object("Plain", &[("text", text, false)]);
        let mut contract = Contract::default();
        for declaration in [outer, plain, tree, note] {
            contract.types.insert(declaration.name.clone(), declaration);
        }
        let masks = Masks::new(&contract);
        assert_eq!(masks.of(&Type::named("Outer")).as_deref(), Some("'Outer'"));
        assert_eq!(masks.of(&Type::named("Plain")), None);
        assert_eq!(masks.of(&list(Type::named("Note"))).as_deref(), Some("true"));
        let lines = masks.entry(&contract.types["Tree"]).join("\n");
        assert!(lines.contains("children: { items: 'Tree' },"));
        assert!(lines.contains("secret: true,"));
        assert!(lines.contains("notes: true,"));
    }
}
