//! Events: publish, follow, subscribe, pull, settle.

use std::time::Duration;

use rusqlite::Transaction;
use serde_json::Value;
use tokio::time::Instant;
use vivified_contract::api::{
    CanonicalApi, PublishEventParams, PullEventsParams, StreamEventsParams,
};
use vivified_contract::runtime::{Call, Problem, Raw};
use vivified_contract::{models, problems};

use super::calls::{Before, asks, before, moment, permit, plugin, violations};
use super::delivery::{Reader, cloud_event, event_types};
use super::guard::{RECORDED, store_failed};
use super::streams::{self, Cursors};
use crate::canonical::{
    BusError, Delivery, Draft, EventType, EventTypes, Outcome, Pulled, Receipt, Subscription,
    Verdict, Wish,
};
use crate::idempotency::Ticket;
use crate::json::sha256;
use crate::policy::{DataTraits, Request};
use crate::telemetry;
use crate::telemetry::traces::{Kind, event_step};
use crate::{Caller, Core, StoreError};

const DEFAULT_MAX: i32 = 10;
/// What a published event is answered with.
const ACCEPTED: u16 = 202;
const DEFAULT_IN_FLIGHT: i32 = 256;

impl CanonicalApi for Core {
    async fn publish_event(
        &self,
        call: &mut Call<'_, Caller>,
        _: PublishEventParams,
        body: models::PublishRequest,
    ) -> Result<models::PublishReceipt, Problem> {
        let plugin = plugin(call)?;
        let types = event_types(&self.registry);
        let event_type = types
            .publishable(&body.event_type, &plugin.plugin_id, &plugin.manifest)
            .ok_or_else(|| unknown_type(&types, &body.event_type))?;
        call.note("event_type", event_type.name.as_str());
        let told = body.data_traits.iter().flatten().map(models::DataTrait::as_str);
        let data = DataTraits::parse(told).union(data_of(event_type));
        let claimed = body.source_plugin.as_deref();
        permit(self, &Request { claimed, data, ..asks(call, plugin.party()) })?;
        let payload = Value::Object(body.payload.into_iter().collect());
        let faults = self.events.faults(event_type, &payload);
        if !faults.is_empty() {
            let faults = violations("/body/payload", faults);
            return Err(problems::invalid_payload().with_violations(faults));
        }
        let request = call.request;
        let draft = Draft {
            id: body
                .id
                .or_else(|| derived_id(&plugin.plugin_id, request.idempotency_key.as_deref())),
            source: plugin.plugin_id.clone(),
            event_type: event_type.name.clone(),
            payload,
            data_traits: data.names(),
            partition_key: body.partition_key,
            traceparent: Some(request.trace.traceparent()),
        };
        let before = before(self, &plugin.plugin_id, request, call.body_octets()).await?;
        let ticket = match before {
            Before::Answered(receipt) => return Ok(receipt),
            Before::Fresh(ticket) => ticket,
        };
        // The event, the answer kept for its key and the record of both are one transaction.
        let keeper = ticket.as_ref().map(Ticket::keeper);
        let (audit, mut entry) = (self.audit.clone(), self.success(call, ACCEPTED));
        let event_type = event_type.name.clone();
        let record = move |tx: &Transaction<'_>, receipt: &Receipt| {
            let broken = |_| StoreError::Broken("a receipt is plain JSON");
            let answer = serde_json::to_value(published(receipt)).map_err(broken)?;
            entry.detail.insert("event_type".to_owned(), event_type);
            entry.detail.insert("sequence".to_owned(), receipt.sequence.to_string());
            entry.response_bytes = Some(answer.to_string().len() as u64);
            keeper.map_or(Ok(()), |keeper| keeper.keep(tx, &answer))?;
            audit.append_in(tx, &entry).map(drop)
        };
        let receipt = self.events.publish_with(draft, record).await.map_err(failed)?;
        call.note(RECORDED, true);
        Ok(published(&receipt))
    }

    async fn list_event_types(
        &self,
        call: &mut Call<'_, Caller>,
    ) -> Result<models::EventTypes, Problem> {
        plugin(call)?;
        let types = event_types(&self.registry);
        let event_types = types.iter().map(|known| models::EventType {
            event_type: known.name.clone(),
            origin: known.declared_by.clone().unwrap_or_else(|| "canonical".to_owned()),
            data_traits: known.data_traits.iter().map(|name| name.as_str().into()).collect(),
            schema: known.schema.as_object().cloned().unwrap_or_default().into_iter().collect(),
            ..Default::default()
        });
        Ok(models::EventTypes { event_types: event_types.collect(), ..Default::default() })
    }

    async fn stream_events(
        &self,
        call: &mut Call<'_, Caller>,
        params: StreamEventsParams,
    ) -> Result<Raw, Problem> {
        let plugin = plugin(call)?;
        if self.events.is_draining() {
            return Err(problems::not_ready().with_retry_after(1));
        }
        let mut wanted: Vec<String> = params.event_types.split(',').map(str::to_owned).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let types = event_types(&self.registry);
        if let Some(unknown) = wanted.iter().find(|name| types.find(name).is_none()) {
            return Err(unknown_type(&types, unknown));
        }
        let cursors = Cursors::new(self.audit.clone(), &plugin.plugin_id, &wanted);
        let cursor = params.last_event_id.or(params.cursor);
        let after = cursor.map(|cursor| cursors.read(&cursor)).transpose()?;
        let stream = self.events.follow(&plugin.plugin_id, &wanted, after).await.map_err(failed)?;
        call.note("after", stream.place());
        let reader = Reader::new(self, call, &plugin);
        Ok(streams::answer(self.events.clone(), stream, reader, cursors))
    }

    async fn list_subscriptions(
        &self,
        call: &mut Call<'_, Caller>,
    ) -> Result<models::SubscriptionList, Problem> {
        let plugin = plugin(call)?;
        let found = self.events.subscriptions(&plugin.plugin_id).await.map_err(failed)?;
        let subscriptions = found.into_iter().map(subscription).collect();
        Ok(models::SubscriptionList { subscriptions, ..Default::default() })
    }

    async fn put_subscription(
        &self,
        call: &mut Call<'_, Caller>,
        name: String,
        body: models::SubscriptionRequest,
    ) -> Result<models::Subscription, Problem> {
        let plugin = plugin(call)?;
        let types = event_types(&self.registry);
        if let Some(unknown) = body.event_types.iter().find(|name| types.find(name).is_none()) {
            return Err(unknown_type(&types, unknown));
        }
        let wish = Wish {
            event_types: body.event_types,
            max_in_flight: body.max_in_flight.unwrap_or(DEFAULT_IN_FLIGHT).into(),
        };
        let put = self.events.put_subscription(&plugin.plugin_id, &name, wish).await;
        put.map(subscription).map_err(failed)
    }

    async fn delete_subscription(
        &self,
        call: &mut Call<'_, Caller>,
        name: String,
    ) -> Result<(), Problem> {
        let plugin = plugin(call)?;
        self.events.delete_subscription(&plugin.plugin_id, &name).await.map_err(failed)
    }

    async fn pull_events(
        &self,
        call: &mut Call<'_, Caller>,
        name: String,
        _: PullEventsParams,
        body: models::PullRequest,
    ) -> Result<models::PullResult, Problem> {
        let plugin = plugin(call)?;
        let wait = u64::try_from(body.wait_ms.unwrap_or(0)).unwrap_or(0);
        let end = Instant::now() + Duration::from_millis(wait);
        let max = body.max.unwrap_or(DEFAULT_MAX).into();
        let reader = Reader::new(self, call, &plugin);
        let turn = || std::future::ready(reader.admission());
        let deliveries = loop {
            let left = end.saturating_duration_since(Instant::now());
            let pulled = self.events.pull(&plugin.plugin_id, &name, max, left, turn).await;
            let Pulled { deliveries, withheld } = pulled.map_err(failed)?;
            let recorded = reader.record_withheld(&withheld).await;
            recorded.map_err(|_| problems::audit_unavailable())?;
            if withheld.is_empty() || !deliveries.is_empty() {
                break deliveries;
            }
        };
        call.note("deliveries", deliveries.len());
        for delivery in &deliveries {
            let attributes: [telemetry::Field<'_>; 2] =
                [("vivified.attempt", &delivery.attempt), ("vivified.lane", &"canonical")];
            let (event, by) = (&delivery.event, &call.request.trace);
            let published_at = event.traceparent.as_deref();
            event_step("deliver", Kind::Consumer, published_at, Some(by), &attributes);
        }
        let deliveries = deliveries.into_iter().map(delivery).collect();
        Ok(models::PullResult { deliveries, ..Default::default() })
    }

    async fn settle_events(
        &self,
        call: &mut Call<'_, Caller>,
        name: String,
        body: models::SettleRequest,
    ) -> Result<models::SettleResult, Problem> {
        let plugin = plugin(call)?;
        let outcomes = body.outcomes.into_iter().map(outcome).collect::<Result<_, _>>()?;
        let settled =
            self.events.settle(&plugin.plugin_id, &name, outcomes).await.map_err(failed)?;
        call.note("settled", settled.settled);
        Ok(models::SettleResult {
            settled: i32::try_from(settled.settled).unwrap_or(i32::MAX),
            unknown: settled.unknown,
            ..Default::default()
        })
    }
}

