//! The life of a plugin, from its enrolment to its end, and everything it must not get on the way.

use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::json;

use super::*;
use crate::policy::Trait;

struct Bench {
    folder: tempfile::TempDir,
    clock: Clock,
    registry: Registry,
}

async fn bench() -> Bench {
    let folder = tempfile::tempdir().expect("folder");
    let clock = Clock::manual(time::macros::datetime!(2026-11-22 17:00 UTC));
    let registry = open(folder.path(), &clock).await;
    Bench { folder, clock, registry }
}

async fn open(folder: &std::path::Path, clock: &Clock) -> Registry {
    let store = Store::open(&folder.join("core.db"), &[MIGRATIONS]).expect("opens");
    Registry::open(store, clock.clone()).await.expect("loads")
}

fn document(plugin_id: &str, traits: &[&str]) -> Value {
    json!({
        "id": plugin_id,
        "name": "Test",
        "version": "1.0.0",
        "contracts": ["vivified/1"],
        "traits": traits,
        "security": { "authentication_required": true, "data_classification": ["internal"] },
        "compliance": { "hipaa_controls": [], "audit_level": "standard" },
    })
}

fn manifest(plugin_id: &str, traits: &[&str]) -> Manifest {
    Manifest::check(document(plugin_id, traits)).expect("a good manifest")
}

impl Bench {
    async fn token(&self, plugin_id: &str, approve: bool) -> Applicant {
        let enrollment = self.registry.enroll(plugin_id, approve, 3_600).await.expect("enrols");
        let token = enrollment.token.expose_secret().to_owned();
        Applicant::Enrolled(self.enrolled(&token).await.expect("known"))
    }

    async fn enrolled(&self, token: &str) -> Result<Enrolled, TokenError> {
        self.registry.enrolled(token).await.expect("reads")
    }

    async fn active(&self, plugin_id: &str, traits: &[&str]) -> Arc<Plugin> {
        let token = self.token(plugin_id, true).await;
        self.registry.register(token, manifest(plugin_id, traits)).await.expect("registers")
    }
}

fn again(plugin_id: &str) -> Applicant {
    Applicant::Plugin { plugin_id: plugin_id.into() }
}

fn traits(names: &[&str]) -> Traits {
    Traits::parse(names.iter().copied())
}

#[tokio::test]
async fn an_approved_enrolment_grants_what_the_manifest_asks_for() {
    let bench = bench().await;
    let plugin = bench.active("alpha", &["event_publisher", "rpc_caller"]).await;
    assert_eq!(plugin.state, PluginState::Active);
    assert_eq!(plugin.granted_traits(), traits(&["event_publisher", "rpc_caller"]));
    assert!(bench.registry.holder("alpha", plugin.generation).is_ok());
}

#[tokio::test]
async fn without_approval_a_plugin_waits_and_a_part_can_be_granted() {
    let bench = bench().await;
    let token = bench.token("alpha", false).await;
    let asked = manifest("alpha", &["event_publisher", "rpc_caller"]);
    let plugin = bench.registry.register(token, asked.clone()).await.expect("registers");
    assert_eq!((plugin.state, plugin.granted_traits()), (PluginState::Pending, Traits::EMPTY));

    let part = |names: &[&str]| Approval {
        traits: Some(names.iter().map(|name| (*name).to_owned()).collect()),
        reason: "reviewed".into(),
        ..Approval::default()
    };
    let more = bench.registry.approve("alpha", part(&["external_caller"])).await;
    assert!(matches!(more, Err(RegistryError::NotRequested)));
    let plugin = bench.registry.approve("alpha", part(&["rpc_caller"])).await.expect("approves");
    assert_eq!((plugin.state, plugin.reason.as_str()), (PluginState::Active, "reviewed"));
    assert_eq!(plugin.granted_traits(), traits(&["rpc_caller"]));

    let plugin = bench.registry.register(again("alpha"), asked).await.expect("again");
    assert_eq!(plugin.state, PluginState::Active, "the partial approval stands");
    assert_eq!(plugin.granted_traits(), traits(&["rpc_caller"]));
}

#[tokio::test]
async fn the_same_manifest_again_changes_only_where_the_plugin_listens() {
    let bench = bench().await;
    let before = bench.active("alpha", &["rpc_provider"]).await;
    bench.clock.advance(Duration::from_secs(60));
    let mut moved = document("alpha", &["rpc_provider"]);
    moved["endpoints"] = json!({ "base_url": "http://127.0.0.1:9001" });
    let moved = Manifest::check(moved).expect("good");
    let after = bench.registry.register(again("alpha"), moved).await.expect("again");
    assert_eq!((after.state, after.generation), (PluginState::Active, before.generation));
    assert_eq!(
        (after.changed_at, after.reason.as_str()),
        (before.changed_at, "approved at enrolment")
    );
    assert_eq!(after.base_url.as_deref(), Some("http://127.0.0.1:9001"));
}

