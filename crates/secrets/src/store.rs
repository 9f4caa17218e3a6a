//! Where Docker and Podman keep credentials: `config.json` and `auth.json`, two files of one format.
//!
//! Format: docker/cli `cli/config/types/authconfig.go`, and containers-auth.json(5). It is read as the engines read it;
//! what is written is one entry, and every byte outside of it stays.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{GeneralPurpose, GeneralPurposeConfig, general_purpose},
};
use zeroize::Zeroizing;

use crate::Secret;

pub mod docker;
mod edit;
mod json;
pub mod podman;
pub mod pull_secret;
pub mod sealed;

pub use edit::{remove, remove_helper, set, set_helper};

/// What decides where the engines keep credentials; the caller takes it from its environment. A variable that is empty
/// counts as not set, and must be `None` here.
#[derive(Clone)]
pub struct Environment {
    /// `$HOME`, else the user's home directory.
    pub home: PathBuf,
    /// `$DOCKER_CONFIG`: a directory.
    pub docker_config: Option<PathBuf>,
    /// `$REGISTRY_AUTH_FILE`: a file.
    pub registry_auth_file: Option<PathBuf>,
    /// `$XDG_RUNTIME_DIR`.
    pub xdg_runtime_dir: Option<PathBuf>,
    /// `$XDG_CONFIG_HOME`.
    pub xdg_config_home: Option<PathBuf>,
    /// The user's number.
    pub uid: u32,
    /// `$DOCKER_AUTH_CONFIG`, see [`docker::variable`].
    pub docker_auth_config: Option<Secret>,
    /// `credential-helpers` of Podman's registries.conf (containers-registries.conf(5)): the names of helpers, and
    /// [`podman::AUTH_FILES`] for the auth files, in the order in which they are asked. Empty means the auth files alone.
    pub credential_helpers: Vec<String>,
}

/// Asks the credential helper of a name (the `NAME` of `docker-credential-NAME`) for a server. `Ok(None)` is its "not
/// found"; an error is one in words for a person, without the secret.
pub type Ask<'a> = &'a dyn Fn(&str, &str) -> Result<Option<Credential>, String>;

/// The user by which a helper says that its secret is an identity token (docker/docker-credential-helpers,
/// `credentials/credentials.go`).
pub const TOKEN_USER: &str = "<token>";

/// Whether a name is one of a credential helper: of letters, digits, `.`, `_` and `-`. Anything else could be a path, and a
/// file would choose which program is run.
pub fn is_helper_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// Why a store could not be read or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Not JSON. The engines would overwrite such a file, and the logins in it would be lost.
    #[error("malformed JSON at line {line}, column {column}")]
    Malformed {
        /// From 1.
        line: usize,
        /// From 1, in bytes.
        column: usize,
    },
    /// JSON of another shape.
    #[error("{0} is not an object")]
    NotAnObject(&'static str),
    /// The engines disagree on which of them counts.
    #[error("the key `{0}` is there more than once")]
    Duplicate(String),
    /// A user name that the format cannot hold.
    #[error("a user name must not be empty or contain `:`")]
    User,
    /// The edit would have changed more than it should; nothing was changed.
    #[error("the file cannot be edited safely: add the entry for `{0}` by hand")]
    Unsafe(String),
}

/// A user and a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// Never contains `:`.
    pub user: String,
    /// A token or a password.
    pub secret: Secret,
}

/// Why an entry holds no credential that anybody can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEntry {
    /// The engines ask for padding and the standard alphabet.
    #[error("its `auth` is not base64")]
    Base64,
    /// Decoded, it is not `user:secret`.
    #[error("its `auth` does not decode to `user:secret`")]
    Colon,
    /// Decoded, it is not UTF-8.
    #[error("its `auth` does not decode to text")]
    Text,
    /// The entry, or one of its fields, is of another JSON type.
    #[error("it is not an object of texts")]
    Shape,
}

/// One entry of `auths`.
#[derive(Clone, PartialEq, Eq)]
pub enum Entry {
    /// `auth`, which both engines read.
    Credential(Credential),
    /// `username` and `password` in the clear, which Docker reads and Podman ignores.
    Plain(Credential),
    /// `identitytoken`: what the registry gave Docker to keep instead of the password.
    IdentityToken {
        /// The token.
        token: Secret,
        /// Whether there is an `auth` beside it, without which Podman ignores it.
        has_auth: bool,
    },
    /// Nothing: the entry reminds Docker that a helper has the credential.
    Marker,
    /// Nothing usable.
    Bad(BadEntry),
}