fn published(receipt: &Receipt) -> models::PublishReceipt {
    models::PublishReceipt {
        event_id: receipt.event_id.clone(),
        sequence: receipt.sequence,
        duplicate: receipt.duplicate,
        ..Default::default()
    }
}

fn data_of(event_type: &EventType) -> DataTraits {
    DataTraits::parse(event_type.data_traits.iter().map(String::as_str))
}

fn unknown_type(types: &EventTypes, name: &str) -> Problem {
    match types.nearest(name) {
        Some(near) => problems::unknown_event_type().with_hint(format!("did you mean `{near}`?")),
        None => problems::unknown_event_type(),
    }
}

/// Publishes again after a lost answer are the same event: the key of the request makes the id.
fn derived_id(plugin_id: &str, key: Option<&str>) -> Option<String> {
    let digest = sha256(format!("{plugin_id}/{}", key?).as_bytes());
    let octets = digest.first_chunk::<16>()?;
    Some(uuid::Builder::from_random_bytes(*octets).into_uuid().to_string())
}

fn subscription(found: Subscription) -> models::Subscription {
    models::Subscription {
        name: found.name,
        event_types: found.event_types,
        max_in_flight: i32::try_from(found.max_in_flight).unwrap_or(DEFAULT_IN_FLIGHT),
        created_at: moment(found.created_at),
        waiting: found.waiting,
        in_flight: found.in_flight,
        ..Default::default()
    }
}

