//! Where a token comes from: never from the arguments.

use std::path::{Path, PathBuf};

use pullpass_secrets::{
    Secret, file,
    inventory::{self, KeyPath, Value},
};

use crate::{
    commands::wrong_vault,
    environment,
    failure::{Failure, OrFail},
    output, prompt,
    vault_password::VaultPassword,
};

/// `env:NAME`, `file:PATH` or `vault:FILE#KEYPATH`.
#[derive(Clone)]
pub(crate) enum TokenSource {
    Environment(String),
    File(PathBuf),
    Vault(PathBuf, KeyPath),
}

/// What a source knows.
pub(crate) struct Found {
    pub(crate) token: Secret,
    /// The user beside the token, in an inventory.
    pub(crate) user: Option<String>,
}

impl std::str::FromStr for TokenSource {
    type Err = String;

    fn from_str(text: &str) -> Result<TokenSource, String> {
        // The text is not repeated: it may be the token itself.
        let shape =
            "a source is `env:NAME`, `file:PATH` or `vault:FILE#KEYPATH`; a token does not belong on a command line";
        match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() => Ok(TokenSource::Environment(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(TokenSource::File(PathBuf::from(path))),
            Some(("vault", rest)) => {
                let (path, key_path) = rest.split_once('#').ok_or("a vault source is `vault:FILE#KEYPATH`")?;
                let key_path = key_path.parse().map_err(|error| format!("{error}"))?;
                Ok(TokenSource::Vault(PathBuf::from(path), key_path))
            }
            _ => Err(shape.to_owned()),
        }
    }
}

impl TokenSource {
    /// Reads the token.
    pub(crate) fn read(&self, password: &VaultPassword) -> Result<Found, Failure> {
        match self {
            TokenSource::Environment(name) => from_environment(name),
            TokenSource::File(path) => from_file(path),
            TokenSource::Vault(path, key_path) => from_inventory(path, key_path, password),
        }
    }
}

fn from_environment(name: &str) -> Result<Found, Failure> {
    let value = environment::variable(name)
        .ok_or_else(|| Failure::usage(format!("the environment variable `{name}` is empty or not set")))?;
    let token = value
        .into_string()
        .map_err(|_| Failure::usage(format!("the environment variable `{name}` is not UTF-8 text")))?;
    Ok(Found { token: Secret::new(token), user: None })
}

fn from_file(path: &Path) -> Result<Found, Failure> {
    let bytes = prompt::secret_file(path)?
        .ok_or_else(|| Failure::usage(format!("there is no token file `{}`", path.display())))?;
    let token =
        prompt::text(&bytes).ok_or_else(|| Failure::usage(format!("`{}` is not UTF-8 text", path.display())))?;
    Ok(Found { token, user: None })
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
