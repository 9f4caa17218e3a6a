//! What can be told of a token without asking anybody: its kind, whether it is whole, and its fingerprint.
//!
//! Shapes: GitHub's documentation "About authentication to GitHub", and the checksum of its blog post "Behind GitHub's
//! new authentication token formats": the last six characters are the CRC-32 of the characters between prefix and
//! checksum, in base 62 with the alphabet `0-9A-Za-z`, most significant digit first, padded with `0`.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::Secret;

/// The prefix of the personal access tokens of a pullpass server.
pub const PULLPASS_PREFIX: &str = "ppt_";

/// How many random base-62 characters a pullpass token has (238 bits).
const PULLPASS_BODY: usize = 40;
const CHECKSUM: usize = 6;
/// No token has fewer characters.
const SHORTEST_TOKEN: usize = 40;
/// As few characters behind a prefix as are hidden: less is a word such as `ghp_token`.
const SHORTEST_SECRET: usize = 8;
/// How much somebody may have copied along in front of a token.
const MAX_PRECEDED: usize = 16;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What kind of secret it is, by its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `ppt_`: a personal access token of a pullpass server.
    Pullpass,
    /// `ghp_`: a classic personal access token, the only kind that ghcr.io documents.
    GithubClassic,
    /// `gho_`: an OAuth token, as `gh auth token` prints.
    GithubOauth,
    /// `ghu_`: a user's token for a GitHub App.
    GithubUser,
    /// `ghs_`: an installation token of a GitHub App, among them the `GITHUB_TOKEN` of a workflow.
    GithubInstallation,
    /// `ghr_`: a refresh token; never a registry password.
    GithubRefresh,
    /// `github_pat_`: a fine-grained personal access token, which ghcr.io refuses.
    GithubFineGrained,
    /// No known prefix: a password, or some other registry's token.
    Unknown,
}

const PREFIXES: [(&str, Kind); 7] = [
    (PULLPASS_PREFIX, Kind::Pullpass),
    ("ghp_", Kind::GithubClassic),
    ("gho_", Kind::GithubOauth),
    ("ghu_", Kind::GithubUser),
    ("ghs_", Kind::GithubInstallation),
    ("ghr_", Kind::GithubRefresh),
    ("github_pat_", Kind::GithubFineGrained),
];

impl Kind {
    /// The kind of `secret`.
    pub fn of(secret: &Secret) -> Kind {
        PREFIXES.iter().find(|(prefix, _)| secret.reveal().starts_with(prefix)).map_or(Kind::Unknown, |(_, kind)| *kind)
    }

    /// The prefix, with which every token of this kind begins.
    pub fn prefix(self) -> &'static str {
        PREFIXES.iter().find(|(_, kind)| *kind == self).map_or("", |(prefix, _)| prefix)
    }

    /// The prefixes of all kinds that have one.
    pub fn prefixes() -> impl Iterator<Item = &'static str> {
        PREFIXES.iter().map(|(prefix, _)| *prefix)
    }

    /// Words for people and for JSON.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Pullpass => "pullpass personal access token",
            Kind::GithubClassic => "GitHub classic personal access token",
            Kind::GithubOauth => "GitHub OAuth token",
            Kind::GithubUser => "GitHub App user token",
            Kind::GithubInstallation => "GitHub App installation token",
            Kind::GithubRefresh => "GitHub refresh token",
            Kind::GithubFineGrained => "GitHub fine-grained personal access token",
            Kind::Unknown => "password or token of unknown kind",
        }
    }

    /// Whether GitHub issued it.
    pub fn is_github(self) -> bool {
        !matches!(self, Kind::Pullpass | Kind::Unknown)
    }

    /// How many characters the token has behind its prefix when its last six are a checksum.
    fn checksummed_len(self, body: &str) -> Option<usize> {
        match self {
            Kind::Pullpass => Some(PULLPASS_BODY + CHECKSUM),
            Kind::GithubClassic | Kind::GithubOauth | Kind::GithubUser => Some(36),
            // Since 2026 these may be an application id and a JWT, recognised by the characters that base 62 lacks;
            // refresh tokens have been longer at times.
            Kind::GithubInstallation if !is_base62(body) => None,
            Kind::GithubInstallation => Some(36),
            Kind::GithubRefresh => (body.len() <= 36).then_some(36),
            Kind::GithubFineGrained | Kind::Unknown => None,
        }
    }
}

/// What is wrong with a token, told from its characters alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Nothing at all.
    #[error("the token is empty")]
    Empty,
    /// Blanks, line breaks or control characters: no token and no header may have them.
    #[error("the token has a blank, a line break or a control character in it")]
    Blank,
    /// A whole token with something in front of it: a blank, a quote, `TOKEN=`.
    #[error("there is something in front of the token: it must begin with `{}`", .0.prefix())]
    Preceded(Kind),
    /// Too short or too long for its kind.
    #[error("a `{}…` token has {expected} characters, this one has {found}: it was not copied whole", kind.prefix())]
    Length {
        /// By its prefix.
        kind: Kind,
        /// Characters such a token has.
        expected: usize,
        /// Characters this one has.
        found: usize,
    },
    /// The right length, but not the right characters.
    #[error("the checksum of this `{}…` token is wrong: a character is missing or mistyped", .0.prefix())]
    Checksum(Kind),
}

