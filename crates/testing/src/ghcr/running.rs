//! A registry that runs, and what a test changes about it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::SignedDuration;

use super::{Accounts, Failing, Policy, Token, Visibility, World, lock, repository_name};
use crate::canned::Canned;

/// A running ghcr.io. Dropping it closes its ports.
pub struct Running {
    /// The registry: its address, and what it was asked.
    pub registry: Canned,
    /// The other host, which has the bytes of blobs.
    pub storage: Canned,
    /// Who is who.
    pub accounts: Accounts,
    /// What api.github.com knows too, see [`crate::github::Github`].
    pub(crate) world: Arc<Mutex<World>>,
}

impl Running {
    /// `127.0.0.1:PORT/PATH`, for clients that came without a name for it.
    pub fn reference(&self, path: &str) -> String {
        format!("{}/{path}", self.registry.host())
    }

    /// A new token of `login`.
    ///
    /// # Panics
    /// When there is no such account.
    pub fn token(&self, login: &str, token: Token) -> String {
        self.accounts.make(login, token)
    }

    /// Kills a token.
    pub fn revoke(&self, token: &str) {
        self.accounts.revoke(token);
    }

    /// Authorises a token for an organization with [`Policy::SingleSignOn`].
    pub fn authorise(&self, token: &str, organization: &str) {
        self.accounts.authorise(token, organization);
    }

    /// Adds a policy to an organization.
    ///
    /// # Panics
    /// When there is no such organization.
    pub fn policy(&self, organization: &str, policy: Policy) {
        self.accounts.set_policies(organization, |policies| policies.push(policy));
    }

    /// Ends all policies of an organization.
    ///
    /// # Panics
    /// When there is no such organization.
    pub fn lift_policies(&self, organization: &str) {
        self.accounts.set_policies(organization, Vec::clear);
    }

    /// From now on GitHub refuses every credential of `login`, as after several bad tries, for [`super::Switches::lockout`].
    pub fn lock_out(&self, login: &str) {
        let mut world = lock(&self.world);
        let duration = world.switches.lockout;
        world.lockouts.lock_out(Some(login.to_owned()), duration);
    }

    /// Changes who sees a package, as its settings page does.
    ///
    /// # Panics
    /// When `name` is no repository name.
    pub fn set_visibility(&self, name: &str, visibility: Visibility) {
        lock(&self.world).packages.repository(&repository_name(name)).visibility = Some(visibility);
    }

    /// From now on every answer to a path that starts with `prefix` goes wrong. The blobs' host has its paths below
    /// `/ghcr1/`.
    pub fn fail(&self, prefix: &str, failing: Failing) {
        self.fail_times(usize::MAX, prefix, failing);
    }

    /// The same for the next `times` answers.
    pub fn fail_times(&self, times: usize, prefix: &str, failing: Failing) {
        lock(&self.world).failing.add(times, prefix, failing);
    }

    /// From now on, or no longer, answers lack `x-github-request-id`, those of api.github.com too, as when somebody who
    /// intercepts TLS gives them.
    pub fn intercepted(&self, is_it: bool) {
        lock(&self.world).is_intercepted = is_it;
    }

    /// From now on every answer, of the other host too, comes that much later.
    pub fn delay(&self, delay: Duration) {
        self.registry.delay(delay);
        self.storage.delay(delay);
    }

    /// From now on the `Date` of every answer, of the other host too, is that far from the real one.
    pub fn clock(&self, ahead: SignedDuration) {
        self.registry.clock(ahead);
        self.storage.clock(ahead);
    }

    /// Ends all that [`Running::fail`] began.
    pub fn heal(&self) {
        lock(&self.world).failing.clear();
    }
}
