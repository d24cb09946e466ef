//! Passwords: argon2id (RFC 9106) with the parameters OWASP names, and never two answers in time.
//!
//! A name nobody has is checked against a hash nobody can match, so that both take the same work.
//! The work runs off the async threads and only a few at a time: each needs 19 MiB.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::store::StoreError;

const AT_A_TIME: usize = 2;
/// Same parameters as a real one; its output is 32 zero octets, which no password gives.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGhhcyB0aGlz\
                      $AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[derive(Clone)]
pub(super) struct Passwords {
    turns: Arc<Semaphore>,
    /// Hashes computed so far: work is compared by counting it, not by a clock.
    done: Arc<AtomicU64>,
}

/// One form for all the ways a keyboard can write the same characters (NIST SP 800-63B-4
/// section 3.1.1.2).
pub(super) fn normalised(password: &SecretString) -> Zeroizing<String> {
    let characters = || password.expose_secret().nfkc();
    // Long enough from the start, so that no shorter copy is left behind in memory.
    let mut text = String::with_capacity(characters().map(char::len_utf8).sum());
    text.extend(characters());
    Zeroizing::new(text)
}

impl Passwords {
    pub fn new() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_A_TIME)), done: Arc::default() }
    }

    pub async fn hash(&self, password: SecretString) -> Result<String, StoreError> {
        self.work(move || {
            let hash: PasswordHash = Argon2::default()
                .hash_password(normalised(&password).as_bytes())
                .map_err(|_| StoreError::Unavailable)?;
            Ok(hash.to_string())
        })
        .await?
    }

    /// False for a wrong password and for a user that does not exist, after the same work.
    pub async fn verify(
        &self,
        password: SecretString,
        hash: Option<String>,
    ) -> Result<bool, StoreError> {
        self.work(move || {
            let known = hash.is_some();
            let text = hash.unwrap_or_else(|| NOBODY.to_owned());
            let hash = PasswordHash::new(&text).map_err(|_| StoreError::Broken("users"))?;
            let password = normalised(&password);
            Ok(Argon2::default().verify_password(password.as_bytes(), &hash).is_ok() & known)
        })
        .await?
    }

    #[cfg(test)]
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = self.turns.clone().acquire_owned().await;
        let turn = turn.map_err(|_| StoreError::Unavailable)?;
        let done = self.done.clone();
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            done.fetch_add(1, Ordering::Relaxed);
            work()
        })
        .await
        .map_err(|_| StoreError::Unavailable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_verifies_its_password_and_no_other() {
        let passwords = Passwords::new();
        let hash = passwords.hash("correct horse battery".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(
            passwords.verify("correct horse battery".into(), Some(hash.clone())).await.unwrap()
        );
        for wrong in ["", "correct horse batter", "correct horse battery ", "Correct horse battery"]
        {
            assert!(!passwords.verify(wrong.into(), Some(hash.clone())).await.unwrap());
            assert!(!passwords.verify(wrong.into(), None).await.unwrap());
        }
        assert_ne!(hash, passwords.hash("correct horse battery".into()).await.unwrap());
        assert_eq!(passwords.done(), 11);
    }
    #[tokio::test]
    async fn a_password_is_the_same_however_its_characters_are_written() {
        let passwords = Passwords::new();
        let hash = passwords.hash("cr\u{e8}me br\u{fb}l\u{e9}e at noon".into()).await.unwrap();
        let apart = "cre\u{300}me bru\u{302}le\u{301}e at noon";
        assert!(passwords.verify(apart.into(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("creme brulee at noon".into(), Some(hash)).await.unwrap());
    }
}
