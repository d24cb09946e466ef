//! Randomness of the operating system, in the forms Core hands out.
//!
//! Every request needs a few ids, and to ask the system for each costs more than to make it. So
//! each thread takes its ids from a stock that it fills now and then. Keys and secrets are asked
//! of the system one by one.

use std::cell::RefCell;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};

use zeroize::Zeroize;

use crate::json::hex;
use crate::store::StoreError;

const STOCK: usize = 512;

thread_local! {
    static IDS: RefCell<Stock> = const { RefCell::new(Stock { octets: [0; STOCK], left: 0 }) };
}

struct Stock {
    octets: [u8; STOCK],
    left: usize,
}

/// Fills `bytes` from the operating system's generator.
pub fn fill(bytes: &mut [u8]) -> Result<(), StoreError> {
    SystemRandom::new().fill(bytes).map_err(|_| StoreError::Unavailable)
}

/// An identifier nobody can guess or collide with: `PREFIX_` and 128 bits.
pub fn id(prefix: &str) -> Result<String, StoreError> {
    let octets: [u8; 16] = from_stock()?;
    Ok(format!("{prefix}_{}", URL_SAFE_NO_PAD.encode(octets)))
}

/// The id of a span: 16 hex digits.
pub fn span() -> Result<String, StoreError> {
    Ok(hex(&from_stock::<8>()?))
}

fn from_stock<const N: usize>() -> Result<[u8; N], StoreError> {
    IDS.with_borrow_mut(|stock| stock.take())
}

impl Stock {
    /// What is handed out is wiped, so that no octet is used twice or read later.
    fn take<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        const { assert!(N <= STOCK) };
        if self.left < N {
            fill(&mut self.octets)?;
            self.left = STOCK;
        }
        let taken = &mut self.octets[self.left - N..self.left];
        let mut octets = [0; N];
        octets.copy_from_slice(taken);
        taken.zeroize();
        self.left -= N;
        Ok(octets)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_of_all_threads_differ_also_beyond_one_stock() {
        let make = || (0..200).map(|_| id("x").unwrap()).collect::<Vec<_>>();
        let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(make)).collect();
        let ids: Vec<String> =
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 800);
        assert!(ids.iter().all(|id| id.len() == "x_".len() + 22));
    }

    #[test]
    fn what_was_handed_out_is_wiped() {
        let mut stock = Stock { octets: [0; STOCK], left: 0 };
        let first: [u8; 16] = stock.take().unwrap();
        assert_ne!(first, [0; 16]);
        assert_eq!((stock.left, &stock.octets[stock.left..]), (STOCK - 16, &[0; 16][..]));
        assert_eq!(span().unwrap().len(), 16);
    }
}
