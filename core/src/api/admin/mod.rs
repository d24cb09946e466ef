//! What administrators, operators and auditors do, in the order of the contract; each operation
//! is answered by the file of its subject.

mod audit;
mod config;
mod egress;
mod events;
mod explanation;
mod keys;
mod plugins;
mod policy;
mod users;

use vivified_contract::api::{
    AdminApi, DeletePluginConfigParams, ExportAuditFhirParams, ExportAuditParams,
    ListAuditCheckpointsParams, ListDeadLettersParams, ListPluginConfigHistoryParams,
    PutPolicyParams, RollBackPluginConfigParams, SearchAuditParams, SetPluginConfigParams,
    TailEventsParams, VerifyAuditParams,
};
use vivified_contract::models;
use vivified_contract::runtime::{Call, Problem, Raw};

use crate::{Caller, Core};

impl AdminApi for Core {
    async fn list_enrollments(
        &self,
        _call: &mut Call<'_, Caller>,
    ) -> Result<models::EnrollmentList, Problem> {
        plugins::list_enrollments(self).await
    }

    async fn create_enrollment(
        &self,
        call: &mut Call<'_, Caller>,
        body: models::EnrollmentRequest,
    ) -> Result<models::Enrollment, Problem> {
        plugins::create_enrollment(self, call, body).await
    }

    async fn revoke_enrollment(
        &self,
        call: &mut Call<'_, Caller>,
        enrollment_id: String,
    ) -> Result<(), Problem> {
        plugins::revoke_enrollment(self, call, enrollment_id).await
    }

    async fn list_admin_plugins(
        &self,
        call: &mut Call<'_, Caller>,
    ) -> Result<models::PluginList, Problem> {
        plugins::list_admin_plugins(self, call).await
    }

    async fn get_admin_plugin(
        &self,
        _call: &mut Call<'_, Caller>,
        plugin_id: models::PluginId,
    ) -> Result<models::PluginDetails, Problem> {
        plugins::get_admin_plugin(self, plugin_id).await
    }

    async fn approve_plugin(
        &self,
        call: &mut Call<'_, Caller>,
        plugin_id: models::PluginId,
        body: models::Approval,
    ) -> Result<models::PluginRecord, Problem> {
        plugins::approve_plugin(self, call, plugin_id, body).await
    }

    async fn suspend_plugin(
        &self,
        _call: &mut Call<'_, Caller>,
        plugin_id: models::PluginId,
        body: models::StateChange,
    ) -> Result<models::PluginRecord, Problem> {
        plugins::suspend_plugin(self, plugin_id, body).await
    }

    async fn drain_plugin(
        &self,
        _call: &mut Call<'_, Caller>,
        plugin_id: models::PluginId,
        body: models::StateChange,
    ) -> Result<models::PluginRecord, Problem> {
        plugins::drain_plugin(self, plugin_id, body).await
    }

    async fn resume_plugin(
        &self,
        _call: &mut Call<'_, Caller>,
        plugin_id: models::PluginId,
        body: models::StateChange,
    ) -> Result<models::PluginRecord, Problem> {
        plugins::resume_plugin(self, plugin_id, body).await
    }

    async fn revoke_plugin(
        &self,
        call: &mut Call<'_, Caller>,
        plugin_id: models::PluginId,
        body: models::Revocation,
    ) -> Result<models::PluginRecord, Problem> {
        plugins::revoke_plugin(self, call, plugin_id, body).await
    }

    async fn list_plugin_config(
        &self,
        call: &mut Call<'_, Caller>,
        plugin_id: models::PluginId,
    ) -> Result<models::ConfigList, Problem> {
        config::list_plugin_config(self, call, plugin_id).await
    }

    async fn get_plugin_config(
        &self,
        call: &mut Call<'_, Caller>,
        plugin_id: models::PluginId,
        key: String,
    ) -> Result<models::ConfigEntry, Problem> {
        config::get_plugin_config(self, call, plugin_id, key).await
    }

