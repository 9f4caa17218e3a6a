//! What organizations and their enterprises forbid to tokens that would be good enough otherwise.

use pullpass_secrets::token::Kind;

use super::{accounts::Account, answer::Refusal, issued::Issued};

/// A rule of an organization. Its words on api.github.com are known; those of ghcr.io are not, see [`PolicyRefusal`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Policy {
    /// SAML single sign-on: a member's token has to be authorised, see [`super::Token::authorised`].
    SingleSignOn,
    /// No classic personal access tokens.
    NoClassicTokens,
    /// No classic personal access tokens that live for more than `days`, as the organization's enterprise says.
    MaximumLifetime {
        /// The enterprise.
        enterprise: String,
        /// The longest lifetime.
        days: u32,
    },
    /// No OAuth app that an owner has not approved, and none is approved.
    ApprovedAppsOnly,
    /// Nobody from this address.
    IpAllowList,
    /// Members and workflows create no packages.
    NoPackageCreation,
}

impl Policy {
    /// Whether it keeps `token` out of `organization`.
    pub(super) fn hinders(&self, token: &Issued, organization: &Account) -> bool {
        match self {
            Policy::SingleSignOn => {
                matches!(token.kind, Kind::GithubClassic | Kind::GithubOauth)
                    && organization.has_member(&token.login)
                    && !token.is_authorised(&organization.login)
            }
            Policy::NoClassicTokens => token.kind == Kind::GithubClassic,
            Policy::MaximumLifetime { days, .. } => token.kind == Kind::GithubClassic && token.outlives(*days),
            Policy::ApprovedAppsOnly => token.kind == Kind::GithubOauth,
            Policy::IpAllowList => true,
            Policy::NoPackageCreation => false,
        }
    }
}

/// How ghcr.io refuses what a [`Policy`] forbids.
#[derive(Clone, Copy, Debug)]
pub enum PolicyRefusal {
    /// 403 `requested access to the resource is denied`, as without a role.
    NoAccess,
    /// 403 `denied`, as with a dead credential, but on the manifest.
    Denied,
    /// 401 `authentication required`, of which clients show `unauthorized`.
    Unauthorized,
}

impl PolicyRefusal {
    pub(super) fn refusal(self) -> Refusal {
        match self {
            PolicyRefusal::NoAccess => Refusal::NO_ACCESS,
            PolicyRefusal::Denied => Refusal::DEAD_CREDENTIAL,
            PolicyRefusal::Unauthorized => Refusal::UNAUTHORIZED,
        }
    }
}
