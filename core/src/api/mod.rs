//! `impl Api`: every operation of the contract, in its order, handed to the module of its tag.
//!
//! No rule lives here. The trait is generated, so an operation that enters the contract stops the
//! build until it stands here.

mod admin;
mod calls;
mod canonical;
mod config;
pub mod decisions;
mod guard;
mod identity;
pub mod limits;
mod operator;
mod plugins;
mod proxy;
mod storage;
mod system;

use serde_json::Value;
use vivified_contract::api::{
    CallPluginParams, DeleteValueParams, ListValuesParams, SearchAuditParams, SetConfigParams,
};
use vivified_contract::runtime::{Call, Problem};
use vivified_contract::{Api, models};

use crate::{Caller, Core};

impl Api for Core {
    async fn get_health(&self, call: &mut Call<'_, Caller>) -> Result<models::Health, Problem> {
        system::get_health(self, call).await
    }

    async fn get_ready(&self, call: &mut Call<'_, Caller>) -> Result<models::Readiness, Problem> {
        system::get_ready(self, call).await
    }

    async fn get_jwks(
        &self,
        call: &mut Call<'_, Caller>,
    ) -> Result<models::JsonWebKeySet, Problem> {
        system::get_jwks(self, call).await
    }

    async fn get_openapi(&self, call: &mut Call<'_, Caller>) -> Result<Value, Problem> {
        system::get_openapi(self, call).await
    }

    async fn setup(
        &self,
        call: &mut Call<'_, Caller>,
        body: models::SetupRequest,
    ) -> Result<models::SetupResult, Problem> {
        identity::setup(self, call, body).await
    }

    async fn login(
        &self,
        call: &mut Call<'_, Caller>,
        body: models::LoginRequest,
    ) -> Result<models::Session, Problem> {
        identity::login(self, call, body).await
    }

    async fn get_me(&self, call: &mut Call<'_, Caller>) -> Result<models::Me, Problem> {
        identity::get_me(self, call).await
    }

    async fn logout(&self, call: &mut Call<'_, Caller>) -> Result<(), Problem> {
        identity::logout(self, call).await
    }

    async fn register_plugin(
        &self,
        call: &mut Call<'_, Caller>,
        body: models::ManifestDocument,
    ) -> Result<models::Registration, Problem> {
        plugins::register_plugin(self, call, body).await
    }

    async fn send_heartbeat(
        &self,
        call: &mut Call<'_, Caller>,
        body: models::Heartbeat,
    ) -> Result<models::Lease, Problem> {
        plugins::send_heartbeat(self, call, body).await
    }

    async fn deregister_plugin(&self, call: &mut Call<'_, Caller>) -> Result<(), Problem> {
        plugins::deregister_plugin(self, call).await
    }

    async fn list_plugins(
        &self,
        call: &mut Call<'_, Caller>,
    ) -> Result<models::PluginDirectory, Problem> {
        plugins::list_plugins(self, call).await
    }

    async fn get_plugin(
        &self,
        call: &mut Call<'_, Caller>,
        plugin_id: models::PluginId,
    ) -> Result<models::PluginEntry, Problem> {
        plugins::get_plugin(self, call, plugin_id).await
    }

    async fn publish_event(
        &self,
        call: &mut Call<'_, Caller>,
        body: models::PublishRequest,
    ) -> Result<models::PublishReceipt, Problem> {
        canonical::publish_event(self, call, body).await
    }

    async fn list_event_types(
        &self,
        call: &mut Call<'_, Caller>,
    ) -> Result<models::EventTypes, Problem> {
        canonical::list_event_types(self, call).await
    }

    async fn list_subscriptions(
        &self,
        call: &mut Call<'_, Caller>,
    ) -> Result<models::SubscriptionList, Problem> {
        canonical::list_subscriptions(self, call).await
    }

    async fn put_subscription(
        &self,
        call: &mut Call<'_, Caller>,
        name: String,
        body: models::SubscriptionRequest,
    ) -> Result<models::Subscription, Problem> {
        canonical::put_subscription(self, call, name, body).await
    }

