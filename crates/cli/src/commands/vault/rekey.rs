//! `pullpass vault rekey`.

use std::path::PathBuf;

use clap::Args;
use pullpass_secrets::{file::Access, vault};
use zeroize::Zeroizing;

use super::{files, view::open};
use crate::{
    failure::{Failure, OrFail},
    vault_password::{NewVaultPassword, VaultPassword},
};

/// Encrypt whole files under a new password
///
/// All of them are opened and encrypted again before the first is replaced. Each keeps its mode, its owner and its label,
/// unless `--new-vault-id` names another label. Without an option for it, the new password is asked for twice.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pullpass vault rekey --vault-password-file old-pass --new-vault-password-file new-pass group_vars/all/vault.yml
  pullpass vault rekey --vault-id dev@dev-pass --new-vault-id prod@prompt secrets.yml")]
pub(super) struct Rekey {
    /// The encrypted files
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    new: NewVaultPassword,
    #[command(flatten)]
    password: VaultPassword,
}

impl Rekey {
    pub(super) fn run(self) -> Result<(), Failure> {
        if self.files.iter().any(|path| files::is_standard(path)) {
            return Err(Failure::usage("`rekey` takes files only, not standard input")
                .hint("decrypt and encrypt what is piped: `pullpass vault decrypt | pullpass vault encrypt`"));
        }
        let sources = files::read_vaults(&self.files)?;
        let existing = self.password.to_rekey()?;
        let plaintexts = open(&sources, &existing)?;
        // Nobody is asked for a new password before the old one has opened everything.
        let (password, new_label) = self.new.get(&existing)?;
        let mut payloads = Vec::new();
        for (source, plaintext) in sources.iter().zip(&plaintexts) {
            let label = new_label.clone().or_else(|| vault::label(&source.bytes));
            let payload = vault::encrypt(plaintext, &password, label.as_deref())
                .or_usage()
                .map_err(|failure| source.in_place(failure))?;
            payloads.push(Zeroizing::new(payload.into_bytes()));
        }
        files::put(&sources, &payloads, None, Access::Kept, "rekeyed")
    }
}
