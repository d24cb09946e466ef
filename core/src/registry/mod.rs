//! Plugins: how they enrol, what they were granted, in which state they are, who is alive.
//!
//! The store is the truth; the same records stand in memory, because every request of a plugin
//! asks for one. A change goes to the store first and to memory once it is durable, newest
//! revision wins. What a plugin asks for grants nothing: granted is requested and approved.

mod directory;
mod enrollment;
mod history;
mod lease;
mod manifest;
mod plugin;
mod register;
mod states;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use rusqlite::Transaction;
use serde_json::Value;
use vivified_contract::runtime::Finding;

pub use directory::{Entry, between, callable};
pub use enrollment::{Enrolled, Enrollment, Listed, PREFIX as ENROLLMENT_PREFIX};
pub use history::Change;
pub use manifest::Manifest;
pub use plugin::{Health, LEASE, Offer, Plugin};
pub use register::Applicant;

use crate::clock::Clock;
use crate::identity::TokenError;
use crate::policy::{PluginState, Traits};
use crate::random;
use crate::store::{Migration, Store, StoreError};

pub const MIGRATIONS: &[Migration] = &[
    Migration { module: "registry", version: 1, sql: plugin::SQL },
    Migration { module: "registry", version: 2, sql: enrollment::SQL },
    Migration { module: "registry", version: 3, sql: plugin::HISTORY_SQL },
    Migration { module: "registry", version: 4, sql: enrollment::NAMED_SQL },
];

#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    #[error("the manifest is refused")]
    Manifest(Vec<Finding>),
    #[error("the token is for another plugin")]
    OtherPlugin,
    #[error("the token is not valid")]
    Token(TokenError),
    #[error("the name is Core's own")]
    Reserved,
    #[error("unknown plugin")]
    Unknown,
    #[error("unknown enrolment")]
    UnknownEnrollment,
    #[error("not possible while the plugin is {}", .0.name())]
    State(PluginState),
    #[error("only what the manifest asks for can be approved")]
    NotRequested,
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Clone)]
pub struct Registry {
    store: Store,
    clock: Clock,
    plugins: Arc<RwLock<BTreeMap<String, Arc<Plugin>>>>,
}

/// Names Core goes by itself: as audience of tokens, as actor in the log.
const RESERVED: [&str; 2] = ["core", "vivified"];

/// Which part of a request an administrator approves; all of it when absent.
#[derive(Debug, Clone, Default)]
pub struct Approval {
    pub traits: Option<Vec<String>>,
    pub hosts: Option<Vec<String>>,
    pub reason: String,
}

impl Registry {
    pub async fn open(store: Store, clock: Clock) -> Result<Self, StoreError> {
        let plugins = store.read(Plugin::all).await?;
        let plugins =
            plugins.into_iter().map(|plugin| (plugin.plugin_id.clone(), Arc::new(plugin)));
        let plugins = Arc::new(RwLock::new(plugins.collect()));
        Ok(Self { store, clock, plugins })
    }

    pub fn get(&self, plugin_id: &str) -> Option<Arc<Plugin>> {
        let plugins = self.plugins.read().unwrap_or_else(PoisonError::into_inner);
        plugins.get(plugin_id).cloned()
    }

    /// Every plugin there ever was, by id.
    pub fn all(&self) -> Vec<Arc<Plugin>> {
        let plugins = self.plugins.read().unwrap_or_else(PoisonError::into_inner);
        plugins.values().cloned().collect()
    }

    /// The plugin a token speaks for, while tokens of that generation count.
    pub fn holder(&self, plugin_id: &str, generation: i64) -> Result<Arc<Plugin>, TokenError> {
        let plugin = self.get(plugin_id).ok_or(TokenError::Invalid)?;
        let gone = matches!(plugin.state, PluginState::Revoked | PluginState::Left);
        if gone || plugin.generation != generation {
            return Err(TokenError::Invalid);
        }
        Ok(plugin)
    }

    /// Makes a token with which `plugin_id` registers.
    pub async fn enroll(
        &self,
        plugin_id: &str,
        approve: bool,
        life: i64,
    ) -> Result<Enrollment, RegistryError> {
        if RESERVED.contains(&plugin_id) {
            return Err(RegistryError::Reserved);
        }
        let token = enrollment::fresh_token()?;
        let (now, plugin_id) = (self.clock.unix(), plugin_id.to_owned());
        let ends_at = now + life;
        let id = random::id("enr")?;
        let kept = Listed {
            id: id.clone(),
            plugin_id: plugin_id.clone(),
            approve,
            made_at: now,
            ends_at,
            spent_at: None,
        };
        let secret = token.clone();
        self.store.write(move |tx| enrollment::keep(tx, &secret, &kept)).await?;
        Ok(Enrollment { id, plugin_id, token: token.as_str().into(), ends_at })
    }

    /// Enrolments that have not ended, oldest first.
    pub async fn enrollments(&self) -> Result<Vec<Listed>, StoreError> {
        let now = self.clock.unix();
        self.store.read(move |conn| enrollment::all(conn, now)).await
    }

    /// Ends an enrolment before its time; answers for whom it was.
    pub async fn revoke_enrollment(&self, id: &str) -> Result<String, RegistryError> {
        let id = id.to_owned();
        let plugin_id = self.store.write(move |tx| enrollment::remove(tx, &id)).await?;
        plugin_id.ok_or(RegistryError::UnknownEnrollment)
    }

