//! The files that a command is about.

use std::path::{Path, PathBuf};

use pullpass_secrets::{
    file::{self, FileError},
    inventory::files::{self, Form},
    vault::{Passwords, VaultError},
};
use rayon::prelude::*;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// The files below the paths that a person named, less those that can hold no secret.
pub(crate) struct Tree {
    pub(crate) files: Vec<File>,
    /// In whole sentences, one for each thing.
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
}

impl Tree {
    /// Reads what may hold a secret. What is wrong with a path that was named itself is an error.
    pub(crate) fn read(paths: &[PathBuf]) -> Result<Tree, Failure> {
        let mut tree = Tree { files: Vec::new(), unreadable: Vec::new() };
        for path in paths {
            if path.is_dir() {
                tree.walk(path);
            } else {
                let bytes = file::read(path)?
                    .ok_or_else(|| Failure::usage(format!("there is no file or directory `{}`", path.display())))?;
                tree.add(path.clone(), bytes, true);
            }
        }
        tree.drop_twins();
        Ok(tree)
    }

    fn walk(&mut self, root: &Path) {
        for path in files::below(root) {
            match path.map_err(|error| error.to_string()).and_then(|path| read(&path).map(|bytes| (path, bytes))) {
                Ok((path, Some(bytes))) if files::may_hold(&bytes) => self.add(path, bytes, false),
                Ok(_) => {}
                Err(error) => self.unreadable.push(error),
            }
        }
    }

    fn add(&mut self, path: PathBuf, bytes: Vec<u8>, is_named: bool) {
        let bytes = Zeroizing::new(bytes);
        let form = Form::of(&path, &bytes);
        // `./a.yml` and `a.yml` are the same to a reader.
        let path = path.strip_prefix("./").map(Path::to_owned).unwrap_or(path);
        self.files.push(File { path, bytes, form, is_named, plaintext: None });
    }

    /// A file that several paths lead to counts once.
    fn drop_twins(&mut self) {
        let mut seen = std::collections::HashSet::new();
        self.files.retain(|file| seen.insert(file.path.canonicalize().unwrap_or_else(|_| file.path.clone())));
    }

    /// Opens every file that is encrypted as a whole.
    pub(crate) fn open(&mut self, passwords: &Passwords) {
        let whole = self.files.par_iter_mut().filter(|file| file.form == Form::Whole);
        whole.for_each(|file| file.plaintext = Some(passwords.open(&file.bytes)));
    }
}

impl File {
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
