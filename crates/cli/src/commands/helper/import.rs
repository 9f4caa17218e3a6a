//! `pullpass helper import`

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE};
use clap::{Args, ValueEnum};
use pullpass_secrets::{Secret, store::Credential};

use super::sealed;
use crate::{
    environment,
    failure::{Exit, Failure, OrFail},
    output, program,
};

/// Below `$PASSWORD_STORE_DIR`: `FOLDER/BASE64URL(server)/USER.gpg`, where the first user counts
/// (docker/docker-credential-helpers, `pass/pass.go`).
const FOLDER: &str = "docker-credential-helpers";
/// A person may be asked for a passphrase.
const LIMIT: Duration = Duration::from_secs(120);

/// Copy the logins of another credential helper into the encrypted store
///
/// They stay where they are, too. A login that the store has already, with another secret, is left alone.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  pullpass helper import pass\n  pullpass helper import pass && pullpass helper install"
)]
pub(super) struct Import {
    /// Whose logins: `pass` are those of docker-credential-pass
    source: Source,
}

#[derive(Clone, Copy, ValueEnum)]
enum Source {
    Pass,
}

impl Import {
    pub(super) fn run(self) -> Result<(), Failure> {
        let Source::Pass = self.source;
        let store = match environment::variable("PASSWORD_STORE_DIR") {
            Some(directory) => PathBuf::from(directory),
            None => environment::home()?.join(".password-store"),
        };
        let folder = store.join(FOLDER);
        if !folder.is_dir() {
            return Err(Failure::no(format!(
                "`{}` is missing: docker-credential-pass has no logins there",
                folder.display()
            ))
            .hint("if they are elsewhere, set `PASSWORD_STORE_DIR`"));
        }
        let mut all_well = true;
        for (server, name) in logins(&folder)? {
            all_well &= import(&server, &name)?;
        }
        if all_well { Ok(()) } else { Err(Failure::silent(Exit::No)) }
    }
}

/// The servers, each with the name that its login has for `pass`.
fn logins(folder: &Path) -> Result<Vec<(String, String)>, Failure> {
    let mut logins = Vec::new();
    for directory in names(folder)? {
        let Some(server) = URL_SAFE.decode(&directory).ok().and_then(|bytes| String::from_utf8(bytes).ok()) else {
            // As is the file by which the helper finds out whether `pass` works.
            continue;
        };
        let user =
            names(&folder.join(&directory))?.into_iter().find_map(|name| name.strip_suffix(".gpg").map(str::to_owned));
        if let Some(user) = user {
            logins.push((server, format!("{FOLDER}/{directory}/{user}")));
        }
    }
    Ok(logins)
}

/// What is in a directory, sorted; nothing in what is none.
fn names(directory: &Path) -> Result<Vec<String>, Failure> {
    if !directory.is_dir() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(directory).and_then(Iterator::collect::<Result<Vec<_>, _>>).or_unknown()?;
    let mut names: Vec<String> = entries.iter().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
}

/// Copies one login; `false` when it was left alone.
fn import(server: &str, name: &str) -> Result<bool, Failure> {
    let user = name.rsplit('/').next().unwrap_or_default();
    let ended = program::run(Command::new("pass").args(["show", name]), b"", LIMIT)?;
    let text = std::str::from_utf8(&ended.stdout).unwrap_or_default().trim_end_matches(['\r', '\n']);
    if !ended.status.success() || text.is_empty() {
        output::warn(format_args!(
            "the login of `{server}` was not imported: `pass show` gave no secret ({})",
            ended.status
        ));
        return Ok(false);
    }
    let credential = Credential { user: user.to_owned(), secret: Secret::new(text.to_owned()) };
    match sealed::get(server)? {
        Some(stored) if stored == credential => {
            output::data(format_args!("the login of {server} is in the store already"));
            return Ok(true);
        }
        Some(_) => {
            output::warn(format_args!("the login of `{server}` was not imported: the store has another one"));
            return Ok(false);
        }
        None => {}
    }
    sealed::store(server, user, &credential.secret)?;
    if sealed::get(server)?.is_none_or(|stored| stored != credential) {
        return Err(
            Failure::no(format!("the login of `{server}` could not be read back")).hint("run the same command again")
        );
    }
    output::data(format_args!("imported the login of {server}"));
    Ok(true)
}
