//! `/orgs/OWNER/packages/container/NAME` and the same below `/users`: "REST API endpoints for packages".

use bytes::Bytes;
use http::Response;
use pullpass_oci::RepositoryName;
use pullpass_secrets::token::Kind;
use serde_json::json;

use super::{
    Caller,
    answer::{json, problem, set},
    policies,
};
use crate::ghcr::{Account, Issued, World};

/// `of_organization` says which of the two paths it is: the wrong one for an owner leads nowhere.
pub(super) fn answer(
    world: &World,
    caller: &Caller,
    of_organization: bool,
    owner: &str,
    name: &str,
) -> Response<Bytes> {
    let Caller::Token(token) = caller else { return problem(401, "Requires authentication") };
    let Some(owner) = world.accounts.account(owner).filter(|owner| owner.is_organization == of_organization) else {
        return problem(404, "Not Found");
    };
    if let Some(policy) = owner.hindrance(token) {
        return policies::refused(policy, token, &owner, world.switches.policies_hide);
    }
    let mut response = match token.kind {
        // Even with the permission to read packages: actions/create-github-app-token#314.
        Kind::GithubInstallation => problem(404, "Not Found"),
        Kind::GithubFineGrained => problem(403, "Resource not accessible by personal access token"),
        _ if !token.has("read:packages") => problem(403, "You need at least read:packages scope to get a package."),
        _ => found(world, token, &owner, name).unwrap_or_else(|| problem(404, "Package not found.")),
    };
    set(&mut response, "x-accepted-oauth-scopes", "read:packages");
    response
}

fn found(world: &World, token: &Issued, owner: &Account, name: &str) -> Option<Response<Bytes>> {
    // Nothing else in a repository's name is ever encoded.
    let path = name.replace("%2F", "/").replace("%2f", "/");
    let repository: RepositoryName = format!("{}/{path}", owner.login).to_ascii_lowercase().parse().ok()?;
    let package = world.packages.package(&repository)?;
    if !package.is_readable_by(&token.login, Some(owner)) {
        return None;
    }
    let kind = if owner.is_organization { "orgs" } else { "users" };
    let page =
        format!("https://github.com/{kind}/{}/packages/container/package/{}", owner.login, path.replace('/', "%2F"));
    let body = json!({
        "name": path,
        "package_type": "container",
        "visibility": package.visibility?.word(),
        "html_url": page,
        "repository": package.linked_to.as_ref().map(|source| json!({ "full_name": source })),
    });
    Some(json(200, &body))
}
