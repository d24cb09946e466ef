//! What the contract says of the client as a whole: agent, address, and the operation that renews
//! its token.

use super::layout;
use super::package;
use super::plan::{OperationPlan, Plan, TagPlan};
use crate::emit::{Job, example};
use crate::encode::typescript as encode;

/// The operation that answers a new token for the present one.
pub struct Renewal<'a> {
    pub tag: &'a TagPlan<'a>,
    pub operation: &'a OperationPlan<'a>,
    token: String,
    expires_in: String,
}

/// The operation that declares `x-renews-token`.
pub fn renewal<'a>(job: &Job<'_>, plan: &'a Plan<'a>) -> Option<Renewal<'a>> {
    let found = job.contract.operations.iter().find_map(|operation| {
        let fields = operation.extensions.get("x-renews-token")?;
        let field = |name: &str| Some(fields.get(name)?.as_str()?.to_owned());
        Some((operation.id.as_str(), field("token")?, field("expires_in")?))
    });
    let (id, token, expires_in) = found?;
    let (tag, operation) = plan.find(id)?;
    Some(Renewal { tag, operation, token, expires_in })
}

/// Entries of the settings, as lines.
pub fn entries(job: &Job<'_>, has_masks: bool, renewal: Option<&Renewal<'_>>) -> Vec<String> {
    let agent = format!("{}/{}", package::name(job), package::version(job));
    let masks = if has_masks { "masks: MASKS" } else { "masks: {}" };
    let mut lines = vec![
        format!("userAgent: {},", encode::string(&agent)),
        "makeError,".to_owned(),
        format!("{masks},"),
    ];
    if let Some(prefix) = &job.target.environment_prefix {
        lines.push(format!("environmentPrefix: {},", encode::string(prefix)));
    }
    if let Some(url) = default_base_url(job) {
        lines.push(format!("defaultBaseUrl: {},", encode::string(url)));
    }
    if let Some(renewal) = renewal {
        let body = renewal.operation.body.as_ref().map_or_else(
            || "undefined".to_owned(),
            |body| {
                let value = example::of_content(job.contract, body.content);
                encode::value_lines(&value, 4, 11, layout::WIDTH)
            },
        );
        lines.push("renewal: {".to_owned());
        lines.push(format!("  operation: {},", renewal.operation.constant));
        lines.push(format!("  body: {body},"));
        lines.push(format!("  tokenField: {},", encode::string(&renewal.token)));
        lines.push(format!("  expiresInField: {},", encode::string(&renewal.expires_in)));
        lines.push("},".to_owned());
    }
    lines
}

/// The first server with a full address; a client refuses others anyway.
fn default_base_url<'a>(job: &Job<'a>) -> Option<&'a str> {
    let server = job.contract.servers.first()?;
    server.url.starts_with("https://").then_some(server.url.as_str())
}
