//! The view of the client: credentials, renewal of the token, facade, imports.

use super::facade::{self, FacadeMethod};
use super::layout;
use super::operations::Resource;
use super::package::{Package, one_line, public, public_imports};
use super::sample;
use super::types::{Module, Types};
use crate::config::Target;
use crate::contract::{Contract, Operation, ParameterLocation, SecuritySchemeKind};
use crate::emit::example;
use crate::encode::python as encode;
use crate::names::{self, Scope};
use serde::Serialize;
use serde_json::Value;

#[derive(Serialize)]
pub struct Client {
    pub imports: String,
    /// Resources, for imports that only type checkers need.
    pub resource_imports: Vec<String>,
    pub docstring: String,
    pub default_url: String,
    pub url_variable: String,
    pub token_variable: String,
    /// The same without quotes, for prose; empty when there is none.
    pub url_name: String,
    pub token_name: String,
    pub has_token: bool,
    pub renewal: Option<Renewal>,
    /// `"apiKey": Scheme("header", "X-Key"),`
    pub schemes: Vec<String>,
    pub secrets: Vec<Secret>,
    pub user_agent: String,
    pub facade: Vec<FacadeMethod>,
    /// What the package itself gives: imports for type checkers, names, and where each one lives.
    pub public_imports: Vec<String>,
    pub public_names: Vec<String>,
    pub homes: Vec<String>,
    /// A program for the README.
    pub example: String,
}

/// A credential other than the token.
#[derive(Serialize)]
pub struct Secret {
    pub scheme: String,
    pub argument: String,
    pub docstring: String,
}

/// The operation that answers a new token.
#[derive(Serialize)]
pub struct Renewal {
    pub module: String,
    pub constant: String,
    pub token_field: String,
    pub expires_in_field: String,
    pub body: String,
}

pub fn client(
    contract: &Contract,
    types: &Types<'_>,
    resources: &[Resource],
    package: &Package,
    target: &Target,
) -> Client {
    let mut module = Module::new("models.");
    let facade = facade::methods(contract, types, resources, &package.client, &mut module);
    let prefix = target.environment_prefix.as_deref();
    let variable = |name: &str| {
        prefix.map_or("None".to_owned(), |prefix| encode::string(&format!("{prefix}_{name}")))
    };
    let (schemes, secrets, has_token) = credentials(contract);
    let server = contract.servers.iter().find(|server| server.url.contains("://"));
    let uses_models = facade
        .iter()
        .any(|method| method.signature.contains("models.") || method.call.contains("models."));
    let renewal = renewal(contract, resources);
    let public = public(contract, package);
    Client {
        public_imports: public_imports(&public),
        homes: public
            .iter()
            .map(|(name, home)| format!("{}: {}", encode::string(name), encode::string(home)))
            .collect(),
        public_names: public.into_iter().map(|(name, _)| name).collect(),
        example: sample::for_readme(contract, types, package, resources),
        imports: client_imports(&mut module, &facade, uses_models, has_token, &renewal),
        resource_imports: resource_imports(resources),
        docstring: encode::docstring(&format!("Calls {}.", one_line(&contract.info.title)), 4),
        default_url: server.map_or("None".to_owned(), |server| encode::string(&server.url)),
        url_name: prefix.map_or_else(String::new, |prefix| format!("{prefix}_BASE_URL")),
        token_name: prefix.map_or_else(String::new, |prefix| format!("{prefix}_TOKEN")),
        url_variable: variable("BASE_URL"),
        token_variable: variable("TOKEN"),
        has_token,
        renewal,
        schemes,
        secrets,
        user_agent: encode::string(&format!("{}/{}", package.distribution, package.version)),
        facade,
    }
}

