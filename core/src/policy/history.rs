//! Every version of the document there ever was, and the one way to put another in force.
//!
//! A version is stored first and decides from the moment it is durable. Versions are counted from
//! 1; 0 is the built-in document, which stands in the program.

use rusqlite::{OptionalExtension, Row};
use vivified_contract::runtime::Finding;

use super::document::Document;
use super::engine::Policy;
use super::rules::Rules;
use crate::clock::Clock;
use crate::store::{Migration, Store, StoreError};

pub const MIGRATIONS: &[Migration] = &[Migration {
    module: "policy",
    version: 1,
    sql: "CREATE TABLE policy_versions (
            version INTEGER PRIMARY KEY,
            document TEXT NOT NULL,
            changed_at INTEGER NOT NULL,
            changed_by TEXT NOT NULL,
            reason TEXT NOT NULL
        ) STRICT",
}];

#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    #[error("the document is refused")]
    Refused(Vec<Finding>),
    #[error("the version in force is {current}")]
    Conflict { current: i64 },
    #[error("unknown version")]
    UnknownVersion,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A version with its document.
#[derive(Debug, Clone)]
pub struct Version {
    pub version: i64,
    pub document: Document,
    /// None of the built-in one.
    pub change: Option<VersionChange>,
}

/// Who put it in force, when, and why.
#[derive(Debug, Clone)]
pub struct VersionChange {
    /// Milliseconds since 1970.
    pub at: i64,
    /// A pseudonym, as in the audit log.
    pub by: String,
    pub reason: String,
}

impl Policy {
    /// With the newest stored version in force.
    pub async fn open(store: &Store) -> Result<Self, StoreError> {
        let newest = store.read(newest).await?;
        let version = newest.unwrap_or_else(built_in);
        Ok(Self::new(Rules::new(&version.document, version.version)))
    }

    /// Stores the document as the version after `replaces` and decides by it from then on.
    pub async fn put(
        &self,
        store: &Store,
        clock: &Clock,
        document: Document,
        replaces: i64,
        by: String,
        reason: String,
    ) -> Result<Version, PolicyError> {
        let findings = document.findings();
        if !findings.is_empty() {
            return Err(PolicyError::Refused(findings));
        }
        let (policy, store, at) = (self.clone(), store.clone(), clock.unix_millis());
        let change = VersionChange { at, by, reason };
        // In a task of its own: what is durable gets in force even when the caller has gone.
        let task = tokio::spawn(async move {
            let next = Version { version: replaces + 1, document, change: Some(change) };
            let stored = next.clone();
            let current = store.write(move |tx| {
                let current = newest(tx)?.map_or(0, |version| version.version);
                if current == replaces {
                    insert(tx, &stored)?;
                }
                Ok(current)
            });
            let current = current.await?;
            if current != replaces {
                return Err(PolicyError::Conflict { current });
            }
            policy.exchange(Rules::new(&next.document, next.version));
            Ok(next)
        });
        task.await.unwrap_or(Err(StoreError::Unavailable.into()))
    }

    /// The version in force, with its document.
    pub async fn in_force(&self, store: &Store) -> Result<Version, PolicyError> {
        self.version(store, self.rules().version()).await
    }

    pub async fn version(&self, store: &Store, version: i64) -> Result<Version, PolicyError> {
        if version == 0 {
            return Ok(built_in());
        }
        let found = store.read(move |conn| {
            let sql = "SELECT * FROM policy_versions WHERE version = ?1";
            conn.query_row(sql, [version], |row| Ok(read(row))).optional()?.transpose()
        });
        found.await?.ok_or(PolicyError::UnknownVersion)
    }

    /// Every stored version, newest first.
    pub async fn versions(&self, store: &Store) -> Result<Vec<Version>, StoreError> {
        let versions = store.read(|conn| {
            let mut statement =
                conn.prepare("SELECT * FROM policy_versions ORDER BY version DESC")?;
            let rows = statement.query_map([], |row| Ok(read(row)))?;
            rows.map(|row| row?).collect()
        });
        versions.await
    }
}

fn built_in() -> Version {
    Version { version: 0, document: Document::built_in(), change: None }
}

fn newest(conn: &rusqlite::Connection) -> Result<Option<Version>, StoreError> {
    let sql = "SELECT * FROM policy_versions ORDER BY version DESC LIMIT 1";
    conn.query_row(sql, [], |row| Ok(read(row))).optional()?.transpose()
}

fn insert(tx: &rusqlite::Transaction<'_>, version: &Version) -> Result<(), StoreError> {
    let Some(change) = &version.change else { return Ok(()) };
    tx.execute(
        "INSERT INTO policy_versions (version, document, changed_at, changed_by, reason)
         VALUES (?1, ?2, ?3, ?4, ?5)",
        rusqlite::params![
            version.version,
            version.document.to_value().to_string(),
            change.at,
            change.by,
            change.reason,
        ],
    )?;
    Ok(())
}

fn read(row: &Row<'_>) -> Result<Version, StoreError> {
    const BROKEN: StoreError = StoreError::Broken("policy_versions");
    let text: String = row.get("document")?;
    let document = serde_json::from_str(&text).map_err(|_| BROKEN)?;
    Ok(Version {
        version: row.get("version")?,
        document: Document::read(document).map_err(|_| BROKEN)?,
        change: Some(VersionChange {
            at: row.get("changed_at")?,
            by: row.get("changed_by")?,
            reason: row.get("reason")?,
        }),
    })
}
