//! What is in a package. Each function takes the [`Permit`] for it, and every statement names the package: the same blob
//! in another package is another row.

use std::collections::HashMap;

use bytes::Bytes;
use pullpass_oci::{Descriptor, Digest, Manifest, Tag, route::ManifestReference};
use sqlx::{QueryBuilder, Sqlite, Transaction};

use super::{Db, packages};
use crate::{
    auth::decision::{Delete, Permit, Pull, Push},
    blobs::Published,
    error::Error,
};

/// How many digests are looked up in one statement.
const BATCH: usize = 500;

/// A blob that the holder of a [`Permit`] may read: only [`Db::blob`] makes one.
pub(crate) struct ReadableBlob {
    digest: Digest,
    size: u64,
}

impl ReadableBlob {
    pub(crate) fn digest(&self) -> &Digest {
        &self.digest
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }
}

/// A manifest as it was pushed.
pub(crate) struct StoredManifest {
    pub(crate) digest: Digest,
    pub(crate) media_type: String,
    pub(crate) bytes: Bytes,
}

/// What a manifest names, to be checked before it is accepted.
pub(crate) struct References {
    pub(crate) blobs: Vec<Descriptor>,
    pub(crate) manifests: Vec<Descriptor>,
}

impl References {
    /// What must be in the package, and the subject, which need not be anywhere.
    pub(crate) fn of(manifest: Manifest) -> (References, Option<Descriptor>) {
        match manifest {
            Manifest::Image { config, mut layers, subject } => {
                layers.push(config);
                (References { blobs: layers, manifests: Vec::new() }, subject)
            }
            Manifest::Index { manifests, subject } => (References { blobs: Vec::new(), manifests }, subject),
        }
    }
}

/// Why a manifest is not accepted.
pub(crate) enum BadReference {
    /// Not in this package.
    Missing(Digest),
    /// In this package with another size.
    Size(Digest),
}

/// What packages hold. It is all that request handlers see of the database, and none of it is to be had without a
/// [`Permit`].
pub(crate) struct Content(Db);

impl Content {
    pub(crate) fn new(db: Db) -> Content {
        Content(db)
    }

    /// The blob, when it belongs to the package.
    pub(crate) async fn blob(&self, permit: &Permit<Pull>, digest: &Digest) -> Result<Option<ReadableBlob>, Error> {
        let sql = "SELECT size FROM package_blobs JOIN blobs ON blobs.digest = package_blobs.digest \
                   WHERE package_id = $1 AND package_blobs.digest = $2";
        let size: Option<i64> = sqlx::query_scalar(sql)
            .bind(permit.package())
            .bind(digest.to_string())
            .fetch_optional(&self.0.readers)
            .await?;
        Ok(size.map(|size| ReadableBlob { digest: digest.clone(), size: size.unsigned_abs() }))
    }

    /// Makes a blob part of the package. `blob` is the proof that all its bytes are on disk.
    pub(crate) async fn add_blob(&self, permit: &Permit<Push>, blob: &Published, now: i64) -> Result<(), Error> {
        let mut transaction = self.0.begin().await?;
        let sql = "INSERT INTO blobs (digest, size) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING";
        let size = i64::try_from(blob.size()).unwrap_or(i64::MAX);
        sqlx::query(sql).bind(blob.digest().to_string()).bind(size).execute(&mut *transaction).await?;
        link(&mut transaction, permit, blob.digest(), now).await?;
        Ok(transaction.commit().await?)
    }

    /// Makes a blob that the caller may read elsewhere part of the package.
    pub(crate) async fn mount_blob(&self, permit: &Permit<Push>, blob: &ReadableBlob, now: i64) -> Result<(), Error> {
        let mut transaction = self.0.begin().await?;
        link(&mut transaction, permit, &blob.digest, now).await?;
        Ok(transaction.commit().await?)
    }

    /// Takes a blob out of the package; false when it was not in it.
    pub(crate) async fn remove_blob(&self, permit: &Permit<Delete>, digest: &Digest) -> Result<bool, Error> {
        let sql = "DELETE FROM package_blobs WHERE package_id = $1 AND digest = $2";
        let done = sqlx::query(sql).bind(permit.package()).bind(digest.to_string()).execute(&self.0.writer).await?;
        Ok(done.rows_affected() == 1)
    }

    /// The manifest with this tag or digest.
    pub(crate) async fn manifest(
        &self,
        permit: &Permit<Pull>,
        reference: &ManifestReference,
    ) -> Result<Option<StoredManifest>, Error> {
        let sql = match reference {
            ManifestReference::Digest(_) => {
                "SELECT digest, media_type, bytes FROM manifests WHERE package_id = $1 AND digest = $2"
            }
            ManifestReference::Tag(_) => {
                "SELECT manifests.digest, media_type, bytes FROM tags JOIN manifests \
                 ON manifests.package_id = tags.package_id AND manifests.digest = tags.digest \
                 WHERE tags.package_id = $1 AND tags.name = $2"
            }
        };
        let row: Option<(String, String, Vec<u8>)> = sqlx::query_as(sql)
            .bind(permit.package())
            .bind(reference.to_string())
            .fetch_optional(&self.0.readers)
            .await?;
        Ok(row.and_then(|(digest, media_type, bytes)| {
            Some(StoredManifest { digest: digest.parse().ok()?, media_type, bytes: bytes.into() })
        }))
    }

