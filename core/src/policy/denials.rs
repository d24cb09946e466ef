//! Denials of the recent past by their id, so that each can be explained.
//!
//! The newest few thousand are in memory. The audit log keeps every one, with what was decided
//! about beside it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use super::decision::{Decision, RuleName};
use super::inputs::Inputs;

/// Most denials in memory.
pub const KEPT: usize = 4_096;

#[derive(Debug, Clone)]
pub struct Denial {
    pub decision_id: String,
    /// Milliseconds since 1970.
    pub at: i64,
    pub rule: RuleName,
    pub code: String,
    /// None when a lane denied for a reason of its own, such as a cycle of calls.
    pub judged: Option<Judged>,
}

/// What the policy was asked and by which version it answered.
#[derive(Debug, Clone)]
pub struct Judged {
    pub inputs: Inputs,
    pub decision: Decision,
}

impl Denial {
    /// What the audit record says of it beside the rule: the rights on both sides and the classes
    /// of data, no identifier of a person and nothing of the payload.
    pub fn details(&self) -> Vec<(String, String)> {
        let Some(Judged { inputs, decision }) = &self.judged else { return Vec::new() };
        let mut details = vec![("policy_version".to_owned(), decision.version.to_string())];
        let mut put = |key: &str, names: Vec<String>| {
            if !names.is_empty() {
                details.push((key.to_owned(), names.join(" ")));
            }
        };
        put("caller_traits", inputs.traits.names());
        put("caller_roles", inputs.roles.names());
        put("data", inputs.data.names());
        put("other_traits", inputs.other.iter().flat_map(|other| other.traits.names()).collect());
        put("missing", decision.missing.map(str::to_owned).into_iter().collect());
        details
    }
}

#[derive(Default)]
pub struct Denials(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    by_id: HashMap<String, Arc<Denial>>,
    order: VecDeque<String>,
}

impl Denials {
    pub fn keep(&self, denial: Denial) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.order.len() == KEPT
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.by_id.remove(&oldest);
        }
        kept.order.push_back(denial.decision_id.clone());
        kept.by_id.insert(denial.decision_id.clone(), Arc::new(denial));
    }

    pub fn get(&self, decision_id: &str) -> Option<Arc<Denial>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.by_id.get(decision_id).cloned()
    }
}
