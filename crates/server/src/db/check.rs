//! Looking for rows that contradict each other.

use sqlx::{Row, Sqlite, Transaction};

use super::{
    Db,
    content::{BadReference, References, verify_references},
};
use crate::error::Error;

/// How many manifests are read at once; each has at most 4 MiB.
const MANIFESTS: i64 = 16;

/// How many rows there are.
pub(crate) struct Counts {
    pub(crate) packages: u64,
    pub(crate) tags: u64,
}

/// A manifest with everything that the database says of it.
pub(crate) struct ManifestRow {
    pub(crate) package: i64,
    pub(crate) name: String,
    pub(crate) digest: String,
    pub(crate) media_type: String,
    pub(crate) size: i64,
    pub(crate) bytes: Vec<u8>,
}

/// The database as it is at one moment, while others go on writing. Not for long: the write-ahead log only
/// grows meanwhile.
pub(crate) struct Snapshot(Transaction<'static, Sqlite>);

impl Db {
    /// What SQLite itself finds damaged.
    pub(crate) async fn damage(&self) -> Result<Vec<String>, Error> {
        let found: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check").fetch_all(&self.readers).await?;
        Ok(found.into_iter().filter(|line| line != "ok").collect())
    }

    pub(crate) async fn snapshot(&self) -> Result<Snapshot, Error> {
        Ok(Snapshot(self.readers.begin().await?))
    }
}

impl Snapshot {
    pub(crate) async fn counts(&mut self) -> Result<Counts, Error> {
        let sql = "SELECT (SELECT COUNT(*) FROM packages), (SELECT COUNT(*) FROM tags)";
        let (packages, tags): (i64, i64) = sqlx::query_as(sql).fetch_one(&mut *self.0).await?;
        Ok(Counts { packages: packages.unsigned_abs(), tags: tags.unsigned_abs() })
    }

    /// Tags without their manifest: package, tag, digest.
    pub(crate) async fn dangling_tags(&mut self) -> Result<Vec<(String, String, String)>, Error> {
        let sql = "SELECT packages.name, tags.name, tags.digest FROM tags \
                   JOIN packages ON packages.id = tags.package_id LEFT JOIN manifests \
                   ON manifests.package_id = tags.package_id AND manifests.digest = tags.digest \
                   WHERE manifests.digest IS NULL ORDER BY packages.name, tags.name";
        Ok(sqlx::query_as(sql).fetch_all(&mut *self.0).await?)
    }

    /// Blobs of packages that are not on record themselves: package, digest.
    pub(crate) async fn dangling_blobs(&mut self) -> Result<Vec<(String, String)>, Error> {
        let sql = "SELECT packages.name, package_blobs.digest FROM package_blobs \
                   JOIN packages ON packages.id = package_blobs.package_id \
                   LEFT JOIN blobs ON blobs.digest = package_blobs.digest \
                   WHERE blobs.digest IS NULL ORDER BY packages.name, package_blobs.digest";
        Ok(sqlx::query_as(sql).fetch_all(&mut *self.0).await?)
    }

    /// All rows that name a row that is not there, but for those above: table, row, and the table that lacks a row.
    pub(crate) async fn broken_foreign_keys(&mut self) -> Result<Vec<(String, i64, String)>, Error> {
        let mut broken = Vec::new();
        for row in sqlx::query("PRAGMA foreign_key_check").fetch_all(&mut *self.0).await? {
            let (table, parent): (String, String) = (row.try_get(0)?, row.try_get(2)?);
            if !matches!((table.as_str(), parent.as_str()), ("tags", "manifests") | ("package_blobs", "blobs")) {
                broken.push((table, row.try_get(1)?, parent));
            }
        }
        Ok(broken)
    }

    /// Some manifests behind `last`, which is a package and a digest.
    pub(crate) async fn manifests_after(&mut self, last: &(i64, String)) -> Result<Vec<ManifestRow>, Error> {
        let sql = "SELECT package_id, packages.name, digest, media_type, size, bytes FROM manifests \
                   JOIN packages ON packages.id = package_id WHERE (package_id, digest) > ($1, $2) \
                   ORDER BY package_id, digest LIMIT $3";
        let rows = sqlx::query_as(sql).bind(last.0).bind(&last.1).bind(MANIFESTS).fetch_all(&mut *self.0).await?;
        let row = |(package, name, digest, media_type, size, bytes)| ManifestRow {
            package,
            name,
            digest,
            media_type,
            size,
            bytes,
        };
        Ok(rows.into_iter().map(row).collect())
    }

    /// Whether the package has all of `references`.
    pub(crate) async fn verify(
        &mut self,
        package: i64,
        references: &References,
    ) -> Result<Result<(), BadReference>, Error> {
        verify_references(&mut self.0, package, references).await
    }
}
