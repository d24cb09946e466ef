//! From a decision of the policy to the problem its caller sees and the rule its record names.
//!
//! A denial gets an id, which the caller can quote. The rule stays here until the outcome is
//! recorded, because a problem carries the id and not the rule.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use vivified_contract::problems;
use vivified_contract::runtime::Problem;

use crate::policy::Decision;
use crate::random;

/// Denials on their way to their record; each is taken out by it.
#[derive(Default)]
pub struct Decisions(Mutex<HashMap<String, &'static str>>);

impl Decisions {
    /// The problem of a denial, with an id that the audit log explains.
    pub fn problem(&self, decision: &Decision) -> Problem {
        let mut problem = by_code(decision.code);
        if let Some(missing) = decision.missing {
            problem = problem.with_detail(format!("missing: {missing}"));
        }
        if let Some(hint) = decision.hint {
            problem = problem.with_hint(hint);
        }
        self.denied(decision.rule, problem)
    }

    /// The same for a denial that another part of Core has decided.
    pub fn denied(&self, rule: &'static str, problem: Problem) -> Problem {
        let Ok(id) = random::id("dec") else { return problems::internal_error() };
        let mut rules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rules.insert(id.clone(), rule);
        problem.with_decision(id)
    }

    pub(super) fn take_rule(&self, id: &str) -> Option<&'static str> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id)
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
        _ => problems::forbidden(),
    }
}
