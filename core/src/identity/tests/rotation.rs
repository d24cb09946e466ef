//! Keys that change while everybody goes on calling.

use std::collections::BTreeMap;

use super::*;
use crate::json::hex;

struct Keys {
    _folder: tempfile::TempDir,
    clock: Clock,
    store: Store,
    identity: Identity,
}

async fn open(store: &Store, clock: &Clock) -> Identity {
    let master = MasterKey::from_bytes(&[3; 32]).expect("a key");
    Identity::open(store.clone(), clock.clone(), &master, Settings::default(), false)
        .await
        .expect("opens")
}

async fn keys() -> Keys {
    let folder = tempfile::tempdir().expect("folder");
    let store = Store::open(&folder.path().join("core.db"), &[MIGRATIONS]).expect("opens");
    let clock = Clock::manual(time::macros::datetime!(2026-11-22 17:00 UTC));
    let identity = open(&store, &clock).await;
    Keys { _folder: folder, clock, store, identity }
}

impl Keys {
    async fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        self.identity.upkeep().await.expect("keeps");
    }

    async fn rotate(&self) {
        self.identity.rotate_keys(Some("test".into())).await.expect("rotates");
    }

    async fn statuses(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for key in self.identity.signing_keys().await.expect("reads") {
            *counts.entry(key.status.name()).or_insert(0) += 1;
        }
        counts
    }

    fn token(&self) -> String {
        self.identity.plugin_token("alpha", 1).expect("issues").expose().to_owned()
    }

    fn accepts(&self, token: &str) -> bool {
        self.identity.plugin_claims(token).is_ok()
    }

    fn signer(&self) -> String {
        self.identity.public_keys()[0].kid.clone()
    }
}

/// A plugin that verifies with its copy of the key set and fetches it only when the copy has
/// reached the age it may have.
struct Verifier {
    keys: Vec<PublicKey>,
    fetched_at: i64,
}

impl Verifier {
    fn verifies(&mut self, from: &Keys, token: &str) -> bool {
        if from.clock.unix() - self.fetched_at >= CACHE_AGE {
            *self = Self::fetch(from);
        }
        let (text, signature) = token.rsplit_once('.').expect("segments");
        let signature =
            base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, signature)
                .expect("base64url");
        self.keys.iter().any(|key| key.verifies(text.as_bytes(), &signature))
    }

    fn fetch(from: &Keys) -> Self {
        Self { keys: from.identity.public_keys(), fetched_at: from.clock.unix() }
    }
}

#[tokio::test]
async fn a_key_is_published_for_ten_minutes_before_it_signs() {
    let bench = keys().await;
    assert_eq!(bench.statuses().await, BTreeMap::from([("current", 1), ("next", 1)]));
    let next = bench.identity.public_keys()[1].kid.clone();
    bench.rotate().await;
    let again = bench.identity.rotate_keys(None).await;
    assert!(matches!(again, Err(IdentityError::RotationPending)));
    bench.pass(599).await;
    assert_ne!(bench.signer(), next, "too early");
    bench.pass(1).await;
    assert_eq!(bench.signer(), next);
    assert_eq!(
        bench.statuses().await,
        BTreeMap::from([("current", 1), ("next", 1), ("previous", 1)])
    );

    bench.pass(601).await;
    let waiting = bench.identity.public_keys()[1].kid.clone();
    bench.rotate().await;
    assert_eq!(bench.signer(), waiting, "one that was published long ago signs at once");
}

#[tokio::test]
async fn an_old_key_verifies_until_its_last_token_has_ended() {
    let bench = keys().await;
    bench.pass(600).await;
    let (old, token) = (bench.signer(), bench.token());
    bench.rotate().await;
    assert_ne!(bench.signer(), old);
    bench.pass(899).await;
    assert!(bench.accepts(&token), "the token lives");
    bench.pass(1_800 + 30 - 899 - 1).await;
    assert!(bench.identity.public_keys().iter().any(|key| key.kid == old));
    bench.pass(1).await;
    assert!(!bench.identity.public_keys().iter().any(|key| key.kid == old));
    assert_eq!(bench.statuses().await["retired"], 1);
}

