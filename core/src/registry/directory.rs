//! Discovery: what a caller may use, and nothing that would tell it of the rest.
//!
//! The directory asks the same decision as the gateway, so that what is listed can be called and
//! what cannot be called is not listed.

use std::sync::Arc;

use super::Registry;
use super::plugin::{Offer, Plugin};
use crate::policy::{self, Decision, Ground, Other, PartyKind, Request, Trait, Traits};

/// A plugin with the operations that the caller may call.
#[derive(Debug, Clone)]
pub struct Entry {
    pub plugin: Arc<Plugin>,
    pub healthy: bool,
    pub offers: Vec<Offer>,
}

impl Registry {
    pub fn directory(&self, caller: &Plugin) -> Vec<Entry> {
        self.all().into_iter().filter_map(|plugin| self.entry(caller, plugin)).collect()
    }

    /// None for a plugin that does not exist and for one the caller may not use alike.
    pub fn look_up(&self, caller: &Plugin, plugin_id: &str) -> Option<Entry> {
        self.entry(caller, self.get(plugin_id)?)
    }

    fn entry(&self, caller: &Plugin, plugin: Arc<Plugin>) -> Option<Entry> {
        if plugin.plugin_id == caller.plugin_id {
            return None;
        }
        let offers: Vec<Offer> =
            plugin.offers().filter(|offer| callable(caller, &plugin, offer).allows()).collect();
        let healthy = plugin.is_healthy(self.clock.unix());
        (!offers.is_empty()).then_some(Entry { plugin, healthy, offers })
    }
}

/// Whether `caller` may call this operation of `callee`.
pub fn callable(caller: &Plugin, callee: &Plugin, offer: &Offer) -> Decision {
    let ground = Ground::AllTraits(Traits::of(&[Trait::RpcCaller]));
    policy::decide(&Request {
        data: offer.data_traits,
        other: Some(Other {
            state: callee.state,
            traits: callee.granted_traits(),
            needs: Traits::of(&[Trait::RpcProvider]),
            demands: offer.required_traits,
        }),
        ..Request::new(caller.party(), &[PartyKind::Plugin], ground)
    })
}
