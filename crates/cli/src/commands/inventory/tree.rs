//! The files that a command is about.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use pullpass_secrets::{
    file::{
        self, FileError,
        journal::{self, JournalError, Pending, Recovered},
    },
    inventory::files::{self, Form},
    vault::{Password, Passwords, VaultError},
};
use rayon::prelude::*;
use zeroize::Zeroizing;

use super::near;
use crate::{
    failure::{self, Failure},
    output,
    vault_password::VaultPassword,
};

/// As many of several things are named in an error.
pub(crate) const MAX_SHOWN: usize = 10;

/// The files below the paths that a person named, less those that can hold no secret.
pub(crate) struct Tree {
    pub(crate) files: Vec<File>,
    /// What could not be read, and what cannot be relied on because a change of it was interrupted: one sentence for each.
    pub(crate) unreadable: Vec<String>,
}

/// One file.
pub(crate) struct File {
    pub(crate) path: PathBuf,
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    pub(crate) form: Form,
    /// Whether the person named the file itself.
    pub(crate) is_named: bool,
    /// Of a file that is encrypted as a whole, once passwords were tried.
    pub(crate) plaintext: Option<Result<Zeroizing<Vec<u8>>, VaultError>>,
    /// The one that opened it.
    pub(crate) password: Option<Password>,
}

impl Tree {
    /// Reads what may hold a secret. What is wrong with a path that was named itself is an error.
    pub(crate) fn read(paths: &[PathBuf]) -> Result<Tree, Failure> {
        Tree::read_if(paths, &files::may_hold)
    }

    /// [`Tree::read`] for another idea of what may hold a secret.
    pub(crate) fn read_if(paths: &[PathBuf], is_wanted: &dyn Fn(&[u8]) -> bool) -> Result<Tree, Failure> {
        let mut tree = Tree { files: Vec::new(), unreadable: Vec::new() };
        for path in paths {
            if path.is_dir() {
                tree.walk(path, is_wanted);
            } else {
                let Some(bytes) = file::read(path)? else {
                    let failure = Failure::usage(format!("there is no file or directory `{}`", path.display()));
                    return Err(near::files(path).into_iter().fold(failure, Failure::hint));
                };
                tree.add(path.clone(), bytes, true);
            }
        }
        tree.drop_twins();
        match interrupted(paths) {
            Ok(changes) => tree.unreadable.extend(changes.iter().filter_map(describe)),
            Err(error) => tree.unreadable.push(error.to_string()),
        }
        Ok(tree)
    }

    /// Fails unless everything could be read.
    pub(crate) fn complete(self) -> Result<Tree, Failure> {
        if self.unreadable.is_empty() {
            return Ok(self);
        }
        let failure = Failure::unknown("not everything could be read, so nothing was changed");
        let failure = self.unreadable.into_iter().take(MAX_SHOWN).fold(failure, Failure::fact);
        Err(failure.hint("or name only the files and directories that are meant"))
    }

    fn walk(&mut self, root: &Path, is_wanted: &dyn Fn(&[u8]) -> bool) {
        for path in files::below(root) {
            match path.map_err(|error| error.to_string()).and_then(|path| read(&path).map(|bytes| (path, bytes))) {
                Ok((path, Some(bytes))) if is_wanted(&bytes) => self.add(path, bytes, false),
                Ok(_) => {}
                Err(error) => self.unreadable.push(error),
            }
        }
    }

    fn add(&mut self, path: PathBuf, bytes: Vec<u8>, is_named: bool) {
        // `./a.yml` and `a.yml` are the same to a reader.
        let path = path.strip_prefix("./").map(Path::to_owned).unwrap_or(path);
        self.files.push(File { is_named, ..File::new(path, Zeroizing::new(bytes)) });
    }

    /// A file that several paths lead to counts once.
    fn drop_twins(&mut self) {
        let mut seen = std::collections::HashSet::new();
        self.files.retain(|file| seen.insert(file.path.canonicalize().unwrap_or_else(|_| file.path.clone())));
    }

