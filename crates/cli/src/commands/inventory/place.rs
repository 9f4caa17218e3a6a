//! Which file a key path means, and what is around the value there.

use std::path::{Path, PathBuf};

use pullpass_secrets::{
    inventory::{self, Found, KeyPath, Step, files::Form},
    vault::{self, Password},
};
use zeroize::Zeroizing;

use super::{
    near,
    tree::{File, Tree},
};
use crate::{commands::wrong_vault, failure::Failure, output, vault_password::VaultPassword};

/// As many places are named in an error.
const MAX_SHOWN: usize = 10;

/// Where a value is, or is to be.
pub(super) struct Place {
    pub(super) path: PathBuf,
    pub(super) key_path: KeyPath,
}

impl Place {
    /// The place that a person means by `path`, a file or a directory, and `key_path`. In a directory, it has to be there
    /// already, and once. A value that only names another variable leads to that variable.
    pub(super) fn find(path: &Path, key_path: &KeyPath, password: &VaultPassword) -> Result<Place, Failure> {
        let mut place = Place::at(path, key_path, password)?;
        let mut names = Vec::new();
        while let Some(variable) = place.names(password)? {
            if names.contains(&variable) {
                let failure = Failure::usage(format!("`{key_path}` is a variable that leads back to itself"));
                return Err(place.in_file(failure.fact(format!("`{}` is `{{{{ {variable} }}}}`", place.key_path))));
            }
            place = place.of_variable(path, &variable, password)?;
            names.push(variable);
        }
        Ok(place)
    }

    /// [`Place::find`] without going on to a variable.
    pub(super) fn at(path: &Path, key_path: &KeyPath, password: &VaultPassword) -> Result<Place, Failure> {
        if !path.is_dir() {
            return Ok(Place { path: path.to_owned(), key_path: key_path.clone() });
        }
        let search = Search::of(path, password)?;
        let exact = search.places(|known| known == key_path);
        let mut found = if exact.is_empty() { search.places(|known| known.ends_with(key_path)) } else { exact };
        match found.len() {
            0 => Err(search.nothing(key_path, &format!("there is no `{key_path}`"))),
            1 => {
                search.warn_of_closed();
                Ok(found.remove(0))
            }
            _ => Err(several(key_path, &found)),
        }
    }

    /// The place of the variable that the value here names.
    fn of_variable(self, root: &Path, variable: &KeyPath, password: &VaultPassword) -> Result<Place, Failure> {
        let around = self.project();
        let search = Search::of(if root.is_dir() { root } else { &around }, password)?;
        let found = search.places(|known| is_variable(known, variable));
        let beside: Vec<usize> =
            (0..found.len()).filter(|place| found[*place].path.parent() == self.path.parent()).collect();
        // Files of one directory are for the same hosts.
        let mut others = found;
        let place = match (others.len(), beside.as_slice()) {
            (0, _) => {
                let missing = format!("`{}` is `{{{{ {variable} }}}}`, and there is no `{variable}`", self.key_path);
                return Err(search.nothing(variable, &missing));
            }
            (1, _) => others.remove(0),
            (_, [one]) => others.remove(*one),
            _ => return Err(several(variable, &others)),
        };
        output::say(format_args!(
            "`{}` is `{{{{ {variable} }}}}`: going on to `{}` in `{}`",
            self.key_path,
            place.key_path,
            place.path.display()
        ));
        search.warn_of_closed();
        for other in others.iter().take(MAX_SHOWN) {
            output::warn(format_args!("some hosts may take {} instead, which is not changed", other.shown()));
        }
        Ok(place)
    }

    /// Where Ansible looks for variables beside this file: the directory around `group_vars`, `host_vars` or `roles`.
    fn project(&self) -> PathBuf {
        let is_inner = |directory: &&Path| {
            directory.file_name().is_some_and(|name| name == "group_vars" || name == "host_vars" || name == "roles")
        };
        let parent = self.path.ancestors().skip(1).find(is_inner).unwrap_or(&self.path).parent();
        parent.filter(|parent| *parent != Path::new("")).unwrap_or(Path::new(".")).to_owned()
    }

    /// The variable that the value here is a reference to.
    fn names(&self, password: &VaultPassword) -> Result<Option<KeyPath>, Failure> {
        if !self.path.exists() {
            return Ok(None);
        }
        let tree = read(&self.path, password)?;
        let Some(content) = tree.files.first().and_then(File::content) else { return Ok(None) };
        let entries = inventory::show(content).map_err(|error| self.refused(error))?;
        Ok(entries.into_iter().find(|entry| entry.path == self.key_path).and_then(|entry| match entry.value {
            Found::Reference(variable) => Some(variable),
            _ => None,
        }))
    }

    /// Says of an error where it is.
    pub(super) fn in_file(&self, failure: Failure) -> Failure {
        failure.fact(format!("in `{}`; nothing was changed", self.path.display()))
    }

    fn shown(&self) -> String {
        format!("`{}` in `{}`", self.key_path, self.path.display())
    }
}

