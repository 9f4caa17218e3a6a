//! The one door for reading and replacing the small files that hold secrets: credential stores, inventories, password
//! files. What it replaces, it replaces whole: under a lock, with the same owner and mode, on disk before it is named.

mod in_place;
pub mod journal;

use std::{
    ffi::OsStr,
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, ErrorKind, Read, Write},
    mem,
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    },
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use rustix::{
    fs::{CWD, FlockOperation, Gid, OFlags, RenameFlags, Uid, XattrFlags},
    io::Errno,
};
use tempfile::NamedTempFile;
use zeroize::Zeroizing;

/// The largest file that is read, in bytes (16 MiB).
pub const MAX_LEN: u64 = 16 << 20;

/// How the names begin that are put beside a file for a moment: no tool should take such a file for one of a person's.
pub const PREFIX: &str = ".pullpass-";

/// Bits of a mode by which everybody may write.
const WRITABLE_BY_OTHERS: u32 = 0o002;
/// Bits of a mode by which anybody may write. To root too, a file without them is one that is not to be changed.
const WRITABLE: u32 = 0o222;
/// How often, and with which pause between, the lock is tried: ten seconds in all.
const LOCK_TRIES: u32 = 500;
const LOCK_PAUSE: Duration = Duration::from_millis(20);
/// How often an edit starts over because somebody who does not lock wrote in between.
const EDIT_TRIES: u32 = 50;
/// Opening a pipe without these would wait for its writer, and opening a terminal could make it ours.
const WITHOUT_WAITING: OFlags = OFlags::NONBLOCK.union(OFlags::NOCTTY);
/// As many links in a row as Linux itself follows.
const MAX_LINKS: u32 = 40;

/// Who may read a file after it was replaced. A new file is its owner's alone (0600) in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Whoever could before: mode, owner, access control list and extended attributes stay. A file that nobody may write
    /// to is not replaced.
    Kept,
    /// The owner alone, as credentials need it: the bits of group and others go, and a list with them.
    OwnerOnly,
}

/// Why a file could not be read or replaced. Every variant names the file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The operating system refused.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's own words.
        source: io::Error,
    },
    /// A directory, pipe, socket or device.
    #[error("`{}` is not a regular file", .0.display())]
    NotAFile(PathBuf),
    /// More than [`MAX_LEN`] bytes.
    #[error("`{}` is larger than {} MiB, too large to hold credentials", .0.display(), MAX_LEN >> 20)]
    TooLarge(PathBuf),
    /// Everybody on the host could swap what it holds.
    #[error("everybody may write to `{path}`, so what it holds cannot be trusted: run `chmod o-w {path}`", path = .0.display())]
    WorldWritable(PathBuf),
    /// Nobody may write to it: somebody does not want it changed.
    #[error("`{path}` is read-only (mode {mode:04o}): run `chmod u+w {path}` if it may be changed", path = path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A change of many files was interrupted, and this is one of them. What is edited now would be in the way of its end.
    #[error("`{}` is one of the files of an interrupted change, which `{}` is about", path.display(), journal.display())]
    Interrupted {
        /// The file.
        path: PathBuf,
        /// The journal of the change.
        journal: PathBuf,
    },
    /// Another process holds the lock.
    #[error("another process has kept `{}` locked for 10 seconds", .0.display())]
    Locked(PathBuf),
    /// Another program, one that does not lock, wrote it each time we were about to.
    #[error("another program keeps changing `{}`", .0.display())]
    Changing(PathBuf),
    /// The file itself is a mount point, as when a container is given a single file, and one of several that are replaced
    /// as one step, which takes renaming.
    #[error("`{}` is mounted by itself and cannot be replaced: mount its directory instead", path.display())]
    MountPoint {
        /// The file.
        path: PathBuf,
        /// The system's own words.
        source: io::Error,
    },
    /// A file that is a mount point had to be written into, and neither its new nor its old bytes went into it whole.
    #[error("`{}` is broken, it was written in part only{}: {source}", path.display(), kept_in(copy.as_deref()))]
    Torn {
        /// The file.
        path: PathBuf,
        /// What it should hold, for its owner alone.
        copy: Option<PathBuf>,
        /// The system's own words.
        source: io::Error,
    },
}

fn kept_in(copy: Option<&Path>) -> String {
    copy.map(|copy| format!(" (whole, it is in `{}`)", copy.display())).unwrap_or_default()
}

/// What tells one state of a file from another without reading it.
#[derive(PartialEq)]
struct Stamp {
    device: u64,
    inode: u64,
    modified: (i64, i64),
    len: u64,
}

