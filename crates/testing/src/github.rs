//! A stand-in for api.github.com: what it says about a token, and how it revokes one. It shares its accounts with
//! [`crate::ghcr`]. Shapes: GitHub's documentation, "REST API endpoints for users" and "… for revoking credentials".

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use http::{HeaderValue, Method, Response, header};
use jiff::{SignedDuration, Timestamp, tz};
use pullpass_secrets::{Secret, token::Kind};
use serde_json::{Value, json};

use crate::{
    canned::{Canned, Certificates, Request, response},
    ghcr::{Accounts, Issued, Switches, basic_secret, request_id},
};

/// Requests an hour: without a token, and with one.
const LIMITS: (usize, usize) = (60, 5000);

/// How many tokens one request may revoke.
const REVOKED_AT_ONCE: usize = 1000;

/// A running api.github.com. Dropping it closes its port.
pub struct Github {
    /// Its address, and what it was asked.
    pub api: Canned,
}

impl Github {
    /// Serves `accounts` over plain HTTP on a free loopback port.
    pub async fn start(accounts: &Accounts) -> Github {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        Github::start_at(loopback, None, accounts, &Switches::default()).await.expect("a free loopback port")
    }

    /// Serves `accounts` where it has to be, over TLS when there are `certificates`.
    ///
    /// # Errors
    /// When `address` is taken or not ours.
    pub async fn start_at(
        address: SocketAddr,
        certificates: Option<&Certificates>,
        accounts: &Accounts,
        switches: &Switches,
    ) -> io::Result<Github> {
        let world = World {
            accounts: accounts.clone(),
            switches: switches.clone(),
            used: Mutex::default(),
            reset: Timestamp::now() + SignedDuration::from_hours(1),
        };
        let api = Canned::start_at(address, certificates, move |request| answer(&world, request)).await?;
        Ok(Github { api })
    }
}

struct World {
    accounts: Accounts,
    switches: Switches,
    /// Requests so far by account; nobody's are under the empty name.
    used: Mutex<HashMap<String, usize>>,
    reset: Timestamp,
}

enum Caller {
    Nobody,
    /// Sent a credential that is none, or none any more.
    Dead,
    Token(Box<Issued>),
}

fn answer(world: &World, request: &Request) -> Response<Bytes> {
    let caller = caller(world, request);
    let used = count(world, &caller);
    let mut response = match (request.path(), &caller) {
        _ if used > limit(&caller) => problem(403, "API rate limit exceeded for 127.0.0.1."),
        ("/credentials/revoke", Caller::Nobody) if request.method == Method::POST => revoke(world, request),
        ("/credentials/revoke", _) if request.method == Method::POST => problem(403, "Forbidden"),
        (_, Caller::Dead) => problem(401, "Bad credentials"),
        _ if !matches!(request.method, Method::GET | Method::HEAD) => problem(404, "Not Found"),
        ("/user", Caller::Nobody) => problem(401, "Requires authentication"),
        ("/user", Caller::Token(token)) => user(world, token),
        ("/", _) => json(200, &json!({ "current_user_url": "https://api.github.com/user" })),
        _ => problem(404, "Not Found"),
    };
    if let Caller::Token(token) = &caller {
        describe(token, &mut response);
    }
    let remaining = limit(&caller).saturating_sub(used);
    set(&mut response, "x-ratelimit-limit", &limit(&caller).to_string());
    set(&mut response, "x-ratelimit-remaining", &remaining.to_string());
    set(&mut response, "x-ratelimit-used", &used.to_string());
    set(&mut response, "x-ratelimit-reset", &world.reset.as_second().to_string());
    set(&mut response, "x-ratelimit-resource", "core");
    set(&mut response, "x-github-request-id", &request_id());
    response
}

/// The token is sent as it is, after `Bearer` or `token`, or as the password of a user who does not matter.
fn caller(world: &World, request: &Request) -> Caller {
    if !request.headers.contains_key(header::AUTHORIZATION) {
        return Caller::Nobody;
    }
    let header = request.header("authorization");
    let (scheme, value) = header.split_once(' ').unwrap_or((header, ""));
    let secret = match scheme.to_ascii_lowercase().as_str() {
        "bearer" | "token" => Some(value.trim().to_owned()),
        "basic" => basic_secret(value),
        _ => None,
    };
    let token = secret.and_then(|secret| world.accounts.token(&secret));
    token.map_or(Caller::Dead, |token| Caller::Token(Box::new(token)))
}

fn limit(caller: &Caller) -> usize {
    match caller {
        Caller::Nobody | Caller::Dead => LIMITS.0,
        Caller::Token(_) => LIMITS.1,
    }
}

/// Which request of this hour it is for its caller.
fn count(world: &World, caller: &Caller) -> usize {
    let login = match caller {
        Caller::Nobody | Caller::Dead => String::new(),
        Caller::Token(token) => token.login.clone(),
    };
    let mut used = world.used.lock().unwrap_or_else(PoisonError::into_inner);
    let used = used.entry(login).or_default();
    *used += 1;
    *used
}

fn user(world: &World, token: &Issued) -> Response<Bytes> {
    if token.kind == Kind::GithubInstallation && !world.switches.installations_have_a_user {
        return problem(403, "Resource not accessible by integration");
    }
    let login = &token.login;
    json(
        200,
        &json!({
            "login": login,
            "id": world.accounts.id(login),
            "url": format!("https://api.github.com/users/{login}"),
            "html_url": format!("https://github.com/{login}"),
            "type": "User",
        }),
    )
}

/// Answers 202 whether or not the tokens were any, so that nobody can try out which are.
fn revoke(world: &World, request: &Request) -> Response<Bytes> {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let credentials: Option<Vec<&str>> =
        body["credentials"].as_array().and_then(|items| items.iter().map(Value::as_str).collect());
    let Some(credentials) = credentials.filter(|credentials| credentials.len() <= REVOKED_AT_ONCE) else {
        return problem(422, "Validation Failed");
    };
    for text in credentials {
        // Installations' tokens are ended by their own call.
        if Kind::of(&Secret::new(text.to_owned())) != Kind::GithubInstallation {
            world.accounts.revoke(text);
        }
    }
    json(202, &json!({}))
}

/// What every answer to a living token says about it.
fn describe(token: &Issued, response: &mut Response<Bytes>) {
    if matches!(token.kind, Kind::GithubClassic | Kind::GithubOauth) {
        set(response, "x-oauth-scopes", &normalised(token));
        set(response, "x-accepted-oauth-scopes", "");
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

fn problem(status: u16, message: &str) -> Response<Bytes> {
    let documentation = "https://docs.github.com/rest";
    json(status, &json!({ "message": message, "documentation_url": documentation, "status": status.to_string() }))
}

fn json(status: u16, body: &Value) -> Response<Bytes> {
    response(status, &[("content-type", "application/json; charset=utf-8")], body.to_string())
}

fn set(response: &mut Response<Bytes>, name: &'static str, value: &str) {
    response.headers_mut().insert(name, HeaderValue::from_str(value).expect("visible characters"));
}