#[tokio::test]
async fn twenty_rotations_while_calling_lose_no_call() {
    let bench = keys().await;
    let mut verifier = Verifier::fetch(&bench);
    let mut recent: Vec<(i64, String)> = Vec::new();
    let (mut calls, mut failures, mut rotations) = (0, 0, 0);
    let mut signers = std::collections::BTreeSet::new();
    while rotations < 20 {
        bench.pass(60).await;
        if bench.identity.rotate_keys(None).await.is_ok() {
            rotations += 1;
        }
        signers.insert(bench.signer());
        recent.push((bench.clock.unix(), bench.token()));
        recent.retain(|(issued_at, _)| bench.clock.unix() - issued_at < 900);
        for (_, token) in &recent {
            calls += 2;
            failures += u32::from(!bench.accepts(token));
            failures += u32::from(!verifier.verifies(&bench, token));
        }
    }
    assert!(signers.len() >= 20, "{} signers", signers.len());
    assert_eq!(failures, 0, "of {calls} calls");

    // Control: keys that are thrown away leave the copy of the plugin behind.
    verifier = Verifier::fetch(&bench);
    for _ in 0..2 {
        let kid = bench.signer();
        assert!(bench.identity.retire_key(&kid, "test".into()).await.expect("retires"));
    }
    assert!(!verifier.verifies(&bench, &bench.token()));
}

#[tokio::test]
async fn a_revoked_key_takes_its_tokens_with_it_at_once_also_from_the_cache() {
    let bench = keys().await;
    let (kid, token) = (bench.signer(), bench.token());
    assert!(bench.accepts(&token) && bench.accepts(&token), "control: accepted and seen before");
    assert_eq!(bench.identity.cache.len(), 1);
    assert!(bench.identity.retire_key(&kid, "leaked".into()).await.expect("retires"));
    assert!(!bench.accepts(&token));
    assert!(!bench.identity.public_keys().iter().any(|key| key.kid == kid));
    assert!(bench.accepts(&bench.token()), "the next key signs");
    let unknown = bench.identity.retire_key("no_such_key", "test".into()).await;
    assert!(!unknown.expect("answers"));
    let reopened = open(&bench.store, &bench.clock).await;
    assert!(reopened.plugin_claims(&token).is_err(), "after a restart too");
}

#[tokio::test]
async fn the_cache_forgets_nothing_that_the_clock_or_the_session_says() {
    let bench = keys().await;
    let token = bench.token();
    assert!(bench.accepts(&token));
    bench.clock.advance(Duration::from_secs(931));
    assert_eq!(bench.identity.plugin_claims(&token).err(), Some(TokenError::Expired));

    let now = bench.clock.unix();
    let start = move |tx: &Transaction<'_>| sessions::start(tx, "ses_1", "usr_1", true, now);
    bench.store.write(start).await.expect("starts");
    let token = bench.identity.issue_session("usr_1", "ses_1").expect("issues");
    let verified = bench.identity.verify(token.expose()).expect("verifies");
    let again = bench.identity.verify(token.expose()).expect("verifies");
    assert!(Arc::ptr_eq(&verified, &again), "the second look is a hit");
    bench.identity.end_session("usr_1", "ses_1").await.expect("ends");
    let person = bench.identity.person(token.expose()).await.expect("reads");
    assert_eq!(person, Err(TokenError::Invalid));

    for number in 0..40_000 {
        let key = cache::key(&number.to_string());
        bench.identity.cache.keep(key, verified.clone(), bench.clock.unix());
    }
    assert!(bench.identity.cache.len() <= 16 * 1_024, "bounded");
}

#[tokio::test]
async fn keys_rotate_by_themselves_survive_a_restart_and_are_sealed() {
    let bench = keys().await;
    let (first, token) = (bench.signer(), bench.token());
    let reopened = open(&bench.store, &bench.clock).await;
    assert!(reopened.plugin_claims(&token).is_ok(), "the same keys");
    bench.pass(90 * 86_400 - 1).await;
    assert_eq!(bench.signer(), first, "control");
    bench.pass(1).await;
    assert_ne!(bench.signer(), first);

    let sealed = bench.store.read(|conn| {
        let sql =
            "SELECT hex(sealed), status FROM signing_keys WHERE status IN ('current', 'next')";
        let mut statement = conn.prepare(sql)?;
        let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
        Ok(rows.collect::<Result<Vec<_>, _>>()?)
    });
    let sealed = sealed.await.expect("reads");
    // Every Ed25519 key in PKCS #8 holds its object identifier (RFC 8410 section 3).
    let mark = hex(&[0x06, 0x03, 0x2b, 0x65, 0x70]).to_uppercase();
    assert_eq!(sealed.len(), 2);
    assert!(sealed.iter().all(|text| !text.contains(&mark)));
    let (plain, _) = super::super::keys::generate().expect("generates");
    assert!(hex(&plain).to_uppercase().contains(&mark), "control");
    let wiped = "SELECT count(*) FROM signing_keys WHERE status = 'previous' AND sealed IS NULL";
    let wiped =
        bench.store.read(move |conn| Ok(conn.query_row(wiped, [], |row| row.get::<_, i64>(0))?));
    assert_eq!(wiped.await.expect("reads"), 1);
}
