//! What auditors do with the audit log.

use time::OffsetDateTime;
use vivified_contract::api::SearchAuditParams;
use vivified_contract::runtime::{Call, Problem};
use vivified_contract::{models, problems};

use crate::api::guard::store_failed;
use crate::audit::Filter;
use crate::{Caller, Core};

pub async fn search_audit(
    core: &Core,
    call: &mut Call<'_, Caller>,
    params: SearchAuditParams,
) -> Result<models::AuditPage, Problem> {
    let after = params.cursor.as_deref().map(str::parse::<i64>).transpose().map_err(|_| {
        problems::invalid_request().with_violation("/query/cursor", "format", "is no cursor")
    })?;
    let filter = Filter {
        action: params.action,
        plugin_id: params.plugin_id,
        since: params.since.map(OffsetDateTime::from),
        after,
        limit: usize::try_from(params.limit).unwrap_or(1),
        ..Filter::default()
    };
    let page = core.audit.search(filter).await.map_err(store_failed)?;
    call.note("records", page.records.len());
    let records = page.records.into_iter().map(serde_json::from_value).collect::<Result<_, _>>();
    Ok(models::AuditPage {
        records: records.map_err(|_| problems::internal_error())?,
        cursor: page.next.map(|seq| seq.to_string()),
        ..Default::default()
    })
}
