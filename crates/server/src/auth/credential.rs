//! Reading the `Authorization` of a request.

use std::{fmt, sync::Arc};

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use http::{HeaderMap, header::AUTHORIZATION};
use pullpass_oci::Scope;
use pullpass_secrets::{
    Secret,
    token::{self, Kind, Malformed},
};
use zeroize::Zeroizing;

use super::{
    bearer::Bearers,
    pat::{Pat, Pats},
};
use crate::clock;

/// No credential of ours comes near this length, in bytes.
const MAX_LEN: usize = 8 * 1024;

/// Who asks.
#[derive(Clone)]
pub(crate) enum Caller {
    /// No credential at all.
    Anonymous,
    /// A live personal access token, given directly or through a bearer token made from it.
    Pat(Arc<Pat>),
    /// A credential that opens nothing, not even what is public: a dead login must not go unnoticed.
    Refused(Cause),
}

/// What a request presents.
#[derive(Clone)]
pub(crate) struct Credential {
    pub(crate) caller: Caller,
    /// Whether it came as `Bearer`.
    pub(crate) is_bearer: bool,
    /// What a bearer token was limited to when it was given out; a personal access token is limited by itself only.
    pub(crate) limits: Option<Vec<Scope>>,
}

/// Why a credential is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// With the time.
    Expired(i64),
    Revoked,
    Unknown,
    Malformed(Malformed),
    Github,
    Password,
    BearerExpired,
    BearerInvalid,
    /// At `/token`, where a bearer token could prolong itself.
    NotBasic,
    Unreadable,
}

impl fmt::Display for Cause {
    /// What happened and the way out, to stand behind `authentication required: `.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NEW: &str = "create a new one with `pullpass token new` and log in again";
        match self {
            Cause::Expired(at) => write!(f, "the token expired on {}: {NEW}", clock::day(*at)),
            Cause::Revoked => write!(f, "the token was revoked: {NEW}"),
            Cause::Unknown => write!(f, "this server does not know the token: {NEW}"),
            Cause::Malformed(malformed) => write!(f, "{malformed}: copy it again and log in again"),
            Cause::Github => write!(f, "this is a GitHub token; this server has its own: {NEW}"),
            Cause::Password => write!(f, "the password must be a personal access token of this server: {NEW}"),
            Cause::BearerExpired => f.write_str("the bearer token has expired: ask the token service for another"),
            Cause::BearerInvalid => f.write_str("the bearer token is none of this server's: log in again"),
            Cause::NotBasic => f.write_str("the token service takes a login as Basic credentials only"),
            Cause::Unreadable => f.write_str("the Authorization header cannot be read: log in again"),
        }
    }
}

/// Padded or not, because both occur in the field.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Reads what `headers` present.
pub(crate) fn read(headers: &HeaderMap, pats: &Pats, bearers: &Bearers, now: i64) -> Credential {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, more) = (values.next(), values.next());
    let Some(value) = value else {
        return Credential { caller: Caller::Anonymous, is_bearer: false, limits: None };
    };
    let split = value.to_str().ok().filter(|text| more.is_none() && text.len() <= MAX_LEN);
    let Some((scheme, text)) = split.and_then(|text| text.split_once(' ')) else {
        return refused(Cause::Unreadable, false);
    };
    let text = text.trim_matches(' ');
    if scheme.eq_ignore_ascii_case("basic") {
        return basic(text, pats, now);
    }
    if scheme.eq_ignore_ascii_case("bearer") {
        return bearer(text, pats, bearers, now);
    }
    // GitHub's own API takes `token ghp_…`, so people send that here.
    let is_github = scheme.eq_ignore_ascii_case("token") && Kind::of(&Secret::new(text.to_owned())).is_github();
    refused(if is_github { Cause::Github } else { Cause::Unreadable }, false)
}

fn refused(cause: Cause, is_bearer: bool) -> Credential {
    Credential { caller: Caller::Refused(cause), is_bearer, limits: None }
}

/// `base64(USER:PAT)`; the user may be anything, as on ghcr.io.
fn basic(text: &str, pats: &Pats, now: i64) -> Credential {
    let pair = decode(text).and_then(text_of);
    match pair.as_ref().and_then(|pair| pair.reveal().split_once(':')) {
        // `ghp_…:x-oauth-basic`, as GitHub takes it for git.
        Some((user, _)) if Kind::of(&Secret::new(user.to_owned())).is_github() => refused(Cause::Github, false),
        Some((_, password)) => of_secret(&Secret::new(password.to_owned()), false, pats, now),
        None => refused(Cause::Unreadable, false),
    }
}

/// A bearer token of ours, `base64(PAT)` or `base64(USER:PAT)`, or by mistake the token as it is.
fn bearer(text: &str, pats: &Pats, bearers: &Bearers, now: i64) -> Credential {
    let bare = Secret::new(text.to_owned());
    if Kind::of(&bare) != Kind::Unknown {
        return of_secret(&bare, true, pats, now);
    }
    let Some(bytes) = decode(text) else { return refused(Cause::BearerInvalid, true) };
    if Bearers::looks_like_one(&bytes) {
        return of_bearer(&bytes, pats, bearers, now);
    }
    let Some(decoded) = text_of(bytes) else { return refused(Cause::BearerInvalid, true) };
    match decoded.reveal().split_once(':') {
        Some((_, password)) => of_secret(&Secret::new(password.to_owned()), true, pats, now),
        None => of_secret(&decoded, true, pats, now),
    }
}

fn of_bearer(bytes: &[u8], pats: &Pats, bearers: &Bearers, now: i64) -> Credential {
    let claims = match bearers.verify(bytes, now) {
        Ok(claims) => claims,
        Err(cause) => return refused(cause, true),
    };
    let caller = match claims.pat {
        0 => Caller::Anonymous,
        id => match pats.of_bearer(id, claims.pat_version, now) {
            Ok(pat) => Caller::Pat(pat),
            Err(cause) => return refused(cause, true),
        },
    };
    Credential { caller, is_bearer: true, limits: Some(claims.scopes) }
}

/// Only a whole token of our own kind is looked up. Account passwords are for people's pages and never open `/v2`.
fn of_secret(secret: &Secret, is_bearer: bool, pats: &Pats, now: i64) -> Credential {
    let found = match (Kind::of(secret), token::check(secret)) {
        (kind, _) if kind.is_github() => Err(Cause::Github),
        (Kind::Pullpass, Ok(_)) => pats.authenticate(secret, now),
        (Kind::Pullpass, Err(malformed)) => Err(Cause::Malformed(malformed)),
        _ => Err(Cause::Password),
    };
    match found {
        Ok(pat) => Credential { caller: Caller::Pat(pat), is_bearer, limits: None },
        Err(cause) => refused(cause, is_bearer),
    }
}

fn decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok().map(Zeroizing::new)
}

/// Without the line break that `echo TOKEN | base64` puts into it.
fn text_of(bytes: Zeroizing<Vec<u8>>) -> Option<Secret> {
    let text = std::str::from_utf8(&bytes).ok()?;
    Some(Secret::new(text.trim_end_matches(['\n', '\r']).to_owned()))
}
