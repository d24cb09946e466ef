//! A document as Cedar policies, a request as a Cedar context, and the verdict of both.

use std::fmt::Write as _;
use std::str::FromStr;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityUid, PolicySet, Request as CedarRequest,
    RestrictedExpression,
};
use vivified_core::policy::{
    DataTraits, Document, Ground, Member, PartyKind, Request, Rule, RuleEffect, Set, Stated, When,
};

/// The floor, one policy for each of its rules.
pub const FLOOR: &str = include_str!("floor.cedar");

/// What came out, in terms both engines know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Allow,
    Deny,
    Mask(DataTraits),
}

pub struct Oracle {
    policies: PolicySet,
    /// For each class of data the rules that take it out.
    masks: Vec<PolicySet>,
    authorizer: Authorizer,
    entities: Entities,
    someone: EntityUid,
    act: EntityUid,
}

impl Oracle {
    pub fn new(document: &Document) -> Self {
        Self::with_floor(document, FLOOR)
    }

    /// The same on another floor, for showing that a difference is seen.
    pub fn with_floor(document: &Document, floor: &str) -> Self {
        let mut text = floor.to_owned();
        for rule in document.rules.iter().filter(|rule| rule.effect != RuleEffect::Mask) {
            text.push_str(&policy(rule));
        }
        let masks = DataTraits::all().iter().map(|class| {
            let masking = document.rules.iter().filter(|rule| {
                rule.effect == RuleEffect::Mask
                    && rule.classes.iter().any(|one| one == class.name())
            });
            parse(&masking.map(policy).collect::<String>())
        });
        Self {
            policies: parse(&text),
            masks: masks.collect(),
            authorizer: Authorizer::new(),
            entities: Entities::empty(),
            someone: EntityUid::from_str("Side::\"someone\"").expect("an entity"),
            act: EntityUid::from_str("Action::\"act\"").expect("an entity"),
        }
    }

    pub fn verdict(&self, request: &Request<'_>) -> Verdict {
        let nothing = DataTraits::EMPTY;
        let early = self.context(request, nothing);
        let taken = request.data.iter().filter(|class| {
            self.is_allowed(&self.masks[usize::from(class.place())], early.clone())
        });
        let masked: DataTraits = taken.collect();
        let allowed = self.is_allowed(&self.policies, self.context(request, masked));
        match (allowed, masked == nothing) {
            (false, _) => Verdict::Deny,
            (true, true) => Verdict::Allow,
            (true, false) => Verdict::Mask(masked),
        }
    }

    fn is_allowed(&self, policies: &PolicySet, context: Context) -> bool {
        let (someone, act) = (self.someone.clone(), self.act.clone());
        let request = CedarRequest::new(someone.clone(), act, someone, context, None);
        let request = request.expect("no schema refuses it");
        let response = self.authorizer.is_authorized(&request, policies, &self.entities);
        let faults: Vec<String> =
            response.diagnostics().errors().map(ToString::to_string).collect();
        assert!(faults.is_empty(), "a policy failed while it ran: {faults:?}");
        response.decision() == Decision::Allow
    }

    fn context(&self, request: &Request<'_>, masked: DataTraits) -> Context {
        let operation = request.operation;
        let mut pairs: Vec<(String, RestrictedExpression)> = Vec::new();
        let mut put = |name: &str, value| pairs.push((name.to_owned(), value));
        put("operation", text(operation.id));
        put("lane", text(operation.lane));
        put("kinds", set(operation.kinds));
        put("kind", text(request.caller.kind().name()));
        let roles = request.caller.roles().names();
        put("rights", words(request.caller.traits().names().into_iter().chain(roles)));
        put("data", set(request.data));
        put("rest", set(request.data.without(masked)));
        put("masked", set(masked));
        put("maskable", set(request.maskable));
        put("preliminary", RestrictedExpression::new_bool(request.preliminary));
        match operation.ground {
            Ground::AnyRole(roles) => put("any_role", set(roles)),
            Ground::AllTraits(traits) => put("all_traits", set(traits)),
            Ground::Kind => {}
            Ground::None => put("all_traits", words(["a right nobody has".to_owned()])),
        }
        if let Some(id) = request.caller.plugin_id() {
            put("plugin_id", text(id));
        }
        if let Some(claimed) = request.claimed {
            put("claimed", text(claimed));
        }
        if request.caller.kind() == PartyKind::Plugin
            && let vivified_core::policy::Party::Plugin { state, .. } = request.caller
        {
            put("state", text(state.name()));
        }
        if request.purpose != Stated::Nothing {
            put("purpose", text(request.purpose.name().unwrap_or("unknown")));
        }
        if let Some(destination) = request.destination {
            put("baa", RestrictedExpression::new_bool(destination.baa));
        }
        if let Some(other) = request.other {
            let fields = [
                ("state", text(other.state.name())),
                ("traits", set(other.traits)),
                ("needs", set(other.needs)),
                ("demands", set(other.demands)),
            ];
            let fields = fields.map(|(name, value)| (name.to_owned(), value));
            put("other", RestrictedExpression::new_record(fields).expect("no field twice"));
        }
        Context::from_pairs(pairs).expect("no name twice")
    }
}

