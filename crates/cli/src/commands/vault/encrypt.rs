//! `pullpass vault encrypt`.

use std::path::PathBuf;

use clap::Args;
use pullpass_secrets::{file::Access, vault};
use zeroize::Zeroizing;

use super::{files, output_path};
use crate::{
    failure::{Failure, OrFail},
    vault_password::VaultPassword,
};

/// Encrypt whole files, or what is piped in
///
/// Files are encrypted in place and become their owner's alone (0600); without one, standard input is encrypted to
/// standard output. All of them are read and encrypted before the first is replaced.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pullpass vault encrypt group_vars/all/vault.yml
  pullpass vault encrypt --vault-id prod@~/.vault-pass host_vars/a/vault.yml host_vars/b/vault.yml")]
pub(super) struct Encrypt {
    /// The files; `-` is standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Where the encrypted file goes, for one file only; `-` is standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Encrypt with the vault password that has this label, and write the label; needed when there are several
    #[arg(long, value_name = "LABEL")]
    encrypt_vault_id: Option<String>,
    #[command(flatten)]
    password: VaultPassword,
}

impl Encrypt {
    pub(super) fn run(self) -> Result<(), Failure> {
        let sources = files::read(&self.files)?;
        if let Some(source) = sources.iter().find(|source| vault::is_encrypted(&source.bytes)) {
            return Err(source.in_place(Failure::usage("the input is already encrypted")));
        }
        let passwords = self.password.new_or_existing()?;
        let (label, password) = passwords.choose(self.encrypt_vault_id.as_deref(), None)?;
        let encrypted: Result<Vec<_>, Failure> = sources
            .iter()
            .map(|source| vault::encrypt(&source.bytes, password, Some(&label)).or_usage())
            .map(|payload| payload.map(|payload| Zeroizing::new(payload.into_bytes())))
            .collect();
        files::put(
            &sources,
            &encrypted?,
            self.output.as_deref().map(output_path).as_deref(),
            Access::OwnerOnly,
            "encrypted",
        )
    }
}