    async fn set_plugin_config(
        &self,
        call: &mut Call<'_, Caller>,
        plugin_id: models::PluginId,
        key: String,
        params: SetPluginConfigParams,
        body: models::ConfigWrite,
    ) -> Result<models::ConfigEntry, Problem> {
        config::set_plugin_config(self, call, plugin_id, key, params, body).await
    }

    async fn delete_plugin_config(
        &self,
        call: &mut Call<'_, Caller>,
        plugin_id: models::PluginId,
        key: String,
        params: DeletePluginConfigParams,
    ) -> Result<(), Problem> {
        config::delete_plugin_config(self, call, plugin_id, key, params).await
    }

    async fn list_plugin_config_history(
        &self,
        call: &mut Call<'_, Caller>,
        plugin_id: models::PluginId,
        key: String,
        params: ListPluginConfigHistoryParams,
    ) -> Result<models::ConfigHistory, Problem> {
        config::list_plugin_config_history(self, call, plugin_id, key, params).await
    }

    async fn roll_back_plugin_config(
        &self,
        call: &mut Call<'_, Caller>,
        plugin_id: models::PluginId,
        key: String,
        params: RollBackPluginConfigParams,
        body: models::ConfigRollback,
    ) -> Result<models::ConfigEntry, Problem> {
        config::roll_back_plugin_config(self, call, plugin_id, key, params, body).await
    }

    async fn list_plugin_secrets(
        &self,
        call: &mut Call<'_, Caller>,
        plugin_id: models::PluginId,
    ) -> Result<models::SecretList, Problem> {
        config::list_plugin_secrets(self, call, plugin_id).await
    }

    async fn put_plugin_secret(
        &self,
        call: &mut Call<'_, Caller>,
        plugin_id: models::PluginId,
        name: String,
        body: models::SecretWrite,
    ) -> Result<models::SecretInfo, Problem> {
        config::put_plugin_secret(self, call, plugin_id, name, body).await
    }

    async fn delete_plugin_secret(
        &self,
        call: &mut Call<'_, Caller>,
        plugin_id: models::PluginId,
        name: String,
    ) -> Result<(), Problem> {
        config::delete_plugin_secret(self, call, plugin_id, name).await
    }

    async fn get_plugin_key(
        &self,
        call: &mut Call<'_, Caller>,
        plugin_id: models::PluginId,
    ) -> Result<models::PluginKey, Problem> {
        config::get_plugin_key(self, call, plugin_id).await
    }

    async fn rotate_plugin_key(
        &self,
        call: &mut Call<'_, Caller>,
        plugin_id: models::PluginId,
    ) -> Result<models::PluginKey, Problem> {
        config::rotate_plugin_key(self, call, plugin_id).await
    }

    async fn get_plugin_egress(
        &self,
        call: &mut Call<'_, Caller>,
        plugin_id: models::PluginId,
    ) -> Result<models::EgressPolicy, Problem> {
        egress::get_plugin_egress(self, call, plugin_id).await
    }

    async fn set_plugin_egress_mode(
        &self,
        call: &mut Call<'_, Caller>,
        plugin_id: models::PluginId,
        body: models::EgressModeWrite,
    ) -> Result<models::EgressPolicy, Problem> {
        egress::set_plugin_egress_mode(self, call, plugin_id, body).await
    }

    async fn check_egress(
        &self,
        call: &mut Call<'_, Caller>,
        body: models::EgressCheckRequest,
    ) -> Result<models::EgressCheck, Problem> {
        egress::check_egress(self, call, body).await
    }

    async fn list_dead_letters(
        &self,
        call: &mut Call<'_, Caller>,
        params: ListDeadLettersParams,
    ) -> Result<models::DeadLetterPage, Problem> {
        events::list_dead_letters(self, call, params).await
    }

    async fn get_dead_letter(
        &self,
        call: &mut Call<'_, Caller>,
        dead_letter: i64,
    ) -> Result<models::DeadLetterRecord, Problem> {
        events::get_dead_letter(self, call, dead_letter).await
    }

