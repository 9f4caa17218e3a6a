//! Bearer tokens in our own fixed format, opaque to clients: the fields below in big-endian order, then HMAC-SHA256 over
//! them, in unpadded base64url. They name a personal access token and cannot outlive it: rights are looked up on each
//! request, the scopes inside only narrow them.
//!
//! ```text
//! u8 1 | i64 key id | i64 PAT id (0: nobody) | i64 PAT version | i64 issued ms | i64 expires ms |
//! u16 length, service | u16 length, scopes joined by blanks | 32 bytes MAC
//! ```

use std::sync::{PoisonError, RwLock};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use pullpass_oci::Scope;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::credential::Cause;

/// How long a bearer token lives, in seconds.
pub(crate) const LIFETIME: i64 = 300;

/// How far a token may seem to come from the future before it is refused, in milliseconds.
const LEEWAY: i64 = 10_000;
const MAC: usize = 32;
const VERSION: u8 = 1;

/// More scopes than this are left out of a token, so that it fits into a header, in bytes of text.
const MAX_SCOPES: usize = 4096;

/// What a bearer token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claims {
    /// 0 when it was given out without a login.
    pub(crate) pat: i64,
    pub(crate) pat_version: i64,
    pub(crate) issued: i64,
    pub(crate) scopes: Vec<Scope>,
}

/// A signing key with its number.
pub(crate) struct Key {
    pub(crate) id: i64,
    pub(crate) secret: Zeroizing<[u8; 32]>,
}

/// Signs and checks bearer tokens for one service.
pub(crate) struct Bearers {
    service: String,
    /// Newest first: the one that signs, then the one whose tokens may still be about.
    keys: RwLock<Vec<Key>>,
}

impl Bearers {
    /// `keys` has at least one, newest first.
    pub(crate) fn new(service: String, keys: Vec<Key>) -> Bearers {
        Bearers { service, keys: RwLock::new(keys) }
    }

    /// Signs with `key` from now on, and still accepts what the one before it signed.
    pub(crate) fn rotate(&self, key: Key) {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        keys.insert(0, key);
        keys.truncate(2);
    }

    /// The token for `claims`, or nothing when there is no key.
    pub(crate) fn sign(&self, claims: &Claims) -> Option<String> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let key = keys.first()?;
        let mut bytes = vec![VERSION];
        let expires = claims.issued + LIFETIME * 1000;
        for number in [key.id, claims.pat, claims.pat_version, claims.issued, expires] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        for text in [self.service.as_str(), &text_of(&claims.scopes)] {
            bytes.extend_from_slice(&u16::try_from(text.len()).ok()?.to_be_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        let mac = mac(key, &bytes).finalize().into_bytes();
        bytes.extend_from_slice(&mac);
        Some(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Whether `bytes`, decoded, are meant to be one of these tokens rather than text.
    pub(crate) fn looks_like_one(bytes: &[u8]) -> bool {
        bytes.first() == Some(&VERSION)
    }

    /// Checks the decoded bytes of a token. Nothing inside is looked at before the MAC holds, but for the key's number.
    pub(crate) fn verify(&self, bytes: &[u8], now: i64) -> Result<Claims, Cause> {
        let (signed, tag) = bytes.split_last_chunk::<MAC>().ok_or(Cause::BearerInvalid)?;
        let mut fields = Fields(signed);
        let (version, key_id) = (fields.take::<1>(), fields.number());
        if version != Some([VERSION]) {
            return Err(Cause::BearerInvalid);
        }
        {
            let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
            let key = keys.iter().find(|key| Some(key.id) == key_id).ok_or(Cause::BearerInvalid)?;
            mac(key, signed).verify_slice(tag).map_err(|_| Cause::BearerInvalid)?;
        }
        let (service, expires, claims) = fields.claims().ok_or(Cause::BearerInvalid)?;
        if service != self.service {
            return Err(Cause::BearerInvalid);
        }
        if expires <= now || claims.issued > now + LEEWAY {
            return Err(Cause::BearerExpired);
        }
        Ok(claims)
    }
}

fn text_of(scopes: &[Scope]) -> String {
    let mut text = String::new();
    for scope in scopes.iter().map(Scope::to_string) {
        if text.len() + 1 + scope.len() > MAX_SCOPES {
            break;
        }
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&scope);
    }
    text
}

fn mac(key: &Key, bytes: &[u8]) -> Hmac<Sha256> {
    // HMAC pads a key that is shorter than a block with zeros itself; a whole block cannot be refused.
    let mut block = Zeroizing::new([0; 64]);
    block[..key.secret.len()].copy_from_slice(key.secret.as_slice());
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    mac.update(bytes);
    mac
}

struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn number(&mut self) -> Option<i64> {
        self.take().map(i64::from_be_bytes)
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = usize::from(u16::from_be_bytes(self.take()?));
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(head).ok()
    }

    /// What stands behind the key's number: the service, when it ends, and the rest.
    fn claims(&mut self) -> Option<(&'a str, i64, Claims)> {
        let (pat, pat_version, issued, expires) = (self.number()?, self.number()?, self.number()?, self.number()?);
        let (service, scopes) = (self.text()?, Scope::parse_all([self.text()?]));
        self.0.is_empty().then_some((service, expires, Claims { pat, pat_version, issued, scopes }))
    }
}
