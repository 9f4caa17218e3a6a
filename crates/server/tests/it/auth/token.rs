use pullpass_oci::Scope;
use pullpass_server::PatScope;
use reqwest::{Method, StatusCode};

use crate::support::{Answer, DAY, Running};

#[tokio::test]
async fn a_login_gets_a_token_as_clients_expect_it() {
    let server = Running::start().await;
    let alice = server.alice().await;
    // What `docker login` sends: no scope, and an offer of a refresh token that we must not take up.
    let query = "account=alice&client_id=docker&offline_token=true&service=x";
    let answer = server.get(&format!("/token?{query}"), Some(&alice)).await;
    assert_eq!(answer.status, StatusCode::OK);
    let body = answer.json();
    assert_eq!(body["token"], body["access_token"]);
    assert_eq!(body["expires_in"], 300);
    assert_eq!(body["issued_at"], "2026-11-23T12:00:00Z");
    assert!(body.get("refresh_token").is_none());
    assert_eq!(answer.header("docker-distribution-api-version"), "registry/2.0");
    let bearer = body["token"].as_str().unwrap();
    let answer = Answer::of(server.request(Method::GET, "/v2/", None).bearer_auth(bearer)).await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn posting_is_answered_so_that_clients_fall_back() {
    let server = Running::start().await;
    let answer = Answer::of(server.request(Method::POST, "/token", None).body("grant_type=password")).await;
    assert_eq!((answer.status, answer.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD"));
}

#[tokio::test]
async fn scopes_may_be_repeated_or_joined_by_blanks() {
    let server = Running::start().await;
    let alice = server.alice().await;
    server.push_image("alice/one", "1", b"one", &alice).await;
    server.push_image("alice/two", "1", b"two", &alice).await;
    for query in [
        "scope=repository:alice/one:pull&scope=repository:alice/two:pull,push",
        "scope=repository:alice/one:pull%20repository:alice/two:pull,push",
        "scope=repository:alice/one:pull+repository:alice/two:pull,push+registry:catalog:*",
    ] {
        let bearer = server.bearer(query, Some(&alice)).await;
        for package in ["alice/one", "alice/two"] {
            let path = format!("/v2/{package}/manifests/1");
            let answer = Answer::of(server.request(Method::GET, &path, None).bearer_auth(&bearer)).await;
            assert_eq!(answer.status, StatusCode::OK, "{query}");
        }
    }
}

#[tokio::test]
async fn what_may_not_be_done_is_left_out_and_refused_where_it_is_tried() {
    let server = Running::start().await;
    let alice = server.alice().await;
    server.push_image("alice/app", "1", b"one", &alice).await;
    server.user("bob").await;
    let reader = server.token("alice", &[PatScope::Read], None).await;
    let bob = server.token("bob", &[PatScope::Write], None).await;
    let scope = "scope=repository:alice/app:pull,push,delete";
    for (pat, method, status) in [
        (Some(&reader), Method::GET, StatusCode::OK),
        (Some(&reader), Method::DELETE, StatusCode::FORBIDDEN),
        (Some(&bob), Method::GET, StatusCode::FORBIDDEN),
        (None, Method::GET, StatusCode::UNAUTHORIZED),
    ] {
        let bearer = server.bearer(scope, pat).await;
        let request = server.request(method, "/v2/alice/app/manifests/1", None);
        assert_eq!(Answer::of(request.bearer_auth(bearer)).await.status, status);
    }
}

#[tokio::test]
async fn a_token_that_was_asked_for_something_else_sends_the_client_back_for_more() {
    let server = Running::start().await;
    let alice = server.alice().await;
    server.push_image("alice/app", "1", b"one", &alice).await;
    let bearer = server.bearer("scope=repository:alice/other:pull", Some(&alice)).await;
    let request = server.request(Method::GET, "/v2/alice/app/manifests/1", None);
    let answer = Answer::of(request.bearer_auth(bearer)).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let challenge = answer.challenge();
    assert!(challenge.contains(r#"scope="repository:alice/app:pull""#), "{challenge}");
    assert!(challenge.ends_with(r#"error="insufficient_scope""#), "{challenge}");
}

#[tokio::test]
async fn ten_thousand_scopes_or_odd_ones_never_widen_anything() {
    let server = Running::start().await;
    let alice = server.alice().await;
    server.push_image("alice/app", "1", b"one", &alice).await;
    let many: Vec<String> = (0..900).map(|index| format!("repository:alice/n{index}:pull")).collect();
    let odd = "repository:*:pull repository:alice/*:pull repository:../app:pull repository:alice/app:PULL \
               repository(plugin):alice/app:pull :::: repository:alice/app:";
    for scope in [many.join(" ").as_str(), odd] {
        let encoded: String = url_encode(scope);
        let answer = server.get(&format!("/token?scope={encoded}"), Some(&alice)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let bearer = answer.json()["token"].as_str().unwrap().to_owned();
        let request = server.request(Method::GET, "/v2/alice/app/manifests/1", None);
        assert_eq!(Answer::of(request.bearer_auth(bearer)).await.status, StatusCode::UNAUTHORIZED);
    }
}

fn url_encode(text: &str) -> String {
    text.replace(' ', "%20").replace('*', "%2A")
}

#[tokio::test]
async fn each_dead_credential_is_refused_with_its_cause() {
    let server = Running::start().await;
    let alice = server.alice().await;
    let expiring = server.token("alice", &[PatScope::Read], Some(server.now() + DAY)).await;
    let revoked = server.token("alice", &[PatScope::Read], None).await;
    server.revoke(&revoked).await;
    server.advance(DAY);
    let truncated = &alice.text[..alice.text.len() - 1];
    // As good as a stranger's: whole, and not this server's.
    let unknown = pullpass_secrets::token::generate().unwrap();
    let body = "a".repeat(30);
    let github = format!("{}{body}{}", "ghp_", pullpass_secrets::token::checksum(&body));
    let fine_grained = format!("github{}{}", "_pat_", "A".repeat(82));
    for (secret, cause) in [
        (expiring.text.as_str(), "the token expired on 2026-11-24: "),
        (&revoked.text, "the token was revoked: "),
        (unknown.reveal(), "this server does not know the token: "),
        (truncated, "a `ppt_…` token has 50 characters, this one has 49: it was not copied whole"),
        (&github, "this is a GitHub token; this server has its own: "),
        (&fine_grained, "this is a GitHub token; this server has its own: "),
        ("correct horse battery", "the password must be a personal access token"),
        ("", "the password must be a personal access token"),
    ] {
        for path in ["/token", "/token?scope=repository:alice/app:pull", "/v2/", "/v2/alice/app/tags/list"] {
            let request = server.http.get(format!("{}{path}", server.url)).basic_auth("alice", Some(secret));
            let answer = Answer::of(request).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}: {cause}");
            assert_eq!(answer.code(), "UNAUTHORIZED");
            let expected = format!("authentication required: {cause}");
            assert!(answer.message().starts_with(&expected), "{path}: {}", answer.message());
            assert!(!answer.challenge().contains("error="), "{}", answer.challenge());
        }
    }
}

#[tokio::test]
async fn a_bearer_token_cannot_prolong_itself() {
    let server = Running::start().await;
    let alice = server.alice().await;
    let bearer = server.bearer("", Some(&alice)).await;
    let answer = Answer::of(server.request(Method::GET, "/token", None).bearer_auth(bearer)).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.message().contains("Basic credentials only"), "{}", answer.message());
}

#[tokio::test]
async fn the_scope_of_a_challenge_is_what_gets_a_fitting_token() {
    let server = Running::start().await;
    let alice = server.alice().await;
    server.push_image("alice/app", "1", b"one", &alice).await;
    for (method, path, body) in [
        (Method::GET, "/v2/alice/app/manifests/1", ""),
        (Method::HEAD, "/v2/alice/app/manifests/1", ""),
        (Method::POST, "/v2/alice/app/blobs/uploads/", ""),
        (Method::DELETE, "/v2/alice/app/manifests/1", ""),
    ] {
        let refused = Answer::of(server.request(method.clone(), path, None).body(body)).await;
        let challenge = pullpass_oci::Challenge::parse(&refused.challenge()).remove(0);
        let scope: Scope = challenge.parameter("scope").unwrap().parse().unwrap();
        let bearer = server.bearer(&format!("scope={scope}"), Some(&alice)).await;
        let answer = Answer::of(server.request(method.clone(), path, None).bearer_auth(bearer)).await;
        assert!(answer.status.is_success(), "{method} {path}: {}", answer.text());
    }
}