/// Where an engine takes a credential from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// `$DOCKER_AUTH_CONFIG`.
    Variable,
    /// A file.
    File(PathBuf),
    /// A credential helper.
    Helper {
        /// The file that names it; none when Podman's registries.conf does.
        path: Option<PathBuf>,
        /// `NAME` of `docker-credential-NAME`.
        name: String,
    },
}

impl Source {
    /// The file that holds the credential or names the helper that does.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Source::Variable => None,
            Source::File(path) => Some(path),
            Source::Helper { path, .. } => path.as_deref(),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Variable => f.write_str("DOCKER_AUTH_CONFIG"),
            Source::File(path) => path.display().fmt(f),
            Source::Helper { name, .. } => write!(f, "the credential helper `{name}`"),
        }
    }
}

/// How a name resolves for an engine.
pub enum Lookup {
    /// A credential.
    Found {
        /// Where it is.
        source: Source,
        /// The entry's key, or what the helper was asked.
        key: String,
        /// What it holds.
        credential: Credential,
    },
    /// An identity token, which is exchanged for bearer tokens in place of a password.
    IdentityToken {
        /// Where it is.
        source: Source,
        /// The entry's key, or what the helper was asked.
        key: String,
        /// What it holds.
        token: Secret,
    },
    /// The engine fails here, or goes on without a login.
    Broken {
        /// What is broken.
        source: Source,
        /// Words for a person.
        reason: String,
    },
    /// There is no login.
    None,
}

impl Lookup {
    /// What a helper's answer means.
    fn asked(source: Source, key: &str, answer: Result<Option<Credential>, String>) -> Lookup {
        let key = key.to_owned();
        match answer {
            Ok(Some(Credential { user, secret: token })) if user == TOKEN_USER => {
                Lookup::IdentityToken { source, key, token }
            }
            Ok(Some(credential)) => Lookup::Found { source, key, credential },
            Ok(None) => Lookup::None,
            Err(reason) => Lookup::Broken { source, reason },
        }
    }
}

/// What a `config.json` or `auth.json` says of credentials.
#[derive(Default)]
pub struct AuthFile {
    entries: Vec<(String, Entry)>,
    creds_store: Option<String>,
    cred_helpers: Vec<(String, String)>,
}

impl AuthFile {
    /// Reads a file. Nothing and whitespace are an empty file, as for the engines. Names of keys are taken in any case,
    /// as Go's decoder does; a bad entry does not hide the others.
    ///
    /// # Errors
    /// [`StoreError::Malformed`], or [`StoreError::NotAnObject`] for a part that has to be one.
    pub fn parse(bytes: &[u8]) -> Result<AuthFile, StoreError> {
        let mut file = AuthFile::default();
        if bytes.trim_ascii().is_empty() {
            return Ok(file);
        }
        let text = json::validate(bytes)?;
        for member in json::members(text, 0).ok_or(StoreError::NotAnObject("the file"))? {
            let value = &text[member.value.clone()];
            match member.name.to_ascii_lowercase().as_str() {
                _ if value == "null" => {}
                "auths" => {
                    let entries = json::members(text, member.value.start).ok_or(StoreError::NotAnObject("`auths`"))?;
                    file.entries.extend(entries.into_iter().map(|entry| (entry.name, read_entry(&text[entry.value]))));
                }
                "credhelpers" => {
                    let helpers =
                        json::members(text, member.value.start).ok_or(StoreError::NotAnObject("`credHelpers`"))?;
                    let helpers = helpers.into_iter().filter_map(|helper| {
                        Some((helper.name, json::string(&text[helper.value])?.as_str().to_owned()))
                    });
                    file.cred_helpers.extend(helpers);
                }
                "credsstore" => file.creds_store = json::string(value).map(|name| name.as_str().to_owned()),
                _ => {}
            }
        }
        Ok(file)
    }

    /// Reads a `.dockercfg`, the file of Docker before 1.7 that Podman still reads: the entries alone.
    ///
    /// # Errors
    /// As [`AuthFile::parse`].
    pub fn parse_dockercfg(bytes: &[u8]) -> Result<AuthFile, StoreError> {
        if bytes.trim_ascii().is_empty() {
            return Ok(AuthFile::default());
        }
        let text = json::validate(bytes)?;
        let entries = json::members(text, 0).ok_or(StoreError::NotAnObject("the file"))?;
        let entries = entries.into_iter().map(|entry| (entry.name, read_entry(&text[entry.value]))).collect();
        Ok(AuthFile { entries, ..AuthFile::default() })
    }

