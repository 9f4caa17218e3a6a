//! Without authorization, with the wrong one, and with the right one for somebody else.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use insta::assert_snapshot;
use pullpass_testing::ghcr::{Switches, Token, Visibility};

use super::{ASK_PUBLIC, Site, basic};

const TAGS: &str = "GET /v2/midokura/gpu-infra-ansible/tags/list";
const MANIFEST: &str = "GET /v2/midokura/gpu-infra-ansible/manifests/v0.1";
const PUBLIC_MANIFEST: &str = "GET /v2/midokura/hello/manifests/v0.1";

// `GET https://ghcr.io/v2/` no auth -> 401, `WWW-Authenticate: Bearer
// realm="https://ghcr.io/token",service="ghcr.io",scope="repository:user/image:pull"`. The scope is a literal
// PLACEHOLDER. Body + newline = content-length 73. No Docker-Distribution-Api-Version.
#[tokio::test]
async fn nobody_at_the_root_is_challenged_with_a_placeholder() {
    assert_snapshot!(Site::new().await.ask("GET /v2/", &[]).await, @r#"
    GET /v2/
    401
    content-length: 73
    content-type: application/json
    date: […]
    www-authenticate: Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:user/image:pull"
    x-github-request-id: […]

    {"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}\n
    "#);
}

// same for `_catalog` and any path that names no repository.
#[tokio::test]
async fn nobody_at_the_catalog_is_challenged_with_the_placeholder() {
    assert_snapshot!(Site::new().await.ask("GET /v2/_catalog", &[]).await, @r#"
    GET /v2/_catalog
    401
    content-length: 73
    content-type: application/json
    date: […]
    www-authenticate: Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:user/image:pull"
    x-github-request-id: […]

    {"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}\n
    "#);
}

// Real repository path, no auth -> 401 with the real scope. (Public content still needs *a* bearer token.)
#[tokio::test]
async fn nobody_at_a_repository_is_challenged_with_its_scope() {
    assert_snapshot!(Site::new().await.ask(PUBLIC_MANIFEST, &[]).await, @r#"
    GET /v2/midokura/hello/manifests/v0.1
    401
    content-length: 73
    content-type: application/json
    date: […]
    www-authenticate: Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:midokura/hello:pull"
    x-github-request-id: […]

    {"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}\n
    "#);
}

// `Authorization: Bearer` with empty value -> `authentication token not provided`.
#[tokio::test]
async fn an_empty_bearer_is_no_token() {
    assert_snapshot!(Site::new().await.with_authorization("GET /v2/", "Bearer ").await, @r#"
    GET /v2/
    401
    content-length: 83
    content-type: application/json
    date: […]
    x-github-request-id: […]

    {"errors":[{"code":"UNAUTHORIZED","message":"authentication token not provided"}]}\n
    "#);
}

// In 2021 ANY base64 worked on public blobs (`Bearer QQ==`). [V then, U now]
#[tokio::test]
async fn any_base64_reads_public_content_unless_switched_off() {
    let site = Site::new().await;
    assert_eq!(site.with_authorization(PUBLIC_MANIFEST, "Bearer QQ==").await.status, 200);
    assert_eq!(site.with_authorization(MANIFEST, "Bearer QQ==").await.status, 403);
    let strict = Site::with(Switches { any_base64_reads_public: false, ..Switches::default() }).await;
    assert_eq!(strict.with_authorization(PUBLIC_MANIFEST, "Bearer QQ==").await.status, 401);
}

// Basic user:validPAT on `/v2/<n>/tags/list` or manifests | 403 DENIED `invalid token`, NO WWW-Authenticate
#[tokio::test]
async fn basic_is_denied_without_a_challenge() {
    let site = Site::new().await;
    let basic = basic("octocat", &site.reader());
    assert_snapshot!(site.with_authorization(TAGS, &basic).await, @r#"
    GET /v2/midokura/gpu-infra-ansible/tags/list
    403
    content-length: 57
    content-type: application/json
    date: […]
    x-github-request-id: […]

    {"errors":[{"code":"DENIED","message":"invalid token"}]}\n
    "#);
    assert_eq!(site.with_authorization(MANIFEST, &basic).await.status, 403);
}

// Basic on `/v2/` root | one script says "401 whatever is sent" [U, conflicts with row above]
#[tokio::test]
async fn basic_at_the_root_is_denied_unless_switched_to_the_challenge() {
    let site = Site::new().await;
    let basic = basic("octocat", &site.reader());
    assert_eq!(site.with_authorization("GET /v2/", &basic).await.message(), "invalid token");
    let other = Site::with(Switches { basic_on_root_is_challenged: true, ..Switches::default() }).await;
    let answer = other.with_authorization("GET /v2/", &basic).await;
    assert_eq!((answer.status, answer.header("www-authenticate").is_some()), (401, true));
}

// any Authorization present and bad | DENIED without challenge header
#[tokio::test]
async fn an_unknown_scheme_is_denied_without_a_challenge() {
    assert_snapshot!(Site::new().await.with_authorization(TAGS, "Digest username=\"octocat\"").await, @r#"
    GET /v2/midokura/gpu-infra-ansible/tags/list
    403
    content-length: 57
    content-type: application/json
    date: […]
    x-github-request-id: […]

    {"errors":[{"code":"DENIED","message":"invalid token"}]}\n
    "#);
}

// `Bearer <raw PAT>` (not base64) | 403
#[tokio::test]
async fn a_raw_token_is_denied() {
    let site = Site::new().await;
    assert_snapshot!(site.with_authorization(MANIFEST, &format!("Bearer {}", site.reader())).await, @r#"
    GET /v2/midokura/gpu-infra-ansible/manifests/v0.1
    403
    content-length: 57
    content-type: application/json
    date: […]
    x-github-request-id: […]

    {"errors":[{"code":"DENIED","message":"invalid token"}]}\n
    "#);
}

// `Bearer base64(PAT)` valid | 200 - skips /token altogether
#[tokio::test]
async fn a_living_token_in_base64_opens_what_it_may() {
    let site = Site::new().await;
    let token = site.reader();
    assert_snapshot!(site.directly(MANIFEST, &token).await, @r#"
    GET /v2/midokura/gpu-infra-ansible/manifests/v0.1
    200
    content-length: 397
    content-type: application/vnd.oci.image.manifest.v1+json
    date: […]
    docker-content-digest: sha256:a494132d9ca77975a6d7e3df45d5eb39eb2a126ddfc49ed1d527f05d0a3953a5
    etag: "sha256:a494132d9ca77975a6d7e3df45d5eb39eb2a126ddfc49ed1d527f05d0a3953a5"
    x-github-request-id: […]

    {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:9f30d6e32aef77dbae10b73dc8b3e22bf66b646ebcb8a098d35709fa993a3a7a","size":179},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:a00cdd19a3bbc8b35e4c453e5551882674f4aa59f554b4316569d3b6ae656618","size":2048}]}
    "#);
    assert_eq!(site.directly("GET /v2/", &token).await.status, 200);
}

// `Bearer base64(user:PAT)` valid | 200
#[tokio::test]
async fn a_living_token_in_base64_may_have_any_user_in_front() {
    let site = Site::new().await;
    let token = site.reader();
    assert_eq!(site.directly(MANIFEST, &format!("octocat:{token}")).await.status, 200);
    assert_eq!(site.directly(MANIFEST, &format!("unset:{token}")).await.status, 200);
}

// `Bearer base64(invalid/expired PAT)` | 401 UNAUTHORIZED / `unauthenticated: User cannot be authenticated with the
// token provided.`
#[tokio::test]
async fn a_dead_token_in_base64_is_named_so() {
    let site = Site::new().await;
    assert_snapshot!(site.directly(MANIFEST, &site.dead()).await, @r#"
    GET /v2/midokura/gpu-infra-ansible/manifests/v0.1
    401
    content-length: 120
    content-type: application/json
    date: […]
    x-github-request-id: […]

    {"errors":[{"code":"UNAUTHORIZED","message":"unauthenticated: User cannot be authenticated with the token provided."}]}\n
    "#);
    let expired = site.ghcr.token("octocat", Token::classic(&["read:packages"]).expired());
    for dead in [expired, format!("octocat:{}", site.dead()), format!("{}\n", site.reader())] {
        assert_eq!(site.directly(PUBLIC_MANIFEST, &dead).await.status, 401);
    }
}

// valid bearer, no access to package | 403 DENIED / `requested access to the resource is denied`
#[tokio::test]
async fn a_living_token_without_a_role_is_denied() {
    let site = Site::new().await;
    let token = site.ghcr.token("hubot", Token::classic(&["read:packages"]));
    assert_snapshot!(site.directly(MANIFEST, &token).await, @r#"
    GET /v2/midokura/gpu-infra-ansible/manifests/v0.1
    403
    content-length: 86
    content-type: application/json
    date: […]
    x-github-request-id: […]

    {"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}\n
    "#);
    let head = site.directly("HEAD /v2/midokura/gpu-infra-ansible/manifests/latest", &token).await;
    assert_eq!((head.status, head.text().as_str()), (403, ""), "a HEAD has no body to print");
    let missing = site.directly("GET /v2/midokura/none-such/manifests/v0.1", &token).await;
    assert_eq!(missing.message(), "requested access to the resource is denied");
}

// 1.4, DENIED; 2.4
#[tokio::test]
async fn every_kind_of_token_is_refused_in_its_own_words() {
    let site = Site::new().await;
    let ghcr = &site.ghcr;
    let tokens = [
        ("classic read", site.reader()),
        ("classic write", site.writer()),
        ("classic, other scopes", ghcr.token("octocat", Token::classic(&["repo", "delete:packages"]))),
        ("oauth read", ghcr.token("octocat", Token::oauth(&["read:packages"]))),
        ("fine-grained", ghcr.token("octocat", Token::fine_grained())),
        ("installation", ghcr.token("midokura", Token::installation())),
        ("installation elsewhere", ghcr.token("octocat", Token::installation())),
        ("stranger, write", ghcr.token("hubot", Token::classic(&["write:packages"]))),
    ];
    let mut table = String::new();
    for (name, token) in &tokens {
        for (what, asked) in [
            ("pull", MANIFEST),
            ("pull public", PUBLIC_MANIFEST),
            ("push", "POST /v2/midokura/gpu-infra-ansible/blobs/uploads/"),
            ("create", "POST /v2/midokura/new/blobs/uploads/"),
        ] {
            let answer = site.directly(asked, token).await;
            let said = if answer.status < 400 { String::new() } else { format!(" {}", answer.message()) };
            table.push_str(&format!("{name:22} {what:11} {}{said}\n", answer.status));
        }
    }
    assert_snapshot!(table, @"
    classic read           pull        200
    classic read           pull public 200
    classic read           push        403 permission_denied: The token provided does not match expected scopes.
    classic read           create      403 permission_denied: The token provided does not match expected scopes.
    classic write          pull        200
    classic write          pull public 200
    classic write          push        202
    classic write          create      202
    classic, other scopes  pull        403 permission_denied: The token provided does not match expected scopes.
    classic, other scopes  pull public 403 permission_denied: The token provided does not match expected scopes.
    classic, other scopes  push        403 permission_denied: The token provided does not match expected scopes.
    classic, other scopes  create      403 permission_denied: The token provided does not match expected scopes.
    oauth read             pull        200
    oauth read             pull public 200
    oauth read             push        403 permission_denied: The token provided does not match expected scopes.
    oauth read             create      403 permission_denied: The token provided does not match expected scopes.
    fine-grained           pull        403 permission_denied: The token provided does not match expected scopes.
    fine-grained           pull public 403 permission_denied: The token provided does not match expected scopes.
    fine-grained           push        403 permission_denied: The token provided does not match expected scopes.
    fine-grained           create      403 permission_denied: The token provided does not match expected scopes.
    installation           pull        403 installation not allowed to Read organization package
    installation           pull public 200
    installation           push        403 installation not allowed to Write organization package
    installation           create      403 installation not allowed to Create organization package
    installation elsewhere pull        403 permission_denied: The requested installation does not exist.
    installation elsewhere pull public 200
    installation elsewhere push        403 permission_denied: The requested installation does not exist.
    installation elsewhere create      403 permission_denied: The requested installation does not exist.
    stranger, write        pull        403 requested access to the resource is denied
    stranger, write        pull public 200
    stranger, write        push        403 permission_denied: write_package
    stranger, write        create      403 permission_denied: create_package
    ");
}

// 2020: scope-less login broke even a PUBLIC pull [V text, U public case today]
#[tokio::test]
async fn a_token_without_scopes_opens_public_packages_when_switched_so() {
    let site = Site::with(Switches { public_needs_scope: false, ..Switches::default() }).await;
    let token = site.ghcr.token("octocat", Token::classic(&[]));
    assert_eq!(site.directly(PUBLIC_MANIFEST, &token).await.status, 200);
    assert_eq!(site.directly(MANIFEST, &token).await.status, 403);
}

// "GHCR does not bind anonymous tokens to repository scope": nicholas-fedor/watchtower#2366 (2026-09-10).
#[tokio::test]
async fn an_anonymous_token_reads_every_public_package_and_no_private_one() {
    let site = Site::new().await;
    let bearer = format!("Bearer {}", site.ask(ASK_PUBLIC, &[]).await.token());
    site.ghcr.set_visibility("midokura/gpu-infra-ansible", Visibility::Public);
    assert_eq!(site.with_authorization(MANIFEST, &bearer).await.status, 200);
    site.ghcr.set_visibility("midokura/gpu-infra-ansible", Visibility::Private);
    assert_eq!(site.with_authorization(MANIFEST, &bearer).await.status, 403);
    let foreign = format!("Bearer {}", BASE64_STANDARD.encode("v1:somebody/else:1665880120352967284"));
    assert_eq!(site.with_authorization(PUBLIC_MANIFEST, &foreign).await.status, 200, "nobody signs them");
}

// Lifetime: not advertised.
#[tokio::test]
async fn bearer_tokens_end_when_switched_so() {
    let lifetime = Some(std::time::Duration::ZERO);
    let site = Site::with(Switches { bearer_lifetime: lifetime, ..Switches::default() }).await;
    let anonymous = site.ask(ASK_PUBLIC, &[]).await.token();
    let authenticated = site.with_authorization(ASK_PUBLIC, &basic("octocat", &site.reader())).await.token();
    for bearer in [anonymous, authenticated] {
        assert_eq!(site.with_authorization(PUBLIC_MANIFEST, &format!("Bearer {bearer}")).await.status, 401);
    }
}

#[tokio::test]
async fn a_bearer_token_dies_with_its_credential() {
    let site = Site::new().await;
    let token = site.reader();
    let bearer = site.with_authorization("GET /token", &basic("octocat", &token)).await.token();
    let bearer = format!("Bearer {bearer}");
    assert_eq!(site.with_authorization(MANIFEST, &bearer).await.status, 200);
    site.ghcr.revoke(&token);
    assert_eq!(site.with_authorization(MANIFEST, &bearer).await.status, 401);
}
