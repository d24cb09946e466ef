//! Whether a document may be put in force: all that is wrong with it, at once.
//!
//! Words are looked up in their vocabularies. Whether a rule can ever decide anything is found by
//! trying: the request that suits the rule best is put to the floor, which more rights never make
//! harsher and more data never makes milder, so that what is refused there is refused for all.

use vivified_contract::runtime::{Finding, Level};

use super::document::{Document, Rule, RuleEffect};
use super::floor;
use super::operation::{DELIVERY, Operation};
use super::request::{Destination, Other, Party, PluginState, Request, Stated};
use super::rules::{Conditions, Ready, Rules, concerned};
use super::traits::{
    DataTrait, DataTraits, Kinds, Member, PartyKind, Purpose, Role, Roles, Trait, Traits,
};
use crate::schemas::nearest;

/// What everybody needs to get in and an administrator to mend a policy.
const WAYS_IN: [&str; 8] = [
    "login",
    "get_me",
    "logout",
    "get_policy",
    "put_policy",
    "simulate_policy",
    "explain_decision",
    "get_health",
];

impl Document {
    /// Every reason to refuse it; none when it may be put in force.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (index, rule) in self.rules.iter().enumerate() {
            let before = findings.len();
            self.check_name(index, rule, &mut findings);
            check_words(index, rule, &mut findings);
            if findings.len() == before {
                self.check_use(index, rule, &mut findings);
            }
        }
        if findings.is_empty() {
            findings.extend(self.lock_outs());
        }
        findings
    }

    fn check_name(&self, index: usize, rule: &Rule, findings: &mut Vec<Finding>) {
        let path = format!("/rules/{index}/id");
        if self.rules[..index].iter().any(|before| before.id == rule.id) {
            let message = "stands more than once";
            findings.push(finding(
                "repeated-id",
                path,
                message,
                "give each rule a name of its own",
            ));
        } else if is_reserved(&rule.id) {
            let message = "is the name of a rule of the floor, which no document changes";
            findings.push(finding("reserved-id", path, message, "choose another name"));
        }
    }

    /// A rule that can never decide anything is a mistake, and one that would allow what the floor
    /// forbids is refused even though it could not.
    fn check_use(&self, index: usize, rule: &Rule, findings: &mut Vec<Finding>) {
        let place = format!("/rules/{index}");
        let operations: Vec<&'static Operation> = concerned(rule).collect();
        let dead: Vec<_> = operations.iter().filter(|one| !can_decide(rule, one)).collect();
        let (kind, message) = match rule.effect {
            RuleEffect::Allow => ("widens-floor", "the floor forbids all that it would allow"),
            _ => ("unreachable", "no request can meet it before the floor forbids it"),
        };
        if dead.len() == operations.len() {
            let hint = "the floor holds beneath every document; see floor in GET /admin/policy";
            findings.push(finding(kind, place, message, hint));
            return;
        }
        if let Some(named) = &rule.when.operations {
            for operation in &dead {
                let at = named.iter().position(|name| name == operation.id).unwrap_or(0);
                let path = format!("{place}/when/operations/{at}");
                findings.push(finding(kind, path, message, "leave this operation out"));
            }
        }
        let covering = self.rules.iter().enumerate().find(|(other, by)| {
            *other != index && hides(by, rule) && (*other < index || !hides(rule, by))
        });
        if let Some((_, by)) = covering {
            let message = format!("`{}` already decides all that it speaks of", by.id);
            findings.push(finding("unreachable", place, &message, "leave one of them out"));
        }
    }

    /// Operations without which nobody could get in to mend the policy.
    fn lock_outs(&self) -> Vec<Finding> {
        let rules = Rules::new(self, 0);
        let ways = WAYS_IN.into_iter().filter_map(Operation::find);
        let shut = ways.filter(|operation| {
            let caller = best_caller(operation.kinds, Traits::EMPTY, Roles::EMPTY);
            !rules.decide(&Request::new(operation, caller)).allows()
        });
        let message =
            |operation: &Operation| format!("nobody could use `{}` any more", operation.id);
        let hint = "allow it without conditions, and limit denials by lanes, operations or data";
        shut.map(|operation| finding("locks-out", "/rules".into(), &message(operation), hint))
            .collect()
    }
}

