//! Which key signs when, so that a rotation loses no call and a leaked key is gone at once.
//!
//! There is always a next key, published before it signs for at least twice the time a plugin may
//! keep its copy of the key set. A key that no longer signs verifies until the last token it signed
//! has ended; then only its id is kept. Private keys stand in the store sealed, and the one of a
//! key that has stopped signing is wiped.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use rusqlite::{Connection, Transaction};

use super::keys::{self, PublicKey, SigningKeys};
use super::tokens::{LONGEST_LIFE, SKEW};
use super::{Identity, IdentityError, SEAL_OWNER};
use crate::store::{Sealer, StoreError};

/// Seconds a plugin may keep its copy of the key set; the answer of the key set says so.
pub const CACHE_AGE: i64 = 300;
/// Seconds between the publication of a key and its first signature.
const AHEAD: i64 = 2 * CACHE_AGE;

pub(super) const SQL: &str = "CREATE TABLE signing_keys (
        kid TEXT PRIMARY KEY,
        public BLOB NOT NULL,
        sealed BLOB,
        status TEXT NOT NULL,
        published_at INTEGER NOT NULL,
        signs_from INTEGER,
        verifies_until INTEGER,
        reason TEXT
    ) STRICT, WITHOUT ROWID;";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStatus {
    Next,
    Current,
    Previous,
    Retired,
    Revoked,
}

impl KeyStatus {
    const ALL: [Self; 5] =
        [Self::Next, Self::Current, Self::Previous, Self::Retired, Self::Revoked];

    pub fn name(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Current => "current",
            Self::Previous => "previous",
            Self::Retired => "retired",
            Self::Revoked => "revoked",
        }
    }
}

/// One key as the store knows it. Times are seconds since 1970.
#[derive(Debug, Clone)]
pub struct KeyRecord {
    pub kid: String,
    pub status: KeyStatus,
    pub published_at: i64,
    pub signs_from: Option<i64>,
    pub verifies_until: Option<i64>,
    pub reason: Option<String>,
    public: PublicKey,
    sealed: Option<Vec<u8>>,
}

/// The keys that count now. The epoch grows with every change, so that what was verified under
/// older keys can be told apart.
pub(super) struct LiveKeys {
    now: RwLock<(Arc<SigningKeys>, i64)>,
    epoch: AtomicU64,
}

impl LiveKeys {
    /// `due` is when the keys change by themselves.
    pub fn new(keys: SigningKeys, due: i64) -> Self {
        Self { now: RwLock::new((Arc::new(keys), due)), epoch: AtomicU64::new(0) }
    }

    pub fn keys(&self) -> Arc<SigningKeys> {
        self.now.read().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// Read it before the keys: an answer kept under it is then never newer than they are.
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    fn due(&self) -> i64 {
        self.now.read().unwrap_or_else(PoisonError::into_inner).1
    }

    fn replace(&self, keys: SigningKeys, due: i64) {
        let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
        *now = (Arc::new(keys), due);
        self.epoch.fetch_add(1, Ordering::Release);
    }
}

impl Identity {
    /// All keys there ever were, the newest first.
    pub async fn signing_keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        self.store.read(all).await
    }

    /// The next key signs as soon as it has been published for long enough.
    pub async fn rotate_keys(&self, reason: Option<String>) -> Result<(), IdentityError> {
        let now = self.clock.unix();
        self.change_keys(move |tx| {
            let changed = tx.execute(
                "UPDATE signing_keys SET signs_from = max(?1, published_at + ?2), reason = ?3
                 WHERE status = 'next' AND signs_from IS NULL",
                (now, AHEAD, reason),
            )?;
            Ok(if changed == 1 { Ok(()) } else { Err(IdentityError::RotationPending) })
        })
        .await
    }

    /// Nothing this key signed counts any more. Answers false when there is no such key.
    pub async fn retire_key(&self, kid: &str, reason: String) -> Result<bool, IdentityError> {
        let (now, kid) = (self.clock.unix(), kid.to_owned());
        self.change_keys(move |tx| {
            let changed = tx.execute(
                "UPDATE signing_keys
                 SET status = 'revoked', sealed = NULL, reason = ?2,
                     verifies_until = min(?3, coalesce(verifies_until, ?3))
                 WHERE kid = ?1",
                (&kid, &reason, now),
            )?;
            Ok(Ok(changed == 1))
        })
        .await
    }

    /// Promotes, makes and retires keys whose time has come.
    pub(super) async fn keep_keys(&self) -> Result<(), StoreError> {
        if self.clock.unix() < self.live_keys.due() {
            return Ok(());
        }
        match self.change_keys(|_| Ok(Ok(()))).await {
            Ok(()) => Ok(()),
            Err(IdentityError::Store(error)) => Err(error),
            Err(_) => Err(StoreError::Unavailable),
        }
    }

    /// The change, what follows from it, and then the new keys for everybody, before it returns.
    async fn change_keys<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> Result<Result<T, IdentityError>, StoreError>
        + Send
        + 'static,
    ) -> Result<T, IdentityError> {
        // One at a time: an older set must never replace a newer one.
        let _turn = self.key_turn.lock().await;
        let (now, every) = (self.clock.unix(), self.settings.key_rotation);
        let sealer = self.sealer.clone();
        let (result, keys, due) = self
            .store
            .write(move |tx| {
                let result = change(tx)?;
                let (keys, due) = settle(tx, &sealer, now, every)?;
                Ok((result, keys, due))
            })
            .await?;
        self.live_keys.replace(keys, due);
        result
    }
}

