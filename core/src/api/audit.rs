//! What plugins add to the audit log.

use vivified_contract::api::AuditApi;
use vivified_contract::models;
use vivified_contract::runtime::{Call, Problem};

use super::calls::plugin;
use crate::audit::Entry;
use crate::{Caller, Core};

impl AuditApi for Core {
    async fn create_audit_record(
        &self,
        call: &mut Call<'_, Caller>,
        body: models::PluginAuditRecord,
    ) -> Result<models::AuditReceipt, Problem> {
        let plugin = plugin(call)?;
        // Ids are kept apart by plugin, so that nobody can try ids against records of others.
        let pseudonym = |identifier: models::AuditIdentifier| {
            let id = format!("{}\0{}", plugin.plugin_id, identifier.id);
            self.audit.pseudonym(&identifier.kind, &id)
        };
        let action = format!("app.{}", body.action);
        let subject = body.subject.map(pseudonym);
        let resource = body.resource.map(pseudonym);
        let actor = call.caller.actor(&self.audit);
        let mut entry = Entry::outcome(actor, action.clone(), body.outcome.as_str());
        if body.outcome == models::PluginAuditRecordOutcome::Denied {
            entry.decision = "deny";
        }
        entry.trace_id = Some(call.request.trace.trace_id.clone());
        let details = [
            ("subject", subject.clone()),
            ("resource", resource.clone()),
            ("purpose", body.purpose.map(|purpose| purpose.as_str().to_owned())),
            ("count", body.count.map(|count| count.to_string())),
        ];
        for (key, value) in details {
            if let Some(value) = value {
                entry = entry.detail(key, value);
            }
        }
        let seq = self.audit.append(entry).await.map_err(super::guard::audit_failed)?;
        call.note("seq", seq);
        Ok(models::AuditReceipt { seq, action, subject, resource, ..Default::default() })
    }
}