fn client_imports(
    module: &mut Module,
    facade: &[FacadeMethod],
    uses_models: bool,
    has_token: bool,
    renewal: &Option<Renewal>,
) -> String {
    for (from, name) in [
        ("runtime.credentials", "Credentials"),
        ("runtime.credentials", "Scheme"),
        ("runtime.exchange", "Facts"),
        ("runtime.retries", "DEFAULT_RETRIES"),
        ("runtime.settings", "DEFAULT_TIMEOUT"),
        ("runtime.settings", "Settings"),
        ("runtime.settings", "find_base_url"),
        ("runtime.transport", "AsyncTransport"),
        ("runtime.transport", "Transport"),
        ("errors", "ERRORS"),
        ("collections.abc", "Mapping"),
        ("functools", "cached_property"),
        ("types", "TracebackType"),
        ("typing", "TYPE_CHECKING"),
        ("typing", "Final"),
        ("typing", "Self"),
    ] {
        module.name(from, name);
    }
    if has_token {
        module.name("runtime.settings", "from_environment");
        module.name("runtime.transport", "AsyncToken");
        module.name("runtime.transport", "Token");
    }
    if renewal.is_some() {
        module.name("runtime.credentials", "Renewal");
    }
    if !facade.is_empty() {
        module.name("typing", "Unpack");
        module.name("runtime.operation", "CallOptions");
    }
    let block = module.import_block(".");
    // `import` lines stand before `from` lines of their group.
    let block = format!("import os\n{block}").replacen("\nfrom .", "\nimport httpx2\n\nfrom .", 1);
    if uses_models {
        block.replacen("\nfrom .", "\nfrom . import models\nfrom .", 1)
    } else {
        block
    }
}

fn resource_imports(resources: &[Resource]) -> Vec<String> {
    let mut sorted: Vec<&Resource> = resources.iter().collect();
    sorted.sort_by_key(|resource| &resource.module);
    sorted
        .iter()
        .map(|resource| {
            let names = [format!("Async{}", resource.class), resource.class.clone()];
            layout::indented_import(&format!(".resources.{}", resource.module), &names)
        })
        .collect()
}

/// Schemes as dictionary entries, the secrets beside the token, and whether there is a token.
fn credentials(contract: &Contract) -> (Vec<String>, Vec<Secret>, bool) {
    let mut scope = Scope::with_reserved([
        "base_url",
        "token",
        "timeout",
        "max_retries",
        "headers",
        "ca_bundle",
        "transport",
        "renew_token",
        "self",
    ]);
    let mut schemes = Vec::new();
    let mut secrets = Vec::new();
    let mut has_token = false;
    for (name, scheme) in &contract.security_schemes {
        let key = encode::string(name);
        let mut secret = |stem: &str, docstring: &str| {
            let argument =
                scope.claim(&encode::identifier(names::snake(stem).trim_start_matches('_')));
            secrets.push(Secret { scheme: key.clone(), argument, docstring: docstring.to_owned() });
        };
        match &scheme.kind {
            SecuritySchemeKind::HttpBearer
            | SecuritySchemeKind::OAuth2
            | SecuritySchemeKind::OpenIdConnect => {
                has_token = true;
                schemes.push(format!("{key}: Scheme(\"bearer\")"));
            }
            SecuritySchemeKind::HttpBasic => {
                secret("basic_auth", "`user:password`");
                schemes.push(format!("{key}: Scheme(\"basic\")"));
            }
            SecuritySchemeKind::Http(_) => {
                secret(name, "the whole value of `Authorization`");
                schemes.push(format!("{key}: Scheme(\"header\")"));
            }
            SecuritySchemeKind::ApiKey { location_in, wire_name } => {
                let place = match location_in {
                    ParameterLocation::Query => "query",
                    ParameterLocation::Cookie => "cookie",
                    _ => "header",
                };
                secret(name, "an API key");
                schemes.push(format!("{key}: Scheme(\"{place}\", {})", encode::string(wire_name)));
            }
            SecuritySchemeKind::MutualTls => {}
        }
    }
    (schemes, secrets, has_token)
}

fn renewal(contract: &Contract, resources: &[Resource]) -> Option<Renewal> {
    let (index, operation, fields) =
        contract.operations.iter().enumerate().find_map(|(index, operation)| {
            Some((index, operation, operation.extensions.get("x-renews-token")?))
        })?;
    let token_field = fields.get("token")?.as_str()?;
    let resource = resources
        .iter()
        .find(|resource| resource.methods.iter().any(|method| method.operation == index))?;
    let method = resource.methods.iter().find(|method| method.operation == index)?;
    Some(Renewal {
        module: resource.module.clone(),
        constant: method.constant.clone(),
        token_field: encode::string(token_field),
        expires_in_field: fields
            .get("expires_in")
            .and_then(Value::as_str)
            .map_or("None".to_owned(), encode::string),
        body: renewal_body(contract, operation),
    })
}

/// What a renewal sends: the first example of the body.
fn renewal_body(contract: &Contract, operation: &Operation) -> String {
    let content = operation.body.as_ref().and_then(|body| body.contents.first());
    content
        .map_or("None".to_owned(), |content| encode::value(&example::of_content(contract, content)))
}
