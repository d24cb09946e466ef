//! The well-known administrator of development mode.
//!
//! Compiled only with the feature `dev`, and asked only when Core runs in development mode on a
//! loopback address. Nothing of it is stored but its sessions, which mean nothing in production.

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use crate::policy::{Role, Roles};

pub(super) const USER_ID: &str = "usr_bootstrap_admin_only";
pub(super) const USERNAME: &str = "bootstrap_admin_only";
const PASSWORD: &str = "bootstrap_admin_only";
const MFA_CODE: &str = "000000";

pub(super) fn matches(username: &str, password: &SecretString, code: &SecretString) -> bool {
    let equal = |given: &str, known: &str| bool::from(given.as_bytes().ct_eq(known.as_bytes()));
    equal(username, USERNAME)
        & equal(password.expose_secret(), PASSWORD)
        & equal(code.expose_secret(), MFA_CODE)
}

pub(super) fn roles() -> Roles {
    Roles::of(&[Role::Admin])
}
