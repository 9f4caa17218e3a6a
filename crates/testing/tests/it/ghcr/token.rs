//! `/token`, row by row.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use insta::assert_snapshot;
use pullpass_testing::ghcr::{Switches, Token};

use super::{ASK_PRIVATE, ASK_PUBLIC, Site, basic};

// anonymous, public package | 200 | `{"token":...}` only + newline; no access_token, expires_in, issued_at
#[tokio::test]
async fn nobody_for_a_public_package() {
    let site = Site::new().await;
    let answer = site.ask(ASK_PUBLIC, &[]).await;
    assert_snapshot!(answer, @r#"
    GET /token?service=ghcr.io&scope=repository:midokura/hello:pull
    200
    content-length: 65
    content-type: application/json
    date: […]
    docker-distribution-api-version: registry/2.0
    x-github-request-id: […]

    {"token":"[…]"}\n
    "#);
    let text = BASE64_STANDARD.decode(answer.token()).expect("base64");
    let text = String::from_utf8(text).expect("plain text");
    let nanoseconds = text.strip_prefix("v1:midokura/hello:").expect("`v1:<owner>/<name>:<unix nanoseconds>`");
    assert!(nanoseconds.len() == 19 && nanoseconds.bytes().all(|byte| byte.is_ascii_digit()), "{text}");
}

// anonymous, existing PRIVATE package | 401 | UNAUTHORIZED authentication required
#[tokio::test]
async fn nobody_for_a_private_package() {
    assert_snapshot!(Site::new().await.ask(ASK_PRIVATE, &[]).await, @r#"
    GET /token?service=ghcr.io&scope=repository:midokura/gpu-infra-ansible:pull
    401
    content-length: 73
    content-type: application/json
    date: […]
    docker-distribution-api-version: registry/2.0
    www-authenticate: Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:user/image:pull"
    x-github-request-id: […]

    {"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}\n
    "#);
}

// anonymous, NONEXISTENT package/owner, or placeholder user/image, or push asked | 403 | DENIED "requested access to the
// resource is denied"
#[tokio::test]
async fn nobody_for_a_package_that_does_not_exist() {
    let site = Site::new().await;
    let asked = "GET /token?service=ghcr.io&scope=repository:midokura/none-such:pull";
    assert_snapshot!(site.ask(asked, &[]).await, @r#"
    GET /token?service=ghcr.io&scope=repository:midokura/none-such:pull
    403
    content-length: 86
    content-type: application/json
    date: […]
    docker-distribution-api-version: registry/2.0
    x-github-request-id: […]

    {"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}\n
    "#);
    for scope in ["?scope=repository:none-such/hello:pull", "?scope=repository:user/image:pull", ""] {
        let answer = site.ask(&format!("GET /token{scope}"), &[]).await;
        assert_eq!((answer.status, answer.message()), (403, "requested access to the resource is denied".to_owned()));
    }
}

// Multiple scopes: anonymous `:pull,push` -> 403 DENIED; only `:pull` is granted
#[tokio::test]
async fn nobody_who_wants_to_push() {
    let asked = "GET /token?service=ghcr.io&scope=repository:midokura/hello:pull,push";
    assert_snapshot!(Site::new().await.ask(asked, &[]).await, @r#"
    GET /token?service=ghcr.io&scope=repository:midokura/hello:pull,push
    403
    content-length: 86
    content-type: application/json
    date: […]
    docker-distribution-api-version: registry/2.0
    x-github-request-id: […]

    {"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}\n
    "#);
}

// Basic, expired/revoked/garbage token or account password | 403 | DENIED "denied" | credential dead, EVEN FOR PUBLIC
// IMAGES
#[tokio::test]
async fn a_dead_credential_for_a_public_package() {
    let site = Site::new().await;
    let expired = site.ghcr.token("octocat", Token::classic(&["read:packages"]).expired());
    assert_snapshot!(site.with_authorization(ASK_PUBLIC, &basic("octocat", &expired)).await, @r#"
    GET /token?service=ghcr.io&scope=repository:midokura/hello:pull
    403
    content-length: 50
    content-type: application/json
    date: […]
    docker-distribution-api-version: registry/2.0
    x-github-request-id: […]

    {"errors":[{"code":"DENIED","message":"denied"}]}\n
    "#);
    for dead in [site.dead(), "hunter2".to_owned(), String::new()] {
        let answer = site.with_authorization(ASK_PUBLIC, &basic("octocat", &dead)).await;
        assert_eq!((answer.status, answer.message()), (403, "denied".to_owned()));
    }
    let broken = site.with_authorization(ASK_PUBLIC, "Basic ???").await;
    assert_eq!((broken.status, broken.message()), (403, "denied".to_owned()));
}

// Basic, valid token (any scope, incl. App installation token) | 200 | `{"token":...}` | login works; says nothing about
// pull right. docker login adds `account=<user>&client_id=docker&offline_token=true&service=ghcr.io` and NO scope.
#[tokio::test]
async fn a_living_credential_for_whatever() {
    let site = Site::new().await;
    let login = "GET /token?account=octocat&client_id=docker&offline_token=true&service=ghcr.io";
    assert_snapshot!(site.with_authorization(login, &basic("octocat", &site.reader())).await, @r#"
    GET /token?account=octocat&client_id=docker&offline_token=true&service=ghcr.io
    200
    content-length: 53
    content-type: application/json
    date: […]
    docker-distribution-api-version: registry/2.0
    x-github-request-id: […]

    {"token":"[…]"}\n
    "#);
    let tokens = [
        site.ghcr.token("octocat", Token::classic(&[])),
        site.ghcr.token("octocat", Token::oauth(&[])),
        site.ghcr.token("octocat", Token::fine_grained()),
        site.ghcr.token("midokura", Token::installation()),
        site.ghcr.token("hubot", Token::classic(&["repo"])),
    ];
    for token in tokens {
        for asked in [ASK_PRIVATE, ASK_PUBLIC, "GET /token?scope=repository:none-such/hello:pull,push"] {
            assert_eq!(site.with_authorization(asked, &basic("octocat", &token)).await.status, 200);
        }
    }
}

// Username is ignored by GHCR (anything non-empty)
#[tokio::test]
async fn a_living_credential_of_whomever() {
    let site = Site::new().await;
    let token = site.reader();
    for (user, status) in [("hubot", 200), ("unset", 200), ("", 403)] {
        assert_eq!(site.with_authorization(ASK_PRIVATE, &basic(user, &token)).await.status, status, "`{user}`");
    }
}

// One script claims 403 for fine-grained/wrong-scope [U]
#[tokio::test]
async fn a_living_credential_without_a_scope_when_switched_so() {
    let site = Site::with(Switches { token_checks_scopes: true, ..Switches::default() }).await;
    let token = site.ghcr.token("octocat", Token::fine_grained());
    assert_eq!(site.with_authorization("GET /token", &basic("octocat", &token)).await.status, 403);
    assert_eq!(site.with_authorization("GET /token", &basic("octocat", &site.writer())).await.status, 200);
}

// `Authorization: Bearer <PAT>` on /token is NOT accepted: 401 + placeholder challenge + 73-byte body.
#[tokio::test]
async fn a_living_token_as_bearer() {
    let site = Site::new().await;
    assert_snapshot!(site.with_authorization(ASK_PRIVATE, &format!("Bearer {}", site.reader())).await, @r#"
    GET /token?service=ghcr.io&scope=repository:midokura/gpu-infra-ansible:pull
    401
    content-length: 73
    content-type: application/json
    date: […]
    docker-distribution-api-version: registry/2.0
    www-authenticate: Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:user/image:pull"
    x-github-request-id: […]

    {"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}\n
    "#);
}

// POST /token (OAuth2 form): not supported; returned one of 400/401/404/405. Exact code unknown [U]
#[tokio::test]
async fn a_form() {
    let site = Site::new().await;
    let form = b"grant_type=password&service=ghcr.io&client_id=containerd&username=octocat&password=x";
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    assert_snapshot!(site.send("POST /token", &headers, form).await, @r#"
    POST /token
    405
    content-length: 78
    content-type: application/json
    date: […]
    docker-distribution-api-version: registry/2.0
    x-github-request-id: […]

    {"errors":[{"code":"UNSUPPORTED","message":"The operation is unsupported."}]}\n
    "#);
    let other = Site::with(Switches { post_token: 404, ..Switches::default() }).await;
    assert_eq!(other.send("POST /token", &headers, form).await.status, 404);
}

// Authenticated token: opaque, not a JWT; do not decode. [...] the returned token may well BE base64(PAT) [U]
#[tokio::test]
async fn the_answer_is_opaque_unless_switched_to_the_credential_itself() {
    let site = Site::new().await;
    let token = site.reader();
    let bearer = site.with_authorization("GET /token", &basic("octocat", &token)).await.token();
    assert_ne!(bearer, BASE64_STANDARD.encode(&token));
    assert!(!bearer.contains('.'), "{bearer}");
    let other = Site::with(Switches { bearer_is_the_credential: true, ..Switches::default() }).await;
    let token = other.reader();
    let bearer = other.with_authorization("GET /token", &basic("octocat", &token)).await.token();
    assert_eq!(bearer, BASE64_STANDARD.encode(&token));
}
