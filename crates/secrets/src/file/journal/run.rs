//! One change of many files under way. A recovery takes one over where it was interrupted.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    io::Write,
    path::{Path, PathBuf},
};

use super::{
    Change, Directory, JournalError,
    record::{self, Direction, Entry, Record, digest},
};
use crate::file::{FileError, Stamp, failed, finish};

/// A record, and the directories that it is about, by their paths in it.
pub(super) struct Run {
    record: Record,
    directories: BTreeMap<PathBuf, Directory>,
}

/// One file of a run, and the names beside it.
struct Slot<'a> {
    entry: &'a Entry,
    directory: &'a Directory,
    name: &'a OsStr,
    staged: OsString,
    backup: OsString,
}

impl Run {
    /// Locks the directories of all files, from above to below and by name: as everybody does, so nobody waits in a circle.
    pub(super) fn lock(top: Directory, record: Record) -> Result<Run, FileError> {
        let paths: BTreeSet<&Path> = record.files.iter().map(|entry| parent(&entry.path)).collect();
        let mut directories = BTreeMap::new();
        for path in paths {
            if path != Path::new("") {
                directories.insert(path.to_owned(), top.lock_below(path)?);
            }
        }
        directories.insert(PathBuf::new(), top);
        Ok(Run { record, directories })
    }

    /// The journal is there, and says that a recovery goes back.
    pub(super) fn begin(&mut self) -> Result<(), FileError> {
        let top = top(&self.directories);
        self.record.write(top, Direction::Back).inspect_err(|_| {
            // Nothing was done that a journal would be needed for.
            drop(record::remove(top));
        })
    }

    /// Every new content, and a second name for every old one, are beside their files.
    pub(super) fn stage<'a>(
        &self,
        changes: impl Iterator<Item = &'a &'a Change<'a>>,
        should_stop: &dyn Fn() -> bool,
    ) -> Result<(), JournalError> {
        let stop = || if should_stop() { Err(JournalError::Stopped) } else { Ok(()) };
        for (slot, change) in self.slots().zip(changes) {
            stop()?;
            slot.stage(change)?;
        }
        self.sync()?;
        stop()
    }

    /// Exchanges all files that are not yet what they are to be. Before the first one, every file is looked at, and the
    /// journal says which way this goes.
    pub(super) fn exchange(&mut self, direction: Direction) -> Result<(), JournalError> {
        let seen: Vec<_> =
            self.slots().map(|slot| slot.look(direction, self.record.recovery)).collect::<Result<_, _>>()?;
        if self.record.recovery != direction {
            self.record.write(top(&self.directories), direction)?;
        }
        for (slot, seen) in self.slots().zip(seen) {
            if let Some(seen) = seen {
                slot.exchange(direction, &seen)?;
            }
        }
        Ok(self.sync()?)
    }

    /// Removes what the change needed, and the journal.
    pub(super) fn clean(&self) -> Result<(), FileError> {
        for slot in self.slots() {
            // In this order, see `Slot::is_new`.
            slot.directory.remove(&slot.backup)?;
            slot.directory.remove(&slot.staged)?;
        }
        self.sync()?;
        record::remove(top(&self.directories)).map(drop)
    }

    pub(super) fn settle(&mut self, direction: Direction) -> Result<(), JournalError> {
        self.exchange(direction)?;
        Ok(self.clean()?)
    }

    pub(super) fn backup_of(&self, path: &Path) -> Option<PathBuf> {
        self.slots().find(|slot| slot.path() == path).map(|slot| slot.directory.join(&slot.backup))
    }

    fn sync(&self) -> Result<(), FileError> {
        self.directories.values().try_for_each(Directory::sync)
    }

    fn slots(&self) -> impl Iterator<Item = Slot<'_>> {
        self.record.files.iter().enumerate().map(|(number, entry)| Slot {
            entry,
            directory: &self.directories[parent(&entry.path)],
            name: entry.path.file_name().unwrap_or_default(),
            staged: self.record.staged(number).into(),
            backup: self.record.backup(number).into(),
        })
    }
}

impl Slot<'_> {
    fn path(&self) -> PathBuf {
        self.directory.join(self.name)
    }

    fn stage(&self, change: &Change<'_>) -> Result<(), JournalError> {
        let path = self.path();
        let old = self.directory.load(self.name)?.ok_or_else(|| JournalError::Changed(path.clone()))?;
        let mut file = self.directory.create(&self.staged)?;
        file.write_all(change.new).map_err(failed("write", &path))?;
        finish(&file, Some(&old), change.access, &path)?;
        Ok(self.directory.link(self.name, &self.backup)?)
    }

    /// The file as it is now, if another has to take its place; `None` if it is what it is to be.
    fn look(&self, direction: Direction, recovery: Direction) -> Result<Option<Stamp>, JournalError> {
        let (wanted, other, by) = match direction {
            Direction::Forward => (&self.entry.new, &self.entry.old, &self.staged),
            Direction::Back => (&self.entry.old, &self.entry.new, &self.backup),
        };
        match self.directory.load(self.name) {
            Ok(Some(found)) if digest(&found.bytes) == *wanted => Ok(None),
            Ok(Some(found)) if digest(&found.bytes) == *other => {
                let replacement = self.directory.load(by)?;
                if replacement.is_some_and(|replacement| digest(&replacement.bytes) == *wanted) {
                    Ok(Some(Stamp::of(&found.metadata)))
                } else {
                    Err(JournalError::Missing { path: self.path(), by: self.directory.join(by) })
                }
            }
            // Whatever somebody made of it since, it is kept where it was made of the version that is wanted.
            _ if self.is_new(recovery)? == (direction == Direction::Forward) => Ok(None),
            Err(error) => Err(error.into()),
            Ok(_) => Err(JournalError::Changed(self.path())),
        }
    }

    /// Whether the staged file was renamed over the target, whatever became of the target later. Told by the names beside
    /// it: the staged file comes first, its renaming leaves the backup, and what is removed last is the staged file.
    fn is_new(&self, recovery: Direction) -> Result<bool, FileError> {
        Ok(!self.directory.has(&self.staged)?
            && (recovery == Direction::Forward || self.directory.has(&self.backup)?))
    }

    fn exchange(&self, direction: Direction, seen: &Stamp) -> Result<(), JournalError> {
        let by = match direction {
            Direction::Forward => &self.staged,
            Direction::Back => &self.backup,
        };
        // Looked at again as late as can be, for programs that do not lock.
        let file = self.directory.open(self.name)?;
        let metadata = file.map(|file| file.metadata()).transpose().map_err(failed("read", &self.path()))?;
        if metadata.as_ref().map(Stamp::of).as_ref() != Some(seen) {
            return Err(JournalError::Changed(self.path()));
        }
        Ok(self.directory.rename(by, self.name)?)
    }
}

/// Where the journal is.
fn top(directories: &BTreeMap<PathBuf, Directory>) -> &Directory {
    &directories[Path::new("")]
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}
