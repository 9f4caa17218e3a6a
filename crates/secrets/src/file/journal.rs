//! Replacing many files, all of them or none: also when the process is killed or the power fails at any moment.
//!
//! 1. The directories of all files are locked.
//! 2. The journal is written into the deepest directory above all of them. It says that a recovery goes back.
//! 3. Beside each file its new content is staged, and a hard link keeps the old one.
//! 4. Each file must still hold what the caller read. The journal says that a recovery goes forward. From here on the change
//!    happens; until here it does not.
//! 5. Each staged file is renamed over its target.
//! 6. The links are removed, then the journal.
//!
//! Each step is on disk before the next one begins. A recovery does steps 5 and 6, back or forward, and so does the way back
//! after an error: what is done when all goes well is done the same way after a crash.
//!
//! A journal is not believed just because it is there: a cloned repository may bring one along. It must be our own file
//! and nobody else's to read; it names files below its directory only, on a way without symbolic links; and a recovery
//! replaces only a file that has one of its two hashes, by one that has the other, under a name that no other tool uses.

mod directory;
mod record;
mod run;

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    path::{Path, PathBuf},
};

use directory::Directory;
use record::{Direction, Entry, Record};
use run::Run;

use super::{Access, FileError, MAX_LEN, failed, unless_missing};

/// The name of the journal. Who walks a tree and meets it asks [`pending`] for its directory.
pub const NAME: &str = ".pullpass-journal";

/// What is to become of one file.
#[derive(Clone, Copy)]
pub struct Change<'a> {
    /// The file, which must be there. The target of a symbolic link is replaced; a hard link is parted from its other names.
    pub path: &'a Path,
    /// What it holds, as the caller read it.
    pub old: &'a [u8],
    /// What it is to hold. The same as `old` leaves it alone.
    pub new: &'a [u8],
    /// Who may read it afterwards.
    pub access: Access,
}

/// Why files were not replaced, or not put back.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A file or directory refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// Two paths, or a path and a link, mean the same file.
    #[error("`{}` is to be changed twice at once", .0.display())]
    Twice(PathBuf),
    /// A name that a journal cannot hold, or that it gives to files of its own.
    #[error("`{}` cannot be changed together with others: its path is not UTF-8, or its name is one of ours", .0.display())]
    Name(PathBuf),
    /// The system gives no random bytes.
    #[error("no random bytes: {0}")]
    Random(String),
    /// The directory above all the files takes no journal.
    #[error("{0}: the journal of a change has to lie in the directory above all of its files")]
    NoJournal(FileError),
    /// A run that was interrupted has to be recovered first. The path of its journal.
    #[error("an interrupted change of many files has left `{}`", .0.display())]
    Interrupted(PathBuf),
    /// The caller's `should_stop`.
    #[error("stopped")]
    Stopped,
    /// A file does not hold what it did when the caller read it.
    #[error("another program changed `{}` meanwhile", .0.display())]
    Changed(PathBuf),
    /// The other version of a file is gone, so that it cannot take its place.
    #[error("`{}` cannot be replaced: `{}` is missing, or is not what it was", path.display(), by.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// What should be beside it.
        by: PathBuf,
    },
    /// What went wrong, after which everything was put back.
    #[error("{0}: no file was replaced")]
    Undone(Box<JournalError>),
    /// What went wrong, and what went wrong when everything was to be put back. The journal is still there.
    #[error("{error}; then {undo}: what is left to be undone is in `{}`", journal.display())]
    NotUndone {
        /// What went wrong first.
        error: Box<JournalError>,
        /// Why it could not be put back.
        undo: Box<JournalError>,
        /// The journal.
        journal: PathBuf,
    },
    /// Every file was replaced, and the old ones could not be removed. The journal is still there.
    #[error("{error}: every file was replaced, but the old ones that `{}` names could not be removed", journal.display())]
    NotCleaned {
        /// What went wrong.
        error: Box<JournalError>,
        /// The journal.
        journal: PathBuf,
    },
    /// A journal that may have been made by somebody else, or is damaged.
    #[error("`{}` cannot be trusted: {why}; remove it unless it is left from a change of yours", journal.display())]
    Untrusted {
        /// The journal.
        journal: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The run had not staged everything when it was interrupted.
    #[error("the change that has left `{}` cannot be resumed, only rolled back", .0.display())]
    NotCommitted(PathBuf),
    /// Somebody wrote another text into a file since the run was interrupted, and this direction would overwrite it. The
    /// other direction keeps it.
    #[error("`{path}` was edited since the change was interrupted: `cp {backup} {path}` drops that edit", path = path.display(), backup = backup.display())]
    Edited {
        /// The file.
        path: PathBuf,
        /// Where its old content is kept.
        backup: PathBuf,
    },
}

