//! The policy in force: exchanged as a whole, read without a lock.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::decision::Decision;
use super::document::Document;
use super::request::Request;
use super::rules::Rules;
use super::sample::Sample;

/// A handle; clones share the same rules.
#[derive(Clone)]
pub struct Policy {
    rules: Arc<ArcSwap<Rules>>,
    sample: Arc<Sample>,
}

impl Policy {
    pub fn new(rules: Rules) -> Self {
        Self { rules: Arc::new(ArcSwap::from_pointee(rules)), sample: Arc::new(Sample::new()) }
    }

    /// The built-in document, which is version 0.
    pub fn built_in() -> Self {
        Self::new(Rules::new(&Document::built_in(), 0))
    }

    /// Decides by the version in force and lets the sample have the request. One decision never
    /// sees two versions.
    pub fn decide(&self, request: &Request<'_>) -> Decision {
        self.sample.note(request);
        self.rules.load().decide(request)
    }

    /// The rules in force, for work that asks many questions of the same version.
    pub fn rules(&self) -> Arc<Rules> {
        self.rules.load_full()
    }

    pub fn sample(&self) -> &Sample {
        &self.sample
    }

    /// Puts other rules in force, unless newer ones already are.
    pub fn exchange(&self, rules: Rules) {
        let rules = Arc::new(rules);
        self.rules.rcu(|current| {
            if current.version() < rules.version() { rules.clone() } else { current.clone() }
        });
    }
}
