//! How many connections there may be, in all and from one address.
//!
//! Counted by the address of the connection and nothing a client writes. What is over a bound is
//! closed at once: a queue would only move the flood.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::api::limits::address_key;
use crate::telemetry::metrics::{CONNECTION_ENDS, CONNECTIONS, Connection};

#[derive(Clone)]
pub struct Gate {
    most: usize,
    most_per_address: usize,
    open: Arc<Mutex<Open>>,
}

#[derive(Default)]
struct Open {
    all: usize,
    by_address: HashMap<String, usize>,
}

/// The place of one connection, given back when it is dropped.
pub struct Place {
    gate: Gate,
    key: String,
}

impl Gate {
    pub fn new(most: usize, most_per_address: usize) -> Self {
        Self { most, most_per_address, open: Arc::default() }
    }

    /// None when there are enough.
    pub fn enter(&self, peer: SocketAddr) -> Option<Place> {
        let key = address_key(Some(peer));
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.all >= self.most {
            CONNECTION_ENDS.count(Connection::OverTotal);
            return None;
        }
        let own = open.by_address.entry(key.clone()).or_default();
        if *own >= self.most_per_address {
            CONNECTION_ENDS.count(Connection::OverAddress);
            return None;
        }
        *own += 1;
        open.all += 1;
        CONNECTION_ENDS.count(Connection::Accepted);
        CONNECTIONS.add((), 1);
        Some(Place { gate: self.clone(), key })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.gate.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all -= 1;
        if let Some(own) = open.by_address.get_mut(&self.key) {
            *own -= 1;
            if *own == 0 {
                open.by_address.remove(&self.key);
            }
        }
        CONNECTIONS.add((), -1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn each_address_has_its_bound_and_a_place_comes_back() {
        let gate = Gate::new(100, 2);
        let first = gate.enter(peer("192.0.2.1:1"));
        let second = gate.enter(peer("[::ffff:192.0.2.1]:2"));
        assert!(first.is_some() && second.is_some());
        assert!(gate.enter(peer("192.0.2.1:3")).is_none());
        assert!(gate.enter(peer("192.0.2.2:1")).is_some());
        drop(first);
        assert!(gate.enter(peer("192.0.2.1:4")).is_some());
    }

    #[test]
    fn all_addresses_together_have_a_bound() {
        let gate = Gate::new(3, 2);
        let places: Vec<_> =
            (1..=5).filter_map(|host| gate.enter(peer(&format!("192.0.2.{host}:1")))).collect();
        assert_eq!(places.len(), 3);
        drop(places);
        let open = gate.open.lock().expect("locks");
        assert_eq!((open.all, open.by_address.len()), (0, 0));
    }
}
