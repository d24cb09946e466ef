#![allow(unused)]
use crate::{Caller, Core};
use serde_json::Value;
use vivified_contract::runtime::{Call, Problem};
use vivified_contract::{api::*, models};

pub async fn publish_event(
    _core: &Core,
    _call: &mut Call<'_, Caller>,
    _body: models::PublishRequest,
) -> Result<models::PublishReceipt, Problem> {
    Err(vivified_contract::problems::internal_error())
}

pub async fn list_event_types(
    _core: &Core,
    _call: &mut Call<'_, Caller>,
) -> Result<models::EventTypes, Problem> {
    Err(vivified_contract::problems::internal_error())
}

pub async fn list_subscriptions(
    _core: &Core,
    _call: &mut Call<'_, Caller>,
) -> Result<models::SubscriptionList, Problem> {
    Err(vivified_contract::problems::internal_error())
}

pub async fn put_subscription(
    _core: &Core,
    _call: &mut Call<'_, Caller>,
    _name: String,
    _body: models::SubscriptionRequest,
) -> Result<models::Subscription, Problem> {
    Err(vivified_contract::problems::internal_error())
}

pub async fn delete_subscription(
    _core: &Core,
    _call: &mut Call<'_, Caller>,
    _name: String,
) -> Result<(), Problem> {
    Err(vivified_contract::problems::internal_error())
}

pub async fn pull_events(
    _core: &Core,
    _call: &mut Call<'_, Caller>,
    _name: String,
    _body: models::PullRequest,
) -> Result<models::PullResult, Problem> {
    Err(vivified_contract::problems::internal_error())
}

pub async fn settle_events(
    _core: &Core,
    _call: &mut Call<'_, Caller>,
    _name: String,
    _body: models::SettleRequest,
) -> Result<models::SettleResult, Problem> {
    Err(vivified_contract::problems::internal_error())
}
