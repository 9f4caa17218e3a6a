//! `pullpass vault view`.

use std::path::PathBuf;

use clap::Args;
use pullpass_secrets::vault::Passwords;
use zeroize::Zeroizing;

use super::{
    files::{self, Source},
    values, wrong_vault,
};
use crate::{
    failure::{Failure, OrFail},
    output,
    vault_password::VaultPassword,
};

/// Show what is in encrypted files, and leave them alone
///
/// In a file with encrypted values, each value is shown under its `!vault` tag, in double quotes.
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
        for plaintext in open(&sources, &self.password.existing()?, Values::Tagged)? {
            output::bytes(&plaintext).or_unknown()?;
            if !plaintext.ends_with(b"\n") {
                output::bytes(b"\n").or_unknown()?;
            }
        }
        Ok(())
    }
}

/// How a file with encrypted values in it is put.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Values {
    /// Plaintexts stand under their tags.
    Tagged,
    /// Plaintexts stand where payloads and tags were.
    Plain,
}

/// Every plaintext, or the first error.
pub(super) fn open(
    sources: &[Source],
    passwords: &Passwords,
    values: Values,
) -> Result<Vec<Zeroizing<Vec<u8>>>, Failure> {
    let open = |source: &Source| match &source.path {
        Some(path) if !source.is_whole() => values::with_view(path, &source.bytes, passwords, |_, view| {
            match values {
                Values::Tagged => view.text(),
                Values::Plain => view.plain(),
            }
            .or_usage()
        }),
        _ => passwords.open(&source.bytes).map_err(|error| source.in_place(wrong_vault(&error))),
    };
    sources.iter().map(open).collect()
}