fn delivery(delivery: Delivery) -> models::Delivery {
    models::Delivery {
        delivery_id: delivery.delivery_id,
        attempt: i32::try_from(delivery.attempt).unwrap_or(i32::MAX),
        event: cloud_event(delivery.event),
        ..Default::default()
    }
}

fn outcome(told: models::DeliveryOutcome) -> Result<Outcome, Problem> {
    let verdict = match told.outcome {
        models::SettleOutcome::Ack => Verdict::Ack,
        models::SettleOutcome::Nack => Verdict::Nack { delay_ms: told.delay_ms },
        models::SettleOutcome::Term => Verdict::Term,
        models::SettleOutcome::Progress => Verdict::Progress,
        models::SettleOutcome::Other(_) => return Err(problems::invalid_request()),
    };
    Ok(Outcome { delivery_id: told.delivery_id, verdict, reason: told.reason })
}

pub(super) fn failed(error: BusError) -> Problem {
    match error {
        BusError::UnknownSubscription => problems::unknown_subscription(),
        BusError::UnknownDeadLetter => problems::unknown_dead_letter(),
        BusError::SubscriptionGone => problems::state_conflict().with_detail(error.to_string()),
        BusError::TooManySubscriptions | BusError::TooManyStreams | BusError::PublishedQuota => {
            problems::quota_exceeded().with_detail(error.to_string())
        }
        BusError::Store(error) => store_failed(error),
    }
}
