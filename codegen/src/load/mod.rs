//! From documents to the contract.
//!
//! The loader is tolerant: it reports what is wrong and goes on, so that all problems of a spec
//! come out at once. It is our own model over values with places, because what real documents
//! hold (siblings of `$ref`, both versions of OAS, many files) fits no strict one.

mod bundle;
mod compose;
mod contents;
pub mod documents;
mod files;
mod info;
mod keywords;
mod members;
pub mod nearest;
mod normalise;
mod object;
mod operations;
mod parameters;
mod parity;
mod pattern;
mod place;
mod reference;
mod schema;
mod schemas;
mod security;
mod values;

use crate::config::Config;
use crate::contract::{Contract, Type, TypeDeclaration, TypeKind};
use crate::lint;
use crate::names::{self, Scope};
use crate::problem::Problems;
use crate::source::Node;
use compose::PendingUnion;
use documents::Documents;
use indexmap::IndexMap;
use keywords::Dialect;
use place::Naming;
use schema::BuiltKind;
use std::collections::{HashMap, VecDeque};
use std::path::Path;

/// Reads the spec that the configuration names, with everything that belongs to it. `root` is
/// the folder of the configuration. There is a contract when no problem is an error.
pub fn load(config: &Config, root: &Path) -> (Option<Contract>, Problems) {
    let mut problems = Problems::default();
    let Some(documents) = Documents::read(root, &config.spec, &mut problems) else {
        return (None, problems);
    };
    let Some(dialect) = info::dialect(&documents, &mut problems) else {
        return (None, problems);
    };
    let mut loader = Loader::new(&documents, dialect, problems);
    let mut contract = loader.contract();
    contract.schemas = loader.schema_bundle(&contract.types);
    contract.document = loader.document(&contract.types);
    contract.sources = documents.files();
    let mut problems = loader.problems;
    files::load(config, root, &mut contract, &mut problems);
    parity::load(config, root, &mut contract, &mut problems);
    lint::check(config, &contract, &documents, &mut problems);
    lint::settle(&config.lint, &mut problems);
    let contract = (!problems.has_errors()).then_some(contract);
    (contract, problems)
}

