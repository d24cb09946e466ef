//! Ed25519 keys (RFC 8032), alone and as the set that is valid at one moment.
//!
//! A private key never leaves this module but sealed: it has no `Debug` that shows it and no way
//! out but a signature. The key id is the RFC 7638 thumbprint, so it can be checked by anybody and
//! never collides. Which key signs when is decided by the rotation.
//!
//! Keys are made and read by ring. What happens for every call and for every token that is seen for
//! the first time, to sign and to verify, is done by ed25519-dalek with keys that stand ready: it
//! takes a fifth less time for both.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use zeroize::Zeroizing;

use crate::json::sha256;
use crate::store::StoreError;

/// The keys that count at one moment: one signs, all verify.
#[derive(Clone)]
pub struct SigningKeys {
    pair: Arc<SigningKey>,
    /// The one that signs stands first.
    public: Vec<PublicKey>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    pub kid: String,
    /// The 32 octets as base64url.
    pub x: String,
    octets: Vec<u8>,
    /// None when the octets are no point of the curve: then nothing is signed by this key.
    ready: Option<VerifyingKey>,
}

/// Where the 32 octets of the seed stand in the PKCS #8 of a key (RFC 8410 section 7).
const SEED: std::ops::Range<usize> = 16..48;

/// A new private key as PKCS #8, and its public half.
pub(super) fn generate() -> Result<(Zeroizing<Vec<u8>>, PublicKey), StoreError> {
    let fresh = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
        .map_err(|_| StoreError::Unavailable)?;
    let pkcs8 = Zeroizing::new(fresh.as_ref().to_vec());
    let pair = read(&pkcs8)?;
    Ok((pkcs8, PublicKey::new(pair.verifying_key().as_bytes())))
}

/// ring reads the form and finds a public half that does not fit the private one.
fn read(pkcs8: &[u8]) -> Result<SigningKey, StoreError> {
    let broken = || StoreError::Broken("signing_keys");
    let known = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| broken())?;
    let seed = pkcs8.get(SEED).and_then(|seed| seed.try_into().ok()).ok_or_else(broken)?;
    let pair = SigningKey::from_bytes(seed);
    let same = pair.verifying_key().as_bytes() == known.public_key().as_ref();
    same.then_some(pair).ok_or_else(broken)
}

impl SigningKeys {
    /// `others` verify beside the key that signs.
    pub(super) fn new(pkcs8: &[u8], others: Vec<PublicKey>) -> Result<Self, StoreError> {
        Ok(Self::of(read(pkcs8)?, others))
    }

    #[cfg(test)]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self::of(SigningKey::from_bytes(seed), Vec::new())
    }

    fn of(pair: SigningKey, others: Vec<PublicKey>) -> Self {
        let mut public = vec![PublicKey::new(pair.verifying_key().as_bytes())];
        public.extend(others);
        Self { pair: Arc::new(pair), public }
    }

    /// The keys that verify tokens of Core; the first one signs.
    pub fn public(&self) -> &[PublicKey] {
        &self.public
    }

    pub fn kid(&self) -> &str {
        &self.public[0].kid
    }

    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.pair.sign(message).to_bytes()
    }

    /// None when no key has this id.
    pub fn find(&self, kid: &str) -> Option<&PublicKey> {
        self.public.iter().find(|key| key.kid == kid)
    }
}

impl std::fmt::Debug for SigningKeys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "SigningKeys({})", self.kid())
    }
}

impl PublicKey {
    pub fn new(octets: &[u8]) -> Self {
        let x = URL_SAFE_NO_PAD.encode(octets);
        // RFC 7638 section 3: the required members in order, nothing between them.
        let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        let kid = URL_SAFE_NO_PAD.encode(sha256(members.as_bytes()));
        let ready = octets.try_into().ok().and_then(|octets| VerifyingKey::from_bytes(octets).ok());
        Self { kid, x, octets: octets.to_vec(), ready }
    }

    pub(super) fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// Strict: keys of small order and signatures that are not in canonical form are refused.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let (Some(ready), Ok(signature)) = (&self.ready, Signature::from_slice(signature)) else {
            return false;
        };
        ready.verify_strict(message, &signature).is_ok()
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
    fn a_generated_key_signs_what_its_public_half_and_no_other_verifies() {
        let (pkcs8, public) = generate().unwrap();
        let (_, other) = generate().unwrap();
        let keys = SigningKeys::new(&pkcs8, vec![other.clone()]).unwrap();
        let signature = keys.sign(b"message");
        assert_eq!(keys.kid(), public.kid);
        assert!(public.verifies(b"message", &signature));
        assert!(!other.verifies(b"message", &signature));
        assert_eq!(keys.find(&other.kid), Some(&other));
        assert_eq!(format!("{keys:?}"), format!("SigningKeys({})", public.kid));
        assert!(SigningKeys::new(&pkcs8[1..], Vec::new()).is_err());
    }
}
