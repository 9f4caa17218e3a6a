//! The files of a tree, whatever a `.gitignore` says: what is kept out of git is where people keep secrets.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use rustix::fs::OFlags;
use walkdir::{DirEntry, WalkDir};

/// Something that could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read `{}`: {source}", path.display())]
pub struct Unreadable {
    /// The file or directory.
    pub path: PathBuf,
    /// The system's own words.
    pub source: io::Error,
}

/// Every regular file below `root`, or `root` itself. Links below it are not followed: what they lead to is scanned where
/// it is, or is no part of the tree. Git's objects are left out, which are compressed, and below `/` what is no file but
/// the kernel.
pub fn below(root: &Path) -> impl Iterator<Item = Result<PathBuf, Unreadable>> {
    let entries = WalkDir::new(root)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| !is_git_objects(entry) && !is_kernel(entry));
    entries.filter_map(|entry| match entry {
        Ok(entry) if entry.file_type().is_file() => Some(Ok(entry.into_path())),
        // A link that was named by the person is meant, and is resolved when it is opened.
        Ok(entry) if entry.depth() == 0 && entry.path().is_file() => {
            Some(Ok(entry.path().canonicalize().unwrap_or_else(|_| entry.into_path())))
        }
        Ok(_) => None,
        Err(error) => {
            let path = error.path().unwrap_or(Path::new("")).to_owned();
            Some(Err(Unreadable { path, source: error.into() }))
        }
    })
}

/// Opens a file that [`below`] has named, and neither a link nor a pipe that has taken its place since.
///
/// # Errors
/// The system refuses, or it is no regular file any more.
pub fn open(path: &Path) -> Result<File, Unreadable> {
    let unreadable = |source| Unreadable { path: path.to_owned(), source };
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC).bits();
    let file = OpenOptions::new().read(true).custom_flags(flags as i32).open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.is_file() {
        Ok(file)
    } else {
        Err(unreadable(io::Error::other("not a regular file any more")))
    }
}

fn is_git_objects(entry: &DirEntry) -> bool {
    entry.file_type().is_dir()
        && entry.file_name() == "objects"
        && entry.path().parent().is_some_and(|git| git.join("HEAD").is_file() && git.join("refs").is_dir())
}

fn is_kernel(entry: &DirEntry) -> bool {
    entry.depth() > 0 && ["/proc", "/sys", "/dev"].iter().any(|kernel| entry.path() == Path::new(kernel))
}
