//! `pullpass helper import`

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE};
use clap::Args;
use pullpass_secrets::{
    Secret,
    store::{Credential, Entry, TOKEN_USER},
};
use serde_json::json;

use super::sealed;
use crate::{
    environment,
    failure::{Exit, Failure, OrFail},
    output, program, stores,
};

/// Below `$PASSWORD_STORE_DIR`: `FOLDER/BASE64URL(server)/USER.gpg`, where the first user counts
/// (docker/docker-credential-helpers, `pass/pass.go`).
const FOLDER: &str = "docker-credential-helpers";
/// A person may be asked for a passphrase.
const LIMIT: Duration = Duration::from_secs(120);

/// Copy logins that are elsewhere into the encrypted store
///
/// They stay where they are, too. A login that the store has already, with another secret, is left alone. To move the logins
/// out of the engines' own files, use `pullpass helper install`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pullpass helper import pass
  pullpass helper import pass && pullpass helper install
  pullpass helper import old/config.json")]
pub(super) struct Import {
    /// Whose logins: `pass` are those of docker-credential-pass, anything else is a file as Docker and Podman write it
    #[arg(value_name = "pass|FILE")]
    source: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A login that is to be imported, or why it cannot be.
type Login = (String, Result<Credential, String>);

/// What became of one.
struct Outcome {
    server: String,
    /// None when it is in the store now.
    left: Option<String>,
    was_there: bool,
}

impl Import {
    pub(super) fn run(self) -> Result<(), Failure> {
        let logins = if self.source == Path::new("pass") { of_pass()? } else { of_file(&self.source)? };
        let outcomes = logins.into_iter().map(import).collect::<Result<Vec<_>, _>>()?;
        let (imported, left): (Vec<_>, Vec<_>) = outcomes.iter().partition(|outcome| outcome.left.is_none());
        for outcome in &left {
            let why = outcome.left.as_deref().unwrap_or_default();
            output::warn(format_args!("the login of `{}` was not imported: {why}", outcome.server));
        }
        if self.json {
            let servers = |outcomes: &[&Outcome]| -> Vec<String> {
                outcomes.iter().map(|outcome| outcome.server.clone()).collect()
            };
            output::json(&json!({ "imported": servers(&imported), "left": servers(&left) }));
        } else {
            for Outcome { server, was_there, .. } in &imported {
                match was_there {
                    true => output::data(format_args!("the login of {server} is in the store already")),
                    false => output::data(format_args!("imported the login of {server}")),
                }
            }
        }
        if left.is_empty() { Ok(()) } else { Err(Failure::silent(Exit::No)) }
    }
}

/// The readable logins of a file.
fn of_file(path: &Path) -> Result<Vec<Login>, Failure> {
    let Some(file) = stores::read(path)? else {
        return Err(Failure::usage(format!("there is no file `{}`", path.display())));
    };
    let login = |(key, entry): &(String, Entry)| {
        let credential = match entry {
            Entry::Credential(credential) | Entry::Plain(credential) => Ok(credential.clone()),
            Entry::IdentityToken { token, .. } => Ok(Credential { user: TOKEN_USER.to_owned(), secret: token.clone() }),
            Entry::Bad(why) => Err(why.to_string()),
            Entry::Marker => return None,
        };
        Some((key.clone(), credential))
    };
    let logins: Vec<Login> = file.entries().iter().filter_map(login).collect();
    if logins.is_empty() {
        return Err(Failure::no(format!("`{}` has no logins", path.display())));
    }
    Ok(logins)
}

/// What `pass` shows of the logins of its helper.
fn of_pass() -> Result<Vec<Login>, Failure> {
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
    logins(&folder)?.into_iter().map(|(server, name)| Ok((server, shown(&name)?))).collect()
}

fn shown(name: &str) -> Result<Result<Credential, String>, Failure> {
    let user = name.rsplit('/').next().unwrap_or_default();
    let ended = program::run(Command::new("pass").args(["show", name]), b"", LIMIT)?;
    let text = std::str::from_utf8(&ended.stdout).unwrap_or_default().trim_end_matches(['\r', '\n']);
    Ok(match ended.status.success() && !text.is_empty() {
        true => Ok(Credential { user: user.to_owned(), secret: Secret::new(text.to_owned()) }),
        false => Err(format!("`pass show` gave no secret ({})", ended.status)),
    })
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

/// Copies one login, and reads it back.
fn import((server, credential): Login) -> Result<Outcome, Failure> {
    let outcome = |left: Option<String>, was_there| Ok(Outcome { server: server.clone(), left, was_there });
    let credential = match credential {
        Ok(credential) => credential,
        Err(why) => return outcome(Some(why), false),
    };
    match sealed::get(&server)? {
        Some(stored) if stored == credential => return outcome(None, true),
        Some(_) => return outcome(Some("the store has another one".to_owned()), true),
        None => {}
    }
    sealed::store(&server, &credential.user, &credential.secret)?;
    if sealed::get(&server)?.is_none_or(|stored| stored != credential) {
        return Err(
            Failure::no(format!("the login of `{server}` could not be read back")).hint("run the same command again")
        );
    }
    outcome(None, false)
}
