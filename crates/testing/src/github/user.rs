//! `/user`: whose token it is; and what the headers of every answer say about a token.

use bytes::Bytes;
use http::Response;
use jiff::tz;
use pullpass_secrets::token::Kind;

use super::{
    Caller,
    answer::{json, problem, set},
    users,
};
use crate::ghcr::{Issued, World};

pub(super) fn answer(world: &World, caller: &Caller) -> Response<Bytes> {
    let Caller::Token(token) = caller else { return problem(401, "Requires authentication") };
    if token.kind == Kind::GithubInstallation && !world.switches.installations_have_a_user {
        return problem(403, "Resource not accessible by integration");
    }
    let account = world.accounts.account(&token.login).expect("tokens are made for accounts");
    let mut response = json(200, &users::described(&account));
    let closed = world.accounts.closed_by_single_sign_on(token);
    if world.switches.user_names_single_sign_on && !closed.is_empty() {
        let closed: Vec<String> = closed.iter().map(ToString::to_string).collect();
        set(&mut response, "x-github-sso", &format!("partial-results; organizations={}", closed.join(",")));
    }
    response
}

/// What every answer to a living token says about it.
pub(super) fn describe(token: &Issued, response: &mut Response<Bytes>) {
    if matches!(token.kind, Kind::GithubClassic | Kind::GithubOauth) {
        set(response, "x-oauth-scopes", &normalised(token));
        response.headers_mut().entry("x-accepted-oauth-scopes").or_insert(http::HeaderValue::from_static(""));
    }
    if let Some(at) = token.expires {
        let text = match token.kind {
            Kind::GithubClassic => at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
            _ => tz::offset(2).to_datetime(at).strftime("%Y-%m-%d %H:%M:%S +0200").to_string(),
        };
        set(response, "github-authentication-token-expiration", &text);
    }
}

/// Scopes in alphabetical order, without those that another implies.
fn normalised(token: &Issued) -> String {
    let implied = |scope: &str| scope == "read:packages" && token.scopes.iter().any(|other| other == "write:packages");
    let mut scopes: Vec<&str> = token.scopes.iter().map(String::as_str).filter(|scope| !implied(scope)).collect();
    scopes.sort_unstable();
    scopes.join(", ")
}
