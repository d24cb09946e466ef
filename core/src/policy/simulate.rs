//! What another document would have decided: the recorded sample, decided again by both.

use super::decision::{Decision, Effect};
use super::inputs::Inputs;
use super::rules::Rules;
use super::sample::Recorded;

#[derive(Debug)]
pub struct Simulation {
    /// Different requests that were tried.
    pub shapes: u64,
    /// Decisions they stand for.
    pub decisions: u64,
    /// Most frequent first.
    pub changed: Vec<Changed>,
}

/// A request that the other document decides otherwise.
#[derive(Debug)]
pub struct Changed {
    pub inputs: Inputs,
    pub count: u64,
    pub before: Decision,
    pub after: Decision,
}

/// Both decide the same requests in the same moment, so that a difference is one of the rules.
/// Another rule with the same effect is no change.
pub fn simulate(recorded: Vec<Recorded>, present: &Rules, candidate: &Rules) -> Simulation {
    let mut simulation = Simulation { shapes: 0, decisions: 0, changed: Vec::new() };
    for Recorded { inputs, count } in recorded {
        let Some(request) = inputs.request() else { continue };
        let (before, after) = (present.decide(&request), candidate.decide(&request));
        simulation.shapes += 1;
        simulation.decisions += count;
        if before.effect != after.effect {
            simulation.changed.push(Changed { inputs, count, before, after });
        }
    }
    simulation.changed.sort_by(|left, right| {
        let strictness = |changed: &Changed| changed.after.effect == Effect::Deny;
        let keys = (right.count, strictness(right)).cmp(&(left.count, strictness(left)));
        keys.then_with(|| left.inputs.operation.cmp(right.inputs.operation))
    });
    simulation
}
