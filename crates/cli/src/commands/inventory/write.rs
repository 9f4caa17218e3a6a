//! Changing one file in place, shown first if the person asks for it.

use std::path::Path;

use clap::Args;
use pullpass_secrets::{
    file::{self, Access},
    vault,
};
use zeroize::Zeroizing;

use super::{
    diff::{self, Masked},
    place::Opened,
};
use crate::failure::{Failure, OrFail};

/// How a change is made.
#[derive(Args, Default)]
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
            let plaintext = match (opened, bytes) {
                (Some(opened), Some(bytes)) => Some(opened.again(bytes)?),
                (Some(_), None) => return Err(Failure::unknown("another program removed the file meanwhile")),
                (None, _) => None,
            };
            let old = plaintext.as_deref().map(Vec::as_slice).or(bytes);
            let Some(new) = change(old)?.map(Zeroizing::new) else { return Ok(None) };
            is_change = old != Some(new.as_slice());
            if self.diff && is_change {
                let masked = if opened.is_some() { Masked::Everything } else { Masked::Changes };
                diff::print(path, old.unwrap_or_default(), &new, masked);
            }
            match opened {
                _ if self.dry_run || !is_change => Ok(None),
                None => Ok(Some(new.to_vec())),
                Some(opened) => {
                    let label = bytes.and_then(vault::label);
                    let payload = vault::encrypt(&new, &opened.password, label.as_deref()).or_usage()?;
                    Ok(Some(payload.into_bytes()))
                }
            }
        };
        file::edit(path, Access::Kept, edit)?;
        Ok(is_change)
    }

    /// What to say of a change: `done`, or that it would be.
    pub(super) fn done(&self, done: &str) -> String {
        if self.dry_run { format!("would be {done}") } else { done.to_owned() }
    }
}
