//! Registration: a manifest meets what was approved, and a state comes out.
//!
//! The same manifest again changes nothing but where the plugin listens. A manifest that asks for
//! no more than was approved goes on at once; one that asks for more waits for an administrator.

use std::sync::Arc;

use rusqlite::Transaction;

use super::enrollment::{self, Enrolled};
use super::manifest::Manifest;
use super::plugin::{Health, Plugin};
use super::{Registry, RegistryError};
use crate::identity::TokenError;
use crate::policy::{PluginState, Traits};

/// Who registers: with an enrolment token, or again with the token of the plugin.
#[derive(Debug, Clone)]
pub enum Applicant {
    Enrolled(Enrolled),
    Plugin { plugin_id: String },
}

impl Applicant {
    pub fn plugin_id(&self) -> &str {
        match self {
            Self::Enrolled(enrolled) => &enrolled.plugin_id,
            Self::Plugin { plugin_id } => plugin_id,
        }
    }
}

impl Registry {
    pub async fn register(
        &self,
        applicant: Applicant,
        manifest: Manifest,
    ) -> Result<Arc<Plugin>, RegistryError> {
        if manifest.plugin_id != applicant.plugin_id() {
            return Err(RegistryError::OtherPlugin);
        }
        let now = self.clock.unix();
        self.commit(move |tx| {
            let known = Plugin::find(tx, &manifest.plugin_id)?;
            match (applicant, known) {
                (Applicant::Enrolled(enrolled), known) => {
                    enrol(tx, &enrolled, known, manifest, now)
                }
                (Applicant::Plugin { .. }, Some(known)) => Ok(renew(known, manifest, now)),
                (Applicant::Plugin { .. }, None) => Err(RegistryError::Token(TokenError::Invalid)),
            }
        })
        .await
    }
}

fn enrol(
    tx: &Transaction<'_>,
    enrolled: &Enrolled,
    known: Option<Plugin>,
    manifest: Manifest,
    now: i64,
) -> Result<Plugin, RegistryError> {
    let terms = enrollment::terms(tx, enrolled)?;
    let Some(terms) = terms.filter(|terms| terms.plugin_id == manifest.plugin_id) else {
        return Err(RegistryError::Token(TokenError::Invalid));
    };
    match (terms.spent_on, known) {
        (None, known) => {
            enrollment::spend(tx, enrolled, &manifest.digest, now)?;
            Ok(first(known, manifest, terms.approve, now))
        }
        // Spent already: good for the same manifest of the same plugin and nothing else.
        (Some(spent_on), Some(known)) if spent_on == manifest.digest => {
            Ok(renew(known, manifest, now))
        }
        (Some(_), _) => Err(RegistryError::Token(TokenError::Invalid)),
    }
}

/// A fresh enrolment: what the administrator said when making it decides.
fn first(known: Option<Plugin>, manifest: Manifest, approve: bool, now: i64) -> Plugin {
    match known {
        None if approve => approve_all(carry(newcomer(&manifest, now), manifest, now), now),
        None => carry(newcomer(&manifest, now), manifest, now),
        // An enrolment does not lift a suspension: somebody paused this plugin on purpose.
        Some(known) if known.state == PluginState::Suspended => carry(known, manifest, now),
        Some(known) if approve => approve_all(carry(known, manifest, now), now),
        Some(known) if known.state == PluginState::Revoked => {
            let (state, reason) = (PluginState::Pending, "waits for approval".into());
            carry(Plugin { state, reason, changed_at: now, ..known }, manifest, now)
        }
        Some(known) => renew(known, manifest, now),
    }
}

fn newcomer(manifest: &Manifest, now: i64) -> Plugin {
    Plugin {
        plugin_id: manifest.plugin_id.clone(),
        revision: 0,
        generation: 1,
        name: String::new(),
        version: String::new(),
        state: PluginState::Pending,
        reason: "waits for approval".into(),
        manifest: Arc::default(),
        digest: Vec::new(),
        reviewed: None,
        requested_traits: Traits::EMPTY,
        requested_domains: Vec::new(),
        approved_traits: Traits::EMPTY,
        approved_domains: Vec::new(),
        base_url: None,
        health: Health::Healthy,
        registered_at: now,
        changed_at: now,
        seen_at: None,
    }
}

fn approve_all(plugin: Plugin, now: i64) -> Plugin {
    Plugin {
        state: PluginState::Active,
        reason: "approved at enrolment".into(),
        approved_traits: plugin.requested_traits,
        approved_domains: plugin.requested_domains.clone(),
        reviewed: Some(plugin.digest.clone()),
        changed_at: now,
        ..plugin
    }
}

/// A plugin that is known registers again. A pause or a drain stays what it is: whoever resumes
/// the plugin meets the new manifest then.
fn renew(known: Plugin, manifest: Manifest, now: i64) -> Plugin {
    let before = known.state;
    let plugin = carry(known, manifest, now);
    let state = match before {
        PluginState::Active | PluginState::Left if plugin.is_settled() => PluginState::Active,
        PluginState::Active | PluginState::Left => PluginState::Pending,
        other => other,
    };
    let reason = match state {
        _ if state == before => return plugin,
        PluginState::Pending => "asks for more than was approved",
        _ => "registered again",
    };
    Plugin { state, reason: reason.into(), changed_at: now, ..plugin }
}

/// The record with this manifest in it.
fn carry(plugin: Plugin, manifest: Manifest, now: i64) -> Plugin {
    Plugin {
        name: manifest.name,
        version: manifest.version,
        digest: manifest.digest.to_vec(),
        requested_traits: manifest.traits,
        requested_domains: manifest.domains,
        base_url: manifest.base_url,
        manifest: Arc::new(manifest.document),
        health: Health::Healthy,
        seen_at: Some(now),
        ..plugin
    }
}
