//! Registration, lease and discovery of plugins.

use serde_json::Value;
use vivified_contract::api::PluginsApi;
use vivified_contract::runtime::{Call, Problem, Violation, parse_json};
use vivified_contract::{models, problems};

use super::calls::plugin;
use super::guard::{store_failed, token_problem};
use crate::policy::PluginState;
use crate::registry::{Applicant, Entry, Health, Manifest, Offer, RegistryError};
use crate::{Caller, Core};

impl PluginsApi for Core {
    async fn register_plugin(
        &self,
        call: &mut Call<'_, Caller>,
        body: models::ManifestDocument,
    ) -> Result<models::Registration, Problem> {
        let applicant = match call.caller {
            Caller::Enrollment(enrolled) => Applicant::Enrolled(enrolled.clone()),
            Caller::Plugin(plugin) => Applicant::Plugin { plugin_id: plugin.plugin_id.clone() },
            _ => return Err(problems::wrong_principal()),
        };
        if body.id != applicant.plugin_id() {
            return Err(problems::identity_mismatch());
        }
        // The octets as they came, so that the digest is over the manifest and nothing of ours.
        let document = parse_json(call.body_octets()).map_err(|_| problems::invalid_request())?;
        let manifest = Manifest::check(document).map_err(RegistryError::Manifest);
        let plugin = match manifest {
            Ok(manifest) => self.registry.register(applicant, manifest).await,
            Err(refused) => Err(refused),
        };
        let plugin = plugin.map_err(registry_problem)?;
        call.note("status", plugin.state.name());
        call.note("version", plugin.version.clone());
        let token = self
            .identity
            .plugin_token(&plugin.plugin_id, plugin.generation)
            .map_err(store_failed)?;
        Ok(models::Registration {
            plugin_id: plugin.plugin_id.clone(),
            status: status(plugin.state),
            token: token.expose().to_owned(),
            expires_in: token.expires_in,
            granted_traits: plugin.granted_traits().names(),
            granted_domains: plugin.granted_hosts(),
            other: Default::default(),
        })
    }

    async fn send_heartbeat(
        &self,
        call: &mut Call<'_, Caller>,
        body: models::Heartbeat,
    ) -> Result<models::Lease, Problem> {
        let caller = plugin(call)?;
        let health = Health::told(body.status.as_str()).ok_or_else(problems::invalid_request)?;
        let plugin =
            self.registry.heartbeat(&caller.plugin_id, health).await.map_err(registry_problem)?;
        call.note("health", health.name());
        // Deliveries that were paused may go on.
        self.events.wake();
        // Whoever was revoked meanwhile gets no new token out of an old one.
        let generation = caller.generation;
        self.registry.holder(&plugin.plugin_id, generation).map_err(token_problem)?;
        let token =
            self.identity.plugin_token(&plugin.plugin_id, generation).map_err(store_failed)?;
        Ok(models::Lease {
            status: status(plugin.state),
            token: token.expose().to_owned(),
            expires_in: token.expires_in,
            other: Default::default(),
        })
    }

    async fn deregister_plugin(&self, call: &mut Call<'_, Caller>) -> Result<(), Problem> {
        let caller = plugin(call)?;
        self.registry.leave(&caller.plugin_id).await.map_err(registry_problem)?;
        Ok(())
    }

    async fn list_plugins(
        &self,
        call: &mut Call<'_, Caller>,
    ) -> Result<models::PluginDirectory, Problem> {
        let entries = self.registry.directory(&self.policy.rules(), &*plugin(call)?);
        Ok(models::PluginDirectory {
            plugins: entries.into_iter().map(directory_entry).collect(),
            ..Default::default()
        })
    }

    async fn get_plugin(
        &self,
        call: &mut Call<'_, Caller>,
        plugin_id: models::PluginId,
    ) -> Result<models::PluginEntry, Problem> {
        let entry = self.registry.look_up(&self.policy.rules(), &*plugin(call)?, &plugin_id);
        entry.map(directory_entry).ok_or_else(problems::unknown_plugin)
    }
}

pub(super) fn status(state: PluginState) -> models::PluginStatus {
    state.name().into()
}

pub(super) fn registry_problem(error: RegistryError) -> Problem {
    match error {
        RegistryError::Manifest(findings) => {
            let violations = findings.into_iter().map(|finding| Violation {
                pointer: format!("/body{}", finding.path),
                rule: finding.rule.into(),
                message: format!("{}; {}", finding.message, finding.hint).into(),
            });
            problems::invalid_manifest().with_violations(violations.collect())
        }
        RegistryError::OtherPlugin => problems::identity_mismatch(),
        RegistryError::Token(error) => token_problem(error),
        RegistryError::Reserved => problems::invalid_request().with_violation(
            "/body/plugin_id",
            "reserved",
            "is a name of Core itself",
        ),
        RegistryError::UnknownEnrollment => problems::unknown_enrollment(),
        RegistryError::Unknown => problems::unknown_plugin(),
        RegistryError::State(state) => {
            problems::state_conflict().with_detail(format!("the plugin is {}", state.name()))
        }
        RegistryError::NotRequested => problems::invalid_request().with_violation(
            "/body",
            "not-requested",
            "only what the manifest asks for can be approved",
        ),
        RegistryError::Store(error) => store_failed(error),
    }
}

fn directory_entry(entry: Entry) -> models::PluginEntry {
    models::PluginEntry {
        plugin_id: entry.plugin.plugin_id.clone(),
        name: entry.plugin.name.clone(),
        version: entry.plugin.version.clone(),
        healthy: entry.healthy,
        operations: entry.offers.into_iter().map(operation_entry).collect(),
        ..Default::default()
    }
}

fn operation_entry(offer: Offer) -> models::OperationEntry {
    let object = |schema: Option<Value>| match schema {
        Some(Value::Object(fields)) => Some(fields.into_iter().collect()),
        _ => None,
    };
    models::OperationEntry {
        name: offer.name,
        description: offer.description,
        input_schema: object(offer.input_schema),
        output_schema: object(offer.output_schema),
        ..Default::default()
    }
}
