//! Dead letters, replay and the tail of the log: facts of events, never what is in them.

use std::time::Duration;

use serde_json::Value;
use vivified_contract::api::{ListDeadLettersParams, TailEventsParams};
use vivified_contract::runtime::{Call, DateTime, Problem};
use vivified_contract::{models, problems};

use crate::api::calls::moment;
use crate::api::canonical::failed;
use crate::canonical::{DeadLetter, Facts, Replay, Start, Tail, Which};
use crate::{Caller, Core};

pub async fn list_dead_letters(
    core: &Core,
    call: &mut Call<'_, Caller>,
    params: ListDeadLettersParams,
) -> Result<models::DeadLetterPage, Problem> {
    let before = params.cursor.as_deref().map(str::parse::<i64>).transpose().map_err(|_| {
        problems::invalid_request().with_violation("/query/cursor", "format", "is no cursor")
    })?;
    let which = Which {
        plugin_id: params.plugin_id,
        subscription: params.subscription,
        event_type: params.event_type,
        reason: params.reason,
    };
    let limit = i64::from(params.limit);
    let found = core.events.dead_letters(which, before, limit).await.map_err(failed)?;
    call.note("dead_letters", found.len());
    let is_full = i64::try_from(found.len()) == Ok(limit);
    let cursor = found.last().filter(|_| is_full).map(|last| last.dead_letter.to_string());
    let dead_letters = found.into_iter().map(dead_letter).collect();
    Ok(models::DeadLetterPage { dead_letters, cursor, ..Default::default() })
}

pub async fn get_dead_letter(
    core: &Core,
    call: &mut Call<'_, Caller>,
    number: i64,
) -> Result<models::DeadLetterRecord, Problem> {
    let letter = core.events.dead_letter(number).await.map_err(failed)?;
    note(call, &letter);
    Ok(dead_letter_record(letter))
}

pub async fn drop_dead_letter(
    core: &Core,
    call: &mut Call<'_, Caller>,
    number: i64,
) -> Result<(), Problem> {
    let letter = core.events.drop_dead_letter(number).await.map_err(failed)?;
    note(call, &letter);
    Ok(())
}

pub async fn redrive_dead_letter(
    core: &Core,
    call: &mut Call<'_, Caller>,
    number: i64,
) -> Result<models::RedriveResult, Problem> {
    let letter = core.events.redrive(number).await.map_err(failed)?;
    note(call, &letter);
    Ok(models::RedriveResult { redriven: 1, ..Default::default() })
}

pub async fn redrive_dead_letters(
    core: &Core,
    call: &mut Call<'_, Caller>,
    body: models::RedriveRequest,
) -> Result<models::RedriveResult, Problem> {
    let which = Which {
        plugin_id: body.plugin_id,
        subscription: body.subscription,
        event_type: body.event_type,
        reason: body.reason,
    };
    if which.is_all() != body.all.unwrap_or(false) {
        let message = "is true with an empty filter, and only then";
        return Err(problems::invalid_request().with_violation("/body/all", "filter", message));
    }
    if let Some(plugin_id) = &which.plugin_id {
        call.note("plugin_id", plugin_id.clone());
    }
    let done = core.events.redrive_all(which).await.map_err(failed)?;
    call.note("redriven", done.redriven);
    Ok(models::RedriveResult {
        redriven: done.redriven,
        skipped: done.skipped,
        remaining: done.remaining,
        ..Default::default()
    })
}

pub async fn replay_events(
    core: &Core,
    call: &mut Call<'_, Caller>,
    body: models::ReplayRequest,
) -> Result<models::ReplayResult, Problem> {
    let start = match (body.from_sequence, body.from_time) {
        (Some(sequence), None) => Start::Sequence(sequence),
        (None, Some(time)) => Start::Time(millis(time)),
        _ => {
            let message = "exactly one of from_sequence and from_time is given";
            return Err(problems::invalid_request().with_violation("/body", "oneOf", message));
        }
    };
    call.note("plugin_id", body.plugin_id.clone());
    call.note("subscription", body.subscription.clone());
    let replay = Replay {
        plugin_id: body.plugin_id,
        subscription: body.subscription,
        start,
        until: body.until_sequence,
    };
    let done = core.events.replay(replay).await.map_err(failed)?;
    call.note("replayed", done.replayed);
    Ok(models::ReplayResult {
        replayed: done.replayed,
        next_sequence: done.next,
        ..Default::default()
    })
}

