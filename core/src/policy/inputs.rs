//! A request as it is kept: everything the decision looked at, and no word of the payload.
//!
//! What is kept can be decided again, by the rules in force or by others; explaining and
//! simulating are nothing but that.

use super::operation::Operation;
use super::request::{Destination, Other, Party, PluginState, Request, Stated};
use super::traits::{DataTraits, PartyKind, Roles, Traits};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Inputs {
    pub operation: &'static str,
    pub kind: PartyKind,
    pub plugin_id: Option<Box<str>>,
    /// Of a plugin.
    pub state: Option<PluginState>,
    pub traits: Traits,
    pub roles: Roles,
    /// The body claimed another identity; which one is not kept.
    pub claims_another: bool,
    pub data: DataTraits,
    pub other: Option<OtherInputs>,
    pub destination: Option<Destination>,
    pub purpose: Stated,
    pub maskable: DataTraits,
    pub preliminary: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OtherInputs {
    pub plugin_id: Box<str>,
    pub state: PluginState,
    pub traits: Traits,
    pub needs: Traits,
    pub demands: Traits,
}

impl Inputs {
    pub fn of(request: &Request<'_>) -> Self {
        let state = match request.caller {
            Party::Plugin { state, .. } => Some(state),
            _ => None,
        };
        Self {
            operation: request.operation.id,
            kind: request.caller.kind(),
            plugin_id: request.caller.plugin_id().map(Box::from),
            state,
            traits: request.caller.traits(),
            roles: request.caller.roles(),
            claims_another: claims_another(request),
            data: request.data,
            other: request.other.map(|other| OtherInputs {
                plugin_id: other.plugin_id.into(),
                state: other.state,
                traits: other.traits,
                needs: other.needs,
                demands: other.demands,
            }),
            destination: request.destination,
            purpose: request.purpose,
            maskable: request.maskable,
            preliminary: request.preliminary,
        }
    }

    /// The request again; none when the contract no longer has the operation.
    pub fn request(&self) -> Option<Request<'_>> {
        let plugin_id = self.plugin_id.as_deref().unwrap_or_default();
        let caller = match self.kind {
            PartyKind::Anonymous => Party::Anonymous,
            PartyKind::Enrollment => Party::Enrollment { plugin_id },
            PartyKind::Person => Party::Person { roles: self.roles },
            PartyKind::Plugin => {
                Party::Plugin { plugin_id, state: self.state?, traits: self.traits }
            }
        };
        Some(Request {
            // No plugin has the empty name, so it stands for any other.
            claimed: self.claims_another.then_some(""),
            data: self.data,
            other: self.other.as_ref().map(|other| Other {
                plugin_id: &other.plugin_id,
                state: other.state,
                traits: other.traits,
                needs: other.needs,
                demands: other.demands,
            }),
            destination: self.destination,
            purpose: self.purpose,
            maskable: self.maskable,
            preliminary: self.preliminary,
            ..Request::new(Operation::find(self.operation)?, caller)
        })
    }
}

fn claims_another(request: &Request<'_>) -> bool {
    request.claimed.is_some() && request.claimed != request.caller.plugin_id()
}
