//! Configuration against a model: a list of writes for each key, and the last one counts.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;
use time::OffsetDateTime;

use super::*;
use crate::MasterKey;

#[derive(Clone, Debug)]
enum Step {
    Set { key: usize, number: i64, admin: bool, expect: Option<i64> },
    Remove { key: usize, expect: Option<i64> },
    RollBack { key: usize, revision: i64 },
    Get { key: usize },
    Watch,
}

fn step() -> impl Strategy<Value = Step> {
    let key = || 0..3usize;
    let expect = || prop::option::weighted(0.3, 0..5i64);
    prop_oneof![
        5 => (key(), 0..100i64, any::<bool>(), expect())
            .prop_map(|(key, number, admin, expect)| Step::Set { key, number, admin, expect }),
        2 => (key(), expect()).prop_map(|(key, expect)| Step::Remove { key, expect }),
        2 => (key(), 0..8i64).prop_map(|(key, revision)| Step::RollBack { key, revision }),
        3 => key().prop_map(|key| Step::Get { key }),
        1 => Just(Step::Watch),
    ]
}

/// Every write of a key in order; none is a removal.
type Writes = Vec<(Origin, Option<i64>)>;

fn current(writes: &Writes) -> i64 {
    match writes.last() {
        Some((_, Some(_))) => i64::try_from(writes.len()).unwrap(),
        _ => 0,
    }
}

async fn run(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("core.db"), &[MIGRATIONS]).unwrap();
    let clock = Clock::manual(OffsetDateTime::UNIX_EPOCH);
    let sealer = Sealer::new(MasterKey::from_bytes(&[7; 32]).unwrap());
    let settings = Settings::new(store, sealer, clock);
    let schema = json!({ "properties": { "k0": { "default": -1 } } });
    let mut model: BTreeMap<usize, Writes> = BTreeMap::new();
    let (mut seen, mut cursor) = (BTreeMap::new(), 0);
    for step in steps {
        match step {
            Step::Set { key, number, admin, expect } => {
                let origin = if admin { Origin::Admin } else { Origin::Plugin };
                let terms = Terms { origin, if_revision: expect };
                let name = format!("k{key}");
                let set = settings.set("alpha", &name, json!(number), terms, Some(&schema)).await;
                let writes = model.entry(key).or_default();
                prop_assert_eq!(set.is_ok(), expect.is_none_or(|it| it == current(writes)));
                if let Ok(set) = set {
                    writes.push((origin, Some(number)));
                    prop_assert_eq!(set.revision, current(writes));
                }
            }
            Step::Remove { key, expect } => {
                let terms = Terms { origin: Origin::Plugin, if_revision: expect };
                let removed = settings.remove("alpha", &format!("k{key}"), terms).await;
                let writes = model.entry(key).or_default();
                prop_assert_eq!(removed.is_ok(), expect.is_none_or(|it| it == current(writes)));
                if removed.is_ok() && current(writes) > 0 {
                    writes.push((Origin::Plugin, None));
                }
            }
            Step::RollBack { key, revision } => {
                let terms = Terms { origin: Origin::Admin, if_revision: None };
                let name = format!("k{key}");
                let back = settings.roll_back("alpha", &name, revision, terms, Some(&schema)).await;
                let writes = model.entry(key).or_default();
                let index = usize::try_from(revision - 1).ok();
                let old = index.and_then(|index| writes.get(index)).and_then(|write| write.1);
                prop_assert_eq!(back.ok().map(|back| back.value), old.map(|number| json!(number)));
                if let Some(number) = old {
                    writes.push((Origin::Admin, Some(number)));
                }
            }
            Step::Get { key } => {
                let got = settings.get("alpha", &format!("k{key}"), Some(&schema)).await.ok();
                let told = got.map(|got| (got.value, got.revision, got.origin));
                let writes = model.entry(key).or_default();
                let expected = match writes.last() {
                    Some((origin, Some(number))) => Some((json!(number), current(writes), *origin)),
                    _ => (key == 0).then(|| (json!(-1), 0, Origin::Default)),
                };
                prop_assert_eq!(told, expected);
            }
            Step::Watch => {
                let heard = settings.watch("alpha", cursor, std::time::Duration::ZERO).await;
                let heard = heard.map_err(|error| TestCaseError::fail(error.to_string()))?;
                cursor = heard.cursor;
                for change in heard.changes {
                    seen.insert(change.key, (change.revision, change.removed));
                }
                for (key, writes) in model.iter().filter(|(_, writes)| !writes.is_empty()) {
                    let last = i64::try_from(writes.len()).unwrap();
                    let expected = (last, current(writes) == 0);
                    prop_assert_eq!(seen.get(&format!("k{key}")), Some(&expected));
                }
            }
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
