//! Accounts from the invitation to the end: one-time passwords, second factors, recovery codes,
//! and that the last administrator stays.

use super::*;
use crate::policy::{Role, Roles};

const NEW: &str = "a quiet evening by the lake";

fn alone(password: &str) -> Proof {
    Proof { password: password.into(), factor: Factor::None }
}

fn recovery(password: &str, code: &SecretString) -> Proof {
    Proof { password: password.into(), factor: Factor::Recovery(code.clone()) }
}

impl Bench {
    async fn invite(&self, name: &str, roles: &[Role]) -> Invitation {
        self.identity.create_user(name, Roles::of(roles)).await.expect("creates")
    }

    /// A person that has gone the whole way, with the seed and the recovery codes.
    async fn join(&self, name: &str, roles: &[Role]) -> (Person, Vec<u8>, Vec<SecretString>) {
        let invitation = self.invite(name, roles).await;
        let proof = Proof { password: invitation.password.clone(), factor: Factor::None };
        let sign_in = self.identity.sign_in(name, proof).await.expect("signs in");
        assert_eq!(sign_in.next_step, Some(NextStep::ChangePassword));
        let person = self.person(&sign_in).await.expect("lives");
        self.identity
            .change_password(&person, invitation.password, NEW.into())
            .await
            .expect("changes");
        let person = self.person(&sign_in).await.expect("lives");
        assert_eq!(person.next_step(), Some(NextStep::EnrollMfa));
        let enrolment = self.identity.enroll_factor(&person).await.expect("enrols");
        let code = self.code(&enrolment.secret);
        let codes = self.identity.confirm_factor(&person, &code).await.expect("confirms");
        let person = self.person(&sign_in).await.expect("lives");
        assert_eq!(person.next_step(), None);
        (person, enrolment.secret.to_vec(), codes)
    }
}

#[tokio::test]
async fn an_invitation_leads_to_an_account_of_its_own_and_is_then_spent() {
    let (bench, _) = set_up().await;
    let (person, secret, codes) = bench.join("night_operator", &[Role::Operator]).await;
    assert_eq!(person.roles.names(), ["operator"]);
    assert_eq!(codes.len(), 10);
    let user = bench.identity.user(&person.user_id).await.expect("reads").expect("known");
    assert_eq!((user.status(), user.recovery_codes_left), (UserStatus::Active, 10));
    assert!(failed(bench.identity.sign_in("night_operator", alone(NEW)).await), "without a code");
    bench.wait(30);
    let again = proof(NEW, bench.code(&secret));
    assert!(bench.identity.sign_in("night_operator", again).await.is_ok());
    let taken = bench.identity.create_user("night_operator", Roles::of(&[Role::Viewer])).await;
    assert!(matches!(taken, Err(IdentityError::NameTaken)));
}

#[tokio::test]
async fn a_one_time_password_ends_after_a_day() {
    let (bench, _) = set_up().await;
    let first = bench.invite("early_bird", &[Role::Viewer]).await;
    bench.wait(24 * 3_600 - 1);
    let proof = Proof { password: first.password.clone(), factor: Factor::None };
    assert!(bench.identity.sign_in("early_bird", proof).await.is_ok(), "control");
    bench.wait(1);
    let proof = Proof { password: first.password, factor: Factor::None };
    assert!(failed(bench.identity.sign_in("early_bird", proof).await));
}

#[tokio::test]
async fn a_factor_counts_only_when_confirmed_in_the_session_that_asked() {
    let (bench, _) = set_up().await;
    let invitation = bench.invite("two_screens", &[Role::Viewer]).await;
    let sign_in = async || {
        let proof = Proof { password: invitation.password.clone(), factor: Factor::None };
        let sign_in = bench.identity.sign_in("two_screens", proof).await.expect("signs in");
        bench.person(&sign_in).await.expect("lives")
    };
    let (one, other) = (sign_in().await, sign_in().await);
    let enrolment = bench.identity.enroll_factor(&one).await.expect("enrols");
    let code = bench.code(&enrolment.secret);
    let elsewhere = bench.identity.confirm_factor(&other, &code).await;
    assert!(matches!(elsewhere, Err(IdentityError::NothingPending)));
    assert!(failed(bench.identity.confirm_factor(&one, &"000000".into()).await));
    assert!(bench.identity.confirm_factor(&one, &code).await.is_ok(), "control");
    let again = bench.identity.confirm_factor(&one, &code).await;
    assert!(matches!(again, Err(IdentityError::NothingPending)));
    assert_eq!(bench.identity.sessions_of(&one.user_id).await.expect("reads").len(), 1);

    let late = bench.identity.enroll_factor(&one).await.expect("enrols");
    bench.wait(900);
    let late = bench.identity.confirm_factor(&one, &bench.code(&late.secret)).await;
    assert!(matches!(late, Err(IdentityError::NothingPending)), "after a quarter of an hour");
}

