//! Blobs as files named by their digest. A file gets its name only when it is whole, verified and on disk; whoever may
//! read it is the database's matter.

mod files;
pub(crate) mod leftovers;
pub(crate) mod session;

use std::{
    fs::{self, File},
    io::{self, Read, SeekFrom},
    ops::Range,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use axum::body::Body;
use pullpass_oci::{Algorithm, Digest, Hasher};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;
use uuid::Uuid;

use crate::{
    data_dir::{self, DataDir},
    db::content::ReadableBlob,
    error::Error,
};

/// How many bytes are read from a file at once.
const READ_CHUNK: usize = 256 * 1024;

/// The directories of blobs and of uploads.
#[derive(Clone)]
pub(crate) struct BlobStore {
    blobs: PathBuf,
    uploads: PathBuf,
}

/// The proof that a blob is whole and on disk: only [`BlobStore::publish`] makes one.
pub(crate) struct Published {
    digest: Digest,
    size: u64,
}

impl Published {
    pub(crate) fn digest(&self) -> &Digest {
        &self.digest
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }
}

/// Why a blob was not published.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PublishError {
    #[error("the content has another digest")]
    Digest,
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl BlobStore {
    /// Opens the store. What a crash left in it stays until [`leftovers::collect`].
    pub(crate) fn open(data: &DataDir) -> Result<BlobStore, Error> {
        let (blobs, uploads) = (data.directory("blobs")?, data.directory("uploads")?);
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            data_dir::create_private(&blobs.join(algorithm.as_str()))?;
        }
        data_dir::sync(&blobs).map_err(Error::io(&blobs))?;
        Ok(BlobStore { blobs, uploads })
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.blobs.join(digest.algorithm().as_str()).join(&digest.hex()[..2]).join(digest.hex())
    }

    /// An empty file for the bytes of an upload.
    pub(crate) fn begin(&self, id: Uuid) -> io::Result<Incoming> {
        let path = self.uploads.join(id.to_string());
        let file = File::options().read(true).write(true).create_new(true).open(&path)?;
        Ok(Incoming { path, file, hasher: Hasher::new(Algorithm::Sha256), size: 0 })
    }

    /// Gives `incoming` its name when its content has the digest `expected`; else it is gone. Blocks.
    pub(crate) fn publish(&self, incoming: Incoming, expected: &Digest) -> Result<Published, PublishError> {
        let digest = match expected.algorithm() {
            Algorithm::Sha256 => incoming.hasher.clone().finish(),
            Algorithm::Sha512 => incoming.rehash(Algorithm::Sha512)?,
        };
        if digest != *expected {
            return Err(PublishError::Digest);
        }
        // A write that failed half-way may have left bytes behind the end.
        incoming.file.set_len(incoming.size)?;
        incoming.file.sync_all()?;
        let path = self.path(&digest);
        let shard = path.parent().unwrap_or(&self.blobs);
        data_dir::create_private(shard).map_err(io::Error::other)?;
        fs::rename(&incoming.path, &path)?;
        // Both, because whoever made the shard may not have come to this line yet.
        data_dir::sync(shard)?;
        data_dir::sync(shard.parent().unwrap_or(&self.blobs))?;
        Ok(Published { digest, size: incoming.size })
    }

    /// The bytes in `range`, which lies inside the blob, as they are read.
    pub(crate) async fn read(&self, blob: &ReadableBlob, range: Range<u64>) -> io::Result<Body> {
        let mut file = tokio::fs::File::open(self.path(blob.digest())).await?;
        if range.start > 0 {
            file.seek(SeekFrom::Start(range.start)).await?;
        }
        let part = file.take(range.end - range.start);
        Ok(Body::from_stream(ReaderStream::with_capacity(part, READ_CHUNK)))
    }
}

/// The bytes of an upload so far. The file goes when this goes, unless it was published.
pub(crate) struct Incoming {
    path: PathBuf,
    file: File,
    hasher: Hasher,
    size: u64,
}

impl Incoming {
    /// Adds `bytes`; when that fails, nothing was added. Blocks.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<u64> {
        self.file.write_all_at(bytes, self.size)?;
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        Ok(self.size)
    }

    fn rehash(&self, algorithm: Algorithm) -> io::Result<Digest> {
        hash(File::open(&self.path)?.take(self.size), algorithm)
    }
}

/// The digest of everything that `reader` has. Blocks.
fn hash(mut reader: impl Read, algorithm: Algorithm) -> io::Result<Digest> {
    let mut hasher = Hasher::new(algorithm);
    let mut chunk = vec![0; READ_CHUNK];
    loop {
        match reader.read(&mut chunk)? {
            0 => return Ok(hasher.finish()),
            length => hasher.update(&chunk[..length]),
        }
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        // After a rename there is nothing under the old name; what cannot be removed now is removed at the next start.
        let _ = fs::remove_file(Path::new(&self.path));
    }
}
