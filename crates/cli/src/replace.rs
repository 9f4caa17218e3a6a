//! Replacing several files as one step, which a person may stop.

use std::{fs, os::unix::fs::MetadataExt, path::PathBuf, sync::atomic::Ordering};

use pullpass_secrets::file::journal::{self, Change, JournalError};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::{
    failure::{Exit, Failure},
    interrupt, output,
};

/// Replaces all of the files or none, and says which. Ctrl-C is heeded until they are about to be exchanged.
pub(crate) fn all(changes: &[Change<'_>], done: &str) -> Result<(), Failure> {
    match unless_changed(changes, done)? {
        None => Ok(()),
        Some(path) => Err(JournalError::Undone(Box::new(JournalError::Changed(path))).into()),
    }
}

/// [`all`]; or the file that another program changed since it was read, after which every file is as it was.
pub(crate) fn unless_changed(changes: &[Change<'_>], done: &str) -> Result<Option<PathBuf>, Failure> {
    let linked: Vec<_> = changes.iter().filter_map(|change| Some((change, other_names(change)?))).collect();
    let was_interrupted = interrupt::flag()?;
    allow_open_files();
    match journal::replace_all(changes, &|| was_interrupted.load(Ordering::Relaxed)) {
        Err(JournalError::Undone(error)) => match *error {
            JournalError::Stopped => {
                output::say("interrupted: every file is as it was");
                return Err(Failure::silent(Exit::Interrupted));
            }
            JournalError::Changed(path) => return Ok(Some(path)),
            error => return Err(JournalError::Undone(Box::new(error)).into()),
        },
        result => result?,
    }
    for change in changes {
        output::say(format_args!("{done}: `{}`", change.path.display()));
    }
    for (change, others) in linked {
        output::warn(format_args!(
            "`{}` had {others} more names (hard links), which still hold what it held unless they are in this list",
            change.path.display()
        ));
    }
    Ok(None)
}

/// How many hard links there are to a file beside its own name, if any.
fn other_names(change: &Change<'_>) -> Option<u64> {
    let names = fs::metadata(change.path).ok()?.nlink();
    names.checked_sub(1).filter(|others| *others > 0)
}

/// Each directory is held open, and a shell's usual limit of 1024 is low for a large tree.
fn allow_open_files() {
    let limit = getrlimit(Resource::Nofile);
    // Where it cannot be raised, a tree that needs more ends in an error before anything is changed.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}
