//! What is decided about: who asks, for which operation, on whom, with which data, to what end.
//!
//! Every word here was verified by Core before it got here, but for the purpose of use, which is
//! the caller's own statement and stands in the audit log as such.

use super::operation::Operation;
use super::traits::{DataTraits, Member, PartyKind, Purpose, Roles, Traits, parse};

/// What a plugin may do at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PluginState {
    Pending,
    Active,
    /// Finishes what it has begun and takes nothing new.
    Draining,
    Suspended,
    Revoked,
    Left,
}

impl PluginState {
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Active, Self::Draining, Self::Suspended, Self::Revoked, Self::Left];

    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Draining => "draining",
            Self::Suspended => "suspended",
            Self::Revoked => "revoked",
            Self::Left => "left",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// One side of a request, as verified by Core.
#[derive(Debug, Clone, Copy)]
pub enum Party<'a> {
    Anonymous,
    Enrollment { plugin_id: &'a str },
    Person { roles: Roles },
    Plugin { plugin_id: &'a str, state: PluginState, traits: Traits },
}

impl<'a> Party<'a> {
    pub fn kind(&self) -> PartyKind {
        match self {
            Self::Anonymous => PartyKind::Anonymous,
            Self::Enrollment { .. } => PartyKind::Enrollment,
            Self::Person { .. } => PartyKind::Person,
            Self::Plugin { .. } => PartyKind::Plugin,
        }
    }

    pub fn plugin_id(&self) -> Option<&'a str> {
        match *self {
            Self::Enrollment { plugin_id } | Self::Plugin { plugin_id, .. } => Some(plugin_id),
            Self::Anonymous | Self::Person { .. } => None,
        }
    }

    pub fn traits(&self) -> Traits {
        match *self {
            Self::Plugin { traits, .. } => traits,
            _ => Traits::EMPTY,
        }
    }

    pub fn roles(&self) -> Roles {
        match *self {
            Self::Person { roles } => roles,
            _ => Roles::EMPTY,
        }
    }
}

/// On what an operation may be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// Nothing: denied.
    None,
    /// Being of an accepted kind is enough.
    Kind,
    /// A person with one of these roles.
    AnyRole(Roles),
    /// A plugin with all of these traits.
    AllTraits(Traits),
}

/// The plugin at the other end of a call.
#[derive(Debug, Clone, Copy)]
pub struct Other<'a> {
    pub plugin_id: &'a str,
    pub state: PluginState,
    pub traits: Traits,
    /// What the other side needs to take part in this lane.
    pub needs: Traits,
    /// What its manifest demands of those who call this operation.
    pub demands: Traits,
}

/// Where data would leave to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Destination {
    /// A business associate agreement covers it (45 CFR 164.504(e)).
    pub baa: bool,
}

/// The purpose of use as the caller stated it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Stated {
    #[default]
    Nothing,
    Purpose(Purpose),
    /// A word outside the vocabulary: a slip must not pass for silence.
    Unknown,
}

impl Stated {
    pub fn parse(header: Option<&str>) -> Self {
        match header {
            None => Self::Nothing,
            Some(word) => parse(word).map_or(Self::Unknown, Self::Purpose),
        }
    }

    /// Everything a caller can properly state, saying nothing included.
    pub fn all() -> impl Iterator<Item = Self> {
        [Self::Nothing].into_iter().chain(Purpose::ALL.iter().copied().map(Self::Purpose))
    }

    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Nothing => None,
            Self::Purpose(purpose) => Some(purpose.name()),
            Self::Unknown => Some("unknown"),
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub operation: &'static Operation,
    pub caller: Party<'a>,
    /// The identity the body claims, if it claims one.
    pub claimed: Option<&'a str>,
    /// Classes of data in the request.
    pub data: DataTraits,
    pub other: Option<Other<'a>>,
    pub destination: Option<Destination>,
    pub purpose: Stated,
    /// Classes that the lane can take out of this very data before it hands it over.
    pub maskable: DataTraits,
    /// The lane decides again once it has read the body: until then nothing is held against the
    /// caller that only the data or the other side could tell.
    pub preliminary: bool,
}

impl<'a> Request<'a> {
    /// A request with no other side, no classified data and no stated purpose.
    pub fn new(operation: &'static Operation, caller: Party<'a>) -> Self {
        Self {
            operation,
            caller,
            claimed: None,
            data: DataTraits::EMPTY,
            other: None,
            destination: None,
            purpose: Stated::Nothing,
            maskable: DataTraits::EMPTY,
            preliminary: false,
        }
    }
}
