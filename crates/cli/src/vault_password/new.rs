//! The passwords that `rekey` encrypts under.

use clap::Args;
use pullpass_secrets::vault::{DEFAULT_LABEL, Password, Passwords};

use super::{Asked, Place, from_prompt, place, settings};
use crate::failure::Failure;

/// How `rekey` is told the passwords that come next.
#[derive(Args)]
pub(crate) struct NewPasswords {
    /// The new vault password and the vault id that everything gets: LABEL@FILE, LABEL@SCRIPT or LABEL@prompt; several of
    /// them are each for what has that vault id
    #[arg(long, value_name = "LABEL@SOURCE", conflicts_with_all = ["new_vault_password_file", "encrypt_vault_id"])]
    new_vault_id: Vec<String>,
    /// Read the new vault password from a file, or from what it prints if it is executable; vault ids are kept
    #[arg(long, value_name = "FILE", conflicts_with = "encrypt_vault_id")]
    new_vault_password_file: Option<String>,
    /// Take the vault password with this label, and give everything that vault id
    #[arg(long, value_name = "LABEL")]
    encrypt_vault_id: Option<String>,
}

/// What comes next.
pub(crate) enum Next {
    /// One password, and the label that replaces all others if there is one.
    One(Password, Option<String>),
    /// A password for each label.
    ByLabel(Vec<(String, Password)>),
}

impl NewPasswords {
    /// The new passwords. `existing` ones are what an encrypted password file is opened with, and what
    /// `--encrypt-vault-id` chooses from.
    pub(crate) fn read(&self, existing: &Passwords) -> Result<Next, Failure> {
        if let Some(label) = &self.encrypt_vault_id {
            let password = existing.get(label).ok_or_else(|| {
                let labels: Vec<String> = existing.labels().map(|label| format!("`{label}`")).collect();
                Failure::usage(format!("no vault password is labelled `{label}`"))
                    .fact(format!("the labels are {}", labels.join(", ")))
            })?;
            return Ok(Next::One(password.clone(), Some(label.clone())));
        }
        match (self.new_vault_id.as_slice(), &self.new_vault_password_file) {
            ([], None) => {
                let password = from_prompt("new vault password", None, Asked::Twice)?;
                Ok(Next::One(password, None))
            }
            // A client script is asked for the default label, as Ansible asks.
            ([], Some(file)) => {
                let place = Place::File(settings::path(file));
                let password = place.password(Some(existing.default_label()), existing, Asked::Twice)?;
                Ok(Next::One(password, None))
            }
            ([only], _) => {
                let (label, password) = from_id(only, existing)?;
                Ok(Next::One(password, label))
            }
            (several, _) => {
                let labelled = |text: &String| {
                    let (label, password) = from_id(text, existing)?;
                    Ok((label.unwrap_or_else(|| DEFAULT_LABEL.to_owned()), password))
                };
                Ok(Next::ByLabel(several.iter().map(labelled).collect::<Result<_, Failure>>()?))
            }
        }
    }
}

fn from_id(text: &str, existing: &Passwords) -> Result<(Option<String>, Password), Failure> {
    let (label, place) = place(text)?;
    let password = match place {
        Place::Prompt => from_prompt("new vault password", label.as_deref(), Asked::Twice)?,
        place => place.password(label.as_deref(), existing, Asked::Twice)?,
    };
    Ok((label, password))
}

impl Next {
    /// The password, and the label to write, for what has `label` now.
    pub(crate) fn of(&self, label: Option<String>) -> Result<(&Password, Option<String>), Failure> {
        match self {
            Next::One(password, new) => Ok((password, new.clone().or(label))),
            Next::ByLabel(list) => {
                let own = label.as_deref().unwrap_or(DEFAULT_LABEL);
                let found = list.iter().find(|(known, _)| known == own).map(|(_, password)| password);
                found.map(|password| (password, label.clone())).ok_or_else(|| {
                    Failure::usage(format!("no new vault password is given for the vault id `{own}`"))
                        .hint(format!("add `--new-vault-id {own}@SOURCE`, or leave it out by `--only-vault-id`"))
                })
            }
        }
    }
}
