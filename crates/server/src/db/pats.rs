//! Personal access tokens at rest.

use std::sync::OnceLock;

use sqlx::{FromRow, SqliteExecutor};

use super::Db;
use crate::{
    auth::pat::{Expires, LastUsed, Pat},
    error::Error,
};

#[derive(FromRow)]
struct Row {
    id: i64,
    hash: Vec<u8>,
    user: String,
    note: String,
    scopes: String,
    fingerprint: String,
    version: i64,
    created: i64,
    expires: Option<i64>,
    revoked: Option<i64>,
    last_used: Option<i64>,
}

const SELECT: &str = "SELECT pats.id, hash, users.name AS \"user\", note, scopes, fingerprint, version, pats.created, \
                      expires, revoked, last_used FROM pats JOIN users ON users.id = pats.user_id ORDER BY pats.id";

impl Db {
    /// Every token there ever was.
    pub(crate) async fn pats(&self) -> Result<Vec<Pat>, Error> {
        let rows: Vec<Row> = sqlx::query_as(SELECT).fetch_all(&self.readers).await?;
        Ok(rows.into_iter().filter_map(pat).collect())
    }

    /// Adds a token of the user with this number, and gives its own.
    pub(crate) async fn add_pat(&self, user: i64, new: &Pat) -> Result<i64, Error> {
        insert(user, new, &self.writer).await
    }

    /// The same in the place of `old`, which ends at `old_ends` if not earlier. None, and nothing is
    /// changed, when `old` is dead by the time that the new one is created.
    pub(crate) async fn rotate_pat(
        &self,
        old: i64,
        old_ends: Option<i64>,
        user: i64,
        new: &Pat,
    ) -> Result<Option<i64>, Error> {
        let mut transaction = self.begin().await?;
        let sql = "UPDATE pats SET expires = CASE WHEN expires < $2 THEN expires ELSE COALESCE($2, expires) END \
                   WHERE id = $1 AND revoked IS NULL AND (expires IS NULL OR expires > $3)";
        let ended = sqlx::query(sql).bind(old).bind(old_ends).bind(new.created).execute(&mut *transaction).await?;
        if ended.rows_affected() == 0 {
            return Ok(None);
        }
        let id = insert(user, new, &mut *transaction).await?;
        transaction.commit().await?;
        Ok(Some(id))
    }

    /// Marks a token as revoked; false when there is none or it was revoked before.
    pub(crate) async fn revoke_pat(&self, id: i64, now: i64) -> Result<bool, Error> {
        let sql = "UPDATE pats SET revoked = $2 WHERE id = $1 AND revoked IS NULL";
        Ok(sqlx::query(sql).bind(id).bind(now).execute(&self.writer).await?.rows_affected() == 1)
    }

    /// Stores when tokens were last used.
    pub(crate) async fn set_last_used(&self, used: &[(i64, i64)]) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        for (id, time) in used {
            let sql = "UPDATE pats SET last_used = $2 WHERE id = $1";
            sqlx::query(sql).bind(id).bind(time).execute(&mut *transaction).await?;
        }
        Ok(transaction.commit().await?)
    }
}

async fn insert(user: i64, new: &Pat, database: impl SqliteExecutor<'_>) -> Result<i64, Error> {
    let scopes: Vec<&str> = new.scopes.iter().map(|scope| scope.as_str()).collect();
    let sql = "INSERT INTO pats (hash, user_id, note, scopes, fingerprint, version, created, expires) \
               VALUES ($1, $2, $3, $4, $5, 1, $6, $7) RETURNING id";
    let id = sqlx::query_scalar(sql)
        .bind(new.hash.as_slice())
        .bind(user)
        .bind(&new.note)
        .bind(scopes.join(","))
        .bind(&new.fingerprint)
        .bind(new.created)
        .bind(new.expires.get())
        .fetch_one(database)
        .await?;
    Ok(id)
}

/// A scope that this version does not know gives no right; a hash of the wrong length fits no token.
fn pat(row: Row) -> Option<Pat> {
    Some(Pat {
        id: row.id,
        hash: row.hash.try_into().ok()?,
        user: row.user,
        note: row.note,
        scopes: row.scopes.split(',').filter_map(|scope| scope.parse().ok()).collect(),
        fingerprint: row.fingerprint,
        version: row.version,
        created: row.created,
        expires: Expires::at(row.expires),
        revoked: row.revoked.map(OnceLock::from).unwrap_or_default(),
        last_used: LastUsed::stored(row.last_used),
    })
}
