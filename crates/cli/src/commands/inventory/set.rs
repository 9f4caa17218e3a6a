//! `pullpass inventory set`.

use std::path::{Path, PathBuf};

use clap::Args;
use pullpass_secrets::{
    Secret,
    file::{self, Access},
    inventory::{self, Found, InventoryError, KeyPath, NewValue, Step, Value},
    token,
    vault::{self, Password, VaultError},
};

use super::{
    near,
    place::{Opened, Place, open_whole},
    write::Write,
};
use crate::{
    commands::wrong_vault,
    failure::{Failure, OrFail},
    output,
    prompt::{new_secret, refuse_arguments},
    vault_password::VaultPassword,
};

/// Set one value, encrypted, and leave every other byte as it is
///
/// The secret is read from standard input, or asked for twice on a terminal. Missing keys, mappings and the file itself
/// are added. A value that is replaced keeps its vault id. In a directory, the one file that has the value is found; a
/// value that is `{{ vault_x }}` leads to `vault_x`. In a file that is encrypted as a whole the value is set inside.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pullpass inventory set inventory.yml all.vars.iaas_console.ghcr_pat < token.txt
  pullpass inventory set group_vars vault_ghcr_pat --diff < token.txt
  pullpass inventory set inventory.yml all.vars.iaas_console.ghcr_user --plain octocat")]
pub(crate) struct Set {
    /// The file, or a directory that has it
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// The value's keys, joined by dots
    key_path: KeyPath,
    /// Write this text unencrypted; for what is no secret, such as a user name
    #[arg(long, value_name = "TEXT")]
    plain: Option<String>,
    /// Encrypt with the vault password that has this label, and write the label
    #[arg(long, value_name = "LABEL", conflicts_with = "plain")]
    encrypt_vault_id: Option<String>,
    #[command(flatten)]
    write: Write,
    #[command(flatten)]
    password: VaultPassword,
    #[arg(hide = true, num_args = 0..)]
    secret: Vec<String>,
    /// The user of the token, to be written beside it.
    #[arg(skip)]
    user: Option<String>,
}

/// Where the user of a token is, beside it.
const USER: &str = "ghcr_user";

/// Everything about one value before it is changed.
pub(crate) struct Edit {
    set: Set,
    place: Place,
    existing: Option<Vec<u8>>,
    opened: Option<Opened>,
    replaced: Option<Value>,
}

impl Set {
    pub(super) fn run(self) -> Result<(), Failure> {
        let piped = format!("pullpass inventory set {} '{}' < token.txt", self.path.display(), self.key_path);
        refuse_arguments(&self.secret, &piped)?;
        let words = [Some(self.key_path.to_string()), self.plain.clone()].into_iter().flatten();
        let secrets: Vec<String> = words.filter(|word| token::mask(word) != *word).collect();
        refuse_arguments(&secrets, "pullpass inventory set FILE KEYPATH < token.txt")?;

        if let Some(text) = self.plain.clone() {
            return self.edit()?.put(|| Ok(NewValue::Plain(text.clone())));
        }
        let edit = self.ready()?;
        edit.put_secret(&new_secret("secret")?)
    }

    /// For a secret that another command has.
    pub(crate) fn of(
        path: PathBuf,
        key_path: KeyPath,
        encrypt_vault_id: Option<String>,
        password: VaultPassword,
    ) -> Set {
        let (write, secret) = (Write::default(), Vec::new());
        Set { path, key_path, plain: None, encrypt_vault_id, write, password, secret, user: None }
    }

    /// Finds the place of a secret, before anybody is asked for it.
    ///
    /// # Errors
    /// It cannot be edited.
    pub(crate) fn ready(self) -> Result<Edit, Failure> {
        let edit = self.edit()?;
        edit.refuse_what_would_be_lost()?;
        Ok(edit)
    }

    fn edit(self) -> Result<Edit, Failure> {
        let place = match &self.plain {
            None => Place::find(&self.path, &self.key_path, &self.password)?,
            // A text that is no secret goes where the person says, also in the place of a reference.
            Some(_) => Place::at(&self.path, &self.key_path, &self.password)?,
        };
        file::check(&place.path, Access::Kept).map_err(|error| place.in_file(error.into()))?;
        let existing = file::read(&place.path)?;
        let opened = match &existing {
            Some(bytes) => open_whole(bytes, &self.password).map_err(|failure| place.in_file(failure))?,
            None => None,
        };
        let mut edit = Edit { set: self, place, existing, opened, replaced: None };
        if let Some(content) = edit.content() {
            let replaced = inventory::get(content, &edit.place.key_path);
            edit.replaced = replaced.map_err(|error| edit.place.refused(error))?;
        }
        if edit.replaced.is_none() {
            edit.place.warn_of_slip(edit.content());
        }
        Ok(edit)
    }
}