    async fn drop_dead_letter(
        &self,
        call: &mut Call<'_, Caller>,
        dead_letter: i64,
    ) -> Result<(), Problem> {
        events::drop_dead_letter(self, call, dead_letter).await
    }

    async fn redrive_dead_letter(
        &self,
        call: &mut Call<'_, Caller>,
        dead_letter: i64,
    ) -> Result<models::RedriveResult, Problem> {
        events::redrive_dead_letter(self, call, dead_letter).await
    }

    async fn redrive_dead_letters(
        &self,
        call: &mut Call<'_, Caller>,
        body: models::RedriveRequest,
    ) -> Result<models::RedriveResult, Problem> {
        events::redrive_dead_letters(self, call, body).await
    }

    async fn replay_events(
        &self,
        call: &mut Call<'_, Caller>,
        body: models::ReplayRequest,
    ) -> Result<models::ReplayResult, Problem> {
        events::replay_events(self, call, body).await
    }

    async fn tail_events(
        &self,
        call: &mut Call<'_, Caller>,
        params: TailEventsParams,
    ) -> Result<models::EventTail, Problem> {
        events::tail_events(self, call, params).await
    }

    async fn get_policy(
        &self,
        call: &mut Call<'_, Caller>,
    ) -> Result<models::PolicyRecord, Problem> {
        policy::get_policy(self, call).await
    }

    async fn put_policy(
        &self,
        call: &mut Call<'_, Caller>,
        params: PutPolicyParams,
        body: models::PolicyWrite,
    ) -> Result<models::PolicyRecord, Problem> {
        policy::put_policy(self, call, params, body).await
    }

    async fn list_policy_versions(
        &self,
        _call: &mut Call<'_, Caller>,
    ) -> Result<models::PolicyVersions, Problem> {
        policy::list_policy_versions(self).await
    }

    async fn get_policy_version(
        &self,
        _call: &mut Call<'_, Caller>,
        version: i64,
    ) -> Result<models::PolicyRecord, Problem> {
        policy::get_policy_version(self, version).await
    }

    async fn simulate_policy(
        &self,
        call: &mut Call<'_, Caller>,
        body: models::PolicySimulation,
    ) -> Result<models::SimulationResult, Problem> {
        policy::simulate_policy(self, call, body).await
    }

    async fn explain_decision(
        &self,
        _call: &mut Call<'_, Caller>,
        decision_id: String,
    ) -> Result<models::DecisionExplanation, Problem> {
        policy::explain_decision(self, &decision_id).await
    }

    async fn list_users(&self, call: &mut Call<'_, Caller>) -> Result<models::UserList, Problem> {
        users::list_users(self, call).await
    }

    async fn create_user(
        &self,
        call: &mut Call<'_, Caller>,
        body: models::UserRequest,
    ) -> Result<models::Invitation, Problem> {
        users::create_user(self, call, body).await
    }

    async fn get_user(
        &self,
        call: &mut Call<'_, Caller>,
        user_id: String,
    ) -> Result<models::UserRecord, Problem> {
        users::get_user(self, call, user_id).await
    }

    async fn set_user_roles(
        &self,
        call: &mut Call<'_, Caller>,
        user_id: String,
        body: models::RoleList,
    ) -> Result<models::UserRecord, Problem> {
        users::set_user_roles(self, call, user_id, body).await
    }

    async fn disable_user(
        &self,
        call: &mut Call<'_, Caller>,
        user_id: String,
    ) -> Result<models::UserRecord, Problem> {
        users::disable_user(self, call, user_id).await
    }

    async fn enable_user(
        &self,
        call: &mut Call<'_, Caller>,
        user_id: String,
    ) -> Result<models::UserRecord, Problem> {
        users::enable_user(self, call, user_id).await
    }

    async fn reset_user_password(
        &self,
        call: &mut Call<'_, Caller>,
        user_id: String,
    ) -> Result<models::Invitation, Problem> {
        users::reset_user_password(self, call, user_id).await
    }

