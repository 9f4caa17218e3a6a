//! `pullpass inventory set`.

use std::path::PathBuf;

use clap::Args;
use pullpass_secrets::{
    file,
    inventory::{self, Found, KeyPath, NewValue, Value},
    token,
    vault::{self, VaultError},
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
pub(super) struct Set {
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
}

impl Set {
    pub(super) fn run(self) -> Result<(), Failure> {
        let by_hand = format!("pullpass inventory set {} '{}' < token.txt", self.path.display(), self.key_path);
        refuse_arguments(&self.secret, &by_hand)?;
        let words = [Some(self.key_path.to_string()), self.plain.clone()].into_iter().flatten();
        let secrets: Vec<String> = words.filter(|word| token::mask(word) != *word).collect();
        refuse_arguments(&secrets, "pullpass inventory set FILE KEYPATH < token.txt")?;

        let place = match &self.plain {
            None => Place::find(&self.path, &self.key_path, &self.password)?,
            // A text that is no secret goes where the person says, also in the place of a reference.
            Some(_) => Place { path: self.path.clone(), key_path: self.key_path.clone() },
        };
        let existing = file::read(&place.path)?;
        let opened = match &existing {
            Some(bytes) => open_whole(bytes, &self.password).map_err(|failure| place.in_file(failure))?,
            None => None,
        };
        let content = opened.as_ref().map(|opened| opened.plaintext.as_slice()).or(existing.as_deref());
        // What cannot be edited is refused before anybody is asked for a secret.
        let replaced = match content {
            Some(content) => {
                inventory::get(content, &place.key_path).or_usage().map_err(|failure| place.in_file(failure))?
            }
            None => None,
        };
        if let (None, Some(content)) = (&replaced, content) {
            place.warn_of_slip(content);
        }
        if let Some(text) = &self.plain {
            return self.put(&place, opened.as_ref(), || Ok(NewValue::Plain(text.clone())));
        }
        let secret = new_secret("secret")?;
        match (&opened, &replaced) {
            // The file around it protects it.
            (Some(_), None | Some(Value::Plain(_))) => {
                self.put(&place, opened.as_ref(), || Ok(NewValue::Plain(secret.reveal().to_owned())))
            }
            _ => {
                let passwords = self.password.new_or_existing()?;
                let old_label = match &replaced {
                    Some(Value::Vault(payload)) => Some(vault::label(payload.as_bytes())),
                    _ => None,
                };
                let (label, password) =
                    passwords.choose(self.encrypt_vault_id.as_deref(), old_label.as_ref().map(Option::as_deref))?;
                if let Some(content) = content {
                    place.check_password(content, &label, password)?;
                }
                self.put(&place, opened.as_ref(), || {
                    vault::encrypt(secret.reveal().as_bytes(), password, Some(&label)).or_usage().map(NewValue::Vault)
                })
            }
        }
    }

    /// Puts the value that `new` makes.
    fn put(
        &self,
        place: &Place,
        opened: Option<&Opened>,
        new: impl Fn() -> Result<NewValue, Failure>,
    ) -> Result<(), Failure> {
        let changed = self.write.change(&place.path, opened, |content| {
            let value = new()?;
            inventory::set(content, &place.key_path, &value)
                .map(Some)
                .or_usage()
                .map_err(|failure| by_hand(failure, place))
        })?;
        let done = if changed { self.write.done("set") } else { "already".to_owned() };
        output::say(format_args!("{done}: `{}` in `{}`", place.key_path, place.path.display()));
        Ok(())
    }
}

/// How to do it without us.
fn by_hand(failure: Failure, place: &Place) -> Failure {
    let key = place.key_path.steps().iter().rev().find_map(|step| match step {
        inventory::Step::Key(key) => Some(key.as_str()),
        inventory::Step::Item(_) => None,
    });
    failure.hint(format!(
        "by hand: put what `pullpass vault encrypt_string --name {}` prints in the place of the value",
        key.unwrap_or("NAME")
    ))
}

impl Place {
    fn in_file(&self, failure: Failure) -> Failure {
        failure.fact(format!("in `{}`; nothing was changed", self.path.display()))
    }

    /// A new key that is nearly an old one may be a slip of the finger.
    fn warn_of_slip(&self, content: &[u8]) {
        let known = inventory::paths(content).unwrap_or_default();
        let is_neighbour = |path: &&KeyPath| {
            let parents = |path: &KeyPath| path.steps()[..path.steps().len() - 1].to_vec();
            parents(path) != parents(&self.key_path)
        };
        for hint in near::paths(&self.key_path, known.iter().filter(is_neighbour)) {
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
