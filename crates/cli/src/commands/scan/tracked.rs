//! The files that git tracks, for another command: what is ignored or not yet added is nobody else's.

use std::{
    convert::Infallible,
    ffi::OsString,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf, absolute},
};

use pullpass_secrets::scan::Scanner;
use serde_json::Value;

use super::{Finding, Report, git, share};
use crate::{environment, failure::Failure};

/// What was found in them.
pub(crate) struct Tracked(Report);

/// Scans the tracked files of the repository that `directory` is in; `None` when it is in none.
///
/// # Errors
/// Git cannot be run, or does not read the repository.
pub(crate) fn tracked(directory: &Path) -> Result<Option<Tracked>, Failure> {
    let is_one = |directory: &Path| directory.join(".git").exists();
    if !absolute(directory).is_ok_and(|directory| directory.ancestors().any(is_one)) {
        return Ok(None);
    }
    let listed = git::output(git::git(directory).args(["ls-files", "-z", "--", ":/"]))?;
    let paths = listed.split(|byte| *byte == 0).filter(|path| !path.is_empty());
    let paths = paths.map(|path| directory.join(PathBuf::from(OsString::from_vec(path.to_vec()))));
    // Links are not followed, and what was removed is in nobody's way.
    let mut files = paths.filter(|path| path.symlink_metadata().is_ok_and(|found| found.is_file()));
    let scanner = Scanner::new(environment::fingerprint_key());
    let Ok(mut report) = share(
        |hand| {
            files.try_for_each(|path| {
                hand(path);
                Ok::<_, Infallible>(())
            })
        },
        |path, buffer, report| {
            report.file(&scanner, buffer, path);
            Ok(())
        },
    );
    report.sort();
    Ok(Some(Tracked(report)))
}

impl Tracked {
    /// Where each token is, and its fingerprint.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.findings.iter().map(Finding::line).collect()
    }

    /// Whether the token of this fingerprint is among them.
    pub(crate) fn has(&self, fingerprint: &str) -> bool {
        self.0.findings.iter().any(|finding| finding.found.fingerprint == fingerprint)
    }

    /// What could not be read, in whole sentences.
    pub(crate) fn unreadable(&self) -> &[String] {
        &self.0.unreadable
    }

    /// How many files were read.
    pub(crate) fn count(&self) -> usize {
        self.0.scanned
    }

    /// As `pullpass scan --json` has it.
    pub(crate) fn to_json(&self) -> Value {
        self.0.to_json()
    }
}
