#![allow(unused)]
use crate::{Caller, Core};
use serde_json::Value;
use vivified_contract::runtime::{Call, Problem};
use vivified_contract::{api::*, models};

pub async fn call_external(
    _core: &Core,
    _call: &mut Call<'_, Caller>,
    _body: models::ProxyRequest,
) -> Result<models::ProxyResponse, Problem> {
    Err(vivified_contract::problems::internal_error())
}
