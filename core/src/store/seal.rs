//! Sealing of values at rest: AES-256-GCM, one key per plugin, all derived from one master key.
//!
//! The master key never touches the database. A value is bound to its plugin by its key and to its
//! place by the associated data, so that a sealed value moved elsewhere does not open.

use std::path::Path;
use std::sync::Arc;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use zeroize::Zeroizing;

use super::{StoreError, files};
use crate::random;

const KEY_LEN: usize = 32;
/// First byte of every sealed value, so that a later scheme can tell itself apart.
const SCHEME: u8 = 1;

/// The root of all keys kept at rest.
#[derive(Clone)]
pub struct MasterKey(Arc<Prk>);

impl MasterKey {
    /// Reads the key file, or makes one on the first start.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let bytes = files::read_or_create(path, || {
            let mut fresh = Zeroizing::new(vec![0; KEY_LEN]);
            random::fill(&mut fresh)?;
            Ok(fresh)
        })?;
        Self::from_bytes(&bytes).ok_or_else(|| StoreError::File {
            path: path.to_owned(),
            reason: format!("a master key has {KEY_LEN} bytes"),
        })
    }

    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let salt = Salt::new(HKDF_SHA256, b"vivified master key");
        (bytes.len() == KEY_LEN).then(|| Self(Arc::new(salt.extract(bytes))))
    }

    /// A key for one purpose; the parts are separated, so `ab`,`c` and `a`,`bc` differ.
    pub fn derive(&self, purpose: &str, subject: &str) -> Zeroizing<[u8; KEY_LEN]> {
        let mut key = Zeroizing::new([0; KEY_LEN]);
        let info = [purpose.as_bytes(), &[0], subject.as_bytes()];
        self.0
            .expand(&info, Length)
            .and_then(|output| output.fill(key.as_mut_slice()))
            .expect("HKDF-SHA256 gives 32 bytes for any purpose");
        key
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("MasterKey")
    }
}

struct Length;

impl KeyType for Length {
    fn len(&self) -> usize {
        KEY_LEN
    }
}

/// Closes and opens values of plugins.
#[derive(Clone, Debug)]
pub struct Sealer {
    master: MasterKey,
}

impl Sealer {
    pub fn new(master: MasterKey) -> Self {
        Self { master }
    }

    /// `aad` names the place of the value, for instance `storage/KEY/REVISION`.
    pub fn seal(&self, plugin_id: &str, aad: &[u8], bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut nonce = [0; NONCE_LEN];
        random::fill(&mut nonce)?;
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + bytes.len() + AES_256_GCM.tag_len());
        sealed.push(SCHEME);
        sealed.extend_from_slice(&nonce);
        let mut text = bytes.to_vec();
        self.key(plugin_id)
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(aad),
                &mut text,
            )
            .map_err(|_| StoreError::Seal)?;
        sealed.append(&mut text);
        Ok(sealed)
    }

    pub fn open(
        &self,
        plugin_id: &str,
        aad: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let (scheme, rest) = sealed.split_first().ok_or(StoreError::Seal)?;
        if *scheme != SCHEME || rest.len() < NONCE_LEN {
            return Err(StoreError::Seal);
        }
        let (nonce, text) = rest.split_at(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| StoreError::Seal)?;
        let mut text = Zeroizing::new(text.to_vec());
        let length = self
            .key(plugin_id)
            .open_in_place(nonce, Aad::from(aad), &mut text)
            .map_err(|_| StoreError::Seal)?
            .len();
        text.truncate(length);
        Ok(text)
    }

    fn key(&self, plugin_id: &str) -> LessSafeKey {
        let key = self.master.derive("plugin data", plugin_id);
        UnboundKey::new(&AES_256_GCM, key.as_slice())
            .map(LessSafeKey::new)
            .expect("a derived key has the length of the cipher")
    }
}
