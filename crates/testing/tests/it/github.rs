mod installation;
mod lockout;
mod packages;
mod policies;
mod users;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use insta::assert_snapshot;
use jiff::Timestamp;
use pullpass_testing::canned::Certificates;
use pullpass_testing::ghcr::{Failing, Ghcr, Running, Token, Visibility};
use pullpass_testing::github::Github;

use super::{Answer, ask};

const PACKAGE: &str = "GET /orgs/midokura/packages/container/hello";

/// ghcr.io and api.github.com with the same accounts.
struct Site {
    ghcr: Running,
    github: Github,
    certificates: Certificates,
}

impl Site {
    async fn new() -> Site {
        Site::with(|ghcr| ghcr).await
    }

    /// With `more` than that.
    async fn with(more: impl FnOnce(Ghcr) -> Ghcr) -> Site {
        let certificates = Certificates::for_names(&["ghcr.io", "api.github.com"]);
        let ghcr = Ghcr::new().account("octocat").account("hubot").organization("midokura", &["octocat"]).package(
            "midokura/hello",
            Visibility::Private,
            &["octocat"],
        );
        let ghcr = more(ghcr).start_tls(&certificates).await;
        let loopback = ([127, 0, 0, 1], 0).into();
        let github = Github::start_at(loopback, Some(&certificates), &ghcr).await;
        let github = github.expect("a free loopback port");
        Site { ghcr, github, certificates }
    }

    async fn ask(&self, asked: &str, authorization: &str) -> Answer {
        self.send(asked, authorization, "").await
    }

    async fn send(&self, asked: &str, authorization: &str, body: &str) -> Answer {
        let headers = [("Authorization", authorization), ("User-Agent", "pullpass")];
        let headers = if authorization.is_empty() { &headers[1..] } else { &headers[..] };
        ask(&self.github.api, &self.certificates, "api.github.com", asked, headers, body.as_bytes()).await
    }

    /// With the token as it is.
    async fn tell(&self, asked: &str, token: &str) -> Answer {
        self.ask(asked, &format!("Bearer {token}")).await
    }

    /// The same of ghcr.io, in base64.
    async fn pull(&self, asked: &str, token: &str) -> Answer {
        let bearer = format!("Bearer {}", BASE64_STANDARD.encode(token));
        self.registry(asked, &bearer).await
    }

    async fn registry(&self, asked: &str, authorization: &str) -> Answer {
        let headers = [("Authorization", authorization)];
        ask(&self.ghcr.registry, &self.certificates, "ghcr.io", asked, &headers, b"").await
    }

    fn reader(&self) -> String {
        self.ghcr.token("octocat", Token::classic(&["read:packages"]))
    }
}

