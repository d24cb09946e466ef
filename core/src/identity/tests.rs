//! Sign-in, second factor, lock-out, sessions and set-up, on a clock that only the test moves.

use std::time::Duration;

use rusqlite::Transaction;
use secrecy::{ExposeSecret, SecretString};
use totp_rs::{Builder, Secret};

use super::*;

mod accounts;
mod rotation;

const PASSWORD: &str = "correct horse battery staple";
const NAME: &str = "first_admin";

struct Bench {
    _folder: tempfile::TempDir,
    clock: Clock,
    store: Store,
    identity: Identity,
}

fn bench() -> Bench {
    bench_with(false)
}

fn bench_with(development: bool) -> Bench {
    let folder = tempfile::tempdir().expect("folder");
    let store = Store::open(&folder.path().join("core.db"), &[MIGRATIONS]).expect("opens");
    let clock = Clock::manual(time::macros::datetime!(2026-11-22 17:00 UTC));
    let master = MasterKey::from_bytes(&[3; 32]).expect("a key");
    let keys = SigningKeys::from_seed(&[9; 32]);
    let identity = Identity::new(store.clone(), clock.clone(), &master, keys, development);
    Bench { _folder: folder, clock, store, identity }
}

/// A bench whose first administrator exists, with the seed of the second factor.
async fn set_up() -> (Bench, Vec<u8>) {
    let bench = bench();
    let code = bench.identity.make_setup_code().await.expect("makes").expect("a code");
    let enrolment = bench.identity.set_up(&code, NAME, PASSWORD.into()).await.expect("sets up");
    (bench, enrolment.secret.to_vec())
}

impl Bench {
    fn code(&self, secret: &[u8]) -> SecretString {
        let totp = Builder::new().with_secret(Secret::new(secret.into())).build_noncompliant();
        totp.generate(u64::try_from(self.clock.unix()).expect("after 1970")).to_string().into()
    }

    async fn sign_in(&self, password: &str, code: SecretString) -> Result<SignIn, IdentityError> {
        self.identity.sign_in(NAME, proof(password, code)).await
    }

    async fn person(&self, sign_in: &SignIn) -> Result<Person, TokenError> {
        self.identity.person(sign_in.token.expose()).await.expect("reads")
    }

