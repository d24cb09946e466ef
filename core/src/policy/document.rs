//! The policy document as it is written: rules that allow, deny or mask, each under conditions.
//!
//! A condition is a list of words that must all hold; a rule without conditions always applies.
//! There is no order among rules and no way for one to call off another: a denial always wins.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Name of the allowing rule of the built-in document.
pub const GRANTED: &str = "default.granted";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub id: String,
    pub effect: RuleEffect,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What a masking rule takes out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    #[serde(default, skip_serializing_if = "When::is_always")]
    pub when: When,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleEffect {
    Allow,
    Deny,
    Mask,
}

impl RuleEffect {
    pub fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Mask => "mask",
        }
    }
}

/// All of the conditions must hold. An absent list is no condition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct When {
    /// The lane of the operation is one of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lanes: Option<Vec<String>>,
    /// The operation is one of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<String>>,
    /// The caller is of one of these kinds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callers: Option<Vec<String>>,
    /// The caller holds all of these traits and roles.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub caller_has: Vec<String>,
    /// The caller holds none of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub caller_lacks: Vec<String>,
    /// There is a plugin at the other end and it holds all of these traits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other_has: Vec<String>,
    /// There is a plugin at the other end and it holds none of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other_lacks: Vec<String>,
    /// The data is of all of these classes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub data_has: Vec<String>,
    /// The data is of none of these classes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub data_lacks: Vec<String>,
    /// The stated purpose of use is one of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purposes: Option<Vec<String>>,
    /// The stated purpose of use is none of these, or none was stated.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub purposes_not: Vec<String>,
}

impl When {
    pub fn is_always(&self) -> bool {
        *self == Self::default()
    }
}

impl Document {
    /// What holds until somebody writes another: whoever has the rights an operation names may
    /// use it.
    pub fn built_in() -> Self {
        let granted = Rule {
            id: GRANTED.to_owned(),
            effect: RuleEffect::Allow,
            description: Some("Whoever holds the rights an operation names may use it.".into()),
            classes: Vec::new(),
            when: When::default(),
        };
        Self { description: Some("The built-in policy.".into()), rules: vec![granted] }
    }

    /// The structure is the contract's matter; this only reads what passed it.
    pub fn read(document: Value) -> Result<Self, String> {
        serde_json::from_value(document).map_err(|fault| fault.to_string())
    }

    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).expect("a document has only text in it")
    }
}