/// Replaces all of these files, or none. Each keeps its owner, and its mode and attributes as far as `access` says.
///
/// `should_stop` is asked until the moment from which the change happens; then it is finished. All directories are locked
/// meanwhile, with one file descriptor each.
///
/// # Errors
/// After [`JournalError::NotUndone`] and [`JournalError::NotCleaned`] there is a journal for [`pending`]. After any other
/// error every file is as it was, and nothing is left beside it.
pub fn replace_all(changes: &[Change<'_>], should_stop: &dyn Fn() -> bool) -> Result<(), JournalError> {
    let changes = resolve(changes)?;
    let Some(directory) = directory_above(&changes) else { return Ok(()) };
    let files = changes.iter().map(|(path, change)| Entry::new(path, directory, change)).collect::<Result<_, _>>()?;
    let mut run = Run::lock(Directory::lock(directory)?, Record::new(files)?)?;
    refuse_pending(&changes, directory)?;
    run.begin().map_err(JournalError::NoJournal)?;

    let exchanged = run.stage(changes.values(), should_stop).and_then(|()| run.exchange(Direction::Forward));
    let journal = directory.join(NAME);
    match exchanged {
        Ok(()) => {
            Ok(run.clean().map_err(|error| JournalError::NotCleaned { error: Box::new(error.into()), journal })?)
        }
        Err(error) => {
            let error = Box::new(error);
            Err(match run.settle(Direction::Back) {
                Ok(()) => JournalError::Undone(error),
                Err(undo) => JournalError::NotUndone { error, undo: Box::new(undo), journal },
            })
        }
    }
}

/// Whether [`replace_all`] would be let do its work on these files now, for who has other work to do before that.
///
/// # Errors
/// As [`replace_all`]; nothing was touched.
pub fn check<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Result<(), JournalError> {
    let mut files = BTreeMap::new();
    for path in paths {
        super::check(path, Access::Kept)?;
        files.insert(path.canonicalize().map_err(failed("find", path))?, ());
    }
    let Some(directory) = directory_above(&files) else { return Ok(()) };
    let allowed = rustix::fs::access(directory, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK);
    allowed.map_err(|error| JournalError::NoJournal(failed("write", directory)(error.into())))
}

/// The changes by the files that are meant in the end, in the order in which their directories are locked.
fn resolve<'a>(changes: &'a [Change<'a>]) -> Result<BTreeMap<PathBuf, &'a Change<'a>>, JournalError> {
    let mut resolved = BTreeMap::new();
    for change in changes {
        let path = change.path.canonicalize().map_err(failed("find", change.path))?;
        if change.new.len() as u64 > MAX_LEN {
            return Err(FileError::TooLarge(path).into());
        }
        if path.file_name().is_none() {
            return Err(FileError::NotAFile(path).into());
        }
        if resolved.insert(path, change).is_some() {
            return Err(JournalError::Twice(change.path.to_owned()));
        }
    }
    Ok(resolved)
}

/// The deepest directory above all of these files: in sorted paths, what the first and the last have in common.
fn directory_above<T>(files: &BTreeMap<PathBuf, T>) -> Option<&Path> {
    let (first, last) = (files.first_key_value()?.0, files.last_key_value()?.0);
    first.ancestors().skip(1).find(|directory| last.starts_with(directory))
}

/// Refuses what another journal is about. The locks are held, so it is one that nobody works on.
fn refuse_pending<T>(changes: &BTreeMap<PathBuf, T>, own: &Path) -> Result<(), JournalError> {
    let mut directories: Vec<&Path> = changes.keys().flat_map(|path| path.ancestors().skip(1)).collect();
    directories.sort_unstable();
    directories.dedup();
    for directory in directories {
        let Some(record) = record::find(directory)? else { continue };
        if directory == own || record.paths(directory).any(|path| changes.contains_key(&path)) {
            return Err(JournalError::Interrupted(directory.join(NAME)));
        }
    }
    Ok(())
}

/// The journal of an interrupted change that is about this file. One that cannot be trusted has no say.
pub(super) fn of(directory: &Path, name: &OsStr) -> Option<PathBuf> {
    let path = directory.canonicalize().ok()?.join(name);
    let is_about = |directory: &&Path| {
        record::find(directory)
            .is_ok_and(|record| record.is_some_and(|record| record.paths(directory).any(|of| of == path)))
    };
    path.ancestors().skip(1).find(is_about).map(|directory| directory.join(NAME))
}

/// A change that was interrupted; or one that is under way, which a recovery waits for.
pub struct Pending {
    directory: PathBuf,
    /// `None` when the interruption came before there was a journal.
    record: Option<Record>,
}

/// How a recovery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovered {
    /// There was nothing to do any more: the run came to its end.
    Nothing,
    /// Every file is as it was before.
    RolledBack,
    /// Every file is replaced.
    RolledForward,
}

