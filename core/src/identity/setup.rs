//! The first administrator: no account exists until somebody who can read Core's own output
//! types the code it printed.
//!
//! The code has 128 bits, lives 15 minutes, works once and dies after five wrong guesses; only
//! its hash is kept. A new start makes a new one as long as nobody has signed in.

use rusqlite::{OptionalExtension, Transaction};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::totp::{self, Enrolment};
use super::{Identity, IdentityError, SEAL_OWNER, recovery};
use crate::json::{hex, sha256};
use crate::policy::{Member, Role};
use crate::random;
use crate::store::StoreError;

const LIFE: i64 = 900;
const GUESSES: i64 = 5;

pub(super) const SQL: &str = "CREATE TABLE setup_code (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        hash BLOB NOT NULL,
        guesses INTEGER NOT NULL,
        ends_at INTEGER NOT NULL
    ) STRICT;";

impl Identity {
    /// A fresh set-up code, or none when somebody has signed in already.
    pub async fn make_setup_code(&self) -> Result<Option<SecretString>, StoreError> {
        let mut bytes = zeroize::Zeroizing::new([0; 16]);
        random::fill(bytes.as_mut_slice())?;
        let digits = zeroize::Zeroizing::new(hex(bytes.as_slice()));
        let hash = sha256(digits.as_bytes());
        let ends_at = self.clock.unix() + LIFE;
        let made = self
            .store
            .write(move |tx| {
                if is_set_up(tx)? {
                    return Ok(false);
                }
                tx.execute(
                    "INSERT OR REPLACE INTO setup_code (one, hash, guesses, ends_at)
                     VALUES (1, ?1, 0, ?2)",
                    (hash, ends_at),
                )?;
                Ok(true)
            })
            .await?;
        let groups: Vec<&str> = (0..8).map(|group| &digits[group * 4..group * 4 + 4]).collect();
        Ok(made.then(|| groups.join("-").into()))
    }

    /// Makes the first administrator. The account works once a code of its second factor was
    /// used to sign in.
    pub async fn set_up(
        &self,
        code: &SecretString,
        username: &str,
        password: SecretString,
    ) -> Result<Enrolment, IdentityError> {
        self.check_rules(&password, username)?;
        let given = normal(code);
        let now = self.clock.unix();
        self.store.write(move |tx| take_guess(tx, &given, now)).await??;
        let hash = self.passwords.hash(password).await?;
        let mut enrolment = totp::enrol(username, now + LIFE)?;
        let (codes, hashes) = recovery::make(&self.recovery)?;
        enrolment.recovery_codes = codes;
        let user_id = random::id("usr")?;
        let sealed = self.sealer.seal(SEAL_OWNER, user_id.as_bytes(), &enrolment.secret)?;
        let (given, username) = (normal(code), username.to_owned());
        self.store
            .write(move |tx| {
                // Somebody else may have used the code meanwhile: it works once.
                if code_state(tx, &given, now)?.is_err() {
                    return Ok(Err(IdentityError::SetupCodeInvalid));
                }
                tx.execute("DELETE FROM setup_code", [])?;
                tx.execute("DELETE FROM users WHERE confirmed = 0", [])?;
                tx.execute("DELETE FROM recovery_codes", [])?;
                recovery::replace(tx, &user_id, &hashes)?;
                tx.execute(
                    "INSERT INTO users (id, username, roles, password_hash, totp_secret,
                        totp_step, confirmed, disabled, created_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, 0, ?6)",
                    (user_id, username, Role::Admin.name(), hash, sealed, now),
                )?;
                Ok(Ok(()))
            })
            .await??;
        Ok(enrolment)
    }
}

/// Counts a guess before it is judged, so that parallel guesses are bounded too.
fn take_guess(
    tx: &Transaction<'_>,
    given: &[u8; 32],
    now: i64,
) -> Result<Result<(), IdentityError>, StoreError> {
    if is_set_up(tx)? {
        return Ok(Err(IdentityError::AlreadySetUp));
    }
    tx.execute("UPDATE setup_code SET guesses = guesses + 1", [])?;
    code_state(tx, given, now)
}

fn code_state(
    tx: &Transaction<'_>,
    given: &[u8; 32],
    now: i64,
) -> Result<Result<(), IdentityError>, StoreError> {
    let row: Option<(Vec<u8>, i64, i64)> = tx
        .query_row("SELECT hash, guesses, ends_at FROM setup_code", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    let valid = row.is_some_and(|(hash, guesses, ends_at)| {
        bool::from(hash.ct_eq(given)) && guesses <= GUESSES && now < ends_at
    });
    Ok(if valid { Ok(()) } else { Err(IdentityError::SetupCodeInvalid) })
}

fn is_set_up(tx: &Transaction<'_>) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM users WHERE confirmed = 1)";
    Ok(tx.query_row(sql, [], |row| row.get(0))?)
}

/// The hash of a code as typed: hyphens, spaces and case do not matter.
fn normal(code: &SecretString) -> [u8; 32] {
    let kept = code.expose_secret().chars().filter(|letter| !matches!(letter, '-' | ' '));
    let text: zeroize::Zeroizing<String> =
        zeroize::Zeroizing::new(kept.map(|letter| letter.to_ascii_lowercase()).collect());
    sha256(text.as_bytes())
}
