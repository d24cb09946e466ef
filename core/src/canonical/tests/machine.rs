//! Random histories: consumers that ack, nack, give up, stall and crash, plugins that are paused,
//! operators who redrive and replay, in any order.
//!
//! After every step: nothing is delivered out of order within its key, nothing more often than
//! eight times from one start, nothing while it is open or before its delay. At the end every
//! event that was answered has been acknowledged or lies among the dead letters, none twice.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Publish(Option<u8>),
    Pull(i64),
    Ack(usize),
    Nack(usize, i64),
    Term(usize),
    Progress(usize),
    Advance(i64),
    Redrive(usize),
    Replay(i64),
    Pause,
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => proptest::option::of(0..3_u8).prop_map(Step::Publish),
        4 => (1..5_i64).prop_map(Step::Pull),
        3 => any::<usize>().prop_map(Step::Ack),
        2 => (any::<usize>(), 0..40_000_i64).prop_map(|(which, delay)| Step::Nack(which, delay)),
        1 => any::<usize>().prop_map(Step::Term),
        1 => any::<usize>().prop_map(Step::Progress),
        3 => prop_oneof![0..40_000_i64, Just(40_000_000)].prop_map(Step::Advance),
        1 => any::<usize>().prop_map(Step::Redrive),
        1 => (1..20_i64).prop_map(Step::Replay),
        1 => Just(Step::Pause),
        1 => Just(Step::Crash),
    ]
}

/// What the outside has seen so far.
#[derive(Default)]
struct Model {
    keys: BTreeMap<i64, Option<u8>>,
    ended: BTreeSet<i64>,
    attempts: BTreeMap<i64, i64>,
    spared: BTreeMap<i64, i64>,
    /// Sequence to the moment before which it must not come again.
    quiet_until: BTreeMap<i64, i64>,
    open: Vec<Delivery>,
}

impl Model {
    fn delivered(&mut self, delivery: Delivery, now: i64) -> Result<(), TestCaseError> {
        let sequence = delivery.event.sequence;
        let key = self.keys[&sequence];
        prop_assert!(!self.ended.contains(&sequence), "{sequence} came after its end");
        let quiet = self.quiet_until.get(&sequence).copied().unwrap_or(0);
        prop_assert!(now >= quiet, "{sequence} came too early");
        let attempt = self.attempts.entry(sequence).or_default();
        *attempt += 1;
        prop_assert_eq!(delivery.attempt, *attempt);
        let spared = self.spared.get(&sequence).copied().unwrap_or(0);
        prop_assert!(*attempt - spared <= MAX_DELIVERIES);
        let earlier = self.keys.range(..sequence).find(|(earlier, other)| {
            key.is_some() && **other == key && !self.ended.contains(earlier)
        });
        prop_assert!(earlier.is_none(), "{sequence} came before {earlier:?}");
        self.quiet_until.insert(sequence, now + ACK_WAIT_MS);
        self.open.retain(|open| open.event.sequence != sequence);
        self.open.push(delivery);
        Ok(())
    }

    fn some_open(&self, which: usize) -> Option<Delivery> {
        (!self.open.is_empty()).then(|| self.open[which % self.open.len()].clone())
    }

    /// Settles, if the bus still counts the delivery as open.
    async fn settle(&mut self, bench: &Bench, which: usize, verdict: Verdict) {
        let Some(delivery) = self.some_open(which) else { return };
        if bench.settle(&delivery, verdict).await.settled == 0 {
            return;
        }
        let (sequence, now) = (delivery.event.sequence, bench.clock.unix_millis());
        let forget = !matches!(verdict, Verdict::Progress);
        if forget {
            self.open.retain(|open| open.event.sequence != sequence);
        }
        match verdict {
            Verdict::Ack | Verdict::Term => {
                self.ended.insert(sequence);
            }
            Verdict::Nack { delay_ms } => {
                self.quiet_until.insert(sequence, now + delay_ms.unwrap_or(0));
            }
            Verdict::Progress => {
                self.quiet_until.insert(sequence, now + ACK_WAIT_MS);
            }
        }
        self.bury(bench).await;
    }

    /// Starts over, as a redrive and a replay do.
    fn restart(&mut self, sequence: i64) {
        self.ended.remove(&sequence);
        self.attempts.remove(&sequence);
        self.spared.remove(&sequence);
        self.quiet_until.remove(&sequence);
        self.open.retain(|open| open.event.sequence != sequence);
    }

