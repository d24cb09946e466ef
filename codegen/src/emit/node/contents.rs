//! Which of the contents and credentials the spec offers an operation is sent with, and which
//! answer is asked for.

use crate::contract::{
    Content, ContentKind, Contract, HttpMethod, Operation, ParameterLocation, SecuritySchemeKind,
    StatusRange, Type,
};

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

/// The content a request is sent with: the first that the package can write whole.
pub fn body(operation: &Operation) -> Option<BodyPlan<'_>> {
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

/// The content of a success: that of the lowest status that has one, JSON before others.
pub fn answer(operation: &Operation) -> Answer<'_> {
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
