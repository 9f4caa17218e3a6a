//! `pullpass vault decrypt`.

use std::path::PathBuf;

use clap::Args;
use pullpass_secrets::file::Access;

use super::{
    files, output_path,
    view::{Values, open},
};
use crate::{failure::Failure, vault_password::VaultPassword};

/// Decrypt files, or what is piped in
///
/// In a file with encrypted values, each value becomes plain text and loses its `!vault` tag.
///
/// Without a file, standard input is decrypted to standard output; it may be a whole vault or one `!vault` value as it
/// stands in an inventory. With files, each is decrypted in place as `ansible-vault decrypt` does; use `--output -` to
/// leave one alone.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pullpass vault decrypt secrets.yml --output -
  pullpass vault decrypt --vault-password-file ~/.vault-pass < value.txt")]
pub(super) struct Decrypt {
    /// The encrypted files; `-` is standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Where the plaintext goes, for one file only; `-` is standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    password: VaultPassword,
}

impl Decrypt {
    pub(super) fn run(self) -> Result<(), Failure> {
        let sources = files::read_vaults(&self.files)?;
        let plaintexts = open(&sources, &self.password.existing()?, Values::Plain)?;
        files::put(
            &sources,
            &plaintexts,
            self.output.as_deref().map(output_path).as_deref(),
            Access::OwnerOnly,
            "decrypted",
        )
    }
}
