//! `pullpass vault encrypt_string`.

use clap::Args;
use pullpass_secrets::vault;

use crate::{
    failure::{Failure, OrFail},
    output, prompt,
    vault_password::VaultPassword,
};

/// Encrypt one secret, ready to paste into an inventory
///
/// The secret is read from standard input, or asked for twice on a terminal. The vault password comes from where Ansible
/// looks for it: ansible.cfg, the ANSIBLE_VAULT_… variables, the options, or else a prompt.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pullpass vault encrypt_string --name ghcr_pat
  pullpass vault encrypt_string --name ghcr_pat --vault-password-file ~/.vault-pass < token.txt")]
pub(super) struct EncryptString {
    /// The variable's name, put in front as `NAME: !vault |`
    #[arg(long, short, visible_alias = "stdin-name", value_parser = variable_name)]
    name: Option<String>,
    /// Encrypt with the vault password that has this label, and write the label; needed when there are several
    #[arg(long, value_name = "LABEL")]
    encrypt_vault_id: Option<String>,
    #[command(flatten)]
    password: VaultPassword,
    #[arg(hide = true, num_args = 0..)]
    secret: Vec<String>,
}

/// How far the payload is indented under its key.
const INDENT: &str = "  ";

impl EncryptString {
    pub(super) fn run(self) -> Result<(), Failure> {
        prompt::refuse_arguments(&self.secret, "pullpass vault encrypt_string --name ghcr_pat < token.txt")?;
        let secret = prompt::new_secret("secret")?;
        let passwords = self.password.new_or_existing()?;
        let (label, password) = passwords.choose(self.encrypt_vault_id.as_deref(), None)?;
        let payload = vault::encrypt(secret.reveal().as_bytes(), password, Some(&label)).or_usage()?;
        let key = self.name.map(|name| format!("{name}: ")).unwrap_or_default();
        output::data(format_args!("{key}!vault |"));
        for line in payload.lines() {
            output::data(format_args!("{INDENT}{line}"));
        }
        Ok(())
    }
}

/// A name that YAML reads back as it is.
fn variable_name(text: &str) -> Result<String, String> {
    let word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let valid = !text.is_empty() && !text.starts_with(|first: char| first.is_ascii_digit()) && text.chars().all(word);
    if valid { Ok(text.to_owned()) } else { Err("a variable is named with letters, digits and `_`".to_owned()) }
}