/// A value for a file that is encrypted as a whole, which protects it. But Ansible fills in a template unless it is
/// encrypted by itself.
fn in_opened(opened: &Opened, secret: &Secret) -> Result<NewValue, Failure> {
    let text = secret.reveal();
    if !is_template(text) {
        return Ok(NewValue::Plain(text.to_owned()));
    }
    vault::encrypt(text.as_bytes(), &opened.password, opened.label().as_deref()).or_usage().map(NewValue::Vault)
}

impl Edit {
    /// What is in the file, opened.
    fn content(&self) -> Option<&[u8]> {
        self.opened.as_ref().map(|opened| opened.plaintext.as_slice()).or(self.existing.as_deref())
    }

    fn refuse_what_would_be_lost(&self) -> Result<(), Failure> {
        let place = &self.place;
        if matches!(&self.replaced, Some(Value::Plain(text)) if is_template(text)) {
            let failure = Failure::usage(format!("`{}` is a template, which would be lost", place.key_path));
            let unset = format!("pullpass inventory unset {} '{}'", place.path.display(), place.key_path);
            return Err(place
                .in_file(failure)
                .hint("set the variable that it is made of")
                .hint(format!("or remove it first: `{unset}`")));
        }
        if self.set.encrypt_vault_id.is_some() && self.opened.is_some() {
            let failure =
                Failure::usage("the file is encrypted as a whole, so a value in it has no vault id of its own");
            return Err(place.in_file(failure).hint("leave `--encrypt-vault-id` out"));
        }
        Ok(())
    }

    /// Puts a secret, encrypted by itself or with the whole file.
    ///
    /// # Errors
    /// There is no vault password, or the file cannot be written.
    pub(crate) fn put_secret(&self, secret: &Secret) -> Result<(), Failure> {
        match &self.opened {
            Some(opened) if !matches!(self.replaced, Some(Value::Vault(_))) => self.put(|| in_opened(opened, secret)),
            _ => self.encrypt(secret),
        }
    }

    /// Puts a payload.
    fn encrypt(&self, secret: &Secret) -> Result<(), Failure> {
        let (label, password) = self.password()?;
        self.put(|| vault::encrypt(secret.reveal().as_bytes(), &password, Some(&label)).or_usage().map(NewValue::Vault))
    }

    /// The label and the password of a payload to be put.
    fn password(&self) -> Result<(String, Password), Failure> {
        let passwords = self.set.password.new_or_existing()?;
        let old_label = match &self.replaced {
            Some(Value::Vault(payload)) => Some(vault::label(payload.as_bytes())),
            _ => None,
        };
        let (label, password) =
            passwords.choose(self.set.encrypt_vault_id.as_deref(), old_label.as_ref().map(Option::as_deref))?;
        if let Some(content) = self.content() {
            self.place.check_password(content, &label, password)?;
        }
        Ok((label, password.clone()))
    }

    /// Makes sure, before there is a secret, that it can be encrypted as what is there already.
    ///
    /// # Errors
    /// There is no vault password, or a wrong one.
    pub(crate) fn unlock(&self) -> Result<(), Failure> {
        if self.opened.is_some() { Ok(()) } else { self.password().map(drop) }
    }

    /// Where the secret goes.
    pub(crate) fn place(&self) -> (&Path, &KeyPath) {
        (&self.place.path, &self.place.key_path)
    }

    /// Whether there is no such file yet.
    pub(crate) fn is_new(&self) -> bool {
        self.existing.is_none()
    }

    /// Whether exactly this secret is there, encrypted, and the user beside it.
    ///
    /// # Errors
    /// There is no vault password.
    pub(crate) fn holds(&self, secret: &Secret) -> Result<bool, Failure> {
        let is_it = match (&self.replaced, &self.opened) {
            (Some(Value::Vault(payload)), _) => {
                let passwords = self.set.password.new_or_existing()?;
                passwords.open(payload.as_bytes()).is_ok_and(|(text, _)| text.as_slice() == secret.reveal().as_bytes())
            }
            (Some(Value::Plain(text)), Some(_)) => text == secret.reveal(),
            _ => false,
        };
        Ok(is_it && (self.set.user.is_none() || self.user()? == self.set.user))
    }

    /// Has the user of the token written beside it, too, unless the text there is made by Ansible. A value that only names
    /// another variable has its user where it is itself.
    ///
    /// # Errors
    /// What is there is no text.
    pub(crate) fn with_user(mut self, user: &str) -> Result<Edit, Failure> {
        let is_made = self.user()?.is_some_and(|old| is_template(&old));
        let is_own = self.place.key_path.ends_with(&self.set.key_path);
        self.set.user = Some(user.to_owned()).filter(|_| is_own && !is_made);
        Ok(self)
    }

