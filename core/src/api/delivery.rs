//! What one subscriber may have of one event, asked of the policy at the moment of delivery, and
//! how an event looks on the wire.

use std::sync::Arc;

use serde_json::{Map, Value};
use vivified_contract::models;
use vivified_contract::runtime::Call;

use super::calls::moment;
use crate::audit::{Actor, AuditLog, AuditUnavailable, Entry};
use crate::canonical::{Admission, Admit, Event, EventTypes, Mask, Withheld};
use crate::clock::Clock;
use crate::policy::{DataTraits, Effect, Operation, PluginState, Policy, Request, Stated};
use crate::registry::{Plugin, Registry};
use crate::{Caller, Core};

/// The plugin at the receiving end. It outlives the request that opened it.
#[derive(Clone)]
pub struct Reader {
    plugin_id: String,
    generation: i64,
    purpose: Stated,
    lane: Option<String>,
    trace_id: String,
    registry: Registry,
    policy: Policy,
    clock: Clock,
    audit: AuditLog,
}

impl Reader {
    pub fn new(core: &Core, call: &Call<'_, Caller>, plugin: &Plugin) -> Self {
        Self {
            plugin_id: plugin.plugin_id.clone(),
            generation: plugin.generation,
            purpose: Stated::parse(call.request.purpose.as_deref()),
            lane: call.request.operation.lane.map(str::to_owned),
            trace_id: call.request.trace.trace_id.clone(),
            registry: core.registry.clone(),
            policy: core.policy.clone(),
            clock: core.clock.clone(),
            audit: core.audit.clone(),
        }
    }

    /// Whether the token that opened this still counts.
    pub fn is_welcome(&self) -> bool {
        let holder = self.registry.holder(&self.plugin_id, self.generation);
        holder.is_ok_and(|plugin| plugin.state == PluginState::Active)
    }

    /// The right to receive, as it is at this moment; none while the plugin is not well.
    pub fn admission(&self) -> Option<Admit> {
        let plugin = self.registry.get(&self.plugin_id)?;
        if !plugin.is_healthy(self.clock.unix()) {
            return None;
        }
        let reader = self.clone();
        Some(Arc::new(move |event_type: &str, data: &[String]| {
            reader.judge(&plugin, event_type, data)
        }))
    }

    fn judge(&self, plugin: &Plugin, event_type: &str, data: &[String]) -> Admission {
        let schema = if data.is_empty() { None } else { schema(&self.registry, event_type) };
        let nameable = schema.as_deref().map(Mask::classes_of).unwrap_or_default();
        let decision = self.policy.decide(&Request {
            data: DataTraits::parse(data.iter().map(String::as_str)),
            maskable: DataTraits::parse(nameable.iter().map(String::as_str)),
            purpose: self.purpose,
            ..Request::new(Operation::delivery(), plugin.party())
        });
        let withheld = || Admission::Withheld(decision.rule.to_string());
        match decision.effect {
            Effect::Allow => Admission::Whole,
            Effect::Deny => withheld(),
            Effect::Mask(classes) => {
                let mask = schema.and_then(|schema| Mask::new(schema, classes.names()));
                mask.map_or_else(withheld, Admission::Masked)
            }
        }
    }

    /// What was not handed over is a denial like any other: one record for each rule of a batch.
    pub async fn record_withheld(&self, withheld: &[Withheld]) -> Result<(), AuditUnavailable> {
        for same_rule in withheld.chunk_by(|one, other| one.rule == other.rule) {
            let mut entry = self.entry("data_trait_missing");
            entry.decision = "deny";
            entry.rule = Some(same_rule[0].rule.clone());
            let entry = entry
                .detail("sequence", same_rule[0].sequence.to_string())
                .detail("events", same_rule.len().to_string());
            self.audit.append(entry).await?;
        }
        Ok(())
    }

    /// What is about to be handed over outside the answer to a pull.
    pub async fn record_handed(&self, events: &[Event]) -> Result<(), AuditUnavailable> {
        let (Some(first), Some(last)) = (events.first(), events.last()) else { return Ok(()) };
        let entry = self
            .entry("ok")
            .detail("sequence", first.sequence.to_string())
            .detail("until", last.sequence.to_string())
            .detail("events", events.len().to_string());
        self.audit.append(entry).await.map(drop)
    }

    fn entry(&self, outcome: &str) -> Entry {
        let mut entry = Entry::outcome(Actor::plugin(&self.plugin_id), "event.deliver", outcome);
        entry.lane.clone_from(&self.lane);
        entry.trace_id = Some(self.trace_id.clone());
        entry
    }
}

/// Canonical types and what active plugins declare.
pub fn event_types(registry: &Registry) -> EventTypes {
    let mut types = EventTypes::canonical();
    let active = |plugin: &Arc<Plugin>| plugin.state == PluginState::Active;
    for plugin in registry.all().into_iter().filter(active) {
        types.declare(&plugin.plugin_id, &plugin.manifest);
    }
    types
}

fn schema(registry: &Registry, event_type: &str) -> Option<Arc<Value>> {
    let canonical = EventTypes::canonical();
    let known = canonical.find(event_type).map(|known| known.schema.clone());
    known.or_else(|| event_types(registry).find(event_type).map(|known| known.schema.clone()))
}

/// The event as CloudEvents 1.0 has it.
pub fn cloud_event(event: Event) -> models::CloudEvent {
    let data = match event.payload {
        Value::Object(data) => data,
        _ => Map::new(),
    };
    let list = |names: &[String]| (!names.is_empty()).then(|| names.join(","));
    models::CloudEvent {
        specversion: "1.0".into(),
        id: event.id,
        source: event.source,
        type_: event.event_type,
        time: moment(event.published_at),
        datacontenttype: "application/json".to_owned(),
        sequence: event.sequence.to_string(),
        partitionkey: event.partition_key,
        datatraits: list(&event.data_traits),
        masked: list(&event.masked),
        traceparent: event.traceparent,
        data: data.into_iter().collect(),
        ..Default::default()
    }
}
