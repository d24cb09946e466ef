//! Where a schema without a name stands, and the name it gets from there.

use super::Loader;
use crate::names;

/// Longest name made from a place; a longer one is cut, then numbered.
const MAX_NAME: usize = 96;

/// A named type or operation, or a part of a place.
#[derive(Clone, Copy)]
pub(super) enum Place<'p> {
    /// In PascalCase already.
    Named(&'p str),
    Within(&'p Place<'p>, &'p str),
}

/// How a declaration gets its name.
#[derive(Clone, Copy)]
pub(super) enum Naming<'p> {
    /// Reserved before, from `components`.
    Final(&'p str),
    Place(&'p Place<'p>),
}

impl<'p> Place<'p> {
    pub fn within<'s>(&'s self, part: &'s str) -> Place<'s>
    where
        'p: 's,
    {
        Place::Within(self, part)
    }

    pub fn name(&self) -> String {
        match self {
            Self::Named(name) => (*name).to_owned(),
            Self::Within(outer, part) => {
                let mut name = outer.name();
                name.extend(names::words(part).iter().map(|word| names::capitalise(word)));
                name.truncate(MAX_NAME);
                name
            }
        }
    }
}

impl<'p> Naming<'p> {
    pub fn place(&self) -> Place<'p> {
        match self {
            Self::Final(name) => Place::Named(name),
            Self::Place(place) => **place,
        }
    }
}

impl Loader<'_> {
    /// Takes the name for a declaration and keeps its seat in the order of types.
    pub(super) fn claim(&mut self, naming: Naming<'_>) -> String {
        match naming {
            Naming::Final(name) => name.to_owned(),
            Naming::Place(place) => self.claim_name(&place.name()),
        }
    }

    pub(super) fn claim_name(&mut self, wanted: &str) -> String {
        let wanted: String = wanted.chars().take(MAX_NAME).collect();
        let name = self.names.claim(&wanted);
        self.declarations.insert(name.clone(), None);
        name
    }
}
