//! What makes a package of the modules: names, metadata, the client's view, the error tree.

use super::facade::{self, FacadeMethod};
use super::layout;
use super::operations::Resource;
use super::types::{Module, Types};
use crate::config::Target;
use crate::contract::{
    Contract, Operation, ParameterLocation, ParityError, SecuritySchemeKind, Shape, TypeKind,
};
use crate::emit::{errors, example, render::PREAMBLE};
use crate::encode::python as encode;
use crate::names::{self, Scope};
use serde::Serialize;
use serde_json::Value;

/// What every template is given.
#[derive(Serialize)]
pub struct Package {
    pub preamble: &'static str,
    /// `vivified-sdk`
    pub distribution: String,
    /// `vivified`
    pub module: String,
    pub alias: Option<String>,
    pub version: String,
    /// One line of prose for the metadata.
    pub summary: String,
    pub license: Option<String>,
    pub title: String,
    pub client: String,
}

#[derive(Serialize)]
pub struct Client {
    pub imports: String,
    /// Resources, for imports that only type checkers need.
    pub resource_imports: Vec<String>,
    pub docstring: String,
    pub default_url: String,
    pub url_variable: String,
    pub token_variable: String,
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

#[derive(Serialize)]
pub struct ErrorClass {
    pub name: String,
    pub parent: String,
    pub docstring: String,
    /// Class variables of a catalogue code.
    pub members: Vec<String>,
}

#[derive(Serialize)]
pub struct Errors {
    pub classes: Vec<ErrorClass>,
    pub tree: Vec<String>,
    pub root: String,
    pub transport: String,
    pub codes: Vec<String>,
    pub statuses: Vec<String>,
}

pub fn package(contract: &Contract, target: &Target) -> Package {
    let distribution = target
        .package
        .clone()
        .unwrap_or_else(|| names::snake(&contract.info.title).replace('_', "-"));
    let module = target.module.clone().unwrap_or_else(|| module_name(&distribution));
    let version = target.version.clone().unwrap_or_else(|| contract.info.version.clone());
    Package {
        preamble: PREAMBLE,
        summary: toml_string(&format!("Client of {}", contract.info.title)),
        license: contract.info.license.as_deref().filter(|name| is_spdx(name)).map(str::to_owned),
        title: one_line(&contract.info.title),
        client: target.client.clone().unwrap_or_else(|| "Client".to_owned()),
        version: version_number(&version),
        alias: target.alias.clone(),
        distribution,
        module,
    }
}

fn module_name(distribution: &str) -> String {
    let name = names::snake(distribution);
    let name = if name.starts_with('_') { format!("sdk{name}") } else { name };
    encode::identifier(&name)
}

/// A version PEP 440 accepts: digits with dots between, from whatever the document says.
fn version_number(version: &str) -> String {
    let numbers: Vec<&str> = version
        .split(|letter: char| !letter.is_ascii_digit())
        .filter(|part| !part.is_empty())
        .take(3)
        .collect();
    let plain =
        version.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    if plain {
        version.to_owned()
    } else if numbers.is_empty() {
        "0".to_owned()
    } else {
        numbers.join(".")
    }
}

fn is_spdx(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-+".contains(&byte))
}

/// A TOML basic string: JSON escapes are a subset of its own.
fn toml_string(text: &str) -> String {
    Value::String(one_line(text)).to_string()
}

/// ASCII letters, digits and plain punctuation on one line.
fn one_line(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|letter| {
            let allowed = letter.is_ascii_alphanumeric() || " .,:;()/+-_'&".contains(letter);
            if allowed { letter } else { ' ' }
        })
        .collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
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
        example: readme_example(contract, types, package, resources),
        imports: client_imports(&mut module, &facade, uses_models, has_token, &renewal),
        resource_imports: resource_imports(resources),
        docstring: encode::docstring(&format!("Calls {}.", one_line(&contract.info.title)), 4),
        default_url: server.map_or("None".to_owned(), |server| encode::string(&server.url)),
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

/// Public names with the module each one lives in, sorted as isort sorts `__all__`.
fn public(contract: &Contract, package: &Package) -> Vec<(String, &'static str)> {
    let mut names = vec![
        (package.client.clone(), "client"),
        (format!("Async{}", package.client), "client"),
        ("UNSET".to_owned(), "runtime.unset"),
        ("Unset".to_owned(), "runtime.unset"),
        ("errors".to_owned(), "errors"),
        ("models".to_owned(), "models"),
    ];
    let tree = errors::error_tree(contract);
    names.extend(tree.into_iter().map(|class| (class.name, "errors")));
    names.sort();
    names
}

fn public_imports(public: &[(String, &'static str)]) -> Vec<String> {
    let line = |module: &str, home: &str| {
        let names = public.iter().filter(|(name, known)| *known == home && name != known);
        let names: Vec<String> = names.map(|(name, _)| name.clone()).collect();
        indented_import(module, &names)
    };
    vec![
        "from . import errors, models".to_owned(),
        line(".client", "client"),
        line(".errors", "errors"),
        line(".runtime.unset", "runtime.unset"),
    ]
}

/// A call that says something: the first method of the facade, else the first operation.
fn readme_example(
    contract: &Contract,
    types: &Types<'_>,
    package: &Package,
    resources: &[Resource],
) -> String {
    let of_parity = contract
        .parity
        .iter()
        .flat_map(|parity| &parity.symbols)
        .flat_map(|symbol| &symbol.methods)
        .find_map(|method| {
            contract.operations.iter().find(|operation| operation.id == method.operation)
        });
    of_parity
        .or(contract.operations.first())
        .and_then(|operation| sample(contract, types, package, resources, operation))
        .unwrap_or_default()
}

fn resource_imports(resources: &[Resource]) -> Vec<String> {
    let mut sorted: Vec<&Resource> = resources.iter().collect();
    sorted.sort_by_key(|resource| &resource.module);
    sorted
        .iter()
        .map(|resource| {
            let names = [format!("Async{}", resource.class), resource.class.clone()];
            indented_import(&format!(".resources.{}", resource.module), &names)
        })
        .collect()
}

/// An import four columns in.
fn indented_import(module: &str, names: &[String]) -> String {
    let block = layout::import_from(module, names.iter().map(String::as_str));
    if block.len() + 4 > encode::WIDTH && !block.contains('\n') {
        let (head, names) = block.split_once(" import ").unwrap_or_default();
        let names: Vec<String> = names.split(", ").map(str::to_owned).collect();
        return layout::exploded(4, &format!("{head} import "), &names, ["(", ")"], "");
    }
    block.replace('\n', "\n    ")
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

pub fn errors(contract: &Contract) -> Errors {
    let tree = errors::error_tree(contract);
    let codes = errors::code_classes(contract, &tree);
    let mut classes: Vec<ErrorClass> = tree.iter().map(tree_class).collect();
    for code in &codes {
        let problem = code.problem;
        let mut members = vec![format!("code_of_class = {}", encode::string(&problem.code))];
        members.push(assignment("catalogue_title", &problem.title));
        if let Some(hint) = &problem.hint {
            members.push(assignment("catalogue_hint", hint));
        }
        let hint = problem.hint.as_deref().unwrap_or_default();
        classes.push(ErrorClass {
            name: code.name.clone(),
            parent: code.parent.clone(),
            docstring: encode::docstring(
                &format!("{}.\n\n{hint}", problem.title.trim_end_matches('.')),
                4,
            ),
            members,
        });
    }
    let statuses = tree.iter().flat_map(|class| {
        class.statuses.iter().map(move |status| format!("{status}: {}", class.name))
    });
    Errors {
        root: errors::root(&tree).name.clone(),
        transport: errors::class_of_transport(&tree).name.clone(),
        codes: codes
            .iter()
            .map(|code| format!("{}: {}", encode::string(&code.problem.code), code.name))
            .collect(),
        statuses: statuses.collect(),
        tree: tree.iter().map(|class| class.name.clone()).collect(),
        classes,
    }
}

/// A class variable; a literal that does not fit goes between brackets.
fn assignment(name: &str, text: &str) -> String {
    let literal = encode::string(text);
    let line = format!("{name} = {literal}");
    if line.len() + 4 <= encode::WIDTH {
        line
    } else if literal.len() + 8 <= encode::WIDTH {
        format!("{name} = (\n        {literal}\n    )")
    } else {
        line
    }
}

fn tree_class(class: &ParityError) -> ErrorClass {
    ErrorClass {
        name: class.name.clone(),
        parent: class.parent.clone().unwrap_or_else(|| "CallError".to_owned()),
        docstring: encode::docstring(&class.description, 4),
        members: Vec::new(),
    }
}

/// A complete program that calls the operation.
pub fn sample(
    contract: &Contract,
    types: &Types<'_>,
    package: &Package,
    resources: &[Resource],
    operation: &Operation,
) -> Option<String> {
    let (resource, method) = resources.iter().find_map(|resource| {
        let found = resource
            .methods
            .iter()
            .find(|method| contract.operations[method.operation].id == operation.id);
        found.map(|method| (resource, method))
    })?;
    let mut items = Vec::new();
    let mut uses_models = false;
    for argument in &method.arguments {
        let parameter =
            operation.parameters.iter().find(|known| known.wire_name == argument.wire_name);
        match (argument.location, parameter) {
            ("", _) => {
                let content = super::operations::sent_content(&operation.body.as_ref()?.contents)?;
                let value = example::of_content(contract, content);
                let class = model_class(types, &content.ty.shape);
                uses_models |= class.is_some();
                items.push(sample_body(class, &value, &argument.annotation));
            }
            (location, Some(parameter)) if argument.required => {
                let value = encode::value(&example::of_parameter(contract, parameter));
                items.push(if location == "path" {
                    value
                } else {
                    format!("{}={value}", argument.name)
                });
            }
            _ => {}
        }
    }
    let Package { module, client, .. } = package;
    let models = if uses_models { ", models" } else { "" };
    let call = layout::group(
        4,
        &format!("client.{}.{}", resource.attribute, method.name),
        &items,
        ["(", ")"],
        "",
    );
    let body = if method.returns.annotation == "None" {
        call
    } else if method.returns.streamed {
        format!(
            "with {call} as answers:\n        for answer in answers:\n            print(answer)"
        )
    } else {
        format!("answer = {call}\n    print(answer)")
    };
    Some(format!(
        "from {module} import {client}{models}\n\nwith {client}() as client:\n    {body}\n"
    ))
}

fn model_class<'a>(types: &'a Types<'_>, shape: &'a Shape) -> Option<&'a str> {
    let Shape::Named(name) = shape else { return None };
    let declaration = types.declaration(name)?;
    matches!(declaration.kind, TypeKind::Object(_)).then(|| types.class(name))
}

fn sample_body(class: Option<&str>, value: &Value, annotation: &str) -> String {
    match (class, value) {
        (Some(class), Value::Object(_)) => {
            let line = format!("models.{class}.from_wire({})", encode::value(value));
            if line.len() + 9 <= encode::WIDTH {
                return line;
            }
            let map = layout::literal(12, "", value, 1);
            layout::exploded(8, &format!("models.{class}.from_wire"), &[map], ["(", ")"], "")
        }
        _ if annotation.contains("BinaryIO") => "b\"example\"".to_owned(),
        _ => layout::literal(8, "", value, 1),
    }
}
