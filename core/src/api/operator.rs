#![allow(unused)]
use crate::{Caller, Core};
use serde_json::Value;
use vivified_contract::runtime::{Call, Problem};
use vivified_contract::{api::*, models};

pub async fn call_plugin(
    _core: &Core,
    _call: &mut Call<'_, Caller>,
    _plugin_id: models::PluginId,
    _operation: String,
    _params: CallPluginParams,
    _body: Option<models::CallInput>,
) -> Result<models::CallOutput, Problem> {
    Err(vivified_contract::problems::internal_error())
}
