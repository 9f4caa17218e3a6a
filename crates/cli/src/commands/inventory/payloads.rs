//! The payloads of a tree, and what is in them.

use pullpass_secrets::{
    inventory::{KeyPath, Payloads, files::Form},
    vault::{Password, Passwords, VaultError},
};
use rayon::prelude::*;
use zeroize::Zeroizing;

use super::tree::{MAX_SHOWN, Tree};
use crate::failure::Failure;

/// One payload, by its place.
pub(crate) struct Placed<'tree> {
    /// In the tree, and in the list of the file's payloads; `None` for the file as a whole.
    pub(crate) file: usize,
    pub(crate) payload: Option<usize>,
    pub(crate) path: Option<&'tree KeyPath>,
    pub(crate) line: usize,
    pub(crate) text: &'tree [u8],
}

impl Placed<'_> {
    fn is_read_by_ansible(&self) -> bool {
        self.path.is_some() || self.payload.is_none()
    }
}

/// Those of a tree, in its order; `payloads` has an entry for each of its files.
pub(crate) fn all<'tree>(tree: &'tree Tree, payloads: &'tree [Option<Payloads<'tree>>]) -> Vec<Placed<'tree>> {
    let mut placed = Vec::new();
    for (number, file) in tree.files.iter().enumerate() {
        if file.form == Form::Whole {
            placed.push(Placed { file: number, payload: None, path: None, line: 1, text: &file.bytes });
        }
        let list = payloads[number].iter().flat_map(Payloads::list).enumerate();
        placed.extend(list.map(|(at, payload)| Placed {
            file: number,
            payload: Some(at),
            path: payload.path.as_ref(),
            line: payload.line,
            text: payload.text.as_bytes(),
        }));
    }
    placed
}

/// The number of a payload, what is in it, and the password that opened it.
pub(crate) type Opened<'passwords> = (usize, Zeroizing<Vec<u8>>, &'passwords Password);

/// What became of payloads that were to be opened.
pub(crate) struct Opening<'passwords> {
    pub(crate) opened: Vec<Opened<'passwords>>,
    /// `FILE:LINE` of what no password opens and Ansible does not read: what only looks like a payload, or is commented out.
    pub(crate) left_alone: Vec<String>,
}

/// Opens all of them. A value that no password opens is an error, and `way_out` is what else to do then.
pub(crate) fn open<'passwords>(
    tree: &'passwords Tree,
    placed: &[Placed<'_>],
    passwords: &'passwords Passwords,
    way_out: Option<&str>,
) -> Result<Opening<'passwords>, Failure> {
    let open = |placed: &Placed<'_>| {
        let file = &tree.files[placed.file];
        match (placed.payload, &file.plaintext, &file.password) {
            (None, Some(Ok(plaintext)), Some(password)) => Ok((plaintext.clone(), password)),
            (None, Some(Err(error)), _) => Err(error.clone()),
            _ => passwords.open_with(placed.text),
        }
    };
    let results: Vec<_> = placed.par_iter().map(open).collect();
    let mut opening = Opening { opened: Vec::new(), left_alone: Vec::new() };
    let mut failed = Vec::new();
    for (number, (placed, result)) in placed.iter().zip(results).enumerate() {
        let place = || format!("{}:{}", tree.files[placed.file].path.display(), placed.line);
        match result {
            Ok((plaintext, password)) => opening.opened.push((number, plaintext, password)),
            Err(error) if placed.is_read_by_ansible() => failed.push((place(), placed.path, error)),
            Err(_) => opening.left_alone.push(place()),
        }
    }
    if failed.is_empty() { Ok(opening) } else { Err(unopened(&failed, way_out)) }
}

fn unopened(failed: &[(String, Option<&KeyPath>, VaultError)], way_out: Option<&str>) -> Failure {
    let message = match failed.len() {
        1 => "a payload does not open, so nothing was changed".to_owned(),
        several => format!("{several} payloads do not open, so nothing was changed"),
    };
    let failure = failed.iter().take(MAX_SHOWN).fold(Failure::usage(message), |failure, (place, path, error)| {
        let path = path.map(|path| format!(" `{path}`")).unwrap_or_default();
        failure.fact(format!("{place}{path}: {error}"))
    });
    let more = failed.len().saturating_sub(MAX_SHOWN);
    let failure = if more > 0 { failure.fact(format!("and {more} more")) } else { failure };
    if matches!(failed[0].2, VaultError::WrongPassword | VaultError::NoPassword(_)) {
        let failure = failure.hint("name every vault password: `--vault-id LABEL@FILE`, once for each");
        way_out.into_iter().fold(failure, Failure::hint)
    } else {
        failure.hint("list what is wrong with `pullpass inventory check PATH`")
    }
}
