use serde_json::json;
use time::OffsetDateTime;

use super::*;
use crate::MasterKey;

fn bench() -> (Settings, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("core.db"), &[MIGRATIONS]).unwrap();
    let clock = Clock::manual(OffsetDateTime::UNIX_EPOCH);
    let sealer = Sealer::new(MasterKey::from_bytes(&[7; 32]).unwrap());
    (Settings::new(store, sealer, clock), folder)
}

fn terms(if_revision: Option<i64>) -> Terms {
    Terms { origin: Origin::Plugin, if_revision }
}

fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["host"],
        "additionalProperties": false,
        "properties": {
            "greeting": {"type": "string", "maxLength": 5, "default": "hello"},
            "host": {"type": "string"},
            "retry": {"type": "object", "properties": {"max": {"type": "integer"}}}
        }
    })
}

#[tokio::test]
async fn a_default_applies_until_a_value_is_written() {
    let (settings, _folder) = bench();
    let schema = schema();
    let setting = settings.get("alpha", "greeting", Some(&schema)).await.unwrap();
    assert_eq!((setting.value, setting.revision), (json!("hello"), 0));
    assert_eq!(setting.origin, Origin::Default);
    let setting = settings
        .set("alpha", "greeting", json!("hi"), terms(Some(0)), Some(&schema))
        .await
        .unwrap();
    assert_eq!((setting.revision, setting.origin), (1, Origin::Plugin));
    let setting = settings.get("alpha", "greeting", Some(&schema)).await.unwrap();
    assert_eq!((setting.value, setting.origin), (json!("hi"), Origin::Plugin));
    let other = settings.get("beta", "greeting", None).await;
    assert!(matches!(other, Err(SettingsError::UnknownKey)));
    settings.set("alpha", "host", json!("h"), terms(None), Some(&schema)).await.unwrap();
    let listed = settings.list("alpha", Some(&schema)).await.unwrap();
    let rows: Vec<_> = listed.iter().map(|row| (row.key.as_str(), row.revision)).collect();
    assert_eq!(rows, [("greeting", 1), ("host", 1)]);
    let listed = settings.list("beta", Some(&schema)).await.unwrap();
    let rows: Vec<_> = listed.iter().map(|row| (row.key.as_str(), row.origin)).collect();
    assert_eq!(rows, [("greeting", Origin::Default)]);
}

#[tokio::test]
async fn what_the_schema_refuses_is_not_stored() {
    let (settings, _folder) = bench();
    let schema = schema();
    let cases = [
        ("greeting", json!("canary"), "", "maxLength"),
        ("retry", json!({"max": "canary"}), "/max", "type"),
        ("unknown", json!(1), "", "additionalProperties"),
    ];
    for (key, value, pointer, rule) in cases {
        let result = settings.set("alpha", key, value, terms(None), Some(&schema)).await;
        let Err(SettingsError::Refused(faults)) = result else { panic!("{key} is taken") };
        assert_eq!((faults[0].pointer.as_str(), faults[0].rule.as_str()), (pointer, rule));
        assert!(!format!("{faults:?}").contains("canary"));
    }
    assert_eq!(settings.list("alpha", None).await.unwrap(), []);
}

#[tokio::test]
async fn a_stale_revision_is_told_the_newest() {
    let (settings, _folder) = bench();
    settings.set("alpha", "k", json!(1), terms(Some(0)), None).await.unwrap();
    for expected in [0, 2] {
        let result = settings.set("alpha", "k", json!(2), terms(Some(expected)), None).await;
        assert!(matches!(result, Err(SettingsError::RevisionConflict { current: 1 })));
    }
    assert_eq!(
        settings.set("alpha", "k", json!(2), terms(Some(1)), None).await.unwrap().revision,
        2
    );
}

#[tokio::test]
async fn history_is_kept_to_its_bound() {
    let (settings, _folder) = bench();
    for number in 1..=HISTORY + 5 {
        settings.set("alpha", "k", json!(number), terms(None), None).await.unwrap();
    }
    let rows: i64 = settings
        .store
        .read(|conn| Ok(conn.query_row("SELECT count(*) FROM settings", [], |row| row.get(0))?))
        .await
        .unwrap();
    assert_eq!(rows, HISTORY);
    assert_eq!(settings.get("alpha", "k", None).await.unwrap().value, json!(HISTORY + 5));
}

