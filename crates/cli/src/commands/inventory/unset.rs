//! `pullpass inventory unset`.

use std::path::PathBuf;

use clap::Args;
use pullpass_secrets::{
    file,
    inventory::{self, InventoryError, KeyPath},
};

use super::{
    near,
    place::{Place, open_whole},
    write::Write,
};
use crate::{
    failure::{Failure, OrFail},
    output,
    vault_password::VaultPassword,
};

/// Remove one value with its key, and leave every other byte as it is
///
/// A vault password is needed for files only that are encrypted as a whole. A mapping that loses its last key stays, as
/// `{}`. What an alias refers to is not removed.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pullpass inventory unset inventory.yml all.vars.iaas_console.ghcr_pat
  pullpass inventory unset host_vars/web1.yml ghcr_pat --diff --dry-run")]
pub(super) struct Unset {
    /// The file, or a directory that has it
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// The value's keys, joined by dots
    key_path: KeyPath,
    #[command(flatten)]
    write: Write,
    #[command(flatten)]
    password: VaultPassword,
}

impl Unset {
    pub(super) fn run(self) -> Result<(), Failure> {
        let place = Place::at(&self.path, &self.key_path, &self.password)?;
        let Some(bytes) = file::read(&place.path)? else {
            let failure = Failure::usage(format!("there is no file `{}`", place.path.display()));
            return Err(near::files(&place.path).into_iter().fold(failure, Failure::hint));
        };
        let opened = open_whole(&bytes, &self.password).map_err(|failure| place.in_file(failure))?;
        self.write.change(&place.path, opened.as_ref(), |content| {
            self.removed(&place, content.unwrap_or_default()).map(Some).map_err(|failure| place.in_file(failure))
        })?;
        let done = self.write.done("removed");
        output::say(format_args!("{done}: `{}` in `{}`", place.key_path, place.path.display()));
        Ok(())
    }

    fn removed(&self, place: &Place, content: &[u8]) -> Result<Vec<u8>, Failure> {
        match inventory::unset(content, &place.key_path) {
            Ok(Some(edited)) => return Ok(edited),
            Ok(None) => {}
            Err(error @ InventoryError::Unsafe { .. }) => {
                return Err(Failure::usage(error.to_string()).hint("by hand: delete the key and all of its value"));
            }
            Err(error) => return Err(Failure::usage(error.to_string())),
        }
        let known = inventory::paths(content).or_usage()?;
        let failure = Failure::no(format!("nothing is at `{}`", place.key_path));
        Err(near::paths(&place.key_path, known.iter()).into_iter().fold(failure, Failure::hint))
    }
}
