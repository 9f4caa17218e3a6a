//! `pullpass doctor --bundle`: a report to be shown to others.

use std::path::Path;

use pullpass_secrets::{
    file::{self, Access},
    token,
};

use super::{print, report::Report};
use crate::failure::Failure;

/// Writes the report as text, and as JSON behind it.
///
/// # Errors
/// The file cannot be written.
pub(super) fn write(path: &Path, report: &Report) -> Result<(), Failure> {
    let mut lines =
        vec![format!("pullpass {} on {}", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH), String::new()];
    lines.extend(print::lines(report));
    lines.push(String::new());
    lines.push(format!("{:#}", report.to_json()));
    // Every field was made without a secret; what somebody typed or stored where none belongs is masked once more.
    let text = token::mask(&(lines.join("\n") + "\n"));
    file::edit(path, Access::OwnerOnly, |_| Ok::<_, Failure>(Some(text.clone().into_bytes())))?;
    Ok(())
}