    /// The user that is there.
    pub(crate) fn user(&self) -> Result<Option<String>, Failure> {
        let Some(content) = self.content() else { return Ok(None) };
        let user = inventory::get(content, &self.place.key_path.sibling(USER));
        match user.map_err(|error| self.place.refused(error))? {
            Some(Value::Plain(user)) => Ok(Some(user)),
            _ => Ok(None),
        }
    }

    /// Puts the value that `new` makes.
    fn put(&self, new: impl Fn() -> Result<NewValue, Failure>) -> Result<(), Failure> {
        let Edit { set, place, .. } = self;
        let is_json = place.path.extension().is_some_and(|extension| extension == "json");
        let is_changed = set.write.change(&place.path, self.opened.as_ref(), |content| {
            let put = |content: Option<&[u8]>, path: &KeyPath, value: &NewValue| {
                inventory::set(content, path, value).map_err(|error| place.refused(error))
            };
            let content = content.or(is_json.then_some(b"{}\n"));
            let user = set.user.clone().map(NewValue::Plain);
            let with_user = user.map(|user| put(content, &place.key_path.sibling(USER), &user)).transpose()?;
            put(with_user.as_deref().or(content), &place.key_path, &new()?).map(Some)
        })?;
        let done = match &self.replaced {
            _ if !is_changed => "already".to_owned(),
            Some(_) => set.write.done("set"),
            None => set.write.done("added"),
        };
        output::say(format_args!("{done}: `{}` in `{}`", place.key_path, place.path.display()));
        Ok(())
    }
}

/// Whether Ansible would make something else of a text.
fn is_template(text: &str) -> bool {
    ["{{", "{%", "{#"].into_iter().any(|opening| text.contains(opening))
}

impl Place {
    /// Why the file is not edited, and what to do.
    pub(super) fn refused(&self, error: InventoryError) -> Failure {
        let hint = match &error {
            InventoryError::Alias { of, .. } => {
                format!("set that one: `pullpass inventory set {} '{of}'`", self.path.display())
            }
            InventoryError::Encoding { .. } => "save the file as UTF-8 first: Ansible refuses it too".to_owned(),
            InventoryError::Syntax { .. } | InventoryError::Tab { .. } | InventoryError::TwoDocuments { .. } => {
                "correct the file there first: Ansible refuses it too".to_owned()
            }
            InventoryError::Duplicate { .. } => "remove one of them first: Ansible takes the last".to_owned(),
            InventoryError::Merged { .. } | InventoryError::NotA { .. } | InventoryError::NoItem(_) => {
                format!("`pullpass inventory show {}` lists what is there", self.path.display())
            }
            InventoryError::Json => "`pullpass vault encrypt_string` prints the payload to put there".to_owned(),
            _ => {
                format!("by hand: put what `pullpass vault encrypt_string --name {}` prints in that place", self.name())
            }
        };
        self.in_file(Failure::usage(error.to_string())).hint(hint)
    }

    /// The last key of the path.
    fn name(&self) -> &str {
        let key = self.key_path.steps().iter().rev().find_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Item(_) => None,
        });
        key.unwrap_or("NAME")
    }

    /// A new file or key that is nearly an old one may be a slip of the finger.
    fn warn_of_slip(&self, content: Option<&[u8]>) {
        let Some(content) = content else {
            for hint in near::files(&self.path) {
                output::warn(format_args!("`{}` is a new file: {hint}", self.path.display()));
            }
            return;
        };
        let known = inventory::paths(content).unwrap_or_default();
        for hint in near::slips(&self.key_path, known.iter()) {
            output::warn(format_args!("`{}` is new in `{}`: {hint}", self.key_path, self.path.display()));
        }
    }

    /// A mistyped password would make a value that nobody opens together with the others. It has to open the value that
    /// is replaced, or else one under the same label.
    fn check_password(&self, content: &[u8], label: &str, password: &vault::Password) -> Result<(), Failure> {
        let is_same_label = |found: Option<&str>| found.unwrap_or(vault::DEFAULT_LABEL) == label;
        let payload = match inventory::get(content, &self.key_path).or_usage()? {
            Some(Value::Vault(payload)) if is_same_label(vault::label(payload.as_bytes()).as_deref()) => {
                Some((self.key_path.to_string(), payload))
            }
            _ => inventory::show(content).or_usage()?.into_iter().find_map(|entry| match entry.value {
                Found::Vault { payload, label, .. } if is_same_label(label.as_deref()) => {
                    Some((entry.path.to_string(), payload))
                }
                _ => None,
            }),
        };
        let Some((path, payload)) = payload else { return Ok(()) };
        match vault::decrypt(payload.as_bytes(), password) {
            Err(VaultError::WrongPassword) => {
                Err(self
                    .in_file(wrong_vault(&VaultError::WrongPassword).fact(format!(
                        "this password does not open `{path}`, so the values would have different ones"
                    ))))
            }
            _ => Ok(()),
        }
    }
}
