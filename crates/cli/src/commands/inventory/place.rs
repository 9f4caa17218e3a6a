//! Which file a key path means, and what is around the value there.

use std::path::{Path, PathBuf};

use pullpass_secrets::{
    inventory::{self, Found, KeyPath, files::Form},
    vault::Password,
};
use zeroize::Zeroizing;

use super::{
    near,
    tree::{File, Tree},
};
use crate::{
    commands::wrong_vault,
    failure::{Failure, OrFail},
    output,
    vault_password::VaultPassword,
};

/// Where a value is, or is to be.
pub(super) struct Place {
    pub(super) path: PathBuf,
    pub(super) key_path: KeyPath,
}

impl Place {
    /// The place that a person means by `path`, a file or a directory, and `key_path`. In a directory, it has to be there
    /// already, and once. A value that only names another variable leads to that variable.
    pub(super) fn find(path: &Path, key_path: &KeyPath, password: &VaultPassword) -> Result<Place, Failure> {
        Place::at(path, key_path, password)?.follow(path, password)
    }

    /// [`Place::find`] without going on to a variable.
    pub(super) fn at(path: &Path, key_path: &KeyPath, password: &VaultPassword) -> Result<Place, Failure> {
        if path.is_dir() {
            in_tree(path, &read(path, password)?, key_path, "there is no")
        } else {
            Ok(Place { path: path.to_owned(), key_path: key_path.clone() })
        }
    }

    /// Goes on to the variable that the value names, once.
    fn follow(self, root: &Path, password: &VaultPassword) -> Result<Place, Failure> {
        let Some(variable) = self.names(password)? else { return Ok(self) };
        let around = self.path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
        let root = if root.is_dir() { root } else { around };
        let tree = read(root, password)?;
        let place = in_tree(
            root,
            &tree,
            &variable,
            &format!("`{}` is `{{{{ {variable} }}}}`, and there is no", self.key_path),
        )?;
        output::say(format_args!(
            "`{}` is `{{{{ {variable} }}}}`: going on to `{}` in `{}`",
            self.key_path,
            place.key_path,
            place.path.display()
        ));
        Ok(place)
    }

    /// The variable that the value here is a reference to.
    fn names(&self, password: &VaultPassword) -> Result<Option<KeyPath>, Failure> {
        if !self.path.exists() {
            return Ok(None);
        }
        let mut tree = Tree::read(std::slice::from_ref(&self.path))?;
        let is_whole = tree.files.iter().any(|file| file.form == Form::Whole);
        if let Some(passwords) = if is_whole { password.if_given()? } else { None } {
            tree.open(&passwords);
        }
        let Some(content) = tree.files.first().and_then(File::content) else { return Ok(None) };
        let entries = inventory::show(content).or_usage();
        let entries =
            entries.map_err(|failure| failure.fact(format!("in `{}`; nothing was changed", self.path.display())))?;
        Ok(entries.into_iter().find(|entry| entry.path == self.key_path).and_then(|entry| match entry.value {
            Found::Reference(variable) => Some(variable),
            _ => None,
        }))
    }
}

fn read(root: &Path, password: &VaultPassword) -> Result<Tree, Failure> {
    let mut tree = Tree::read(&[root.to_owned()])?;
    if let Some(passwords) = password.if_given()? {
        tree.open(&passwords);
    }
    Ok(tree)
}

/// The one place in `tree` at which `key_path` is or ends.
fn in_tree(root: &Path, tree: &Tree, key_path: &KeyPath, missing: &str) -> Result<Place, Failure> {
    let mut known = Vec::new();
    for file in &tree.files {
        let paths = file.content().and_then(|content| inventory::paths(content).ok()).unwrap_or_default();
        known.extend(paths.into_iter().map(|path| (file, path)));
    }
    let exact: Vec<_> = known.iter().filter(|(_, path)| path == key_path).collect();
    let found =
        if exact.is_empty() { known.iter().filter(|(_, path)| path.ends_with(key_path)).collect() } else { exact };
    match found.as_slice() {
        [(file, path)] => Ok(Place { path: file.path.clone(), key_path: path.clone() }),
        [] => {
            let locked = tree.files.iter().filter(|file| file.content().is_none());
            let failure = Failure::no(format!("{missing} `{key_path}` in `{}`", root.display()));
            let failure = locked.fold(failure, |failure, file| {
                failure.fact(format!("`{}` is encrypted, and was not opened", file.path.display()))
            });
            let hints = near::paths(key_path, known.iter().map(|(_, path)| path));
            let failure = hints.into_iter().fold(failure, Failure::hint);
            Err(failure.hint("name the file, to put a new key there"))
        }
        several => {
            let failure = Failure::usage(format!("several values are at `{key_path}`"));
            let place = |(file, path): &&(&File, KeyPath)| format!("`{path}` in `{}`", file.path.display());
            let failure = several.iter().map(place).fold(failure, Failure::fact);
            Err(failure.hint("name the file"))
        }
    }
}

/// A file that is encrypted as a whole, opened.
pub(super) struct Opened {
    encrypted: Vec<u8>,
    pub(super) plaintext: Zeroizing<Vec<u8>>,
    pub(super) password: Password,
}

impl Opened {
    /// Whether `bytes` are still what was opened.
    pub(super) fn is_of(&self, bytes: &[u8]) -> bool {
        self.encrypted == bytes
    }
}

/// Opens `bytes` if they are encrypted as a whole.
pub(super) fn open_whole(bytes: &[u8], password: &VaultPassword) -> Result<Option<Opened>, Failure> {
    if !pullpass_secrets::vault::is_encrypted(bytes) {
        return Ok(None);
    }
    let passwords = password.to_rekey()?;
    let (plaintext, password) = passwords.open_with(bytes).map_err(|error| wrong_vault(&error))?;
    Ok(Some(Opened { encrypted: bytes.to_vec(), plaintext, password: password.clone() }))
}
