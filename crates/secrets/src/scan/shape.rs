//! Whether the bytes at a prefix are a whole token.

use std::ops::RangeInclusive;

use crate::{
    Secret,
    token::{self, Kind},
};

/// No token that is looked for is longer. Those that carry a JWT have about 520 characters today.
pub(super) const MAX_LEN: usize = 1024;
/// As long as all are but those with a JWT; a refresh token of the longest kind has as many.
pub(super) const SHORT_LEN: usize = 204;
/// Random characters of the length of the shortest kind without a checksum have more different ones than this, except once
/// in more tokens than there will ever be; examples that a person types have fewer.
const MIN_DIFFERENT: usize = 18;
/// Characters of a refresh token that is longer than those with a checksum.
const LONG_REFRESH: RangeInclusive<usize> = 60..=200;

/// The token at the beginning of `bytes`, which begin with the prefix of `kind`.
pub(super) fn token_at(bytes: &[u8], kind: Kind) -> Option<&str> {
    let prefix = kind.prefix().len();
    let body = bytes.get(prefix..)?;
    match kind {
        Kind::Pullpass => checksummed(bytes, prefix + 46),
        Kind::GithubClassic | Kind::GithubOauth | Kind::GithubUser => checksummed(bytes, prefix + 36),
        Kind::GithubInstallation => checksummed(bytes, prefix + 36).or_else(|| random(bytes, prefix + jwt_len(body)?)),
        Kind::GithubRefresh => checksummed(bytes, prefix + 36).or_else(|| {
            let length = run(body, |byte| byte.is_ascii_alphanumeric());
            LONG_REFRESH.contains(&length).then(|| random(bytes, prefix + length))?
        }),
        Kind::GithubFineGrained => {
            let is_shaped = run(body, |byte| byte.is_ascii_alphanumeric()) == 22
                && body.get(22) == Some(&b'_')
                && run(&body[23..], |byte| byte.is_ascii_alphanumeric() || byte == b'_') == 59;
            is_shaped.then(|| random(bytes, prefix + 82))?
        }
        Kind::Unknown => None,
    }
}

/// Whether the token at the beginning of `bytes` may have more than [`SHORT_LEN`] characters.
pub(super) fn may_be_long(bytes: &[u8], kind: Kind) -> bool {
    kind == Kind::GithubInstallation && bytes.get(kind.prefix().len()..).is_some_and(|body| jwt_begins(body).is_some())
}

/// The first `length` bytes, when their checksum is right. Installation tokens in their newer form pass a check for what it
/// can tell, so that theirs is asked for here.
fn checksummed(bytes: &[u8], length: usize) -> Option<&str> {
    let text = std::str::from_utf8(bytes.get(..length)?).ok()?;
    let body = text.split_once('_').map_or("", |(_, body)| body);
    let is_base62 = body.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (is_base62 && token::check(&Secret::new(text.to_owned())).is_ok()).then_some(text)
}

/// The first `length` bytes, when they look like what a machine made.
fn random(bytes: &[u8], length: usize) -> Option<&str> {
    let text = std::str::from_utf8(bytes.get(..length)?).ok()?;
    let mut seen = [false; 256];
    text.bytes().for_each(|byte| seen[usize::from(byte)] = true);
    (seen.iter().filter(|is_seen| **is_seen).count() > MIN_DIFFERENT).then_some(text)
}

/// How long `APP_HEADER.PAYLOAD.SIGNATURE` is at the beginning of `body`, the form of installation tokens since 2026.
fn jwt_len(body: &[u8]) -> Option<usize> {
    let body = &body[..body.len().min(MAX_LEN)];
    let mut length = jwt_begins(body)?;
    for part in 0..3 {
        if part > 0 {
            if body.get(length) != Some(&b'.') {
                return None;
            }
            length += 1;
        }
        let characters = run(&body[length..], |byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if characters < 10 {
            return None;
        }
        length += characters;
    }
    Some(length)
}

/// Where the JWT begins, behind the number of the app.
fn jwt_begins(body: &[u8]) -> Option<usize> {
    let app = body.iter().take(21).position(|byte| !byte.is_ascii_alphanumeric())?;
    (app > 0 && body[app..].starts_with(b"_eyJ")).then_some(app + 1)
}

/// How many bytes at the beginning are of a kind.
fn run(bytes: &[u8], is_of_kind: impl Fn(u8) -> bool) -> usize {
    // As far as any token goes: what is longer is none.
    let bytes = &bytes[..bytes.len().min(MAX_LEN)];
    bytes.iter().position(|byte| !is_of_kind(*byte)).unwrap_or(bytes.len())
}
