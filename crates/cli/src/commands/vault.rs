//! `pullpass vault`: Ansible Vault without Ansible, under `ansible-vault`'s names.

mod create;
mod decrypt;
mod edit;
mod editor;
mod encrypt;
mod encrypt_string;
mod files;
mod memory;
mod values;
mod view;

use std::path::{Path, PathBuf};

use clap::{ArgAction, Args, Subcommand};
use pullpass_secrets::vault::VaultError;

use super::rekey::Rekey;
use crate::{failure::Failure, vault_password::settings};

/// Encrypt and decrypt in Ansible Vault's format
#[derive(Args)]
#[command(after_help = "\
Examples:
  pullpass vault encrypt_string --name ghcr_pat
  pullpass vault edit group_vars/all/vault.yml
  pullpass vault rekey --new-vault-password-file new-pass group_vars/all/vault.yml")]
pub(crate) struct Vault {
    #[command(subcommand)]
    command: VaultCommand,
    /// Taken because ansible-vault has it; there is no more to say
    #[arg(long, short, global = true, action = ArgAction::Count)]
    verbose: u8,
}

#[derive(Subcommand)]
enum VaultCommand {
    #[command(name = "encrypt_string", visible_alias = "encrypt-string")]
    EncryptString(encrypt_string::EncryptString),
    Encrypt(encrypt::Encrypt),
    Decrypt(decrypt::Decrypt),
    View(view::View),
    Edit(edit::Edit),
    Create(create::Create),
    Rekey(Rekey),
}

impl Vault {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.command {
            VaultCommand::EncryptString(command) => command.run(),
            VaultCommand::Encrypt(command) => command.run(),
            VaultCommand::Decrypt(command) => command.run(),
            VaultCommand::View(command) => command.run(),
            VaultCommand::Edit(command) => command.run(),
            VaultCommand::Create(command) => command.run(),
            VaultCommand::Rekey(command) => command.run(),
        }
    }
}

/// The file that `--output` means. A shell leaves the `~` of `--output=~/file` alone, and ansible-vault puts it in place.
fn output_path(path: &Path) -> PathBuf {
    path.to_str().map_or_else(|| path.to_owned(), settings::path)
}

/// A payload that no password opens.
pub(crate) fn wrong_vault(error: &VaultError) -> Failure {
    let failure = Failure::usage(error.to_string());
    match error {
        VaultError::WrongPassword | VaultError::NoPassword(_) => {
            failure.hint("try another password: `--vault-password-file FILE`, or `--ask-vault-password`")
        }
        _ => failure,
    }
}
