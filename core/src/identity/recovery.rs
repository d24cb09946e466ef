//! Recovery codes: what signs in when the authenticator is lost. Ten of them, each once.
//!
//! A code has 128 bits, so a keyed hash is enough to keep it: there is nothing to guess.

use ring::hmac;
use rusqlite::{Connection, Transaction};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::random;
use crate::store::StoreError;

const CODES: usize = 10;
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

pub(super) const SQL: &str = "CREATE TABLE recovery_codes (
        user_id TEXT NOT NULL,
        hash BLOB NOT NULL,
        PRIMARY KEY (user_id, hash)
    ) STRICT, WITHOUT ROWID;";

/// Fresh codes, and the hashes to keep.
pub(super) fn make(key: &hmac::Key) -> Result<(Vec<SecretString>, Vec<Vec<u8>>), StoreError> {
    let codes: Vec<SecretString> = (0..CODES).map(|_| code()).collect::<Result<_, _>>()?;
    let hashes = codes.iter().map(|code| hash(key, code)).collect();
    Ok((codes, hashes))
}

/// 128 bits in base32 (RFC 4648), in groups that can be copied by hand.
pub(super) fn code() -> Result<SecretString, StoreError> {
    let mut bytes = Zeroizing::new([0; 16]);
    random::fill(bytes.as_mut_slice())?;
    let mut text = Zeroizing::new(String::with_capacity(31));
    let bits = u128::from_be_bytes(*bytes);
    for place in 0..26_u32 {
        if place > 0 && place % 5 == 0 {
            text.push('-');
        }
        // 26 letters hold 130 bits; the last two are zero.
        let five = if place < 25 { bits >> (123 - 5 * place) } else { bits << 2 };
        text.push(char::from(ALPHABET[usize::try_from(five & 31).unwrap_or(0)]));
    }
    Ok(text.as_str().into())
}

/// The hash of a code as typed: hyphens, spaces and case do not matter.
pub(super) fn hash(key: &hmac::Key, code: &SecretString) -> Vec<u8> {
    let kept = code.expose_secret().chars().filter(|letter| !matches!(letter, '-' | ' '));
    let text: Zeroizing<String> =
        Zeroizing::new(kept.map(|letter| letter.to_ascii_uppercase()).collect());
    hmac::sign(key, text.as_bytes()).as_ref().to_vec()
}

pub(super) fn replace(
    tx: &Transaction<'_>,
    user_id: &str,
    hashes: &[Vec<u8>],
) -> Result<(), StoreError> {
    tx.execute("DELETE FROM recovery_codes WHERE user_id = ?1", [user_id])?;
    for hash in hashes {
        let sql = "INSERT INTO recovery_codes (user_id, hash) VALUES (?1, ?2)";
        tx.execute(sql, (user_id, hash))?;
    }
    Ok(())
}

/// Uses a code up. Of many equal ones only one finds it.
pub(super) fn take(tx: &Transaction<'_>, user_id: &str, hash: &[u8]) -> Result<bool, StoreError> {
    let sql = "DELETE FROM recovery_codes WHERE user_id = ?1 AND hash = ?2";
    Ok(tx.execute(sql, (user_id, hash))? == 1)
}

pub(super) fn left(conn: &Connection, user_id: &str) -> Result<i32, StoreError> {
    let sql = "SELECT count(*) FROM recovery_codes WHERE user_id = ?1";
    Ok(conn.query_row(sql, [user_id], |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_128_bits_differ_and_may_be_typed_in_any_form() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[1; 32]);
        let (codes, hashes) = make(&key).unwrap();
        assert_eq!((codes.len(), hashes.len()), (CODES, CODES));
        let mut seen: Vec<&str> = codes.iter().map(ExposeSecret::expose_secret).collect();
        assert!(seen.iter().all(|code| code.replace('-', "").len() == 26));
        let typed = seen[0].to_lowercase().replace('-', " ").into();
        assert_eq!(hash(&key, &typed), hashes[0]);
        assert_ne!(hash(&key, &codes[1]), hashes[0]);
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), CODES);
    }
}
