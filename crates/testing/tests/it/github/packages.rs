//! `/orgs/OWNER/packages/container/NAME` and the same below `/users`.

use insta::assert_snapshot;
use pullpass_oci::Image;
use pullpass_testing::ghcr::{Token, Visibility};

use super::{PACKAGE, Site};

async fn site() -> Site {
    Site::with(|ghcr| {
        ghcr.linked_to("midokura/app")
            .package("midokura/nested/image", Visibility::Internal, &[])
            .package("midokura/open", Visibility::Public, &[])
            .package("octocat/mine", Visibility::Private, &["octocat"])
    })
    .await
}

// 200 `visibility: public|private|internal`, `repository`, `html_url`; needs read:packages
#[tokio::test]
async fn a_package_has_a_visibility_a_page_and_a_repository() {
    let site = site().await;
    assert_snapshot!(site.tell(PACKAGE, &site.reader()).await, @r#"
    GET /orgs/midokura/packages/container/hello
    200
    content-length: 187
    content-type: application/json; charset=utf-8
    date: […]
    x-accepted-oauth-scopes: read:packages
    x-github-request-id: […]
    x-oauth-scopes: read:packages
    x-ratelimit-limit: 5000
    x-ratelimit-remaining: 4999
    x-ratelimit-reset: […]
    x-ratelimit-resource: core
    x-ratelimit-used: 1

    {"name":"hello","package_type":"container","visibility":"private","html_url":"https://github.com/orgs/midokura/packages/container/package/hello","repository":{"full_name":"midokura/app"}}
    "#);
    let mine = site.tell("GET /users/octocat/packages/container/mine", &site.reader()).await;
    assert_eq!(mine.json()["html_url"], "https://github.com/users/octocat/packages/container/package/mine");
    assert!(mine.json()["repository"].is_null());
}

// name must be percent-encoded (`a/b` -> `a%2Fb`)
#[tokio::test]
async fn a_slash_in_the_name_is_encoded() {
    let site = site().await;
    let nested = site.tell("GET /orgs/midokura/packages/container/nested%2Fimage", &site.reader()).await;
    assert_eq!((nested.status, &nested.json()["visibility"]), (200, &"internal".into()));
    assert_eq!(nested.json()["html_url"], "https://github.com/orgs/midokura/packages/container/package/nested%2Fimage");
    assert_eq!(site.tell("GET /orgs/midokura/packages/container/nested/image", &site.reader()).await.status, 404);
}

// needs read:packages even for public; 401/403/404. App installation tokens: 404
#[tokio::test]
async fn only_those_who_may_read_it_see_it() {
    let site = site().await;
    let ghcr = &site.ghcr;
    let public = "GET /orgs/midokura/packages/container/open";
    assert_eq!(site.ask(public, "").await.json()["message"], "Requires authentication");
    for token in [Token::classic(&["repo"]), Token::oauth(&[]), Token::fine_grained()] {
        assert_eq!(site.tell(public, &ghcr.token("octocat", token)).await.status, 403);
    }
    for token in [Token::installation(), Token::workflow("midokura/app")] {
        assert_eq!(site.tell(public, &ghcr.token("midokura", token)).await.status, 404);
    }
    let stranger = ghcr.token("hubot", Token::classic(&["write:packages"]));
    let internal = "GET /orgs/midokura/packages/container/nested%2Fimage";
    for (asked, of_octocat, of_hubot) in [(public, 200, 200), (PACKAGE, 200, 404), (internal, 200, 404)] {
        assert_eq!(site.tell(asked, &site.reader()).await.status, of_octocat, "{asked}");
        assert_eq!(site.tell(asked, &stranger).await.status, of_hubot, "{asked}");
    }
}

#[tokio::test]
async fn a_person_is_no_organization_and_nobody_is_neither() {
    let site = site().await;
    for asked in [
        "GET /users/midokura/packages/container/hello",
        "GET /orgs/octocat/packages/container/mine",
        "GET /orgs/none-such/packages/container/hello",
        "GET /orgs/midokura/packages/container/none-such",
        "GET /orgs/midokura/packages/npm/hello",
    ] {
        assert_eq!(site.tell(asked, &site.reader()).await.status, 404, "{asked}");
    }
}

#[tokio::test]
async fn members_pull_what_is_internal() {
    let site = Site::with(|ghcr| {
        let image = Image::with_file("amd64", "hello", b"hello");
        ghcr.package("midokura/internal", Visibility::Internal, &[]).image("v1", &image)
    })
    .await;
    let asked = "GET /v2/midokura/internal/manifests/v1";
    assert_eq!(site.pull(asked, &site.reader()).await.status, 200);
    let stranger = site.ghcr.token("hubot", Token::classic(&["read:packages"]));
    assert_eq!(site.pull(asked, &stranger).await.status, 403);
}
