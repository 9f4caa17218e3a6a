//! Packages: who owns them and who may see them.

use std::{fmt, str::FromStr};

use pullpass_oci::RepositoryName;
use serde::{Deserialize, Serialize};
use sqlx::{Sqlite, Transaction};

use super::Db;
use crate::error::Error;

/// Who may pull a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Its owner.
    Private,
    /// Everybody, without a login.
    Public,
}

/// Why a text is no [`Visibility`].
#[derive(Debug, thiserror::Error)]
#[error("a visibility is `private` or `public`")]
pub struct UnknownVisibility;

impl Visibility {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Visibility::Private => "private",
            Visibility::Public => "public",
        }
    }
}

impl fmt::Display for Visibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Visibility {
    type Err = UnknownVisibility;

    fn from_str(text: &str) -> Result<Visibility, UnknownVisibility> {
        match text {
            "private" => Ok(Visibility::Private),
            "public" => Ok(Visibility::Public),
            _ => Err(UnknownVisibility),
        }
    }
}

/// What a decision needs to know of a package.
pub(crate) struct Package {
    pub(crate) id: i64,
    pub(crate) visibility: Visibility,
}

/// Anything but the one word is private.
fn visibility(text: &str) -> Visibility {
    text.parse().unwrap_or(Visibility::Private)
}

impl Db {
    /// The package with this name.
    pub(crate) async fn package(&self, name: &RepositoryName) -> Result<Option<Package>, Error> {
        let sql = "SELECT id, visibility FROM packages WHERE name = $1";
        let row: Option<(i64, String)> = sqlx::query_as(sql).bind(name.as_str()).fetch_optional(&self.readers).await?;
        Ok(row.map(|(id, text)| Package { id, visibility: visibility(&text) }))
    }

    /// Every package by name, with its owner.
    pub(crate) async fn packages(&self) -> Result<Vec<(String, String, Visibility)>, Error> {
        let sql = "SELECT packages.name, users.name, visibility FROM packages \
                   JOIN users ON users.id = packages.owner_id ORDER BY packages.name";
        let rows: Vec<(String, String, String)> = sqlx::query_as(sql).fetch_all(&self.readers).await?;
        Ok(rows.into_iter().map(|(name, owner, text)| (name, owner, visibility(&text))).collect())
    }

    /// False when there is no such package.
    pub(crate) async fn set_visibility(&self, name: &str, visibility: Visibility) -> Result<bool, Error> {
        let sql = "UPDATE packages SET visibility = $2 WHERE name = $1";
        let done = sqlx::query(sql).bind(name).bind(visibility.as_str()).execute(&self.writer).await?;
        Ok(done.rows_affected() == 1)
    }
}

/// The id of the package `name`, which begins here, private and owned by the user in its first component, when this is
/// its first push.
pub(super) async fn begin(
    transaction: &mut Transaction<'static, Sqlite>,
    name: &RepositoryName,
    now: i64,
) -> Result<i64, Error> {
    let sql = "INSERT INTO packages (name, owner_id, visibility, created) \
               SELECT $1, id, 'private', $3 FROM users WHERE name = $2 ON CONFLICT (name) DO NOTHING";
    sqlx::query(sql).bind(name.as_str()).bind(name.owner()).bind(now).execute(&mut **transaction).await?;
    let sql = "SELECT id FROM packages WHERE name = $1";
    Ok(sqlx::query_scalar(sql).bind(name.as_str()).fetch_one(&mut **transaction).await?)
}
