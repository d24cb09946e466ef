//! Types of the contract as Python annotations, and the names of their classes.

use super::layout;
use crate::contract::{Contract, Shape, Type, TypeDeclaration, TypeKind, UnionStrategy};
use crate::encode::python as encode;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Names a module of models imports or that Python gives it; no class may take one.
const RESERVED: &[&str] = &[
    "Annotated",
    "Any",
    "BaseModel",
    "Base64",
    "Binary",
    "ClassVar",
    "ConfigDict",
    "Date",
    "DateTime",
    "EVERYTHING",
    "Ellipsis",
    "Enum",
    "Exception",
    "False",
    "Field",
    "Final",
    "Literal",
    "Mapping",
    "Model",
    "None",
    "OpenIntEnum",
    "OpenStrEnum",
    "Self",
    "Tag",
    "True",
    "Type",
    "TypeAlias",
    "TypeAliasType",
    "UNSET",
    "UUID",
    "Union",
    "UnknownVariant",
    "Unset",
    "Warning",
];

/// The types of the contract, by their contract names.
#[derive(Clone, Copy)]
pub struct Types<'a> {
    contract: &'a Contract,
}

/// A module that annotations are written for: how it reaches models, and what it must import.
pub struct Module {
    /// `models.` outside the module of models, nothing inside.
    prefix: &'static str,
    imports: BTreeSet<(&'static str, &'static str)>,
}

impl<'a> Types<'a> {
    pub fn new(contract: &'a Contract) -> Self {
        Self { contract }
    }

