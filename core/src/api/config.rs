#![allow(unused)]
use crate::{Caller, Core};
use serde_json::Value;
use vivified_contract::runtime::{Call, Problem};
use vivified_contract::{api::*, models};

pub async fn list_config(
    _core: &Core,
    _call: &mut Call<'_, Caller>,
) -> Result<models::ConfigList, Problem> {
    Err(vivified_contract::problems::internal_error())
}

pub async fn get_config(
    _core: &Core,
    _call: &mut Call<'_, Caller>,
    _key: String,
) -> Result<models::ConfigEntry, Problem> {
    Err(vivified_contract::problems::internal_error())
}

pub async fn set_config(
    _core: &Core,
    _call: &mut Call<'_, Caller>,
    _key: String,
    _params: SetConfigParams,
    _body: models::ConfigWrite,
) -> Result<models::ConfigEntry, Problem> {
    Err(vivified_contract::problems::internal_error())
}