#[tokio::test]
async fn a_recovery_code_signs_in_once_also_in_a_hundred_parallel_attempts() {
    let (bench, _) = set_up().await;
    let (person, _, codes) = bench.join("lost_phone", &[Role::Viewer]).await;
    let tries: Vec<_> = (0..100)
        .map(|_| {
            let (identity, proof) = (bench.identity.clone(), recovery(NEW, &codes[0]));
            tokio::spawn(async move { identity.sign_in("lost_phone", proof).await })
        })
        .collect();
    let mut accepted = 0;
    for result in tries {
        accepted += u32::from(result.await.expect("joins").is_ok());
    }
    assert_eq!(accepted, 1);
    bench.wait(4_000);
    assert!(failed(bench.identity.sign_in("lost_phone", recovery(NEW, &codes[0])).await));
    let typed = codes[1].expose_secret().to_lowercase().replace('-', " ").into();
    assert!(bench.identity.sign_in("lost_phone", recovery(NEW, &typed)).await.is_ok(), "control");
    assert_eq!(bench.identity.recovery_codes_left(&person.user_id).await.expect("reads"), 8);

    let fresh = bench.identity.renew_recovery_codes(&person).await.expect("renews");
    assert!(failed(bench.identity.sign_in("lost_phone", recovery(NEW, &codes[2])).await));
    assert!(bench.identity.sign_in("lost_phone", recovery(NEW, &fresh[2])).await.is_ok());
}

