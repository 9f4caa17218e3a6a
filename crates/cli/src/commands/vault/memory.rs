//! A directory that lies in memory only, for a plaintext that must not reach a disk.

use std::{
    ffi::OsStr,
    fs::{self, DirEntry, File, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FlockOperation, FsWord, OFlags},
    io::FdFlags,
};

use crate::{
    environment,
    failure::{Failure, OrFail},
    output,
};

/// Every such directory is named so.
const PREFIX: &str = "pullpass-edit-";
/// File systems without a disk, by the numbers that `statfs` has for them (`linux/magic.h`).
const TMPFS: FsWord = 0x0102_1994;
const RAMFS: FsWord = 0x8584_58f6_u32 as FsWord;

/// A directory of our own, wiped and removed when dropped.
pub(super) struct Directory {
    path: PathBuf,
    /// Locked for as long as this process or the editor lives, which tells it from one that was left behind.
    _lock: File,
}

impl Directory {
    /// A new one, empty and for this user only (0700). Those that killed runs left are removed before.
    ///
    /// # Errors
    /// No place that is known lies in memory and lets us write; nothing was made.
    pub(super) fn new() -> Result<Directory, Failure> {
        let mut failure = Failure::usage("there is no directory in memory, and a plaintext does not go to a disk");
        let places = places();
        for place in places.iter().filter(|place| is_in_memory(place)) {
            remove_stale(place);
        }
        for place in places {
            let made = match is_in_memory(&place) {
                true => Directory::in_place(&place).map_err(|error| error.to_string()),
                false => Err("not a tmpfs".to_owned()),
            };
            match made {
                Ok(directory) => return Ok(directory),
                Err(reason) => failure = failure.fact(format!("`{}`: {reason}", place.display())),
            }
        }
        Err(failure
            .fact("nothing was decrypted to a file")
            .hint("mount one, `mount -t tmpfs -o mode=0700 tmpfs /mnt/memory`, and name it: `TMPDIR=/mnt/memory`"))
    }

    fn in_place(place: &Path) -> io::Result<Directory> {
        let private = Permissions::from_mode(0o700);
        let path = tempfile::Builder::new().prefix(PREFIX).permissions(private).tempdir_in(place)?.keep();
        let lock = File::open(&path)?;
        rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        // The editor inherits the lock: when only this process is killed, nobody takes the file from under the person.
        rustix::io::fcntl_setfd(&lock, FdFlags::empty())?;
        Ok(Directory { path, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where it was made.
    pub(super) fn place(&self) -> &Path {
        self.path.parent().unwrap_or(&self.path)
    }

    /// Makes a file in it.
    pub(super) fn write(&self, name: &OsStr, bytes: &[u8]) -> Result<PathBuf, Failure> {
        let path = self.path.join(name);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        file.and_then(|mut file| file.write_all(bytes)).or_unknown()?;
        Ok(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if let Err(error) = wipe(&self.path) {
            output::warn(format_args!("`{}` could not be removed: {error}", self.path.display()));
        }
    }
}

/// Where memory may be found: what the session has, what every Linux has, and what the person names.
fn places() -> Vec<PathBuf> {
    let session = environment::variable("XDG_RUNTIME_DIR").map(PathBuf::from);
    let user = PathBuf::from(format!("/run/user/{}", rustix::process::getuid().as_raw()));
    let mut places: Vec<PathBuf> =
        session.into_iter().chain([user, PathBuf::from("/dev/shm"), std::env::temp_dir()]).collect();
    places.dedup();
    places.retain(|place| place.is_absolute());
    places
}

fn is_in_memory(place: &Path) -> bool {
    rustix::fs::statfs(place).is_ok_and(|system| matches!(system.f_type, TMPFS | RAMFS))
}

/// Removes what runs left in `place` that were killed: nobody holds the lock any more.
fn remove_stale(place: &Path) {
    let user = rustix::process::getuid().as_raw();
    let is_ours = |entry: &DirEntry| {
        entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes())
            && entry.metadata().is_ok_and(|metadata| metadata.is_dir() && metadata.uid() == user)
    };
    for entry in fs::read_dir(place).into_iter().flatten().flatten().filter(is_ours) {
        let path = entry.path();
        // An empty one may just be made by another run, which has not locked it yet.
        let is_empty = fs::read_dir(&path).map_or(true, |mut entries| entries.next().is_none());
        let is_free = |lock: &File| rustix::fs::flock(lock, FlockOperation::NonBlockingLockExclusive).is_ok();
        if !is_empty && File::open(&path).is_ok_and(|lock| is_free(&lock)) {
            match wipe(&path) {
                Ok(()) => output::say(format_args!("removed `{}`, which a killed run had left", path.display())),
                Err(error) => output::warn(format_args!("`{}` could not be removed: {error}", path.display())),
            }
        }
    }
}

/// Removes a directory. Its files are overwritten before, because freed memory keeps what it held.
fn wipe(directory: &Path) -> io::Result<()> {
    overwrite_files(directory);
    fs::remove_dir_all(directory)
}

fn overwrite_files(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => overwrite_files(&entry.path()),
            // A file that cannot be overwritten is removed all the same.
            Ok(kind) if kind.is_file() => drop(overwrite(&entry.path())),
            _ => {}
        }
    }
}

fn overwrite(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).custom_flags(OFlags::NOFOLLOW.bits().cast_signed()).open(path)?;
    let length = file.metadata()?.len();
    io::copy(&mut io::Read::take(io::repeat(0), length), &mut file).map(drop)
}
