//! Every name and choice of the target, made once: the other modules only spell them.

use super::contents::{self, Answer, BodyPlan};
use crate::config::Target;
use crate::contract::{Contract, Idempotency, Operation, Parameter, ParameterLocation, Tag};
use crate::encode::typescript as encode;
use crate::names::{self, Scope};
use std::collections::HashMap;

/// Header parameters that an option of the call or the transport itself stands for.
const OWN_HEADERS: &[&str] =
    &["accept", "authorization", "content-type", "idempotency-key", "traceparent"];

/// No file can have these names on Windows.
const DEVICE_NAMES: &[&str] = &["con", "prn", "aux", "nul", "com1", "lpt1"];

/// Names of the index that are not made from the spec.
const EXPORTED_NAMES: &[&str] = &["ClientOptions", "RequestOptions", "Operation", "Transport"];

/// Names that a type of the spec may not take from the file of the models.
const MODEL_FILE_NAMES: &[&str] = &["Binary"];

pub struct Plan<'a> {
    pub contract: &'a Contract,
    /// Name of the client class.
    pub client: String,
    /// TypeScript names of the contract's types.
    pub types: HashMap<&'a str, String>,
    pub tags: Vec<TagPlan<'a>>,
}

/// One file of operations.
pub struct TagPlan<'a> {
    pub tag: &'a Tag,
    /// File name without its ending.
    pub stem: String,
    pub class: String,
    /// The property of the client.
    pub attribute: String,
    pub operations: Vec<OperationPlan<'a>>,
}

pub struct OperationPlan<'a> {
    pub operation: &'a Operation,
    pub method: String,
    /// Constant with the facts.
    pub constant: String,
    pub path: Vec<Argument<'a>>,
    pub params: Vec<Argument<'a>>,
    /// Interface of the object with query and header values.
    pub params_type: String,
    pub body: Option<BodyPlan<'a>>,
    pub answer: Answer<'a>,
    pub idempotency: Idempotency,
}

pub struct Argument<'a> {
    pub name: String,
    pub parameter: &'a Parameter,
}

impl OperationPlan<'_> {
    pub fn params_required(&self) -> bool {
        self.params.iter().any(|argument| argument.parameter.required)
    }
}

impl<'a> Plan<'a> {
    pub fn new(contract: &'a Contract, target: &Target) -> Self {
        let mut scope = Scope::with_reserved(MODEL_FILE_NAMES.iter().copied());
        let types = contract.types.keys().map(|name| (name.as_str(), scope.claim(name))).collect();
        let by_tag = operations_by_tag(contract);
        let mut exported = Scope::with_reserved(EXPORTED_NAMES.iter().copied());
        let tags = name_tags(contract, target)
            .into_iter()
            .map(|mut plan| {
                let operations = by_tag.get(plan.tag.name.as_str()).map_or(&[][..], Vec::as_slice);
                plan.operations = plan_operations(operations, &mut exported);
                plan
            })
            .filter(|plan| !plan.operations.is_empty())
            .collect();
        Self { contract, client: client_name(target), types, tags }
    }

    /// The tag and the plan of an operation.
    pub fn find(&self, id: &str) -> Option<(&TagPlan<'a>, &OperationPlan<'a>)> {
        self.tags.iter().find_map(|tag| {
            let found = tag.operations.iter().find(|plan| plan.operation.id == id)?;
            Some((tag, found))
        })
    }
}

pub fn client_name(target: &Target) -> String {
    target.client.clone().unwrap_or_else(|| "Client".to_owned())
}

/// Names of all tags, without their operations.
pub fn name_tags<'a>(contract: &'a Contract, target: &Target) -> Vec<TagPlan<'a>> {
    let mut stems = Scope::with_reserved(DEVICE_NAMES.iter().copied());
    let mut attributes = Scope::with_reserved(["constructor", "close"]);
    for method in facade_methods(contract, &client_name(target)) {
        attributes.claim(&names::camel(method));
    }
    contract
        .tags
        .iter()
        .map(|tag| {
            let stem = stems.claim(&names::words(&tag.name).join("-"));
            TagPlan {
                tag,
                class: format!("{}Resource", names::pascal(&stem)),
                attribute: attributes.claim(&names::camel(&tag.name)),
                stem,
                operations: Vec::new(),
            }
        })
        .collect()
}

fn facade_methods<'a>(contract: &'a Contract, client: &str) -> Vec<&'a str> {
    let symbols = contract.parity.iter().flat_map(|parity| &parity.symbols);
    let facade = symbols.filter(|symbol| symbol.name == client);
    facade.flat_map(|symbol| &symbol.methods).map(|method| method.name.as_str()).collect()
}

fn operations_by_tag(contract: &Contract) -> HashMap<&str, Vec<&Operation>> {
    let mut by_tag: HashMap<&str, Vec<&Operation>> = HashMap::new();
    for operation in &contract.operations {
        by_tag.entry(&operation.tag).or_default().push(operation);
    }
    by_tag
}

