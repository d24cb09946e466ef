//! `$ref`: to schemas, which keep their names, and to everything else, which is followed.

use super::Loader;
use super::documents::Unresolved;
use super::keywords::{Dialect, Keywords};
use super::place::Place;
use crate::contract::Type;
use crate::names;
use crate::source::Node;

/// Longest chain of references to references.
const MAX_CHAIN: usize = 64;

impl<'a> Loader<'a> {
    /// The type of a place that holds `$ref`, with what stands beside it.
    pub(super) fn reference_use(
        &mut self,
        keywords: &Keywords<'a>,
        reference: Node<'a>,
        place: &Place<'_>,
    ) -> Type {
        let Some(target) = self.resolve_schema(reference) else { return Type::any() };
        if keywords.has_own_structure() || keywords.has_composition() {
            if self.dialect == Dialect::V31 {
                let joined = Keywords { reference: None, all_of: None, ..*keywords };
                return self.reference_with_siblings(keywords, &joined, place);
            }
            self.problems.warning(
                "reference-siblings",
                &reference.key_location(),
                "OAS 3.0 ignores what stands beside `$ref`",
                "put the reference and the rest into `allOf`",
            );
        }
        let mut ty = Type::named(self.name_of(target));
        ty.nullable = self.is_nullable(target) || keywords.allows_null();
        ty
    }

    fn reference_with_siblings(
        &mut self,
        keywords: &Keywords<'a>,
        own: &Keywords<'a>,
        place: &Place<'_>,
    ) -> Type {
        // A lone `type` beside a reference repeats what the target says.
        let repeats = own.kind.is_some() && Keywords { kind: None, ..*own }.has_structure();
        if own.kind.is_some() && !repeats {
            let plain = Keywords { kind: None, ..*keywords };
            return match keywords.reference {
                Some(reference) => self.reference_use(&plain, reference, place),
                None => Type::any(),
            };
        }
        let built = self.composition(keywords, super::place::Naming::Place(place));
        self.finish(keywords, built, None)
    }

