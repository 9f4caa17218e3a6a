//! Who a request below `/v2/` comes from, and what that allows.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::header;
use jiff::Timestamp;
use pullpass_oci::RepositoryName;
use pullpass_secrets::{Secret, token::Kind};

use super::{
    Visibility, World,
    answer::Refusal,
    issued::{Host, Issued},
};
use crate::canned::Request;

/// A bearer token that `/token` gave out for a credential.
pub(super) struct Bearer {
    pub(super) credential: String,
    pub(super) issued: Timestamp,
}

pub(super) enum Principal {
    /// Has asked for a token at least.
    Anonymous,
    Token(Box<Issued>),
}

/// Reads `Authorization`. A client that sends a bad one never sees a challenge.
pub(super) fn principal(world: &World, request: &Request) -> Result<Principal, Refusal> {
    if !request.headers.contains_key(header::AUTHORIZATION) {
        return Err(Refusal::CHALLENGE);
    }
    let header = request.header("authorization");
    let (scheme, value) = header.split_once(' ').unwrap_or((header, ""));
    match (scheme.to_ascii_lowercase().as_str(), value.trim()) {
        ("bearer", "") => Err(Refusal::NO_TOKEN),
        ("bearer", bearer) => principal_of(world, bearer),
        ("basic", _) if world.switches.basic_on_root_is_challenged && matches!(request.path(), "/v2" | "/v2/") => {
            Err(Refusal::CHALLENGE)
        }
        _ => Err(Refusal::INVALID_TOKEN),
    }
}

/// A bearer token is one that `/token` gave out, or a credential in base64, with or without a user in front.
fn principal_of(world: &World, bearer: &str) -> Result<Principal, Refusal> {
    if let Some(known) = world.bearers.get(bearer) {
        return if is_fresh(world, known.issued) {
            living(world, &known.credential)
        } else {
            Err(Refusal::UNAUTHENTICATED)
        };
    }
    let decoded = BASE64_STANDARD.decode(bearer).map_err(|_| Refusal::INVALID_TOKEN)?;
    let text = String::from_utf8_lossy(&decoded);
    if let Some(issued) = anonymous(&text) {
        return if is_fresh(world, issued) { Ok(Principal::Anonymous) } else { Err(Refusal::UNAUTHENTICATED) };
    }
    let credential = text.split_once(':').map_or(&*text, |(_, credential)| credential);
    let is_credential = text.contains(':') || Kind::of(&Secret::new(text.clone().into_owned())) != Kind::Unknown;
    if !is_credential && world.switches.any_base64_reads_public {
        return Ok(Principal::Anonymous);
    }
    living(world, credential)
}

fn living(world: &World, credential: &str) -> Result<Principal, Refusal> {
    let token = world.accounts.token(Host::Registry, credential).ok_or(Refusal::UNAUTHENTICATED)?;
    Ok(Principal::Token(Box::new(token)))
}

/// When an anonymous token was made: `v1:OWNER/NAME:NANOSECONDS`, for whatever repository and signed by nobody.
fn anonymous(text: &str) -> Option<Timestamp> {
    let (_, nanoseconds) = text.strip_prefix("v1:")?.rsplit_once(':')?;
    Timestamp::from_nanosecond(nanoseconds.parse().ok()?).ok()
}

fn is_fresh(world: &World, issued: Timestamp) -> bool {
    let age = Timestamp::now().duration_since(issued).unsigned_abs();
    world.switches.bearer_lifetime.is_none_or(|lifetime| age < lifetime)
}

/// Whether `principal` may read `name`. A name that does not exist and one that is not for this account look the same.
pub(super) fn read(world: &World, principal: &Principal, name: &RepositoryName) -> Result<(), Refusal> {
    let package = world.packages.package(name);
    let is_public = package.is_some_and(|package| package.visibility == Some(Visibility::Public));
    let Principal::Token(token) = principal else {
        return if is_public { Ok(()) } else { Err(Refusal::NO_ACCESS) };
    };
    let owner = world.accounts.account(name.owner());
    let is_hindered = owner.as_ref().is_some_and(|owner| owner.hindrance(token).is_some());
    match token.kind {
        _ if is_hindered && !(is_public && world.switches.public_ignores_policies) => {
            Err(world.switches.policy_refusal.refusal())
        }
        Kind::GithubInstallation if is_public => Ok(()),
        Kind::GithubInstallation => match (&token.workflow, package) {
            (Some(repository), Some(package)) if package.is_open_to_workflows_of(repository) => Ok(()),
            _ => Err(refused_installation(world, token, name, Refusal::INSTALLATION_READ)),
        },
        _ if is_public && !world.switches.public_needs_scope => Ok(()),
        _ if !token.has("read:packages") => Err(Refusal::WRONG_SCOPES),
        _ if package.is_some_and(|package| package.is_readable_by(&token.login, owner.as_ref())) => Ok(()),
        _ => Err(Refusal::NO_ACCESS),
    }
}

/// Whether `principal` may push to `name`, which creates the package when there is none.
pub(super) fn write(world: &World, principal: &Principal, name: &RepositoryName) -> Result<(), Refusal> {
    let Principal::Token(token) = principal else { return Err(Refusal::NO_ACCESS) };
    let package = world.packages.package(name);
    let owner = world.accounts.account(name.owner());
    let may_create = owner.as_ref().is_none_or(|owner| !owner.forbids_creation());
    match (token.kind, package) {
        _ if owner.as_ref().is_some_and(|owner| owner.hindrance(token).is_some()) => {
            Err(world.switches.policy_refusal.refusal())
        }
        (Kind::GithubInstallation, package) => match (&token.workflow, package) {
            (Some(repository), Some(package)) if package.is_open_to_workflows_of(repository) => Ok(()),
            (Some(_), Some(_)) => Err(refused_installation(world, token, name, Refusal::NO_WRITE)),
            (Some(_), None) if may_create && token.installed_at().eq_ignore_ascii_case(name.owner()) => Ok(()),
            (None, Some(_)) => Err(refused_installation(world, token, name, Refusal::INSTALLATION_WRITE)),
            (_, None) => Err(refused_installation(world, token, name, Refusal::INSTALLATION_CREATE)),
        },
        _ if !token.has("write:packages") => Err(Refusal::WRONG_SCOPES),
        (_, Some(package)) if package.writers.contains(&token.login) => Ok(()),
        (_, Some(_)) => Err(Refusal::NO_WRITE),
        (_, None) if may_create && owner.is_some_and(|owner| owner.has_member(&token.login)) => Ok(()),
        (_, None) => Err(Refusal::NO_CREATE),
    }
}

/// An installation's token says why it was refused about the packages of its own organization only.
fn refused_installation(world: &World, token: &Issued, name: &RepositoryName, own: Refusal) -> Refusal {
    let is_own = token.installed_at().eq_ignore_ascii_case(name.owner());
    let is_organization = world.accounts.account(name.owner()).is_some_and(|owner| owner.is_organization);
    match (is_own, is_organization) {
        (true, true) => own,
        (true, false) => Refusal::NO_ACCESS,
        (false, _) => Refusal::NO_INSTALLATION,
    }
}

/// The secret of `Basic base64(USER:SECRET)`. Who the user is does not matter, but there has to be one.
pub(crate) fn basic_secret(value: &str) -> Option<String> {
    let decoded = String::from_utf8(BASE64_STANDARD.decode(value.trim()).ok()?).ok()?;
    let (user, secret) = decoded.split_once(':')?;
    (!user.is_empty()).then(|| secret.to_owned())
}
