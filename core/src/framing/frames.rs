//! Frames of HTTP/2 that ask for nothing, and how many of them a peer may send.
//!
//! PING, SETTINGS, PRIORITY, WINDOW_UPDATE and the like are legal in any number. Each costs its
//! sender next to nothing and its reader some work, so a connection has a stock of them. It fills
//! up again with time, and with what is sent to the peer: whoever takes large answers has much to
//! acknowledge.

use std::time::{Duration, Instant};

use super::Ambiguous;

/// Enough for any peer that wants an answer.
pub const STOCK: u64 = 10_000;
const RETURNS_EVERY: Duration = Duration::from_millis(10);
/// Octets sent to the peer for which one frame returns; a window is moved by more than that.
const RETURNS_FOR: u64 = 1024;
/// What is left of the preface behind its first empty line.
const PREFACE_END: u32 = 6;
const HEADER: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;

#[derive(Debug)]
pub struct Frames {
    header: [u8; HEADER],
    filled: usize,
    /// Of the payload that is passing.
    left: u32,
    stock: u64,
    counted: Instant,
    sent: u64,
}

impl Frames {
    pub fn new(now: Instant) -> Self {
        let header = [0; HEADER];
        Self { header, filled: 0, left: PREFACE_END, stock: STOCK, counted: now, sent: 0 }
    }

    /// Takes octets in the order they arrive; an error when the stock is used up.
    pub fn follow(&mut self, mut octets: &[u8], now: Instant) -> Result<(), Ambiguous> {
        self.refill(now);
        while !octets.is_empty() {
            if self.left > 0 {
                let passing = octets.len().min(self.left as usize);
                self.left -= passing as u32;
                octets = &octets[passing..];
                continue;
            }
            let taken = octets.len().min(HEADER - self.filled);
            self.header[self.filled..self.filled + taken].copy_from_slice(&octets[..taken]);
            self.filled += taken;
            octets = &octets[taken..];
            if self.filled == HEADER {
                self.filled = 0;
                self.begin()?;
            }
        }
        Ok(())
    }

    /// So many octets have gone to the peer.
    pub fn sent(&mut self, octets: usize) {
        self.sent += octets as u64;
    }

    fn begin(&mut self) -> Result<(), Ambiguous> {
        let [high, middle, low, kind, ..] = self.header;
        self.left = u32::from_be_bytes([0, high, middle, low]);
        if kind == HEADERS || (kind == DATA && self.left > 0) {
            return Ok(());
        }
        self.stock = self.stock.checked_sub(1).ok_or(Ambiguous)?;
        Ok(())
    }

    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.counted);
        let by_time = (passed.as_millis() / RETURNS_EVERY.as_millis()) as u64;
        if by_time > 0 {
            self.counted = now;
        }
        let by_sending = self.sent / RETURNS_FOR;
        self.sent %= RETURNS_FOR;
        self.stock = STOCK.min(self.stock + by_time + by_sending);
    }
}
