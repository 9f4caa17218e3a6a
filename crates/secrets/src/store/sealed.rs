//! pullpass's own store: credentials in a file, each sealed by XChaCha20-Poly1305 under one key of 32 bytes.
//!
//! The file is text, one JSON object a line: the first says what it is, the others hold one credential each.
//!
//! ```text
//! {"pullpass":"credentials","version":1,"check":"BASE64"}
//! {"server":"ghcr.io","user":"octocat","sealed":"BASE64"}
//! ```
//!
//! `sealed` is a random nonce of 24 bytes, the encrypted secret and its tag of 16 bytes; `check` is the same of nothing, and
//! tells whether a key is the file's. Version, server and user are associated data: they can be read without the key, so
//! that "not found" is known at once, but a secret that was moved to another server or user does not open. Lines that cannot
//! be read hide no other, and stay.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Credential, docker::HUB_KEY};
use crate::{Secret, file::MAX_LEN};

const VERSION: u64 = 1;
const NONCE_LEN: usize = 24;
const KEY_LEN: usize = 32;

/// Why a store could not be read or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealedError {
    /// The first line is not the one that a store begins with.
    #[error("it is no store of credentials: its first line is not what it should be")]
    NotAStore,
    /// A later release made it.
    #[error("it has version {0}; this release reads version {VERSION}")]
    Version(u64),
    /// Another key sealed it.
    #[error("it was sealed with another key")]
    WrongKey,
    /// The key is right, and this credential still does not open.
    #[error("the credential of `{0}` was changed or damaged: it does not open")]
    Damaged(String),
    /// A text that no credential has.
    #[error("{0} must not be empty or contain control characters")]
    Unusable(&'static str),
    /// The file would be too large to be read again.
    #[error("there is no room for it: the store would be larger than {} MiB", MAX_LEN >> 20)]
    Full,
    /// The system gives no random bytes.
    #[error("the system gives no random bytes: {0}")]
    Random(String),
}

/// What seals the credentials of a store. Wiped from memory when dropped.
pub struct Key(Zeroizing<[u8; KEY_LEN]>);

impl Key {
    /// A new random key.
    ///
    /// # Errors
    /// [`SealedError::Random`].
    pub fn generate() -> Result<Key, SealedError> {
        let mut key = Zeroizing::new([0; KEY_LEN]);
        fill(key.as_mut())?;
        Ok(Key(key))
    }

    /// Reads a key: 32 bytes, or their padded base64 with any blanks around it. `None` for everything else.
    pub fn parse(bytes: &[u8]) -> Option<Key> {
        let decoded;
        let bytes = if bytes.len() == KEY_LEN {
            bytes
        } else {
            decoded = Zeroizing::new(STANDARD.decode(bytes.trim_ascii()).ok()?);
            &decoded
        };
        let mut key = Zeroizing::new([0; KEY_LEN]);
        (bytes.len() == KEY_LEN).then(|| key.copy_from_slice(bytes))?;
        Some(Key(key))
    }

    /// The key as base64, to be kept.
    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.0.as_slice()))
    }

    fn seal(&self, associated: &str, secret: &[u8]) -> Result<String, SealedError> {
        let mut nonce = [0; NONCE_LEN];
        fill(&mut nonce)?;
        let payload = Payload { msg: secret, aad: associated.as_bytes() };
        // It refuses only what is longer than 256 GiB.
        let sealed = self.cipher().encrypt(&XNonce::from(nonce), payload).map_err(|_| SealedError::Full)?;
        Ok(STANDARD.encode([nonce.as_slice(), &sealed].concat()))
    }

    fn open(&self, associated: &str, sealed: &str) -> Option<Zeroizing<Vec<u8>>> {
        let sealed = STANDARD.decode(sealed).ok()?;
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let payload = Payload { msg: sealed, aad: associated.as_bytes() };
        self.cipher().decrypt(&XNonce::from(*nonce), payload).ok().map(Zeroizing::new)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(self.0.as_slice().try_into().expect("a key has 32 bytes"))
    }
}

fn fill(bytes: &mut [u8]) -> Result<(), SealedError> {
    getrandom::fill(bytes).map_err(|error| SealedError::Random(error.to_string()))
}

#[derive(Serialize, Deserialize)]
struct Header<'text> {
    pullpass: Cow<'text, str>,
    version: u64,
    #[serde(default)]
    check: Cow<'text, str>,
}

/// A credential as it stands in a store.
#[derive(Serialize, Deserialize)]
pub struct Entry<'text> {
    #[serde(borrow)]
    server: Cow<'text, str>,
    #[serde(borrow)]
    user: Cow<'text, str>,
    #[serde(borrow)]
    sealed: Cow<'text, str>,
}

impl Entry<'_> {
    /// The server as it was written by whoever stored the credential.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The user.
    pub fn user(&self) -> &str {
        &self.user
    }
}

/// What a store holds. Everything but the secrets can be seen without the key.
pub struct Sealed<'text> {
    check: Cow<'text, str>,
    /// With its line break; `None` for one that cannot be read.
    lines: Vec<(&'text [u8], Option<Entry<'text>>)>,
}

impl<'text> Sealed<'text> {
    /// Reads a store; nothing and whitespace are an empty one.
    ///
    /// # Errors
    /// [`SealedError::NotAStore`] and [`SealedError::Version`].
    pub fn parse(bytes: &'text [u8]) -> Result<Sealed<'text>, SealedError> {
        if bytes.trim_ascii().is_empty() {
            return Ok(Sealed { check: Cow::default(), lines: Vec::new() });
        }
        let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
        let header: Header = lines
            .next()
            .and_then(|line| serde_json::from_slice(line).ok())
            .filter(|header: &Header| header.pullpass == "credentials")
            .ok_or(SealedError::NotAStore)?;
        if header.version != VERSION {
            return Err(SealedError::Version(header.version));
        }
        let lines = lines.filter(|line| !line.trim_ascii().is_empty());
        let lines = lines.map(|line| (line, serde_json::from_slice(line).ok())).collect();
        Ok(Sealed { check: header.check, lines })
    }

    /// The credentials, in the order in which they were stored.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry<'text>> {
        self.lines.iter().filter_map(|(_, entry)| entry.as_ref())
    }

