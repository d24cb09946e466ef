//! Reading the log page by page, oldest first, past the blocks that cannot hold what is sought.

use rusqlite::{Connection, Row};
use serde_json::Value;
use time::OffsetDateTime;

use super::blocks::Summary;
use super::text::{View, quoted};
use super::{AuditLog, stamp};
use crate::json::hex;
use crate::store::StoreError;

const LARGEST_PAGE: usize = 1_000;
/// Records that one page may look at. A page may so end early; its cursor goes on from there.
const MOST_READ: usize = 200_000;

/// What to look for; an empty filter means everything.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub action: Option<String>,
    /// Id of who acts, as records name it.
    pub actor: Option<String>,
    /// Records in which this plugin acts or is acted upon.
    pub plugin_id: Option<String>,
    pub outcome: Option<String>,
    pub trace_id: Option<String>,
    pub since: Option<OffsetDateTime>,
    /// Only records before this time.
    pub until: Option<OffsetDateTime>,
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
        self.search_reading(filter, MOST_READ).await
    }

    pub(super) async fn search_reading(
        &self,
        filter: Filter,
        most: usize,
    ) -> Result<Page, StoreError> {
        let limit = filter.limit.clamp(1, LARGEST_PAGE);
        let sought = Sought::from(filter);
        self.0
            .store
            .read(move |conn| {
                let snapshot = conn.unchecked_transaction()?;
                Reading { sought, limit, most, read: 0, records: Vec::new() }.run(&snapshot)
            })
            .await
    }
}

/// The filter in the words of the stored text.
struct Sought {
    action: Option<String>,
    actor: Option<String>,
    plugin: Option<String>,
    outcome: Option<String>,
    trace: Option<String>,
    since: Option<String>,
    until: Option<String>,
    after: i64,
}

impl From<Filter> for Sought {
    fn from(filter: Filter) -> Self {
        let escaped = |text: Option<String>| {
            text.map(|text| {
                let mut out = String::new();
                quoted(&mut out, &text);
                out[1..out.len() - 1].to_owned()
            })
        };
        Self {
            action: escaped(filter.action),
            actor: escaped(filter.actor),
            plugin: escaped(filter.plugin_id),
            outcome: escaped(filter.outcome),
            trace: escaped(filter.trace_id),
            since: filter.since.map(stamp),
            until: filter.until.map(stamp),
            after: filter.after.unwrap_or(0),
        }
    }
}

impl Sought {
    fn is(&self, view: &View<'_>) -> bool {
        let same = |wanted: &Option<String>, word: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| word == Some(wanted))
        };
        same(&self.action, Some(view.action))
            && same(&self.actor, Some(view.actor_id))
            && (same(&self.plugin, view.plugin_id) || same(&self.plugin, Some(view.actor_id)))
            && same(&self.outcome, Some(view.outcome))
            && same(&self.trace, view.trace_id)
            && self.since.as_deref().is_none_or(|since| view.time >= since)
            && self.until.as_deref().is_none_or(|until| view.time < until)
    }

    /// Blocks keep words as they are, so a word that is escaped in records is sought in all.
    fn may_be_in(&self, block: &Summary) -> bool {
        let may = |wanted: &Option<String>, holds: &dyn Fn(&str) -> bool| {
            wanted.as_deref().is_none_or(|wanted| wanted.contains('\\') || holds(wanted))
        };
        may(&self.action, &|word| block.may_hold_action(word))
            && may(&self.actor, &|word| block.may_hold_actor(word))
            && may(&self.plugin, &|word| block.may_hold_plugin(word) || block.may_hold_actor(word))
            && may(&self.outcome, &|word| block.may_hold_outcome(word))
            && may(&self.trace, &|word| block.may_hold_trace(word))
            && self.since.as_deref().is_none_or(|since| block.until.as_str() >= since)
            && self.until.as_deref().is_none_or(|until| block.since.as_str() < until)
    }
}

struct Reading {
    sought: Sought,
    limit: usize,
    most: usize,
    read: usize,
    records: Vec<Value>,
}

impl Reading {
    fn run(mut self, conn: &Connection) -> Result<Page, StoreError> {
        let mut after = self.sought.after;
        let mut blocks =
            conn.prepare_cached("SELECT summary FROM audit_blocks WHERE last > ?1 ORDER BY last")?;
        let mut blocks = blocks.query([after])?;
        while let Some(row) = blocks.next()? {
            let summary = Summary::parse(row.get_ref(0)?.as_str().unwrap_or_default())
                .ok_or(StoreError::Broken("audit_blocks"))?;
            if self.sought.may_be_in(&summary)
                && let Some(stopped) = self.scan(conn, after, summary.last)?
            {
                return Ok(Page { records: self.records, next: Some(stopped) });
            }
            after = after.max(summary.last);
        }
        let next = self.scan(conn, after, i64::MAX)?;
        Ok(Page { records: self.records, next })
    }

    /// Takes what fits from a span; answers the place after which the page ends before the span
    /// does.
    fn scan(
        &mut self,
        conn: &Connection,
        after: i64,
        last: i64,
    ) -> Result<Option<i64>, StoreError> {
        let span = "SELECT seq, record, hash FROM audit_log WHERE seq > ?1 AND seq <= ?2
                    ORDER BY seq";
        let mut rows = conn.prepare_cached(span)?;
        let mut rows = rows.query((after, last))?;
        let mut end = after;
        while let Some(row) = rows.next()? {
            let seq: i64 = row.get(0)?;
            let text = row.get_ref(1)?.as_bytes().unwrap_or_default();
            let view = View::parse(text).ok_or(StoreError::Broken("audit_log"))?;
            let fits = self.sought.is(&view);
            // Only a record too many shows that there is another page.
            if (fits && self.records.len() == self.limit) || self.read == self.most {
                return Ok(Some(end));
            }
            self.read += 1;
            if fits {
                self.records.push(value(row, text)?);
            }
            end = seq;
        }
        Ok(None)
    }
}

fn value(row: &Row<'_>, text: &[u8]) -> Result<Value, StoreError> {
    let mut record: Value =
        serde_json::from_slice(text).map_err(|_| StoreError::Broken("audit_log"))?;
    record["hash"] = hex(row.get_ref(2)?.as_bytes().unwrap_or_default()).into();
    Ok(record)
}
