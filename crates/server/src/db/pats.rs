//! Personal access tokens at rest.

use std::sync::OnceLock;

use sqlx::FromRow;

use super::Db;
use crate::{
    auth::pat::{LastUsed, Pat, PatScope, TokenHash},
    error::Error,
};

/// A token that is about to be created.
pub(crate) struct NewPat<'a> {
    pub(crate) hash: TokenHash,
    pub(crate) user: i64,
    pub(crate) note: &'a str,
    pub(crate) scopes: &'a [PatScope],
    pub(crate) fingerprint: &'a str,
    pub(crate) created: i64,
    pub(crate) expires: Option<i64>,
}

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

    /// Adds a token and gives its id.
    pub(crate) async fn add_pat(&self, new: &NewPat<'_>) -> Result<i64, Error> {
        let scopes: Vec<&str> = new.scopes.iter().map(|scope| scope.as_str()).collect();
        let sql = "INSERT INTO pats (hash, user_id, note, scopes, fingerprint, version, created, expires) \
                   VALUES ($1, $2, $3, $4, $5, 1, $6, $7) RETURNING id";
        let id = sqlx::query_scalar(sql)
            .bind(new.hash.as_slice())
            .bind(new.user)
            .bind(new.note)
            .bind(scopes.join(","))
            .bind(new.fingerprint)
            .bind(new.created)
            .bind(new.expires)
            .fetch_one(&self.writer)
            .await?;
        Ok(id)
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
        expires: row.expires,
        revoked: row.revoked.map(OnceLock::from).unwrap_or_default(),
        last_used: LastUsed::stored(row.last_used),
    })
}
