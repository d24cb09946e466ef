//! A policy document made ready to decide: words are sets, and each operation has its own list.
//!
//! What a document says of lanes and operations is settled here, so that a decision looks only at
//! the rules that can concern it and compares sets.

use std::sync::Arc;

use super::decision::{Decision, Effect, RuleName};
use super::document::{Document, Rule, RuleEffect};
use super::floor;
use super::operation::{DELIVERY, Operation};
use super::request::{Request, Stated};
use super::traits::{DataTraits, Kinds, Member, Purposes, Roles, Traits};

/// The rules of one version of the document.
#[derive(Debug)]
pub struct Rules {
    version: i64,
    /// By place of the operation.
    operations: Vec<Lists>,
}

#[derive(Debug, Default)]
struct Lists {
    denying: Vec<Ready>,
    masking: Vec<Ready>,
    allowing: Vec<Ready>,
}

/// A rule as sets.
#[derive(Debug, Clone)]
pub(super) struct Ready {
    name: Arc<str>,
    pub(super) classes: DataTraits,
    pub(super) conditions: Conditions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Conditions {
    pub kinds: Kinds,
    pub caller_has: Traits,
    pub caller_lacks: Traits,
    pub roles_has: Roles,
    pub roles_lacks: Roles,
    /// Only with a plugin at the other end.
    pub needs_other: bool,
    pub other_has: Traits,
    pub other_lacks: Traits,
    pub data_has: DataTraits,
    pub data_lacks: DataTraits,
    pub purposes: Purposes,
    /// Also when no purpose was stated.
    pub unstated: bool,
}

impl Rules {
    /// Words outside the vocabularies are left out: the check has refused them before, and a
    /// stored document never has any.
    pub fn new(document: &Document, version: i64) -> Self {
        let mut operations: Vec<Lists> =
            Operation::all().iter().map(|_| Lists::default()).collect();
        for rule in &document.rules {
            let ready = Ready::new(rule);
            for operation in concerned(rule) {
                let lists = &mut operations[operation.place];
                let list = match rule.effect {
                    RuleEffect::Deny => &mut lists.denying,
                    RuleEffect::Mask => &mut lists.masking,
                    RuleEffect::Allow => &mut lists.allowing,
                };
                list.push(ready.clone());
            }
        }
        Self { version, operations }
    }

    pub fn version(&self) -> i64 {
        self.version
    }

    /// Decides. The same request always gets the same answer.
    ///
    /// Masking comes first, because what is taken out needs no right; then the floor, then what
    /// the document denies, and last whether anything allows it at all.
    pub fn decide(&self, request: &Request<'_>) -> Decision {
        Decision { version: self.version, ..self.judge(request) }
    }

    fn judge(&self, request: &Request<'_>) -> Decision {
        let lists = &self.operations[request.operation.place];
        let (masked, by) = mask(&lists.masking, request);
        let rest = Request { data: request.data.without(masked), ..*request };
        if let Some(denied) = floor::forbids(&rest) {
            return denied;
        }
        if let Some(rule) = lists.denying.iter().find(|rule| rule.denies(request)) {
            return rule.denial();
        }
        if let Some(rule) = by.filter(|_| !request.maskable.covers(masked)) {
            return rule.denial().hint("the lane cannot take this class out of the data");
        }
        let allowed = lists.allowing.iter().find(|rule| rule.allows(request));
        let allowed = allowed.filter(|_| floor::has_ground(request));
        match (allowed, by) {
            (None, _) => Decision::deny("default.deny", "forbidden"),
            (Some(_), Some(mask)) => Decision::made(Effect::Mask(masked), mask.name()),
            (Some(rule), None) => Decision::made(Effect::Allow, rule.name()),
        }
    }
}

/// Classes that masking rules take out of this data, and the first rule that does.
fn mask<'a>(masking: &'a [Ready], request: &Request<'_>) -> (DataTraits, Option<&'a Ready>) {
    let applies = |rule: &&Ready| {
        !rule.classes.intersection(request.data).is_empty() && rule.conditions.hold(request, false)
    };
    let mut applying = masking.iter().filter(applies).peekable();
    let first = applying.peek().copied();
    let classes = applying.fold(DataTraits::EMPTY, |classes, rule| classes.union(rule.classes));
    (classes.intersection(request.data), first)
}

