//! How api.github.com words what an organization forbids.

use bytes::Bytes;
use http::Response;
use pullpass_secrets::token::Kind;
use serde_json::json;

use super::answer::{json, problem, set};
use crate::ghcr::{Account, Issued, Policy, random};

/// With `hides`, 404 for those that are documented to have two ways.
pub(super) fn refused(policy: &Policy, token: &Issued, organization: &Account, hides: bool) -> Response<Bytes> {
    let organization = &organization.login;
    match policy {
        Policy::SingleSignOn | Policy::ApprovedAppsOnly if hides => problem(404, "Not Found"),
        Policy::SingleSignOn => single_sign_on(token, organization),
        Policy::NoClassicTokens => problem(
            403,
            &format!(
                "`{organization}` forbids access via a personal access token (classic). Please use a GitHub App, OAuth \
                 App, or a personal access token with fine-grained permissions."
            ),
        ),
        Policy::MaximumLifetime { enterprise, days } => problem(
            403,
            &format!(
                "The '{enterprise}' enterprise forbids access via a personal access tokens (classic) if the token's \
                 lifetime is greater than {days} days. Please adjust your token's lifetime at the following URL: \
                 https://github.com/settings/tokens/{}",
                token.number
            ),
        ),
        Policy::ApprovedAppsOnly => problem(
            403,
            &format!(
                "Although you appear to have the correct authorization credentials, the `{organization}` organization \
                 has enabled OAuth App access restrictions, meaning that data access to third-parties is limited. For \
                 more information on these restrictions, including how to enable this app, visit \
                 https://docs.github.com/articles/restricting-access-to-your-organization-s-data/"
            ),
        ),
        Policy::IpAllowList => problem(
            403,
            &format!(
                "Although you appear to have the correct authorization credentials, the `{organization}` organization \
                 has an IP allow list enabled, and your IP address is not permitted to access this resource."
            ),
        ),
        Policy::NoPackageCreation => problem(404, "Not Found"),
    }
}

fn single_sign_on(token: &Issued, organization: &str) -> Response<Bytes> {
    let kind = if token.kind == Kind::GithubOauth { "OAuth token" } else { "Personal Access token" };
    let message = format!(
        "Resource protected by organization SAML enforcement. You must grant your {kind} access to this organization."
    );
    let documentation =
        "https://docs.github.com/articles/authenticating-to-a-github-organization-with-saml-single-sign-on/";
    let body = json!({ "message": message, "documentation_url": documentation, "status": "403" });
    let mut response = json(403, &body);
    // Works for an hour.
    let request = random(40);
    let url = format!("https://github.com/orgs/{organization}/sso?authorization_request={request}");
    set(&mut response, "x-github-sso", &format!("required; url={url}"));
    response
}
