//! What auditors do with the audit log.

use time::OffsetDateTime;
use vivified_contract::api::{
    ExportAuditFhirParams, ExportAuditParams, ListAuditCheckpointsParams, SearchAuditParams,
    VerifyAuditParams,
};
use vivified_contract::runtime::{Call, Problem, Raw};
use vivified_contract::{models, problems};

use crate::api::guard::store_failed;
use crate::audit::{Checkpoint, Filter, Hold, PruneError, RETENTION_FLOOR_YEARS, Signed, download};
use crate::json::hex;
use crate::{Caller, Core};

pub async fn search_audit(
    core: &Core,
    call: &mut Call<'_, Caller>,
    params: SearchAuditParams,
) -> Result<models::AuditPage, Problem> {
    let filter = Filter {
        action: params.action,
        actor: params.actor,
        plugin_id: params.plugin_id,
        outcome: params.outcome,
        trace_id: params.trace_id,
        since: params.since.map(OffsetDateTime::from),
        until: params.until.map(OffsetDateTime::from),
        after: cursor(params.cursor)?,
        limit: usize::try_from(params.limit).unwrap_or(1),
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

pub async fn verify_audit(
    core: &Core,
    call: &mut Call<'_, Caller>,
    params: VerifyAuditParams,
) -> Result<models::AuditVerification, Problem> {
    let behind = cursor(params.cursor)?.unwrap_or(0);
    let step = core.audit.verify_step(behind, params.records).await.map_err(store_failed)?;
    let step = step.ok_or_else(problems::unknown_checkpoint)?;
    let report = step.report;
    call.note("ok", report.fault.is_none());
    call.note("last", report.last);
    Ok(models::AuditVerification {
        ok: report.fault.is_none(),
        after: report.after,
        last: report.last,
        records: report.records,
        checkpoints: report.checkpoints,
        unsealed: report.unsealed,
        clock_jumps: report.clock_jumps,
        head: report.head,
        fault: report.fault.map(|fault| models::AuditFault {
            seq: fault.seq,
            what: fault.what.to_owned(),
            ..Default::default()
        }),
        cursor: step.next.map(|number| number.to_string()),
        ..Default::default()
    })
}

pub async fn list_audit_checkpoints(
    core: &Core,
    params: ListAuditCheckpointsParams,
) -> Result<models::AuditCheckpoints, Problem> {
    let before = cursor(params.cursor)?;
    let limit = i64::from(params.limit);
    let (found, next) = core.audit.checkpoints(before, limit).await.map_err(store_failed)?;
    let key = core.audit.public_key();
    Ok(models::AuditCheckpoints {
        checkpoints: found
            .into_iter()
            .map(|signed| checkpoint(core, signed))
            .collect::<Result<_, _>>()?,
        key_id: key.id(),
        public_key: key.to_string(),
        cursor: next.map(|number| number.to_string()),
        ..Default::default()
    })
}

pub async fn create_audit_checkpoint(
    core: &Core,
    call: &mut Call<'_, Caller>,
) -> Result<models::AuditCheckpoint, Problem> {
    let size = core.audit.seal().await.map_err(store_failed)?;
    call.note("size", size);
    get_audit_checkpoint(core).await
}

pub async fn get_audit_checkpoint(core: &Core) -> Result<models::AuditCheckpoint, Problem> {
    let (newest, _) = core.audit.checkpoints(None, 1).await.map_err(store_failed)?;
    let newest = newest.into_iter().next().ok_or_else(problems::unknown_checkpoint)?;
    checkpoint(core, newest)
}

pub async fn export_audit(
    core: &Core,
    call: &mut Call<'_, Caller>,
    params: ExportAuditParams,
) -> Result<Raw, Problem> {
    call.note("after", params.after);
    let export = core.audit.export(params.after, params.to).await.map_err(store_failed)?;
    let export = export.ok_or_else(problems::internal_error)?;
    Ok(Raw::new("application/x-ndjson", download::body(export)))
}

pub async fn export_audit_fhir(
    core: &Core,
    call: &mut Call<'_, Caller>,
    params: ExportAuditFhirParams,
) -> Result<Raw, Problem> {
    call.note("format", "fhir");
    let filter = Filter {
        since: params.since.map(OffsetDateTime::from),
        until: params.until.map(OffsetDateTime::from),
        ..Filter::default()
    };
    let events = core.audit.events(filter);
    Ok(Raw::new("application/fhir+ndjson", download::body(events)))
}

pub async fn list_audit_holds(core: &Core) -> Result<models::AuditHolds, Problem> {
    let holds = core.audit.holds().await.map_err(store_failed)?;
    Ok(models::AuditHolds { holds: holds.into_iter().map(hold).collect(), ..Default::default() })
}

pub async fn place_audit_hold(
    core: &Core,
    call: &mut Call<'_, Caller>,
    body: models::AuditHoldRequest,
) -> Result<models::AuditHold, Problem> {
    let by = call.caller.actor(&core.audit).id;
    let since = body.since.map(OffsetDateTime::from);
    let placed = core.audit.place_hold(body.reason, since, by).await.map_err(store_failed)?;
    call.note("hold_id", placed.hold_id.clone());
    Ok(hold(placed))
}

pub async fn release_audit_hold(
    core: &Core,
    call: &mut Call<'_, Caller>,
    hold_id: String,
    body: models::AuditHoldRelease,
) -> Result<models::AuditHold, Problem> {
    let released = core.audit.release_hold(hold_id, body.reason).await.map_err(store_failed)?;
    let released = released.ok_or_else(problems::unknown_hold)?;
    call.note("hold_id", released.hold_id.clone());
    Ok(hold(released))
}

pub async fn get_audit_retention(core: &Core) -> Result<models::AuditRetention, Problem> {
    let retention = core.audit.retention().await.map_err(store_failed)?;
    Ok(models::AuditRetention {
        years: i32::from(retention.years),
        floor_years: i32::from(RETENTION_FLOOR_YEARS),
        cutoff: retention.cutoff,
        pruned: retention.pruned,
        prunable: retention.prunable.map(|checkpoint| checkpoint.number),
        holds: retention.holds,
        ..Default::default()
    })
}

pub async fn prune_audit(
    core: &Core,
    call: &mut Call<'_, Caller>,
    body: models::AuditPruneRequest,
) -> Result<models::AuditBase, Problem> {
    call.note("checkpoint", body.checkpoint);
    let base =
        core.audit.prune(body.checkpoint, body.reason).await.map_err(|error| match error {
            PruneError::Unknown => problems::unknown_checkpoint(),
            PruneError::Store(error) => store_failed(error),
            refused => problems::state_conflict().with_detail(refused.to_string()),
        })?;
    call.note("size", base.size);
    Ok(models::AuditBase {
        checkpoint: base.number,
        size: base.size,
        root: hex(&base.root),
        time: base.time,
        ..Default::default()
    })
}

fn cursor(cursor: Option<String>) -> Result<Option<i64>, Problem> {
    let parsed = cursor.as_deref().map(str::parse::<i64>).transpose().ok();
    parsed.filter(|place| place.is_none_or(|place| place >= 0)).ok_or_else(|| {
        problems::invalid_request().with_violation("/query/cursor", "format", "is no cursor")
    })
}

fn checkpoint(core: &Core, signed: Signed) -> Result<models::AuditCheckpoint, Problem> {
    let checkpoint = Checkpoint::parse(&signed.text).ok_or_else(problems::internal_error)?;
    Ok(models::AuditCheckpoint {
        number: checkpoint.number,
        size: checkpoint.size,
        head: hex(&checkpoint.head),
        root: hex(&checkpoint.root),
        log: hex(&checkpoint.log),
        time: checkpoint.time,
        text: signed.text,
        signature: signed.signature,
        key: core.audit.public_key().id(),
        ..Default::default()
    })
}

fn hold(hold: Hold) -> models::AuditHold {
    models::AuditHold {
        hold_id: hold.hold_id,
        reason: hold.reason,
        since: hold.since,
        placed_at: hold.placed_at,
        placed_by: hold.placed_by,
        released_at: hold.released_at,
        release_reason: hold.release_reason,
        ..Default::default()
    }
}