    /// The passwords to look with, if any place is named, with every file open that they open. A place that only
    /// `ansible.cfg` or the environment names, and that gives none, is told with what could not be read.
    pub(crate) fn look_with(&mut self, password: &VaultPassword) -> Result<Option<Arc<Passwords>>, Failure> {
        let passwords = match password.if_given() {
            Err(failure) if !password.is_named() => {
                self.unreadable
                    .push(failure.facts.iter().fold(failure.message, |text, fact| format!("{text}\n  {fact}")));
                None
            }
            passwords => passwords?,
        };
        if let Some(passwords) = &passwords {
            self.open(passwords);
        }
        Ok(passwords)
    }

    /// Opens every file that is encrypted as a whole.
    pub(crate) fn open(&mut self, passwords: &Passwords) {
        let whole = self.files.par_iter_mut().filter(|file| file.form == Form::Whole);
        whole.for_each(|file| {
            let opened = passwords.open_with(&file.bytes);
            file.password = opened.as_ref().ok().map(|(_, password)| Password::clone(password));
            file.plaintext = Some(opened.map(|(plaintext, _)| plaintext));
        });
    }
}

impl File {
    /// One that was come by, not opened yet.
    pub(crate) fn new(path: PathBuf, bytes: Zeroizing<Vec<u8>>) -> File {
        File { form: Form::of(&path, &bytes), path, bytes, is_named: false, plaintext: None, password: None }
    }

    /// What Ansible sees in it; `None` for what could not be opened.
    pub(crate) fn content(&self) -> Option<&[u8]> {
        match (&self.form, &self.plaintext) {
            (Form::Whole, Some(Ok(plaintext))) => Some(plaintext),
            (Form::Whole, _) => None,
            _ => Some(&self.bytes),
        }
    }

    /// Says of an error where it is.
    pub(crate) fn in_place(&self, failure: Failure) -> Failure {
        failure.fact(format!("in `{}`; nothing was changed", self.path.display()))
    }
}

/// The bytes of a file in a tree; `None` for what is no file any more, or too large and of a kind that Ansible would not
/// read for variables.
fn read(path: &Path) -> Result<Option<Vec<u8>>, String> {
    match file::read(path) {
        Err(FileError::TooLarge(_)) if !matches!(Form::of(path, b""), Form::Yaml) => Ok(None),
        result => result.map_err(|error| error.to_string()),
    }
}

/// The changes of many files that were interrupted, or are under way, and that are about files at or below these paths.
pub(crate) fn interrupted(paths: &[PathBuf]) -> Result<Vec<Pending>, JournalError> {
    let mut found = BTreeMap::new();
    for path in paths {
        let Ok(path) = fs::canonicalize(path) else { continue };
        let mut above = Some(path.clone());
        while let Some(pending) = above.as_deref().map_or(Ok(None), journal::pending)? {
            let journal = pending.journal();
            above = journal.ancestors().nth(2).map(Path::to_owned);
            // One that came to nothing is everybody's.
            let is_empty = pending.files().next().is_none();
            if is_empty || pending.files().any(|file| file.starts_with(&path)) {
                found.insert(journal, pending);
            }
        }
        for directory in path.is_dir().then(|| files::journals(&path)).into_iter().flatten() {
            if let Some(pending) = journal::pending(&directory)? {
                found.insert(pending.journal(), pending);
            }
        }
    }
    Ok(found.into_values().collect())
}

/// Ends an interrupted change by `how`, and says what became of it.
pub(crate) fn settle(
    change: Pending,
    how: impl FnOnce(Pending) -> Result<Recovered, JournalError>,
) -> Result<Recovered, JournalError> {
    let (journal, count) = (change.journal(), change.files().count());
    let recovered = how(change)?;
    let journal = journal.display();
    match recovered {
        Recovered::Nothing => {}
        Recovered::RolledBack if count == 0 => {
            output::say(format_args!("removed: what an interrupted run left (`{journal}`), which had changed nothing"));
        }
        Recovered::RolledBack => {
            output::say(format_args!("undone: an interrupted change of {count} files (`{journal}`)"));
        }
        Recovered::RolledForward => {
            output::say(format_args!("finished: an interrupted change of {count} files (`{journal}`)"));
        }
    }
    Ok(recovered)
}

/// What to do about one, as its files are some old and some new.
fn describe(change: &Pending) -> Option<String> {
    let (files, journal) = (change.files().count(), change.journal());
    let finish = if change.is_committed() { failure::finish(&journal) } else { failure::undo(&journal) };
    (files > 0)
        .then(|| format!("a change of {files} files was interrupted, which `{}` is about: {finish}", journal.display()))
}
