//! One record of the log and its canonical form.
//!
//! A record says who did what, where, when, and what was decided. It has no field that could hold
//! a value of a payload; people and resources that could name a person appear as keyed HMACs.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::json::{canonical, hex, sha256};

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
    pub action: String,
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
    pub fn intent(actor: Actor, action: impl Into<String>) -> Self {
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
    pub fn outcome(actor: Actor, action: impl Into<String>, outcome: impl Into<String>) -> Self {
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

    /// The record at its place in the chain.
    pub(super) fn into_record(self, seq: i64, time: &str, prev: &str) -> Record {
        let mut fields = Map::new();
        let mut put = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                fields.insert(key.to_owned(), value);
            }
        };
        put("seq", Some(seq.into()));
        put("time", Some(time.into()));
        put("phase", Some(self.phase.name().into()));
        put("actor", Some(json!({ "kind": self.actor.kind.name(), "id": self.actor.id })));
        put("action", Some(self.action.into()));
        put("lane", self.lane.map(Value::from));
        put("plugin_id", self.plugin_id.map(Value::from));
        put("decision", Some(self.decision.into()));
        put("rule", self.rule.map(Value::from));
        put("decision_id", self.decision_id.map(Value::from));
        put("outcome", Some(self.outcome.into()));
        put("status", self.status.map(Value::from));
        put("trace_id", self.trace_id.map(Value::from));
        put("request_bytes", self.request_bytes.map(Value::from));
        put("response_bytes", self.response_bytes.map(Value::from));
        let detail = self.detail.into_iter().map(|(key, value)| (key, Value::from(value)));
        put("detail", Some(Value::Object(detail.collect())));
        put("prev", Some(prev.into()));
        Record { fields }
    }
}

/// A record as it stands in the log, without its own hash.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub fields: Map<String, Value>,
}

impl Record {
    pub fn text(&self) -> String {
        canonical(&Value::Object(self.fields.clone()))
    }

    pub fn string(&self, key: &str) -> Option<&str> {
        self.fields.get(key).and_then(Value::as_str)
    }

    pub fn actor_id(&self) -> Option<&str> {
        self.fields.get("actor")?.get("id")?.as_str()
    }
}

/// The hash of a record is taken over its text, which holds the hash of the record before.
pub(super) fn hash(text: &str) -> String {
    hex(&sha256(text.as_bytes()))
}