impl Stamp {
    fn of(metadata: &fs::Metadata) -> Stamp {
        Stamp {
            device: metadata.dev(),
            inode: metadata.ino(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            len: metadata.len(),
        }
    }
}

/// The bytes of a file; `None` when there is none. Never waits, whatever `path` names.
///
/// # Errors
/// When it is there and cannot be read, is no regular file, is larger than [`MAX_LEN`] or writable by everybody.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    Ok(load(path)?.map(|mut loaded| mem::take(&mut *loaded.bytes)))
}

/// The permission bits (`0o7777`) of a file; `None` when there is none.
///
/// # Errors
/// When the system does not tell.
pub fn mode(path: &Path) -> Result<Option<u32>, FileError> {
    Ok(metadata(path)?.map(|metadata| metadata.mode() & 0o7777))
}

/// Replaces a file by what `change` makes of its bytes (`None`: there is no file), and says whether it did. `None` from
/// `change`, or the bytes it was given, leave everything alone, unless `access` is narrower than the file's mode. Missing
/// parent directories are made with mode 0700. A symbolic link stays, and its target is replaced or created; a hard link
/// is parted from its other names. A file that is a mount point cannot be replaced: it is written into, and put back when
/// that fails.
///
/// `change` runs under a lock on the directory (so it must not edit a second file there) and runs again when the file
/// changed meanwhile. A file that an interrupted [`journal`] is about is refused. On any error the file is as it was, with
/// nothing left beside it; only when the very last step fails, the sync of the directory, the new file is there and a power
/// cut may still undo it.
///
/// # Errors
/// What `change` returns, and everything in [`FileError`].
pub fn edit<E: From<FileError>>(
    path: &Path,
    access: Access,
    mut change: impl FnMut(Option<&[u8]>) -> Result<Option<Vec<u8>>, E>,
) -> Result<bool, E> {
    let path = follow_links(path)?;
    let parent = parent_of(&path);
    if !parent.exists() {
        // Nothing to write is no reason to make directories.
        if change(None)?.is_none() {
            return Ok(false);
        }
        let made = DirBuilder::new().recursive(true).mode(0o700).create(parent);
        made.map_err(failed("create", parent))?;
    }
    let directory = lock(parent)?;
    // Behind the lock, because a change that is under way holds it.
    if let Some(journal) = journal::of(parent, path.file_name().unwrap_or_default()) {
        return Err(FileError::Interrupted { path, journal }.into());
    }
    for _ in 0..EDIT_TRIES {
        let old = load(&path)?;
        refuse_read_only(old.as_ref(), access, &path)?;
        let bytes = old.as_ref().map(|old| old.bytes.as_slice());
        let Some(new) = change(bytes)? else { return Ok(false) };
        let is_wide = |old: &Loaded| access.of(Some(old)) != old.metadata.mode() & 0o7777;
        if bytes == Some(&new) && !old.as_ref().is_some_and(is_wide) {
            return Ok(false);
        }
        if replace(&path, old.as_ref(), access, &new)? {
            directory.sync_all().map_err(failed("sync", parent))?;
            return Ok(true);
        }
    }
    Err(FileError::Changing(path).into())
}

/// Whether [`edit`] would be let do its work now, for who does not want to ask a person for nothing.
///
/// # Errors
/// As [`edit`].
pub fn check(path: &Path, access: Access) -> Result<(), FileError> {
    edit(path, access, |_| Ok::<_, FileError>(None))?;
    let target = follow_links(path)?;
    let allowed = if in_place::is_mount_point(&target) {
        rustix::fs::access(&target, rustix::fs::Access::WRITE_OK)
    } else {
        let directory = target.ancestors().skip(1).find(|ancestor| ancestor.is_dir()).unwrap_or(Path::new("."));
        rustix::fs::access(directory, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK)
    };
    allowed.map_err(|error| failed("write", path)(error.into()))
}

/// Keeps `bytes`, which were read from the file at `path`, beside it as `NAME.bak-1`, or under the next number that is
/// free, and gives that path. It is the owner's alone (0600), and on disk when this returns. It takes no lock: the right
/// place for it is the `change` of an [`edit`], which has the bytes of just that moment.
///
/// # Errors
/// When it cannot be written; then nothing is left.
pub fn back_up(path: &Path, bytes: &[u8]) -> Result<PathBuf, FileError> {
    let path = follow_links(path)?;
    let parent = parent_of(&path);
    let mut temporary = write_beside(&path, bytes)?;
    if let Some(old) = metadata(&path)? {
        keep_owner(temporary.as_file(), &old, &path)?;
    }
    temporary.as_file().sync_all().map_err(failed("write", &path))?;
    for number in 1_u64.. {
        let mut backup = path.clone().into_os_string();
        backup.push(format!(".bak-{number}"));
        let backup = PathBuf::from(backup);
        match temporary.persist_noclobber(&backup) {
            Ok(_) => {
                let directory = File::open(parent).map_err(failed("open", parent))?;
                directory.sync_all().map_err(failed("sync", parent))?;
                return Ok(backup);
            }
            Err(taken) if taken.error.kind() == ErrorKind::AlreadyExists => temporary = taken.file,
            Err(error) => return Err(failed("write", &backup)(error.error)),
        }
    }
    Err(failed("back up", &path)(ErrorKind::AlreadyExists.into()))
}

