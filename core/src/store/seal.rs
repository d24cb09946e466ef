//! Sealing of values at rest: AES-256-GCM, one key per plugin, all derived from one master key.
//!
//! The master key never touches the database. A value is bound to its plugin by its key and to its
//! place by the associated data, so that a sealed value moved elsewhere does not open. The key of
//! a plugin has versions; each sealed value says which one closed it, so that keys can change
//! while values stay readable.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use zeroize::Zeroizing;

use super::{StoreError, files};
use crate::random;

const KEY_LEN: usize = 32;
/// First byte of every sealed value, so that a later scheme can tell itself apart.
const SCHEME: u8 = 2;
const VERSION_LEN: usize = 4;
const HEADER: usize = 1 + VERSION_LEN + NONCE_LEN;
/// The key a plugin has from the start; later ones are made by rotation.
const FIRST_VERSION: u32 = 1;
const PURPOSE: &str = "plugin data";

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
        self.expand(&[purpose.as_bytes(), &[0], subject.as_bytes()])
    }

    /// A later key for the same purpose and subject. Who has the master key alone cannot make it.
    fn derive_salted(
        &self,
        purpose: &str,
        subject: &str,
        version: u32,
        salt: &[u8],
    ) -> Zeroizing<[u8; KEY_LEN]> {
        let version = version.to_be_bytes();
        self.expand(&[purpose.as_bytes(), &[0], subject.as_bytes(), &[0], &version, salt])
    }

    fn expand(&self, info: &[&[u8]]) -> Zeroizing<[u8; KEY_LEN]> {
        let mut key = Zeroizing::new([0; KEY_LEN]);
        self.0
            .expand(info, Length)
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

/// Closes and opens values of plugins. Clones share the keys.
///
/// A sealed value is `SCHEME, version of the key, nonce, ciphertext and tag`. The associated data
/// repeats scheme, version and plugin and adds the place, so that nothing can be moved.
#[derive(Clone)]
pub struct Sealer {
    master: MasterKey,
    rings: Arc<RwLock<HashMap<String, Arc<Ring>>>>,
}

/// The keys of one plugin. The newest seals; the older ones open what is not sealed anew yet.
struct Ring {
    newest: u32,
    keys: BTreeMap<u32, LessSafeKey>,
}

impl Sealer {
    pub fn new(master: MasterKey) -> Self {
        Self { master, rings: Arc::default() }
    }

    /// `place` names the place of the value, for instance `storage/KEY/REVISION`.
    pub fn seal(&self, plugin_id: &str, place: &[u8], bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut nonce = [0; NONCE_LEN];
        random::fill(&mut nonce)?;
        let ring = self.ring(plugin_id);
        let key = ring.keys.get(&ring.newest).ok_or(StoreError::Seal)?;
        let mut sealed = Vec::with_capacity(HEADER + bytes.len() + AES_256_GCM.tag_len());
        sealed.push(SCHEME);
        sealed.extend_from_slice(&ring.newest.to_be_bytes());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(bytes);
        let aad = Aad::from(bind(ring.newest, plugin_id, place));
        let (_, text) = sealed.split_at_mut(HEADER);
        let tag = key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), aad, text)
            .map_err(|_| StoreError::Seal)?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    pub fn open(
        &self,
        plugin_id: &str,
        place: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let version = version_of(sealed).ok_or(StoreError::Seal)?;
        let (header, text) = sealed.split_at_checked(HEADER).ok_or(StoreError::Seal)?;
        let nonce = Nonce::try_assume_unique_for_key(&header[1 + VERSION_LEN..])
            .map_err(|_| StoreError::Seal)?;
        let ring = self.ring(plugin_id);
        let key = ring.keys.get(&version).ok_or(StoreError::Seal)?;
        let mut text = Zeroizing::new(text.to_vec());
        let aad = Aad::from(bind(version, plugin_id, place));
        let length = key.open_in_place(nonce, aad, &mut text).map_err(|_| StoreError::Seal)?.len();
        text.truncate(length);
        Ok(text)
    }

    /// The version of the key that seals for this plugin now.
    pub fn version(&self, plugin_id: &str) -> u32 {
        self.ring(plugin_id).newest
    }

    /// Whether a value was sealed with an older key than the one that seals now.
    pub fn is_stale(&self, plugin_id: &str, sealed: &[u8]) -> bool {
        version_of(sealed) != Some(self.version(plugin_id))
    }

    /// Adds a later key, made from the master key and `salt`; the highest version seals.
    pub fn add_key(&self, plugin_id: &str, version: u32, salt: &[u8]) {
        let known = self.ring(plugin_id);
        let mut keys: BTreeMap<u32, LessSafeKey> = known.keys.clone();
        let bytes = self.master.derive_salted(PURPOSE, plugin_id, version, salt);
        keys.insert(version, cipher(&bytes));
        let newest = known.newest.max(version);
        let mut rings = self.rings.write().unwrap_or_else(PoisonError::into_inner);
        rings.insert(plugin_id.to_owned(), Arc::new(Ring { newest, keys }));
    }

    fn ring(&self, plugin_id: &str) -> Arc<Ring> {
        let rings = self.rings.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(ring) = rings.get(plugin_id) {
            return ring.clone();
        }
        drop(rings);
        let first = cipher(&self.master.derive(PURPOSE, plugin_id));
        let ring = Ring { newest: FIRST_VERSION, keys: BTreeMap::from([(FIRST_VERSION, first)]) };
        let mut rings = self.rings.write().unwrap_or_else(PoisonError::into_inner);
        rings.entry(plugin_id.to_owned()).or_insert_with(|| Arc::new(ring)).clone()
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Sealer")
    }
}

fn version_of(sealed: &[u8]) -> Option<u32> {
    let (scheme, rest) = sealed.split_first()?;
    let version = rest.first_chunk::<VERSION_LEN>()?;
    (*scheme == SCHEME).then(|| u32::from_be_bytes(*version))
}

/// Length before text, so that two different triples never give the same octets.
fn bind(version: u32, plugin_id: &str, place: &[u8]) -> Vec<u8> {
    let mut bound = vec![SCHEME];
    bound.extend_from_slice(&version.to_be_bytes());
    bound.extend_from_slice(&(plugin_id.len() as u64).to_be_bytes());
    bound.extend_from_slice(plugin_id.as_bytes());
    bound.extend_from_slice(place);
    bound
}

fn cipher(key: &[u8; KEY_LEN]) -> LessSafeKey {
    UnboundKey::new(&AES_256_GCM, key)
        .map(LessSafeKey::new)
        .expect("a derived key has the length of the cipher")
}
