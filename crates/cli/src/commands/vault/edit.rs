//! `pullpass vault edit`.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    fs,
    io::Write,
    path::{Path, PathBuf},
    slice,
};

use clap::Args;
use pullpass_secrets::{
    file::{self, Access},
    inventory::View,
    vault::{self, Password},
};
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::{
    editor::{Editor, Ended, Signals},
    files,
    memory::Directory,
    values::{self, place},
    wrong_vault,
};
use crate::{
    failure::{Failure, OrFail},
    output,
    vault_password::{Choice, VaultPassword},
};

/// Edit encrypted files in an editor
///
/// The editor is the one that ansible-vault would start: EDITOR, ANSIBLE_EDITOR, `editor` in ansible.cfg, or else vi. It
/// gets a copy in memory (tmpfs), which is overwritten and removed when it ends; Vim is kept from writing swap, backup, undo
/// and viminfo files. What else an editor or its plugins keep, and what the system swaps out, is beyond our reach.
///
/// In a file with encrypted values, each is shown under its `!vault` tag, in double quotes: what is under a tag when the
/// editor ends is encrypted, and what was left alone keeps its payload byte for byte.
///
/// A file that was not changed is left alone. One that was keeps its password, label, mode and owner. When the editor ends
/// with an error (`:cq` in vi), nothing is changed. When the file was changed by somebody else meanwhile, it stays as they
/// left it, and your version is put beside it, encrypted.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pullpass vault edit group_vars/all/vault.yml
  EDITOR=nano pullpass vault edit --vault-id prod@~/.vault-pass host_vars/a/vault.yml")]
pub(super) struct Edit {
    /// The encrypted files, edited one after the other
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Encrypt what was changed with the vault password that has this label, and write the label
    #[arg(long, value_name = "LABEL")]
    encrypt_vault_id: Option<String>,
    /// Taken because `create` has it; `edit` never looks for a terminal
    #[arg(long)]
    skip_tty_check: bool,
    #[command(flatten)]
    password: VaultPassword,
}

impl Edit {
    pub(super) fn run(self) -> Result<(), Failure> {
        if self.files.iter().any(|path| files::is_standard(path)) {
            return Err(Failure::usage("`edit` takes files only, not standard input"));
        }
        // What cannot be edited is refused before anybody is asked for a password.
        files::read_vaults(&self.files)?;
        let passwords = self.password.to_edit()?;
        let editor = Editor::find()?;
        for path in &self.files {
            // Read late: the file before it may have been open for hours.
            for source in files::read_vaults(slice::from_ref(path))? {
                if !source.is_whole() {
                    self.edit_values(path, &source.bytes, &passwords, &editor)?;
                    continue;
                }
                let (plaintext, opened_by) =
                    passwords.open(&source.bytes).map_err(|error| source.in_place(wrong_vault(&error)))?;
                let (label, password) = match self.encrypt_vault_id.as_deref() {
                    None => (vault::label(&source.bytes), opened_by),
                    asked => passwords.choose(asked, None).map(|(label, password)| (Some(label), password))?,
                };
                let seal = |edited: &[u8]| seal_whole(edited, password, label.as_deref());
                Draft { path, old: Some(&source.bytes), plaintext, password, label: label.clone(), seal: &seal }
                    .edit(&editor)?;
            }
        }
        Ok(())
    }

    /// Lets the person edit a file in which the values are encrypted. What they leave alone keeps its payload.
    fn edit_values(&self, path: &Path, bytes: &[u8], passwords: &Choice, editor: &Editor) -> Result<(), Failure> {
        values::with_view(path, bytes, passwords.all(), |payloads, view| {
            let plaintext = view.text().or_usage()?;
            let label_of = |at: usize| vault::label(payloads.list()[at].text.as_bytes());
            let values = (0..payloads.list().len()).filter(|at| payloads.list()[*at].path.is_some());
            let labels: BTreeSet<Option<String>> = values.map(label_of).collect();
            let asked = self.encrypt_vault_id.as_deref();
            let (label, password) = passwords.choose(asked, labels.first().map(Option::as_deref))?;
            // What is new gets the vault id of all the others, if they have one.
            let common = labels.iter().next().filter(|_| labels.len() == 1);
            let seal = |edited: &[u8]| {
                let mut sealed = Vec::new();
                for tagged in View::tagged(edited).or_usage()? {
                    let (same, here) = view.before(&tagged);
                    sealed.push(match same {
                        Some(same) => payloads.list()[same].text.clone(),
                        None => {
                            let old = here.map(label_of).or(common.cloned());
                            let (label, password) = passwords
                                .choose(asked, old.as_ref().map(Option::as_deref))
                                .map_err(|failure| failure.fact(place(tagged.path.as_ref(), tagged.line)))?;
                            vault::encrypt(tagged.text.reveal().as_bytes(), password, Some(&label)).or_usage()?
                        }
                    });
                }
                view.sealed(edited, &sealed).or_usage()
            };
            Draft { path, old: Some(bytes), plaintext, password, label: Some(label), seal: &seal }.edit(editor)
        })
    }
}