impl Ready {
    pub fn new(rule: &Rule) -> Self {
        let classes = DataTraits::parse(rule.classes.iter().map(String::as_str));
        let name = Arc::from(rule.id.as_str());
        Self { name, classes, conditions: Conditions::new(rule) }
    }

    pub fn name(&self) -> RuleName {
        RuleName::Document(self.name.clone())
    }

    fn denies(&self, request: &Request<'_>) -> bool {
        self.conditions.hold(request, false)
    }

    fn allows(&self, request: &Request<'_>) -> bool {
        self.conditions.hold(request, true)
    }

    /// A rule that a stated purpose would have stilled tells so by its code.
    fn denial(&self) -> Decision {
        let by_purpose = self.conditions.unstated && self.conditions.purposes != Purposes::all();
        let code = if by_purpose { "purpose_required" } else { "forbidden" };
        Decision::deny(self.name(), code)
    }
}

impl Conditions {
    pub fn new(rule: &Rule) -> Self {
        let when = &rule.when;
        let purposes_not: Purposes = words(&when.purposes_not);
        Self {
            kinds: when.callers.as_deref().map_or_else(Kinds::all, words),
            caller_has: words(&when.caller_has),
            caller_lacks: words(&when.caller_lacks),
            roles_has: words(&when.caller_has),
            roles_lacks: words(&when.caller_lacks),
            needs_other: !when.other_has.is_empty() || !when.other_lacks.is_empty(),
            other_has: words(&when.other_has),
            other_lacks: words(&when.other_lacks),
            data_has: words(&when.data_has),
            data_lacks: words(&when.data_lacks),
            purposes: when
                .purposes
                .as_deref()
                .map_or_else(Purposes::all, words)
                .without(purposes_not),
            unstated: when.purposes.is_none(),
        }
    }

    pub fn ask_of_data(&self) -> bool {
        !self.data_has.is_empty() || !self.data_lacks.is_empty()
    }

    /// While the data and the other side are not known, `unknown` stands for what they would say.
    fn hold(&self, request: &Request<'_>, unknown: bool) -> bool {
        self.hold_for_caller(request)
            && if request.preliminary {
                unknown || !(self.ask_of_data() || self.needs_other)
            } else {
                self.hold_for_rest(request)
            }
    }

    fn hold_for_caller(&self, request: &Request<'_>) -> bool {
        let (traits, roles) = (request.caller.traits(), request.caller.roles());
        let purpose = match request.purpose {
            Stated::Purpose(purpose) => self.purposes.has(purpose),
            Stated::Nothing | Stated::Unknown => self.unstated,
        };
        purpose
            && self.kinds.has(request.caller.kind())
            && traits.covers(self.caller_has)
            && traits.intersection(self.caller_lacks).is_empty()
            && roles.covers(self.roles_has)
            && roles.intersection(self.roles_lacks).is_empty()
    }

    fn hold_for_rest(&self, request: &Request<'_>) -> bool {
        let other = match request.other {
            None => !self.needs_other,
            Some(other) => {
                other.traits.covers(self.other_has)
                    && other.traits.intersection(self.other_lacks).is_empty()
            }
        };
        other
            && request.data.covers(self.data_has)
            && request.data.intersection(self.data_lacks).is_empty()
    }
}

/// Operations a rule speaks of.
pub(super) fn concerned(rule: &Rule) -> impl Iterator<Item = &'static Operation> {
    let when = rule.when.clone();
    let masks = rule.effect == RuleEffect::Mask;
    let named = |words: &Option<Vec<String>>, word: &str| {
        words.as_ref().is_none_or(|words| words.iter().any(|known| known == word))
    };
    Operation::all().iter().filter(move |operation| {
        named(&when.lanes, operation.lane)
            && named(&when.operations, operation.id)
            && (!masks || operation.id == DELIVERY)
    })
}

fn words<T: Member>(words: &[String]) -> super::Set<T> {
    super::Set::parse(words.iter().map(String::as_str))
}