/// Looks for a journal in `path`, if it is a directory, and in every directory above it. So whoever names one of the files
/// of an interrupted change finds it; a directory further up has to be searched for [`NAME`].
///
/// # Errors
/// [`JournalError::Untrusted`], and when the system refuses.
pub fn pending(path: &Path) -> Result<Option<Pending>, JournalError> {
    let Some(path) = unless_missing(path.canonicalize()).map_err(failed("find", path))? else { return Ok(None) };
    for directory in path.ancestors().filter(|path| path.is_dir()) {
        let record = record::find(directory)?;
        if record.is_some() || record::has_draft(directory) {
            return Ok(Some(Pending { directory: directory.to_owned(), record }));
        }
    }
    Ok(None)
}

impl Pending {
    /// The path of the journal.
    pub fn journal(&self) -> PathBuf {
        self.directory.join(NAME)
    }

    /// The files that it is about.
    pub fn files(&self) -> impl Iterator<Item = PathBuf> {
        self.record.iter().flat_map(|record| record.paths(&self.directory))
    }

    /// Whether [`Pending::recover`] goes forward.
    pub fn is_committed(&self) -> bool {
        self.record.as_ref().is_some_and(|record| record.recovery == Direction::Forward)
    }

    /// Goes forward if everything had been staged when the run was interrupted, else back.
    ///
    /// # Errors
    /// As [`Pending::roll_back`].
    pub fn recover(self) -> Result<Recovered, JournalError> {
        self.settle(Ok)
    }

    /// Replaces the files that were not yet.
    ///
    /// # Errors
    /// [`JournalError::NotCommitted`], and as [`Pending::roll_back`].
    pub fn resume(self) -> Result<Recovered, JournalError> {
        let journal = self.journal();
        self.settle(|direction| match direction {
            Direction::Forward => Ok(direction),
            Direction::Back => Err(JournalError::NotCommitted(journal)),
        })
    }

    /// Puts every file back. That is too late, [`JournalError::Missing`], when all were replaced and the first backups
    /// removed.
    ///
    /// # Errors
    /// [`JournalError::Edited`] before anything is touched. The journal is there until everything is done, so that a
    /// recovery can be tried again, in either direction.
    pub fn roll_back(self) -> Result<Recovered, JournalError> {
        self.settle(|_| Ok(Direction::Back))
    }

    fn settle(
        self,
        choose: impl FnOnce(Direction) -> Result<Direction, JournalError>,
    ) -> Result<Recovered, JournalError> {
        let directory = Directory::lock(&self.directory)?;
        // What was found without a lock may be another one's by now.
        let Some(record) = record::find(&self.directory)? else {
            return Ok(if record::remove(&directory)? { Recovered::RolledBack } else { Recovered::Nothing });
        };
        let direction = choose(record.recovery)?;
        let mut run = Run::lock(directory, record)?;
        run.settle(direction).map_err(|error| match error {
            JournalError::Changed(path) => match run.backup_of(&path) {
                Some(backup) => JournalError::Edited { path, backup },
                None => JournalError::Changed(path),
            },
            error => error,
        })?;
        Ok(match direction {
            Direction::Back => Recovered::RolledBack,
            Direction::Forward => Recovered::RolledForward,
        })
    }
}
