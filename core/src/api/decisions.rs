//! From a decision of the policy to the problem its caller sees and the record that names its rule.
//!
//! A denial gets an id, which the caller can quote and an administrator can have explained. The
//! problem carries the id and not the rule; what was decided about stays with Core.

use std::sync::Arc;

use vivified_contract::problems;
use vivified_contract::runtime::Problem;

use crate::clock::Clock;
use crate::policy::{Decision, Denial, Denials, Inputs, Judged, Request, RuleName};
use crate::random;

pub struct Decisions {
    clock: Clock,
    denials: Denials,
}

impl Decisions {
    pub fn new(clock: Clock) -> Self {
        Self { clock, denials: Denials::default() }
    }

    /// The problem of a denial, with an id that finds its explanation.
    pub fn problem(&self, request: &Request<'_>, decision: &Decision) -> Problem {
        let mut problem = by_code(decision.code);
        if let Some(missing) = decision.missing {
            problem = problem.with_detail(format!("missing: {missing}"));
        }
        if let Some(hint) = decision.hint {
            problem = problem.with_hint(hint);
        }
        let judged = Judged { inputs: Inputs::of(request), decision: decision.clone() };
        self.keep(decision.rule.clone(), problem, Some(judged))
    }

    /// The same for a denial that another part of Core has decided.
    pub fn denied(&self, rule: &'static str, problem: Problem) -> Problem {
        self.keep(rule.into(), problem, None)
    }

    pub fn get(&self, decision_id: &str) -> Option<Arc<Denial>> {
        self.denials.get(decision_id)
    }

    fn keep(&self, rule: RuleName, problem: Problem, judged: Option<Judged>) -> Problem {
        let Ok(decision_id) = random::id("dec") else { return problems::internal_error() };
        let (at, code) = (self.clock.unix_millis(), problem.code.to_string());
        self.denials.keep(Denial { decision_id: decision_id.clone(), at, rule, code, judged });
        problem.with_decision(decision_id)
    }
}

fn by_code(code: &str) -> Problem {
    match code {
        "wrong_principal" => problems::wrong_principal(),
        "identity_mismatch" => problems::identity_mismatch(),
        "plugin_inactive" => problems::plugin_inactive(),
        "trait_missing" => problems::trait_missing(),
        "data_trait_missing" => problems::data_trait_missing(),
        "operation_not_granted" => problems::operation_not_granted(),
        "callee_unavailable" => problems::callee_unavailable(),
        "egress_denied" => problems::egress_denied(),
        "purpose_required" => problems::purpose_required(),
        _ => problems::forbidden(),
    }
}
