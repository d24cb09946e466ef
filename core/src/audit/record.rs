//! What a caller of the log says of one act.
//!
//! A record says who did what, where, when, and what was decided. It has no field that could hold
//! a value of a payload; people and resources that could name a person appear as keyed HMACs.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// Who acted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    pub kind: ActorKind,
    /// A plugin id, or a pseudonym of a person; `-` for nobody in particular.
    pub id: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActorKind {
    Anonymous,
    User,
    Plugin,
    Enrollment,
    System,
}

impl ActorKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::User => "user",
            Self::Plugin => "plugin",
            Self::Enrollment => "enrollment",
            Self::System => "system",
        }
    }
}

impl Actor {
    pub fn anonymous() -> Self {
        Self { kind: ActorKind::Anonymous, id: "-".into() }
    }

    pub fn plugin(id: &str) -> Self {
        Self { kind: ActorKind::Plugin, id: id.to_owned() }
    }

    pub fn system() -> Self {
        Self { kind: ActorKind::System, id: "core".into() }
    }
}

/// An intent stands before its effect, an outcome after it; an intent without an outcome shows
/// that the process died in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Intent,
    Outcome,
}

impl Phase {
    pub fn name(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Outcome => "outcome",
        }
    }
}

/// What a caller of the log fills in; place, time and hashes are the log's own.
#[derive(Debug, Clone)]
pub struct Entry {
    pub phase: Phase,
    pub actor: Actor,
    pub action: Cow<'static, str>,
    pub lane: Option<String>,
    /// The plugin acted upon, when it is not the actor.
    pub plugin_id: Option<String>,
    /// `allow`, `deny` or `mask`.
    pub decision: &'static str,
    pub rule: Option<String>,
    pub decision_id: Option<String>,
    /// `open` for an intent, else `ok` or the code of a problem.
    pub outcome: String,
    pub status: Option<u16>,
    pub trace_id: Option<String>,
    pub request_bytes: Option<u64>,
    pub response_bytes: Option<u64>,
    pub detail: BTreeMap<String, String>,
}

impl Entry {
    /// An allowed action that is about to happen.
    pub fn intent(actor: Actor, action: impl Into<Cow<'static, str>>) -> Self {
        Self {
            phase: Phase::Intent,
            actor,
            action: action.into(),
            lane: None,
            plugin_id: None,
            decision: "allow",
            rule: None,
            decision_id: None,
            outcome: "open".into(),
            status: None,
            trace_id: None,
            request_bytes: None,
            response_bytes: None,
            detail: BTreeMap::new(),
        }
    }

    /// Something that has happened.
    pub fn outcome(
        actor: Actor,
        action: impl Into<Cow<'static, str>>,
        outcome: impl Into<String>,
    ) -> Self {
        Self { phase: Phase::Outcome, outcome: outcome.into(), ..Self::intent(actor, action) }
    }

    #[must_use]
    pub fn about(mut self, plugin_id: impl Into<String>) -> Self {
        self.plugin_id = Some(plugin_id.into());
        self
    }

    #[must_use]
    pub fn detail(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.detail.insert(key.into(), value.into());
        self
    }
}
