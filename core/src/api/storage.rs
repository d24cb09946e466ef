#![allow(unused)]
use crate::{Caller, Core};
use serde_json::Value;
use vivified_contract::runtime::{Call, Problem};
use vivified_contract::{api::*, models};

pub async fn list_values(
    _core: &Core,
    _call: &mut Call<'_, Caller>,
    _params: ListValuesParams,
) -> Result<models::StorageList, Problem> {
    Err(vivified_contract::problems::internal_error())
}

pub async fn get_value(
    _core: &Core,
    _call: &mut Call<'_, Caller>,
    _key: String,
) -> Result<models::StoredValue, Problem> {
    Err(vivified_contract::problems::internal_error())
}

pub async fn put_value(
    _core: &Core,
    _call: &mut Call<'_, Caller>,
    _key: String,
    _body: models::StorageWrite,
) -> Result<models::StoredValue, Problem> {
    Err(vivified_contract::problems::internal_error())
}

pub async fn delete_value(
    _core: &Core,
    _call: &mut Call<'_, Caller>,
    _key: String,
    _params: DeleteValueParams,
) -> Result<(), Problem> {
    Err(vivified_contract::problems::internal_error())
}
