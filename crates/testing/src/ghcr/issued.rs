//! Tokens: what they may be, and those that were made.

use std::{ops::Deref, time::Duration};

use jiff::{SignedDuration, Timestamp};
use pullpass_secrets::token::{self, Kind};

/// A token to be made: its kind and what it may do.
#[derive(Clone)]
pub struct Token {
    pub(crate) kind: Kind,
    pub(crate) scopes: Vec<String>,
    pub(crate) expires: Option<Timestamp>,
    /// The repository whose workflow it belongs to.
    pub(crate) workflow: Option<String>,
    /// The organizations that enforce SAML single sign-on and that it is authorised for.
    authorised: Vec<String>,
    active_after: Duration,
    known_after: Duration,
}

impl Token {
    fn new(kind: Kind, scopes: &[&str]) -> Token {
        Token {
            kind,
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            expires: None,
            workflow: None,
            authorised: Vec::new(),
            active_after: Duration::ZERO,
            known_after: Duration::ZERO,
        }
    }

    /// `ghp_…`: a classic personal access token.
    pub fn classic(scopes: &[&str]) -> Token {
        Token::new(Kind::GithubClassic, scopes)
    }

    /// `gho_…`: what `gh auth token` prints.
    pub fn oauth(scopes: &[&str]) -> Token {
        Token::new(Kind::GithubOauth, scopes)
    }

    /// `github_pat_…`: a fine-grained personal access token.
    pub fn fine_grained() -> Token {
        Token::new(Kind::GithubFineGrained, &[])
    }

    /// `ghs_…`: a token of a GitHub App's installation in the organization that it is made for.
    pub fn installation() -> Token {
        Token::new(Kind::GithubInstallation, &[])
    }

    /// `ghs_…`: the `GITHUB_TOKEN` of a workflow in `OWNER/REPOSITORY` with `packages: write`. [`super::Running::revoke`]
    /// ends it, as the end of its job does.
    pub fn workflow(repository: &str) -> Token {
        Token { workflow: Some(repository.to_owned()), ..Token::installation() }
    }

    /// The same, dead from `at` on.
    #[must_use]
    pub fn expires(mut self, at: Timestamp) -> Token {
        self.expires = Some(at);
        self
    }

    /// The same, dead for an hour.
    #[must_use]
    pub fn expired(self) -> Token {
        self.expires(Timestamp::now() - SignedDuration::from_hours(1))
    }

    /// The same, authorised for an organization with [`super::Policy::SingleSignOn`].
    #[must_use]
    pub fn authorised(mut self, organization: &str) -> Token {
        self.authorised.push(organization.to_owned());
        self
    }

    /// The same, which ghcr.io takes for dead in its first moments. api.github.com knows it at once.
    #[must_use]
    pub fn active_after(mut self, delay: Duration) -> Token {
        self.active_after = delay;
        self
    }

    /// The same, which api.github.com takes for dead in its first moments. ghcr.io knows it at once.
    #[must_use]
    pub fn known_after(mut self, delay: Duration) -> Token {
        self.known_after = delay;
        self
    }
}

/// Who is asked about a token.
#[derive(Clone, Copy)]
pub(crate) enum Host {
    Registry,
    Api,
}

/// A token that was made.
#[derive(Clone)]
pub(crate) struct Issued {
    pub(crate) text: String,
    /// Whose it is.
    pub(crate) login: String,
    /// Which one it is: `https://github.com/settings/tokens/NUMBER`.
    pub(crate) number: usize,
    made: Timestamp,
    pub(super) is_revoked: bool,
    token: Token,
}

impl Deref for Issued {
    type Target = Token;

    fn deref(&self) -> &Token {
        &self.token
    }
}

impl Issued {
    pub(super) fn new(login: &str, number: usize, token: Token) -> Issued {
        let text = text_of(token.kind);
        Issued { text, login: login.to_owned(), number, made: Timestamp::now(), is_revoked: false, token }
    }

    /// Whether it has `scope` or one that implies it.
    pub(crate) fn has(&self, scope: &str) -> bool {
        let implied = |has: &str| has == scope || (has == "write:packages" && scope == "read:packages");
        self.scopes.iter().any(|has| implied(has))
    }

    /// Whether it lives, as far as `host` has heard.
    pub(super) fn is_alive(&self, host: Host) -> bool {
        let now = Timestamp::now();
        let news = match host {
            Host::Registry => self.active_after,
            Host::Api => self.known_after,
        };
        !self.is_revoked
            && self.expires.is_none_or(|at| now < at)
            && now.duration_since(self.made).unsigned_abs() >= news
    }

    /// Whether it was to live for more than `days`.
    pub(super) fn outlives(&self, days: u32) -> bool {
        let limit = SignedDuration::from_hours(24 * i64::from(days));
        self.expires.is_none_or(|at| at.duration_since(self.made) > limit)
    }

    pub(super) fn is_authorised(&self, organization: &str) -> bool {
        self.authorised.iter().any(|name| name.eq_ignore_ascii_case(organization))
    }

    pub(super) fn authorise(&mut self, organization: &str) {
        self.token.authorised.push(organization.to_owned());
    }

    /// In whose name an installation acts: a workflow in that of its repository's owner.
    pub(super) fn installed_at(&self) -> &str {
        self.workflow.as_deref().and_then(|repository| repository.split('/').next()).unwrap_or(&self.login)
    }
}

/// As GitHub shapes them: "About authentication to GitHub", and for installations its changelog of 2026-04-24.
fn text_of(kind: Kind) -> String {
    let prefix = kind.prefix();
    match kind {
        Kind::GithubFineGrained => format!("{prefix}{}_{}", random(22), random(59)),
        // The application's number, then a JWT with a signature of 256 bytes: about 520 characters in all.
        Kind::GithubInstallation => format!("{prefix}12345_{}.{}.{}", random(36), random(124), random(342)),
        _ => {
            let body = random(30);
            format!("{prefix}{body}{}", token::checksum(&body))
        }
    }
}

/// `length` characters of base 62.
pub(crate) fn random(length: usize) -> String {
    let mut text = String::new();
    while text.len() < length {
        let token = token::generate().expect("random bytes");
        // Without its prefix and its checksum.
        text.push_str(&token.reveal()[token::PULLPASS_PREFIX.len()..][..40]);
    }
    text.truncate(length);
    text
}
