//! Connections to callees that are kept for the next call.
//!
//! Each callee has its own, at one address. When it moves, leaves or loses its rights they are
//! closed, and with them the calls that still run on them.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::address::Address;
use super::line::Line;
use crate::egress::connect::Tls;

/// Calls that run at one callee at a time; further ones wait for their deadline.
const MAX_OPEN: usize = 128;
/// All of them may rest: under load a bound below makes every burst dial anew.
const MAX_IDLE: usize = MAX_OPEN;
/// Shorter than the keep-alive of common servers, so that a request seldom meets a closing.
const MAX_REST: Duration = Duration::from_secs(3);

pub struct Pool {
    tls: Tls,
    callees: Mutex<HashMap<String, Arc<Callee>>>,
}

/// A callee at one address.
pub struct Callee {
    base_url: String,
    pub address: Address,
    idle: Mutex<Vec<(Line, Instant)>>,
    open: Arc<Semaphore>,
    gone: AtomicBool,
    going: Notify,
}

/// A connection in use. Dropped before the end of an answer it is closed.
pub struct Loan {
    pub line: Line,
    pub is_reused: bool,
    callee: Arc<Callee>,
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    pub fn new(tls: &Tls) -> Self {
        Self { tls: tls.clone(), callees: Mutex::default() }
    }

    /// `None` for an address Core does not call. A callee that has moved is closed at its old one.
    pub fn callee(&self, plugin_id: &str, base_url: &str) -> Option<Arc<Callee>> {
        let mut callees = self.callees.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(callee) = callees.get(plugin_id).filter(|callee| callee.base_url == base_url) {
            return Some(callee.clone());
        }
        let callee = Arc::new(Callee {
            base_url: base_url.to_owned(),
            address: Address::parse(base_url)?,
            idle: Mutex::default(),
            open: Arc::new(Semaphore::new(MAX_OPEN)),
            gone: AtomicBool::new(false),
            going: Notify::new(),
        });
        if let Some(old) = callees.insert(plugin_id.to_owned(), callee.clone()) {
            old.close();
        }
        Some(callee)
    }

    /// Closes every callee that `stays` does not know at its address, and what rests too long.
    pub fn keep(&self, stays: impl Fn(&str, &str) -> bool) {
        let mut callees = self.callees.lock().unwrap_or_else(PoisonError::into_inner);
        callees.retain(|plugin_id, callee| {
            let stays = stays(plugin_id, &callee.base_url);
            if stays {
                callee.drop_rested();
            } else {
                callee.close();
            }
            stays
        });
    }

    /// A connection for one request: one that rests, or a new one.
    pub async fn take(&self, callee: &Arc<Callee>, fresh: bool) -> io::Result<Loan> {
        let closed = |_| io::Error::from(io::ErrorKind::NotConnected);
        let permit = callee.open.clone().acquire_owned().await.map_err(closed)?;
        while let Some(mut line) = callee.rested().filter(|_| !fresh) {
            if line.is_idle() {
                let callee = callee.clone();
                return Ok(Loan { line, is_reused: true, callee, _permit: permit });
            }
        }
        let line = Line::open(&callee.address, &self.tls).await?;
        Ok(Loan { line, is_reused: false, callee: callee.clone(), _permit: permit })
    }
}

impl Callee {
    /// Resolves when the callee has been closed.
    pub async fn is_gone(&self) {
        let going = self.going.notified();
        if !self.gone.load(Ordering::SeqCst) {
            going.await;
        }
    }

    fn rested(&self) -> Option<Line> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let (line, since) = idle.pop()?;
        // The last one is the youngest, so behind an old one there are only older ones.
        if since.elapsed() > MAX_REST {
            idle.clear();
            return None;
        }
        Some(line)
    }

    fn drop_rested(&self) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, since)| since.elapsed() <= MAX_REST);
    }

    fn close(&self) {
        self.gone.store(true, Ordering::SeqCst);
        self.open.close();
        self.going.notify_waiters();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Loan {
    /// Gives the connection back after the end of an answer; one that is not quiet is closed.
    pub fn give_back(mut self) {
        if !self.line.is_idle() || self.callee.gone.load(Ordering::SeqCst) {
            return;
        }
        let mut idle = self.callee.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE {
            idle.push((self.line, Instant::now()));
        }
    }
}