#[tokio::test]
async fn asking_for_less_goes_on_and_asking_for_more_waits() {
    let bench = bench().await;
    bench.active("alpha", &["event_publisher", "rpc_caller"]).await;
    let less = manifest("alpha", &["rpc_caller"]);
    let plugin = bench.registry.register(again("alpha"), less).await.expect("registers");
    assert_eq!(
        (plugin.state, plugin.granted_traits()),
        (PluginState::Active, traits(&["rpc_caller"]))
    );
    let more = manifest("alpha", &["rpc_caller", "storage_user"]);
    let plugin = bench.registry.register(again("alpha"), more).await.expect("registers");
    assert_eq!(plugin.state, PluginState::Pending);
    assert_eq!(plugin.granted_traits(), traits(&["rpc_caller"]));
    assert!(!plugin.granted_traits().has(Trait::StorageUser));
}

#[tokio::test]
async fn a_wider_domain_entry_asks_for_more() {
    let bench = bench().await;
    let with = |entry: Value| {
        let mut document = document("alpha", &["external_caller"]);
        document["allowed_domains"] = json!([entry]);
        Manifest::check(document).expect("good")
    };
    let narrow = json!({ "host": "api.partner.example", "methods": ["GET"] });
    let token = bench.token("alpha", true).await;
    let plugin = bench.registry.register(token, with(narrow)).await.expect("registers");
    assert_eq!(plugin.granted_hosts(), ["api.partner.example"]);
    for wider in [
        json!("api.partner.example"),
        json!({ "host": "api.partner.example", "methods": ["GET"], "baa": true }),
        json!({ "host": "api.partner.example", "methods": ["GET"], "port": 8443 }),
    ] {
        let plugin = bench.registry.register(again("alpha"), with(wider)).await.expect("registers");
        assert_eq!(plugin.state, PluginState::Pending);
        assert_eq!(plugin.granted_hosts(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn an_enrolment_token_works_once_for_its_plugin_until_it_ends() {
    let bench = bench().await;
    let token = bench.token("alpha", true).await;
    let other = bench.registry.register(token.clone(), manifest("beta", &[])).await;
    assert!(matches!(other, Err(RegistryError::OtherPlugin)));
    let first = manifest("alpha", &["rpc_caller"]);
    bench.registry.register(token.clone(), first.clone()).await.expect("registers");
    bench.registry.register(token.clone(), first).await.expect("the same again is idempotent");
    let changed = bench.registry.register(token, manifest("alpha", &[])).await;
    assert!(matches!(changed, Err(RegistryError::Token(TokenError::Invalid))), "spent");

    let late = bench.registry.enroll("beta", true, 60).await.expect("enrols");
    bench.clock.advance(Duration::from_secs(60));
    let late = bench.enrolled(late.token.expose_secret()).await;
    assert_eq!(late, Err(TokenError::Expired));
    assert_eq!(bench.enrolled("venr_unknown").await, Err(TokenError::Invalid));
}

#[tokio::test]
async fn revoking_takes_rights_tokens_and_open_enrolments() {
    let bench = bench().await;
    let before = bench.active("alpha", &["rpc_caller"]).await;
    let open = bench.registry.enroll("alpha", true, 3_600).await.expect("enrols");
    let plugin = bench.registry.revoke("alpha", "no longer needed".into()).await.expect("revokes");
    assert_eq!((plugin.state, plugin.granted_traits()), (PluginState::Revoked, Traits::EMPTY));
    assert_eq!(bench.registry.holder("alpha", before.generation).err(), Some(TokenError::Invalid));
    assert_eq!(bench.registry.holder("alpha", plugin.generation).err(), Some(TokenError::Invalid));
    assert_eq!(bench.enrolled(open.token.expose_secret()).await, Err(TokenError::Invalid));
    let approved = bench.registry.approve("alpha", Approval::default()).await;
    assert!(matches!(approved, Err(RegistryError::State(PluginState::Revoked))));

    let token = bench.token("alpha", false).await;
    let plugin = bench.registry.register(token, manifest("alpha", &["rpc_caller"])).await;
    let plugin = plugin.expect("comes back with a new enrolment");
    assert_eq!((plugin.state, plugin.granted_traits()), (PluginState::Pending, Traits::EMPTY));
    assert_eq!(bench.registry.holder("alpha", before.generation).err(), Some(TokenError::Invalid));
    assert!(bench.registry.holder("alpha", plugin.generation).is_ok());
}

#[tokio::test]
async fn a_plugin_that_left_is_refused_until_it_registers_again() {
    let bench = bench().await;
    let token = bench.token("alpha", true).await;
    let asked = manifest("alpha", &["rpc_caller"]);
    let first = bench.registry.register(token.clone(), asked.clone()).await.expect("registers");
    let left = bench.registry.leave("alpha").await.expect("leaves");
    assert_eq!(left.state, PluginState::Left);
    assert!(bench.registry.holder("alpha", first.generation).is_err());
    let back = bench.registry.register(token, asked).await.expect("the same manifest");
    assert_eq!((back.state, back.granted_traits()), (PluginState::Active, traits(&["rpc_caller"])));
    assert!(bench.registry.holder("alpha", first.generation).is_err(), "old tokens stay dead");
}

#[tokio::test]
async fn health_follows_heartbeats_and_the_lease() {
    let bench = bench().await;
    let plugin = bench.active("alpha", &[]).await;
    let healthy = |plugin: &Plugin| plugin.is_healthy(bench.clock.unix());
    assert!(healthy(&plugin));
    bench.clock.advance(Duration::from_secs(900));
    assert!(healthy(&plugin));
    bench.clock.advance(Duration::from_secs(1));
    assert!(!healthy(&plugin), "the lease ran out");
    let beat = async |health| bench.registry.heartbeat("alpha", health).await.expect("renews");
    assert!(healthy(&*beat(Health::Degraded).await));
    assert!(!healthy(&*beat(Health::Draining).await));
    assert!(healthy(&*beat(Health::Healthy).await));
    let unknown = bench.registry.heartbeat("beta", Health::Healthy).await;
    assert!(matches!(unknown, Err(RegistryError::Unknown)));
}

#[tokio::test]
async fn the_directory_lists_what_the_caller_may_call_and_nothing_else() {
    let bench = bench().await;
    let mut document = document("provider", &["rpc_provider", "handles_pii"]);
    document["security"]["data_classification"] = json!(["pii"]);
    document["operations"] = json!([
        { "name": "ping" },
        { "name": "store", "required_traits": ["storage_user"] },
        { "name": "person", "data_traits": ["pii"] },
    ]);
    let asked = Manifest::check(document).expect("good");
    let token = bench.token("provider", true).await;
    bench.registry.register(token, asked).await.expect("registers");
    let caller = bench.active("caller", &["rpc_caller"]).await;
    let stranger = bench.active("stranger", &["event_publisher"]).await;

    let rules = crate::policy::Policy::built_in().rules();
    let names = |caller: &Plugin| -> Vec<String> {
        let entries = bench.registry.directory(&rules, caller).into_iter();
        entries.flat_map(|entry| entry.offers).map(|offer| offer.name).collect()
    };
    assert_eq!(names(&caller), ["ping"]);
    assert_eq!(names(&stranger), Vec::<String>::new());
    assert!(bench.registry.look_up(&rules, &caller, "provider").is_some());
    assert!(bench.registry.look_up(&rules, &stranger, "provider").is_none());
    assert!(bench.registry.look_up(&rules, &caller, "nobody").is_none());
    let provider = bench.registry.get("provider").expect("known");
    assert!(bench.registry.look_up(&rules, &provider, "provider").is_none());
    bench.registry.revoke("provider", "test".into()).await.expect("revokes");
    assert_eq!(names(&caller), Vec::<String>::new());
}

#[tokio::test]
async fn no_plugin_takes_a_name_of_core() {
    let bench = bench().await;
    for name in RESERVED {
        let refused = bench.registry.enroll(name, true, 60).await;
        assert!(matches!(refused, Err(RegistryError::Reserved)), "{name}");
    }
}

#[tokio::test]
async fn everything_survives_a_restart() {
    let bench = bench().await;
    let before = bench.active("alpha", &["rpc_caller"]).await;
    let after = open(bench.folder.path(), &bench.clock).await;
    let after = after.get("alpha").expect("known");
    assert_eq!(format!("{before:?}"), format!("{after:?}"));
}

#[test]
fn bad_manifests_are_refused_with_every_fault() {
    let mut document = document("alpha", &["admin", "event_publsher"]);
    document["surprise"] = json!(true);
    document["security"]["authentication_required"] = json!(false);
    document["endpoints"] = json!({ "base_url": "http://10.0.0.1:9000" });
    let findings = Manifest::check(document).expect_err("refused");
    let paths: Vec<&str> = findings.iter().map(|finding| finding.path.as_str()).collect();
    for path in
        ["/traits/0", "/traits/1", "/security/authentication_required", "/endpoints/base_url"]
    {
        assert!(paths.contains(&path), "{path} in {paths:?}");
    }
    assert!(paths.iter().any(|path| path.contains("surprise")), "{paths:?}");
}
