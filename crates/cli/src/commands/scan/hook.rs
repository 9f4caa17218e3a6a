//! `pullpass scan --install-hook`: git asks before it commits.

use std::{
    ffi::OsString,
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::{ffi::OsStringExt, fs::OpenOptionsExt},
    path::{Path, PathBuf},
};

use super::git;
use crate::{
    failure::{Failure, OrFail},
    output,
};

const HOOK: &str = "\
#!/bin/sh
# Written by `pullpass scan --install-hook`: no commit brings a token in.
exec pullpass scan --staged
";

/// Writes the hook where git looks for it. A hook that is there belongs to somebody else and stays as it is.
pub(super) fn install(directory: &Path) -> Result<(), Failure> {
    let asked = ["rev-parse", "--path-format=absolute", "--git-path", "hooks/pre-commit"];
    let mut said = git::end(git::spawn(git::git(directory).args(asked))?)?;
    said.pop_if(|last| *last == b'\n');
    let path = PathBuf::from(OsString::from_vec(said));
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).or_unknown()?;
    }
    match OpenOptions::new().write(true).create_new(true).mode(0o755).open(&path) {
        Ok(mut file) => file.write_all(HOOK.as_bytes()).or_unknown()?,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            if fs::read(&path).is_ok_and(|bytes| bytes == HOOK.as_bytes()) {
                output::say(format_args!("`{}` is there already", path.display()));
                return Ok(());
            }
            return Err(Failure::usage(format!("there is another hook at `{}`", path.display()))
                .hint("add the line `pullpass scan --staged || exit 1` to it"));
        }
        Err(error) => {
            return Err(Failure::unknown(format!("cannot write `{}`", path.display())).fact(error.to_string()));
        }
    }
    output::say(format_args!("git runs `pullpass scan --staged` before each commit: `{}`", path.display()));
    Ok(())
}
