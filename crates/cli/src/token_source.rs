//! Where a token comes from: never from the arguments.

mod command;
mod preset;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use pullpass_client::Credential;
use pullpass_secrets::{
    Secret, file,
    inventory::{self, KeyPath, Value},
    token::{self, Kind},
};

use crate::{
    commands::wrong_vault,
    environment,
    failure::{Failure, OrFail},
    output, prompt,
    vault_password::VaultPassword,
};
use command::Command;

/// Where systemd puts the credentials of a unit (systemd.exec(5)).
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// What a person writes behind `--token-from`.
#[derive(Clone)]
pub(crate) enum TokenSource {
    /// `env:NAME`
    Environment(String),
    /// `file:PATH`
    File(PathBuf),
    /// `systemd:NAME`
    Systemd(String),
    /// `-`
    StandardInput,
    /// `prompt`
    Prompt,
    /// `vault:FILE#KEYPATH`
    Vault(PathBuf, KeyPath),
    /// `cmd:COMMAND LINE`, and the password managers and secret stores that are known by name.
    Command(Arc<Command>),
}

/// What a source knows.
pub(crate) struct Found {
    pub(crate) token: Secret,
    /// The user beside the token, in an inventory or in a command's answer.
    pub(crate) user: Option<String>,
}

impl Found {
    /// The token with its user: the one that was named, else the one beside it.
    ///
    /// # Errors
    /// There is no user, or it is none that an engine takes.
    pub(crate) fn into_credential(self, named: Option<&String>) -> Result<Credential, Failure> {
        let user = named.cloned().or(self.user).ok_or_else(|| {
            Failure::usage("no user: name one with `--username`")
                .fact("ghcr.io accepts any name, but Docker and Podman need one")
        })?;
        if user.is_empty() || user.contains(|character: char| character == ':' || character.is_control()) {
            return Err(Failure::usage("a user name is not empty and has neither `:` nor line breaks"));
        }
        if Kind::of(&Secret::new(user.clone())) != Kind::Unknown {
            return Err(
                Failure::usage("the user name is a token").hint("the token goes to standard input: `--password-stdin`")
            );
        }
        Ok(Credential { user, secret: self.token })
    }
}

impl std::str::FromStr for TokenSource {
    type Err = String;

    fn from_str(text: &str) -> Result<TokenSource, String> {
        // The text is not repeated: it may be the token itself.
        if token::mask(text) != text {
            return Err("this holds a token, and a token does not belong on a command line: revoke it".to_owned());
        }
        if let Some(command) = preset::parse(text) {
            return command.map(|command| TokenSource::Command(Arc::new(command)));
        }
        match text.split_once(':') {
            None if text == "-" => Ok(TokenSource::StandardInput),
            None if text == "prompt" => Ok(TokenSource::Prompt),
            Some(("env", name)) if is_variable(name) => {
                // Before any program is run, also one that is run before the token is read.
                environment::hide(name);
                Ok(TokenSource::Environment(name.to_owned()))
            }
            Some(("env", _)) => Err("the name of an environment variable has letters, digits and `_`".to_owned()),
            Some(("file", path)) if !path.is_empty() => Ok(TokenSource::File(PathBuf::from(path))),
            // As systemd has it for the names of credentials.
            Some(("systemd", name)) if !name.is_empty() && !name.contains('/') && !name.starts_with('.') => {
                Ok(TokenSource::Systemd(name.to_owned()))
            }
            Some(("vault", rest)) => {
                let (path, key_path) = rest.split_once('#').ok_or("a vault source is `vault:FILE#KEYPATH`")?;
                let key_path = key_path.parse().map_err(|error| format!("{error}"))?;
                Ok(TokenSource::Vault(PathBuf::from(path), key_path))
            }
            Some(("cmd", line)) => Command::from_line(line).map(|command| TokenSource::Command(Arc::new(command))),
            _ => Err(format!(
                "a source is `env:NAME`, `file:PATH`, `systemd:NAME`, `vault:FILE#KEYPATH`, `cmd:COMMAND LINE`, `prompt`, \
                 `-`, or one of {}; a token does not belong on a command line",
                preset::spellings()
            )),
        }
    }
}

/// Letters, digits and `_`, as a shell has it. Much that is pasted by mistake is none.
fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
}

impl TokenSource {
    /// Whether it asks a person, or needs a vault password or standard input, which a person gives.
    pub(crate) fn needs_person(&self) -> bool {
        matches!(self, TokenSource::StandardInput | TokenSource::Prompt | TokenSource::Vault(..))
    }

    /// Reads the token. A command is run once, however often this is called.
    ///
    /// # Errors
    /// There is none, or what is there is no token.
    pub(crate) fn read(&self, password: &VaultPassword) -> Result<Found, Failure> {
        match self {
            TokenSource::StandardInput => Ok(Found { token: prompt::secret_from_standard_input()?, user: None }),
            TokenSource::Prompt => Ok(Found { token: prompt::hidden("token")?, user: None }),
            TokenSource::Vault(path, key_path) => from_inventory(path, key_path, password),
            _ => self.read_unattended().map(|(found, _)| found),
        }
    }

