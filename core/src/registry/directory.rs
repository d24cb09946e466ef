//! Discovery: what a caller may use, and nothing that would tell it of the rest.
//!
//! The directory asks the same decision as the gateway, so that what is listed can be called and
//! what cannot be called is not listed.

use std::sync::Arc;

use super::Registry;
use super::plugin::{Offer, Plugin};
use crate::policy::{Operation, Other, Request, Rules, Stated, Trait, Traits};

/// A plugin with the operations that the caller may call.
#[derive(Debug, Clone)]
pub struct Entry {
    pub plugin: Arc<Plugin>,
    pub healthy: bool,
    pub offers: Vec<Offer>,
}

impl Registry {
    pub fn directory(&self, rules: &Rules, caller: &Plugin) -> Vec<Entry> {
        self.all().into_iter().filter_map(|plugin| self.entry(rules, caller, plugin)).collect()
    }

    /// None for a plugin that does not exist and for one the caller may not use alike.
    pub fn look_up(&self, rules: &Rules, caller: &Plugin, plugin_id: &str) -> Option<Entry> {
        self.entry(rules, caller, self.get(plugin_id)?)
    }

    fn entry(&self, rules: &Rules, caller: &Plugin, plugin: Arc<Plugin>) -> Option<Entry> {
        if plugin.plugin_id == caller.plugin_id {
            return None;
        }
        let offers: Vec<Offer> =
            plugin.offers().filter(|offer| callable(rules, caller, &plugin, offer)).collect();
        let healthy = plugin.is_healthy(self.clock.unix());
        (!offers.is_empty()).then_some(Entry { plugin, healthy, offers })
    }
}

/// Whether `caller` may call this operation of `callee`, for whatever purpose it states then.
pub fn callable(rules: &Rules, caller: &Plugin, callee: &Plugin, offer: &Offer) -> bool {
    let call = Operation::find("call_plugin").expect("the contract has the gateway");
    let asked = between(Request::new(call, caller.party()), callee, offer);
    let mut purposes = Stated::all();
    purposes.any(|purpose| rules.decide(&Request { purpose, ..asked }).allows())
}

/// What a call adds to the request: the callee, what its operation demands and the data in it.
pub fn between<'a>(request: Request<'a>, callee: &'a Plugin, offer: &Offer) -> Request<'a> {
    Request {
        data: offer.data_traits,
        other: Some(Other {
            plugin_id: &callee.plugin_id,
            state: callee.state,
            traits: callee.granted_traits(),
            needs: Traits::of(&[Trait::RpcProvider]),
            demands: offer.required_traits,
        }),
        ..request
    }
}
