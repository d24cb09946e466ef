//! The key that signs checkpoints. It is not the key of the tokens, so that whoever can mint a
//! token cannot rewrite the past, and it signs nothing but statements about the log.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use zeroize::Zeroizing;

use crate::json::sha256;
use crate::store::{StoreError, files};

pub struct AuditKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

/// What an outsider needs to verify the log: 32 octets, written as base64url.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl AuditKey {
    /// Reads the key file, or makes one on the first start.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let pkcs8 = files::read_or_create(path, || {
            let fresh = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
                .map_err(|_| StoreError::Unavailable)?;
            Ok(Zeroizing::new(fresh.as_ref().to_vec()))
        })?;
        Self::parse(path, &pkcs8)
    }

    /// Reads the key file and never makes one.
    pub fn read(path: &Path) -> Result<Self, StoreError> {
        Self::parse(path, &files::read(path)?)
    }

    fn parse(path: &Path, pkcs8: &[u8]) -> Result<Self, StoreError> {
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| StoreError::File {
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
        let octets = pair.public_key().as_ref().try_into();
        let public = PublicKey(octets.expect("an Ed25519 key has 32 octets"));
        Self { pair, public }
    }

    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// The signature as base64url.
    pub fn sign(&self, text: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.pair.sign(text.as_bytes()))
    }
}

impl std::fmt::Debug for AuditKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "AuditKey({})", self.public.id())
    }
}

impl PublicKey {
    /// Reads what [`PublicKey`] prints.
    pub fn parse(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text.trim()).ok()?.try_into().ok().map(Self)
    }

    /// The RFC 7638 thumbprint: it names the key and anybody can recompute it.
    pub fn id(self) -> String {
        let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{self}"}}"#);
        URL_SAFE_NO_PAD.encode(sha256(members.as_bytes()))
    }

    pub fn verifies(self, text: &str, signature: &str) -> bool {
        URL_SAFE_NO_PAD.decode(signature).is_ok_and(|signature| {
            UnparsedPublicKey::new(&ED25519, self.0).verify(text.as_bytes(), &signature).is_ok()
        })
    }
}

impl std::fmt::Display for PublicKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn a_key_is_made_once_for_its_owner_only_and_prints_its_public_half() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.key");
        assert!(AuditKey::read(&path).is_err());
        let made = AuditKey::open(&path).unwrap();
        let again = AuditKey::open(&path).unwrap();
        assert_eq!(made.public(), again.public());
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let public = PublicKey::parse(&format!("{}\n", made.public())).unwrap();
        let signature = again.sign("statement");
        assert!(public.verifies("statement", &signature));
        assert!(!public.verifies("statemenT", &signature));
        assert!(!AuditKey::from_seed(&[7; 32]).public().verifies("statement", &signature));
        assert_eq!(format!("{made:?}"), format!("AuditKey({})", public.id()));
        assert_eq!(PublicKey::parse("short"), None);
    }
}
