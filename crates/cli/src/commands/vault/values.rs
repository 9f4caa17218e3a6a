//! Files in which single values are encrypted, not the whole.

use std::path::Path;

use pullpass_secrets::{
    inventory::{
        KeyPath, Payloads, View,
        files::{self, Form},
    },
    vault::Passwords,
};
use rayon::prelude::*;
use zeroize::Zeroizing;

use super::wrong_vault;
use crate::failure::{Failure, OrFail};

/// Whether a file is YAML or JSON with an encrypted value in it.
pub(super) fn has_values(path: &Path, bytes: &[u8]) -> bool {
    let is_value = |payloads: Payloads<'_>| payloads.list().iter().any(|payload| payload.path.is_some());
    Form::of(path, bytes) == Form::Yaml && files::may_hold_secret(bytes) && Payloads::of_yaml(bytes).is_ok_and(is_value)
}

/// Opens every value of a file, and gives `use_view` the file as it reads then. A value that does not open is an error;
/// one that is no text stays as it is.
pub(super) fn with_view<T>(
    path: &Path,
    bytes: &[u8],
    passwords: &Passwords,
    use_view: impl FnOnce(&Payloads<'_>, &View<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let in_file = |failure: Failure| failure.fact(format!("in `{}`; nothing was changed", path.display()));
    let payloads = Payloads::of_yaml(bytes).or_usage().map_err(in_file)?;
    let plaintexts: Result<Vec<_>, Failure> = payloads
        .list()
        .par_iter()
        .map(|payload| {
            let Some(key_path) = &payload.path else { return Ok(None) };
            let opened = passwords.open(payload.text.as_bytes()).map_err(|error| {
                in_file(wrong_vault(&error).fact(format!("at `{key_path}`, line {}", payload.line)))
            })?;
            Ok(std::str::from_utf8(&opened).ok().map(|text| Zeroizing::new(text.to_owned())))
        })
        .collect();
    use_view(&payloads, &View::new(&payloads, plaintexts?)).map_err(in_file)
}

/// How a value is named to a person.
pub(super) fn place(path: Option<&KeyPath>, line: usize) -> String {
    path.map_or_else(|| format!("line {line}"), |path| format!("`{path}`, line {line}"))
}
