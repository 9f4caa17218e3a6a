//! The accounts of GitHub and their tokens, which ghcr.io and api.github.com share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{
    issued::{Host, Issued, Token},
    policies::Policy,
};

/// What GitHub knows about who is who. Clones are the same accounts.
#[derive(Clone, Default)]
pub struct Accounts(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    accounts: Vec<Account>,
    tokens: Vec<Issued>,
}

/// A person or an organization.
#[derive(Clone)]
pub(crate) struct Account {
    /// A number that only this account has.
    pub(crate) id: usize,
    pub(crate) login: String,
    pub(crate) is_organization: bool,
    /// Who may create packages here: for a person the person, for an organization its members.
    members: Vec<String>,
    policies: Vec<Policy>,
}

impl Account {
    pub(crate) fn has_member(&self, login: &str) -> bool {
        self.members.iter().any(|member| member.eq_ignore_ascii_case(login))
    }

    /// The policy that keeps `token` out, if there is one.
    pub(crate) fn hindrance(&self, token: &Issued) -> Option<&Policy> {
        self.policies.iter().find(|policy| policy.hinders(token, self))
    }

    pub(super) fn forbids_creation(&self) -> bool {
        self.policies.contains(&Policy::NoPackageCreation)
    }
}

impl Accounts {
    pub(crate) fn add_person(&self, login: &str) {
        self.add(login, vec![login.to_owned()], false);
    }

    pub(crate) fn add_organization(&self, login: &str, members: &[&str]) {
        self.add(login, members.iter().map(|member| (*member).to_owned()).collect(), true);
    }

    fn add(&self, login: &str, members: Vec<String>, is_organization: bool) {
        assert!(self.account(login).is_none(), "`{login}` is there already");
        let mut known = self.known();
        let id = 583_231 + known.accounts.len();
        known.accounts.push(Account { id, login: login.to_owned(), is_organization, members, policies: Vec::new() });
    }

    /// The account with this name; upper and lower case are the same.
    pub(crate) fn account(&self, login: &str) -> Option<Account> {
        self.known().accounts.iter().find(|account| account.login.eq_ignore_ascii_case(login)).cloned()
    }

    pub(super) fn set_policies(&self, organization: &str, change: impl FnOnce(&mut Vec<Policy>)) {
        let mut known = self.known();
        let mut organizations = known.accounts.iter_mut().filter(|account| account.is_organization);
        let organization = organizations.find(|account| account.login.eq_ignore_ascii_case(organization));
        change(&mut organization.expect("an organization").policies);
    }

    /// The organizations whose single sign-on keeps `token` out.
    pub(crate) fn closed_by_single_sign_on(&self, token: &Issued) -> Vec<usize> {
        let known = self.known();
        let is_closed = |account: &&Account| account.hindrance(token) == Some(&Policy::SingleSignOn);
        known.accounts.iter().filter(is_closed).map(|account| account.id).collect()
    }

    /// A new token of `login`, which is a person, or an organization for an installation's token.
    ///
    /// # Panics
    /// When there is no such account.
    pub(crate) fn make(&self, login: &str, token: Token) -> String {
        assert!(self.account(login).is_some(), "there is no account `{login}`");
        let mut known = self.known();
        let issued = Issued::new(login, 1_000_001 + known.tokens.len(), token);
        let text = issued.text.clone();
        known.tokens.push(issued);
        text
    }

    /// From now on the token `text` is dead, if there is one.
    pub(crate) fn revoke(&self, text: &str) {
        self.change(text, |token| token.is_revoked = true);
    }

    pub(super) fn authorise(&self, text: &str, organization: &str) {
        self.change(text, |token| token.authorise(organization));
    }

    fn change(&self, text: &str, change: impl Fn(&mut Issued)) {
        self.known().tokens.iter_mut().filter(|token| token.text == text).for_each(change);
    }

    /// The token with this text, if it lives and `host` knows that.
    pub(crate) fn token(&self, host: Host, text: &str) -> Option<Issued> {
        self.known().tokens.iter().find(|token| token.text == text && token.is_alive(host)).cloned()
    }

    /// Whose token this is or was.
    pub(crate) fn holder(&self, text: &str) -> Option<String> {
        self.known().tokens.iter().find(|token| token.text == text).map(|token| token.login.clone())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
