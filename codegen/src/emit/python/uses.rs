//! Which types travel in which direction.

use crate::contract::{Additional, Contract, Field, Shape, Type, TypeKind};
use std::collections::HashSet;

/// Which types travel in which direction: a required field that only the server writes cannot
/// be required of a caller who sends the type, and the other way round.
pub struct Uses {
    sent: HashSet<String>,
    received: HashSet<String>,
}

impl Uses {
    pub fn of(contract: &Contract) -> Self {
        let mut uses = Self { sent: HashSet::new(), received: HashSet::new() };
        for operation in &contract.operations {
            for content in operation.body.iter().flat_map(|body| &body.contents) {
                walk(contract, &content.ty, &mut uses.sent);
            }
            for content in operation.responses.iter().flat_map(|response| &response.contents) {
                walk(contract, &content.ty, &mut uses.received);
            }
        }
        uses
    }

    pub fn is_optional(&self, owner: &str, field: &Field) -> bool {
        (field.read_only && self.sent.contains(owner))
            || (field.write_only && self.received.contains(owner))
    }
}

fn walk(contract: &Contract, ty: &Type, seen: &mut HashSet<String>) {
    match &ty.shape {
        Shape::Array(item) | Shape::Map(item) => walk(contract, item, seen),
        Shape::Named(name) if !seen.contains(name) => {
            seen.insert(name.clone());
            let Some(declaration) = contract.types.get(name) else { return };
            match &declaration.kind {
                TypeKind::Object(object) => {
                    object.fields.iter().for_each(|field| walk(contract, &field.ty, seen));
                    if let Additional::Typed(ty) = &object.additional {
                        walk(contract, ty, seen);
                    }
                }
                TypeKind::Union(union) => {
                    union.variants.iter().for_each(|variant| walk(contract, &variant.ty, seen));
                }
                TypeKind::Alias(ty) => walk(contract, ty, seen),
                TypeKind::Enumeration(_) => {}
            }
        }
        _ => {}
    }
}
