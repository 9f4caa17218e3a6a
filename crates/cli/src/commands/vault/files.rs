//! Several files as one step: all are read and made anew before the first is replaced.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use pullpass_secrets::{
    file::{self, Access, journal::Change},
    vault,
};
use zeroize::Zeroizing;

use super::values;
use crate::{
    failure::{Failure, OrFail},
    output, prompt, replace,
};

/// What was read, and where; `None` is standard input.
pub(super) struct Source {
    pub(super) path: Option<PathBuf>,
    pub(super) bytes: Zeroizing<Vec<u8>>,
}

impl Source {
    /// Whether it is encrypted as a whole.
    pub(super) fn is_whole(&self) -> bool {
        vault::is_encrypted(&self.bytes)
    }

    /// Says of an error where it is.
    pub(super) fn in_place(&self, failure: Failure) -> Failure {
        match &self.path {
            Some(path) => failure.fact(format!("in `{}`; nothing was changed", path.display())),
            None => failure,
        }
    }
}

/// Reads every file, each once; `-`, or no file at all, is standard input.
pub(super) fn read(paths: &[PathBuf]) -> Result<Vec<Source>, Failure> {
    if paths.is_empty() {
        return Ok(vec![Source { path: None, bytes: prompt::standard_input()? }]);
    }
    let mut seen = BTreeSet::new();
    let mut sources = Vec::new();
    for path in paths {
        let path = Some(path).filter(|path| !is_standard(path));
        // A file that is named twice, or by a link too, would look as if somebody had changed it in between.
        if !seen.insert(path.map(|path| fs::canonicalize(path).unwrap_or_else(|_| path.clone()))) {
            continue;
        }
        let bytes = match path {
            None => prompt::standard_input()?,
            Some(path) => file::read(path)?.map(Zeroizing::new).ok_or_else(|| {
                Failure::usage(format!("there is no file `{}`", path.display())).fact("nothing was changed")
            })?,
        };
        sources.push(Source { path: path.cloned(), bytes });
    }
    Ok(sources)
}

/// [`read`], and each has to be encrypted, as a whole or in single values. Decrypting any other in place would leave
/// nothing of it. What is piped in may be a value as it stands in an inventory.
pub(super) fn read_vaults(paths: &[PathBuf]) -> Result<Vec<Source>, Failure> {
    let mut sources = read(paths)?;
    for source in &mut sources {
        match &source.path {
            None => source.bytes = Zeroizing::new(vault::unindent(&source.bytes)),
            Some(_) if source.is_whole() => {}
            Some(path) if values::has_values(path, &source.bytes) => {}
            Some(path) => {
                let path = path.display();
                return Err(Failure::usage(format!("`{path}` is not encrypted, and no value in it is"))
                    .fact("nothing was changed")
                    .hint(format!(
                        "what keeps Ansible from reading a value is said by `pullpass inventory check {path}`"
                    )));
            }
        }
    }
    Ok(sources)
}

/// Whether a path means standard input or output.
pub(super) fn is_standard(path: &Path) -> bool {
    path == Path::new("-")
}

/// Puts out what became of the sources: to `output`, which takes one only, else to where each came from.
pub(super) fn put(
    sources: &[Source],
    made: &[Zeroizing<Vec<u8>>],
    output: Option<&Path>,
    access: Access,
    done: &str,
) -> Result<(), Failure> {
    if let Some(output) = output {
        let [made] = made else {
            return Err(Failure::usage("`--output` takes one file only").fact("nothing was changed"));
        };
        if is_standard(output) {
            return output::bytes(made).or_unknown();
        }
        let is_in_place = sources.iter().any(|source| source.path.as_deref() == Some(output));
        if !is_in_place {
            file::edit(output, Access::OwnerOnly, |_| Ok::<_, Failure>(Some(made.to_vec())))?;
            return Ok(());
        }
    }
    let mut changes = Vec::new();
    for (source, new) in sources.iter().zip(made) {
        match &source.path {
            Some(path) => changes.push(Change { path, old: &source.bytes, new, access }),
            None => output::bytes(new).or_unknown()?,
        }
    }
    replace::all(&changes, done)
}