/// What a person wrote, as a file that is encrypted as a whole.
pub(super) fn seal_whole(edited: &[u8], password: &Password, label: Option<&str>) -> Result<Vec<u8>, Failure> {
    if vault::is_encrypted(edited) {
        return Err(Failure::usage("what you wrote is encrypted already"));
    }
    vault::encrypt(edited, password, label).map(String::into_bytes).or_usage()
}

/// Makes the file of what a person wrote.
type Seal<'a> = dyn Fn(&[u8]) -> Result<Vec<u8>, Failure> + 'a;

/// What a person is given to edit, and how it is encrypted afterwards.
pub(super) struct Draft<'a> {
    pub(super) path: &'a Path,
    /// The encrypted file as it was read; `None` when there is none.
    pub(super) old: Option<&'a [u8]>,
    pub(super) plaintext: Zeroizing<Vec<u8>>,
    /// What cannot be saved is kept encrypted under this.
    pub(super) password: &'a Password,
    pub(super) label: Option<String>,
    /// What the file is to hold then.
    pub(super) seal: &'a Seal<'a>,
}

impl Draft<'_> {
    /// Opens the editor, and puts what it leaves into the file.
    pub(super) fn edit(&self, editor: &Editor) -> Result<(), Failure> {
        // What would be in the way of saving is found before the person begins to type.
        (self.seal)(&self.plaintext)?;
        self.check_directory()?;
        file::check(self.path, Access::Kept)?;

        let mut signals = Signals::catch()?;
        let directory = Directory::new()?;
        let copy = directory.write(self.name(), &self.plaintext)?;
        let ended = editor.open(&copy, &mut signals, &directory)?;
        let edited = fs::read(&copy).map(Zeroizing::new);
        let place = directory.place().to_owned();
        drop(directory);

        let is_changed = |edited: &[u8]| edited != self.plaintext.as_slice();
        match (ended, edited) {
            (Ended::Done, Ok(edited)) if is_changed(&edited) || self.old.is_none() => {
                self.save(&edited).map_err(|failure| self.keep(failure, &edited, &place))
            }
            (Ended::Done, Ok(_)) => {
                output::say(format_args!("unchanged: `{}`", self.path.display()));
                Ok(())
            }
            (Ended::Done, Err(error)) => {
                Err(Failure::no("the editor left no file").fact(error.to_string()).fact("nothing was changed"))
            }
            (Ended::CutOff(failure), Ok(edited)) if is_changed(&edited) => Err(self.keep(failure, &edited, &place)),
            (Ended::GivenUp(failure) | Ended::CutOff(failure), _) => Err(failure.fact("nothing was changed")),
        }
    }

    fn name(&self) -> &OsStr {
        self.path.file_name().unwrap_or(OsStr::new("vault"))
    }

    /// A file is replaced by renaming, for which its directory has to be writable. A missing one is made later.
    fn check_directory(&self) -> Result<(), Failure> {
        let path = fs::canonicalize(self.path).unwrap_or_else(|_| self.path.to_owned());
        let directory = parent(&path);
        let wanted = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
        match rustix::fs::access(directory, wanted) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(Failure::unknown(format!("cannot write in `{}`: {error}", directory.display()))
                .fact("nothing was changed")),
        }
    }

    fn save(&self, edited: &[u8]) -> Result<(), Failure> {
        let path = self.path.display();
        let payload = (self.seal)(edited)?;
        file::edit(self.path, Access::Kept, |found| match found {
            found if found == self.old => Ok(Some(payload.clone())),
            _ => Err(Failure::unknown(format!("`{path}` was changed meanwhile by somebody else"))),
        })?;
        let done = if self.old.is_some() { "edited" } else { "created" };
        output::say(format_args!("{done}: `{path}`"));
        Ok(())
    }

    /// Puts what cannot be saved beside the file, encrypted, or else where memory keeps it until the system stops.
    fn keep(&self, failure: Failure, edited: &[u8], memory: &Path) -> Failure {
        let failure = failure.fact(format!("`{}` is left as it is", self.path.display()));
        let kept = vault::encrypt(edited, self.password, self.label.as_deref()).map(|payload| {
            [parent(self.path), memory].into_iter().find_map(|directory| self.put(directory, payload.as_bytes()).ok())
        });
        match kept {
            Ok(Some(kept)) => failure
                .fact(format!("what you wrote is in `{}`, encrypted", kept.display()))
                .hint(format!("look at it with `pullpass vault view {}`", kept.display())),
            _ => failure.fact("what you wrote could be kept nowhere and is lost"),
        }
    }

    fn put(&self, directory: &Path, payload: &[u8]) -> std::io::Result<PathBuf> {
        let mut prefix = OsString::from(self.name());
        prefix.push(".pullpass-new-");
        let mut file = tempfile::Builder::new().prefix(&prefix).tempfile_in(directory)?;
        file.write_all(payload)?;
        file.as_file().sync_all()?;
        let (_, path) = file.keep()?;
        Ok(directory.join(path.file_name().unwrap_or_default()))
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."))
}
