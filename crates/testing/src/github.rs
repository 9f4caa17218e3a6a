//! A stand-in for api.github.com: what it says about a token, its account and its packages, and how it revokes one. It
//! shares all of that with [`crate::ghcr`]. Shapes: GitHub's documentation of its REST API, version 2022-11-28. Paths have
//! a file each, named after them.

mod answer;
mod credentials;
mod installation;
mod packages;
mod policies;
mod rate_limit;
mod user;
mod users;

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Response, header};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use self::answer::{json, problem, set};
use crate::{
    canned::{Canned, Certificates, Request},
    ghcr::{self, Failing, Host, Issued, Rules, Running, World, basic_secret, request_id},
};

/// Requests an hour: without a token, and with one.
const LIMITS: (usize, usize) = (60, 5000);

/// A running api.github.com. Dropping it closes its port.
pub struct Github {
    /// Its address, and what it was asked.
    pub api: Canned,
    failing: Arc<Mutex<Rules>>,
}

impl Github {
    /// Serves what `ghcr` knows over plain HTTP on a free loopback port.
    pub async fn start(ghcr: &Running) -> Github {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        Github::start_at(loopback, None, ghcr).await.expect("a free loopback port")
    }

    /// Serves what `ghcr` knows where it has to be, over TLS when there are `certificates`.
    ///
    /// # Errors
    /// When `address` is taken or not ours.
    pub async fn start_at(
        address: SocketAddr,
        certificates: Option<&Certificates>,
        ghcr: &Running,
    ) -> io::Result<Github> {
        let failing = Arc::<Mutex<Rules>>::default();
        let rules = Arc::clone(&failing);
        let limits = Limits { used: Mutex::default(), reset: Timestamp::now() + SignedDuration::from_hours(1) };
        let world = Arc::clone(&ghcr.world);
        let api = Canned::start_at(address, certificates, move |request| {
            let failing = guard(&rules).next(request.path());
            let is_over = matches!(failing, Some(Failing::RateLimited));
            let right = answer(&mut ghcr::lock(&world), &limits, request, is_over);
            match failing {
                Some(failing) if !is_over => failing.instead(request, right),
                _ => right.into(),
            }
        });
        Ok(Github { api: api.await?, failing })
    }

    /// From now on every answer to a path that starts with `prefix` goes wrong.
    pub fn fail(&self, prefix: &str, failing: Failing) {
        guard(&self.failing).add(usize::MAX, prefix, failing);
    }

    /// From now on every answer comes that much later.
    pub fn delay(&self, delay: Duration) {
        self.api.delay(delay);
    }

    /// From now on the `Date` of every answer is that far from the real one.
    pub fn clock(&self, ahead: SignedDuration) {
        self.api.clock(ahead);
    }
}

/// Requests so far by account; nobody's are under the empty name.
struct Limits {
    used: Mutex<HashMap<String, usize>>,
    reset: Timestamp,
}

enum Caller {
    Nobody,
    /// Sent a credential that is none, or none any more.
    Dead,
    /// Sent too many of them before, and now something good or bad.
    LockedOut,
    Token(Box<Issued>),
}

/// With `is_over`, the caller has no requests left in this hour.
fn answer(world: &mut World, limits: &Limits, request: &Request, is_over: bool) -> Response<Bytes> {
    let caller = caller(world, request);
    let used = count(limits, &caller, request.path() != "/rate_limit");
    let used = if is_over { limit(&caller) + 1 } else { used };
    let mut response = match (request.path(), &caller) {
        _ if used > limit(&caller) => problem(403, "API rate limit exceeded for 127.0.0.1."),
        (_, Caller::LockedOut) => problem(403, "Maximum number of login attempts exceeded. Please try again later."),
        ("/credentials/revoke", Caller::Nobody) if request.method == Method::POST => {
            credentials::revoke(world, request)
        }
        ("/credentials/revoke", _) if request.method == Method::POST => problem(403, "Forbidden"),
        (_, Caller::Dead) => problem(401, "Bad credentials"),
        _ if !matches!(request.method, Method::GET | Method::HEAD) => problem(404, "Not Found"),
        ("/rate_limit", _) => rate_limit::answer(limit(&caller), used, limits.reset),
        ("/", _) => json(200, &json!({ "current_user_url": "https://api.github.com/user" })),
        ("/user", caller) => user::answer(world, caller),
        ("/installation/repositories", caller) => installation::repositories(caller),
        (path, caller) => below(world, path, caller),
    };
    if let Caller::Token(token) = &caller {
        user::describe(token, &mut response);
    }
    set(&mut response, "x-ratelimit-limit", &limit(&caller).to_string());
    set(&mut response, "x-ratelimit-remaining", &limit(&caller).saturating_sub(used).to_string());
    set(&mut response, "x-ratelimit-used", &used.to_string());
    set(&mut response, "x-ratelimit-reset", &limits.reset.as_second().to_string());
    set(&mut response, "x-ratelimit-resource", "core");
    if !world.is_intercepted {
        set(&mut response, "x-github-request-id", &request_id());
    }
    response
}

/// Paths with names in them. A package's has `/` as `%2F`.
fn below(world: &World, path: &str, caller: &Caller) -> Response<Bytes> {
    match path.split('/').collect::<Vec<_>>()[..] {
        ["", "users", login] => users::answer(world, login),
        ["", "orgs", owner, "packages", "container", name] => packages::answer(world, caller, true, owner, name),
        ["", "users", owner, "packages", "container", name] => packages::answer(world, caller, false, owner, name),
        _ => problem(404, "Not Found"),
    }
}

/// The token is sent as it is, after `Bearer` or `token`, or as the password of a user who does not matter.
fn caller(world: &mut World, request: &Request) -> Caller {
    if !request.headers.contains_key(header::AUTHORIZATION) {
        return Caller::Nobody;
    }
    let header = request.header("authorization");
    let (scheme, value) = header.split_once(' ').unwrap_or((header, ""));
    let secret = match scheme.to_ascii_lowercase().as_str() {
        "bearer" | "token" => value.trim().to_owned(),
        "basic" => basic_secret(value).unwrap_or_default(),
        _ => String::new(),
    };
    let holder = world.accounts.holder(&secret);
    if world.lockouts.is_out(&holder) {
        return Caller::LockedOut;
    }
    match world.accounts.token(Host::Api, &secret) {
        Some(token) => Caller::Token(Box::new(token)),
        None => {
            world.lockouts.bad_try(holder, world.switches.login_attempts, world.switches.lockout);
            Caller::Dead
        }
    }
}

fn limit(caller: &Caller) -> usize {
    match caller {
        Caller::Nobody | Caller::Dead | Caller::LockedOut => LIMITS.0,
        Caller::Token(_) => LIMITS.1,
    }
}

/// How many requests its caller has made this hour, this one too if it counts.
fn count(limits: &Limits, caller: &Caller, counts: bool) -> usize {
    let login = match caller {
        Caller::Nobody | Caller::Dead | Caller::LockedOut => String::new(),
        Caller::Token(token) => token.login.clone(),
    };
    let mut used = guard(&limits.used);
    let used = used.entry(login).or_default();
    *used += usize::from(counts);
    *used
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
