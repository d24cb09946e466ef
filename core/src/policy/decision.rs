//! What was decided, by which rule of which version, and how the caller is told.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::traits::DataTraits;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    Allow,
    Deny,
    /// Allowed without these classes: the lane takes out every field that can hold one of them.
    /// Where a class cannot be told from the rest, the rest goes too.
    Mask(DataTraits),
}

impl Effect {
    pub fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Mask(_) => "mask",
        }
    }
}

/// The name of a rule: of the floor, which is part of the program, or of the document.
#[derive(Clone)]
pub enum RuleName {
    Floor(&'static str),
    Document(Arc<str>),
}

impl Deref for RuleName {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Floor(name) => name,
            Self::Document(name) => name,
        }
    }
}

impl From<&'static str> for RuleName {
    fn from(name: &'static str) -> Self {
        Self::Floor(name)
    }
}

impl PartialEq for RuleName {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for RuleName {}

impl PartialEq<&str> for RuleName {
    fn eq(&self, other: &&str) -> bool {
        **self == **other
    }
}

impl fmt::Debug for RuleName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, formatter)
    }
}

impl fmt::Display for RuleName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub effect: Effect,
    pub rule: RuleName,
    /// Version of the policy document that was in force.
    pub version: i64,
    /// Code of the problem that tells the caller; empty unless denied.
    pub code: &'static str,
    /// The right whose lack decided, by its name.
    pub missing: Option<&'static str>,
    pub hint: Option<&'static str>,
}

impl Decision {
    /// Allowed as it is. A lane that can mask looks at the effect instead.
    pub fn allows(&self) -> bool {
        self.effect == Effect::Allow
    }

    pub fn denies(&self) -> bool {
        self.effect == Effect::Deny
    }

    pub(super) fn made(effect: Effect, rule: RuleName) -> Self {
        Self { effect, rule, version: 0, code: "", missing: None, hint: None }
    }

    pub(super) fn deny(rule: impl Into<RuleName>, code: &'static str) -> Self {
        Self { code, ..Self::made(Effect::Deny, rule.into()) }
    }

    pub(super) fn missing(self, name: &'static str) -> Self {
        Self { missing: Some(name), ..self }
    }

    pub(super) fn hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }
}
