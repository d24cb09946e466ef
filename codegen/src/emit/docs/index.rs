//! The first page: what the document is, how to be let in, and every operation in one list.

use super::operations::{OperationsPage, heading, request_line};
use super::sdk;
use super::view::{IndexView, TagView};
use crate::contract::{SecurityScheme, SecuritySchemeKind};
use crate::emit::Job;
use crate::encode::markdown::{anchor, blocks, code, line, row};

pub fn view(job: &Job<'_>, pages: &[OperationsPage<'_>]) -> IndexView {
    let contract = job.contract;
    let servers = contract.servers.iter().map(|server| {
        let description = line(server.description.as_deref().unwrap_or_default());
        let gap = if description.is_empty() { "" } else { ": " };
        format!("- {}{gap}{description}", code(&server.url))
    });
    let mut other = vec!["- [Models](models.md)", "- [Errors](errors.md)"];
    if !contract.events.is_empty() {
        other.push("- [Events](events.md)");
    }
    if contract.manifest.is_some() {
        other.push("- [Manifest](manifest.md)");
    }
    if sdk::has_packages(job) {
        other.push("- [SDKs](sdk.md)");
    }
    IndexView {
        title: line(&contract.info.title),
        version: code(&contract.info.version),
        description: blocks(contract.info.description.as_deref().unwrap_or_default()),
        servers: servers.collect(),
        security: contract.security_schemes.values().map(scheme).collect(),
        pages: other.into_iter().map(str::to_owned).collect(),
        tags: pages.iter().map(tag).collect(),
    }
}

fn tag(page: &OperationsPage<'_>) -> TagView {
    let file = format!("operations/{}.md", page.stem);
    let operations = page.operations.iter().map(|(operation, name)| {
        let name = heading(name);
        row(&[
            &format!("[{name}]({file}#{})", anchor(&name)),
            &request_line(operation),
            &line(operation.summary.as_deref().unwrap_or_default()),
        ])
    });
    TagView {
        link: format!("[{}]({file})", line(page.tag)),
        description: line(page.description.unwrap_or_default()),
        operations: operations.collect(),
    }
}

fn scheme(scheme: &SecurityScheme) -> String {
    let kind = match &scheme.kind {
        SecuritySchemeKind::HttpBearer => "bearer token in the `Authorization` header".to_owned(),
        SecuritySchemeKind::HttpBasic => "user name and password, HTTP Basic".to_owned(),
        SecuritySchemeKind::Http(name) => format!("HTTP {}", line(name)),
        SecuritySchemeKind::ApiKey { wire_name, location_in } => {
            let place = super::operations::place_word(*location_in);
            format!("API key in the {place} {}", code(wire_name))
        }
        SecuritySchemeKind::OAuth2 => "OAuth 2 access token".to_owned(),
        SecuritySchemeKind::OpenIdConnect => "OpenID Connect".to_owned(),
        SecuritySchemeKind::MutualTls => "client certificate, mutual TLS".to_owned(),
    };
    let description = line(scheme.description.as_deref().unwrap_or_default());
    let gap = if description.is_empty() { "" } else { " " };
    format!("- {}: {kind}.{gap}{description}", code(&scheme.name))
}
