//! The keys under which bearer tokens are signed.

use zeroize::Zeroizing;

use super::Db;
use crate::{auth::bearer::Key, error::Error};

impl Db {
    /// The newest two keys, newest first, each with its time.
    pub(crate) async fn bearer_keys(&self) -> Result<Vec<(Key, i64)>, Error> {
        let sql = "SELECT id, secret, created FROM bearer_keys ORDER BY id DESC LIMIT 2";
        let rows: Vec<(i64, Vec<u8>, i64)> = sqlx::query_as(sql).fetch_all(&self.readers).await?;
        let key = |(id, secret, created): (i64, Vec<u8>, i64)| {
            let secret = <[u8; 32]>::try_from(Zeroizing::new(secret).as_slice()).ok()?;
            Some((Key { id, secret: Zeroizing::new(secret) }, created))
        };
        Ok(rows.into_iter().filter_map(key).collect())
    }

    /// Makes a new key and forgets all but it and the one before.
    pub(crate) async fn add_bearer_key(&self, now: i64) -> Result<Key, Error> {
        let mut secret = Zeroizing::new([0; 32]);
        getrandom::fill(secret.as_mut_slice())?;
        let mut transaction = self.begin().await?;
        let sql = "INSERT INTO bearer_keys (secret, created) VALUES ($1, $2) RETURNING id";
        let id: i64 = sqlx::query_scalar(sql).bind(secret.as_slice()).bind(now).fetch_one(&mut *transaction).await?;
        let sql = "DELETE FROM bearer_keys WHERE id NOT IN (SELECT id FROM bearer_keys ORDER BY id DESC LIMIT 2)";
        sqlx::query(sql).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(Key { id, secret })
    }
}