    pub fn declaration(&self, name: &str) -> Option<&'a TypeDeclaration> {
        let events = || self.contract.events.iter().find_map(|event| event.schema.types.get(name));
        self.contract.types.get(name).or_else(events)
    }

    /// The class or alias of a contract type; one that would hide a name of the module gets
    /// `Model` behind its own.
    pub fn class<'b>(&self, name: &'b str) -> Cow<'b, str> {
        if !RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name)) {
            return Cow::Borrowed(name);
        }
        let mut class = format!("{name}Model");
        while self.declaration(&class).is_some() {
            class.push_str("Model");
        }
        Cow::Owned(class)
    }

    /// The annotation of a use of a type, null included.
    pub fn annotation(&self, ty: &Type, module: &mut Module) -> String {
        let bare = self.bare(&ty.shape, module);
        if ty.nullable && bare != "Any" && bare != "None" { format!("{bare} | None") } else { bare }
    }

    /// What a caller may pass: also the plain value of an enumeration, and any sequence of them.
    pub fn argument(&self, ty: &Type, module: &mut Module) -> String {
        let bare = match &ty.shape {
            Shape::Array(item) if self.enumeration_base(item).is_some() => {
                let sequence = module.name("collections.abc", "Sequence");
                format!("{sequence}[{}]", self.argument(item, module))
            }
            shape => self.bare(shape, module),
        };
        let bare = match self.enumeration_base(ty) {
            Some(base) => format!("{bare} | {base}"),
            None => bare,
        };
        if ty.nullable && bare != "Any" && bare != "None" { format!("{bare} | None") } else { bare }
    }

    /// Whether `None` is a value of the wire here.
    pub fn accepts_null(&self, ty: &Type) -> bool {
        self.reaches(ty, 0, |ty| ty.nullable || matches!(ty.shape, Shape::Any | Shape::Null))
    }

    /// Whether a value of this type prints as `***` wherever it stands, through lists and maps.
    pub fn is_classified(&self, ty: &Type, depth: u8) -> bool {
        match &ty.shape {
            Shape::Array(item) | Shape::Map(item) => {
                depth < 8 && self.is_classified(item, depth + 1)
            }
            Shape::Named(name) => {
                self.declaration(name).is_some_and(|declaration| match &declaration.kind {
                    TypeKind::Object(_) => false,
                    _ if declaration.data_class.is_some() => true,
                    TypeKind::Alias(ty) => depth < 8 && self.is_classified(ty, depth + 1),
                    _ => false,
                })
            }
            _ => false,
        }
    }

    fn reaches(&self, ty: &Type, depth: u8, test: fn(&Type) -> bool) -> bool {
        if test(ty) || depth > 8 {
            return test(ty);
        }
        let Shape::Named(name) = &ty.shape else { return false };
        match self.declaration(name).map(|declaration| &declaration.kind) {
            Some(TypeKind::Alias(ty)) => self.reaches(ty, depth + 1, test),
            Some(TypeKind::Union(union)) => {
                union.variants.iter().any(|variant| self.reaches(&variant.ty, depth + 1, test))
            }
            _ => false,
        }
    }

    fn is_null(&self, name: &str, depth: u8) -> bool {
        match self.declaration(name).map(|declaration| &declaration.kind) {
            Some(TypeKind::Alias(ty)) => match &ty.shape {
                Shape::Null => true,
                Shape::Named(next) => depth < 8 && self.is_null(next, depth + 1),
                _ => false,
            },
            _ => false,
        }
    }

    fn enumeration_base(&self, ty: &Type) -> Option<&'static str> {
        let Shape::Named(name) = &ty.shape else { return None };
        match &self.declaration(name)?.kind {
            TypeKind::Enumeration(enumeration) => match enumeration.base {
                crate::contract::EnumerationBase::String => Some("str"),
                crate::contract::EnumerationBase::Integer => Some("int"),
                crate::contract::EnumerationBase::Mixed => None,
            },
            _ => None,
        }
    }

    fn bare(&self, shape: &Shape, module: &mut Module) -> String {
        let plain = match shape {
            Shape::Any => module.name("typing", "Any"),
            Shape::Null => "None",
            Shape::Boolean => "bool",
            Shape::Integer32 | Shape::Integer64 => "int",
            Shape::Float32 | Shape::Float64 => "float",
            Shape::String => "str",
            Shape::DateTime => module.name("runtime.model", "DateTime"),
            Shape::Date => module.name("runtime.model", "Date"),
            Shape::Uuid => module.name("uuid", "UUID"),
            Shape::Base64 => module.name("runtime.model", "Base64"),
            Shape::Binary => module.name("runtime.bodies", "Binary"),
            Shape::Constant(value) => match value {
                Value::String(_) => "str",
                Value::Bool(_) => "bool",
                Value::Number(number) if number.is_f64() => "float",
                Value::Number(_) => "int",
                Value::Null => "None",
                Value::Array(_) | Value::Object(_) => module.name("typing", "Any"),
            },
            Shape::Array(item) => return format!("list[{}]", self.annotation(item, module)),
            Shape::Map(item) => return format!("dict[str, {}]", self.annotation(item, module)),
            // Python has no `None | None`, which an alias of null would become.
            Shape::Named(name) if self.is_null(name, 0) => "None",
            Shape::Named(name) => return format!("{}{}", module.prefix, self.class(name)),
        };
        plain.to_owned()
    }

    /// The right side of a union's alias.
    pub fn union(&self, union: &crate::contract::Union, module: &mut Module) -> String {
        let annotated = module.name("typing", "Annotated");
        let (members, chooser) = match &union.strategy {
            UnionStrategy::Tag { property } => {
                module.name("runtime.unions", "by_tag");
                let tags = self.tags(union);
                let field = encode::string(&super::models::field_name(property));
                let head = vec![field, encode::string(property), braces(8, "", &tags)];
                (self.tagged(union, module), layout::group(4, "by_tag", &head, ["(", ")"], ","))
            }
            UnionStrategy::Shape => {
                module.name("runtime.unions", "by_shape");
                let members = self.shapes(union);
                let map = vec![braces(8, "", &members)];
                (self.tagged(union, module), layout::group(4, "by_shape", &map, ["(", ")"], ","))
            }
            UnionStrategy::JsonType | UnionStrategy::Ordered => {
                module.name("runtime.unions", "keep_unknown");
                let mut members: Vec<String> = Vec::new();
                for variant in &union.variants {
                    let annotation = self.annotation(&variant.ty, module);
                    if !members.contains(&annotation) {
                        members.push(annotation);
                    }
                }
                (members, "keep_unknown()".to_owned())
            }
        };
        let line = members.join(" | ");
        let body = if line.len() + 5 <= encode::WIDTH { line } else { members.join("\n    | ") };
        layout::exploded(
            0,
            annotated,
            &[body, chooser.trim_end_matches(',').to_owned()],
            ["[", "]"],
            "",
        )
    }

    fn tagged(&self, union: &crate::contract::Union, module: &mut Module) -> Vec<String> {
        module.name("pydantic", "Tag");
        module.name("runtime.model", "UnknownVariant");
        let unknown = ("UnknownVariant".to_owned(), "UnknownVariant".to_owned());
        let named = union.variants.iter().map(|variant| {
            (self.annotation(&Type::new(variant.ty.shape.clone()), module), self.variant(variant))
        });
        let mut members: Vec<(String, String)> = named.collect();
        members.dedup();
        members.push(unknown);
        members
            .into_iter()
            .map(|(annotation, tag)| {
                format!("Annotated[{annotation}, Tag({})]", encode::string(&tag))
            })
            .collect()
    }

    /// What a built model answers when it is asked which variant it is: the name of its class.
    fn variant(&self, variant: &crate::contract::Variant) -> String {
        match &variant.ty.shape {
            Shape::Named(name) => self.class(name).into_owned(),
            _ => variant.name.clone(),
        }
    }

    fn tags(&self, union: &crate::contract::Union) -> Vec<String> {
        let pairs = union.variants.iter().flat_map(|variant| {
            let name = encode::string(&self.variant(variant));
            variant.tags.iter().map(move |tag| format!("{}: {name}", encode::string(tag)))
        });
        pairs.collect()
    }

    fn shapes(&self, union: &crate::contract::Union) -> Vec<String> {
        union
            .variants
            .iter()
            .map(|variant| {
                let keys: Vec<String> =
                    variant.distinguishing.iter().map(|key| encode::string(key)).collect();
                let tuple = if keys.len() == 1 {
                    format!("({},)", keys[0])
                } else {
                    format!("({})", keys.join(", "))
                };
                format!("{}: {tuple}", encode::string(&self.variant(variant)))
            })
            .collect()
    }
}

