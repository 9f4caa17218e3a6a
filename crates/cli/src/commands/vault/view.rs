//! `pullpass vault view`.

use std::path::PathBuf;

use clap::Args;
use pullpass_secrets::vault::Passwords;
use zeroize::Zeroizing;

use super::{
    files::{self, Source},
    wrong_vault,
};
use crate::{
    failure::{Failure, OrFail},
    output,
    vault_password::VaultPassword,
};

/// Show what is in encrypted files, and leave them alone
///
/// The plaintext goes to standard output, one file after the other, each with a line end at its end as `ansible-vault
/// view` adds it. No pager is started.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pullpass vault view group_vars/all/vault.yml
  pullpass vault view --vault-id prod@~/.vault-pass host_vars/a/vault.yml")]
pub(super) struct View {
    /// The encrypted files; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    password: VaultPassword,
}

impl View {
    pub(super) fn run(self) -> Result<(), Failure> {
        let sources = files::read_vaults(&self.files)?;
        for plaintext in open(&sources, &self.password.existing()?)? {
            output::bytes(&plaintext).or_unknown()?;
            if !plaintext.ends_with(b"\n") {
                output::bytes(b"\n").or_unknown()?;
            }
        }
        Ok(())
    }
}

/// Every plaintext, or the first error.
pub(super) fn open(sources: &[Source], passwords: &Passwords) -> Result<Vec<Zeroizing<Vec<u8>>>, Failure> {
    sources
        .iter()
        .map(|source| passwords.open(&source.bytes).map_err(|error| source.in_place(wrong_vault(&error))))
        .collect()
}
