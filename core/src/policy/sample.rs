//! A bounded sample of what was decided, for trying other rules on it.
//!
//! It lives in memory and starts empty with each start of Core. Requests that look alike to the
//! policy share one place with a count, so that a few thousand places hold what a busy Core
//! decides in hours. Knowing a request again costs a hash and two atomic operations; only one
//! that is new takes the lock, and when somebody else holds it the request goes by unrecorded.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::inputs::Inputs;
use super::request::{Party, Request};

/// Places of the sample. Of two requests that fall on one place the newer stays.
pub const PLACES: usize = 4_096;

pub struct Sample {
    places: Box<[Place]>,
    inputs: Mutex<HashMap<usize, Inputs>>,
}

#[derive(Default)]
struct Place {
    print: AtomicU64,
    count: AtomicU64,
}

/// Inputs and how often they were met.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub inputs: Inputs,
    pub count: u64,
}

impl Sample {
    pub fn new() -> Self {
        let places = std::iter::repeat_with(Place::default).take(PLACES).collect();
        Self { places, inputs: Mutex::default() }
    }

    pub fn note(&self, request: &Request<'_>) {
        let print = print(request);
        let index = usize::try_from(print % PLACES as u64).unwrap_or(0);
        let place = &self.places[index];
        if place.print.load(Ordering::Relaxed) == print {
            place.count.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let Ok(mut inputs) = self.inputs.try_lock() else { return };
        inputs.insert(index, Inputs::of(request));
        place.count.store(1, Ordering::Relaxed);
        place.print.store(print, Ordering::Relaxed);
    }

    /// What there is, in no order.
    pub fn recorded(&self) -> Vec<Recorded> {
        let inputs = self.inputs.lock().unwrap_or_else(PoisonError::into_inner);
        let recorded = inputs.iter().map(|(index, inputs)| Recorded {
            inputs: inputs.clone(),
            count: self.places[*index].count.load(Ordering::Relaxed),
        });
        recorded.collect()
    }
}

impl Default for Sample {
    fn default() -> Self {
        Self::new()
    }
}

/// The same for requests that look alike to the policy; never zero, which an empty place holds.
fn print(request: &Request<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    let state = match request.caller {
        Party::Plugin { state, .. } => state as u8,
        _ => u8::MAX,
    };
    let claimed = request.claimed.is_some() && request.claimed != request.caller.plugin_id();
    (request.operation.place, request.caller.kind(), request.caller.plugin_id(), state)
        .hash(&mut hasher);
    (request.caller.traits(), request.caller.roles(), claimed, request.data).hash(&mut hasher);
    (request.destination, request.purpose, request.maskable, request.preliminary).hash(&mut hasher);
    if let Some(other) = request.other {
        (other.plugin_id, other.state, other.traits, other.needs, other.demands).hash(&mut hasher);
    }
    hasher.finish().max(1)
}
