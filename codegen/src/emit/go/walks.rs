//! Walks over all types: which structs would hold themselves, and which hold something classified.

use super::types::alias;
use crate::contract::{Additional, Contract, Field, Shape, Type, TypeKind};
use std::collections::{HashMap, HashSet};

/// The object that a field holds by value, if it does.
fn held<'a>(contract: &'a Contract, field: &'a Field) -> Option<&'a str> {
    let mut ty = &field.ty;
    if !field.required || field.data_class.is_some() {
        return None;
    }
    for _ in 0..64 {
        if ty.nullable {
            return None;
        }
        match alias(contract, ty) {
            Some(target) => ty = target,
            None => break,
        }
    }
    match &ty.shape {
        Shape::Named(name) => Some(name),
        _ => None,
    }
}

/// Depth-first over what structs hold by value; an edge back to an open struct is cut.
pub fn self_holding_fields(contract: &Contract) -> HashSet<(&str, &str)> {
    struct Walk<'a> {
        contract: &'a Contract,
        open: HashSet<&'a str>,
        done: HashSet<&'a str>,
        cut: HashSet<(&'a str, &'a str)>,
    }
    impl<'a> Walk<'a> {
        fn visit(&mut self, name: &'a str) {
            let Some(declaration) = self.contract.types.get(name) else { return };
            let TypeKind::Object(object) = &declaration.kind else { return };
            if !self.done.insert(name) {
                return;
            }
            self.open.insert(name);
            for field in &object.fields {
                let Some(inner) = held(self.contract, field) else { continue };
                if self.open.contains(inner) || self.open.len() > 200 {
                    self.cut.insert((name, &field.wire_name));
                } else {
                    self.visit(inner);
                }
            }
            self.open.remove(name);
        }
    }
    let mut walk =
        Walk { contract, open: HashSet::new(), done: HashSet::new(), cut: HashSet::new() };
    contract.types.keys().for_each(|name| walk.visit(name));
    walk.cut
}

/// Types with something classified in them, at any depth.
pub fn masking_types(contract: &Contract) -> HashSet<&str> {
    let mut holders: HashMap<&str, Vec<&str>> = HashMap::new();
    let mut waiting: Vec<&str> = Vec::new();
    for (name, declaration) in &contract.types {
        let mut uses: Vec<&Type> = Vec::new();
        let mut direct = declaration.data_class.is_some();
        match &declaration.kind {
            TypeKind::Object(object) => {
                direct |= object.fields.iter().any(|field| field.data_class.is_some());
                uses.extend(object.fields.iter().map(|field| &field.ty));
                if let Additional::Typed(ty) = &object.additional {
                    uses.push(ty);
                }
            }
            TypeKind::Union(union) => uses.extend(union.variants.iter().map(|variant| &variant.ty)),
            TypeKind::Alias(ty) => uses.push(ty),
            TypeKind::Enumeration(_) => {}
        }
        uses.into_iter().filter_map(innermost).for_each(|used| {
            holders.entry(used).or_default().push(name);
        });
        if direct {
            waiting.push(name);
        }
    }
    let mut masking = HashSet::new();
    while let Some(name) = waiting.pop() {
        if masking.insert(name) {
            waiting.extend(holders.get(name).into_iter().flatten());
        }
    }
    masking
}

fn innermost(ty: &Type) -> Option<&str> {
    match &ty.shape {
        Shape::Named(name) => Some(name),
        Shape::Array(inner) | Shape::Map(inner) => innermost(inner),
        _ => None,
    }
}
