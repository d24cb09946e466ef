//! The second factor: time-based one-time codes (RFC 6238), SHA-1, six digits, 30 seconds.
//!
//! A code is accepted one step around the present. That it works only once is not decided here:
//! the caller stores the step it matched and takes only a later one.

use secrecy::{ExposeSecret, SecretString};
use totp_rs::{Algorithm, Builder, Secret, Totp};
use zeroize::Zeroizing;

use crate::random;
use crate::store::StoreError;

/// 160 bits, as RFC 4226 section 4 recommends.
const SECRET_LEN: usize = 20;
const ISSUER: &str = "Vivified";

/// What a user puts in the authenticator; shown once.
pub struct Enrolment {
    pub secret: Zeroizing<Vec<u8>>,
    pub base32: SecretString,
    pub otpauth_uri: SecretString,
    /// Until when a first code of it confirms it, in seconds since 1970.
    pub ends_at: i64,
    /// Made together with the first factor of the first administrator; else at its confirmation.
    pub recovery_codes: Vec<SecretString>,
}

pub(super) fn enrol(username: &str, ends_at: i64) -> Result<Enrolment, StoreError> {
    let mut secret = Zeroizing::new(vec![0; SECRET_LEN]);
    random::fill(&mut secret)?;
    let totp = build(&secret, username).ok_or(StoreError::Unavailable)?;
    let otpauth_uri = totp.to_url().map_err(|_| StoreError::Unavailable)?.into();
    let base32 = totp.secret().to_base32().into();
    Ok(Enrolment { base32, otpauth_uri, secret, ends_at, recovery_codes: Vec::new() })
}

/// The step whose code this is, if it is one around `now`.
pub(super) fn matching_step(secret: &[u8], code: &SecretString, now: i64) -> Option<i64> {
    let step = build(secret, "user")?.check(code.expose_secret(), u64::try_from(now).ok()?)?;
    i64::try_from(step).ok()
}

fn build(secret: &[u8], username: &str) -> Option<Totp> {
    Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(6)
        .with_skew(1)
        .with_step_duration(30)
        .with_secret(Secret::new(secret.into()))
        .with_issuer(Some(ISSUER))
        .with_account_name(username)
        .build()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_rfc_6238() {
        let seed = |length: usize| -> Vec<u8> {
            b"1234567890".iter().copied().cycle().take(length).collect()
        };
        let vectors = [
            (59, ["94287082", "46119246", "90693936"]),
            (1_111_111_109, ["07081804", "68084774", "25091201"]),
            (1_111_111_111, ["14050471", "67062674", "99943326"]),
            (1_234_567_890, ["89005924", "91819424", "93441116"]),
            (2_000_000_000, ["69279037", "90698825", "38618901"]),
            (20_000_000_000, ["65353130", "77737706", "47863826"]),
        ];
        let algorithms = [(Algorithm::SHA1, 20), (Algorithm::SHA256, 32), (Algorithm::SHA512, 64)];
        for (time, codes) in vectors {
            for ((algorithm, length), code) in algorithms.iter().zip(codes) {
                let totp = Builder::new()
                    .with_algorithm(*algorithm)
                    .with_digits(8)
                    .with_step_duration(30)
                    .with_secret(Secret::new(seed(*length).into()))
                    .build_noncompliant();
                assert_eq!(totp.generate(time).to_string(), code, "{time}");
            }
        }
    }

    #[test]
    fn a_code_counts_one_step_around_now_and_says_which() {
        let secret = [5; SECRET_LEN];
        let now = 1_795_000_020;
        let totp = build(&secret, "user").unwrap();
        for (shift, step) in [(-60, None), (-30, Some(-1)), (0, Some(0)), (30, Some(1)), (60, None)]
        {
            let time = u64::try_from(now + shift).unwrap();
            let code = totp.generate(time).to_string().into();
            let expected = step.map(|step: i64| now / 30 + step);
            assert_eq!(matching_step(&secret, &code, now), expected, "{shift}");
        }
        for code in ["", "0", "12345", "1234567", "abcdef", "１２３４５６"] {
            assert_eq!(matching_step(&secret, &code.into(), now), None, "{code}");
        }
    }

    #[test]
    fn enrolments_differ_and_name_the_user() {
        let (one, two) = (enrol("first_admin", 0).unwrap(), enrol("first_admin", 0).unwrap());
        assert_ne!(one.base32.expose_secret(), two.base32.expose_secret());
        assert_eq!(one.base32.expose_secret().len(), 32);
        let uri = one.otpauth_uri.expose_secret();
        assert!(uri.starts_with("otpauth://totp/Vivified:first_admin?"), "{uri}");
        assert!(uri.contains(one.base32.expose_secret()));
    }
}
