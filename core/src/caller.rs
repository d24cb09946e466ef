//! Who makes a request, as Core has verified it.
//!
//! Everything that needs an identity takes it from here, and nothing takes one from a body.

use std::sync::Arc;

use crate::audit::{Actor, ActorKind, AuditLog};
use crate::identity::Person;
use crate::policy::{Party, Roles};
use crate::registry::{Enrolled, Plugin};

#[derive(Debug, Clone)]
pub enum Caller {
    Anonymous,
    Person(Person),
    /// A plugin as it stood when its token was checked.
    Plugin(Arc<Plugin>),
    /// A plugin that is about to register.
    Enrollment(Enrolled),
    /// Whoever holds the token that reads the metrics. The guard lets it through to them only.
    Scraper,
}

impl Caller {
    pub fn party(&self) -> Party<'_> {
        match self {
            Self::Anonymous => Party::Anonymous,
            Self::Scraper => Party::Person { roles: Roles::parse(["viewer"]) },
            Self::Person(person) => Party::Person { roles: person.roles },
            Self::Plugin(plugin) => plugin.party(),
            Self::Enrollment(enrolled) => Party::Enrollment { plugin_id: &enrolled.plugin_id },
        }
    }

    pub fn plugin(&self) -> Option<&Arc<Plugin>> {
        match self {
            Self::Plugin(plugin) => Some(plugin),
            _ => None,
        }
    }

    pub fn person(&self) -> Option<&Person> {
        match self {
            Self::Person(person) => Some(person),
            _ => None,
        }
    }

    /// How the audit log names the caller: people only by pseudonym.
    pub fn actor(&self, log: &AuditLog) -> Actor {
        match self {
            Self::Anonymous => Actor::anonymous(),
            Self::Scraper => Actor { kind: ActorKind::System, id: "scraper".to_owned() },
            Self::Person(person) => {
                Actor { kind: ActorKind::User, id: log.pseudonym("user", &person.username) }
            }
            Self::Plugin(plugin) => Actor::plugin(&plugin.plugin_id),
            Self::Enrollment(enrolled) => {
                Actor { kind: ActorKind::Enrollment, id: enrolled.plugin_id.clone() }
            }
        }
    }
}