/// Everything known while the types of one spec are made.
struct Loader<'a> {
    documents: &'a Documents,
    dialect: Dialect,
    problems: Problems,
    names: Scope,
    /// Contract name of each schema that has one.
    named: HashMap<Node<'a>, String>,
    /// Components that stand for a value in another file.
    moved: HashMap<Node<'a>, Node<'a>>,
    /// In the order names were claimed; none while the type is being made.
    declarations: IndexMap<String, Option<TypeDeclaration>>,
    /// Referenced schemas that wait for their declaration.
    queue: VecDeque<(Node<'a>, String, Option<String>)>,
    unions: Vec<PendingUnion>,
    resolved: HashMap<(&'a str, &'a str), Option<Node<'a>>>,
    nullable: HashMap<Node<'a>, bool>,
    nullable_depth: usize,
    /// Schemas that are being made inside each other.
    depth: usize,
    /// Schemas that only validators reach.
    validated_only: Vec<(Node<'a>, String)>,
    undeclared_schemes: Vec<String>,
    /// How many names may still be compared with all others.
    suggestions: usize,
    /// Types of schemas that several operations share by way of a component.
    shared: HashMap<Node<'a>, Type>,
}

impl<'a> Loader<'a> {
    fn new(documents: &'a Documents, dialect: Dialect, problems: Problems) -> Self {
        Self {
            documents,
            dialect,
            problems,
            names: Scope::default(),
            named: HashMap::new(),
            moved: HashMap::new(),
            declarations: IndexMap::new(),
            queue: VecDeque::new(),
            unions: Vec::new(),
            resolved: HashMap::new(),
            nullable: HashMap::new(),
            nullable_depth: 0,
            depth: 0,
            validated_only: Vec::new(),
            undeclared_schemes: Vec::new(),
            suggestions: 50,
            shared: HashMap::new(),
        }
    }

    fn contract(&mut self) -> Contract {
        let root = self.documents.main().root();
        self.members(root, members::ROOT);
        self.reserve_components(root);
        self.declare_queued();
        let mut contract = Contract {
            info: self.info(root),
            servers: self.servers(root),
            security_schemes: self.security_schemes(root),
            ..Contract::default()
        };
        contract.operations = self.operations(root);
        self.declare_queued();
        for scheme in self.unsatisfiable_schemes() {
            contract.security_schemes.insert(scheme.name.clone(), scheme);
        }
        contract.tags = self.tags(root, &contract.operations);
        contract.problem_codes = self.problem_codes(root);
        contract.types = self.finished_types();
        normalise::classify_parameters(&contract.types, &mut contract.operations);
        contract
    }

    /// Types of one schema document, which is no OpenAPI document.
    fn schema_types(&mut self, name: &str) -> (String, IndexMap<String, TypeDeclaration>) {
        let root = self.documents.main().root();
        let name = self.claim_name(&names::pascal(name));
        self.named.insert(root, name.clone());
        self.queue.push_back((root, name.clone(), None));
        for folder in ["$defs", "definitions"] {
            for (wire_name, node) in root.get(folder).into_iter().flat_map(Node::entries) {
                let mut wanted = names::pascal(wire_name);
                if self.names.is_taken(&wanted) {
                    wanted.insert_str(0, &name);
                }
                let inner = self.claim_name(&wanted);
                self.named.insert(node, inner.clone());
                self.queue.push_back((node, inner, Some(wire_name.to_owned())));
            }
        }
        self.declare_queued();
        (name, self.finished_types())
    }

    /// Gives every component its name before any type is made. A component that is written in
    /// PascalCase keeps its name whatever stands before it.
    fn reserve_components(&mut self, root: Node<'a>) {
        let Some(components) = root.get("components") else { return };
        self.members(components, members::COMPONENTS);
        let Some(schemas) = components.get("schemas") else { return };
        if !schemas.is_object() {
            self.wrong_kind(schemas, "an object of schemas by name");
            return;
        }
        let mut claimed: HashMap<&str, String> = HashMap::new();
        for wants_exact in [true, false] {
            for (wire_name, _) in schemas.entries() {
                let cased = names::pascal(wire_name);
                if (cased == wire_name) == wants_exact {
                    claimed.insert(wire_name, self.names.claim(&cased));
                }
            }
        }
        for (wire_name, node) in schemas.entries() {
            let Some(name) = claimed.remove(wire_name) else { continue };
            self.declarations.insert(name.clone(), None);
            let target = self.foreign_target(node);
            if let Some(target) = target {
                self.moved.insert(node, target);
                self.named.insert(target, name.clone());
            }
            self.named.insert(node, name.clone());
            self.queue.push_back((target.unwrap_or(node), name, Some(wire_name.to_owned())));
        }
    }

    /// The value in another file that this component is no more than a reference to, when no
    /// other component has taken it.
    fn foreign_target(&self, node: Node<'a>) -> Option<Node<'a>> {
        let reference = node.get("$ref").filter(|_| node.entries().count() == 1)?;
        let target = self.documents.resolve(reference, reference.as_str()?).ok()?;
        let is_foreign = !std::ptr::eq(target.document(), node.document());
        (is_foreign && target.get("$ref").is_none() && !self.named.contains_key(&target))
            .then_some(target)
    }

    fn declare_queued(&mut self) {
        while let Some((node, name, wire_name)) = self.queue.pop_front() {
            self.declare_named(node, &name, wire_name.as_deref());
        }
    }

    fn declare_named(&mut self, node: Node<'a>, name: &str, wire_name: Option<&str>) {
        let Some(keywords) = self.keywords(node) else {
            let keywords = keywords::Keywords::read(node);
            self.declare(&keywords, name, TypeKind::Alias(Type::any()), wire_name);
            return;
        };
        let kind = if let Some(reference) = keywords.reference {
            let ty = self.reference_use(&keywords, reference, &place::Place::Named(name));
            TypeKind::Alias(Type { nullable: false, ..ty })
        } else {
            match self.build(&keywords, Naming::Final(name)).kind {
                BuiltKind::Declared(_, kind) => kind,
                BuiltKind::Type(ty) => TypeKind::Alias(ty),
            }
        };
        self.declare(&keywords, name, kind, wire_name);
    }

    fn finished_types(&mut self) -> IndexMap<String, TypeDeclaration> {
        let declarations = std::mem::take(&mut self.declarations);
        let mut types: IndexMap<String, TypeDeclaration> = declarations
            .into_iter()
            .filter_map(|(name, declaration)| Some((name, declaration?)))
            .collect();
        normalise::settle(&mut types, std::mem::take(&mut self.unions), &mut self.problems);
        types
    }

    /// Reports a value of the wrong JSON type.
    fn wrong_kind(&mut self, node: Node<'_>, wanted: &str) {
        self.problems.error(
            "wrong-type",
            &node.location(),
            format!("expected {wanted}"),
            "write it as the OpenAPI Specification says",
        );
    }

    /// Text for people: a string, or a reference to a text file.
    fn prose(&mut self, node: Node<'a>) -> Option<String> {
        if let Some(text) = node.as_str() {
            return Some(text.to_owned()).filter(|text| !text.is_empty());
        }
        if let Some(reference) = node.text("$ref") {
            let text = self.documents.text(node, reference).map(str::to_owned);
            if text.is_none() {
                self.problems.warning(
                    "reference-dangling",
                    &node.location(),
                    format!("`{reference}` is not a text file of this project"),
                    "name an existing file, or write the text here",
                );
            }
            return text;
        }
        self.problems.warning("wrong-type", &node.location(), "expected text", "quote it");
        None
    }
}
