//! Real container engines for tests: each with its own storage in a temporary directory, so that nothing of the
//! machine's own images, logins and configuration is read or changed.

pub mod docker;
pub mod podman;

use std::path::PathBuf;

use crate::home::SEARCH_PATH;

/// The first `program` on [`SEARCH_PATH`].
///
/// # Panics
/// When there is none: a test that needs an engine fails and says how to get it, it is never skipped.
pub fn find(program: &str) -> PathBuf {
    find_all(program)
        .into_iter()
        .next()
        .unwrap_or_else(|| panic!("`{program}` is not installed; run: sudo scripts/setup"))
}

/// Every `program` on [`SEARCH_PATH`], where links to the same file count once.
pub fn find_all(program: &str) -> Vec<PathBuf> {
    let mut real = Vec::new();
    let candidates = SEARCH_PATH.split(':').map(|dir| PathBuf::from(dir).join(program));
    candidates
        .filter(|path| match path.canonicalize() {
            Ok(target) if target.is_file() && !real.contains(&target) => {
                real.push(target);
                true
            }
            _ => false,
        })
        .collect()
}
