//! `pullpass doctor --fix`

use std::{os::unix::fs::PermissionsExt, path::Path};

use pullpass_secrets::{
    file,
    store::{self, Entry},
};

use super::report::{Remedy, Report};
use crate::{
    failure::{Failure, OrFail},
    output, prompt, stores,
};

/// Does what is safe, one by one, each after asking unless `yes`.
///
/// # Errors
/// A file cannot be changed; it stays as it was. There is nobody to ask.
pub(super) fn run(report: &Report, yes: bool) -> Result<(), Failure> {
    for remedy in report.remedies() {
        let words = words(remedy);
        if yes || prompt::confirm(&words)? {
            apply(remedy)?;
            output::say(format_args!("done: {words}"));
        }
    }
    Ok(())
}

fn words(remedy: &Remedy) -> String {
    match remedy {
        Remedy::Remove { path, key } => format!("remove the login of `{key}` from {}", path.display()),
        Remedy::Rename { path, from, to } => {
            format!("put the login of `{from}` in {} under `{to}`", path.display())
        }
        Remedy::Tighten { path } => format!("take from {} the rights of others", path.display()),
    }
}

fn apply(remedy: &Remedy) -> Result<(), Failure> {
    match remedy {
        Remedy::Remove { path, key } => stores::edit(path, |bytes| store::remove(bytes, &[key.as_str()])),
        Remedy::Rename { path, from, to } => rename(path, from, to),
        Remedy::Tighten { path } => {
            let mode = file::mode(path)?.unwrap_or(0o600) & 0o700;
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).or_unknown()
        }
    }
}

fn rename(path: &Path, from: &str, to: &str) -> Result<(), Failure> {
    let file = stores::read(path)?.ok_or_else(|| Failure::unknown(format!("`{}` is gone", path.display())))?;
    let found = file.entries().iter().find(|(key, _)| key == from).map(|(_, entry)| entry.clone());
    let Some(Entry::Credential(credential) | Entry::Plain(credential)) = found else {
        return Err(Failure::unknown(format!("`{}` has no login under `{from}` any more", path.display())));
    };
    stores::edit(path, |bytes| {
        let with = store::set(bytes, to, &credential.user, &credential.secret)?;
        store::remove(&with, &[from])
    })
}
