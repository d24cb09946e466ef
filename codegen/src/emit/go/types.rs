//! Go names and Go types: which identifier a contract type has, and what a use of it is
//! written as.

use super::errors::Errors;
use super::walks::{masking_types, self_holding_fields};
use crate::contract::{Contract, Field, Object, Shape, Type, TypeDeclaration, TypeKind};
use crate::encode::go;
use crate::names::{self, Scope};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

/// Names of the generated package that no schema may take: aliases of the runtime and what the
/// templates declare.
const TAKEN: &[&str] = &[
    "APIError",
    "CallOption",
    "Classified",
    "Classify",
    "ClientOption",
    "Date",
    "ErrorClass",
    "File",
    "JSONNull",
    "Null",
    "Optional",
    "ParseDate",
    "Present",
    "Ptr",
    "Response",
    "ServerEvent",
    "SharedOption",
    "TokenFunc",
    "TokenSource",
    "TransportError",
    "Version",
    "Violation",
    "WithAPIKey",
    "WithBaseURL",
    "WithBasicAuth",
    "WithCAFile",
    "WithConnectTimeout",
    "WithHeader",
    "WithIdempotencyKey",
    "WithMaxRetries",
    "WithResponse",
    "WithTimeout",
    "WithToken",
    "WithTokenRenewal",
    "WithTokenSource",
    "errorTree",
    "facts",
    "renewal",
    "runtime",
    "context",
    "json",
    "time",
    "iter",
    "io",
    "slog",
    "fmt",
    "any",
];

pub struct Names<'a> {
    pub contract: &'a Contract,
    types: HashMap<&'a str, String>,
    /// Fields that must be pointers, because the struct would hold itself: (owner, wire name).
    indirect: HashSet<(&'a str, &'a str)>,
    /// Types that hold something classified and so mask their log form.
    masking: HashSet<&'a str>,
    /// Every identifier of the package, compared without case.
    scope: RefCell<Scope>,
}

/// A use of a type as a field or parameter.
pub struct Slot {
    pub ty: String,
    /// Left out of the wire form when zero.
    pub omitted: bool,
    /// A nil list or map stands for null.
    pub null_is_nil: bool,
    /// How a value of the plain type becomes this slot.
    pub wrap: Wrap,
    pub classified: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wrap {
    None,
    Pointer,
    Optional,
}

impl<'a> Names<'a> {
    pub fn new(contract: &'a Contract, client: &str, errors: &Errors) -> Self {
        let mut scope = Scope::with_reserved(TAKEN.iter().copied());
        scope.claim(client);
        scope.claim(&format!("New{client}"));
        errors.classes.iter().for_each(|class| {
            scope.claim(&class.name);
        });
        let mut types = HashMap::new();
        for name in contract.types.keys() {
            types.insert(name.as_str(), claim_type(&mut scope, &names::go_pascal(name)));
        }
        let indirect = self_holding_fields(contract);
        let masking = masking_types(contract);
        Self { contract, types, indirect, masking, scope: RefCell::new(scope) }
    }

    /// Takes a free identifier of the package.
    pub fn claim(&self, name: &str) -> String {
        self.scope.borrow_mut().claim(name)
    }

    pub fn of(&self, name: &str) -> &str {
        self.types.get(name).map_or("any", String::as_str)
    }

    pub fn masks(&self, name: &str) -> bool {
        self.masking.contains(name)
    }

    /// The Go type of a value that is there.
    pub fn base(&self, ty: &Type) -> String {
        match &ty.shape {
            Shape::Any | Shape::Null => "any".to_owned(),
            Shape::Boolean => "bool".to_owned(),
            Shape::Integer32 => "int32".to_owned(),
            Shape::Integer64 => "int64".to_owned(),
            Shape::Float32 => "float32".to_owned(),
            Shape::Float64 => "float64".to_owned(),
            Shape::String | Shape::Uuid => "string".to_owned(),
            Shape::DateTime => "time.Time".to_owned(),
            Shape::Date => "Date".to_owned(),
            Shape::Base64 => "[]byte".to_owned(),
            Shape::Binary => "File".to_owned(),
            Shape::Array(item) => format!("[]{}", self.element(item)),
            Shape::Map(value) => format!("map[string]{}", self.element(value)),
            Shape::Named(name) => self.of(name).to_owned(),
            Shape::Constant(value) => constant_type(value).to_owned(),
        }
    }

    /// The Go type inside a list or map, and of a value that may be null.
    pub fn element(&self, ty: &Type) -> String {
        let base = self.base(ty);
        if self.is_nullable(ty) && !self.is_nilable(ty) { format!("*{base}") } else { base }
    }