    /// Reads the token of a source that needs no person, and until when it lives, where the source says so.
    ///
    /// # Errors
    /// As [`TokenSource::read`].
    pub(crate) fn read_unattended(&self) -> Result<(Found, Option<Timestamp>), Failure> {
        let token = match self {
            TokenSource::Environment(name) => from_environment(name)?,
            TokenSource::File(path) => from_file(path)?,
            TokenSource::Systemd(name) => from_systemd(name)?,
            TokenSource::Command(command) => {
                let answer = command.answer()?;
                return Ok((Found { token: answer.token, user: answer.user }, answer.expires_at));
            }
            TokenSource::StandardInput | TokenSource::Prompt | TokenSource::Vault(..) => {
                return Err(Failure::usage("this token source needs a person"));
            }
        };
        Ok((Found { token, user: None }, None))
    }
}

fn from_environment(name: &str) -> Result<Secret, Failure> {
    let value = environment::variable(name)
        .ok_or_else(|| Failure::usage(format!("the environment variable `{name}` is empty or not set")))?;
    let token = value
        .into_string()
        .map_err(|_| Failure::usage(format!("the environment variable `{name}` is not UTF-8 text")))?;
    Ok(Secret::new(token))
}

/// A file that others may read is no place for a token. A pipe is in nobody's way.
fn from_file(path: &Path) -> Result<Secret, Failure> {
    let shown = path.display();
    if let Some(mode) = file::mode(path)?.filter(|mode| mode & 0o077 != 0 && !prompt::is_pipe(path)) {
        return Err(Failure::usage(format!("the token file `{shown}` is not used: others have rights to it"))
            .fact(format!("its mode is {mode:04o}"))
            .hint(format!("if nobody has read it, run `chmod 600 {shown}`"))
            .hint(format!("where its mode is not yours to change, pipe it in: `--token-from - < {shown}`")));
    }
    let bytes =
        prompt::secret_file(path)?.ok_or_else(|| Failure::usage(format!("there is no token file `{shown}`")))?;
    stripped(&bytes, &format!("`{shown}`"))
}

/// Only the unit can read the directory. The modes in it say nothing: access lists widen them.
fn from_systemd(name: &str) -> Result<Secret, Failure> {
    let directory = environment::variable(CREDENTIALS).ok_or_else(|| {
        Failure::usage(format!("there is no systemd credential `{name}`: `{CREDENTIALS}` is not set"))
            .fact("systemd sets it inside a unit that has credentials")
            .hint(format!("give the unit `LoadCredentialEncrypted={name}:FILE`"))
    })?;
    let path = PathBuf::from(directory).join(name);
    let bytes = file::read(&path)?.map(zeroize::Zeroizing::new).ok_or_else(|| {
        Failure::usage(format!("there is no systemd credential `{name}`"))
            .fact(format!("`{}` does not exist", path.display()))
            .hint(format!("give the unit `LoadCredentialEncrypted={name}:FILE`"))
    })?;
    stripped(&bytes, &format!("the systemd credential `{name}`"))
}

/// Blanks around a secret in a file are not part of it, as Ansible has it for its password files.
fn stripped(bytes: &[u8], place: &str) -> Result<Secret, Failure> {
    let text =
        std::str::from_utf8(bytes.trim_ascii()).map_err(|_| Failure::usage(format!("{place} is not UTF-8 text")))?;
    match text.lines().count() {
        0 => Err(Failure::usage(format!("{place} is empty"))),
        1 => Ok(Secret::new(text.to_owned())),
        lines => Err(Failure::usage(format!("{place} has {lines} lines: a token is one"))),
    }
}

/// The decrypted value at `key_path`, and the `ghcr_user` beside it.
fn from_inventory(path: &Path, key_path: &KeyPath, password: &VaultPassword) -> Result<Found, Failure> {
    let bytes =
        file::read(path)?.ok_or_else(|| Failure::usage(format!("there is no inventory `{}`", path.display())))?;
    let place = format!("`{key_path}` in `{}`", path.display());
    let in_file = |failure: Failure| failure.fact(format!("in `{}`", path.display()));
    let value = inventory::get(&bytes, key_path).or_usage().map_err(in_file)?;
    let token = match value {
        None => {
            return Err(Failure::usage(format!("there is no {place}"))
                .hint(format!("list what is there with `pullpass inventory show {}`", path.display())));
        }
        Some(Value::Plain(text)) if text.contains("{{") => {
            return Err(Failure::usage(format!("{place} is an expression that only Ansible can evaluate"))
                .hint("name the variable that it stands for, in the file where that is"));
        }
        Some(Value::Plain(text)) => {
            output::warn(format_args!("{place} is not encrypted"));
            Secret::new(text)
        }
        Some(Value::Vault(payload)) => {
            let plaintext = password
                .existing()?
                .open(payload.as_bytes())
                .map_err(|error| wrong_vault(&error).fact(format!("at {place}")))?;
            prompt::text(&plaintext).ok_or_else(|| Failure::usage(format!("{place} is not UTF-8 text")))?
        }
    };
    let user = match inventory::get(&bytes, &key_path.sibling("ghcr_user")).or_usage().map_err(in_file)? {
        Some(Value::Plain(user)) => Some(user),
        _ => None,
    };
    Ok(Found { token, user })
}