    /// Stores a manifest, and points `tag` to it, when everything it names is in the package.
    pub(crate) async fn add_manifest(
        &self,
        permit: &Permit<Push>,
        manifest: &StoredManifest,
        references: &References,
        tag: Option<&Tag>,
        now: i64,
    ) -> Result<Result<(), BadReference>, Error> {
        let mut transaction = self.0.begin().await?;
        let package = packages::begin(&mut transaction, permit.name(), now).await?;
        if let Err(bad) = verify_references(&mut transaction, package, references).await? {
            return Ok(Err(bad));
        }
        // The same bytes may be pushed as another type; the last push says which.
        let sql = "INSERT INTO manifests (package_id, digest, media_type, size, bytes) VALUES ($1, $2, $3, $4, $5) \
                   ON CONFLICT (package_id, digest) DO UPDATE SET media_type = excluded.media_type";
        let digest = manifest.digest.to_string();
        sqlx::query(sql)
            .bind(package)
            .bind(&digest)
            .bind(&manifest.media_type)
            .bind(i64::try_from(manifest.bytes.len()).unwrap_or(i64::MAX))
            .bind(manifest.bytes.as_ref())
            .execute(&mut *transaction)
            .await?;
        if let Some(tag) = tag {
            let sql = "INSERT INTO tags (package_id, name, digest) VALUES ($1, $2, $3) \
                       ON CONFLICT (package_id, name) DO UPDATE SET digest = excluded.digest";
            sqlx::query(sql).bind(package).bind(tag.as_str()).bind(&digest).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(Ok(()))
    }

    /// Removes a tag, or a manifest with all its tags; false when there is none.
    pub(crate) async fn remove_manifest(
        &self,
        permit: &Permit<Delete>,
        reference: &ManifestReference,
    ) -> Result<bool, Error> {
        let (package, text) = (permit.package(), reference.to_string());
        let mut transaction = self.0.begin().await?;
        let sql = match reference {
            ManifestReference::Tag(_) => "DELETE FROM tags WHERE package_id = $1 AND name = $2",
            ManifestReference::Digest(_) => {
                let tags = "DELETE FROM tags WHERE package_id = $1 AND digest = $2";
                sqlx::query(tags).bind(package).bind(&text).execute(&mut *transaction).await?;
                "DELETE FROM manifests WHERE package_id = $1 AND digest = $2"
            }
        };
        let done = sqlx::query(sql).bind(package).bind(&text).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(done.rows_affected() == 1)
    }

    /// At most `limit` tags behind `last`, in the order of their bytes.
    pub(crate) async fn tags(&self, permit: &Permit<Pull>, last: &str, limit: u32) -> Result<Vec<String>, Error> {
        let sql = "SELECT name FROM tags WHERE package_id = $1 AND name > $2 ORDER BY name LIMIT $3";
        Ok(sqlx::query_scalar(sql)
            .bind(permit.package())
            .bind(last)
            .bind(i64::from(limit))
            .fetch_all(&self.0.readers)
            .await?)
    }
}

async fn link(
    transaction: &mut Transaction<'static, Sqlite>,
    permit: &Permit<Push>,
    digest: &Digest,
    now: i64,
) -> Result<(), Error> {
    let package = packages::begin(transaction, permit.name(), now).await?;
    let sql = "INSERT INTO package_blobs (package_id, digest) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    sqlx::query(sql).bind(package).bind(digest.to_string()).execute(&mut **transaction).await?;
    Ok(())
}

/// Whether the package has everything that a manifest names.
pub(super) async fn verify_references(
    transaction: &mut Transaction<'static, Sqlite>,
    package: i64,
    references: &References,
) -> Result<Result<(), BadReference>, Error> {
    let blobs = "SELECT blobs.digest, size FROM package_blobs JOIN blobs ON blobs.digest = package_blobs.digest \
                 WHERE package_id = ";
    let manifests = "SELECT digest, size FROM manifests WHERE package_id = ";
    for (sql, column, descriptors) in
        [(blobs, "blobs.digest", &references.blobs), (manifests, "digest", &references.manifests)]
    {
        if let Err(bad) = verify(transaction, (sql, column), package, descriptors).await? {
            return Ok(Err(bad));
        }
    }
    Ok(Ok(()))
}

/// Whether all of `descriptors` are there with their sizes.
async fn verify(
    transaction: &mut Transaction<'static, Sqlite>,
    (select, column): (&'static str, &'static str),
    package: i64,
    descriptors: &[Descriptor],
) -> Result<Result<(), BadReference>, Error> {
    for batch in descriptors.chunks(BATCH) {
        let mut query = QueryBuilder::<Sqlite>::new(select);
        query.push_bind(package).push(" AND ").push(column).push(" IN (");
        let mut digests = query.separated(", ");
        for descriptor in batch {
            digests.push_bind(descriptor.digest.to_string());
        }
        query.push(")");
        let found: Vec<(String, i64)> = query.build_query_as().fetch_all(&mut **transaction).await?;
        let found: HashMap<String, i64> = found.into_iter().collect();
        for descriptor in batch {
            match found.get(&descriptor.digest.to_string()) {
                None => return Ok(Err(BadReference::Missing(descriptor.digest.clone()))),
                Some(size) if size.unsigned_abs() != descriptor.size => {
                    return Ok(Err(BadReference::Size(descriptor.digest.clone())));
                }
                Some(_) => {}
            }
        }
    }
    Ok(Ok(()))
}
