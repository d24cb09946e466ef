//! The closed vocabularies the policy decides over, and sets of them.
//!
//! A name outside the vocabulary is no right: parsing answers nothing for it, so a typing error
//! can only narrow access. A test holds these lists against the manifest schema and the contract.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

/// A word of a closed vocabulary.
pub trait Member: Copy + 'static {
    const ALL: &'static [Self];
    fn name(self) -> &'static str;
    fn place(self) -> u8;
}

/// A right of a plugin, asked for in its manifest and granted by an administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Trait {
    EventPublisher,
    EventSubscriber,
    RpcCaller,
    RpcProvider,
    ExternalCaller,
    ConfigReader,
    ConfigWriter,
    StorageUser,
    HandlesPhi,
    HandlesPii,
    HandlesFinancial,
    HandlesCredentials,
}

/// A class of data that only those may handle who have the trait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum DataTrait {
    Phi,
    Pii,
    Financial,
    Credentials,
}

/// A role of a person. It can never stand in a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Role {
    Admin,
    Operator,
    Viewer,
    Auditor,
}

/// What a caller is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum PartyKind {
    Anonymous,
    Enrollment,
    Person,
    Plugin,
}

/// Why data is used (after the purposes of 45 CFR 164.506 and 164.512 and of HL7 PurposeOfUse).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Purpose {
    Treatment,
    Payment,
    Operations,
    Research,
    PublicHealth,
    Emergency,
}

impl Member for Trait {
    const ALL: &'static [Self] = &[
        Self::EventPublisher,
        Self::EventSubscriber,
        Self::RpcCaller,
        Self::RpcProvider,
        Self::ExternalCaller,
        Self::ConfigReader,
        Self::ConfigWriter,
        Self::StorageUser,
        Self::HandlesPhi,
        Self::HandlesPii,
        Self::HandlesFinancial,
        Self::HandlesCredentials,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::EventPublisher => "event_publisher",
            Self::EventSubscriber => "event_subscriber",
            Self::RpcCaller => "rpc_caller",
            Self::RpcProvider => "rpc_provider",
            Self::ExternalCaller => "external_caller",
            Self::ConfigReader => "config_reader",
            Self::ConfigWriter => "config_writer",
            Self::StorageUser => "storage_user",
            Self::HandlesPhi => "handles_phi",
            Self::HandlesPii => "handles_pii",
            Self::HandlesFinancial => "handles_financial",
            Self::HandlesCredentials => "handles_credentials",
        }
    }

    fn place(self) -> u8 {
        self as u8
    }
}

impl Member for DataTrait {
    const ALL: &'static [Self] = &[Self::Phi, Self::Pii, Self::Financial, Self::Credentials];

    fn name(self) -> &'static str {
        match self {
            Self::Phi => "phi",
            Self::Pii => "pii",
            Self::Financial => "financial",
            Self::Credentials => "credentials",
        }
    }

    fn place(self) -> u8 {
        self as u8
    }
}

impl Member for Role {
    const ALL: &'static [Self] = &[Self::Admin, Self::Operator, Self::Viewer, Self::Auditor];

    fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Operator => "operator",
            Self::Viewer => "viewer",
            Self::Auditor => "auditor",
        }
    }

    fn place(self) -> u8 {
        self as u8
    }
}

impl Member for PartyKind {
    const ALL: &'static [Self] = &[Self::Anonymous, Self::Enrollment, Self::Person, Self::Plugin];

    fn name(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Enrollment => "enrollment",
            Self::Person => "person",
            Self::Plugin => "plugin",
        }
    }

    fn place(self) -> u8 {
        self as u8
    }
}

impl Member for Purpose {
    const ALL: &'static [Self] = &[
        Self::Treatment,
        Self::Payment,
        Self::Operations,
        Self::Research,
        Self::PublicHealth,
        Self::Emergency,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Treatment => "treatment",
            Self::Payment => "payment",
            Self::Operations => "operations",
            Self::Research => "research",
            Self::PublicHealth => "public_health",
            Self::Emergency => "emergency",
        }
    }

    fn place(self) -> u8 {
        self as u8
    }
}

impl DataTrait {
    /// The right that lets a plugin handle this class.
    pub fn handler(self) -> Trait {
        match self {
            Self::Phi => Trait::HandlesPhi,
            Self::Pii => Trait::HandlesPii,
            Self::Financial => Trait::HandlesFinancial,
            Self::Credentials => Trait::HandlesCredentials,
        }
    }
}

pub fn parse<T: Member>(name: &str) -> Option<T> {
    T::ALL.iter().copied().find(|member| member.name() == name)
}

/// A set of words of one vocabulary.
pub struct Set<T> {
    bits: u16,
    kind: PhantomData<T>,
}

pub type Traits = Set<Trait>;
pub type DataTraits = Set<DataTrait>;
pub type Roles = Set<Role>;
pub type Kinds = Set<PartyKind>;
pub type Purposes = Set<Purpose>;

impl<T: Member> Set<T> {
    pub const EMPTY: Self = Self { bits: 0, kind: PhantomData };

    pub fn of(members: &[T]) -> Self {
        members.iter().copied().collect()
    }

    /// The known words among `names`.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        names.into_iter().filter_map(parse).collect()
    }

    pub fn has(self, member: T) -> bool {
        self.bits & (1 << member.place()) != 0
    }

    pub fn with(self, member: T) -> Self {
        Self { bits: self.bits | (1 << member.place()), kind: PhantomData }
    }

    pub fn intersection(self, other: Self) -> Self {
        Self { bits: self.bits & other.bits, kind: PhantomData }
    }

    pub fn union(self, other: Self) -> Self {
        Self { bits: self.bits | other.bits, kind: PhantomData }
    }

    pub fn without(self, other: Self) -> Self {
        Self { bits: self.bits & !other.bits, kind: PhantomData }
    }

    pub fn all() -> Self {
        T::ALL.iter().copied().collect()
    }

    pub fn is_empty(self) -> bool {
        self.bits == 0
    }

    pub fn covers(self, other: Self) -> bool {
        other.bits & !self.bits == 0
    }

    /// The first word of `needed` that is not here, in the order of the vocabulary.
    pub fn first_missing(self, needed: Self) -> Option<T> {
        needed.iter().find(|member| !self.has(*member))
    }

    pub fn iter(self) -> impl Iterator<Item = T> {
        T::ALL.iter().copied().filter(move |member| self.has(*member))
    }

    pub fn names(self) -> Vec<String> {
        self.iter().map(|member| member.name().to_owned()).collect()
    }
}

impl DataTraits {
    /// The rights that let a plugin handle all these classes.
    pub fn handlers(self) -> Traits {
        self.iter().map(DataTrait::handler).collect()
    }
}

impl<T> Clone for Set<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Set<T> {}

impl<T> PartialEq for Set<T> {
    fn eq(&self, other: &Self) -> bool {
        self.bits == other.bits
    }
}

impl<T> Eq for Set<T> {}

impl<T> Hash for Set<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bits.hash(state);
    }
}

impl<T> Default for Set<T> {
    fn default() -> Self {
        Self { bits: 0, kind: PhantomData }
    }
}

impl<T: Member> FromIterator<T> for Set<T> {
    fn from_iter<I: IntoIterator<Item = T>>(members: I) -> Self {
        members.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl<T: Member> fmt::Debug for Set<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.iter().map(Member::name)).finish()
    }
}
