//! `allOf`, `oneOf` and `anyOf`.
//!
//! A conjunction is flattened to its parts, through references, and becomes one object. A
//! disjunction becomes the one type it wraps, an enumeration, or a union whose strategy is
//! settled by [`super::normalise`] once every type is known.

use super::Loader;
use super::keywords::Keywords;
use super::object::Part;
use super::place::{Naming, Place};
use super::schema::{Built, BuiltKind};
use crate::contract::{Shape, Type, TypeKind, Union, UnionStrategy, Variant};
use crate::source::{Kind, Node};

/// Longest chain of `allOf` members and references that is followed.
const MAX_CHAIN: usize = 64;

/// A union whose strategy is not settled yet.
pub(super) struct PendingUnion {
    pub name: String,
    pub property: Option<String>,
    /// (value of the property, name of the type) from `mapping`.
    pub mapping: Vec<(String, String)>,
    pub location: crate::problem::Location,
}

/// What a conjunction holds when its references are followed.
#[derive(Default)]
struct Conjunction<'a> {
    parts: Vec<Part<'a>>,
    /// Alternatives that the conjunction also asks for.
    choices: Vec<Keywords<'a>>,
    open: Vec<Node<'a>>,
    nullable: bool,
    /// It has no end; a problem has said so.
    endless: bool,
}

impl<'a> Loader<'a> {
    pub(super) fn composition(&mut self, keywords: &Keywords<'a>, naming: Naming<'_>) -> Built {
        if let Some(only) = self.only_member(keywords) {
            return self.wrapped(keywords, only, naming);
        }
        let mut conjunction = Conjunction::default();
        self.gather(keywords, None, &mut conjunction);
        if conjunction.endless {
            return Built::of(Type::any());
        }
        let Conjunction { parts, choices, nullable, .. } = conjunction;
        let mut built = match choices.as_slice() {
            [] => self.conjunction(keywords, &parts, naming),
            [choice] => self.union(keywords, choice, &parts, naming),
            _ => {
                self.problems.warning(
                    "composition-undecidable",
                    &keywords.node.key_location(),
                    "several alternatives must hold at once",
                    "keep one `oneOf` or `anyOf`; until then only the properties they share are typed",
                );
                self.conjunction(keywords, &parts, naming)
            }
        };
        built.nullable |= nullable;
        built
    }