    async fn delete_subscription(
        &self,
        call: &mut Call<'_, Caller>,
        name: String,
    ) -> Result<(), Problem> {
        canonical::delete_subscription(self, call, name).await
    }

    async fn pull_events(
        &self,
        call: &mut Call<'_, Caller>,
        name: String,
        body: models::PullRequest,
    ) -> Result<models::PullResult, Problem> {
        canonical::pull_events(self, call, name, body).await
    }

    async fn settle_events(
        &self,
        call: &mut Call<'_, Caller>,
        name: String,
        body: models::SettleRequest,
    ) -> Result<models::SettleResult, Problem> {
        canonical::settle_events(self, call, name, body).await
    }

    async fn call_plugin(
        &self,
        call: &mut Call<'_, Caller>,
        plugin_id: models::PluginId,
        operation: String,
        params: CallPluginParams,
        body: Option<models::CallInput>,
    ) -> Result<models::CallOutput, Problem> {
        operator::call_plugin(self, call, plugin_id, operation, params, body).await
    }

    async fn call_external(
        &self,
        call: &mut Call<'_, Caller>,
        body: models::ProxyRequest,
    ) -> Result<models::ProxyResponse, Problem> {
        proxy::call_external(self, call, body).await
    }

    async fn list_config(
        &self,
        call: &mut Call<'_, Caller>,
    ) -> Result<models::ConfigList, Problem> {
        config::list_config(self, call).await
    }

    async fn get_config(
        &self,
        call: &mut Call<'_, Caller>,
        key: String,
    ) -> Result<models::ConfigEntry, Problem> {
        config::get_config(self, call, key).await
    }

    async fn set_config(
        &self,
        call: &mut Call<'_, Caller>,
        key: String,
        params: SetConfigParams,
        body: models::ConfigWrite,
    ) -> Result<models::ConfigEntry, Problem> {
        config::set_config(self, call, key, params, body).await
    }

    async fn list_values(
        &self,
        call: &mut Call<'_, Caller>,
        params: ListValuesParams,
    ) -> Result<models::StorageList, Problem> {
        storage::list_values(self, call, params).await
    }

    async fn get_value(
        &self,
        call: &mut Call<'_, Caller>,
        key: String,
    ) -> Result<models::StoredValue, Problem> {
        storage::get_value(self, call, key).await
    }

    async fn put_value(
        &self,
        call: &mut Call<'_, Caller>,
        key: String,
        body: models::StorageWrite,
    ) -> Result<models::StoredValue, Problem> {
        storage::put_value(self, call, key, body).await
    }

    async fn delete_value(
        &self,
        call: &mut Call<'_, Caller>,
        key: String,
        params: DeleteValueParams,
    ) -> Result<(), Problem> {
        storage::delete_value(self, call, key, params).await
    }

    async fn create_enrollment(
        &self,
        call: &mut Call<'_, Caller>,
        body: models::EnrollmentRequest,
    ) -> Result<models::Enrollment, Problem> {
        admin::create_enrollment(self, call, body).await
    }

    async fn list_admin_plugins(
        &self,
        call: &mut Call<'_, Caller>,
    ) -> Result<models::PluginList, Problem> {
        admin::list_admin_plugins(self, call).await
    }

    async fn approve_plugin(
        &self,
        call: &mut Call<'_, Caller>,
        plugin_id: models::PluginId,
        body: models::Approval,
    ) -> Result<models::PluginRecord, Problem> {
        admin::approve_plugin(self, call, plugin_id, body).await
    }

    async fn revoke_plugin(
        &self,
        call: &mut Call<'_, Caller>,
        plugin_id: models::PluginId,
        body: models::Revocation,
    ) -> Result<models::PluginRecord, Problem> {
        admin::revoke_plugin(self, call, plugin_id, body).await
    }

    async fn search_audit(
        &self,
        call: &mut Call<'_, Caller>,
        params: SearchAuditParams,
    ) -> Result<models::AuditPage, Problem> {
        admin::search_audit(self, call, params).await
    }
}