impl Access {
    /// The mode of the file that comes in the place of `old`.
    fn of(self, old: Option<&Loaded>) -> u32 {
        match (old, self) {
            (None, _) => 0o600,
            (Some(old), Access::Kept) => old.metadata.mode() & 0o7777,
            (Some(old), Access::OwnerOnly) => old.metadata.mode() & 0o700,
        }
    }
}

/// A file that was read: what it holds and what it was, all of one moment.
struct Loaded {
    file: File,
    metadata: fs::Metadata,
    bytes: Zeroizing<Vec<u8>>,
}

/// Gives one file the access control list and the extended attributes of another.
fn copy_attributes(from: &File, to: &File) -> Result<(), Errno> {
    let mut names = vec![0; 64 * 1024];
    let length = match rustix::fs::flistxattr(from, &mut names) {
        Ok(length) => length,
        Err(Errno::NOTSUP) => 0,
        Err(error) => return Err(error),
    };
    let mut value = vec![0; 64 * 1024];
    for name in names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let name = OsStr::from_bytes(name);
        let length = rustix::fs::fgetxattr(from, name, &mut value)?;
        match rustix::fs::fsetxattr(to, name, &value[..length], XattrFlags::empty()) {
            // Labels of a security module are set by its own rules.
            Err(_) if name.as_bytes().starts_with(b"security.") => {}
            result => result?,
        }
    }
    Ok(())
}

/// An error of the operating system, as a function for `map_err`.
fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileError {
    move |source| FileError::Io { action, path: path.to_owned(), source }
}

/// `result`, with `None` for a file that is missing.
fn unless_missing<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn metadata(path: &Path) -> Result<Option<fs::Metadata>, FileError> {
    unless_missing(fs::metadata(path)).map_err(failed("read", path))
}

fn load(path: &Path) -> Result<Option<Loaded>, FileError> {
    let opened = OpenOptions::new().read(true).custom_flags(WITHOUT_WAITING.bits().cast_signed()).open(path);
    unless_missing(opened).map_err(failed("read", path))?.map(|file| load_open(file, path)).transpose()
}

/// Reads an open file, if it is one that may be trusted. `path` is for the messages.
fn load_open(file: File, path: &Path) -> Result<Loaded, FileError> {
    let metadata = file.metadata().map_err(failed("read", path))?;
    if !metadata.is_file() {
        return Err(FileError::NotAFile(path.to_owned()));
    }
    if metadata.mode() & WRITABLE_BY_OTHERS != 0 {
        return Err(FileError::WorldWritable(path.to_owned()));
    }
    let mut bytes = Zeroizing::new(Vec::new());
    (&file).take(MAX_LEN + 1).read_to_end(&mut bytes).map_err(failed("read", path))?;
    if bytes.len() as u64 > MAX_LEN {
        return Err(FileError::TooLarge(path.to_owned()));
    }
    Ok(Loaded { file, metadata, bytes })
}

/// The file that `path` means in the end, which need not exist.
fn follow_links(path: &Path) -> Result<PathBuf, FileError> {
    let mut target = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&target) {
            Ok(link) => target = target.parent().unwrap_or(Path::new("")).join(link),
            // Not a link, or not there: the operation that follows says what is wrong, if anything is.
            Err(_) => return Ok(target),
        }
    }
    Err(failed("follow", path)(Errno::LOOP.into()))
}

/// Locks a directory until the returned handle is dropped. A lock on the directory leaves no lock file behind, and holds
/// for a file that is replaced or not there yet.
fn lock(directory: &Path) -> Result<File, FileError> {
    lock_open(File::open(directory).map_err(failed("open", directory))?, directory)
}

fn lock_open(file: File, directory: &Path) -> Result<File, FileError> {
    for _ in 0..LOCK_TRIES {
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(Errno::WOULDBLOCK | Errno::INTR) => thread::sleep(LOCK_PAUSE),
            Err(error) => return Err(failed("lock", directory)(error.into())),
        }
    }
    Err(FileError::Locked(directory.to_owned()))
}

fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// A new file beside `path`: mode 0600 from birth, and removed when dropped.
fn write_beside(path: &Path, bytes: &[u8]) -> Result<NamedTempFile, FileError> {
    let temporary = tempfile::Builder::new().prefix(OsStr::new(PREFIX)).tempfile_in(parent_of(path));
    let mut temporary = temporary.map_err(failed("write", path))?;
    temporary.write_all(bytes).map_err(failed("write", path))?;
    Ok(temporary)
}

/// Puts `bytes` in the place of the file that `old` describes; `false` when another one has taken its place.
fn replace(path: &Path, old: Option<&Loaded>, access: Access, bytes: &[u8]) -> Result<bool, FileError> {
    if let Some(old) = old.filter(|_| in_place::is_mount_point(path)) {
        return in_place::write(path, old, access, bytes);
    }
    let temporary = write_beside(path, bytes)?;
    finish(temporary.as_file(), old, access, path)?;
    if metadata(path)?.as_ref().map(Stamp::of) != old.map(|old| Stamp::of(&old.metadata)) {
        return Ok(false);
    }
    let Some(old) = old else {
        return match temporary.persist_noclobber(path) {
            Ok(_) => Ok(true),
            Err(taken) if taken.error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(rename_failed(path, error.error)),
        };
    };
    match exchange(&temporary, path, old) {
        // A kernel that does not tell mount points (before 5.8).
        Err(Errno::BUSY | Errno::XDEV) => in_place::write(path, old, access, bytes),
        // A file system that only renames.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => match temporary.persist(path) {
            Ok(_) => Ok(true),
            Err(error) => Err(rename_failed(path, error.error)),
        },
        Err(Errno::NOENT) => Ok(false),
        result => result.map_err(|error| failed("write", path)(error.into())),
    }
}

/// Swaps the new file and the one at `path`, so that there is no moment in which a third one can be overwritten unseen;
/// `false` when it was not the one that `old` describes, which then has its place again.
fn exchange(temporary: &NamedTempFile, path: &Path, old: &Loaded) -> Result<bool, Errno> {
    let swap = || rustix::fs::renameat_with(CWD, temporary.path(), CWD, path, RenameFlags::EXCHANGE);
    swap()?;
    let replaced = fs::symlink_metadata(temporary.path());
    if replaced.is_ok_and(|replaced| Stamp::of(&replaced) == Stamp::of(&old.metadata)) {
        return Ok(true);
    }
    // It may have been removed meanwhile, and then there is nothing to swap with.
    swap().or_else(|_| rustix::fs::rename(temporary.path(), path))?;
    Ok(false)
}

fn refuse_read_only(old: Option<&Loaded>, access: Access, path: &Path) -> Result<(), FileError> {
    match old.map(|old| old.metadata.mode()) {
        Some(mode) if mode & WRITABLE == 0 && access == Access::Kept => {
            Err(FileError::ReadOnly { path: path.to_owned(), mode: mode & 0o7777 })
        }
        _ => Ok(()),
    }
}

/// Gives a file that was written the owner, the mode and the attributes of the one it will replace, and syncs it.
fn finish(file: &File, old: Option<&Loaded>, access: Access, path: &Path) -> Result<(), FileError> {
    let write_failed = || failed("write", path);
    refuse_read_only(old, access, path)?;
    if let Some(old) = old {
        keep_owner(file, &old.metadata, path)?;
    }
    file.set_permissions(Permissions::from_mode(access.of(old))).map_err(write_failed())?;
    if let (Some(old), Access::Kept) = (old, access) {
        // Behind the mode, because a list decides over its group bits.
        copy_attributes(&old.file, file).map_err(|error| failed("keep the attributes of", path)(error.into()))?;
    }
    file.sync_all().map_err(write_failed())
}

/// Gives `file` the owner and the group of `old`, which is at `path`.
fn keep_owner(file: &File, old: &fs::Metadata, path: &Path) -> Result<(), FileError> {
    let new = file.metadata().map_err(failed("write", path))?;
    if (new.uid(), new.gid()) == (old.uid(), old.gid()) {
        return Ok(());
    }
    rustix::fs::fchown(file, Some(Uid::from_raw(old.uid())), Some(Gid::from_raw(old.gid())))
        .map_err(|error| failed("keep the owner of", path)(error.into()))
}

/// Why a new file could not take the place of the one at `path`.
fn rename_failed(path: &Path, source: io::Error) -> FileError {
    match source.kind() {
        ErrorKind::ResourceBusy | ErrorKind::CrossesDevices => FileError::MountPoint { path: path.to_owned(), source },
        _ => failed("write", path)(source),
    }
}
