//! The package around the code: names, version, metadata, the client and the README.

use super::facade::Facade;
use super::operations::{self, Resource};
use super::sample::Sampler;
use super::types::Names;
use crate::config::Target;
use crate::contract::{Contract, Info, Operation, ParameterLocation, SecuritySchemeKind};
use crate::emit::{Job, example};
use crate::encode::{go, markdown};
use crate::names;
use serde::Serialize;

/// Facts every template may print.
#[derive(Serialize)]
pub struct Package {
    /// Module path, `github.com/vivified/go-sdk`.
    pub path: String,
    /// Package clause.
    pub module: String,
    pub client: String,
    pub version: String,
    pub version_literal: String,
    pub doc: Vec<String>,
    pub environment: String,
    pub apache: bool,
}

pub fn view(job: &Job<'_>) -> Package {
    let info = &job.contract.info;
    let (path, module) = place(job.target, info);
    let version = job.target.version.clone().unwrap_or_else(|| info.version.clone());
    let description = info.description.as_deref().unwrap_or(&info.title);
    Package {
        doc: go::comment(
            &format!("Package {module} is a client of {}.\n\n{description}", info.title),
            "",
        ),
        version_literal: go::string(&version),
        version,
        client: client_name(job.target),
        environment: job.target.environment_prefix.clone().unwrap_or_default(),
        apache: info
            .license
            .as_deref()
            .is_some_and(|license| license.starts_with("Apache-2.0") || license == "Apache 2.0"),
        path,
        module,
    }
}

pub fn client_name(target: &Target) -> String {
    target.client.clone().unwrap_or_else(|| "Client".to_owned())
}

/// Module path and package clause of a target.
pub fn place(target: &Target, info: &Info) -> (String, String) {
    let title = names::words(&info.title).concat();
    let path = target.package.clone().unwrap_or_else(|| title.clone());
    let module = target.module.clone().unwrap_or_else(|| {
        let last = path.rsplit('/').next().unwrap_or(&title);
        names::words(last).concat()
    });
    (path, go::identifier(&module))
}

#[derive(Serialize)]
pub struct Client<'a> {
    pub resources: Vec<ClientField<'a>>,
    pub facade: &'a Facade<'a>,
    pub base_url: String,
    pub user_agent: String,
    pub schemes: Vec<String>,
    pub renewal: Option<Renewal>,
}

#[derive(Serialize)]
pub struct ClientField<'a> {
    pub field: &'a str,
    pub name: &'a str,
    pub doc: Vec<String>,
}

#[derive(Serialize)]
pub struct Renewal {
    pub lines: Vec<String>,
    pub token: String,
    pub expires_in: String,
}

pub fn client<'a>(
    names: &Names<'a>,
    resources: &'a [Resource<'a>],
    facade: &'a Facade<'a>,
    package: &Package,
) -> Client<'a> {
    let contract = names.contract;
    let server = contract.servers.first().map_or("", |server| server.url.as_str());
    let absolute = server.starts_with("https://") || server.starts_with("http://");
    Client {
        resources: resources
            .iter()
            .map(|resource| ClientField {
                doc: vec![format!(
                    "\t// {} groups operations; see {}.",
                    resource.field, resource.name
                )],
                field: &resource.field,
                name: &resource.name,
            })
            .collect(),
        facade,
        base_url: go::string(if absolute { server } else { "" }),
        user_agent: go::string(&format!("{}-go/{}", package.module, package.version)),
        schemes: schemes(contract),
        renewal: contract.operations.iter().find_map(|operation| renewal(contract, operation)),
    }
}

