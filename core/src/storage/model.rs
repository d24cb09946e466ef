//! The store against a model: any sequence of writes, reads, removals and waits gives the same
//! answers as a map that knows nothing of sealing, floors or usage.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;
use time::OffsetDateTime;

use super::*;
use crate::MasterKey;

const QUOTA: u64 = 60;
const QUOTA_KEYS: u64 = 3;

#[derive(Clone, Debug)]
enum Step {
    Put { plugin: usize, key: usize, length: usize, ttl: Option<i64>, expect: Option<i64> },
    Get { plugin: usize, key: usize },
    Delete { plugin: usize, key: usize, expect: Option<i64> },
    List { plugin: usize, limit: usize },
    Wait { seconds: u64 },
    Upkeep,
}

fn step() -> impl Strategy<Value = Step> {
    let plugin = || 0..2usize;
    let key = || 0..5usize;
    let expect = || prop::option::weighted(0.3, 0..4i64);
    prop_oneof![
        6 => (plugin(), key(), 0..40usize, prop::option::weighted(0.4, 1..20i64), expect())
            .prop_map(|(plugin, key, length, ttl, expect)| Step::Put { plugin, key, length, ttl, expect }),
        3 => (plugin(), key()).prop_map(|(plugin, key)| Step::Get { plugin, key }),
        2 => (plugin(), key(), expect()).prop_map(|(plugin, key, expect)| Step::Delete { plugin, key, expect }),
        1 => (plugin(), 1..4usize).prop_map(|(plugin, limit)| Step::List { plugin, limit }),
        2 => (1..15u64).prop_map(|seconds| Step::Wait { seconds }),
        1 => Just(Step::Upkeep),
    ]
}

#[derive(Clone)]
struct Entry {
    value: Value,
    revision: i64,
    ends: Option<i64>,
}

/// What the store promises, said in the plainest way.
#[derive(Default)]
struct Model {
    now: i64,
    live: BTreeMap<(usize, usize), Entry>,
}

impl Model {
    fn expire(&mut self) {
        let now = self.now;
        self.live.retain(|_, entry| entry.ends.is_none_or(|ends| ends > now));
    }

    fn room(&self, plugin: usize, key: usize, size: usize) -> bool {
        let own = |at: &&(usize, usize)| at.0 == plugin;
        let size_of = |at: &(usize, usize)| self.live[at].value.to_string().len();
        let octets: usize = self.live.keys().filter(own).map(size_of).sum();
        let before = self.live.get(&(plugin, key)).map_or(0, |entry| entry.value.to_string().len());
        let keys = self.live.keys().filter(own).count();
        let is_new = !self.live.contains_key(&(plugin, key));
        (size <= before || octets - before + size <= QUOTA as usize)
            && (!is_new || keys < QUOTA_KEYS as usize)
    }
}

const PLUGINS: [&str; 2] = ["alpha", "beta"];

async fn run(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("core.db"), &[MIGRATIONS]).unwrap();
    let clock = Clock::manual(OffsetDateTime::UNIX_EPOCH);
    let sealer = Sealer::new(MasterKey::from_bytes(&[7; 32]).unwrap());
    let storage = Storage::new(store, sealer, clock.clone());
    let mut model = Model::default();
    let mut revisions: BTreeMap<(usize, usize), i64> = BTreeMap::new();
    for step in steps {
        model.expire();
        match step {
            Step::Put { plugin, key, length, ttl, expect } => {
                let value = json!("x".repeat(length));
                let terms = Terms {
                    quota: QUOTA,
                    quota_keys: QUOTA_KEYS,
                    ttl_seconds: ttl,
                    if_revision: expect,
                };
                let name = format!("k{key}");
                let put = storage.put(PLUGINS[plugin], &name, value.clone(), terms);
                let current = model.live.get(&(plugin, key)).map_or(0, |entry| entry.revision);
                match put.await {
                    Ok(stored) => {
                        prop_assert!(expect.is_none_or(|expected| expected == current));
                        prop_assert!(model.room(plugin, key, value.to_string().len()));
                        let last = revisions.entry((plugin, key)).or_default();
                        prop_assert!(stored.revision > *last, "revisions grow");
                        *last = stored.revision;
                        let ends = ttl.map(|ttl| model.now + ttl * 1_000);
                        let entry = Entry { value, revision: stored.revision, ends };
                        model.live.insert((plugin, key), entry);
                    }
                    Err(StorageError::RevisionConflict { current: told }) => {
                        prop_assert_eq!(told, current);
                        prop_assert!(expect.is_some_and(|expected| expected != current));
                    }
                    Err(StorageError::QuotaExceeded { .. } | StorageError::TooManyKeys { .. }) => {
                        prop_assert!(!model.room(plugin, key, value.to_string().len()));
                    }
                    Err(other) => return Err(TestCaseError::fail(other.to_string())),
                }
            }
            Step::Get { plugin, key } => {
                let got = storage.get(PLUGINS[plugin], &format!("k{key}")).await.ok();
                let expected = model.live.get(&(plugin, key));
                let told = got.map(|stored| (stored.value, stored.revision, stored.expires_at));
                let expected =
                    expected.map(|entry| (entry.value.clone(), entry.revision, entry.ends));
                prop_assert_eq!(told, expected);
            }
            Step::Delete { plugin, key, expect } => {
                let current = model.live.get(&(plugin, key)).map_or(0, |entry| entry.revision);
                let gone =
                    storage.delete(PLUGINS[plugin], &format!("k{key}"), expect).await.is_ok();
                prop_assert_eq!(gone, expect.is_none_or(|expected| expected == current));
                if gone {
                    model.live.remove(&(plugin, key));
                }
            }
            Step::List { plugin, limit } => {
                let (mut listed, mut cursor) = (Vec::new(), None);
                loop {
                    let page = storage.list(PLUGINS[plugin], "k", cursor.as_deref(), limit).await;
                    let page = page.map_err(|error| TestCaseError::fail(error.to_string()))?;
                    prop_assert!(page.keys.len() <= limit);
                    listed
                        .extend(page.keys.into_iter().map(|listed| (listed.key, listed.revision)));
                    cursor = page.cursor;
                    if cursor.is_none() {
                        break;
                    }
                }
                let own = model.live.iter().filter(|(at, _)| at.0 == plugin);
                let expected: Vec<_> =
                    own.map(|(at, entry)| (format!("k{}", at.1), entry.revision)).collect();
                prop_assert_eq!(listed, expected);
            }
            Step::Wait { seconds } => {
                clock.advance(Duration::from_secs(seconds));
                model.now += i64::try_from(seconds).unwrap() * 1_000;
            }
            Step::Upkeep => storage.upkeep().await.unwrap(),
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_sequence_gives_what_the_model_gives(steps in prop::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(steps))?;
    }
}