    fn wait(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn proof(password: &str, code: SecretString) -> Proof {
    Proof { password: password.into(), factor: Factor::Code(code) }
}

fn failed<T: std::fmt::Debug>(result: Result<T, IdentityError>) -> bool {
    matches!(result, Err(IdentityError::LoginFailed))
}

#[tokio::test]
async fn the_first_administrator_signs_in_with_password_and_code() {
    let (bench, secret) = set_up().await;
    let sign_in = bench.sign_in(PASSWORD, bench.code(&secret)).await.expect("signs in");
    assert_eq!(sign_in.token.expires_in, 900);
    let person = bench.person(&sign_in).await.expect("lives");
    assert_eq!((person.username.as_str(), person.roles.names()), (NAME, vec!["admin".to_owned()]));
    assert!(!format!("{person:?} {sign_in:?}").contains(NAME));
    assert!(!format!("{sign_in:?}").contains(sign_in.token.expose()));
}

#[tokio::test]
async fn every_wrong_part_gets_the_same_answer() {
    let (bench, secret) = set_up().await;
    let code = bench.code(&secret);
    assert!(failed(bench.sign_in("wrong", code.clone()).await));
    assert!(failed(bench.sign_in(PASSWORD, "000000".into()).await));
    assert!(failed(bench.identity.sign_in("nobody", proof(PASSWORD, code.clone())).await));
    assert!(failed(bench.identity.sign_in("First_Admin", proof(PASSWORD, code.clone())).await));
    assert!(bench.sign_in(PASSWORD, code).await.is_ok(), "the code was not used up");
}

#[tokio::test]
async fn a_code_works_once_also_in_a_hundred_parallel_sign_ins() {
    let (bench, secret) = set_up().await;
    let code = bench.code(&secret);
    let tries: Vec<_> = (0..100)
        .map(|_| {
            let (identity, code) = (bench.identity.clone(), code.clone());
            tokio::spawn(async move { identity.sign_in(NAME, proof(PASSWORD, code)).await })
        })
        .collect();
    let mut accepted = 0;
    for result in tries {
        accepted += u32::from(result.await.expect("joins").is_ok());
    }
    assert_eq!(accepted, 1);
    bench.wait(4_000);
    assert!(bench.sign_in(PASSWORD, bench.code(&secret)).await.is_ok(), "control: a later code");
}

#[tokio::test]
async fn an_older_step_is_refused_after_a_newer_one() {
    let (bench, secret) = set_up().await;
    let older = bench.code(&secret);
    bench.wait(30);
    let newer = bench.code(&secret);
    assert!(bench.sign_in(PASSWORD, newer.clone()).await.is_ok());
    assert!(failed(bench.sign_in(PASSWORD, older).await), "still in the window");
    assert!(failed(bench.sign_in(PASSWORD, newer).await));
}

#[tokio::test]
async fn five_failures_lock_the_account_with_growing_delays() {
    let (bench, secret) = set_up().await;
    for _ in 0..5 {
        assert!(failed(bench.sign_in("wrong", bench.code(&secret)).await));
    }
    let right = bench.sign_in(PASSWORD, bench.code(&secret)).await;
    assert!(matches!(right, Err(IdentityError::Locked { retry_after: 60 })));
    bench.wait(59);
    let right = bench.sign_in(PASSWORD, bench.code(&secret)).await;
    assert!(matches!(right, Err(IdentityError::Locked { retry_after: 1 })));
    bench.wait(1);
    assert!(failed(bench.sign_in("wrong", bench.code(&secret)).await));
    let right = bench.sign_in(PASSWORD, bench.code(&secret)).await;
    assert!(matches!(right, Err(IdentityError::Locked { retry_after: 120 })));
    bench.wait(120);
    assert!(bench.sign_in(PASSWORD, bench.code(&secret)).await.is_ok());
    bench.wait(30);
    assert!(failed(bench.sign_in("wrong", bench.code(&secret)).await), "the count began anew");
}

#[tokio::test]
async fn an_unknown_account_locks_like_a_known_one() {
    let (bench, _) = set_up().await;
    let guess = async || bench.identity.sign_in("nobody", proof("x", "123456".into())).await;
    for _ in 0..5 {
        assert!(failed(guess().await));
    }
    assert!(matches!(guess().await, Err(IdentityError::Locked { retry_after: 60 })));
}

#[tokio::test]
async fn parallel_guesses_are_bounded_before_they_are_checked() {
    let (bench, secret) = set_up().await;
    let code = bench.code(&secret);
    let tries: Vec<_> = (0..200)
        .map(|_| {
            let (identity, code) = (bench.identity.clone(), code.clone());
            tokio::spawn(async move { identity.sign_in(NAME, proof("guess", code)).await })
        })
        .collect();
    let mut checked = 0;
    for result in tries {
        checked += u32::from(failed(result.await.expect("joins")));
    }
    assert_eq!(checked, 5);
}

#[tokio::test]
async fn a_session_ends_when_idle_at_its_end_and_at_sign_out() {
    let (bench, secret) = set_up().await;
    let first = bench.sign_in(PASSWORD, bench.code(&secret)).await.expect("signs in");
    bench.wait(14 * 60 + 59);
    assert!(bench.person(&first).await.is_ok(), "14:59");

    bench.wait(60);
    let second = bench.sign_in(PASSWORD, bench.code(&secret)).await.expect("signs in");
    bench.wait(15 * 60 + 1);
    assert_eq!(bench.person(&second).await, Err(TokenError::Expired), "15:01");

    bench.wait(60);
    let third = bench.sign_in(PASSWORD, bench.code(&secret)).await.expect("signs in");
    let person = bench.person(&third).await.expect("lives");
    bench.identity.end_session(&person.user_id, &person.session_id).await.expect("signs out");
    assert_eq!(bench.person(&third).await, Err(TokenError::Invalid));
}

#[tokio::test]
async fn the_idle_limit_stands_apart_from_the_life_of_the_token() {
    let (bench, _) = set_up().await;
    let start = bench.clock.unix();
    let start_session =
        move |tx: &Transaction<'_>| sessions::start(tx, "ses_1", "usr_1", true, start);
    bench.store.write(start_session).await.expect("starts");
    let used = async |now: i64| {
        let living = bench.store.write(move |tx| {
            let living = sessions::find(tx, "ses_1", now, 900)?;
            sessions::touch(tx, "ses_1", now)?;
            Ok(living.map(|_| ()))
        });
        living.await.expect("reads")
    };
    for step in 1..=48 {
        assert!(used(start + step * 899).await.is_ok(), "used every 14:59");
    }
    assert_eq!(used(start + sessions::ABSOLUTE).await, Err(TokenError::Expired), "twelve hours");
}

#[tokio::test]
async fn a_disabled_user_and_a_foreign_session_are_refused() {
    let (bench, secret) = set_up().await;
    let sign_in = bench.sign_in(PASSWORD, bench.code(&secret)).await.expect("signs in");
    bench
        .store
        .write(|tx| Ok(tx.execute("UPDATE users SET disabled = 1", [])?))
        .await
        .expect("disables");
    assert_eq!(bench.person(&sign_in).await, Err(TokenError::Invalid));
    bench.wait(30);
    assert!(failed(bench.sign_in(PASSWORD, bench.code(&secret)).await));
}

#[tokio::test]
async fn a_setup_code_works_once_for_a_quarter_of_an_hour() {
    let bench = bench();
    let code = async || bench.identity.make_setup_code().await.expect("makes").expect("a code");
    let set_up = async |code: &SecretString| {
        bench.identity.set_up(code, NAME, PASSWORD.into()).await.map(|_| ())
    };
    let old = code().await;
    let late = code().await;
    assert_ne!(old.expose_secret(), late.expose_secret());
    assert!(matches!(set_up(&old).await, Err(IdentityError::SetupCodeInvalid)), "replaced");
    bench.wait(900);
    assert!(matches!(set_up(&late).await, Err(IdentityError::SetupCodeInvalid)), "too late");

    let guessed = code().await;
    for _ in 0..5 {
        assert!(set_up(&"0000-0000".into()).await.is_err());
    }
    assert!(matches!(set_up(&guessed).await, Err(IdentityError::SetupCodeInvalid)), "worn out");

    let good = code().await;
    let shouted: SecretString = good.expose_secret().to_uppercase().replace('-', " ").into();
    assert!(set_up(&shouted).await.is_ok());
    assert!(matches!(set_up(&good).await, Err(IdentityError::SetupCodeInvalid)), "used");
}

#[tokio::test]
async fn after_the_first_sign_in_there_is_no_more_set_up() {
    let bench = bench();
    let code = bench.identity.make_setup_code().await.expect("makes").expect("a code");
    bench.identity.set_up(&code, NAME, PASSWORD.into()).await.expect("sets up");
    let again = bench.identity.make_setup_code().await.expect("makes").expect("nobody signed in");
    let enrolment = bench.identity.set_up(&again, NAME, PASSWORD.into()).await.expect("replaces");
    bench.sign_in(PASSWORD, bench.code(&enrolment.secret)).await.expect("signs in");
    assert!(bench.identity.make_setup_code().await.expect("makes").is_none());
    let late = bench.identity.set_up(&again, "second_admin", PASSWORD.into()).await;
    assert!(matches!(late, Err(IdentityError::AlreadySetUp)));
}

#[tokio::test]
async fn second_factors_and_setup_codes_are_not_readable_in_the_store() {
    let (bench, secret) = set_up().await;
    let code = bench.identity.make_setup_code().await.expect("makes").expect("a code");
    bench.store.close().await;
    let file = std::fs::read(bench._folder.path().join("core.db")).expect("reads");
    let contains = |needle: &[u8]| file.windows(needle.len()).any(|part| part == needle);
    assert!(contains(NAME.as_bytes()), "control: the scan finds what is there");
    assert!(!contains(&secret));
    assert!(!contains(PASSWORD.as_bytes()));
    assert!(!contains(code.expose_secret().replace('-', "").as_bytes()));
}

#[tokio::test]
async fn outside_development_nobody_knows_the_bootstrap_user() {
    let bench = bench_with(false);
    let name = "bootstrap_admin_only";
    let result = bench.identity.sign_in(name, proof(name, "000000".into())).await;
    assert!(failed(result));
}

#[cfg(feature = "dev")]
#[tokio::test]
async fn in_development_the_bootstrap_user_signs_in_and_its_session_dies_with_the_mode() {
    let bench = bench_with(true);
    let name = "bootstrap_admin_only";
    let sign_in = bench.identity.sign_in(name, proof(name, "000000".into())).await.expect("known");
    assert_eq!(bench.person(&sign_in).await.expect("lives").username, name);
    for (password, code) in [(name, "000001"), ("other", "000000")] {
        assert!(failed(bench.identity.sign_in(name, proof(password, code.into())).await));
    }
    let production = Identity { development: false, ..bench.identity.clone() };
    let person = production.person(sign_in.token.expose()).await.expect("reads");
    assert_eq!(person, Err(TokenError::Invalid));
}

#[tokio::test]
async fn tokens_of_plugins_and_calls_carry_who_and_for_whom() {
    let bench = bench();
    let token = bench.identity.plugin_token("alpha", 3).expect("issues");
    assert_eq!(bench.identity.plugin_claims(token.expose()), Ok(("alpha".to_owned(), 3)));
    assert!(bench.identity.person(token.expose()).await.expect("reads").is_err());
    let call =
        CallGrant { caller: "alpha", callee: "beta", operation: "ping", body: b"", chain: &[] };
    let token = bench.identity.call_token(&call).expect("issues");
    assert_eq!(bench.identity.plugin_claims(token.expose()), Err(TokenError::Invalid));
    let claims = bench.identity.call_claims("beta", token.expose()).expect("verifies");
    assert_eq!(claims.chain(), ["alpha"]);
    assert!(bench.identity.call_claims("gamma", token.expose()).is_err());
    bench.wait(91);
    let late = bench.identity.call_claims("beta", token.expose());
    assert_eq!(late.err(), Some(TokenError::Expired));
}