fn is_reserved(id: &str) -> bool {
    id == "default.deny" || floor::floor_rules().any(|(name, _)| name == id)
}

fn check_words(index: usize, rule: &Rule, findings: &mut Vec<Finding>) {
    let place = format!("/rules/{index}");
    let when = &rule.when;
    let mut check = |field: &str, words: &[String], known: &[&'static str]| {
        for (at, word) in words.iter().enumerate() {
            if known.contains(&word.as_str()) {
                continue;
            }
            let (kind, path) =
                (format!("unknown-{}", what(field)), format!("{place}/{field}/{at}"));
            let hint = match nearest(word, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the words are {}", known.join(", ")),
            };
            findings.push(finding(&kind, path, "is no word of the vocabulary", &hint));
        }
    };
    let traits = names::<Trait>();
    let rights: Vec<&str> = traits.iter().copied().chain(names::<Role>()).collect();
    let operations: Vec<&str> = Operation::all().iter().map(|operation| operation.id).collect();
    let mut lanes: Vec<&str> = Operation::all().iter().map(|operation| operation.lane).collect();
    lanes.sort_unstable();
    lanes.dedup();
    let list = |words: &Option<Vec<String>>| words.clone().unwrap_or_default();
    check("classes", &rule.classes, &names::<DataTrait>());
    check("when/lanes", &list(&when.lanes), &lanes);
    check("when/operations", &list(&when.operations), &operations);
    check("when/callers", &list(&when.callers), &names::<PartyKind>());
    check("when/caller_has", &when.caller_has, &rights);
    check("when/caller_lacks", &when.caller_lacks, &rights);
    check("when/other_has", &when.other_has, &traits);
    check("when/other_lacks", &when.other_lacks, &traits);
    check("when/data_has", &when.data_has, &names::<DataTrait>());
    check("when/data_lacks", &when.data_lacks, &names::<DataTrait>());
    check("when/purposes", &list(&when.purposes), &names::<Purpose>());
    check("when/purposes_not", &when.purposes_not, &names::<Purpose>());
    let masks = rule.effect == RuleEffect::Mask;
    if masks == rule.classes.is_empty() {
        let message = "classes stand in a masking rule and only there";
        let hint = "name the classes to take out, or leave them out";
        findings.push(finding("mask-classes", format!("{place}/classes"), message, hint));
    }
    let others = list(&when.operations).iter().any(|name| name != DELIVERY);
    if masks && others {
        let message = "only the delivery of an event can leave classes out";
        let hint = "name deliver_event, or no operation at all";
        findings.push(finding("mask-place", format!("{place}/when/operations"), message, hint));
    }
}

/// What the words of a field are called in the name of a finding.
fn what(field: &str) -> &'static str {
    match field {
        "when/lanes" => "lane",
        "when/operations" => "operation",
        "when/callers" => "caller",
        "when/purposes" | "when/purposes_not" => "purpose",
        "classes" | "when/data_has" | "when/data_lacks" => "class",
        _ => "trait",
    }
}

/// Whether some request to this operation meets the rule and passes the floor.
fn can_decide(rule: &Rule, operation: &'static Operation) -> bool {
    let ready = Ready::new(rule);
    let conditions = ready.conditions;
    let contradicts = !conditions.caller_has.intersection(conditions.caller_lacks).is_empty()
        || !conditions.roles_has.intersection(conditions.roles_lacks).is_empty()
        || !conditions.other_has.intersection(conditions.other_lacks).is_empty()
        || !conditions.data_has.intersection(conditions.data_lacks).is_empty();
    let untold = (conditions.needs_other && !operation.tells_other)
        || (!conditions.data_has.is_empty() && !operation.tells_data);
    if contradicts || untold {
        return false;
    }
    // A masking rule decides only about data that has one of its classes.
    let masked: Vec<DataTraits> = match rule.effect {
        RuleEffect::Mask => ready.classes.iter().map(|class| DataTraits::of(&[class])).collect(),
        _ => vec![DataTraits::EMPTY],
    };
    conditions.kinds.intersection(operation.kinds).iter().any(|kind| {
        masked.iter().any(|class| {
            let request = best_request(&conditions, operation, kind, *class);
            request.is_some_and(|request| {
                let rest = request.data.without(*class);
                floor::forbids(&Request { data: rest, ..request }).is_none()
                    && floor::has_ground(&request)
            })
        })
    })
}