/// The keys as the store has them, with what was due done; makes the first keys on the first start.
pub(super) fn open(
    tx: &Transaction<'_>,
    sealer: &Sealer,
    now: i64,
    every: i64,
) -> Result<LiveKeys, StoreError> {
    let (keys, due) = settle(tx, sealer, now, every)?;
    Ok(LiveKeys::new(keys, due))
}

/// Brings the keys to where they have to be at `now`, and says when that changes next.
fn settle(
    tx: &Transaction<'_>,
    sealer: &Sealer,
    now: i64,
    every: i64,
) -> Result<(SigningKeys, i64), StoreError> {
    let mut keys = all(tx)?;
    let signs_from = |keys: &[KeyRecord]| find(keys, KeyStatus::Current)?.signs_from;
    if signs_from(&keys).is_some_and(|since| now - since >= every) {
        tx.execute(
            "UPDATE signing_keys SET signs_from = max(?1, published_at + ?2),
                reason = 'scheduled rotation'
             WHERE status = 'next' AND signs_from IS NULL",
            (now, AHEAD),
        )?;
        keys = all(tx)?;
    }
    let next = find(&keys, KeyStatus::Next);
    let has_current = find(&keys, KeyStatus::Current).is_some();
    let waits = next.and_then(|next| next.signs_from).is_some_and(|from| from <= now);
    if let Some(next) = next.filter(|_| waits || !has_current) {
        promote(tx, &next.kid, now)?;
    } else if !has_current {
        make(tx, sealer, KeyStatus::Current, now)?;
    }
    if find(&all(tx)?, KeyStatus::Next).is_none() {
        make(tx, sealer, KeyStatus::Next, now)?;
    }
    tx.execute(
        "UPDATE signing_keys SET status = 'retired'
         WHERE status = 'previous' AND verifies_until <= ?1",
        [now],
    )?;
    let keys = all(tx)?;
    Ok((assemble(&keys, sealer)?, due(&keys, every)))
}

fn promote(tx: &Transaction<'_>, kid: &str, now: i64) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE signing_keys SET status = 'previous', sealed = NULL, verifies_until = ?1
         WHERE status = 'current'",
        [now + LONGEST_LIFE + SKEW],
    )?;
    let sql = "UPDATE signing_keys SET status = 'current', signs_from = ?2 WHERE kid = ?1";
    tx.execute(sql, (kid, now))?;
    Ok(())
}

fn make(
    tx: &Transaction<'_>,
    sealer: &Sealer,
    status: KeyStatus,
    now: i64,
) -> Result<(), StoreError> {
    let (pkcs8, public) = keys::generate()?;
    let sealed = sealer.seal(SEAL_OWNER, &place(&public.kid), &pkcs8)?;
    tx.execute(
        "INSERT INTO signing_keys (kid, public, sealed, status, published_at, signs_from)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        (
            &public.kid,
            public.octets(),
            sealed,
            status.name(),
            now,
            (status == KeyStatus::Current).then_some(now),
        ),
    )?;
    Ok(())
}

/// Where a sealed key belongs; moved to another row it does not open.
fn place(kid: &str) -> Vec<u8> {
    format!("signing-key/{kid}").into_bytes()
}

fn assemble(keys: &[KeyRecord], sealer: &Sealer) -> Result<SigningKeys, StoreError> {
    let broken = StoreError::Broken("signing_keys");
    let Some(current) = find(keys, KeyStatus::Current) else { return Err(broken) };
    let Some(sealed) = &current.sealed else { return Err(broken) };
    let pkcs8 = sealer.open(SEAL_OWNER, &place(&current.kid), sealed)?;
    let others = keys
        .iter()
        .filter(|key| matches!(key.status, KeyStatus::Next | KeyStatus::Previous))
        .map(|key| key.public.clone());
    SigningKeys::new(&pkcs8, others.collect())
}

fn due(keys: &[KeyRecord], every: i64) -> i64 {
    let times = keys.iter().filter_map(|key| match key.status {
        KeyStatus::Next => key.signs_from,
        // While the next one waits for its turn the age of the present one asks for nothing more.
        KeyStatus::Current if rotates(keys) => None,
        KeyStatus::Current => key.signs_from.map(|since| since.saturating_add(every)),
        KeyStatus::Previous => key.verifies_until,
        KeyStatus::Retired | KeyStatus::Revoked => None,
    });
    times.min().unwrap_or(i64::MAX)
}

fn rotates(keys: &[KeyRecord]) -> bool {
    find(keys, KeyStatus::Next).is_some_and(|next| next.signs_from.is_some())
}

fn find(keys: &[KeyRecord], status: KeyStatus) -> Option<&KeyRecord> {
    keys.iter().find(|key| key.status == status)
}

fn all(conn: &Connection) -> Result<Vec<KeyRecord>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT kid, public, sealed, status, published_at, signs_from, verifies_until, reason
         FROM signing_keys ORDER BY published_at DESC, kid",
    )?;
    let rows = statement.query_map([], |row| {
        let status: String = row.get(3)?;
        Ok((
            KeyStatus::ALL.into_iter().find(|known| known.name() == status),
            KeyRecord {
                kid: row.get(0)?,
                status: KeyStatus::Revoked,
                published_at: row.get(4)?,
                signs_from: row.get(5)?,
                verifies_until: row.get(6)?,
                reason: row.get(7)?,
                public: PublicKey::new(&row.get::<_, Vec<u8>>(1)?),
                sealed: row.get(2)?,
            },
        ))
    })?;
    rows.map(|row| {
        let (status, record) = row?;
        let status = status.ok_or(StoreError::Broken("signing_keys"))?;
        Ok(KeyRecord { status, ..record })
    })
    .collect()
}
