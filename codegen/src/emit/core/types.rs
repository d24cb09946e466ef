//! Names and types of the contract as Rust spells them, settled once for all files.

use super::circles::circles;
use crate::contract::{Additional, Contract, Shape, Type, TypeDeclaration, TypeKind};
use crate::encode::rust;
use crate::names::{self, Scope};
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// Names that `models.rs` uses for itself.
const MODEL_SCOPE: &[&str] = &[
    "BTreeMap",
    "Box",
    "Clone",
    "Debug",
    "Default",
    "Deref",
    "DerefMut",
    "Deserialize",
    "Deserializer",
    "Display",
    "Eq",
    "Err",
    "Fields",
    "From",
    "Hash",
    "None",
    "Ok",
    "Option",
    "PartialEq",
    "Result",
    "Self",
    "Serialize",
    "Serializer",
    "Some",
    "String",
    "Uuid",
    "Value",
    "Vec",
];
/// Names that generated modules use for themselves, and the methods of `Guard`, which the trait
/// of the operations inherits.
const OPERATION_SCOPE: &[&str] = &[
    "OPERATIONS",
    "api",
    "authenticate",
    "authorize",
    "close",
    "limit",
    "models",
    "open",
    "runtime",
];

/// All names of a contract, and which types need help to be Rust types.
pub struct Types<'a> {
    contract: &'a Contract,
    names: HashMap<&'a str, String>,
    pub operations: Vec<OperationNames>,
    /// Types that contain each other by value, by the number of their circle.
    circles: HashMap<&'a str, usize>,
    /// Aliases that must be types of their own: masked, or defined by themselves.
    newtypes: HashSet<&'a str>,
    defaults: HashSet<&'a str>,
}

/// Names made for one operation.
pub struct OperationNames {
    pub function: String,
    pub constant: String,
    /// `ListPetsParams`
    pub parameters: String,
    /// `CreatePetAnswer`
    pub answer: String,
}

/// The JSON type a value of a contract type has on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonType {
    Null,
    Boolean,
    Integer,
    Number,
    String,
    Array,
    Object,
    Any,
}

impl<'a> Types<'a> {
    pub fn new(contract: &'a Contract) -> Self {
        let mut scope = Scope::with_reserved(MODEL_SCOPE.iter().copied());
        let names = contract.types.keys().map(|name| (name.as_str(), scope.claim(name))).collect();
        let mut types = Self {
            contract,
            names,
            operations: operation_names(contract),
            circles: HashMap::new(),
            newtypes: HashSet::new(),
            defaults: HashSet::new(),
        };
        types.circles = circles(contract, |declaration| types.held_by_value(declaration));
        let alias_circles = circles(contract, |declaration| match &declaration.kind {
            TypeKind::Alias(ty) => types.aliases_inside(ty),
            _ => Vec::new(),
        });
        types.newtypes = contract
            .types
            .iter()
            .filter(|(name, declaration)| {
                matches!(declaration.kind, TypeKind::Alias(_))
                    && (declaration.data_class.is_some()
                        || alias_circles.contains_key(name.as_str()))
            })
            .map(|(name, _)| name.as_str())
            .collect();
        types.defaults = types.find_defaults();
        types
    }

