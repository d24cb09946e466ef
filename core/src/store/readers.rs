//! Read-only connections, a few of them, each used by one caller at a time.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

use super::{STATEMENTS, StoreError, keep_plans};

const CONNECTIONS: usize = 4;

#[derive(Clone)]
pub(super) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    turns: Arc<Semaphore>,
}

impl Readers {
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let mut idle = Vec::with_capacity(CONNECTIONS);
        for _ in 0..CONNECTIONS {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(path, flags)?;
            connection.pragma_update(None, "query_only", true)?;
            connection.pragma_update(None, "trusted_schema", false)?;
            keep_plans(&connection)?;
            connection.set_prepared_statement_cache_capacity(STATEMENTS);
            idle.push(connection);
        }
        Ok(Self { idle: Arc::new(Mutex::new(idle)), turns: Arc::new(Semaphore::new(CONNECTIONS)) })
    }

    pub async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let turn = self.turns.clone().acquire_owned().await.map_err(|_| StoreError::Unavailable)?;
        let idle = self.idle.clone();
        let task = tokio::task::spawn_blocking(move || {
            // The turn travels with the work: a caller that goes away must not free it early.
            let _turn = turn;
            let connection = take(&idle).ok_or(StoreError::Unavailable)?;
            let lent = Lent { connection: Some(connection), idle };
            lent.connection.as_ref().map_or(Err(StoreError::Unavailable), work)
        });
        task.await.unwrap_or(Err(StoreError::Unavailable))
    }
}

/// Gives the connection back, also when the work panics.
struct Lent {
    connection: Option<Connection>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
    }
}

fn take(idle: &Mutex<Vec<Connection>>) -> Option<Connection> {
    idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
}
