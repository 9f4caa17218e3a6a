//! `pullpass vault`: Ansible Vault without Ansible.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use pullpass_secrets::{
    file::{self, Access},
    vault::{self, VaultError},
};
use zeroize::Zeroizing;

use crate::{
    failure::{Failure, OrFail},
    output, prompt,
    vault_password::VaultPassword,
};

/// Encrypt and decrypt in Ansible Vault's format
#[derive(Args)]
#[command(after_help = "\
Examples:
  pullpass vault encrypt_string --name ghcr_pat
  pullpass vault decrypt secrets.yml --output -")]
pub(crate) struct Vault {
    #[command(subcommand)]
    command: VaultCommand,
}

#[derive(Subcommand)]
enum VaultCommand {
    #[command(name = "encrypt_string", visible_alias = "encrypt-string")]
    EncryptString(EncryptString),
    Decrypt(Decrypt),
}

impl Vault {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.command {
            VaultCommand::EncryptString(command) => command.run(),
            VaultCommand::Decrypt(command) => command.run(),
        }
    }
}

/// Encrypt one secret, ready to paste into an inventory
///
/// The secret is read from standard input, or asked for twice on a terminal. The vault password comes from
/// `--vault-password-file`, from the file that ANSIBLE_VAULT_PASSWORD_FILE names, or from a prompt.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pullpass vault encrypt_string --name ghcr_pat
  pullpass vault encrypt_string --name ghcr_pat --vault-password-file ~/.vault-pass < token.txt")]
struct EncryptString {
    /// The variable's name, put in front as `NAME: !vault |`
    #[arg(long, short, visible_alias = "stdin-name", value_parser = variable_name)]
    name: Option<String>,
    /// Label the value with this vault id
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
    fn run(self) -> Result<(), Failure> {
        prompt::refuse_arguments(&self.secret, "pullpass vault encrypt_string --name ghcr_pat < token.txt")?;
        let secret = prompt::new_secret("secret")?;
        let payload = vault::encrypt(
            secret.reveal().as_bytes(),
            &self.password.new_or_existing()?,
            self.encrypt_vault_id.as_deref(),
        )
        .or_usage()?;
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

/// Decrypt a file, or what is piped in
///
/// Without a file, standard input is decrypted to standard output; it may be a whole vault or one `!vault` value as it
/// stands in an inventory. With a file, the file is decrypted in place as `ansible-vault decrypt` does; use
/// `--output -` to leave it alone.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pullpass vault decrypt secrets.yml --output -
  pullpass vault decrypt --vault-password-file ~/.vault-pass < value.txt")]
struct Decrypt {
    /// The encrypted file; `-` is standard input
    file: Option<PathBuf>,
    /// Where the plaintext goes; `-` is standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    password: VaultPassword,
}

impl Decrypt {
    fn run(self) -> Result<(), Failure> {
        let is_standard = |path: &Path| path == Path::new("-");
        let source = self.file.filter(|path| !is_standard(path));
        let payload = match &source {
            // What is pasted may be a value as it stands in an inventory.
            None => Zeroizing::new(vault::unindent(&prompt::standard_input()?)),
            Some(path) => Zeroizing::new(whole_vault(path)?),
        };
        let plaintext = vault::decrypt(&payload, &self.password.existing()?).map_err(|error| {
            let failure = wrong_vault(&error);
            match &source {
                Some(path) => failure.fact(format!("in `{}`; nothing was changed", path.display())),
                None => failure,
            }
        })?;
        match self.output.as_deref().or(source.as_deref()).filter(|path| !is_standard(path)) {
            None => output::bytes(&plaintext).or_unknown(),
            Some(path) => {
                let is_in_place = Some(path) == source.as_deref();
                file::edit(path, Access::OwnerOnly, |found| match found {
                    found if is_in_place && found != Some(&payload) => {
                        Err(Failure::unknown(format!("`{}` was changed meanwhile by somebody else", path.display()))
                            .hint("run the same command again"))
                    }
                    _ => Ok(Some(plaintext.to_vec())),
                })?;
                Ok(())
            }
        }
    }
}

/// A file that is encrypted as a whole. Decrypting any other in place would leave nothing of it but one value.
fn whole_vault(path: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = file::read(path)?.ok_or_else(|| Failure::usage(format!("there is no file `{}`", path.display())))?;
    if vault::is_encrypted(&bytes) {
        return Ok(bytes);
    }
    let path = path.display();
    Err(Failure::usage(format!("`{path}` is not encrypted as a whole"))
        .fact("nothing was changed")
        .hint(format!("values inside it are listed by `pullpass inventory show {path}`"))
        .hint("one value is decrypted from standard input: paste it into `pullpass vault decrypt`"))
}

/// A payload that the password does not open.
pub(crate) fn wrong_vault(error: &VaultError) -> Failure {
    let failure = Failure::usage(error.to_string());
    match error {
        VaultError::WrongPassword => {
            failure.hint("try another password: `--vault-password-file FILE`, or `--ask-vault-password`")
        }
        _ => failure,
    }
}