fn parse(text: &str) -> PolicySet {
    PolicySet::from_str(text).unwrap_or_else(|fault| panic!("{fault}\n{text}"))
}

fn text(word: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(word.to_owned())
}

fn words(words: impl IntoIterator<Item = String>) -> RestrictedExpression {
    RestrictedExpression::new_set(words.into_iter().map(RestrictedExpression::new_string))
}

fn set<T: Member>(set: Set<T>) -> RestrictedExpression {
    words(set.names())
}

/// One rule of the document as one Cedar policy.
fn policy(rule: &Rule) -> String {
    let head = match rule.effect {
        RuleEffect::Deny => "forbid",
        // A masking rule is a question of its own, asked of its own policies.
        RuleEffect::Allow | RuleEffect::Mask => "permit",
    };
    let (early, late) = conditions(&rule.when);
    let late = match (rule.effect, late.is_empty()) {
        (_, true) => "true".to_owned(),
        (RuleEffect::Allow, false) => format!("(context.preliminary || ({}))", late.join(" && ")),
        (_, false) => format!("(!context.preliminary && {})", late.join(" && ")),
    };
    let only = match rule.effect {
        RuleEffect::Mask => "context.operation == \"deliver_event\" && ",
        _ => "",
    };
    let mut all = early;
    all.push(late);
    format!("\n{head} (principal, action, resource) when {{ {only}{} }};", all.join(" && "))
}

/// Conditions on the caller, and those that only the data and the other side can tell.
fn conditions(when: &When) -> (Vec<String>, Vec<String>) {
    let mut early = Vec::new();
    let mut one_of = |attribute: &str, words: &Option<Vec<String>>| {
        if let Some(words) = words {
            early.push(format!("{}.contains(context.{attribute})", list(words)));
        }
    };
    one_of("lane", &when.lanes);
    one_of("operation", &when.operations);
    one_of("kind", &when.callers);
    if let Some(purposes) = &when.purposes {
        early.push(format!("context has purpose && {}.contains(context.purpose)", list(purposes)));
    }
    if !when.purposes_not.is_empty() {
        let words = list(&when.purposes_not);
        early.push(format!("!(context has purpose && {words}.contains(context.purpose))"));
    }
    has(&mut early, "context.rights", &when.caller_has, &when.caller_lacks);
    let mut late = Vec::new();
    has(&mut late, "context.data", &when.data_has, &when.data_lacks);
    let mut other = Vec::new();
    has(&mut other, "context.other.traits", &when.other_has, &when.other_lacks);
    if !other.is_empty() {
        late.push(format!("context has other && {}", other.join(" && ")));
    }
    (early, late)
}

fn has(conditions: &mut Vec<String>, attribute: &str, has: &[String], lacks: &[String]) {
    if !has.is_empty() {
        conditions.push(format!("{attribute}.containsAll({})", list(has)));
    }
    if !lacks.is_empty() {
        conditions.push(format!("!{attribute}.containsAny({})", list(lacks)));
    }
}

fn list(words: &[String]) -> String {
    let mut list = String::from("[");
    for word in words {
        write!(list, "{word:?}, ").expect("writing to a string");
    }
    list.push(']');
    list
}
