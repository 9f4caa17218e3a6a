//! Changing one file in place, shown first if the person asks for it.

use std::path::Path;

use clap::Args;
use pullpass_secrets::{
    file::{self, Access},
    vault,
};

use super::{
    diff::{self, Masked},
    place::Opened,
};
use crate::failure::{Failure, OrFail};

/// How a change is made.
#[derive(Args)]
pub(super) struct Write {
    /// Show the change first, with secrets masked
    #[arg(long)]
    diff: bool,
    /// Change nothing; with --diff, only show what would change
    #[arg(long)]
    dry_run: bool,
}

impl Write {
    /// Replaces what is in the file by what `change` makes of it (`None`: nothing is to be changed), and says whether that
    /// was done, or would have been. `opened`: the file is encrypted as a whole, and `change` gets and gives plaintext.
    pub(super) fn change(
        &self,
        path: &Path,
        opened: Option<&Opened>,
        mut change: impl FnMut(Option<&[u8]>) -> Result<Option<Vec<u8>>, Failure>,
    ) -> Result<bool, Failure> {
        let mut is_change = false;
        let edit = |bytes: Option<&[u8]>| -> Result<Option<Vec<u8>>, Failure> {
            let (old, masked) = match (opened, bytes) {
                (None, bytes) => (bytes.unwrap_or_default(), Masked::Changes),
                (Some(opened), Some(bytes)) if opened.is_of(bytes) => (opened.plaintext.as_slice(), Masked::Everything),
                _ => return Err(Failure::unknown("another program changed the file meanwhile").hint("run it again")),
            };
            let Some(new) = change(bytes.map(|_| old))? else { return Ok(None) };
            is_change = new != old || bytes.is_none();
            if self.diff && is_change {
                diff::print(path, old, &new, masked);
            }
            match opened {
                _ if self.dry_run || !is_change => Ok(None),
                None => Ok(Some(new)),
                Some(opened) => {
                    let label = bytes.and_then(vault::label);
                    let payload = vault::encrypt(&new, &opened.password, label.as_deref()).or_usage()?;
                    Ok(Some(payload.into_bytes()))
                }
            }
        };
        file::edit(path, Access::Kept, edit)
            .map_err(|failure: Failure| failure.fact(format!("in `{}`; nothing was changed", path.display())))?;
        Ok(is_change)
    }

    /// What to say of a change: `done`, or that it would be.
    pub(super) fn done(&self, done: &str) -> String {
        if self.dry_run { format!("would be {done}") } else { done.to_owned() }
    }
}