    /// How many lines cannot be read.
    pub fn damaged(&self) -> usize {
        self.lines.iter().filter(|(_, entry)| entry.is_none()).count()
    }

    /// Whether nothing was ever stored in it: it belongs to no key yet.
    pub fn is_new(&self) -> bool {
        self.check.is_empty() && self.lines.is_empty()
    }

    /// The credential of a server, whatever way it is spelled.
    pub fn find(&self, server: &str) -> Option<&Entry<'text>> {
        let name = name(server);
        self.entries().rev().find(|entry| self::name(&entry.server) == name)
    }

    /// Opens one of its entries.
    ///
    /// # Errors
    /// [`SealedError::WrongKey`] and [`SealedError::Damaged`].
    pub fn open(&self, entry: &Entry, key: &Key) -> Result<Credential, SealedError> {
        match key.open(&associated(&entry.server, &entry.user), &entry.sealed) {
            Some(mut secret) => {
                let secret = String::from_utf8(std::mem::take(&mut *secret));
                let secret = secret.map_err(|error| {
                    drop(Zeroizing::new(error.into_bytes()));
                    SealedError::Damaged(entry.server.clone().into_owned())
                })?;
                Ok(Credential { user: entry.user.clone().into_owned(), secret: Secret::new(secret) })
            }
            None => {
                self.check(key)?;
                Err(SealedError::Damaged(entry.server.clone().into_owned()))
            }
        }
    }

    fn check(&self, key: &Key) -> Result<(), SealedError> {
        if self.is_new() || key.open(&associated("", ""), &self.check).is_some() {
            return Ok(());
        }
        Err(SealedError::WrongKey)
    }
}

/// The store with a credential for `server`, in the place of the one that was there. A credential that is there already
/// gives back the same bytes.
///
/// # Errors
/// [`SealedError`]; a store of another key is not mixed with this one's.
pub fn store(bytes: &[u8], key: &Key, server: &str, user: &str, secret: &Secret) -> Result<Vec<u8>, SealedError> {
    for (what, text) in [("a server", server), ("a user", user)] {
        if text.is_empty() || text.contains(char::is_control) {
            return Err(SealedError::Unusable(what));
        }
    }
    if secret.reveal().is_empty() {
        return Err(SealedError::Unusable("a secret"));
    }
    let sealed = Sealed::parse(bytes)?;
    sealed.check(key)?;
    let is_same = |entry: &Entry| {
        let found = || sealed.open(entry, key).is_ok_and(|found| found.secret == *secret);
        entry.server == server && entry.user == user && found()
    };
    if sealed.find(server).is_some_and(is_same) {
        return Ok(bytes.to_owned());
    }
    let mut after = if sealed.is_new() { header(key)? } else { bytes_without(bytes, &sealed, server) };
    if after.last() != Some(&b'\n') {
        after.push(b'\n');
    }
    let sealed = key.seal(&associated(server, user), secret.reveal().as_bytes())?;
    after.extend(line(&Entry { server: server.into(), user: user.into(), sealed: sealed.into() }));
    if after.len() as u64 > MAX_LEN {
        return Err(SealedError::Full);
    }
    Ok(after)
}

/// The store without the credential of `server`, whatever way it is spelled. It needs no key.
///
/// # Errors
/// [`SealedError::NotAStore`] and [`SealedError::Version`].
pub fn erase(bytes: &[u8], server: &str) -> Result<Vec<u8>, SealedError> {
    let sealed = Sealed::parse(bytes)?;
    Ok(if sealed.find(server).is_none() { bytes.to_owned() } else { bytes_without(bytes, &sealed, server) })
}

fn bytes_without(bytes: &[u8], sealed: &Sealed, server: &str) -> Vec<u8> {
    let name = name(server);
    let header = bytes.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
    let is_other = |entry: &Option<Entry>| entry.as_ref().is_none_or(|entry| self::name(&entry.server) != name);
    let others = sealed.lines.iter().filter(|(_, entry)| is_other(entry)).map(|(line, _)| *line);
    std::iter::once(header).chain(others).collect::<Vec<_>>().concat()
}

fn header(key: &Key) -> Result<Vec<u8>, SealedError> {
    let check = key.seal(&associated("", ""), b"")?;
    Ok(line(&Header { pullpass: "credentials".into(), version: VERSION, check: check.into() }))
}

fn line(value: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(value).expect("texts and a number are JSON");
    line.push(b'\n');
    line
}

/// Neither a server nor a user has a NUL, so no two pairs give the same text.
fn associated(server: &str, user: &str) -> String {
    format!("pullpass credentials {VERSION}\0{server}\0{user}")
}

/// What spellings of one server have in common: `ghcr.io`, `https://ghcr.io`, and `https://ghcr.io/v1/` of old. Any other
/// path is a part of the name: Docker keeps tokens of its own under `https://index.docker.io/v1/access-token`.
fn name(server: &str) -> &str {
    let rest = server.split_once("://").map_or(server, |(_, rest)| rest);
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    match (host, path.trim_end_matches('/')) {
        ("docker.io" | "index.docker.io" | "registry-1.docker.io", "" | "v1" | "v2") => HUB_KEY,
        (host, "" | "v1" | "v2") => host,
        _ => rest,
    }
}