/// Whether a path ends at a variable of that name, which hosts see by its name alone: at the top of a file, below the
/// `vars` of a group or play, or below a host.
pub(super) fn is_variable(path: &KeyPath, variable: &KeyPath) -> bool {
    let parents = &path.steps()[..path.steps().len().saturating_sub(variable.steps().len())];
    let is_key = |step: &Step, names: &[&str]| matches!(step, Step::Key(key) if names.contains(&key.as_str()));
    let is_scope = match parents {
        [] => true,
        [.., step] if is_key(step, &["vars"]) => true,
        [.., hosts, _] => is_key(hosts, &["hosts", "hostvars"]),
        _ => false,
    };
    is_scope && path.ends_with(variable)
}

/// Every value below a directory.
struct Search<'root> {
    root: &'root Path,
    known: Vec<Place>,
    /// What could not be looked into.
    closed: Vec<String>,
    /// Whether that is for want of a vault password.
    is_locked: bool,
}

impl Search<'_> {
    fn of<'root>(root: &'root Path, password: &VaultPassword) -> Result<Search<'root>, Failure> {
        let tree = read(root, password)?;
        let mut search = Search { root, known: Vec::new(), closed: tree.unreadable, is_locked: false };
        for file in tree.files {
            let Some(content) = file.content() else {
                search.is_locked |= file.plaintext.is_none();
                let why = match &file.plaintext {
                    Some(Err(error)) => error.to_string(),
                    _ => "it is encrypted".to_owned(),
                };
                search.closed.push(format!("`{}` was not opened: {why}", file.path.display()));
                continue;
            };
            let paths =
                if file.form == Form::Text { Vec::new() } else { inventory::paths(content).unwrap_or_default() };
            search.known.extend(paths.into_iter().map(|key_path| Place { path: file.path.clone(), key_path }));
        }
        Ok(search)
    }

    fn places(&self, is_wanted: impl Fn(&KeyPath) -> bool) -> Vec<Place> {
        let wanted = self.known.iter().filter(|place| is_wanted(&place.key_path));
        wanted.map(|place| Place { path: place.path.clone(), key_path: place.key_path.clone() }).collect()
    }

    /// There may be other values of the same name where nobody looked.
    fn warn_of_closed(&self) {
        self.closed.iter().take(MAX_SHOWN).for_each(output::warn);
    }

    fn nothing(&self, key_path: &KeyPath, missing: &str) -> Failure {
        let failure = Failure::no(format!("{missing} in `{}`", self.root.display()));
        let failure = self.closed.iter().take(MAX_SHOWN).cloned().fold(failure, Failure::fact);
        let hints = near::paths(key_path, self.known.iter().map(|place| &place.key_path));
        let failure = hints.into_iter().fold(failure, Failure::hint).hint("name the file, to put a new key there");
        if self.is_locked { failure.hint("name the vault password: `--vault-password-file FILE`") } else { failure }
    }
}

fn several(key_path: &KeyPath, places: &[Place]) -> Failure {
    let failure = Failure::usage(format!("{} values are at `{key_path}`", places.len()));
    let failure = places.iter().take(MAX_SHOWN).map(Place::shown).fold(failure, Failure::fact);
    failure.hint("name the file and the whole key path")
}

/// Reads a tree. Passwords are asked for only where a file needs one to be looked into.
fn read(root: &Path, password: &VaultPassword) -> Result<Tree, Failure> {
    let mut tree = Tree::read(&[root.to_owned()])?;
    let is_any_whole = tree.files.iter().any(|file| file.form == Form::Whole);
    if let Some(passwords) = if is_any_whole { password.if_given()? } else { None } {
        tree.open(&passwords);
    }
    Ok(tree)
}

/// A file that is encrypted as a whole, opened.
pub(super) struct Opened {
    encrypted: Vec<u8>,
    pub(super) plaintext: Zeroizing<Vec<u8>>,
    pub(super) password: Password,
}

impl Opened {
    pub(super) fn label(&self) -> Option<String> {
        vault::label(&self.encrypted)
    }

    /// What is in the file now: somebody may have written it since.
    pub(super) fn again(&self, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, Failure> {
        if self.encrypted == bytes {
            return Ok(self.plaintext.clone());
        }
        vault::decrypt(bytes, &self.password)
            .map_err(|_| Failure::unknown("another program encrypted the file anew meanwhile").hint("run it again"))
    }
}

/// Opens `bytes` if they are encrypted as a whole.
pub(super) fn open_whole(bytes: &[u8], password: &VaultPassword) -> Result<Option<Opened>, Failure> {
    if !vault::is_encrypted(bytes) {
        return Ok(None);
    }
    let passwords = password.to_rekey()?;
    let (plaintext, password) = passwords.open_with(bytes).map_err(|error| wrong_vault(&error))?;
    Ok(Some(Opened { encrypted: bytes.to_vec(), plaintext, password: password.clone() }))
}
