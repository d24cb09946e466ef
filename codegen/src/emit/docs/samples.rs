//! How to call an operation: curl here, the languages from their own emitters.

use super::view::ExampleView;
use crate::config::TargetName;
use crate::contract::{
    Body, ContentKind, Idempotency, Operation, ParameterLocation, PathSegment, SecuritySchemeKind,
};
use crate::emit::{Job, example};
use crate::encode::markdown::code_block;
use crate::encode::shell;
use serde_json::Value;

/// The samples of an operation, in the same order everywhere.
pub fn all(job: &Job<'_>, operation: &Operation) -> Vec<ExampleView> {
    let program = |language| job.samples.program(language, operation);
    let languages = [
        ("curl", "sh", Some(curl(job, operation))),
        ("Python", "python", program(TargetName::Python)),
        ("TypeScript", "typescript", program(TargetName::Node)),
        ("Go", "go", program(TargetName::Go)),
    ];
    languages
        .into_iter()
        .filter_map(|(label, language, sample)| {
            let block = code_block(language, &sample?);
            Some(ExampleView { label: label.to_owned(), block })
        })
        .collect()
}

/// A command line with synthetic values; address and token come from the environment.
fn curl(job: &Job<'_>, operation: &Operation) -> String {
    let method = operation.method.as_str();
    let mut parts = match method {
        "GET" => vec!["curl".to_owned()],
        "HEAD" => vec!["curl --head".to_owned()],
        _ => vec![format!("curl --request {method}")],
    };
    parts.extend(credentials(job, operation));
    for parameter in operation.parameters.iter().filter(|parameter| parameter.required) {
        let value = plain(&example::of_parameter(job.contract, parameter));
        match parameter.location_in {
            ParameterLocation::Header => {
                parts.push(header(&parameter.wire_name, &value));
            }
            ParameterLocation::Cookie => {
                let pair = format!("{}={value}", parameter.wire_name);
                parts.push(format!("--cookie {}", shell::quoted(&pair)));
            }
            ParameterLocation::Path | ParameterLocation::Query => {}
        }
    }
    if operation.policy.idempotency == Some(Idempotency::Key) {
        parts.push("--header \"Idempotency-Key: $(uuidgen)\"".to_owned());
    }
    if let Some(body) = &operation.body {
        parts.extend(data(job, body));
    }
    parts.push(address(job, operation));
    parts.join(" \\\n  ")
}

fn address(job: &Job<'_>, operation: &Operation) -> String {
    let mut path = String::new();
    for segment in &operation.segments {
        match segment {
            PathSegment::Literal(text) => path.push_str(text),
            PathSegment::Parameter(name) => {
                let found = operation.parameters.iter().find(|parameter| {
                    parameter.location_in == ParameterLocation::Path && parameter.wire_name == *name
                });
                let value = found.map(|found| plain(&example::of_parameter(job.contract, found)));
                path.push_str(&percent_encoded(&value.unwrap_or_default()));
            }
        }
    }
    let query = operation.parameters.iter().filter(|parameter| {
        parameter.location_in == ParameterLocation::Query && parameter.required
    });
    for (index, parameter) in query.enumerate() {
        path.push(if index == 0 { '?' } else { '&' });
        path.push_str(&percent_encoded(&parameter.wire_name));
        path.push('=');
        path.push_str(&percent_encoded(&plain(&example::of_parameter(job.contract, parameter))));
    }
    let path = shell::within_double_quotes(&path);
    match environment_prefix(job) {
        Some(prefix) => format!("\"${prefix}_BASE_URL{path}\""),
        None => {
            let server = job.contract.servers.first().map_or("", |server| server.url.as_str());
            let server = server.trim_end_matches('/');
            let server = if server.contains("://") { server } else { "https://api.example.org" };
            format!("\"{}{path}\"", shell::within_double_quotes(server))
        }
    }
}

/// The first alternative that is not anonymous.
fn credentials(job: &Job<'_>, operation: &Operation) -> Vec<String> {
    let variable = |suffix: &str| match environment_prefix(job) {
        Some(prefix) => format!("${prefix}_{suffix}"),
        None => format!("${suffix}"),
    };
    let requirement = operation.security.iter().find(|found| !found.schemes.is_empty());
    let schemes = requirement.into_iter().flat_map(|found| &found.schemes);
    schemes
        .filter_map(|(name, _)| job.contract.security_schemes.get(name))
        .filter_map(|scheme| match &scheme.kind {
            SecuritySchemeKind::HttpBearer
            | SecuritySchemeKind::OAuth2
            | SecuritySchemeKind::OpenIdConnect => {
                Some(format!("--header \"Authorization: Bearer {}\"", variable("TOKEN")))
            }
            SecuritySchemeKind::HttpBasic => {
                Some(format!("--user \"{}:{}\"", variable("USERNAME"), variable("PASSWORD")))
            }
            SecuritySchemeKind::ApiKey { location_in, wire_name } => {
                let name = shell::within_double_quotes(wire_name);
                let key = variable("API_KEY");
                match location_in {
                    ParameterLocation::Header => Some(format!("--header \"{name}: {key}\"")),
                    ParameterLocation::Cookie => Some(format!("--cookie \"{name}={key}\"")),
                    _ => Some(format!("--url-query \"{name}={key}\"")),
                }
            }
            SecuritySchemeKind::MutualTls => Some("--cert client.pem".to_owned()),
            SecuritySchemeKind::Http(_) => None,
        })
        .collect()
}

fn data(job: &Job<'_>, body: &Body) -> Vec<String> {
    let Some(content) = body.contents.first() else { return Vec::new() };
    let value = example::of_content(job.contract, content);
    let media_type = header("Content-Type", &content.media_type);
    let fields = || match &value {
        Value::Object(fields) => fields.iter().collect(),
        _ => Vec::new(),
    };
    match content.kind {
        ContentKind::Json | ContentKind::JsonLines => {
            let text = match content.kind {
                ContentKind::Json => serde_json::to_string_pretty(&value),
                _ => serde_json::to_string(&value),
            }
            .expect("JSON values have string keys");
            vec![media_type, format!("--data {}", shell::quoted(&text))]
        }
        ContentKind::Form => fields()
            .into_iter()
            .map(|(name, value)| {
                format!("--data-urlencode {}", shell::quoted(&format!("{name}={}", plain(value))))
            })
            .collect(),
        ContentKind::Multipart => fields()
            .into_iter()
            .map(|(name, value)| {
                format!("--form {}", shell::quoted(&format!("{name}={}", plain(value))))
            })
            .collect(),
        ContentKind::Text | ContentKind::EventStream => {
            vec![media_type, format!("--data-raw {}", shell::quoted(&plain(&value)))]
        }
        ContentKind::Binary => vec![media_type, "--data-binary @example.bin".to_owned()],
    }
}

fn header(name: &str, value: &str) -> String {
    format!("--header {}", shell::quoted(&format!("{name}: {value}").replace('\n', " ")))
}

/// A value as it travels outside of JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

fn percent_encoded(text: &str) -> String {
    let mut out = String::new();
    for octet in text.bytes() {
        if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
            out.push(char::from(octet));
        } else {
            out.push_str(&format!("%{octet:02X}"));
        }
    }
    out
}

/// The prefix of environment variables that the SDKs read, when a target names one.
fn environment_prefix<'a>(job: &Job<'a>) -> Option<&'a str> {
    let mut prefixes =
        job.config.targets.values().filter_map(|target| target.environment_prefix.as_deref());
    prefixes
        .next()
        .filter(|prefix| prefix.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'_'))
}
