//! Where the Ansible Vault password comes from.

use std::path::{Path, PathBuf};

use clap::Args;
use pullpass_secrets::{file, vault::Password};

use crate::{
    environment,
    failure::{Failure, OrFail},
    prompt,
};

/// How a command is told the vault password.
#[derive(Args)]
pub(crate) struct VaultPassword {
    /// Read the vault password from a file
    #[arg(long, value_name = "FILE", visible_alias = "vault-pass-file")]
    vault_password_file: Option<PathBuf>,
    /// Ask for the vault password, also when ANSIBLE_VAULT_PASSWORD_FILE is set
    #[arg(long, short = 'J', visible_alias = "ask-vault-pass", conflicts_with = "vault_password_file")]
    ask_vault_password: bool,
}

impl VaultPassword {
    /// The password to open something with.
    pub(crate) fn existing(&self) -> Result<Password, Failure> {
        self.get(prompt::hidden)
    }

    /// The password to encrypt something with; a prompt asks twice.
    pub(crate) fn new_or_existing(&self) -> Result<Password, Failure> {
        self.get(prompt::hidden_twice)
    }

    /// Whether the person said where the password comes from; commands that can do without do not ask otherwise.
    pub(crate) fn is_given(&self) -> bool {
        self.ask_vault_password || self.file().is_some()
    }

    fn file(&self) -> Option<PathBuf> {
        match (&self.vault_password_file, self.ask_vault_password) {
            (Some(file), _) => Some(file.clone()),
            (None, true) => None,
            (None, false) => environment::variable("ANSIBLE_VAULT_PASSWORD_FILE").map(PathBuf::from),
        }
    }

    fn get(&self, ask: impl Fn(&str) -> Result<pullpass_secrets::Secret, Failure>) -> Result<Password, Failure> {
        match self.file() {
            Some(file) => from_file(&file),
            None => Password::from_prompt(&ask("vault password")?).or_usage(),
        }
        .map_err(|failure| failure.hint("name the file with `--vault-password-file FILE`"))
    }
}

fn from_file(path: &Path) -> Result<Password, Failure> {
    let mode = file::mode(path)?;
    if path.is_file() && mode.is_some_and(|mode| mode & 0o111 != 0) {
        return Err(Failure::usage(format!("the vault password file `{}` is executable", path.display()))
            .fact("Ansible would run it as a script; pullpass reads plain files only")
            .hint(format!("if it is no script: `chmod -x {}`", path.display())));
    }
    let bytes = prompt::secret_file(path)?
        .ok_or_else(|| Failure::usage(format!("there is no vault password file `{}`", path.display())))?;
    Password::from_file(&bytes).or_usage()
}
