//! What a crash leaves behind: uploads that nobody can go on with, and blob files whose row was never committed. Nobody
//! was promised any of it.

use std::{collections::HashSet, fs};

use pullpass_oci::Digest;

use super::BlobStore;
use crate::{db::Db, error::Error};

/// Removes leftovers, and blobs that no package holds any more. Only for the start, before anything is answered: later an
/// upload may be between its file and its row, and a mount between its look and its row.
pub(crate) async fn collect(db: &Db, store: &BlobStore) -> Result<(), Error> {
    let uploads = store.uploads()?;
    for (path, _) in &uploads {
        fs::remove_file(path).map_err(Error::io(path))?;
    }
    // A new database beside old blobs: the right one may be about to be put back.
    if !db.has_users().await? {
        return Ok(());
    }
    // Rows first: when this is cut short, what it leaves are files without rows, and the next start goes on.
    let deleted = db.forget_unheld_blobs().await?;
    let unrecorded = unrecorded(db, store).await?;
    unrecorded.iter().try_for_each(|digest| store.remove(digest))?;
    if !uploads.is_empty() || !unrecorded.is_empty() || deleted > 0 {
        let (uploads, files) = (uploads.len(), unrecorded.len());
        tracing::info!(uploads, files, deleted, "removed leftovers: unfinished uploads, and blobs in no package");
    }
    Ok(())
}

/// The blob files that have no row. While uploads run, one may be about to get it.
pub(crate) async fn unrecorded(db: &Db, store: &BlobStore) -> Result<Vec<Digest>, Error> {
    let mut found = Vec::new();
    // One shard after the other, so that memory stays small however many blobs there are.
    for shard in store.run(BlobStore::shards).await?? {
        let prefix = shard.prefix.clone();
        // Files first, rows second: a file that gets its row in between is no leftover.
        let files = store.run(move |store| store.digests(&shard)).await??;
        let recorded: HashSet<String> = db.blobs_below(&prefix).await?.into_iter().collect();
        found.extend(files.into_iter().filter(|digest| !recorded.contains(&digest.to_string())));
    }
    Ok(found)
}
