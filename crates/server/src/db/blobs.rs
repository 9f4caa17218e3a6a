//! Blobs whatever package they are in: what is on record, for those who look after the files.

use super::Db;
use crate::error::Error;

/// Behind every hexadecimal digit, in the order of bytes.
const BEHIND_HEX: &str = "g";

impl Db {
    /// The digests on record that begin with `prefix`.
    pub(crate) async fn blobs_below(&self, prefix: &str) -> Result<Vec<String>, Error> {
        let sql = "SELECT digest FROM blobs WHERE digest >= $1 AND digest < $2";
        let end = format!("{prefix}{BEHIND_HEX}");
        Ok(sqlx::query_scalar(sql).bind(prefix).bind(end).fetch_all(&self.readers).await?)
    }

    /// At most `limit` blobs behind `last`, in the order of their digests, with their sizes.
    pub(crate) async fn blobs_after(&self, last: &str, limit: u32) -> Result<Vec<(String, i64)>, Error> {
        let sql = "SELECT digest, size FROM blobs WHERE digest > $1 ORDER BY digest LIMIT $2";
        Ok(sqlx::query_as(sql).bind(last).bind(i64::from(limit)).fetch_all(&self.readers).await?)
    }

    /// Forgets the blobs that no package holds any more, and says how many there were.
    pub(crate) async fn forget_unheld_blobs(&self) -> Result<u64, Error> {
        let sql = "DELETE FROM blobs WHERE NOT EXISTS \
                   (SELECT 1 FROM package_blobs WHERE package_blobs.digest = blobs.digest)";
        Ok(sqlx::query(sql).execute(&self.writer).await?.rows_affected())
    }
}
