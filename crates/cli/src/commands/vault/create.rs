//! `pullpass vault create`.

use std::{
    io::{IsTerminal, stdout},
    path::PathBuf,
};

use clap::Args;
use zeroize::Zeroizing;

use super::{
    edit::{Draft, seal_whole},
    editor::Editor,
    files,
};
use crate::{failure::Failure, vault_password::VaultPassword};

/// Write a new encrypted file in an editor
///
/// The editor gets an empty file in memory, as `edit` has it; what it leaves is encrypted, also when it is nothing. When the
/// editor ends with an error (`:cq` in vi), no file is made.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pullpass vault create group_vars/all/vault.yml
  pullpass vault create --vault-id prod@~/.vault-pass host_vars/a/vault.yml")]
pub(super) struct Create {
    /// The file; it must not be there yet
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Encrypt with the vault password that has this label, and write the label; needed when there are several
    #[arg(long, value_name = "LABEL")]
    encrypt_vault_id: Option<String>,
    /// Open the editor even if standard output is no terminal
    #[arg(long)]
    skip_tty_check: bool,
    #[command(flatten)]
    password: VaultPassword,
}

impl Create {
    pub(super) fn run(self) -> Result<(), Failure> {
        let path = self.file.display();
        if files::is_standard(&self.file) {
            return Err(Failure::usage("`create` takes a file, not standard output")
                .hint("what is piped is encrypted by `pullpass vault encrypt`"));
        }
        if self.file.exists() {
            return Err(Failure::usage(format!("`{path}` is there already"))
                .hint(format!("edit it with `pullpass vault edit {path}`")));
        }
        if !self.skip_tty_check && !stdout().is_terminal() {
            return Err(Failure::usage("standard output is no terminal to edit on")
                .hint("an editor that needs none is started with `--skip-tty-check`"));
        }
        let passwords = self.password.new_or_existing()?;
        let (label, password) = passwords.choose(self.encrypt_vault_id.as_deref(), None)?;
        let plaintext = Zeroizing::new(Vec::new());
        let seal = |edited: &[u8]| seal_whole(edited, password, Some(&label));
        Draft { path: &self.file, old: None, plaintext, password, label: Some(label.clone()), seal: &seal }
            .edit(&Editor::find()?)
    }
}