    pub fn field(&self, owner: &str, field: &Field) -> Slot {
        let mut slot = self.slot(&field.ty, field.required, field.data_class.is_some());
        if slot.wrap == Wrap::None && self.indirect.contains(&(owner, field.wire_name.as_str())) {
            slot.ty = format!("*{}", slot.ty);
            slot.wrap = Wrap::Pointer;
        }
        slot.omitted |= field.read_only;
        slot
    }

    pub fn slot(&self, ty: &Type, required: bool, data_class: bool) -> Slot {
        let classified = data_class && !self.is_classified(ty);
        let base = self.base(ty);
        let base = if classified { format!("Classified[{base}]") } else { base };
        let nilable = !classified && self.is_nilable(ty);
        let nullable = self.is_nullable(ty);
        let any = !classified && self.is_any(ty);
        let wrap = match (required, nullable) {
            _ if any => Wrap::None,
            (false, true) => Wrap::Optional,
            (true, false) => Wrap::None,
            _ if nilable => Wrap::None,
            _ => Wrap::Pointer,
        };
        let ty = match wrap {
            Wrap::None => base,
            Wrap::Pointer => format!("*{base}"),
            Wrap::Optional => format!("Optional[{base}]"),
        };
        let null_is_nil = required && nullable && nilable && !any;
        Slot { ty, omitted: !required, null_is_nil, wrap, classified }
    }

    pub fn is_nullable(&self, ty: &Type) -> bool {
        ty.nullable
            || match self.alias(ty) {
                Some(target) => self.is_nullable(target),
                None => matches!(ty.shape, Shape::Null),
            }
    }

    /// Whether nil is a value of the Go type.
    pub fn is_nilable(&self, ty: &Type) -> bool {
        if self.is_classified(ty) {
            return false;
        }
        match &self.resolved(ty).shape {
            Shape::Any | Shape::Null | Shape::Array(_) | Shape::Map(_) | Shape::Base64 => true,
            Shape::Constant(value) => constant_type(value) == "any",
            Shape::Named(_) => self.is_any(ty),
            _ => false,
        }
    }

    pub fn is_any(&self, ty: &Type) -> bool {
        if self.is_classified(ty) {
            return false;
        }
        match &self.resolved(ty).shape {
            Shape::Any | Shape::Null => true,
            Shape::Constant(value) => constant_type(value) == "any",
            Shape::Named(name) => self.contract.types.get(name).is_none_or(|declaration| {
                matches!(&declaration.kind, TypeKind::Enumeration(values)
                    if values.base == crate::contract::EnumerationBase::Mixed)
            }),
            _ => false,
        }
    }

    /// Whether the type is an alias that is spelled as `Classified` itself.
    pub fn is_classified(&self, ty: &Type) -> bool {
        let Shape::Named(name) = &ty.shape else { return false };
        let Some(declaration) = self.contract.types.get(name) else { return false };
        match &declaration.kind {
            TypeKind::Alias(target) => {
                declaration.data_class.is_some() || self.is_classified(target)
            }
            _ => false,
        }
    }

    /// The type behind all aliases.
    pub fn resolved<'t>(&self, ty: &'t Type) -> &'t Type
    where
        'a: 't,
    {
        let mut current = ty;
        for _ in 0..64 {
            match self.alias(current) {
                Some(target) => current = target,
                None => break,
            }
        }
        current
    }

    /// The object a type is, with its declaration.
    pub fn object(&self, ty: &Type) -> Option<(&'a TypeDeclaration, &'a Object)> {
        let mut name = match &ty.shape {
            Shape::Named(name) => name,
            _ => return None,
        };
        for _ in 0..64 {
            let declaration = self.contract.types.get(name)?;
            match &declaration.kind {
                TypeKind::Object(object) => return Some((declaration, object)),
                TypeKind::Alias(Type { shape: Shape::Named(next), .. }) => name = next,
                _ => return None,
            }
        }
        None
    }

    fn alias(&self, ty: &Type) -> Option<&'a Type> {
        alias(self.contract, ty)
    }
}

/// A schema whose name the package itself needs becomes `DateModel`.
fn claim_type(scope: &mut Scope, name: &str) -> String {
    if TAKEN.iter().any(|taken| taken.eq_ignore_ascii_case(name)) {
        return scope.claim(&format!("{name}Model"));
    }
    scope.claim(&go::identifier(name))
}

pub fn constant_type(value: &serde_json::Value) -> &'static str {
    match value {
        serde_json::Value::String(_) => "string",
        serde_json::Value::Bool(_) => "bool",
        serde_json::Value::Number(number) if number.is_i64() => "int64",
        serde_json::Value::Number(_) => "float64",
        _ => "any",
    }
}

pub fn alias<'a>(contract: &'a Contract, ty: &Type) -> Option<&'a Type> {
    let Shape::Named(name) = &ty.shape else { return None };
    match &contract.types.get(name)?.kind {
        TypeKind::Alias(target) => Some(target),
        _ => None,
    }
}
