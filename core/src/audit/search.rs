//! Reading the log page by page, oldest first.

use rusqlite::types::Value as Sql;
use serde_json::Value;
use time::OffsetDateTime;

use super::{AuditLog, stamp};
use crate::store::StoreError;

const LARGEST_PAGE: usize = 1_000;

/// What to look for; an empty filter means everything.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub action: Option<String>,
    /// Records in which this plugin acts or is acted upon.
    pub plugin_id: Option<String>,
    pub since: Option<OffsetDateTime>,
    /// Where the page before ended.
    pub after: Option<i64>,
    pub limit: usize,
}

#[derive(Debug)]
pub struct Page {
    /// Records with their hashes, as they were written.
    pub records: Vec<Value>,
    /// Continue after this place; none at the end.
    pub next: Option<i64>,
}

impl AuditLog {
    pub async fn search(&self, filter: Filter) -> Result<Page, StoreError> {
        let limit = filter.limit.clamp(1, LARGEST_PAGE);
        let (sql, values) = statement(&filter, limit + 1);
        let mut rows = self
            .store
            .read(move |conn| {
                let mut statement = conn.prepare_cached(&sql)?;
                let rows = statement.query_map(rusqlite::params_from_iter(values), |row| {
                    Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
                })?;
                Ok(rows.collect::<Result<Vec<_>, _>>()?)
            })
            .await?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|(seq, _, _)| *seq);
        let records = rows
            .into_iter()
            .map(|(_, text, hash)| {
                let mut record: Value =
                    serde_json::from_str(&text).map_err(|_| StoreError::Broken("audit_log"))?;
                record["hash"] = hash.into();
                Ok(record)
            })
            .collect::<Result<_, StoreError>>()?;
        Ok(Page { records, next })
    }
}

/// Only the shape of the statement depends on the filter; its values are always bound.
fn statement(filter: &Filter, limit: usize) -> (String, Vec<Sql>) {
    let mut sql = String::from("SELECT seq, record, hash FROM audit_log WHERE seq > ?");
    let mut values = vec![Sql::Integer(filter.after.unwrap_or(0))];
    if let Some(action) = &filter.action {
        sql.push_str(" AND action = ?");
        values.push(Sql::Text(action.clone()));
    }
    if let Some(plugin_id) = &filter.plugin_id {
        sql.push_str(" AND (plugin_id = ? OR actor_id = ?)");
        values.push(Sql::Text(plugin_id.clone()));
        values.push(Sql::Text(plugin_id.clone()));
    }
    if let Some(since) = filter.since {
        sql.push_str(" AND time >= ?");
        values.push(Sql::Text(stamp(since)));
    }
    sql.push_str(" ORDER BY seq LIMIT ?");
    values.push(Sql::Integer(i64::try_from(limit).unwrap_or(i64::MAX)));
    (sql, values)
}