pub async fn tail_events(
    core: &Core,
    call: &mut Call<'_, Caller>,
    params: TailEventsParams,
) -> Result<models::EventTail, Problem> {
    let tail = Tail {
        event_type: params.event_type,
        source: params.source,
        after: params.after,
        limit: params.limit.into(),
    };
    let wait = Duration::from_millis(u64::try_from(params.wait_ms).unwrap_or(0));
    let found = core.events.tail(tail, wait).await.map_err(failed)?;
    call.note("events", found.len());
    let events = found.into_iter().map(|facts| event_facts(core, facts)).collect();
    Ok(models::EventTail { events, ..Default::default() })
}

fn note(call: &mut Call<'_, Caller>, letter: &DeadLetter) {
    call.note("plugin_id", letter.plugin_id.clone());
    call.note("subscription", letter.subscription.clone());
    call.note("sequence", letter.sequence);
}

fn dead_letter(letter: DeadLetter) -> models::DeadLetter {
    models::DeadLetter {
        dead_letter: letter.dead_letter,
        plugin_id: letter.plugin_id,
        subscription: letter.subscription,
        sequence: letter.sequence,
        event_type: letter.event_type,
        source: letter.source,
        attempts: count(letter.attempts),
        reason: letter.reason,
        published_at: moment(letter.published_at),
        died_at: moment(letter.died_at),
        size: letter.size,
        ..Default::default()
    }
}

fn dead_letter_record(letter: DeadLetter) -> models::DeadLetterRecord {
    models::DeadLetterRecord {
        history: letter.history.iter().map(attempt).collect(),
        trace_id: trace_id(letter.traceparent.as_deref()),
        dead_letter: letter.dead_letter,
        plugin_id: letter.plugin_id,
        subscription: letter.subscription,
        sequence: letter.sequence,
        event_id: letter.event_id,
        event_type: letter.event_type,
        source: letter.source,
        data_traits: letter.data_traits.iter().map(|name| name.as_str().into()).collect(),
        attempts: count(letter.attempts),
        reason: letter.reason,
        published_at: moment(letter.published_at),
        died_at: moment(letter.died_at),
        size: letter.size,
        ..Default::default()
    }
}

fn attempt(kept: &Value) -> models::DeliveryAttempt {
    let text = |key: &str| kept[key].as_str().unwrap_or_default().to_owned();
    models::DeliveryAttempt {
        attempt: count(kept["attempt"].as_i64().unwrap_or(0)),
        outcome: text("outcome"),
        reason: text("reason"),
        at: moment(kept["at"].as_i64().unwrap_or(0)),
        ..Default::default()
    }
}

fn event_facts(core: &Core, facts: Facts) -> models::EventFacts {
    // A partition key often names a person; its pseudonym still tells equal from different.
    let partition = facts.partition_key.map(|key| core.audit.pseudonym("key", &key));
    models::EventFacts {
        sequence: facts.sequence,
        event_id: facts.event_id,
        event_type: facts.event_type,
        source: facts.source,
        published_at: moment(facts.published_at),
        partition,
        data_traits: facts.data_traits.iter().map(|name| name.as_str().into()).collect(),
        trace_id: trace_id(facts.traceparent.as_deref()),
        size: facts.size,
        undelivered: facts.undelivered,
        dead_letters: facts.dead_letters,
        ..Default::default()
    }
}

/// The second part of a `traceparent` (W3C Trace Context).
fn trace_id(traceparent: Option<&str>) -> Option<String> {
    traceparent?.split('-').nth(1).map(str::to_owned)
}

fn count(number: i64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn millis(time: DateTime) -> i64 {
    let millis = time::OffsetDateTime::from(time).unix_timestamp_nanos() / 1_000_000;
    i64::try_from(millis).unwrap_or(i64::MAX)
}
