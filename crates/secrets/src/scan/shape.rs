//! Whether the bytes at a prefix are a whole token.

use std::ops::RangeInclusive;

use crate::{
    Secret,
    token::{self, Kind},
};

/// No token that is looked for is longer. Those that carry a JWT have about 520 characters today.
pub(super) const MAX_LEN: usize = 1024;
/// The header of a JWT names an algorithm and maybe a key.
const MAX_HEADER: usize = 128;
/// What comes before the payload of a JWT: prefix, number of the app and header.
const BEFORE_PAYLOAD: usize = 4 + 20 + MAX_HEADER;
/// Random characters of the length of the shortest kind without a checksum have more different ones than this, except once
/// in more tokens than there will ever be; examples that a person types have fewer.
const MIN_DIFFERENT: usize = 18;
/// Characters of a refresh token that is longer than those with a checksum.
const LONG_REFRESH: RangeInclusive<usize> = 60..=200;

/// The token at the beginning of `bytes`.
pub(super) fn token_at(bytes: &[u8], kind: Kind) -> Option<&str> {
    let prefix = kind.prefix().len();
    let body = bytes.strip_prefix(kind.prefix().as_bytes())?;
    match kind {
        Kind::Pullpass => checksummed(bytes, prefix + 46, kind),
        Kind::GithubClassic | Kind::GithubOauth | Kind::GithubUser => checksummed(bytes, prefix + 36, kind),
        Kind::GithubInstallation => {
            checksummed(bytes, prefix + 36, kind).or_else(|| random(bytes, prefix + jwt_len(body)?))
        }
        Kind::GithubRefresh => checksummed(bytes, prefix + 36, kind).or_else(|| {
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

/// Whether what `before` begins may be a token of `kind` that goes on with `byte`. Most places are no token, which is told
/// as early as possible.
pub(super) fn may_follow(before: &[u8], byte: u8, kind: Kind) -> bool {
    let prefix = kind.prefix().as_bytes();
    if let Some(expected) = prefix.get(before.len()) {
        return byte == *expected;
    }
    let at = before.len() - prefix.len();
    match kind {
        // One character more than a token has tells that it is none.
        Kind::GithubFineGrained if at == 22 => byte == b'_',
        Kind::GithubFineGrained if at > 22 => at <= 82 && (byte.is_ascii_alphanumeric() || byte == b'_'),
        Kind::GithubInstallation => match byte {
            b'.' => before.iter().filter(|byte| **byte == b'.').count() < 2,
            _ if before.len() == BEFORE_PAYLOAD && !before.contains(&b'.') => false,
            _ => before.len() <= MAX_LEN && (byte.is_ascii_alphanumeric() || b"-_".contains(&byte)),
        },
        _ => byte.is_ascii_alphanumeric(),
    }
}

/// The first `length` bytes, when their checksum is right. Installation tokens in their newer form pass a check for what it
/// can tell, so that theirs is asked for here.
fn checksummed(bytes: &[u8], length: usize, kind: Kind) -> Option<&str> {
    let text = std::str::from_utf8(bytes.get(..length)?).ok()?;
    let is_base62 = text[kind.prefix().len()..].bytes().all(|byte| byte.is_ascii_alphanumeric());
    (is_base62 && token::check(&Secret::new(text.to_owned())) == Ok(kind)).then_some(text)
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
    let payload = jwt_payload(body)?;
    let signature = payload + jwt_part(&body[payload..])? + 1;
    if body.get(signature - 1) != Some(&b'.') {
        return None;
    }
    Some(signature + jwt_part(&body[signature..])?)
        .filter(|length| *length + Kind::GithubInstallation.prefix().len() <= MAX_LEN)
}

/// Where the payload of the JWT begins, behind the number of the app and the header.
fn jwt_payload(body: &[u8]) -> Option<usize> {
    let app = body.iter().take(21).position(|byte| !byte.is_ascii_alphanumeric()).filter(|app| *app > 0)?;
    let header = &body[app..];
    let length = jwt_part(header.get(..header.len().min(MAX_HEADER)).filter(|header| header.starts_with(b"_eyJ"))?)?;
    (header.get(length) == Some(&b'.')).then_some(app + length + 1)
}

/// How long the part of a JWT is that `bytes` begin with.
fn jwt_part(bytes: &[u8]) -> Option<usize> {
    Some(run(bytes, |byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))).filter(|length| *length >= 10)
}

/// How many bytes at the beginning are of a kind.
fn run(bytes: &[u8], is_of_kind: impl Fn(u8) -> bool) -> usize {
    // As far as any token goes: what is longer is none.
    let bytes = &bytes[..bytes.len().min(MAX_LEN)];
    bytes.iter().position(|byte| !is_of_kind(*byte)).unwrap_or(bytes.len())
}
