//! SQLite: one file, one process, one writer. The SQL keeps to what PostgreSQL understands as well.

pub(crate) mod blobs;
pub(crate) mod check;
pub(crate) mod content;
pub(crate) mod keys;
pub(crate) mod packages;
pub(crate) mod pats;
pub(crate) mod users;

use std::path::Path;

use sqlx::{
    Sqlite, SqlitePool, Transaction,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::error::Error;

/// How many connections read at once.
const READERS: u32 = 4;

/// An open database.
#[derive(Clone)]
pub(crate) struct Db {
    /// One connection: writers queue here instead of failing in SQLite.
    writer: SqlitePool,
    readers: SqlitePool,
}

impl Db {
    /// Opens the database at `path` and brings it up to date.
    pub(crate) async fn open(path: &Path) -> Result<Db, Error> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            // What is acknowledged survives a power cut, not only a crash.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true);
        let writer = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
        sqlx::migrate!().run(&writer).await?;
        let options = options.pragma("query_only", "on");
        let readers = SqlitePoolOptions::new().max_connections(READERS).connect_with(options).await?;
        Ok(Db { writer, readers })
    }

    /// Waits for what is under way and closes the file.
    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    async fn begin(&self) -> Result<Transaction<'static, Sqlite>, Error> {
        Ok(self.writer.begin().await?)
    }
}