#[tokio::test]
async fn a_removal_brings_the_default_back_and_history_tells_all() {
    let (settings, _folder) = bench();
    let schema = schema();
    let admin = Terms { origin: Origin::Admin, if_revision: None };
    settings.set("alpha", "greeting", json!("one"), terms(None), Some(&schema)).await.unwrap();
    settings.set("alpha", "greeting", json!("two"), admin, Some(&schema)).await.unwrap();
    let setting = settings.get("alpha", "greeting", Some(&schema)).await.unwrap();
    assert_eq!((setting.value, setting.origin), (json!("two"), Origin::Admin));
    let stale = settings.remove("alpha", "greeting", terms(Some(1))).await;
    assert!(matches!(stale, Err(SettingsError::RevisionConflict { current: 2 })));
    settings.remove("alpha", "greeting", terms(Some(2))).await.unwrap();
    settings.remove("alpha", "greeting", terms(None)).await.unwrap();
    let setting = settings.get("alpha", "greeting", Some(&schema)).await.unwrap();
    assert_eq!((setting.value, setting.origin), (json!("hello"), Origin::Default));

    let back =
        settings.roll_back("alpha", "greeting", 1, terms(Some(0)), Some(&schema)).await.unwrap();
    assert_eq!((back.value, back.revision), (json!("one"), 4));
    for missing in [0, 3, 9] {
        let result =
            settings.roll_back("alpha", "greeting", missing, terms(None), Some(&schema)).await;
        assert!(matches!(result, Err(SettingsError::UnknownRevision)), "{missing}");
    }
    let history = settings.history("alpha", "greeting", 10).await.unwrap();
    let told: Vec<_> =
        history.into_iter().map(|old| (old.revision, old.origin.name(), old.value)).collect();
    assert_eq!(
        told,
        [
            (4, "plugin", Some(json!("one"))),
            (3, "plugin", None),
            (2, "admin", Some(json!("two"))),
            (1, "plugin", Some(json!("one"))),
        ]
    );
    let none = settings.history("beta", "greeting", 10).await;
    assert!(matches!(none, Err(SettingsError::UnknownKey)));
}

#[tokio::test]
async fn an_old_value_that_the_schema_of_today_refuses_stays_old() {
    let (settings, _folder) = bench();
    settings.set("alpha", "greeting", json!("a long one"), terms(None), None).await.unwrap();
    settings.set("alpha", "greeting", json!("short"), terms(None), None).await.unwrap();
    let result = settings.roll_back("alpha", "greeting", 1, terms(None), Some(&schema())).await;
    assert!(matches!(result, Err(SettingsError::Refused(_))));
}

#[tokio::test]
async fn a_watcher_hears_its_own_changes_once() {
    use std::time::Duration;
    let (settings, _folder) = bench();
    let settings = std::sync::Arc::new(settings);
    let none = settings.watch("alpha", 0, Duration::ZERO).await.unwrap();
    assert_eq!(none, Changes::default());
    let waiting = settings.clone();
    let waiter =
        tokio::spawn(
            async move { waiting.watch("alpha", 0, Duration::from_secs(30)).await.unwrap() },
        );
    settings.set("beta", "k", json!(1), terms(None), None).await.unwrap();
    settings.set("alpha", "k", json!(1), terms(None), None).await.unwrap();
    let heard = waiter.await.unwrap();
    let told: Vec<_> =
        heard.changes.iter().map(|c| (c.key.as_str(), c.revision, c.removed)).collect();
    assert_eq!(told, [("k", 1, false)]);
    let again = settings.watch("alpha", heard.cursor, Duration::ZERO).await.unwrap();
    assert_eq!((again.changes.len(), again.cursor), (0, heard.cursor));
    settings.set("alpha", "k", json!(2), terms(None), None).await.unwrap();
    settings.remove("alpha", "k", terms(None)).await.unwrap();
    let heard = settings.watch("alpha", heard.cursor, Duration::ZERO).await.unwrap();
    let told: Vec<_> =
        heard.changes.iter().map(|c| (c.key.as_str(), c.revision, c.removed)).collect();
    assert_eq!(told, [("k", 3, true)]);
    let ahead = settings.watch("alpha", 1_000, Duration::ZERO).await.unwrap();
    assert_eq!(ahead.changes.len(), 1, "a number ahead of the counter starts over");
}

#[tokio::test]
async fn old_removals_are_forgotten() {
    let (settings, _folder) = bench();
    settings.set("alpha", "gone", json!(1), terms(None), None).await.unwrap();
    settings.remove("alpha", "gone", terms(None)).await.unwrap();
    settings.set("alpha", "back", json!(1), terms(None), None).await.unwrap();
    settings.remove("alpha", "back", terms(None)).await.unwrap();
    settings.set("alpha", "back", json!(2), terms(None), None).await.unwrap();
    let rows = || {
        settings.store.read(|conn| {
            Ok(conn.query_row("SELECT count(*) FROM settings", [], |row| row.get::<_, i64>(0))?)
        })
    };
    settings.upkeep().await.unwrap();
    assert_eq!(rows().await.unwrap(), 5);
    settings.clock.advance(std::time::Duration::from_secs(31 * 86_400));
    settings.upkeep().await.unwrap();
    assert_eq!(rows().await.unwrap(), 2);
    assert_eq!(settings.get("alpha", "back", None).await.unwrap().value, json!(2));
}
