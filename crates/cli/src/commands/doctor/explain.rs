//! `pullpass doctor --explain`

use crate::failure::Failure;

/// Says what a client's line can mean.
pub(super) fn run(text: &str, json: bool) -> Result<(), Failure> {
    let _ = (text, json);
    Err(Failure::usage("not yet"))
}
