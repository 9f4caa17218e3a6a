//! The one directory with everything a server knows, and its lock.
//!
//! ```text
//! DATA/  lock  pullpass.db  blobs/sha256/ab/HEX  uploads/UUID  admin.sock  tls/
//! ```

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use crate::error::Error;

/// An open data directory. While this value lives, no other process has it.
pub(crate) struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Creates the directory if there is none, and locks it.
    pub(crate) fn open(path: &Path) -> Result<DataDir, Error> {
        create_private(path)?;
        let metadata = fs::metadata(path).map_err(Error::io(path))?;
        if metadata.mode() & 0o002 != 0 {
            return Err(Error::WorldWritable(path.to_owned()));
        }
        let lock = private_file(&path.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => Ok(DataDir { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Error::InUse(path.to_owned())),
            Err(TryLockError::Error(source)) => Err(Error::Io { path: path.join("lock"), source }),
        }
    }

    /// Locks a directory that a server has used before.
    pub(crate) fn open_existing(path: &Path) -> Result<DataDir, Error> {
        if !path.join("pullpass.db").is_file() {
            return Err(Error::NoDataDirectory(path.to_owned()));
        }
        DataDir::open(path)
    }

    /// The database, created empty so that its mode is ours; SQLite gives its helper files the same.
    pub(crate) fn database(&self) -> Result<PathBuf, Error> {
        let path = self.path.join("pullpass.db");
        private_file(&path)?;
        Ok(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The directory `name`, created if there is none.
    pub(crate) fn directory(&self, name: &str) -> Result<PathBuf, Error> {
        let path = self.path.join(name);
        create_private(&path)?;
        sync(&self.path).map_err(Error::io(&self.path))?;
        Ok(path)
    }
}

/// Where a running server listens for [`crate::admin`].
pub(crate) fn admin_socket(data: &Path) -> PathBuf {
    data.join("admin.sock")
}

/// A directory that only its owner may enter; one that exists is left as it is.
pub(crate) fn create_private(path: &Path) -> Result<(), Error> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(Error::io(path))
}

/// Makes renames and new files in a directory survive a power cut.
pub(crate) fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn private_file(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    options.open(path).map_err(Error::io(path))
}
