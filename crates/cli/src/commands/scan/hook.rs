//! `pullpass scan --install-hook`: git asks before it commits.

use std::{
    ffi::OsString,
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::{
        ffi::OsStringExt,
        fs::{OpenOptionsExt, PermissionsExt},
    },
    path::{Path, PathBuf},
};

use super::git::{self, Repository};
use crate::{
    failure::{Failure, OrFail},
    output,
};

const HOOK: &str = "\
#!/bin/sh
# Written by `pullpass scan --install-hook`: no commit brings a token in.
exec pullpass scan --staged
";

/// What does the same in another hook.
const LINE: &str = "pullpass scan --staged || exit 1";

/// Writes the hook where git looks for it. A hook that is there belongs to somebody else and stays as it is.
pub(super) fn install(directory: &Path) -> Result<(), Failure> {
    if Repository::of(directory)?.is_bare {
        return Err(Failure::usage("this is a bare repository, in which nobody commits"));
    }
    let asked = ["rev-parse", "--path-format=absolute", "--git-path", "hooks/pre-commit"];
    let mut said = git::output(git::git(directory).args(asked))?;
    said.pop_if(|last| *last == b'\n');
    let path = PathBuf::from(OsString::from_vec(said));
    // Such a directory may be shared with other repositories, be tracked, or be written by another program.
    if git::config(directory, &["--get", "core.hooksPath"])?.is_some() {
        let failure =
            Failure::usage("this repository has its hooks elsewhere (`core.hooksPath`), where others may use them");
        return Err(failure.hint(format!("add the line `{LINE}` to `{}`", path.display())));
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).or_unknown()?;
    }
    match OpenOptions::new().write(true).create_new(true).mode(0o755).open(&path) {
        Ok(mut file) => file.write_all(HOOK.as_bytes()).or_unknown()?,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            if fs::read(&path).is_ok_and(|bytes| bytes == HOOK.as_bytes()) {
                // Git passes over a hook that is no program.
                fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).or_unknown()?;
                output::say(format_args!("`{}` is there already", path.display()));
                return Ok(());
            }
            return Err(Failure::usage(format!("there is another hook at `{}`", path.display()))
                .hint(format!("add the line `{LINE}` to it")));
        }
        Err(error) => {
            return Err(Failure::unknown(format!("cannot write `{}`", path.display())).fact(error.to_string()));
        }
    }
    output::say(format_args!("git runs `pullpass scan --staged` before each commit: `{}`", path.display()));
    Ok(())
}