/// A dictionary display that is always exploded.
fn braces(indent: usize, head: &str, items: &[String]) -> String {
    layout::exploded(indent, head, items, ["{", "}"], "")
}

impl Module {
    pub fn new(prefix: &'static str) -> Self {
        Self { prefix, imports: BTreeSet::new() }
    }

    /// Notes that `name` comes from `module`, and gives back the name.
    pub fn name(&mut self, module: &'static str, name: &'static str) -> &'static str {
        self.imports.insert((module, name));
        name
    }

    /// The import block; modules of this package open with a dot and stand last.
    pub fn import_block(&self, dots: &str) -> String {
        let mut modules: Vec<(u8, String, Vec<&str>)> = Vec::new();
        for (module, name) in &self.imports {
            let group = match *module {
                "pydantic" | "typing_extensions" => 1,
                own if own.starts_with("runtime") || own == "errors" => 2,
                _ => 0,
            };
            let full = if group == 2 { format!("{dots}{module}") } else { (*module).to_owned() };
            match modules.iter_mut().find(|known| known.1 == full) {
                Some(known) => known.2.push(name),
                None => modules.push((group, full, vec![name])),
            }
        }
        modules.sort();
        let mut block = String::new();
        let mut before = None;
        for (group, module, names) in modules {
            if before.is_some_and(|before| before != group) {
                block.push('\n');
            }
            before = Some(group);
            block.push_str(&layout::import_from(&module, names));
            block.push('\n');
        }
        block
    }
}
