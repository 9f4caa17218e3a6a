//! The files themselves, without regard to rows: what there is, and whether it is what its name says.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use pullpass_oci::{Algorithm, Digest};

use super::{BlobStore, hash, session::blocking};
use crate::error::Error;

/// One directory of blob files: those whose digests begin alike.
#[derive(Clone)]
pub(crate) struct Shard {
    directory: PathBuf,
    algorithm: Algorithm,
    /// `sha256:ab`
    pub(crate) prefix: String,
}

impl BlobStore {
    /// Does work on the files where it may block.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&BlobStore) -> T + Send + 'static,
    {
        let store = self.clone();
        blocking(move || work(&store)).await.map_err(Error::io(&self.blobs))
    }

    /// Every directory of blob files. Blocks.
    pub(crate) fn shards(&self) -> Result<Vec<Shard>, Error> {
        let mut shards = Vec::new();
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            for (directory, name) in entries(&self.blobs.join(algorithm.as_str()))? {
                shards.push(Shard { directory, algorithm, prefix: format!("{}:{name}", algorithm.as_str()) });
            }
        }
        Ok(shards)
    }

    /// The files in a shard that are named as blobs; others are not ours. Blocks.
    pub(crate) fn digests(&self, shard: &Shard) -> Result<Vec<Digest>, Error> {
        let named = |(path, name): (PathBuf, String)| {
            let digest = format!("{}:{name}", shard.algorithm.as_str()).parse::<Digest>().ok()?;
            (self.path(&digest) == path).then_some(digest)
        };
        Ok(entries(&shard.directory)?.into_iter().filter_map(named).collect())
    }

    /// The files of uploads with their names. Blocks.
    pub(crate) fn uploads(&self) -> Result<Vec<(PathBuf, String)>, Error> {
        entries(&self.uploads)
    }

    /// Removes the file of a blob that no row names. Blocks.
    pub(crate) fn remove(&self, digest: &Digest) -> Result<(), Error> {
        let path = self.path(digest);
        fs::remove_file(&path).map_err(Error::io(&path))
    }

    /// What is wrong with the file of a blob that has `size` bytes, if anything is. Reads all of it. Blocks.
    pub(crate) fn damage(&self, digest: &Digest, size: u64) -> Option<String> {
        let read = File::open(self.path(digest)).and_then(|file| {
            let found = file.metadata()?.len();
            Ok(if found == size { Ok(hash(file, digest.algorithm())?) } else { Err(found) })
        });
        match read {
            Ok(Ok(found)) if found == *digest => None,
            Ok(Ok(found)) => Some(format!("its file holds `{found}`")),
            Ok(Err(found)) => Some(format!("its file has {found} bytes instead of {size}")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Some("its file is missing".to_owned()),
            Err(error) => Some(format!("its file cannot be read: {error}")),
        }
    }
}

/// What is in a directory, with names. A directory that is gone has nothing in it.
fn entries(directory: &Path) -> Result<Vec<(PathBuf, String)>, Error> {
    let listing = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        listing => listing.map_err(Error::io(directory))?,
    };
    let named = |entry: io::Result<fs::DirEntry>| {
        let entry = entry.map_err(Error::io(directory))?;
        Ok((entry.path(), entry.file_name().to_string_lossy().into_owned()))
    };
    listing.map(named).collect()
}
