//! What belongs to the platform itself: no call may reach it from outside in.
//!
//! The lanes are the only way from plugin to plugin. A plugin that could name another one as a
//! host on the Internet would pass by token, policy and audit. So the addresses of this machine
//! and the names and addresses of every plugin are refused, whatever the allowlist says.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ipnet::IpNet;
use tokio::task::JoinSet;
use url::Host;

use super::local;
use super::resolve::Resolve;

/// How long a look-up of our own is good for, in milliseconds.
const GOOD_FOR_MS: u64 = 60_000;
/// How long the addresses of the machine are good for, in milliseconds.
const MACHINE_GOOD_FOR_MS: u64 = 5_000;

/// Names and addresses no call may reach.
#[derive(Clone, Debug, Default)]
pub struct Own {
    pub addresses: HashSet<IpAddr>,
    pub names: HashSet<String>,
    /// What the operator has denied besides.
    pub networks: Vec<IpNet>,
}

/// What was looked up, and when.
#[derive(Default)]
pub struct Known {
    machine: Mutex<Option<(u64, HashSet<IpAddr>)>>,
    names: Mutex<HashMap<String, (u64, Vec<IpAddr>)>>,
}

impl Known {
    /// The machine itself and these hosts, names with all their addresses. A name that cannot be
    /// resolved is protected as a name.
    pub async fn gather(
        &self,
        hosts: Vec<Host<String>>,
        resolver: &Arc<dyn Resolve>,
        lookup: Duration,
        now: u64,
    ) -> Own {
        let mut own = Own { addresses: self.machine(now), ..Own::default() };
        for host in hosts {
            match host {
                Host::Ipv4(address) => drop(own.addresses.insert(address.into())),
                Host::Ipv6(address) => drop(own.addresses.insert(address.into())),
                Host::Domain(name) => drop(own.names.insert(name.to_ascii_lowercase())),
            }
        }
        let missing = self.take_known(&mut own, now);
        let mut lookups = JoinSet::new();
        for name in missing {
            let resolver = resolver.clone();
            lookups.spawn(async move {
                let answer = tokio::time::timeout(lookup, resolver.resolve(&name)).await;
                let addresses = answer.ok().and_then(Result::ok).unwrap_or_default().addresses;
                (name, addresses)
            });
        }
        while let Some(found) = lookups.join_next().await {
            let Ok((name, addresses)) = found else { continue };
            own.addresses.extend(&addresses);
            let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
            names.insert(name, (now, addresses));
        }
        own
    }

    /// Adds what is still good, and answers the names to look up.
    fn take_known(&self, own: &mut Own, now: u64) -> Vec<String> {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.retain(|name, _| own.names.contains(name));
        let mut missing = Vec::new();
        for name in &own.names {
            match names.get(name) {
                Some((at, addresses)) if at + GOOD_FOR_MS > now => own.addresses.extend(addresses),
                _ => missing.push(name.clone()),
            }
        }
        missing
    }

    fn machine(&self, now: u64) -> HashSet<IpAddr> {
        let mut machine = self.machine.lock().unwrap_or_else(PoisonError::into_inner);
        match &*machine {
            Some((at, addresses)) if at + MACHINE_GOOD_FOR_MS > now => addresses.clone(),
            _ => {
                let addresses = local::addresses();
                *machine = Some((now, addresses.clone()));
                addresses
            }
        }
    }
}