fn schemes(contract: &Contract) -> Vec<String> {
    contract
        .security_schemes
        .values()
        .map(|scheme| {
            let (kind, name) = match &scheme.kind {
                SecuritySchemeKind::HttpBearer
                | SecuritySchemeKind::OAuth2
                | SecuritySchemeKind::OpenIdConnect => ("Bearer", ""),
                SecuritySchemeKind::HttpBasic => ("Basic", ""),
                SecuritySchemeKind::ApiKey { location_in, wire_name } => match location_in {
                    ParameterLocation::Query => ("KeyInQuery", wire_name.as_str()),
                    ParameterLocation::Cookie => ("KeyInCookie", wire_name.as_str()),
                    _ => ("KeyInHeader", wire_name.as_str()),
                },
                SecuritySchemeKind::Http(_) | SecuritySchemeKind::MutualTls => ("Unsupported", ""),
            };
            format!("{}, runtime.{kind}, {}", go::string(&scheme.name), go::string(name))
        })
        .collect()
}

/// The call that renews a token, from `x-renews-token` of an operation without parameters.
fn renewal(contract: &Contract, operation: &Operation) -> Option<Renewal> {
    let fields = operation.extensions.get("x-renews-token")?;
    let name = |key: &str| fields.get(key).and_then(serde_json::Value::as_str);
    if operation.parameters.iter().any(|parameter| parameter.required) {
        return None;
    }
    let mut lines = vec![format!(
        "request := runtime.NewRequest({}, {}, runtime.{})",
        go::string(operation.method.as_str()),
        go::string(&operation.path),
        operations::retry(operation)
    )];
    for requirement in operation.security.iter().filter(|one| !one.schemes.is_empty()) {
        let schemes: Vec<String> =
            requirement.schemes.iter().map(|(scheme, _)| go::string(scheme)).collect();
        lines.push(format!("request.Security({})", schemes.join(", ")));
    }
    lines.push("request.Accept(\"application/json, application/problem+json\")".to_owned());
    if let Some(content) = operations::body_content(operation) {
        let body = example::of_content(contract, content).to_string();
        lines.push(format!(
            "request.JSON({}, json.RawMessage({}))",
            go::string(&content.media_type),
            go::string(&body)
        ));
    }
    lines.push("return request".to_owned());
    Some(Renewal {
        lines,
        token: go::string(name("token")?),
        expires_in: go::string(name("expires_in").unwrap_or_default()),
    })
}

#[derive(Serialize)]
pub struct Readme {
    pub title: String,
    pub description: String,
    pub sample: String,
    pub transport: String,
    pub license: Option<String>,
    pub resources: Vec<ReadmeResource>,
}

#[derive(Serialize)]
pub struct ReadmeResource {
    pub field: String,
    pub methods: String,
}

pub fn readme(
    job: &Job<'_>,
    resources: &[Resource<'_>],
    sampler: &Sampler<'_, '_>,
    transport: &str,
) -> Readme {
    let info = &job.contract.info;
    Readme {
        title: markdown::line(&info.title),
        description: markdown::blocks(info.description.as_deref().unwrap_or_default()),
        sample: shown(job).and_then(|operation| sampler.sample(operation)).unwrap_or_default(),
        transport: transport.to_owned(),
        license: info.license.as_deref().map(markdown::line),
        resources: resources
            .iter()
            .map(|resource| ReadmeResource {
                field: resource.field.clone(),
                methods: resource
                    .methods
                    .iter()
                    .map(|method| format!("`{}`", method.name))
                    .collect::<Vec<_>>()
                    .join(", "),
            })
            .collect(),
    }
}

/// The operation that README and example show: the first of the facade, else of the spec.
fn shown<'a>(job: &Job<'a>) -> Option<&'a Operation> {
    let symbols = job.contract.parity.iter().flat_map(|parity| &parity.symbols);
    let first = symbols.flat_map(|symbol| &symbol.methods).next();
    let operations = &job.contract.operations;
    first
        .and_then(|method| operations.iter().find(|one| one.id == method.operation))
        .or_else(|| operations.first())
}

/// The sample as an example that `go test` compiles.
pub fn example(job: &Job<'_>, sampler: &Sampler<'_, '_>) -> Option<String> {
    let program = sampler.sample(shown(job)?)?;
    let code = program.strip_prefix("package main\n")?;
    Some(code.replace("\nfunc main() {", "\nfunc Example() {"))
}
