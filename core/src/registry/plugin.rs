//! A registered plugin as the other modules see it, and its row.

use std::sync::Arc;

use rusqlite::{OptionalExtension, Row, Transaction};
use serde_json::Value;

use super::history;
use super::manifest::{domains, host, text, traits};
use crate::policy::{DataTraits, Party, PluginState, Traits};
use crate::store::StoreError;

pub(super) const SQL: &str = "CREATE TABLE plugins (
        plugin_id TEXT PRIMARY KEY,
        revision INTEGER NOT NULL,
        generation INTEGER NOT NULL,
        name TEXT NOT NULL,
        version TEXT NOT NULL,
        state TEXT NOT NULL,
        reason TEXT NOT NULL,
        manifest TEXT NOT NULL,
        digest BLOB NOT NULL,
        approved_traits TEXT NOT NULL,
        approved_domains TEXT NOT NULL,
        base_url TEXT,
        health TEXT NOT NULL,
        registered_at INTEGER NOT NULL,
        changed_at INTEGER NOT NULL,
        seen_at INTEGER
    ) STRICT, WITHOUT ROWID;";

/// Which manifest an administrator has looked at, and what the states were before.
pub(super) const HISTORY_SQL: &str = "ALTER TABLE plugins ADD COLUMN reviewed BLOB;
    UPDATE plugins SET reviewed = digest WHERE state = 'active';
    CREATE TABLE plugin_history (
        plugin_id TEXT NOT NULL,
        revision INTEGER NOT NULL,
        at INTEGER NOT NULL,
        state TEXT NOT NULL,
        reason TEXT NOT NULL,
        PRIMARY KEY (plugin_id, revision)
    ) STRICT, WITHOUT ROWID;";

const COLUMNS: &str = "plugin_id, revision, generation, name, version, state, reason, manifest,
    digest, approved_traits, approved_domains, base_url, health, registered_at, changed_at,
    seen_at, reviewed";

/// A lease lasts as long as the token that was given with it. Seconds.
pub const LEASE: i64 = 900;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    Healthy,
    Degraded,
    /// About to leave: takes no new work.
    Draining,
    /// Not heard of within its lease. Only Core says so; the next heartbeat says otherwise.
    Lost,
}

impl Health {
    pub fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Draining => "draining",
            Self::Lost => "lost",
        }
    }

    /// What a plugin can say of itself.
    pub fn told(name: &str) -> Option<Self> {
        Self::parse(name).filter(|health| *health != Self::Lost)
    }

    fn parse(name: &str) -> Option<Self> {
        let all = [Self::Healthy, Self::Degraded, Self::Draining, Self::Lost];
        all.into_iter().find(|health| health.name() == name)
    }
}

/// Never changed in place: every change makes a new one with a higher revision.
#[derive(Debug, Clone)]
pub struct Plugin {
    pub plugin_id: String,
    pub(super) revision: i64,
    /// Tokens of an older generation are refused.
    pub generation: i64,
    pub name: String,
    pub version: String,
    pub state: PluginState,
    pub reason: String,
    pub manifest: Arc<Value>,
    pub(super) digest: Vec<u8>,
    /// Digest of the manifest that was approved last; none before the first approval.
    pub(super) reviewed: Option<Vec<u8>>,
    pub requested_traits: Traits,
    pub requested_domains: Vec<Value>,
    pub(super) approved_traits: Traits,
    pub(super) approved_domains: Vec<Value>,
    pub base_url: Option<String>,
    pub health: Health,
    /// Seconds since 1970, as all times here.
    pub registered_at: i64,
    pub changed_at: i64,
    pub seen_at: Option<i64>,
}

/// An operation a plugin offers through the gateway.
#[derive(Debug, Clone)]
pub struct Offer {
    pub name: String,
    pub description: Option<String>,
    /// Below the base URL.
    pub path: String,
    pub idempotent: bool,
    pub timeout_ms: u64,
    pub required_traits: Traits,
    pub data_traits: DataTraits,
    pub input_schema: Option<Value>,
    pub output_schema: Option<Value>,
}

impl Plugin {
    /// The same for the same manifest, wherever the plugin listens.
    pub fn digest(&self) -> &[u8] {
        &self.digest
    }

    /// What was asked for and approved.
    pub fn granted_traits(&self) -> Traits {
        self.requested_traits.intersection(self.approved_traits)
    }

    /// Entries of `allowed_domains`, spelled out, that were asked for and approved.
    pub fn granted_domains(&self) -> Vec<Value> {
        let approved = |entry: &&Value| self.approved_domains.contains(entry);
        self.requested_domains.iter().filter(approved).cloned().collect()
    }

    pub fn requested_hosts(&self) -> Vec<String> {
        hosts(&self.requested_domains)
    }

    pub fn granted_hosts(&self) -> Vec<String> {
        hosts(&self.granted_domains())
    }