    /// The schema that a reference names; a problem when there is none.
    pub(super) fn resolve_schema(&mut self, reference: Node<'a>) -> Option<Node<'a>> {
        let text = self.reference_text(reference)?;
        if let Some(known) = self.resolved.get(&(reference.document().file.as_str(), text)) {
            return *known;
        }
        let outcome = self.documents.resolve(reference, text);
        let target = match outcome {
            Ok(target) => Some(self.through_file(target)),
            Err(Unresolved::Remote) => {
                self.problems.warning(
                    "reference-remote",
                    &reference.location(),
                    format!("`{text}` is on a network and is not fetched"),
                    "copy the schema into the project; until then any JSON value fits here",
                );
                None
            }
            Err(reason) => {
                self.dangling(reference, text, &reason);
                None
            }
        };
        let target = target.filter(|target| !self.is_cycle(reference, *target));
        self.resolved.insert((reference.document().file.as_str(), text), target);
        target
    }

    /// A component that is no more than a reference to a value of another file gives that value
    /// its name; the value is the target.
    fn through_file(&self, target: Node<'a>) -> Node<'a> {
        self.moved.get(&target).copied().unwrap_or(target)
    }

    fn is_cycle(&mut self, reference: Node<'a>, target: Node<'a>) -> bool {
        let mut node = target;
        for _ in 0..MAX_CHAIN {
            let Some(text) = node.text("$ref") else { return false };
            let Some(inner) = node.get("$ref") else { return false };
            match self.documents.resolve(inner, text) {
                Ok(next) => node = next,
                Err(_) => return false,
            }
        }
        self.problems.error(
            "reference-cycle",
            &reference.location(),
            "this reference leads to references only",
            "let one of them hold a value",
        );
        true
    }

    /// Follows `$ref` of anything that is not a schema to the value itself.
    pub(super) fn follow(&mut self, node: Node<'a>) -> Option<Node<'a>> {
        let mut current = node;
        for _ in 0..MAX_CHAIN {
            let Some(reference) = current.get("$ref") else { return Some(current) };
            let text = self.reference_text(reference)?;
            match self.documents.resolve(reference, text) {
                Ok(next) => current = next,
                Err(Unresolved::Remote) => {
                    self.problems.error(
                        "reference-remote",
                        &reference.location(),
                        format!("`{text}` is on a network and is not fetched"),
                        "copy it into the project and refer to the copy",
                    );
                    return None;
                }
                Err(reason) => {
                    self.dangling(reference, text, &reason);
                    return None;
                }
            }
        }
        let place = node.location();
        self.problems.error(
            "reference-cycle",
            &place,
            "this reference leads to references only",
            "let one of them hold a value",
        );
        None
    }

    fn reference_text(&mut self, reference: Node<'a>) -> Option<&'a str> {
        let text = reference.as_str();
        if text.is_none() {
            self.wrong_kind(reference, "the text of a reference");
        }
        text
    }

    fn dangling(&mut self, reference: Node<'a>, text: &str, reason: &Unresolved) {
        let place = reference.location();
        match reason {
            Unresolved::Outside => self.problems.error(
                "reference-outside",
                &place,
                format!("`{text}` leaves the folder of the project"),
                "move the file into the project",
            ),
            Unresolved::NoFile(reason) => {
                self.problems.error(
                    "reference-dangling",
                    &place,
                    reason.clone(),
                    "name an existing file",
                );
            }
            _ => {
                let near = self.near_component(text);
                let help = near.map_or_else(
                    || "name a value that is there".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                self.problems.error(
                    "reference-dangling",
                    &place,
                    format!("`{text}` names nothing"),
                    help,
                );
            }
        }
    }

    fn near_component(&mut self, text: &str) -> Option<String> {
        // Comparing every name with every name would take hours in a hostile document.
        self.suggestions = self.suggestions.checked_sub(1)?;
        let (folder, name) = text.strip_prefix("#/components/")?.split_once('/')?;
        let components = self.documents.main().root().get("components")?.get(folder)?;
        let near = super::nearest::nearest(name, components.entries().map(|(name, _)| name))?;
        Some(format!("#/components/{folder}/{near}"))
    }

    /// An entry of `components` in the main document.
    pub(super) fn component(&self, folder: &str, name: &str) -> Option<Node<'a>> {
        let node = self.documents.main().root().get("components")?.get(folder)?.get(name)?;
        Some(self.through_file(node))
    }

    /// The contract name of a schema that something refers to; reserved when it is new.
    pub(super) fn name_of(&mut self, target: Node<'a>) -> String {
        if let Some(name) = self.named.get(&target) {
            return name.clone();
        }
        let pointer = target.pointer();
        let last = pointer.rsplit('/').next().filter(|last| !last.is_empty());
        let own = match last {
            Some(last) if !matches!(last, "schema" | "items") => last.to_owned(),
            Some(_) => pointer.rsplit('/').take(2).collect::<Vec<_>>().join(" "),
            None => stem(&target.document().file),
        };
        let name = self.claim_name(&names::pascal(&own));
        self.named.insert(target, name.clone());
        self.queue.push_back((target, name.clone(), None));
        name
    }

    /// True when the schema lets null stand.
    pub(super) fn is_nullable(&mut self, node: Node<'a>) -> bool {
        if let Some(known) = self.nullable.get(&node) {
            return *known;
        }
        // A schema that asks itself on the way allows null only if another way does.
        self.nullable.insert(node, false);
        if self.nullable_depth > MAX_CHAIN {
            return false;
        }
        self.nullable_depth += 1;
        let nullable = self.finds_null(node);
        self.nullable_depth -= 1;
        self.nullable.insert(node, nullable);
        nullable
    }

    fn finds_null(&mut self, node: Node<'a>) -> bool {
        let keywords = Keywords::read(node);
        if keywords.allows_null() || keywords.is_null() {
            return true;
        }
        if let Some(reference) = keywords.reference {
            let target =
                reference.as_str().and_then(|text| self.documents.resolve(reference, text).ok());
            return target.is_some_and(|target| self.is_nullable(target));
        }
        if keywords.has_own_structure() {
            return false;
        }
        let lists = [keywords.one_of, keywords.any_of].into_iter().flatten();
        let members: Vec<Node<'a>> = lists.flat_map(Node::items).collect();
        if members.into_iter().any(|member| self.is_nullable(member)) {
            return true;
        }
        let all: Vec<Node<'a>> = keywords.all_of.into_iter().flat_map(Node::items).collect();
        match all.as_slice() {
            [] => false,
            [only] => self.is_nullable(*only),
            several => several.iter().any(|member| Keywords::read(*member).allows_null()),
        }
    }
}

fn stem(file: &str) -> String {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.split('.').next().unwrap_or(name).to_owned()
}