    pub fn declaration(&self, name: &str) -> Option<&'a TypeDeclaration> {
        self.contract.types.get(name)
    }

    /// The Rust name of a contract type.
    pub fn name(&self, name: &str) -> &str {
        self.names.get(name).map_or("Value", String::as_str)
    }

    pub fn is_newtype(&self, name: &str) -> bool {
        self.newtypes.contains(name)
    }

    pub fn has_default(&self, name: &str) -> bool {
        self.defaults.contains(name)
    }

    /// A use of a type; `models` is the path of the models, such as `models::`.
    pub fn spell(&self, ty: &Type, models: &str) -> String {
        let inner = self.spell_present(ty, models);
        if ty.nullable && !matches!(ty.shape, Shape::Any | Shape::Null) {
            format!("Option<{inner}>")
        } else {
            inner
        }
    }

    /// The type of a value that is not null.
    pub fn spell_present(&self, ty: &Type, models: &str) -> String {
        match &ty.shape {
            Shape::Any => "Value".to_owned(),
            Shape::Null => "()".to_owned(),
            Shape::Boolean => "bool".to_owned(),
            Shape::Integer32 => "i32".to_owned(),
            Shape::Integer64 => "i64".to_owned(),
            Shape::Float32 => "f32".to_owned(),
            Shape::Float64 => "f64".to_owned(),
            Shape::String | Shape::Binary => "String".to_owned(),
            Shape::DateTime => "runtime::DateTime".to_owned(),
            Shape::Date => "runtime::Date".to_owned(),
            Shape::Uuid => "Uuid".to_owned(),
            Shape::Base64 => "runtime::Base64".to_owned(),
            Shape::Array(item) => format!("Vec<{}>", self.spell(item, models)),
            Shape::Map(item) => format!("BTreeMap<String, {}>", self.spell(item, models)),
            Shape::Named(name) => format!("{models}{}", self.name(name)),
            Shape::Constant(Value::String(_)) => "String".to_owned(),
            Shape::Constant(Value::Bool(_)) => "bool".to_owned(),
            Shape::Constant(Value::Number(number)) if !number.is_f64() => "i64".to_owned(),
            Shape::Constant(Value::Number(_)) => "f64".to_owned(),
            Shape::Constant(_) => "Value".to_owned(),
        }
    }

    /// Like [`Self::spell_present`], boxed when the holder would else contain itself.
    pub fn spell_held(&self, holder: &str, ty: &Type) -> String {
        let spelled = self.spell_present(ty, "");
        match &ty.shape {
            Shape::Named(name) if self.share_circle(holder, name) => format!("Box<{spelled}>"),
            _ => spelled,
        }
    }

    /// True when null is a value of the type itself, so that an `Option` around it would
    /// swallow it.
    pub fn reads_null(&self, ty: &Type) -> bool {
        ty.nullable
            || match &ty.shape {
                Shape::Any | Shape::Null => true,
                Shape::Constant(value) => {
                    !matches!(value, Value::String(_) | Value::Bool(_) | Value::Number(_))
                }
                Shape::Named(name) => match self.declaration(name).map(|found| &found.kind) {
                    Some(TypeKind::Alias(target)) => {
                        !self.is_circular_alias(name) && self.reads_null(target)
                    }
                    Some(TypeKind::Union(_)) => true,
                    _ => false,
                },
                _ => false,
            }
    }

    /// What a value of the type is in JSON, seen through aliases.
    pub fn json_type(&self, ty: &Type) -> JsonType {
        self.json_type_within(ty, 0)
    }

    fn json_type_within(&self, ty: &Type, depth: usize) -> JsonType {
        match &ty.shape {
            Shape::Any => JsonType::Any,
            Shape::Null | Shape::Constant(Value::Null) => JsonType::Null,
            Shape::Boolean | Shape::Constant(Value::Bool(_)) => JsonType::Boolean,
            Shape::Integer32 | Shape::Integer64 => JsonType::Integer,
            Shape::Float32 | Shape::Float64 => JsonType::Number,
            Shape::Constant(Value::Number(number)) => {
                if number.is_f64() {
                    JsonType::Number
                } else {
                    JsonType::Integer
                }
            }
            Shape::String
            | Shape::DateTime
            | Shape::Date
            | Shape::Uuid
            | Shape::Base64
            | Shape::Binary
            | Shape::Constant(Value::String(_)) => JsonType::String,
            Shape::Array(_) | Shape::Constant(Value::Array(_)) => JsonType::Array,
            Shape::Map(_) | Shape::Constant(Value::Object(_)) => JsonType::Object,
            Shape::Named(name) => match self.declaration(name).map(|found| &found.kind) {
                Some(TypeKind::Object(_)) => JsonType::Object,
                Some(TypeKind::Enumeration(enumeration)) => match enumeration.base {
                    crate::contract::EnumerationBase::String => JsonType::String,
                    crate::contract::EnumerationBase::Integer => JsonType::Integer,
                    crate::contract::EnumerationBase::Mixed => JsonType::Any,
                },
                Some(TypeKind::Alias(target)) if depth < 32 => {
                    self.json_type_within(target, depth + 1)
                }
                _ => JsonType::Any,
            },
        }
    }

    /// The declaration behind a named type, seen through aliases.
    pub fn resolve<'t>(&'t self, ty: &'t Type) -> &'t Type {
        let mut current = ty;
        for _ in 0..32 {
            let Shape::Named(name) = &current.shape else { break };
            match self.declaration(name).map(|found| &found.kind) {
                Some(TypeKind::Alias(target)) => current = target,
                _ => break,
            }
        }
        current
    }

    fn share_circle(&self, holder: &str, held: &str) -> bool {
        self.circles.get(holder).is_some_and(|circle| self.circles.get(held) == Some(circle))
    }

    fn is_circular_alias(&self, name: &str) -> bool {
        self.circles.contains_key(name)
    }

    /// Named types that a declaration holds without an indirection of its own.
    fn held_by_value(&self, declaration: &'a TypeDeclaration) -> Vec<&'a str> {
        let direct = |ty: &'a Type| match &ty.shape {
            Shape::Named(name) => Some(name.as_str()),
            _ => None,
        };
        match &declaration.kind {
            TypeKind::Object(object) => {
                object.fields.iter().filter_map(|field| direct(&field.ty)).collect()
            }
            TypeKind::Union(union) => {
                union.variants.iter().filter_map(|variant| direct(&variant.ty)).collect()
            }
            TypeKind::Alias(ty) => direct(ty).into_iter().collect(),
            TypeKind::Enumeration(_) => Vec::new(),
        }
    }

    /// Aliases that an alias mentions at any depth: Rust expands them all.
    fn aliases_inside(&self, ty: &'a Type) -> Vec<&'a str> {
        match &ty.shape {
            Shape::Array(item) | Shape::Map(item) => self.aliases_inside(item),
            Shape::Named(name) => {
                let is_alias = |found: &&TypeDeclaration| matches!(found.kind, TypeKind::Alias(_));
                self.declaration(name).filter(is_alias).map(|_| name.as_str()).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    /// Types that can be made from nothing. A circle of required fields has no such value.
    fn find_defaults(&self) -> HashSet<&'a str> {
        let mut known: HashMap<&'a str, bool> = HashMap::new();
        for name in self.contract.types.keys() {
            self.judge_default(name, &mut known);
        }
        known.into_iter().filter_map(|(name, has)| has.then_some(name)).collect()
    }

    fn judge_default(&self, name: &'a str, known: &mut HashMap<&'a str, bool>) -> bool {
        if let Some(&has) = known.get(name) {
            return has;
        }
        known.insert(name, false);
        let has = match self.declaration(name).map(|found| &found.kind) {
            Some(TypeKind::Object(object)) => object.fields.iter().all(|field| {
                !field.required
                    || field.read_only
                    || field.write_only
                    || self.type_has_default(&field.ty, known)
            }),
            Some(TypeKind::Alias(ty)) => self.type_has_default(ty, known),
            _ => false,
        };
        known.insert(name, has);
        has
    }

    fn type_has_default(&self, ty: &'a Type, known: &mut HashMap<&'a str, bool>) -> bool {
        match &ty.shape {
            _ if ty.nullable => true,
            Shape::Named(name) => self.judge_default(name, known),
            _ => true,
        }
    }
}

impl JsonType {
    /// The pattern that a `serde_json::Value` of this type matches.
    pub fn pattern(self) -> Option<&'static str> {
        Some(match self {
            Self::Null => "Value::Null",
            Self::Boolean => "Value::Bool(_)",
            Self::Integer => "Value::Number(number) if !number.is_f64()",
            Self::Number => "Value::Number(_)",
            Self::String => "Value::String(_)",
            Self::Array => "Value::Array(_)",
            Self::Object => "Value::Object(_)",
            Self::Any => return None,
        })
    }
}

/// True when an object keeps fields that it does not declare.
pub fn keeps_unknown(additional: &Additional) -> bool {
    !matches!(additional, Additional::Forbidden)
}

/// Types that `api.rs` has without a contract asking for them.
const API_SCOPE: [&str; 6] = ["Api", "Call", "Guard", "Input", "Place", "Problem"];

/// The tags that have operations, in the order of their first one, with the name of their trait.
pub fn tag_traits(contract: &Contract) -> Vec<(&str, String)> {
    let mut scope = Scope::with_reserved(API_SCOPE);
    let mut found: Vec<(&str, String)> = Vec::new();
    let mut seen = HashSet::new();
    for operation in &contract.operations {
        if seen.insert(operation.tag.as_str()) {
            let name = scope.claim(&format!("{}Api", names::pascal(&operation.tag)));
            found.push((&operation.tag, name));
        }
    }
    found
}

fn operation_names(contract: &Contract) -> Vec<OperationNames> {
    let mut functions = Scope::with_reserved(OPERATION_SCOPE.iter().copied());
    let traits = tag_traits(contract);
    let taken = API_SCOPE.into_iter().chain(traits.iter().map(|(_, name)| name.as_str()));
    let mut types = Scope::with_reserved(taken);
    contract
        .operations
        .iter()
        .map(|operation| {
            let function = functions.claim(&names::snake(&operation.id));
            let pascal = names::pascal(&function);
            OperationNames {
                constant: rust::identifier(&function.to_ascii_uppercase()),
                parameters: types.claim(&format!("{pascal}Params")),
                answer: types.claim(&format!("{pascal}Answer")),
                function: rust::identifier(&function),
            }
        })
        .collect()
}
