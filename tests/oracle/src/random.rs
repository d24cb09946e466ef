//! Documents and requests at random, from a seed that can be given again.
//!
//! A request at random over the whole space is nearly always denied for several reasons, so most
//! of them start as one that is allowed and are then spoiled in a few places.

use vivified_core::policy::{
    DataTrait, DataTraits, Destination, Document, Member, Operation, Other, Party, PartyKind,
    PluginState, Purpose, Request, Role, Roles, Rule, RuleEffect, Set, Stated, Trait, Traits, When,
};

/// SplitMix64.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap_or(0)
    }

    /// True once in `times`.
    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// A few words of a vocabulary.
    fn few<T: Member>(&mut self, most: usize) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| self.pick(T::ALL)).collect()
    }

    fn set<T: Member>(&mut self, most: usize) -> Set<T> {
        self.few(most).into_iter().collect()
    }

    /// All words but a few.
    fn most<T: Member>(&mut self, missing: usize) -> Set<T> {
        Set::all().without(self.set(missing))
    }

    pub fn document(&mut self) -> Document {
        let mut rules: Vec<Rule> = (0..1 + self.below(7)).map(|_| self.rule()).collect();
        if !self.once_in(5) {
            rules.extend(Document::built_in().rules);
        }
        for (number, rule) in rules.iter_mut().enumerate() {
            rule.id = format!("rule{number}");
        }
        Document { description: None, rules }
    }

    fn rule(&mut self) -> Rule {
        // A rule that masks seldom meets data it can mask, so there are more of them.
        let effect = self.pick(&[
            RuleEffect::Allow,
            RuleEffect::Deny,
            RuleEffect::Mask,
            RuleEffect::Mask,
            RuleEffect::Mask,
        ]);
        let classes = match effect {
            RuleEffect::Mask => names(vec![self.pick(DataTrait::ALL), self.pick(DataTrait::ALL)]),
            _ => Vec::new(),
        };
        Rule { id: String::new(), effect, description: None, classes, when: self.when() }
    }

    fn when(&mut self) -> When {
        let operations: Vec<&str> = Operation::all().iter().map(|one| one.id).collect();
        let lanes = ["control", "canonical", "operator", "proxy"];
        let some = |dice: &mut Self, from: &[&str]| -> Option<Vec<String>> {
            let count = 1 + dice.below(3);
            dice.once_in(4).then(|| (0..count).map(|_| dice.pick(from).to_owned()).collect())
        };
        let kinds: Vec<&str> = PartyKind::ALL.iter().map(|kind| kind.name()).collect();
        let purposes: Vec<&str> = Purpose::ALL.iter().map(|purpose| purpose.name()).collect();
        let lane = some(self, &lanes);
        When {
            lanes: lane,
            operations: some(self, &operations),
            callers: some(self, &kinds),
            caller_has: self.rights(4),
            caller_lacks: self.rights(4),
            other_has: self.words::<Trait>(6),
            other_lacks: self.words::<Trait>(6),
            data_has: self.words::<DataTrait>(3),
            data_lacks: self.words::<DataTrait>(4),
            purposes: some(self, &purposes),
            purposes_not: self.words::<Purpose>(4),
        }
    }

    fn words<T: Member>(&mut self, once_in: usize) -> Vec<String> {
        if self.once_in(once_in) { names(self.few::<T>(2)) } else { Vec::new() }
    }

    fn rights(&mut self, once_in: usize) -> Vec<String> {
        let mut rights = self.words::<Trait>(once_in);
        rights.extend(self.words::<Role>(once_in * 3));
        rights
    }

    pub fn request(&mut self) -> Request<'static> {
        let operations = Operation::all();
        let operation = match self.below(3) {
            0 => Operation::delivery(),
            1 => Operation::find(self.pick(&["publish_event", "call_plugin", "call_external"]))
                .expect("operations of the lanes"),
            _ => &operations[self.below(operations.len())],
        };
        let accepted: Vec<PartyKind> = operation.kinds.iter().collect();
        let kind = if self.once_in(12) { self.pick(PartyKind::ALL) } else { self.pick(&accepted) };
        let caller = self.caller(kind);
        let data: DataTraits = if self.once_in(2) { self.set(3) } else { DataTraits::EMPTY };
        let maskable = match self.below(3) {
            0 => DataTraits::EMPTY,
            1 => self.set(3),
            _ => data,
        };
        let claimed = match self.below(8) {
            0 => Some("alpha"),
            1 if self.once_in(3) => Some("beta"),
            _ => None,
        };
        let other = operation.tells_other || self.once_in(20);
        let destination = operation.id == "call_external" || self.once_in(20);
        Request {
            data,
            maskable,
            claimed,
            other: (other && !self.once_in(8)).then(|| self.other()),
            destination: destination.then(|| Destination { baa: !self.once_in(3) }),
            purpose: self.stated(),
            preliminary: operation.decided_again && self.once_in(4),
            ..Request::new(operation, caller)
        }
    }

    fn stated(&mut self) -> Stated {
        match self.below(12) {
            0..=5 => Stated::Nothing,
            6 if self.once_in(2) => Stated::Unknown,
            _ => Stated::Purpose(self.pick(Purpose::ALL)),
        }
    }

    fn state(&mut self) -> PluginState {
        if self.once_in(6) { self.pick(&PluginState::ALL) } else { PluginState::Active }
    }

    fn caller(&mut self, kind: PartyKind) -> Party<'static> {
        let plugin_id = "alpha";
        let roles: Roles = if self.once_in(3) { self.set(2) } else { self.most(1) };
        match kind {
            PartyKind::Anonymous => Party::Anonymous,
            PartyKind::Enrollment => Party::Enrollment { plugin_id },
            PartyKind::Person => Party::Person { roles },
            PartyKind::Plugin => {
                Party::Plugin { plugin_id, state: self.state(), traits: self.traits() }
            }
        }
    }

    fn traits(&mut self) -> Traits {
        if self.once_in(6) { self.set(6) } else { self.most(2) }
    }

    fn other(&mut self) -> Other<'static> {
        Other {
            plugin_id: "gamma",
            state: self.state(),
            traits: self.traits(),
            needs: Traits::of(&[Trait::RpcProvider]),
            demands: self.set(1),
        }
    }
}

fn names<T: Member>(words: Vec<T>) -> Vec<String> {
    words.into_iter().map(|word| word.name().to_owned()).collect()
}
