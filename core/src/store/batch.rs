//! The jobs of one transaction, each undone alone where that is possible.

use rusqlite::Transaction;

use super::job::{Bond, Failure, Job, is_disk_failure};

/// The jobs of one transaction.
pub struct Batch<'c> {
    pub transaction: Transaction<'c>,
    pub done: Vec<Box<dyn Job>>,
    /// Where the jobs begin that share the savepoint that is open.
    shared: Option<usize>,
}

impl<'c> Batch<'c> {
    pub fn new(transaction: Transaction<'c>) -> Self {
        Self { transaction, done: Vec::new(), shared: None }
    }

    /// Runs a job; the error is that of the disk.
    pub fn run(&mut self, mut job: Box<dyn Job>) -> Result<(), String> {
        let bond = job.bond();
        if bond != Bond::Together && self.shared.take().is_some() {
            self.savepoint("RELEASE job")?;
        }
        let is_open = self.shared.is_some();
        if bond != Bond::ReliedUpon && !is_open {
            self.savepoint("SAVEPOINT job")?;
        }
        if bond == Bond::Together {
            self.shared.get_or_insert(self.done.len());
        }
        let ran = job.run(&self.transaction);
        self.done.push(job);
        match (ran, bond) {
            (Err(Failure::Disk(what)), _) => Err(what),
            (Ok(()), Bond::Alone) => self.savepoint("RELEASE job"),
            (Ok(()), _) => Ok(()),
            (Err(Failure::Job), _) if self.transaction.is_autocommit() => Ok(()),
            // A full disk: nothing of this transaction may stand without it.
            (Err(Failure::Job), Bond::ReliedUpon) => self.savepoint("ROLLBACK"),
            (Err(Failure::Job), _) => self.take_back(),
        }
    }

    /// Undoes the job that failed, which says so itself, and those that share its savepoint.
    fn take_back(&mut self) -> Result<(), String> {
        self.savepoint("ROLLBACK TO job")?;
        self.savepoint("RELEASE job")?;
        if let Some(start) = self.shared.take() {
            let failed = self.done.pop();
            self.done.drain(start..).for_each(Job::refuse);
            self.done.extend(failed);
        }
        Ok(())
    }

    /// Prepared once: parsing three statements for each job would cost more than small jobs do.
    fn savepoint(&self, sql: &str) -> Result<(), String> {
        let statement = self.transaction.prepare_cached(sql);
        match statement.and_then(|mut statement| statement.execute([])) {
            Err(error) if is_disk_failure(&error) => Err(error.to_string()),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use rusqlite::Connection;

    use super::*;
    use crate::store::StoreError;
    use crate::store::job::Work;

    type Told = Arc<Mutex<Vec<(&'static str, bool)>>>;

    /// Inserts a name that may stand there once only, and tells how that went.
    fn insert(told: &Told, name: &'static str, bond: Bond) -> Box<dyn Job> {
        let told = told.clone();
        let work = move |tx: &Transaction<'_>| {
            Ok(tx.execute("INSERT INTO entry (name) VALUES (?1)", [name]).map(drop)?)
        };
        let reply =
            move |result: Result<(), StoreError>| told.lock().unwrap().push((name, result.is_ok()));
        Box::new(Work::new(work, reply, bond))
    }

    #[test]
    fn jobs_that_go_together_fail_together_and_take_nobody_else_with_them() {
        let told = Told::default();
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE entry (name TEXT UNIQUE)").unwrap();
        let jobs = [
            ("first", Bond::Together),
            ("alone", Bond::Alone),
            ("good", Bond::Together),
            ("alone", Bond::Together),
            ("after", Bond::Together),
            ("record", Bond::ReliedUpon),
            ("alone", Bond::Alone),
            ("before", Bond::Together),
            ("record", Bond::Together),
        ];
        {
            let mut batch = Batch::new(connection.transaction().unwrap());
            for (name, bond) in jobs {
                batch.run(insert(&told, name, bond)).unwrap();
            }
            batch.transaction.commit().unwrap();
            batch.done.into_iter().for_each(Job::answer);
        }
        let stand = ["first", "alone", "after", "record"];
        let mut names = connection.prepare("SELECT name FROM entry ORDER BY rowid").unwrap();
        let names = names.query_map([], |row| row.get::<_, String>(0)).unwrap();
        assert_eq!(names.map(Result::unwrap).collect::<Vec<_>>(), stand);
        let told = told.lock().unwrap();
        assert_eq!(told.len(), jobs.len());
        let good = told.iter().filter(|(_, good)| *good).map(|(name, _)| *name);
        assert_eq!(good.collect::<Vec<_>>(), stand);
    }

    #[test]
    fn nothing_stands_without_a_record_that_is_relied_upon() {
        let told = Told::default();
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE entry (name TEXT UNIQUE)").unwrap();
        let mut batch = Batch::new(connection.transaction().unwrap());
        batch.run(insert(&told, "effect", Bond::Together)).unwrap();
        batch.run(insert(&told, "effect", Bond::ReliedUpon)).unwrap_err();
        drop(batch);
        let count = "SELECT count(*) FROM entry";
        assert_eq!(connection.query_row(count, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
    }
}
