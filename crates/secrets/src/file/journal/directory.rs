//! A directory that is held on to while files in it are replaced.

use std::{
    ffi::OsStr,
    fs::File,
    io,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, Mode, OFlags},
    io::Errno,
};

use crate::file::{
    FileError, Loaded, WITHOUT_WAITING, failed, load_open, lock, lock_open, rename_failed, unless_missing,
};

/// An open and locked directory. All work goes through its handle, with names in it that are not followed when they are
/// symbolic links: so it stays where it began, whatever becomes of the path.
pub(super) struct Directory {
    path: PathBuf,
    handle: File,
}

impl Directory {
    pub(super) fn lock(path: &Path) -> Result<Directory, FileError> {
        Ok(Directory { path: path.to_owned(), handle: lock(path)? })
    }

    /// A directory further down, on a way without symbolic links.
    pub(super) fn lock_below(&self, relative: &Path) -> Result<Directory, FileError> {
        let path = self.path.join(relative);
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = |parent: File, name: &OsStr| Ok(rustix::fs::openat(parent, name, flags, Mode::empty())?.into());
        let handle = self.handle.try_clone().and_then(|handle| relative.iter().try_fold(handle, open));
        Ok(Directory { handle: lock_open(handle.map_err(failed("open", &path))?, &path)?, path })
    }

    pub(super) fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    pub(super) fn open(&self, name: &OsStr) -> Result<Option<File>, FileError> {
        let flags = WITHOUT_WAITING | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(&self.handle, name, flags, Mode::empty());
        unless_missing(opened.map(File::from).map_err(io::Error::from)).map_err(failed("read", &self.join(name)))
    }

    pub(super) fn load(&self, name: &OsStr) -> Result<Option<Loaded>, FileError> {
        self.open(name)?.map(|file| load_open(file, &self.join(name))).transpose()
    }

    pub(super) fn has(&self, name: &OsStr) -> Result<bool, FileError> {
        let found = rustix::fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW);
        let found = unless_missing(found.map_err(io::Error::from)).map_err(failed("read", &self.join(name)))?;
        Ok(found.is_some())
    }

    /// A new file for its owner alone.
    pub(super) fn create(&self, name: &OsStr) -> Result<File, FileError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let created = rustix::fs::openat(&self.handle, name, flags, Mode::RUSR | Mode::WUSR);
        Ok(created.map_err(|error| failed("create", &self.join(name))(error.into()))?.into())
    }

    pub(super) fn link(&self, name: &OsStr, to: &OsStr) -> Result<(), FileError> {
        rustix::fs::linkat(&self.handle, name, &self.handle, to, AtFlags::empty()).map_err(|error| match error {
            Errno::XDEV => rename_failed(&self.join(name), error.into()),
            error => failed("make a hard link to", &self.join(name))(error.into()),
        })
    }

    pub(super) fn rename(&self, name: &OsStr, over: &OsStr) -> Result<(), FileError> {
        let renamed = rustix::fs::renameat(&self.handle, name, &self.handle, over);
        renamed.map_err(|error| rename_failed(&self.join(over), error.into()))
    }

    /// Whether there was one to remove.
    pub(super) fn remove(&self, name: &OsStr) -> Result<bool, FileError> {
        let removed = rustix::fs::unlinkat(&self.handle, name, AtFlags::empty());
        let removed = unless_missing(removed.map_err(io::Error::from)).map_err(failed("remove", &self.join(name)))?;
        Ok(removed.is_some())
    }

    pub(super) fn sync(&self) -> Result<(), FileError> {
        self.handle.sync_all().map_err(failed("sync", &self.path))
    }
}
