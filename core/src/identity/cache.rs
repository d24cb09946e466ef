//! Tokens that were verified before, by their hash.
//!
//! A hit saves the signature and the parsing, nothing else: the times are looked at again, and
//! whether the session or the registration behind the token still counts is asked elsewhere each
//! time. An entry made under older keys is no hit, so a revoked key takes its tokens with it.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::tokens::{Claims, TokenKind};
use crate::json::sha256;

const SHARDS: usize = 16;
const LARGEST_SHARD: usize = 1_024;

/// A token whose signature and claims were found good.
#[derive(Debug)]
pub struct Verified {
    pub kind: TokenKind,
    pub claims: Claims,
    epoch: u64,
}

impl Verified {
    pub(super) fn new(kind: TokenKind, claims: Claims, epoch: u64) -> Self {
        Self { kind, claims, epoch }
    }

    /// That of the registration a plugin token was issued for.
    pub fn generation(&self) -> Option<i64> {
        self.claims.integer("gen").filter(|_| self.kind == TokenKind::Plugin)
    }
}

#[derive(Default)]
pub(super) struct Cache {
    shards: [RwLock<HashMap<[u8; 32], Arc<Verified>>>; SHARDS],
}

pub(super) fn key(token: &str) -> [u8; 32] {
    sha256(token.as_bytes())
}

impl Cache {
    pub fn get(&self, key: &[u8; 32], epoch: u64) -> Option<Arc<Verified>> {
        let shard = self.shard(key).read().unwrap_or_else(PoisonError::into_inner);
        shard.get(key).filter(|known| known.epoch == epoch).cloned()
    }

    /// A full shard first loses what has ended, then everything: it fills again by itself.
    pub fn keep(&self, key: [u8; 32], verified: Arc<Verified>, now: i64) {
        let mut shard = self.shard(&key).write().unwrap_or_else(PoisonError::into_inner);
        if shard.len() >= LARGEST_SHARD {
            let epoch = verified.epoch;
            shard.retain(|_, known| known.epoch == epoch && known.claims.expires_at > now);
        }
        if shard.len() >= LARGEST_SHARD {
            shard.clear();
        }
        shard.insert(key, verified);
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        let lengths = self.shards.iter().map(|shard| shard.read().expect("not poisoned").len());
        lengths.sum()
    }

    fn shard(&self, key: &[u8; 32]) -> &RwLock<HashMap<[u8; 32], Arc<Verified>>> {
        &self.shards[usize::from(key[0]) % SHARDS]
    }
}
