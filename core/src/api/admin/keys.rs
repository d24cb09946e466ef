//! The keys that sign tokens, for those who rotate them.

use vivified_contract::runtime::{Call, Problem};
use vivified_contract::{models, problems};

use super::super::guard::store_failed;
use super::super::identity::{date_time, identity_problem};
use crate::identity::{KeyRecord, KeyStatus};
use crate::{Caller, Core};

pub async fn list_keys(
    core: &Core,
    _call: &mut Call<'_, Caller>,
) -> Result<models::SigningKeyList, Problem> {
    all(core).await
}

pub async fn rotate_keys(
    core: &Core,
    _call: &mut Call<'_, Caller>,
    body: models::KeyRotation,
) -> Result<models::SigningKeyList, Problem> {
    core.identity.rotate_keys(body.reason).await.map_err(identity_problem)?;
    all(core).await
}

pub async fn retire_key(
    core: &Core,
    call: &mut Call<'_, Caller>,
    kid: String,
    body: models::KeyRetirement,
) -> Result<models::SigningKeyList, Problem> {
    let known = core.identity.retire_key(&kid, body.reason).await.map_err(identity_problem)?;
    if !known {
        return Err(problems::unknown_key());
    }
    call.note("kid", kid);
    all(core).await
}

async fn all(core: &Core) -> Result<models::SigningKeyList, Problem> {
    let keys = core.identity.signing_keys().await.map_err(store_failed)?;
    let keys = keys.into_iter().map(record).collect();
    Ok(models::SigningKeyList { keys, ..Default::default() })
}

fn record(key: KeyRecord) -> models::SigningKeyRecord {
    models::SigningKeyRecord {
        status: match key.status {
            KeyStatus::Next => models::SigningKeyStatus::Next,
            KeyStatus::Current => models::SigningKeyStatus::Current,
            KeyStatus::Previous => models::SigningKeyStatus::Previous,
            KeyStatus::Retired => models::SigningKeyStatus::Retired,
            KeyStatus::Revoked => models::SigningKeyStatus::Revoked,
        },
        kid: key.kid,
        published_at: date_time(key.published_at),
        signs_from: key.signs_from.map(date_time),
        verifies_until: key.verifies_until.map(date_time),
        reason: key.reason,
        other: Default::default(),
    }
}
