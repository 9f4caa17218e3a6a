//! The accounts of GitHub and their tokens, which ghcr.io and api.github.com share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use pullpass_secrets::token::{self, Kind};

/// What GitHub knows about who is who. Clones are the same accounts.
#[derive(Clone, Default)]
pub struct Accounts(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    accounts: Vec<Account>,
    tokens: Vec<Issued>,
}

struct Account {
    login: String,
    /// Who may create packages here: for a person the person, for an organization its members.
    members: Vec<String>,
    is_organization: bool,
}

/// A token to be made: its kind and what it may do.
pub struct Token {
    kind: Kind,
    scopes: Vec<String>,
    expires: Option<Timestamp>,
}

impl Token {
    fn new(kind: Kind, scopes: &[&str]) -> Token {
        Token { kind, scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(), expires: None }
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
}

/// A token that was made.
#[derive(Clone)]
pub(crate) struct Issued {
    pub(crate) text: String,
    pub(crate) login: String,
    pub(crate) kind: Kind,
    pub(crate) scopes: Vec<String>,
    pub(crate) expires: Option<Timestamp>,
    is_revoked: bool,
}

impl Issued {
    /// Whether it has `scope` or one that implies it.
    pub(crate) fn has(&self, scope: &str) -> bool {
        let implied = |has: &str| has == scope || (has == "write:packages" && scope == "read:packages");
        self.scopes.iter().any(|has| implied(has))
    }

    fn is_alive(&self) -> bool {
        !self.is_revoked && self.expires.is_none_or(|at| Timestamp::now() < at)
    }
}

impl Accounts {
    pub(crate) fn add_person(&self, login: &str) {
        self.add(Account { login: login.to_owned(), members: vec![login.to_owned()], is_organization: false });
    }

    pub(crate) fn add_organization(&self, login: &str, members: &[&str]) {
        let members = members.iter().map(|member| (*member).to_owned()).collect();
        self.add(Account { login: login.to_owned(), members, is_organization: true });
    }

    fn add(&self, account: Account) {
        assert!(self.id(&account.login).is_none(), "`{}` is there already", account.login);
        self.known().accounts.push(account);
    }

    /// A new token of `login`, which is a person, or an organization for an installation's token.
    ///
    /// # Panics
    /// When there is no such account.
    pub(crate) fn make(&self, login: &str, token: Token) -> String {
        assert!(self.id(login).is_some(), "there is no account `{login}`");
        let text = text_of(token.kind);
        let Token { kind, scopes, expires } = token;
        let login = login.to_owned();
        self.known().tokens.push(Issued { text: text.clone(), login, kind, scopes, expires, is_revoked: false });
        text
    }

    /// From now on the token `text` is dead, if there is one.
    pub(crate) fn revoke(&self, text: &str) {
        self.known().tokens.iter_mut().filter(|token| token.text == text).for_each(|token| token.is_revoked = true);
    }

    /// The living token with this text.
    pub(crate) fn token(&self, text: &str) -> Option<Issued> {
        self.known().tokens.iter().find(|token| token.text == text && token.is_alive()).cloned()
    }

    /// A number that only this account has.
    pub(crate) fn id(&self, login: &str) -> Option<usize> {
        let position = self.known().accounts.iter().position(|account| account.login.eq_ignore_ascii_case(login))?;
        Some(583_231 + position)
    }

    /// Whether `login` may create packages below `owner`.
    pub(crate) fn may_create(&self, login: &str, owner: &str) -> bool {
        let known = self.known();
        let owner = known.accounts.iter().find(|account| account.login.eq_ignore_ascii_case(owner));
        owner.is_some_and(|owner| owner.members.iter().any(|member| member.eq_ignore_ascii_case(login)))
    }

    pub(crate) fn is_organization(&self, login: &str) -> bool {
        let is_it = |account: &Account| account.is_organization && account.login.eq_ignore_ascii_case(login);
        self.known().accounts.iter().any(is_it)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
