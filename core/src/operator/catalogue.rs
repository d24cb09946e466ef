//! What callees offer, read once for each manifest.
//!
//! A manifest is checked at registration and never changes under its digest, so its operations
//! are read and their schemas compiled at the first call and then only looked up.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::Value;

use crate::registry::{Offer, Plugin};
use crate::schemas::{Fault, Schema};

/// Manifests that are kept; the set starts over when it is full.
const MAX_KEPT: usize = 1_024;

/// One operation of a callee, ready to be called.
pub struct Operation {
    pub offer: Offer,
    input: Check,
    output: Check,
}

enum Check {
    None,
    Schema(Box<Schema>),
    /// The manifest has a schema that cannot be applied: nothing can pass it.
    Unusable,
}

type Operations = Arc<HashMap<String, Arc<Operation>>>;

/// Operations by the digest of their manifest.
#[derive(Default)]
pub struct Catalogue {
    kept: RwLock<HashMap<Vec<u8>, Operations>>,
}

impl Catalogue {
    pub fn operation(&self, callee: &Plugin, name: &str) -> Option<Arc<Operation>> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(operations) = kept.get(callee.digest()) {
            return operations.get(name).cloned();
        }
        drop(kept);
        let read = callee.offers().map(|offer| (offer.name.clone(), Operation::new(offer)));
        let operations: Operations = Arc::new(read.map(|(n, o)| (n, Arc::new(o))).collect());
        let found = operations.get(name).cloned();
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(callee.digest().to_vec(), operations);
        found
    }
}

impl Operation {
    pub fn new(offer: Offer) -> Self {
        let (input, output) =
            (Check::new(offer.input_schema.as_ref()), Check::new(offer.output_schema.as_ref()));
        Self { offer, input, output }
    }

    /// What the manifest finds wrong with an input.
    pub fn input_faults(&self, input: &Value) -> Vec<Fault> {
        self.input.faults(input)
    }

    /// What the manifest finds wrong with an answer.
    pub fn output_faults(&self, output: &Value) -> Vec<Fault> {
        self.output.faults(output)
    }

    /// Whether the answer has to be JSON, because there is a schema for it.
    pub fn answers_json(&self) -> bool {
        !matches!(self.output, Check::None)
    }
}

impl Check {
    fn new(schema: Option<&Value>) -> Self {
        match schema {
            None => Self::None,
            Some(schema) => Schema::compile(schema)
                .map_or(Self::Unusable, |schema| Self::Schema(Box::new(schema))),
        }
    }

    fn faults(&self, value: &Value) -> Vec<Fault> {
        match self {
            Self::None => Vec::new(),
            Self::Schema(schema) => schema.faults(value),
            Self::Unusable => vec![Fault {
                pointer: String::new(),
                rule: "schema".to_owned(),
                message: "cannot be checked: the schema of the manifest is not usable".to_owned(),
            }],
        }
    }
}
