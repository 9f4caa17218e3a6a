use reqwest::{Method, StatusCode};

use crate::support::{Answer, Running};

#[tokio::test]
async fn without_a_login_the_root_answers_with_exactly_one_challenge() {
    let server = Running::start().await;
    for path in ["/v2", "/v2/"] {
        let answer = server.get(path, None).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        let host = server.address;
        let expected =
            format!(r#"Bearer realm="http://{host}/token",service="{host}",scope="repository:user/image:pull""#);
        assert_eq!(answer.challenge(), expected);
        assert_eq!(answer.code(), "UNAUTHORIZED");
        assert_eq!(answer.message(), format!("authentication required: log in with `docker login {host}`"));
        assert_eq!(answer.header("docker-distribution-api-version"), "registry/2.0");
    }
}

#[tokio::test]
async fn the_realm_never_comes_from_the_request() {
    let server = Running::start().await;
    let request = server.request(Method::GET, "/v2/", None).header("host", "evil.example");
    let answer = Answer::of(request.header("x-forwarded-host", "evil.example")).await;
    assert!(!answer.challenge().contains("evil"), "{}", answer.challenge());
}

#[tokio::test]
async fn a_live_token_opens_the_root_at_once() {
    let server = Running::start().await;
    let alice = server.alice().await;
    let answer = server.get("/v2/", Some(&alice)).await;
    assert_eq!((answer.status, answer.text().as_str()), (StatusCode::OK, "{}\n"));
}

#[tokio::test]
async fn an_anonymous_bearer_token_is_no_login() {
    let server = Running::start().await;
    let bearer = server.bearer("", None).await;
    let answer = Answer::of(server.request(Method::GET, "/v2/", None).bearer_auth(bearer)).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn bad_paths_and_methods_are_explained_to_callers_with_a_login_only() {
    let server = Running::start().await;
    let alice = server.alice().await;
    for (path, status, code) in [
        ("/v2/Alice/app/tags/list", 400, "NAME_INVALID"),
        ("/v2/alice/../bob/tags/list", 400, "NAME_INVALID"),
        ("/v2/alice/%2e%2e/tags/list", 400, "NAME_INVALID"),
        ("/v2/alice/a%2fb/tags/list", 400, "NAME_INVALID"),
        ("/v2/alice/a%00b/tags/list", 400, "NAME_INVALID"),
        ("/v2/alice//app/tags/list", 400, "NAME_INVALID"),
        ("/v2/alice/a;b/tags/list", 400, "NAME_INVALID"),
        ("/v2/alice/a\\b/tags/list", 400, "NAME_INVALID"),
        ("/v2/alice/app/blobs/sha256:../../lock", 404, "UNSUPPORTED"),
        ("/v2/alice/app/blobs/sha256:abc", 400, "DIGEST_INVALID"),
        ("/v2/alice/app/blobs/md5:d41d8cd98f00b204e9800998ecf8427e", 400, "DIGEST_INVALID"),
        ("/v2/alice/app/manifests/-bad", 400, "MANIFEST_INVALID"),
        ("/v2/alice/app/nothing", 404, "UNSUPPORTED"),
    ] {
        // As bytes, because a client library would put such a path right.
        let request = |login: &str| format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{login}\r\n");
        let anonymous = server.raw(&request("")).await;
        assert!(anonymous.starts_with("HTTP/1.1 401 "), "{path}: {anonymous}");
        let known = server.raw(&request(&format!("authorization: Bearer {}\r\n", alice.text))).await;
        assert!(known.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {known}");
        assert!(known.contains(&format!("\"code\":\"{code}\"")), "{path}: {known}");
    }
    let answer = Answer::of(server.request(Method::POST, "/v2/", Some(&alice))).await;
    assert_eq!((answer.status, answer.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD"));
    let answer = Answer::of(server.request(Method::POST, "/v2/", None)).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}
