//! People.

use super::Db;
use crate::error::Error;

impl Db {
    /// Adds a user with the hash of a password; false when the name is taken.
    pub(crate) async fn add_user(&self, name: &str, password_hash: &str, now: i64) -> Result<bool, Error> {
        let sql = "INSERT INTO users (name, password_hash, created) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING";
        let done = sqlx::query(sql).bind(name).bind(password_hash).bind(now).execute(&self.writer).await?;
        Ok(done.rows_affected() == 1)
    }

    /// Whether there is anybody.
    pub(crate) async fn has_users(&self) -> Result<bool, Error> {
        Ok(sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM users)").fetch_one(&self.readers).await?)
    }

    /// The id of the user with this name.
    pub(crate) async fn user(&self, name: &str) -> Result<Option<i64>, Error> {
        Ok(sqlx::query_scalar("SELECT id FROM users WHERE name = $1").bind(name).fetch_optional(&self.readers).await?)
    }
}