// `GET /user` | 200 login/id; X-OAuth-Scopes present for ghp_/gho_, names normalised: `write:packages` may hide
// `read:packages`; x-ratelimit-*: user 5,000/h
#[tokio::test]
async fn a_living_token_says_whose_it_is_and_what_it_may() {
    let site = Site::new().await;
    let token = site.ghcr.token("octocat", Token::classic(&["write:packages", "repo", "read:packages"]));
    assert_snapshot!(site.tell("GET /user", &token).await, @r#"
    GET /user
    200
    content-length: 130
    content-type: application/json; charset=utf-8
    date: […]
    x-accepted-oauth-scopes:
    x-github-request-id: […]
    x-oauth-scopes: repo, write:packages
    x-ratelimit-limit: 5000
    x-ratelimit-remaining: 4999
    x-ratelimit-reset: […]
    x-ratelimit-resource: core
    x-ratelimit-used: 1

    {"login":"octocat","id":583231,"url":"https://api.github.com/users/octocat","html_url":"https://github.com/octocat","type":"User"}
    "#);
    assert_eq!(site.ask("GET /user", &format!("token {token}")).await.status, 200);
    let oauth = site.ghcr.token("octocat", Token::oauth(&[]));
    assert_eq!(site.tell("GET /user", &oauth).await.header("x-oauth-scopes"), Some(""));
}

// 401 `{"message":"Bad credentials","documentation_url":...}` = dead token
#[tokio::test]
async fn a_dead_token_is_a_bad_credential() {
    let site = Site::new().await;
    let token = site.ghcr.token("octocat", Token::classic(&["read:packages"]).expired());
    assert_snapshot!(site.tell("GET /user", &token).await, @r#"
    GET /user
    401
    content-length: 95
    content-type: application/json; charset=utf-8
    date: […]
    x-github-request-id: […]
    x-ratelimit-limit: 60
    x-ratelimit-remaining: 59
    x-ratelimit-reset: […]
    x-ratelimit-resource: core
    x-ratelimit-used: 1

    {"message":"Bad credentials","documentation_url":"https://docs.github.com/rest","status":"401"}
    "#);
    assert_eq!(site.ask("GET /user", "").await.status, 401);
}

// `GET /` or `HEAD /user` | same headers, cheaper
#[tokio::test]
async fn the_root_and_a_head_say_the_same() {
    let site = Site::new().await;
    let token = site.ghcr.token("octocat", Token::classic(&["read:packages"]));
    for asked in ["GET /", "HEAD /user"] {
        let answer = site.tell(asked, &token).await;
        assert_eq!((answer.status, answer.header("x-oauth-scopes")), (200, Some("read:packages")));
    }
    assert_eq!(site.ask("GET /", "").await.status, 200);
}

// X-OAuth-Scopes: ABSENT for github_pat_, ghs_; ghs_ tokens get 403 "Resource not accessible by integration" [U]
#[tokio::test]
async fn tokens_without_scopes_have_no_scope_header() {
    let site = Site::new().await;
    let fine_grained = site.tell("GET /user", &site.ghcr.token("octocat", Token::fine_grained())).await;
    assert_eq!((fine_grained.status, fine_grained.header("x-oauth-scopes")), (200, None));
    let installation = site.tell("GET /user", &site.ghcr.token("midokura", Token::installation())).await;
    assert_eq!((installation.status, installation.header("x-oauth-scopes")), (403, None));
}

// github-authentication-token-expiration: classic `2026-12-31 23:59:59 UTC`, others `2026-12-31 23:59:59 +0200`. Absent =
// no expiry
#[tokio::test]
async fn the_expiry_has_two_formats() {
    let site = Site::new().await;
    let at: Timestamp = "2099-12-31T22:59:59Z".parse().expect("a time");
    let classic = site.ghcr.token("octocat", Token::classic(&[]).expires(at));
    let fine_grained = site.ghcr.token("octocat", Token::fine_grained().expires(at));
    let endless = site.ghcr.token("octocat", Token::classic(&[]));
    let header = "github-authentication-token-expiration";
    assert_eq!(site.tell("GET /user", &classic).await.header(header), Some("2099-12-31 22:59:59 UTC"));
    assert_eq!(site.tell("GET /user", &fine_grained).await.header(header), Some("2100-01-01 00:59:59 +0200"));
    assert_eq!(site.tell("GET /user", &endless).await.header(header), None);
}

// `POST /credentials/revoke`: must be UNauthenticated (authenticated request = 403), returns 202 always
#[tokio::test]
async fn a_revoked_token_is_dead_on_both_hosts() {
    let site = Site::new().await;
    let token = site.ghcr.token("octocat", Token::classic(&["read:packages"]));
    let body = format!(r#"{{"credentials":["{token}"]}}"#);
    let authenticated = site.send("POST /credentials/revoke", &format!("Bearer {token}"), &body).await;
    assert_eq!(authenticated.status, 403);
    assert_eq!(site.tell("GET /user", &token).await.status, 200);

    assert_snapshot!(site.send("POST /credentials/revoke", "", &body).await, @"
    POST /credentials/revoke
    202
    content-length: 2
    content-type: application/json; charset=utf-8
    date: […]
    x-github-request-id: […]
    x-ratelimit-limit: 60
    x-ratelimit-remaining: 59
    x-ratelimit-reset: […]
    x-ratelimit-resource: core
    x-ratelimit-used: 1

    {}
    ");
    assert_eq!(site.tell("GET /user", &token).await.status, 401);
    let basic = super::ghcr::basic("octocat", &token);
    let refused = site.registry("GET /token", &basic).await;
    assert_eq!((refused.status, refused.message()), (403, "denied".to_owned()));

    assert_eq!(site.send("POST /credentials/revoke", "", &body).await.status, 202, "a dead one too");
    let unknown = r#"{"credentials":["whatever"]}"#;
    assert_eq!(site.send("POST /credentials/revoke", "", unknown).await.status, 202);
    let many = serde_json::json!({ "credentials": vec!["x"; 1001] }).to_string();
    assert_eq!(site.send("POST /credentials/revoke", "", &many).await.status, 422, "max 1000 tokens/request");
}

// anonymous 60/h per IP; exceeded = 403 or 429
#[tokio::test]
async fn nobody_may_ask_sixty_times_an_hour() {
    let site = Site::new().await;
    let left = site.ask("GET /", "").await.header("x-ratelimit-remaining").map(str::to_owned);
    assert_eq!(left.as_deref(), Some("59"));
    for _ in 0..59 {
        assert_eq!(site.ask("GET /", "").await.status, 200);
    }
    assert_eq!(site.ask("GET /", "").await.status, 403);
    let token = site.ghcr.token("octocat", Token::classic(&[]));
    assert_eq!(site.tell("GET /user", &token).await.status, 200);
}

#[tokio::test]
async fn it_fails_as_it_is_told() {
    let site = Site::new().await;
    let token = site.reader();
    site.github.fail("/users/", Failing::Status(503));
    assert_eq!(site.ask("GET /users/octocat", "").await.status, 503);
    assert_eq!(site.tell("GET /user", &token).await.status, 200);
    site.github.fail("/user", Failing::RateLimited);
    let over = site.tell("GET /user", &token).await;
    assert_eq!((over.status, over.header("x-ratelimit-remaining")), (403, Some("0")));
    assert!(over.text().contains("API rate limit exceeded"), "{over}");
    site.ghcr.intercepted(true);
    assert!(over.header("x-github-request-id").is_some());
    assert_eq!(site.tell("GET /", &token).await.header("x-github-request-id"), None);
}