    async fn reset_user_mfa(
        &self,
        call: &mut Call<'_, Caller>,
        user_id: String,
    ) -> Result<models::Invitation, Problem> {
        users::reset_user_mfa(self, call, user_id).await
    }

    async fn revoke_user_sessions(
        &self,
        call: &mut Call<'_, Caller>,
        user_id: String,
    ) -> Result<models::EndedSessions, Problem> {
        users::revoke_user_sessions(self, call, user_id).await
    }

    async fn list_keys(
        &self,
        call: &mut Call<'_, Caller>,
    ) -> Result<models::SigningKeyList, Problem> {
        keys::list_keys(self, call).await
    }

    async fn rotate_keys(
        &self,
        call: &mut Call<'_, Caller>,
        body: models::KeyRotation,
    ) -> Result<models::SigningKeyList, Problem> {
        keys::rotate_keys(self, call, body).await
    }

    async fn retire_key(
        &self,
        call: &mut Call<'_, Caller>,
        kid: String,
        body: models::KeyRetirement,
    ) -> Result<models::SigningKeyList, Problem> {
        keys::retire_key(self, call, kid, body).await
    }

    async fn search_audit(
        &self,
        call: &mut Call<'_, Caller>,
        params: SearchAuditParams,
    ) -> Result<models::AuditPage, Problem> {
        audit::search_audit(self, call, params).await
    }

    async fn verify_audit(
        &self,
        call: &mut Call<'_, Caller>,
        params: VerifyAuditParams,
    ) -> Result<models::AuditVerification, Problem> {
        audit::verify_audit(self, call, params).await
    }

    async fn list_audit_checkpoints(
        &self,
        _call: &mut Call<'_, Caller>,
        params: ListAuditCheckpointsParams,
    ) -> Result<models::AuditCheckpoints, Problem> {
        audit::list_audit_checkpoints(self, params).await
    }

    async fn create_audit_checkpoint(
        &self,
        call: &mut Call<'_, Caller>,
    ) -> Result<models::AuditCheckpoint, Problem> {
        audit::create_audit_checkpoint(self, call).await
    }

    async fn get_audit_checkpoint(
        &self,
        _call: &mut Call<'_, Caller>,
    ) -> Result<models::AuditCheckpoint, Problem> {
        audit::get_audit_checkpoint(self).await
    }

    async fn export_audit(
        &self,
        call: &mut Call<'_, Caller>,
        params: ExportAuditParams,
    ) -> Result<Raw, Problem> {
        audit::export_audit(self, call, params).await
    }

    async fn export_audit_fhir(
        &self,
        call: &mut Call<'_, Caller>,
        params: ExportAuditFhirParams,
    ) -> Result<Raw, Problem> {
        audit::export_audit_fhir(self, call, params).await
    }

    async fn list_audit_holds(
        &self,
        _call: &mut Call<'_, Caller>,
    ) -> Result<models::AuditHolds, Problem> {
        audit::list_audit_holds(self).await
    }

    async fn place_audit_hold(
        &self,
        call: &mut Call<'_, Caller>,
        body: models::AuditHoldRequest,
    ) -> Result<models::AuditHold, Problem> {
        audit::place_audit_hold(self, call, body).await
    }

    async fn release_audit_hold(
        &self,
        call: &mut Call<'_, Caller>,
        hold_id: String,
        body: models::AuditHoldRelease,
    ) -> Result<models::AuditHold, Problem> {
        audit::release_audit_hold(self, call, hold_id, body).await
    }

    async fn get_audit_retention(
        &self,
        _call: &mut Call<'_, Caller>,
    ) -> Result<models::AuditRetention, Problem> {
        audit::get_audit_retention(self).await
    }

    async fn prune_audit(
        &self,
        call: &mut Call<'_, Caller>,
        body: models::AuditPruneRequest,
    ) -> Result<models::AuditBase, Problem> {
        audit::prune_audit(self, call, body).await
    }
}
