//! `docker-credential-pullpass` where the engines find it: a link to this program in a directory of `PATH`.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use super::NAME;
use crate::{
    environment,
    failure::{Failure, OrFail},
    output,
};

/// The link, which may have to be made.
pub(super) struct Link {
    pub(super) path: PathBuf,
    /// What it will point to; `None` when it is there.
    target: Option<PathBuf>,
}

/// Finds the link, or a directory of `PATH` for it: one that has this program, else `~/.local/bin`.
///
/// # Errors
/// Another program has the name, or no such directory is on `PATH` and can be written.
pub(super) fn find() -> Result<Link, Failure> {
    let program = program()?;
    let path = environment::variable("PATH").unwrap_or_default();
    let directories: Vec<PathBuf> = std::env::split_paths(&path).filter(|path| path.is_absolute()).collect();
    // The first is what an engine starts.
    if let Some(found) = directories.iter().map(|directory| directory.join(NAME)).find(|path| path.exists()) {
        if found.canonicalize().or_unknown()? == program {
            return Ok(Link { path: found, target: None });
        }
        return Err(Failure::usage(format!("`{}` is another program", found.display()))
            .fact("nothing was changed")
            .hint("remove it, or put the directory of `pullpass` before its own in PATH"));
    }
    let own = Path::new(program.file_name().unwrap_or_default());
    let beside =
        directories.iter().filter(|directory| directory.join(own).canonicalize().ok().as_ref() == Some(&program));
    let local = environment::home()?.join(".local/bin");
    let local_on_path = directories.iter().filter(|directory| **directory == local);
    let places = beside.map(|directory| (directory, own)).chain(local_on_path.map(|local| (local, program.as_path())));
    for (directory, target) in places {
        let path = directory.join(NAME);
        // A link that leads nowhere is somebody's too.
        if is_writable(directory) && path.symlink_metadata().is_err() {
            return Ok(Link { path, target: Some(target.to_owned()) });
        }
    }
    let local = local.display();
    Err(Failure::usage(format!("there is no place for `{NAME}` where the engines would find it"))
        .fact(format!("`pullpass` is in no directory of PATH that you can write, and `{local}` is not on PATH"))
        .fact("nothing was changed")
        .hint(format!("put that on PATH, here and in your profile: `export PATH=\"{local}:$PATH\"`")))
}

impl Link {
    /// Makes it unless it is there. A file of that name is never replaced.
    pub(super) fn make(&self) -> Result<(), Failure> {
        let Some(target) = &self.target else { return Ok(()) };
        if let Some(directory) = self.path.parent() {
            fs::create_dir_all(directory).or_unknown()?;
        }
        symlink(target, &self.path)
            .map_err(|error| Failure::unknown(format!("cannot make `{}`: {error}", self.path.display())))?;
        output::data(format_args!("linked {} to this program", self.path.display()));
        Ok(())
    }

    /// Removes a link that is there and that `make` could have made.
    pub(super) fn remove(&self) -> Result<(), Failure> {
        if self.target.is_some() || !self.path.is_symlink() {
            return Ok(());
        }
        fs::remove_file(&self.path)
            .map_err(|error| Failure::unknown(format!("cannot remove `{}`: {error}", self.path.display())))?;
        output::data(format_args!("removed the link {}", self.path.display()));
        Ok(())
    }
}

fn program() -> Result<PathBuf, Failure> {
    std::env::current_exe().and_then(|path| path.canonicalize()).or_unknown()
}

/// Whether a file could be made in a directory, which may have to be made first.
fn is_writable(directory: &Path) -> bool {
    let there = directory.ancestors().find(|ancestor| ancestor.is_dir()).unwrap_or(Path::new("/"));
    rustix::fs::access(there, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK).is_ok()
}
