//! The tables of the log, and how they come to be.
//!
//! A record is its text and its hash, and nothing stands beside it: searches use the blocks. The
//! tables refuse changes of what is written, which stops mistakes; against intent there are the
//! chain, the checkpoints and the file outside.

use std::sync::Arc;

use rusqlite::Transaction;
use time::OffsetDateTime;

use super::chain::{Chain, LoadError};
use super::key::AuditKey;
use crate::store::{Migration, StoreError};

pub const MIGRATIONS: &[Migration] = &[
    Migration {
        module: "audit",
        version: 1,
        sql: "CREATE TABLE audit_log (
                seq INTEGER PRIMARY KEY,
                time TEXT NOT NULL,
                action TEXT NOT NULL,
                actor_id TEXT NOT NULL,
                plugin_id TEXT,
                record TEXT NOT NULL,
                hash TEXT NOT NULL
            ) STRICT;
            CREATE INDEX audit_log_action ON audit_log (action, seq);
            CREATE INDEX audit_log_actor ON audit_log (actor_id, seq);
            CREATE INDEX audit_log_plugin ON audit_log (plugin_id, seq) WHERE plugin_id IS NOT NULL;
            CREATE INDEX audit_log_time ON audit_log (time, seq);
            CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log
                BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
            CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log
                BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;",
    },
    Migration {
        module: "audit",
        version: 2,
        sql: "CREATE TABLE audit_records (
                seq INTEGER PRIMARY KEY,
                record TEXT NOT NULL,
                hash BLOB NOT NULL
            ) STRICT;
            INSERT INTO audit_records (seq, record, hash)
                SELECT seq, record, unhex(hash) FROM audit_log ORDER BY seq;
            DROP TABLE audit_log;
            ALTER TABLE audit_records RENAME TO audit_log;
            CREATE TABLE audit_checkpoints (
                number INTEGER PRIMARY KEY,
                size INTEGER NOT NULL,
                text TEXT NOT NULL,
                signature TEXT NOT NULL,
                frontier BLOB NOT NULL
            ) STRICT;
            CREATE INDEX audit_checkpoints_size ON audit_checkpoints (size);
            CREATE TABLE audit_blocks (last INTEGER PRIMARY KEY, summary TEXT NOT NULL) STRICT;
            CREATE TABLE audit_base (
                number INTEGER PRIMARY KEY,
                size INTEGER NOT NULL,
                text TEXT NOT NULL,
                signature TEXT NOT NULL,
                reason TEXT NOT NULL
            ) STRICT;
            CREATE TABLE audit_holds (
                hold_id TEXT PRIMARY KEY,
                reason TEXT NOT NULL,
                since TEXT,
                placed_at TEXT NOT NULL,
                placed_by TEXT NOT NULL,
                released_at TEXT,
                release_reason TEXT
            ) STRICT;
            CREATE TABLE audit_unsealed (size INTEGER NOT NULL) STRICT;
            INSERT INTO audit_unsealed (size) SELECT max(seq) FROM audit_log HAVING max(seq) > 0;
            CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log
                BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
            CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log
                WHEN old.seq > (SELECT coalesce(max(size), 0) FROM audit_base)
                BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
            CREATE TRIGGER audit_checkpoints_no_update BEFORE UPDATE ON audit_checkpoints
                BEGIN SELECT RAISE(ABORT, 'checkpoints are append-only'); END;
            CREATE TRIGGER audit_checkpoints_no_delete BEFORE DELETE ON audit_checkpoints
                BEGIN SELECT RAISE(ABORT, 'checkpoints are append-only'); END;
            CREATE TRIGGER audit_blocks_no_update BEFORE UPDATE ON audit_blocks
                BEGIN SELECT RAISE(ABORT, 'blocks are append-only'); END;
            CREATE TRIGGER audit_blocks_no_delete BEFORE DELETE ON audit_blocks
                WHEN old.last > (SELECT coalesce(max(size), 0) FROM audit_base)
                BEGIN SELECT RAISE(ABORT, 'blocks are append-only'); END;
            CREATE TRIGGER audit_base_no_update BEFORE UPDATE ON audit_base
                BEGIN SELECT RAISE(ABORT, 'what was pruned stays pruned'); END;
            CREATE TRIGGER audit_base_no_delete BEFORE DELETE ON audit_base
                BEGIN SELECT RAISE(ABORT, 'what was pruned stays pruned'); END;",
    },
];

/// Reads the end of the log. A log from before there were checkpoints gets them now, once, for as
/// many records as stood there when the tables changed.
pub fn open(
    tx: &Transaction<'_>,
    key: &Arc<AuditKey>,
    now: OffsetDateTime,
) -> Result<Chain, LoadError> {
    let unsealed: Option<i64> =
        tx.query_row("SELECT max(size) FROM audit_unsealed", [], |row| row.get(0))?;
    if let Some(size) = unsealed {
        Chain::seal_history(tx, key, size, now)?;
        tx.execute("DELETE FROM audit_unsealed", []).map_err(StoreError::from)?;
    }
    Chain::load(tx, key)
}
