//! Every name and choice of the target, made once: the other modules only spell them.

use crate::config::Target;
use crate::contract::{
    Content, ContentKind, Contract, HttpMethod, Idempotency, Operation, Parameter,
    ParameterLocation, SecuritySchemeKind, StatusRange, Tag, Type,
};
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

pub struct BodyPlan<'a> {
    pub content: &'a Content,
    pub kind: ContentKind,
    pub required: bool,
}

pub struct Answer<'a> {
    /// None when a success has no content.
    pub kind: Option<ContentKind>,
    pub media_type: Option<&'a str>,
    /// Types of the successes with content of this kind.
    pub types: Vec<&'a Type>,
    /// Some success has no content though another has.
    pub may_be_empty: bool,
    pub status: u16,
    pub content: Option<&'a Content>,
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
                body: plan_body(operation),
                answer: plan_answer(operation),
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

fn plan_body(operation: &Operation) -> Option<BodyPlan<'_>> {
    let body = operation.body.as_ref()?;
    let streamed = |content: &&Content| {
        matches!(content.kind, ContentKind::EventStream | ContentKind::JsonLines)
    };
    let content = body
        .contents
        .iter()
        .find(|content| !streamed(content))
        .or_else(|| body.contents.first())?;
    let kind = if streamed(&content) { ContentKind::Binary } else { content.kind };
    Some(BodyPlan { content, kind, required: body.required })
}

fn plan_answer(operation: &Operation) -> Answer<'_> {
    let successes: Vec<_> = operation
        .responses
        .iter()
        .filter(|response| match response.status {
            StatusRange::Code(code) => (200..300).contains(&code),
            StatusRange::Range(class) => class == 2,
            StatusRange::Default => false,
        })
        .collect();
    let status = successes.first().map_or(200, |response| match response.status {
        StatusRange::Code(code) => code,
        _ => 200,
    });
    let filled = successes.iter().find(|response| !response.contents.is_empty());
    let chosen = filled.filter(|_| operation.method != HttpMethod::Head).and_then(|response| {
        let json = response.contents.iter().find(|content| content.kind == ContentKind::Json);
        Some((response, json.or_else(|| response.contents.first())?))
    });
    let Some((response, content)) = chosen else {
        return Answer {
            kind: None,
            media_type: None,
            types: Vec::new(),
            may_be_empty: false,
            status,
            content: None,
        };
    };
    let status = if let StatusRange::Code(code) = response.status { code } else { status };
    let types = successes
        .iter()
        .flat_map(|response| &response.contents)
        .filter(|other| other.kind == content.kind)
        .map(|other| &other.ty)
        .collect();
    Answer {
        kind: Some(match content.kind {
            ContentKind::Form | ContentKind::Multipart => ContentKind::Binary,
            kind => kind,
        }),
        media_type: Some(&content.media_type),
        types,
        may_be_empty: content.kind == ContentKind::Json
            && successes.iter().any(|response| response.contents.is_empty()),
        status,
        content: Some(content),
    }
}

/// How the credential of the client is shown: place, name on the wire, scheme.
pub fn credential<'a>(
    contract: &'a Contract,
    operation: &Operation,
) -> Option<(&'static str, &'a str, &'a str)> {
    let schemes = operation.security.iter().flat_map(|requirement| &requirement.schemes);
    schemes
        .filter_map(|(name, _)| contract.security_schemes.get(name))
        .find_map(|scheme| show(&scheme.kind))
}

fn show(kind: &SecuritySchemeKind) -> Option<(&'static str, &str, &str)> {
    match kind {
        SecuritySchemeKind::HttpBearer
        | SecuritySchemeKind::OAuth2
        | SecuritySchemeKind::OpenIdConnect => Some(("header", "Authorization", "Bearer")),
        SecuritySchemeKind::HttpBasic => Some(("header", "Authorization", "Basic")),
        SecuritySchemeKind::Http(scheme) => Some(("header", "Authorization", scheme)),
        SecuritySchemeKind::ApiKey { location_in, wire_name } => {
            let place = match location_in {
                ParameterLocation::Query => "query",
                ParameterLocation::Cookie => "cookie",
                ParameterLocation::Header | ParameterLocation::Path => "header",
            };
            Some((place, wire_name, ""))
        }
        SecuritySchemeKind::MutualTls => None,
    }
}
