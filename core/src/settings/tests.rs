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
    let setting =
        settings.set("alpha", "greeting", json!("hi"), Some(0), Some(&schema)).await.unwrap();
    assert_eq!((setting.revision, setting.origin), (1, Origin::Plugin));
    let setting = settings.get("alpha", "greeting", Some(&schema)).await.unwrap();
    assert_eq!((setting.value, setting.origin), (json!("hi"), Origin::Plugin));
    let other = settings.get("beta", "greeting", None).await;
    assert!(matches!(other, Err(SettingsError::UnknownKey)));
    settings.set("alpha", "host", json!("h"), None, Some(&schema)).await.unwrap();
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
        let result = settings.set("alpha", key, value, None, Some(&schema)).await;
        let Err(SettingsError::Refused(faults)) = result else { panic!("{key} is taken") };
        assert_eq!((faults[0].pointer.as_str(), faults[0].rule.as_str()), (pointer, rule));
        assert!(!format!("{faults:?}").contains("canary"));
    }
    assert_eq!(settings.list("alpha", None).await.unwrap(), []);
}

#[tokio::test]
async fn a_stale_revision_is_told_the_newest() {
    let (settings, _folder) = bench();
    settings.set("alpha", "k", json!(1), Some(0), None).await.unwrap();
    for expected in [0, 2] {
        let result = settings.set("alpha", "k", json!(2), Some(expected), None).await;
        assert!(matches!(result, Err(SettingsError::RevisionConflict { current: 1 })));
    }
    assert_eq!(settings.set("alpha", "k", json!(2), Some(1), None).await.unwrap().revision, 2);
}

#[tokio::test]
async fn history_is_kept_to_its_bound() {
    let (settings, _folder) = bench();
    for number in 1..=HISTORY + 5 {
        settings.set("alpha", "k", json!(number), None, None).await.unwrap();
    }
    let rows: i64 = settings
        .store
        .read(|conn| Ok(conn.query_row("SELECT count(*) FROM settings", [], |row| row.get(0))?))
        .await
        .unwrap();
    assert_eq!(rows, HISTORY);
    assert_eq!(settings.get("alpha", "k", None).await.unwrap().value, json!(HISTORY + 5));
}
