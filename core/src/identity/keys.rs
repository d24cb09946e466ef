//! The key that signs every token of Core, and its public half as a JWK set.
//!
//! Ed25519 only (RFC 8032). The private key never leaves this module: it has no `Debug` that shows
//! it and no way out but a signature. The key id is the RFC 7638 thumbprint, so it can be checked
//! by anybody and never collides.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use zeroize::Zeroizing;

use crate::json::sha256;
use crate::store::{StoreError, files};

/// Verifies signatures of keys that Core knows; the first one signs.
pub struct SigningKeys {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    pub kid: String,
    /// The 32 octets as base64url.
    pub x: String,
    octets: Vec<u8>,
}

impl SigningKeys {
    /// Reads the key file, or makes one on the first start.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let pkcs8 = files::read_or_create(path, || {
            let fresh = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
                .map_err(|_| StoreError::Unavailable)?;
            Ok(Zeroizing::new(fresh.as_ref().to_vec()))
        })?;
        let pair = Ed25519KeyPair::from_pkcs8(&pkcs8).map_err(|_| StoreError::File {
            path: path.to_owned(),
            reason: "not an Ed25519 key in PKCS #8".into(),
        })?;
        Ok(Self::new(pair))
    }

    #[cfg(test)]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self::new(Ed25519KeyPair::from_seed_unchecked(seed).expect("a seed has 32 octets"))
    }

    fn new(pair: Ed25519KeyPair) -> Self {
        let public = PublicKey::new(pair.public_key().as_ref());
        Self { pair, public }
    }

    /// The keys that verify tokens of Core.
    pub fn public(&self) -> &[PublicKey] {
        std::slice::from_ref(&self.public)
    }

    pub fn kid(&self) -> &str {
        &self.public.kid
    }

    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }

    /// None when no key has this id.
    pub fn find(&self, kid: &str) -> Option<&PublicKey> {
        self.public().iter().find(|key| key.kid == kid)
    }
}

impl std::fmt::Debug for SigningKeys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "SigningKeys({})", self.public.kid)
    }
}

impl PublicKey {
    pub fn new(octets: &[u8]) -> Self {
        let x = URL_SAFE_NO_PAD.encode(octets);
        // RFC 7638 section 3: the required members in order, nothing between them.
        let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        let kid = URL_SAFE_NO_PAD.encode(sha256(members.as_bytes()));
        Self { kid, x, octets: octets.to_vec() }
    }

    /// Strict: ring refuses small-order keys and signatures that are not in canonical form.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.octets).verify(message, signature).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_id_is_the_thumbprint_of_rfc_8037() {
        // RFC 8037 appendix A.2 and A.3.
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let key = PublicKey::new(&URL_SAFE_NO_PAD.decode(x).unwrap());
        assert_eq!(key.kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert_eq!(key.x, x);
    }

    #[test]
    fn a_key_file_is_made_once_and_keys_differ_between_folders() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let first = SigningKeys::open(&one.path().join("signing.key")).unwrap();
        let again = SigningKeys::open(&one.path().join("signing.key")).unwrap();
        let other = SigningKeys::open(&two.path().join("signing.key")).unwrap();
        assert_eq!(first.kid(), again.kid());
        assert_ne!(first.kid(), other.kid());
        let signature = first.sign(b"message");
        assert!(again.public()[0].verifies(b"message", &signature));
        assert!(!other.public()[0].verifies(b"message", &signature));
        assert_eq!(format!("{first:?}"), format!("SigningKeys({})", first.kid()));
    }
}