/// Checks what can be checked without a network. `Ok` says that the token may be alive, not that it is.
pub fn check(secret: &Secret) -> Result<Kind, Malformed> {
    let text = secret.reveal();
    if text.is_empty() {
        return Err(Malformed::Empty);
    }
    let kind = Kind::of(secret);
    if kind == Kind::Unknown
        && let Some((at, inside)) = find(text).filter(|(at, _)| *at <= MAX_PRECEDED)
        && token_len(&text[at..]) >= SHORTEST_TOKEN
    {
        return Err(Malformed::Preceded(inside));
    }
    // A password may have blanks inside; a token may not.
    let is_bad = |character: char| character.is_control() || (kind != Kind::Unknown && character.is_whitespace());
    if text.contains(is_bad) {
        return Err(Malformed::Blank);
    }
    let body = &text[kind.prefix().len()..];
    if kind == Kind::GithubFineGrained && body.len() != 82 {
        return Err(Malformed::Length { kind, expected: 93, found: text.chars().count() });
    }
    let Some(expected) = kind.checksummed_len(body) else { return Ok(kind) };
    if body.chars().count() != expected {
        let expected = kind.prefix().len() + expected;
        return Err(Malformed::Length { kind, expected, found: text.chars().count() });
    }
    let whole = is_base62(body) && {
        let (random, sum) = body.split_at(expected - CHECKSUM);
        checksum(random) == sum
    };
    if whole { Ok(kind) } else { Err(Malformed::Checksum(kind)) }
}

/// Whether it is shaped as GitHub's tokens were before they had prefixes: 40 hexadecimal digits, which may be anything else.
pub fn is_legacy(secret: &Secret) -> bool {
    secret.reveal().len() == 40 && secret.reveal().bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A new token of a pullpass server from random bytes, of which it uses as many as it needs.
///
/// # Errors
/// What the source of random bytes says.
pub fn generate() -> Result<Secret, getrandom::Error> {
    let mut body = String::with_capacity(PULLPASS_BODY);
    while body.len() < PULLPASS_BODY {
        let mut random = zeroize::Zeroizing::new([0u8; 64]);
        getrandom::fill(random.as_mut_slice())?;
        // 248 = 4 × 62: bytes above it would make some characters likelier than others.
        let characters =
            random.iter().filter(|byte| **byte < 248).map(|byte| char::from(BASE62[usize::from(*byte % 62)]));
        body.extend(characters.take(PULLPASS_BODY - body.len()));
    }
    let token = Secret::new(format!("{PULLPASS_PREFIX}{body}{}", checksum(&body)));
    zeroize::Zeroize::zeroize(&mut body);
    Ok(token)
}

/// What a person sees instead of a token: `ghp_…x9Qf`, prefix and last four, for whole tokens with a checksum. Anything
/// else could be a short password, of which four characters are too many: it shows `…#` and 8 digits of a hash under
/// `key`, which is this host's own, so that equal secrets look equal here and nothing can be looked up elsewhere.
pub fn fingerprint(secret: &Secret, key: &[u8; 32]) -> String {
    let text = secret.reveal();
    let kind = Kind::of(secret);
    let has_checksum = kind.checksummed_len(&text[kind.prefix().len()..]).is_some();
    if has_checksum && check(secret).is_ok() {
        return format!("{}…{}", kind.prefix(), &text[text.len() - 4..]);
    }
    format!("{}…#{}", kind.prefix(), &keyed_hash(text.as_bytes(), key)[..8])
}

/// What tells whether two hosts have the same secret when both are given the same random `key`, which is made for one
/// comparison: HMAC-SHA256 of the secret's bytes in 64 lower-case hexadecimal digits. The key need not be secret as long as the
/// secret is a token, which nobody can guess.
pub fn mark(secret: &Secret, key: &[u8; 32]) -> String {
    keyed_hash(secret.reveal().as_bytes(), key)
}

/// HMAC-SHA256 of `text` under `key`, which is this host's own, in hexadecimal digits: tells whether a secret is one that
/// was seen before, and nothing to whoever has no key.
pub fn keyed_hash(text: &[u8], key: &[u8; 32]) -> String {
    // HMAC pads a key that is shorter than a block with zeros itself; a whole block cannot be refused.
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    mac.update(text);
    hex::encode(mac.finalize().into_bytes())
}

/// The six checksum characters for the characters between prefix and checksum.
pub fn checksum(body: &str) -> String {
    let mut rest = crc32fast::hash(body.as_bytes());
    let mut digits = [b'0'; CHECKSUM];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

/// `text` with the tail of everything in it that is shaped like a token cut off, for messages that repeat what somebody
/// typed or stored.
pub fn mask(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((at, kind)) = find(rest) {
        let behind = at + kind.prefix().len();
        let length = token_len(&rest[at..]);
        masked.push_str(&rest[..behind]);
        if length >= kind.prefix().len() + SHORTEST_SECRET {
            masked.push('…');
            rest = &rest[at + length..];
        } else {
            rest = &rest[behind..];
        }
    }
    masked.push_str(rest);
    masked
}

/// The first place where a token may begin, and its kind.
fn find(text: &str) -> Option<(usize, Kind)> {
    PREFIXES.iter().filter_map(|(prefix, kind)| Some((text.find(prefix)?, *kind))).min_by_key(|(at, _)| *at)
}

/// How many characters from the beginning of `text` a token can have.
fn token_len(text: &str) -> usize {
    let is_token = |character: char| character.is_ascii_alphanumeric() || "_.-".contains(character);
    text.find(|character| !is_token(character)).unwrap_or(text.len())
}

fn is_base62(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
