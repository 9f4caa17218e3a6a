//! `pullpass vault`: Ansible Vault without Ansible.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use pullpass_secrets::{
    Secret, file,
    token::{self, Kind},
    vault,
};
use zeroize::Zeroizing;

use crate::{
    failure::{Failure, OrFail},
    output, prompt,
    vault_password::VaultPassword,
};

/// Encrypt and decrypt in Ansible Vault's format
#[derive(Args)]
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
        refuse_arguments(&self.secret, "pullpass vault encrypt_string --name ghcr_pat < token.txt")?;
        let secret = new_secret("secret")?;
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

/// A secret as an argument is in the shell's history and in the process list by now.
pub(crate) fn refuse_arguments(arguments: &[String], instead: &str) -> Result<(), Failure> {
    if arguments.is_empty() {
        return Ok(());
    }
    Err(Failure::usage("a secret does not belong on a command line")
        .fact("other users can read it in the process list, and the shell keeps it in its history")
        .fact("if that was a token, treat it as leaked: revoke it and make a new one")
        .hint(format!("pipe it in or be asked for it: `{instead}`")))
}

/// A secret to store: piped in, or asked for twice. A token that is visibly broken is stored all the same, because it
/// may be meant, but not silently.
pub(crate) fn new_secret(what: &str) -> Result<Secret, Failure> {
    let secret =
        if prompt::is_interactive() { prompt::hidden_twice(what)? } else { prompt::secret_from_standard_input()? };
    if secret.reveal().is_empty() {
        return Err(Failure::usage(format!("the {what} is empty")));
    }
    if Kind::of(&secret) != Kind::Unknown
        && let Err(problem) = token::check(&secret)
    {
        output::warn(problem);
    }
    Ok(secret)
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
        let bytes = match &source {
            None => prompt::standard_input()?,
            Some(path) => Zeroizing::new(
                file::read(path)?.ok_or_else(|| Failure::usage(format!("there is no file `{}`", path.display())))?,
            ),
        };
        let payload = vault::unindent(&bytes);
        let plaintext =
            vault::decrypt(&payload, &self.password.existing()?).or_usage().map_err(|failure| match &source {
                Some(path) => failure.fact(format!("in `{}`", path.display())),
                None => failure,
            })?;
        match self.output.or(source) {
            Some(path) if !is_standard(&path) => {
                file::edit(&path, 0o600, |_| Ok::<_, Failure>(Some(plaintext.to_vec())))?;
                Ok(())
            }
            _ => output::bytes(&plaintext).or_unknown(),
        }
    }
}