    /// The entries of `auths` with their keys, in the file's order.
    pub fn entries(&self) -> &[(String, Entry)] {
        &self.entries
    }

    /// The helper for every registry without one of its own; Podman ignores it.
    pub fn creds_store(&self) -> Option<&str> {
        self.creds_store.as_deref().filter(|name| !name.is_empty())
    }

    /// The helper that `credHelpers` names for exactly this key. The empty name says: none, not even `credsStore`.
    pub fn cred_helper(&self, key: &str) -> Option<&str> {
        // Go keeps the last of several.
        self.cred_helpers.iter().rev().find(|(name, _)| name == key).map(|(_, helper)| helper.as_str())
    }

    /// The registries that have a helper of their own, with its name.
    pub fn cred_helpers(&self) -> impl Iterator<Item = (&str, &str)> {
        let named = self.cred_helpers.iter().filter(|(_, helper)| !helper.is_empty());
        named.map(|(registry, helper)| (registry.as_str(), helper.as_str()))
    }

    /// The entry for which Go's decoder gives the whole file up: one of another shape.
    fn spoiler(&self) -> Option<String> {
        let spoils = |(_, entry): &&(String, Entry)| matches!(entry, Entry::Bad(BadEntry::Shape));
        let (key, _) = self.entries.iter().find(spoils)?;
        Some(format!("the entry for `{key}`: {}", BadEntry::Shape))
    }

    fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().rev().find(|(name, _)| name == key).map(|(_, entry)| entry)
    }
}

/// The value of one key of `auths`, as JSON.
fn read_entry(text: &str) -> Entry {
    let Some(members) = json::members(text, 0) else {
        return if text == "null" { Entry::Marker } else { Entry::Bad(BadEntry::Shape) };
    };
    let field = |name: &str| -> Result<Option<Zeroizing<String>>, BadEntry> {
        let member = members.iter().rev().find(|member| member.name.eq_ignore_ascii_case(name));
        match member.map(|member| &text[member.value.clone()]) {
            None | Some("null") => Ok(None),
            Some(value) => {
                json::string(value).map(|text| Some(text).filter(|text| !text.is_empty())).ok_or(BadEntry::Shape)
            }
        }
    };
    let read = || -> Result<Entry, BadEntry> {
        let auth = field("auth")?;
        if let Some(token) = field("identitytoken")? {
            let token = Secret::new(token.as_str().to_owned());
            return Ok(Entry::IdentityToken { token, has_auth: auth.is_some() });
        }
        if let Some(auth) = auth {
            return decode(&auth).map(Entry::Credential);
        }
        match (field("username")?, field("password")?) {
            (Some(user), Some(password)) => {
                let secret = Secret::new(password.as_str().to_owned());
                Ok(Entry::Plain(Credential { user: user.as_str().to_owned(), secret }))
            }
            _ => Ok(Entry::Marker),
        }
    };
    read().unwrap_or_else(Entry::Bad)
}

/// As Go decodes: padded, line breaks ignored, bits behind the last byte not checked.
fn decode(auth: &str) -> Result<Credential, BadEntry> {
    let config = GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
    let auth: Zeroizing<String> = Zeroizing::new(auth.chars().filter(|c| !matches!(c, '\r' | '\n')).collect());
    let decoded = GeneralPurpose::new(&STANDARD, config).decode(auth.as_bytes()).map_err(|_| BadEntry::Base64)?;
    let decoded = Zeroizing::new(decoded);
    let text = std::str::from_utf8(&decoded).map_err(|_| BadEntry::Text)?;
    match text.split_once(':') {
        Some((user, secret)) if !user.is_empty() => {
            Ok(Credential { user: user.to_owned(), secret: Secret::new(secret.trim_matches('\0').to_owned()) })
        }
        _ => Err(BadEntry::Colon),
    }
}

/// The `auth` of a credential: standard base64, padded.
fn encode(user: &str, secret: &Secret) -> Result<Zeroizing<String>, StoreError> {
    if user.is_empty() || user.contains(':') {
        return Err(StoreError::User);
    }
    let text = Zeroizing::new(format!("{user}:{}", secret.reveal()));
    Ok(Zeroizing::new(general_purpose::STANDARD.encode(text.as_bytes())))
}