/// The request that meets the conditions with the most rights and the least data.
fn best_request(
    conditions: &Conditions,
    operation: &'static Operation,
    kind: PartyKind,
    class: DataTraits,
) -> Option<Request<'static>> {
    let kinds = Kinds::of(&[kind]);
    let caller = best_caller(kinds, conditions.caller_lacks, conditions.roles_lacks);
    let holds = caller.traits().covers(conditions.caller_has)
        && caller.roles().covers(conditions.roles_has);
    let stated = conditions.purposes.iter().next().map(Stated::Purpose);
    let purpose = if conditions.unstated { Some(Stated::Nothing) } else { stated }?;
    let other = Other {
        plugin_id: "other",
        state: PluginState::Active,
        traits: Traits::all().without(conditions.other_lacks),
        needs: Traits::of(&[Trait::RpcProvider]),
        demands: Traits::EMPTY,
    };
    let data = conditions.data_has.union(class);
    (holds && data.intersection(conditions.data_lacks).is_empty()).then_some(Request {
        data,
        other: operation.tells_other.then_some(other),
        destination: Some(Destination { baa: true }),
        purpose,
        maskable: DataTraits::all(),
        ..Request::new(operation, caller)
    })
}

/// A caller of one of these kinds with every right but these.
fn best_caller(kinds: Kinds, lacks: Traits, roles_lack: Roles) -> Party<'static> {
    match kinds.iter().next() {
        None | Some(PartyKind::Anonymous) => Party::Anonymous,
        Some(PartyKind::Enrollment) => Party::Enrollment { plugin_id: "caller" },
        Some(PartyKind::Person) => Party::Person { roles: Roles::all().without(roles_lack) },
        Some(PartyKind::Plugin) => Party::Plugin {
            plugin_id: "caller",
            state: PluginState::Active,
            traits: Traits::all().without(lacks),
        },
    }
}

/// Whether `by` decides every request that `rule` speaks of, in the same way or by denying it.
fn hides(by: &Rule, rule: &Rule) -> bool {
    let same = by.effect == rule.effect;
    if !(same || by.effect == RuleEffect::Deny) {
        return false;
    }
    let (wide, narrow) = (Ready::new(by), Ready::new(rule));
    let covers_classes = !same || wide.classes.covers(narrow.classes);
    let reaches = |operation: &Operation| concerned(by).any(|known| known.id == operation.id);
    covers_classes && wide.conditions.include(&narrow.conditions) && concerned(rule).all(reaches)
}

impl Conditions {
    /// Every request that meets `narrow` meets these as well.
    fn include(&self, narrow: &Self) -> bool {
        self.kinds.covers(narrow.kinds)
            && narrow.caller_has.covers(self.caller_has)
            && narrow.caller_lacks.covers(self.caller_lacks)
            && narrow.roles_has.covers(self.roles_has)
            && narrow.roles_lacks.covers(self.roles_lacks)
            && (narrow.needs_other || !self.needs_other)
            && narrow.other_has.covers(self.other_has)
            && narrow.other_lacks.covers(self.other_lacks)
            && narrow.data_has.covers(self.data_has)
            && narrow.data_lacks.covers(self.data_lacks)
            && self.purposes.covers(narrow.purposes)
            && (self.unstated || !narrow.unstated)
    }
}

fn names<T: Member>() -> Vec<&'static str> {
    T::ALL.iter().map(|word| word.name()).collect()
}

fn finding(rule: &str, path: String, message: &str, hint: &str) -> Finding {
    Finding {
        rule: rule.to_owned(),
        level: Level::Error,
        path,
        message: message.to_owned(),
        hint: hint.to_owned(),
    }
}