    /// Who shows this enrolment token.
    pub async fn enrolled(&self, token: &str) -> Result<Result<Enrolled, TokenError>, StoreError> {
        let (now, token) = (self.clock.unix(), zeroize::Zeroizing::new(token.to_owned()));
        self.store.read(move |conn| enrollment::holder(conn, &token, now)).await
    }

    /// Keeps the lease.
    pub async fn heartbeat(
        &self,
        plugin_id: &str,
        health: Health,
    ) -> Result<Arc<Plugin>, RegistryError> {
        let now = self.clock.unix();
        self.change(plugin_id, move |_, plugin| Ok(Plugin { health, seen_at: Some(now), ..plugin }))
            .await
    }

    /// The plugin goes; its subscriptions and data stay.
    pub async fn leave(&self, plugin_id: &str) -> Result<Arc<Plugin>, RegistryError> {
        let now = self.clock.unix();
        self.change(plugin_id, move |_, plugin| {
            let generation = plugin.generation + 1;
            let reason = "deregistered itself".into();
            let state = PluginState::Left;
            Ok(Plugin { state, reason, generation, changed_at: now, ..plugin })
        })
        .await
    }

    /// Grants what was asked for, or the named part of it.
    pub async fn approve(
        &self,
        plugin_id: &str,
        approval: Approval,
    ) -> Result<Arc<Plugin>, RegistryError> {
        let now = self.clock.unix();
        self.change(plugin_id, move |_, plugin| {
            if matches!(plugin.state, PluginState::Revoked | PluginState::Left) {
                return Err(RegistryError::State(plugin.state));
            }
            let (approved_traits, approved_domains) = approved(&plugin, &approval)?;
            Ok(Plugin {
                state: PluginState::Active,
                reason: approval.reason,
                reviewed: Some(plugin.digest.clone()),
                approved_traits,
                approved_domains,
                changed_at: now,
                ..plugin
            })
        })
        .await
    }

    /// Takes every right at once, and every token and open enrolment with them.
    pub async fn revoke(
        &self,
        plugin_id: &str,
        reason: String,
    ) -> Result<Arc<Plugin>, RegistryError> {
        let now = self.clock.unix();
        self.change(plugin_id, move |tx, plugin| {
            enrollment::withdraw(tx, &plugin.plugin_id)?;
            Ok(Plugin {
                state: PluginState::Revoked,
                reason,
                generation: plugin.generation + 1,
                reviewed: None,
                approved_traits: Traits::EMPTY,
                approved_domains: Vec::new(),
                changed_at: now,
                ..plugin
            })
        })
        .await
    }

    async fn change(
        &self,
        plugin_id: &str,
        change: impl FnOnce(&Transaction<'_>, Plugin) -> Result<Plugin, RegistryError> + Send + 'static,
    ) -> Result<Arc<Plugin>, RegistryError> {
        let id = plugin_id.to_owned();
        self.commit(move |tx| match Plugin::find(tx, &id)? {
            Some(plugin) => change(tx, plugin),
            None => Err(RegistryError::Unknown),
        })
        .await
    }

    /// Saves what `work` makes, and shows it once it is durable. Runs in a task of its own, so
    /// that memory follows the store even when the caller has gone.
    async fn commit(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<Plugin, RegistryError> + Send + 'static,
    ) -> Result<Arc<Plugin>, RegistryError> {
        let registry = self.clone();
        let task = tokio::spawn(async move {
            let saved = registry.store.write(move |tx| match work(tx) {
                Ok(plugin) => Ok(Ok(plugin.save(tx)?)),
                Err(RegistryError::Store(error)) => Err(error),
                Err(refused) => Ok(Err(refused)),
            });
            Ok(registry.show(saved.await??))
        });
        task.await.unwrap_or(Err(StoreError::Unavailable.into()))
    }

    fn show(&self, plugin: Plugin) -> Arc<Plugin> {
        let plugin = Arc::new(plugin);
        let mut plugins = self.plugins.write().unwrap_or_else(PoisonError::into_inner);
        let shown = plugins.get(&plugin.plugin_id);
        if shown.is_none_or(|shown| shown.revision < plugin.revision) {
            plugins.insert(plugin.plugin_id.clone(), plugin.clone());
        }
        plugin
    }
}

/// The approved part, which is never more than was requested.
fn approved(plugin: &Plugin, approval: &Approval) -> Result<(Traits, Vec<Value>), RegistryError> {
    let within = |names: &[String], known: &[String]| {
        let all = names.iter().all(|name| known.contains(name));
        if all { Ok(()) } else { Err(RegistryError::NotRequested) }
    };
    let traits = match &approval.traits {
        None => plugin.requested_traits,
        Some(names) => {
            within(names, &plugin.requested_traits.names())?;
            Traits::parse(names.iter().map(String::as_str))
        }
    };
    let domains = match &approval.hosts {
        None => plugin.requested_domains.clone(),
        Some(hosts) => {
            within(hosts, &plugin.requested_hosts())?;
            let named = |entry: &&Value| hosts.iter().any(|host| host == manifest::host(entry));
            plugin.requested_domains.iter().filter(named).cloned().collect()
        }
    };
    Ok((traits, domains))
}

#[cfg(test)]
mod tests;
