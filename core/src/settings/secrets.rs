//! Secrets of plugins: written by administrators, used by Core, read by nobody.
//!
//! There is no operation that answers a secret. A plugin names one as `secret://NAME`, and Core
//! puts it where it is needed, such as into a header on the way out. So a secret must be able to
//! stand in a header, and it must be long enough that hiding its echo hides nothing else.

use rusqlite::{OptionalExtension as _, Transaction, params};
use zeroize::Zeroizing;

use crate::keyring::{SealedRow, seal_anew};
use crate::{Clock, Sealer, Store, StoreError};

pub const SQL: &str = "
    CREATE TABLE plugin_secrets (
        plugin_id TEXT NOT NULL,
        name TEXT NOT NULL,
        version INTEGER NOT NULL,
        value BLOB,
        written_at INTEGER NOT NULL,
        PRIMARY KEY (plugin_id, name)
    ) STRICT;
";

/// What stands before the name in a reference.
pub const REFERENCE: &str = "secret://";
/// Secrets one plugin may have.
const MAX_SECRETS: i64 = 100;
const SHORTEST: usize = 8;
const LONGEST: usize = 4_096;

/// What may be told of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretInfo {
    pub name: String,
    /// Grows with every write, also over a removal.
    pub version: i64,
    pub written_at: i64,
}

#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("there is no such secret")]
    Unknown,
    #[error(
        "a secret has {SHORTEST} to {LONGEST} printable ASCII characters and no space at its ends"
    )]
    Unusable,
    #[error("a plugin has at most {MAX_SECRETS} secrets")]
    TooMany,
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub struct Secrets {
    store: Store,
    sealer: Sealer,
    clock: Clock,
}

impl Secrets {
    pub fn new(store: Store, sealer: Sealer, clock: Clock) -> Self {
        Self { store, sealer, clock }
    }

    /// Writes a secret; the one before is gone.
    pub async fn put(
        &self,
        plugin_id: &str,
        name: &str,
        value: Zeroizing<String>,
    ) -> Result<SecretInfo, SecretError> {
        if !is_usable(&value) {
            return Err(SecretError::Unusable);
        }
        let now = self.clock.unix_millis();
        let (plugin, own_name, sealer) =
            (plugin_id.to_owned(), name.to_owned(), self.sealer.clone());
        let written = self.store.write(move |tx| {
            let last = last(tx, &plugin, &own_name)?;
            let is_new = last.is_none_or(|(_, there)| !there);
            if is_new && count(tx, &plugin)? >= MAX_SECRETS {
                return Ok(Err(SecretError::TooMany));
            }
            let version = last.map_or(0, |(version, _)| version) + 1;
            let sealed = sealer.seal(&plugin, &place(&own_name, version), value.as_bytes())?;
            tx.execute(
                "INSERT OR REPLACE INTO plugin_secrets (plugin_id, name, version, value, written_at)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![plugin, own_name, version, sealed, now],
            )?;
            Ok(Ok(version))
        });
        let version = written.await??;
        Ok(SecretInfo { name: name.to_owned(), version, written_at: now })
    }

    pub async fn remove(&self, plugin_id: &str, name: &str) -> Result<(), SecretError> {
        let (plugin, name, now) = (plugin_id.to_owned(), name.to_owned(), self.clock.unix_millis());
        let removed = self.store.write(move |tx| {
            Ok(tx.execute(
                "UPDATE plugin_secrets SET value = NULL, version = version + 1, written_at = ?3
                 WHERE plugin_id = ?1 AND name = ?2 AND value IS NOT NULL",
                params![plugin, name, now],
            )?)
        });
        if removed.await? == 0 { Err(SecretError::Unknown) } else { Ok(()) }
    }

    /// Names and versions, by name.
    pub async fn list(&self, plugin_id: &str) -> Result<Vec<SecretInfo>, SecretError> {
        let plugin = plugin_id.to_owned();
        let listed = self.store.read(move |conn| {
            let mut query = conn.prepare_cached(
                "SELECT name, version, written_at FROM plugin_secrets
                 WHERE plugin_id = ?1 AND value IS NOT NULL ORDER BY name",
            )?;
            let rows = query.query_map([plugin], |row| {
                Ok(SecretInfo { name: row.get(0)?, version: row.get(1)?, written_at: row.get(2)? })
            })?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        });
        Ok(listed.await?)
    }

    pub async fn is_there(&self, plugin_id: &str, name: &str) -> Result<bool, SecretError> {
        Ok(self.list(plugin_id).await?.iter().any(|secret| secret.name == name))
    }

    /// The secret itself, for Core to use on the plugin's behalf; never for an answer.
    pub async fn reveal(
        &self,
        plugin_id: &str,
        name: &str,
    ) -> Result<Zeroizing<String>, SecretError> {
        let (plugin, own_name) = (plugin_id.to_owned(), name.to_owned());
        let found = self.store.read(move |conn| {
            Ok(conn
                .query_row(
                    "SELECT version, value FROM plugin_secrets
                     WHERE plugin_id = ?1 AND name = ?2 AND value IS NOT NULL",
                    params![plugin, own_name],
                    |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)),
                )
                .optional()?)
        });
        let (version, sealed) = found.await?.ok_or(SecretError::Unknown)?;
        let text = self.sealer.open(plugin_id, &place(name, version), &sealed)?;
        let text = std::str::from_utf8(&text)
            .map_err(|_| StoreError::Broken("plugin_secrets holds no text"))?;
        Ok(Zeroizing::new(text.to_owned()))
    }
}

fn is_usable(value: &str) -> bool {
    (SHORTEST..=LONGEST).contains(&value.len())
        && value.bytes().all(|byte| (0x20..=0x7e).contains(&byte))
        && !value.starts_with(' ')
        && !value.ends_with(' ')
}

/// The last version of a name, and whether it still has a value.
fn last(
    tx: &Transaction<'_>,
    plugin_id: &str,
    name: &str,
) -> Result<Option<(i64, bool)>, StoreError> {
    Ok(tx
        .query_row(
            "SELECT version, value IS NOT NULL FROM plugin_secrets
             WHERE plugin_id = ?1 AND name = ?2",
            params![plugin_id, name],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?)
}

/// Names that have a value.
fn count(tx: &Transaction<'_>, plugin_id: &str) -> Result<i64, StoreError> {
    let count = "SELECT count(*) FROM plugin_secrets WHERE plugin_id = ?1 AND value IS NOT NULL";
    Ok(tx.query_row(count, [plugin_id], |row| row.get(0))?)
}

fn place(name: &str, version: i64) -> Vec<u8> {
    format!("secrets/{name}/{version}").into_bytes()
}

/// Seals what an older key closed with the newest one, a few rows at a time.
pub fn reseal(
    tx: &Transaction<'_>,
    sealer: &Sealer,
    plugin_id: &str,
    after: i64,
    limit: usize,
) -> Result<Option<i64>, StoreError> {
    let mut query = tx.prepare_cached(
        "SELECT rowid, name, version, value FROM plugin_secrets
         WHERE plugin_id = ?1 AND rowid > ?2 AND value IS NOT NULL ORDER BY rowid LIMIT ?3",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = query.query_map(params![plugin_id, after, limit], |row| {
        let name: String = row.get(1)?;
        Ok(SealedRow { row: row.get(0)?, place: place(&name, row.get(2)?), value: row.get(3)? })
    })?;
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    seal_anew(tx, sealer, plugin_id, rows, "UPDATE plugin_secrets SET value = ?1 WHERE rowid = ?2")
}