    /// The one schema that a composition wraps, when everything else is an annotation or null.
    fn only_member(&mut self, keywords: &Keywords<'a>) -> Option<Node<'a>> {
        if keywords.has_own_structure()
            || keywords.required.is_some()
            || keywords.reference.is_some()
        {
            return None;
        }
        let mut only = None;
        for list in [keywords.all_of, keywords.one_of, keywords.any_of].into_iter().flatten() {
            for member in list.items() {
                let inner = Keywords::read(member);
                if inner.is_null() || (member.is_object() && is_annotation(&inner)) {
                    continue;
                }
                if only.replace(member).is_some() {
                    return None;
                }
            }
        }
        only
    }

    fn wrapped(&mut self, keywords: &Keywords<'a>, only: Node<'a>, naming: Naming<'_>) -> Built {
        let members = [keywords.all_of, keywords.one_of, keywords.any_of].into_iter().flatten();
        let with_null = members.flat_map(Node::items).any(|member| {
            let inner = Keywords::read(member);
            inner.is_null() || (inner.allows_null() && is_annotation(&inner))
        });
        let Some(inner) = self.keywords(only) else { return Built::of(Type::any()) };
        let mut built = match inner.reference {
            Some(reference) => {
                let place = naming.place();
                Built::of(self.reference_use(&inner, reference, &place))
            }
            None => match self.named.get(&only).cloned() {
                Some(name) if matches!(naming, Naming::Place(_)) => Built::of(Type::named(name)),
                _ => self.build(&inner, naming),
            },
        };
        built.nullable |= with_null;
        built
    }

    fn conjunction(
        &mut self,
        keywords: &Keywords<'a>,
        parts: &[Part<'a>],
        naming: Naming<'_>,
    ) -> Built {
        let is_object = parts.iter().any(|part| part.keywords.is_object_like());
        let typed = |part: &&Part<'a>| part.keywords.has_own_structure();
        if is_object || !parts.iter().any(|part| typed(&part)) {
            if !is_object && parts.iter().all(|part| part.keywords.required.is_none()) {
                return Built::of(Type::any());
            }
            return self.object(parts, naming);
        }
        // Scalars or arrays: the first part with a type decides, the others narrow it.
        let Some(first) = parts.iter().find(typed) else { return Built::of(Type::any()) };
        let mut merged = first.keywords;
        for part in parts {
            merged.narrow(&part.keywords);
        }
        merged.node = keywords.node;
        merged.all_of = None;
        merged.one_of = None;
        merged.any_of = None;
        merged.reference = None;
        self.build(&merged, naming)
    }

    /// Flattens one schema into the conjunction.
    fn gather(
        &mut self,
        keywords: &Keywords<'a>,
        owner: Option<String>,
        into: &mut Conjunction<'a>,
    ) {
        if into.endless {
            return;
        }
        if into.open.contains(&keywords.node) || into.open.len() > MAX_CHAIN {
            into.endless = true;
            let problem =
                if into.open.len() > MAX_CHAIN { "nests too deep" } else { "contains itself" };
            self.problems.error(
                "composition-cycle",
                &keywords.node.key_location(),
                format!("this `allOf` {problem}"),
                "break the chain of references",
            );
            return;
        }
        into.open.push(keywords.node);
        if let Some(reference) = keywords.reference
            && let Some(target) = self.resolve_schema(reference)
        {
            let owner = self.name_of(target);
            if let Some(inner) = self.keywords(target) {
                self.gather(&inner, Some(owner), into);
            }
        }
        for member in keywords.all_of.into_iter().flat_map(Node::items) {
            if let Some(inner) = self.keywords(member) {
                into.nullable |= inner.allows_null() && is_annotation(&inner);
                self.gather(&inner, owner.clone(), into);
            }
        }
        if self.has_alternatives(keywords) {
            into.choices.push(*keywords);
        }
        if keywords.has_own_structure() || keywords.required.is_some() || !is_annotation(keywords) {
            into.parts.push(Part { keywords: *keywords, owner });
        }
        into.open.pop();
    }

    /// True when `oneOf` or `anyOf` offers more than constraints on what stands beside it.
    fn has_alternatives(&self, keywords: &Keywords<'a>) -> bool {
        let lists = [keywords.one_of, keywords.any_of];
        lists.into_iter().flatten().flat_map(Node::items).any(|member| {
            let inner = Keywords::read(member);
            inner.has_structure() && !inner.is_null()
        })
    }

    /// A choice between schemas, each together with the parts that hold for all.
    fn union(
        &mut self,
        whole: &Keywords<'a>,
        choice: &Keywords<'a>,
        parts: &[Part<'a>],
        naming: Naming<'_>,
    ) -> Built {
        let base: Vec<Part<'a>> =
            parts.iter().filter(|part| part.keywords.is_object_like()).cloned().collect();
        let shares_fields = base.iter().any(|part| {
            part.keywords.properties.is_some_and(|properties| properties.entries().next().is_some())
        });
        let mut nullable = false;
        let mut members = Vec::new();
        self.flatten(choice, &mut members, &mut nullable, 0);
        if !shares_fields && let Some(built) = self.merged_enumeration(&members, naming) {
            return Built { nullable: nullable || built.nullable, ..built };
        }
        let name = self.claim(naming);
        let mut variants: Vec<Variant> = Vec::new();
        for (index, member) in members.iter().enumerate() {
            let hint = variant_hint(member, index);
            let outer = Place::Named(&name);
            let place = outer.within(&hint);
            let mut ty = if shares_fields {
                self.extended(&base, member, &place)
            } else {
                self.schema(member.node, &place)
            };
            nullable |= std::mem::take(&mut ty.nullable);
            if ty.shape == Shape::Null {
                nullable = true;
            } else if !variants.iter().any(|variant| variant.ty == ty) {
                variants.push(Variant {
                    name: String::new(),
                    ty,
                    tags: Vec::new(),
                    distinguishing: Vec::new(),
                });
            }
        }
        if variants.len() < 2 {
            let ty = variants.pop().map_or_else(|| Type::new(Shape::Null), |variant| variant.ty);
            return Built { nullable, ..Built::of(ty) };
        }
        self.pend(whole, choice, &name);
        let union = Union { variants, strategy: UnionStrategy::Ordered };
        Built { kind: BuiltKind::Declared(name, TypeKind::Union(union)), nullable }
    }

    /// Members of a choice; inline choices inside it are members too.
    fn flatten(
        &mut self,
        choice: &Keywords<'a>,
        members: &mut Vec<Keywords<'a>>,
        nullable: &mut bool,
        depth: usize,
    ) {
        for list in [choice.one_of, choice.any_of].into_iter().flatten() {
            for member in list.items() {
                let Some(inner) = self.keywords(member) else { continue };
                let is_bare_choice = inner.all_of.is_none()
                    && inner.discriminator.is_none()
                    && !inner.has_own_structure()
                    && inner.reference.is_none()
                    && (inner.one_of.is_some() || inner.any_of.is_some());
                if inner.is_null() {
                    *nullable = true;
                } else if is_bare_choice && depth < MAX_CHAIN {
                    self.flatten(&inner, members, nullable, depth + 1);
                } else {
                    members.push(inner);
                }
            }
        }
    }

    /// A variant that also has the fields every variant shares.
    fn extended(&mut self, base: &[Part<'a>], member: &Keywords<'a>, place: &Place<'_>) -> Type {
        let mut own = Conjunction::default();
        self.gather(member, None, &mut own);
        let is_object = own
            .parts
            .iter()
            .all(|part| part.keywords.is_object_like() || !part.keywords.has_own_structure());
        if !is_object || !own.choices.is_empty() {
            return self.schema(member.node, place);
        }
        let parts: Vec<Part<'a>> = base.iter().cloned().chain(own.parts).collect();
        let built = self.object(&parts, Naming::Place(place));
        match built.kind {
            BuiltKind::Type(ty) => ty,
            BuiltKind::Declared(name, kind) => {
                self.declare(member, &name, kind, None);
                Type::named(name)
            }
        }
    }

    /// One enumeration, when every member of a choice lists texts.
    fn merged_enumeration(
        &mut self,
        members: &[Keywords<'a>],
        naming: Naming<'_>,
    ) -> Option<Built> {
        let lists_texts = |member: &Keywords<'a>| {
            let mut listed = member.values.into_iter().flat_map(Node::items).chain(member.constant);
            let is_inline = member.reference.is_none() && !member.has_composition();
            is_inline
                && (member.values.is_some() || member.constant.is_some())
                && listed.all(|value| matches!(value.kind(), Kind::String | Kind::Null))
        };
        if members.is_empty() || !members.iter().all(lists_texts) {
            return None;
        }
        let mut values = Vec::new();
        let mut nullable = false;
        for member in members {
            nullable |= member.allows_null();
            let listed: Vec<Node<'a>> =
                member.values.into_iter().flat_map(Node::items).chain(member.constant).collect();
            let is_single = listed.len() == 1;
            for mut value in self.enumeration_values(member, &listed) {
                if is_single && value.description.is_none() {
                    value.description = self.description(member);
                }
                if !values
                    .iter()
                    .any(|known: &crate::contract::EnumerationValue| known.wire == value.wire)
                {
                    values.push(value);
                }
            }
        }
        let built = self.enumeration(values, naming);
        Some(Built { nullable: nullable || built.nullable, ..built })
    }

    /// `type: [string, integer]`: one variant for each type.
    pub(super) fn union_of_types(
        &mut self,
        keywords: &Keywords<'a>,
        types: &[&str],
        naming: Naming<'_>,
    ) -> Built {
        let name = self.claim(naming);
        let mut variants = Vec::new();
        for kind in types {
            let outer = Place::Named(&name);
            let place = outer.within(kind);
            let built = self.single_type(keywords, kind, Naming::Place(&place));
            let ty = match built.kind {
                BuiltKind::Type(ty) => ty,
                BuiltKind::Declared(variant, kind) => {
                    self.declare(keywords, &variant, kind, None);
                    Type::named(variant)
                }
            };
            variants.push(Variant {
                name: String::new(),
                ty,
                tags: Vec::new(),
                distinguishing: Vec::new(),
            });
        }
        self.pend(keywords, keywords, &name);
        let union = Union { variants, strategy: UnionStrategy::JsonType };
        Built { kind: BuiltKind::Declared(name, TypeKind::Union(union)), nullable: false }
    }

    fn pend(&mut self, whole: &Keywords<'a>, choice: &Keywords<'a>, name: &str) {
        let discriminator = choice.discriminator.or(whole.discriminator);
        let property = discriminator.and_then(|node| node.text("propertyName")).map(str::to_owned);
        if let Some(node) = discriminator
            && property.is_none()
        {
            self.problems.error(
                "discriminator-invalid",
                &node.location(),
                "a discriminator needs `propertyName`",
                "name the property whose value tells the variants apart",
            );
        }
        let mut mapping = Vec::new();
        for (tag, target) in
            discriminator.and_then(|node| node.get("mapping")).into_iter().flat_map(Node::entries)
        {
            if let Some(name) = self.mapped(target) {
                mapping.push((tag.to_owned(), name));
            }
        }
        let location = choice.node.key_location();
        self.unions.push(PendingUnion { name: name.to_owned(), property, mapping, location });
    }

    /// The type that a `mapping` value names: by reference, or by the name of a component.
    fn mapped(&mut self, target: Node<'a>) -> Option<String> {
        let text = target.as_str()?;
        let by_name = self.component("schemas", text);
        let found = by_name.or_else(|| self.documents.resolve(target, text).ok());
        match found {
            Some(node) => Some(self.name_of(node)),
            None => {
                self.problems.error(
                    "discriminator-mapping",
                    &target.location(),
                    format!("the mapping leads to `{text}`, which is not there"),
                    "name a schema of `components.schemas`, or write a reference to one",
                );
                None
            }
        }
    }
}

fn is_annotation(keywords: &Keywords<'_>) -> bool {
    !keywords.has_structure()
        && keywords.required.is_none()
        && keywords.pattern.is_none()
        && keywords.minimum.is_none()
        && keywords.maximum.is_none()
        && keywords.min_length.is_none()
        && keywords.max_length.is_none()
}

/// What tells this inline variant from its siblings: its title, its constant, its only required
/// property, else its position.
fn variant_hint(member: &Keywords<'_>, index: usize) -> String {
    if let Some(title) = member.title.and_then(Node::as_str).filter(|title| title.len() < 40) {
        return title.to_owned();
    }
    let properties = member.properties.into_iter().flat_map(Node::entries);
    let constant = properties.filter_map(|(_, node)| {
        let inner = Keywords::read(node);
        let only = inner.constant.or_else(|| {
            let mut values = inner.values?.items();
            values.next().filter(|_| values.next().is_none())
        })?;
        only.as_str()
    });
    if let Some(constant) = constant.into_iter().next().filter(|text| text.len() < 40) {
        return constant.to_owned();
    }
    let mut required = member.required.into_iter().flat_map(Node::items).filter_map(Node::as_str);
    match (required.next(), required.next()) {
        (Some(only), None) => only.to_owned(),
        _ => format!("Variant{}", index + 1),
    }
}