#[tokio::test]
async fn stepping_up_asks_for_everything_and_makes_the_session_fresh() {
    let (bench, secret) = set_up().await;
    let sign_in = bench.sign_in(PASSWORD, bench.code(&secret)).await.expect("signs in");
    let person = bench.person(&sign_in).await.expect("lives");
    bench.wait(600);
    assert!(failed(bench.identity.step_up(&person, alone(PASSWORD)).await));
    assert!(failed(bench.identity.step_up(&person, proof("wrong", bench.code(&secret))).await));
    let before = bench.person(&sign_in).await.expect("lives").verified_at;
    let code = bench.code(&secret);
    assert!(bench.identity.step_up(&person, proof(PASSWORD, code.clone())).await.is_ok());
    let after = bench.person(&sign_in).await.expect("lives").verified_at;
    assert_eq!((before, after), (bench.clock.unix() - 600, bench.clock.unix()));
    assert!(failed(bench.identity.step_up(&person, proof(PASSWORD, code)).await), "used");
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions_and_the_old_password() {
    let (bench, secret) = set_up().await;
    let other = bench.sign_in(PASSWORD, bench.code(&secret)).await.expect("signs in");
    bench.wait(30);
    let own = bench.sign_in(PASSWORD, bench.code(&secret)).await.expect("signs in");
    let person = bench.person(&own).await.expect("lives");
    let change = async |current: &str, new: &str| {
        bench.identity.change_password(&person, current.into(), new.into()).await
    };
    assert!(failed(change("wrong", NEW).await));
    for (new, fault) in [
        ("short", PasswordFault::Short),
        ("password123456", PasswordFault::Common),
        ("it is first_admin here", PasswordFault::NamesAccount),
        (PASSWORD, PasswordFault::Unchanged),
    ] {
        let Err(IdentityError::PasswordRefused(faults)) = change(PASSWORD, new).await else {
            panic!("{new} is accepted");
        };
        assert!(faults.contains(&fault), "{new}: {faults:?}");
    }
    change(PASSWORD, NEW).await.expect("changes");
    assert_eq!(bench.person(&other).await, Err(TokenError::Invalid));
    assert!(bench.person(&own).await.is_ok());
    bench.wait(30);
    assert!(failed(bench.sign_in(PASSWORD, bench.code(&secret)).await));
    assert!(bench.sign_in(NEW, bench.code(&secret)).await.is_ok());
}

#[tokio::test]
async fn disabling_and_revoking_end_sessions_at_once_and_survive_a_restart() {
    let (bench, secret) = set_up().await;
    let (person, seed, _) = bench.join("night_operator", &[Role::Operator]).await;
    bench.wait(30);
    let sign_in = async || {
        let proof = proof(NEW, bench.code(&seed));
        bench.identity.sign_in("night_operator", proof).await
    };
    let first = sign_in().await.expect("signs in");
    assert_eq!(bench.identity.revoke_sessions(&person.user_id).await.expect("ends"), 2);
    assert_eq!(bench.person(&first).await, Err(TokenError::Invalid));
    bench.wait(30);
    let second = sign_in().await.expect("signs in again");
    assert!(bench.person(&second).await.is_ok(), "control");
    bench.identity.disable_user(&person.user_id).await.expect("disables");
    assert_eq!(bench.person(&second).await, Err(TokenError::Invalid));
    bench.wait(30);
    assert!(failed(sign_in().await));
    bench.identity.enable_user(&person.user_id).await.expect("enables");
    assert_eq!(bench.person(&second).await, Err(TokenError::Invalid), "it stays ended");
    bench.wait(30);
    assert!(sign_in().await.is_ok());

    let admin = bench.sign_in(PASSWORD, bench.code(&secret)).await.expect("signs in");
    let file = bench._folder.path().join("core.db");
    bench.store.close().await;
    let store = Store::open(&file, &[MIGRATIONS]).expect("opens");
    let reopened = Identity { store, ..bench.identity.clone() };
    bench.wait(899);
    assert!(reopened.person(admin.token.expose()).await.expect("reads").is_ok(), "control");
    bench.wait(901);
    let late = reopened.person(admin.token.expose()).await.expect("reads");
    assert_eq!(late, Err(TokenError::Expired));
}

#[tokio::test]
async fn the_last_working_administrator_stays_one() {
    let (bench, secret) = set_up().await;
    let sign_in = bench.sign_in(PASSWORD, bench.code(&secret)).await.expect("signs in");
    let first = bench.person(&sign_in).await.expect("lives").user_id;
    // Invited is not yet working.
    let invited = bench.invite("second_admin", &[Role::Admin]).await.user_id;
    let refused = async |user_id: &str| {
        let identity = &bench.identity;
        let operator = Roles::of(&[Role::Operator]);
        let last =
            |result: Result<(), IdentityError>| matches!(result, Err(IdentityError::LastAdmin));
        [
            last(identity.disable_user(user_id).await),
            last(identity.set_roles(user_id, operator).await),
            last(identity.reset_factor(user_id).await.map(drop)),
            last(identity.reset_password(user_id).await.map(drop)),
        ]
    };
    assert_eq!(refused(&first).await, [true; 4]);
    bench.identity.disable_user(&invited).await.expect("an invited one may go");
    let (third, ..) = bench.join("third_admin", &[Role::Admin]).await;

    let tries: Vec<_> = [first.clone(), third.user_id.clone()]
        .into_iter()
        .map(|user_id| {
            let identity = bench.identity.clone();
            tokio::spawn(async move { identity.disable_user(&user_id).await.is_ok() })
        })
        .collect();
    let mut disabled = 0;
    for result in tries {
        disabled += u32::from(result.await.expect("joins"));
    }
    assert_eq!(disabled, 1, "of two that disable each other one stays");
}

#[tokio::test]
async fn an_unknown_user_costs_the_same_work_and_gets_the_same_answer() {
    let (bench, secret) = set_up().await;
    let (person, ..) = bench.join("night_operator", &[Role::Operator]).await;
    bench.identity.disable_user(&person.user_id).await.expect("disables");
    bench.invite("not_yet_here", &[Role::Viewer]).await;
    let code = bench.code(&secret);
    let unused: SecretString = "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA-A".into();
    for name in [NAME, "nobody_at_all", "night_operator", "not_yet_here"] {
        for proof in [proof("wrong", code.clone()), alone("wrong"), recovery("wrong", &unused)] {
            let before = bench.identity.passwords.done();
            assert!(failed(bench.identity.sign_in(name, proof).await), "{name}");
            assert_eq!(bench.identity.passwords.done() - before, 1, "{name}");
        }
    }
    let before = bench.identity.passwords.done();
    bench.sign_in(PASSWORD, code).await.expect("signs in");
    assert_eq!(bench.identity.passwords.done() - before, 1, "control: success costs no less");
}

#[tokio::test]
async fn guesses_count_together_at_every_door() {
    let (bench, secret) = set_up().await;
    let sign_in = bench.sign_in(PASSWORD, bench.code(&secret)).await.expect("signs in");
    let person = bench.person(&sign_in).await.expect("lives");
    bench.identity.enroll_factor(&person).await.expect("enrols");
    let before = bench.identity.passwords.done();
    let tries: Vec<_> = (0..200)
        .map(|number| {
            let (identity, person) = (bench.identity.clone(), person.clone());
            let wrong = proof("a wrong password", "000000".into());
            tokio::spawn(async move {
                match number % 4 {
                    0 => identity.sign_in(NAME, wrong).await.map(drop),
                    1 => identity.step_up(&person, wrong).await.map(drop),
                    2 => identity.change_password(&person, "guess".into(), NEW.into()).await,
                    _ => identity.confirm_factor(&person, &"000000".into()).await.map(drop),
                }
            })
        })
        .collect();
    let (mut checked, mut locked) = (0, 0);
    for result in tries {
        match result.await.expect("joins") {
            Err(IdentityError::LoginFailed) => checked += 1,
            Err(IdentityError::Locked { .. }) => locked += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((checked, locked), (5, 195));
    assert!(bench.identity.passwords.done() - before <= 5);
}
