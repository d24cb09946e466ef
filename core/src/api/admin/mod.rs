//! What administrators, operators and auditors do, in the order of the contract; each operation
//! is answered by the file of its subject.

mod audit;
mod plugins;

use vivified_contract::api::{AdminApi, SearchAuditParams};
use vivified_contract::models;
use vivified_contract::runtime::{Call, Problem};

use crate::{Caller, Core};

impl AdminApi for Core {
    async fn create_enrollment(
        &self,
        call: &mut Call<'_, Caller>,
        body: models::EnrollmentRequest,
    ) -> Result<models::Enrollment, Problem> {
        plugins::create_enrollment(self, call, body).await
    }

    async fn list_admin_plugins(
        &self,
        call: &mut Call<'_, Caller>,
    ) -> Result<models::PluginList, Problem> {
        plugins::list_admin_plugins(self, call).await
    }

    async fn approve_plugin(
        &self,
        call: &mut Call<'_, Caller>,
        plugin_id: models::PluginId,
        body: models::Approval,
    ) -> Result<models::PluginRecord, Problem> {
        plugins::approve_plugin(self, call, plugin_id, body).await
    }

    async fn revoke_plugin(
        &self,
        call: &mut Call<'_, Caller>,
        plugin_id: models::PluginId,
        body: models::Revocation,
    ) -> Result<models::PluginRecord, Problem> {
        plugins::revoke_plugin(self, call, plugin_id, body).await
    }

    async fn search_audit(
        &self,
        call: &mut Call<'_, Caller>,
        params: SearchAuditParams,
    ) -> Result<models::AuditPage, Problem> {
        audit::search_audit(self, call, params).await
    }
}
