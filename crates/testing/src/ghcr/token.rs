//! `/token`: a bearer token for a credential, or for nobody.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{Method, header};
use jiff::Timestamp;
use pullpass_oci::{Action, Scope};
use serde_json::json;

use super::{
    Visibility, World,
    answer::{Answer, Refusal, json, parameters},
    authorization::{Bearer, basic_secret},
    issued::{Host, random},
};
use crate::canned::Request;

pub(super) fn answer(world: &mut World, request: &Request) -> Answer {
    if !matches!(request.method, Method::GET | Method::HEAD) {
        return Err(Refusal::UNSUPPORTED.with_status(world.switches.post_token));
    }
    let header = request.header("authorization");
    let token = match header.split_once(' ') {
        None if !request.headers.contains_key(header::AUTHORIZATION) => for_nobody(world, request)?,
        Some((scheme, value)) if scheme.eq_ignore_ascii_case("basic") => for_credential(world, value)?,
        _ => return Err(Refusal::CHALLENGE),
    };
    Ok(json(200, &json!({ "token": token })))
}

/// Says whether the credential lives, whatever was asked for. A dead one is refused even where nobody needs one.
fn for_credential(world: &mut World, basic: &str) -> Result<String, Refusal> {
    let secret = basic_secret(basic).ok_or(Refusal::DEAD_CREDENTIAL)?;
    let token = world.accounts.token(Host::Registry, &secret).ok_or(Refusal::DEAD_CREDENTIAL)?;
    if world.switches.lockout_reaches_registry && world.lockouts.is_out(&Some(token.login.clone())) {
        return Err(Refusal::DEAD_CREDENTIAL);
    }
    if world.switches.token_checks_scopes && !token.has("read:packages") {
        return Err(Refusal::DEAD_CREDENTIAL);
    }
    if world.switches.bearer_is_the_credential {
        return Ok(BASE64_STANDARD.encode(&token.text));
    }
    let bearer = random(40);
    world.bearers.insert(bearer.clone(), Bearer { credential: token.text, issued: Timestamp::now() });
    Ok(bearer)
}

/// Says whether the package is public, and of those that are not, whether they exist.
fn for_nobody(world: &World, request: &Request) -> Result<String, Refusal> {
    let scopes = parameters(request, "scope");
    let scopes = Scope::parse_all(scopes.iter().map(String::as_str));
    let first = scopes.first().ok_or(Refusal::NO_ACCESS)?;
    for scope in &scopes {
        let package = world.packages.package(&scope.repository).ok_or(Refusal::NO_ACCESS)?;
        if scope.actions != [Action::Pull] {
            return Err(Refusal::NO_ACCESS);
        }
        if package.visibility != Some(Visibility::Public) {
            return Err(Refusal::CHALLENGE);
        }
    }
    let text = format!("v1:{}:{}", first.repository, Timestamp::now().as_nanosecond());
    Ok(BASE64_STANDARD.encode(text))
}