    async fn redrive(&mut self, bench: &Bench, which: usize) {
        let letters = bench.bus.dead_letters(Which::default(), None, 100).await.unwrap();
        if letters.is_empty() {
            return;
        }
        let letter = &letters[which % letters.len()];
        bench.bus.redrive(letter.dead_letter).await.unwrap();
        self.restart(letter.sequence);
    }

    async fn replay(&mut self, bench: &Bench, from: i64) -> Result<(), TestCaseError> {
        self.bury(bench).await;
        let kept = bench.sequences("SELECT sequence FROM events").await;
        let again: Vec<_> =
            kept.into_iter().filter(|kept| *kept >= from && self.ended.contains(kept)).collect();
        let replay = Replay {
            plugin_id: PLUGIN.to_owned(),
            subscription: NAME.to_owned(),
            start: Start::Sequence(from),
            until: None,
        };
        let made = bench.bus.replay(replay).await.unwrap();
        prop_assert_eq!(usize::try_from(made.replayed).unwrap(), again.len());
        again.into_iter().for_each(|sequence| self.restart(sequence));
        Ok(())
    }

    /// What is out comes back at once, and its attempt does not count.
    async fn pause(&mut self, bench: &Bench) {
        let out = bench.sequences("SELECT sequence FROM deliveries WHERE state = 1").await;
        bench.bus.upkeep(|_| true).await.unwrap();
        for sequence in out {
            *self.spared.entry(sequence).or_default() += 1;
            self.quiet_until.remove(&sequence);
            self.open.retain(|open| open.event.sequence != sequence);
        }
        self.bury(bench).await;
    }

    /// Dead letters are an end like an acknowledgement.
    async fn bury(&mut self, bench: &Bench) {
        self.ended.extend(bench.dead().await.into_iter().map(|(sequence, ..)| sequence));
    }
}

async fn play(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut bench = Bench::subscribed().await;
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Publish(key) => {
                let name = key.map(|key| format!("key-{key}"));
                let sequence = bench.publish(name.as_deref()).await;
                model.keys.insert(sequence, key);
            }
            Step::Pull(max) => pull(&bench, &mut model, max).await?,
            Step::Ack(which) => model.settle(&bench, which, Verdict::Ack).await,
            Step::Nack(which, delay) => {
                let verdict = Verdict::Nack { delay_ms: Some(delay) };
                model.settle(&bench, which, verdict).await;
            }
            Step::Term(which) => model.settle(&bench, which, Verdict::Term).await,
            Step::Progress(which) => model.settle(&bench, which, Verdict::Progress).await,
            Step::Advance(millis) => bench.advance(millis),
            Step::Redrive(which) => model.redrive(&bench, which).await,
            Step::Replay(from) => model.replay(&bench, from).await?,
            Step::Pause => model.pause(&bench).await,
            Step::Crash => bench = bench.reopened(),
        }
    }
    // Drain: with time and a willing consumer, everything comes to its end.
    for _ in 0..400 {
        bench.advance(40_000_000);
        pull(&bench, &mut model, 256).await?;
        while !model.open.is_empty() {
            let before = model.open.len();
            model.settle(&bench, 0, Verdict::Ack).await;
            if model.open.len() == before {
                model.open.remove(0);
            }
        }
        model.bury(&bench).await;
        if model.ended.len() == model.keys.len() {
            break;
        }
    }
    let published: BTreeSet<i64> = model.keys.keys().copied().collect();
    prop_assert_eq!(&model.ended, &published);
    let dead: Vec<i64> = bench.dead().await.into_iter().map(|(sequence, ..)| sequence).collect();
    prop_assert_eq!(dead.iter().collect::<BTreeSet<_>>().len(), dead.len());
    Ok(())
}

async fn pull(bench: &Bench, model: &mut Model, max: i64) -> Result<(), TestCaseError> {
    let deliveries = bench.pull(max).await;
    // A pull may also have buried what ran out of attempts, which lets the next of a key pass.
    model.bury(bench).await;
    let now = bench.clock.unix_millis();
    for delivery in deliveries {
        model.delivered(delivery, now)?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_reordered_or_delivered_without_end(
        steps in proptest::collection::vec(step(), 1..60)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(play(steps))?;
    }
}