    /// This plugin as one side of a decision.
    pub fn party(&self) -> Party<'_> {
        Party::Plugin {
            plugin_id: &self.plugin_id,
            state: self.state,
            traits: self.granted_traits(),
        }
    }

    /// Active, not about to leave, and heard of within its lease.
    pub fn is_healthy(&self, now: i64) -> bool {
        self.state == PluginState::Active
            && !matches!(self.health, Health::Draining | Health::Lost)
            && self.is_leased(now)
    }

    /// May still act, if only to finish what it holds, and was heard of within its lease.
    pub fn is_leased(&self, now: i64) -> bool {
        matches!(self.state, PluginState::Active | PluginState::Draining)
            && self.lease_ends_at().is_some_and(|end| now <= end)
    }

    /// The last second in which it counts as alive unless it is heard of again.
    pub fn lease_ends_at(&self) -> Option<i64> {
        self.seen_at.map(|seen| seen + LEASE)
    }

    /// Whether what was approved is enough for what the manifest asks for, or an administrator
    /// has looked at this very manifest and granted a part.
    pub(super) fn is_settled(&self) -> bool {
        let within = self.approved_traits.covers(self.requested_traits)
            && self.requested_domains.iter().all(|entry| self.approved_domains.contains(entry));
        self.reviewed.as_ref().is_some_and(|reviewed| within || *reviewed == self.digest)
    }

    pub fn offers(&self) -> impl Iterator<Item = Offer> {
        let entries = self.manifest.get("operations").and_then(Value::as_array);
        entries.into_iter().flatten().filter_map(read_offer)
    }

    pub fn offer(&self, name: &str) -> Option<Offer> {
        self.offers().find(|offer| offer.name == name)
    }

    pub(super) fn find(tx: &Transaction<'_>, plugin_id: &str) -> Result<Option<Self>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM plugins WHERE plugin_id = ?1");
        tx.query_row(&sql, [plugin_id], |row| Ok(Self::read(row))).optional()?.transpose()
    }

    pub(super) fn all(conn: &rusqlite::Connection) -> Result<Vec<Self>, StoreError> {
        let mut statement = conn.prepare(&format!("SELECT {COLUMNS} FROM plugins"))?;
        let rows = statement.query_map([], |row| Ok(Self::read(row)))?;
        rows.map(|row| row?).collect()
    }

    /// Writes the next revision and answers it.
    pub(super) fn save(mut self, tx: &Transaction<'_>) -> Result<Self, StoreError> {
        self.revision += 1;
        history::note(tx, Self::find(tx, &self.plugin_id)?.as_ref(), &self)?;
        let sql = format!(
            "INSERT OR REPLACE INTO plugins ({COLUMNS}) VALUES
             (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)"
        );
        tx.execute(
            &sql,
            rusqlite::params![
                self.plugin_id,
                self.revision,
                self.generation,
                self.name,
                self.version,
                self.state.name(),
                self.reason,
                self.manifest.to_string(),
                self.digest,
                self.approved_traits.names().join(" "),
                Value::from(self.approved_domains.clone()).to_string(),
                self.base_url,
                self.health.name(),
                self.registered_at,
                self.changed_at,
                self.seen_at,
                self.reviewed,
            ],
        )?;
        Ok(self)
    }

    fn read(row: &Row<'_>) -> Result<Self, StoreError> {
        const BROKEN: StoreError = StoreError::Broken("plugins");
        let json = |column: &str| -> Result<Value, StoreError> {
            let text: String = row.get(column)?;
            serde_json::from_str(&text).map_err(|_| BROKEN)
        };
        let manifest = json("manifest")?;
        let Value::Array(approved_domains) = json("approved_domains")? else { return Err(BROKEN) };
        let state: String = row.get("state")?;
        let health: String = row.get("health")?;
        let approved_traits: String = row.get("approved_traits")?;
        Ok(Self {
            plugin_id: row.get("plugin_id")?,
            revision: row.get("revision")?,
            generation: row.get("generation")?,
            name: row.get("name")?,
            version: row.get("version")?,
            state: PluginState::parse(&state).ok_or(BROKEN)?,
            reason: row.get("reason")?,
            digest: row.get("digest")?,
            reviewed: row.get("reviewed")?,
            requested_traits: traits(&manifest, "/traits"),
            requested_domains: domains(&manifest),
            approved_traits: Traits::parse(approved_traits.split(' ')),
            approved_domains,
            base_url: row.get("base_url")?,
            health: Health::parse(&health).ok_or(BROKEN)?,
            registered_at: row.get("registered_at")?,
            changed_at: row.get("changed_at")?,
            seen_at: row.get("seen_at")?,
            manifest: Arc::new(manifest),
        })
    }
}

fn hosts(entries: &[Value]) -> Vec<String> {
    let mut hosts: Vec<String> = entries.iter().map(|entry| host(entry).to_owned()).collect();
    hosts.sort_unstable();
    hosts.dedup();
    hosts
}

fn read_offer(entry: &Value) -> Option<Offer> {
    let name = text(entry, "/name")?;
    let data = entry.get("data_traits").and_then(Value::as_array);
    Some(Offer {
        path: text(entry, "/path").unwrap_or_else(|| format!("/rpc/{name}")),
        description: text(entry, "/description"),
        idempotent: entry.get("idempotent").and_then(Value::as_bool).unwrap_or(false),
        timeout_ms: entry.get("timeout_ms").and_then(Value::as_u64).unwrap_or(10_000),
        required_traits: traits(entry, "/required_traits"),
        data_traits: DataTraits::parse(data.into_iter().flatten().filter_map(Value::as_str)),
        input_schema: entry.get("input_schema").cloned(),
        output_schema: entry.get("output_schema").cloned(),
        name,
    })
}
