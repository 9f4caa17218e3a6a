//! Writing into a file that cannot be replaced because it is mounted by itself, as containers are given single files.

use std::{
    fs::{File, OpenOptions, Permissions},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

use rustix::{
    fs::{AtFlags, CWD, FallocateFlags, OFlags, StatxAttributes, StatxFlags},
    io::Errno,
};

use super::{Access, FileError, Loaded, WITHOUT_WAITING, failed, load_open, lock_open, write_beside};

/// Whether `path` is a mount point, as far as this kernel tells.
pub(super) fn is_mount_point(path: &Path) -> bool {
    rustix::fs::statx(CWD, path, AtFlags::empty(), StatxFlags::empty())
        .is_ok_and(|found| found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// Writes `bytes` over what the file at `path` holds; `false` when that is no longer what `old` held.
pub(super) fn write(path: &Path, old: &Loaded, access: Access, bytes: &[u8]) -> Result<bool, FileError> {
    let flags = WITHOUT_WAITING.union(OFlags::NOFOLLOW).bits().cast_signed();
    let file = OpenOptions::new().read(true).write(true).custom_flags(flags).open(path);
    let file = file.map_err(failed("write", path))?;
    // Whoever is given the same file has it in another directory, whose lock is not ours. Under this lock the bytes
    // themselves are compared: the time of a change is too coarse to tell two of them apart.
    let now = load_open(lock_open(file, path)?, path)?;
    if now.bytes != old.bytes {
        return Ok(false);
    }
    reserve(&now.file, bytes.len()).map_err(failed("write", path))?;
    let mode = access.of(Some(&now));
    if mode != Access::Kept.of(Some(&now)) {
        now.file.set_permissions(Permissions::from_mode(mode)).map_err(failed("write", path))?;
    }
    // Whole, while the file itself is written. The directory may be one that nobody can write to, and then there is none.
    let copy = write_beside(path, bytes).ok().filter(|copy| copy.as_file().sync_all().is_ok());
    let Err(source) = overwrite(&now.file, bytes) else { return Ok(true) };
    match overwrite(&now.file, &now.bytes) {
        Ok(()) => Err(failed("write", path)(source)),
        Err(_) => {
            let copy = copy.and_then(|copy| copy.keep().ok()).map(|(_, copy)| copy);
            Err(FileError::Torn { path: path.to_owned(), copy, source })
        }
    }
}

/// Takes the space that is needed before anything is overwritten.
fn reserve(file: &File, len: usize) -> io::Result<()> {
    match rustix::fs::fallocate(file, FallocateFlags::KEEP_SIZE, 0, len as u64) {
        // Nothing to reserve, or a file system that cannot: there the write itself has to tell.
        Err(Errno::OPNOTSUPP | Errno::INVAL | Errno::NOSYS) => Ok(()),
        result => Ok(result?),
    }
}

fn overwrite(file: &File, bytes: &[u8]) -> io::Result<()> {
    file.write_all_at(bytes, 0)?;
    file.set_len(bytes.len() as u64)?;
    file.sync_all()
}