/// Plans the operations of one tag; interfaces take their names from those left in `exported`.
pub fn plan_operations<'a>(
    operations: &[&'a Operation],
    exported: &mut Scope,
) -> Vec<OperationPlan<'a>> {
    let mut methods = Scope::with_reserved(["constructor"]);
    let mut constants = Scope::default();
    operations
        .iter()
        .map(|operation| {
            let mut arguments =
                Scope::with_reserved(["body", "params", "options", "values", "constructor"]);
            let mut claim = |parameter: &'a Parameter, in_source: bool| {
                let name = names::camel(&parameter.wire_name);
                let name = if in_source { encode::identifier(&name) } else { name };
                Argument { name: arguments.claim(&name), parameter }
            };
            let (in_path, others): (Vec<_>, Vec<_>) = operation
                .parameters
                .iter()
                .partition(|parameter| parameter.location_in == ParameterLocation::Path);
            let path = in_path.into_iter().map(|parameter| claim(parameter, true)).collect();
            let params = others
                .into_iter()
                .filter(|parameter| !is_own_header(parameter))
                .map(|parameter| claim(parameter, false))
                .collect();
            OperationPlan {
                operation,
                method: methods.claim(&names::camel(&operation.id)),
                constant: constants.claim(&guard(names::screaming(&operation.id))),
                path,
                params,
                params_type: exported.claim(&format!("{}Params", names::pascal(&operation.id))),
                body: contents::body(operation),
                answer: contents::answer(operation),
                idempotency: idempotency(operation),
            }
        })
        .collect()
}

/// Constants stand beside imported names; only a digit or nothing at all could clash.
fn guard(name: String) -> String {
    if name.chars().all(|character| character == '_') { format!("{name}OPERATION") } else { name }
}

fn is_own_header(parameter: &Parameter) -> bool {
    parameter.location_in == ParameterLocation::Header
        && OWN_HEADERS.iter().any(|own| parameter.wire_name.eq_ignore_ascii_case(own))
}

/// Operations that take an `Idempotency-Key` header without saying more get a key.
fn idempotency(operation: &Operation) -> Idempotency {
    let takes_key = operation.parameters.iter().any(|parameter| {
        parameter.location_in == ParameterLocation::Header
            && parameter.wire_name.eq_ignore_ascii_case("idempotency-key")
    });
    match operation.policy.idempotency {
        Some(declared) => declared,
        None if takes_key => Idempotency::Key,
        None if operation.is_naturally_idempotent() => Idempotency::Natural,
        None => Idempotency::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{HttpMethod, ParameterStyle, Shape, Type};
    use crate::problem::Location;

    fn parameter(wire_name: &str, location_in: ParameterLocation) -> Parameter {
        Parameter {
            wire_name: wire_name.to_owned(),
            location_in,
            style: ParameterStyle::Simple,
            explode: false,
            required: true,
            ty: Type::new(Shape::String),
            default: None,
            description: None,
            example: None,
            data_class: None,
            deprecated: false,
            location: Location::default(),
        }
    }

    fn operation(id: &str, parameters: Vec<Parameter>) -> Operation {
        Operation {
            id: id.to_owned(),
            method: HttpMethod::Post,
            path: "/".to_owned(),
            segments: Vec::new(),
            tag: "default".to_owned(),
            summary: None,
            description: None,
            deprecated: false,
            parameters,
            body: None,
            responses: Vec::new(),
            security: Vec::new(),
            policy: crate::contract::Policy::default(),
            extensions: serde_json::Map::new(),
            location: Location::default(),
        }
    }

    #[test]
    fn arguments_never_clash_with_each_other_or_with_the_method() {
        let parameters = vec![
            parameter("class", ParameterLocation::Path),
            parameter("body", ParameterLocation::Path),
            parameter("Class", ParameterLocation::Query),
            parameter("page-size", ParameterLocation::Query),
        ];
        let operation = operation("list", parameters);
        let planned = plan_operations(&[&operation], &mut Scope::default());
        let name = |argument: &Argument<'_>| argument.name.clone();
        let path: Vec<String> = planned[0].path.iter().map(name).collect();
        let params: Vec<String> = planned[0].params.iter().map(name).collect();
        assert_eq!(path, ["class_", "body2"]);
        assert_eq!(params, ["class", "pageSize"]);
    }

    #[test]
    fn operations_that_differ_in_case_get_methods_of_their_own() {
        let (one, two) = (operation("getThing", Vec::new()), operation("get_thing", Vec::new()));
        let planned = plan_operations(&[&one, &two], &mut Scope::default());
        assert_eq!(planned[0].method, "getThing");
        assert_eq!(planned[1].method, "getThing2");
        assert_ne!(planned[0].constant, planned[1].constant);
    }

    #[test]
    fn an_idempotency_header_is_an_option_and_makes_the_operation_keyed() {
        let header = parameter("Idempotency-Key", ParameterLocation::Header);
        let operation = operation("create", vec![header]);
        let planned = plan_operations(&[&operation], &mut Scope::default());
        assert!(planned[0].params.is_empty());
        assert_eq!(planned[0].idempotency, Idempotency::Key);
    }
}
