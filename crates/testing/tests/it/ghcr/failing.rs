//! Broken on purpose.

use std::time::Duration;

use insta::assert_snapshot;
use pullpass_oci::Digest;
use pullpass_testing::ghcr::Failing;

use super::{PRIVATE, Site, image};

// TOOMANYREQUESTS (429): `retry-after: 985.86µs, allowed: 44000/minute` - note Go-duration text in the MESSAGE.
#[tokio::test]
async fn the_rate_limit_speaks_gos_durations_and_passes() {
    let site = Site::new().await;
    site.ghcr.fail_times(1, "/v2/", Failing::RateLimited);
    assert_snapshot!(site.ask("GET /v2/", &[]).await, @r#"
    GET /v2/
    429
    content-length: 98
    content-type: application/json
    date: […]
    x-github-request-id: […]

    {"errors":[{"code":"TOOMANYREQUESTS","message":"retry-after: 985.86µs, allowed: 44000/minute"}]}\n
    "#);
    assert_eq!(site.ask("GET /v2/", &[]).await.status, 401);
}

#[tokio::test]
async fn it_fails_as_it_is_told() {
    let site = Site::new().await;
    let ghcr = &site.ghcr;
    let manifest = format!("GET /v2/{PRIVATE}/manifests/v0.1");

    ghcr.fail("/token", Failing::Html);
    let page = site.ask("GET /token", &[]).await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));

    ghcr.fail("/v2/", Failing::WrongDigest);
    let wrong = site.push(&manifest, &[], b"").await;
    assert_eq!(wrong.header("docker-content-digest"), Some(&*image().digest().to_string()));
    assert_ne!(Digest::sha256(&wrong.body), image().digest());
    assert_eq!(wrong.json(), serde_json::from_slice::<serde_json::Value>(&image().manifest).expect("JSON"));

    ghcr.fail("/v2/", Failing::RedirectLoop);
    let redirect = site.push(&manifest, &[], b"").await;
    let here = format!("https://ghcr.io/v2/{PRIVATE}/manifests/v0.1");
    assert_eq!((redirect.status, redirect.header("location")), (307, Some(&*here)));

    ghcr.fail("/v2/", Failing::ForeignRealm("https://evil.example".to_owned()));
    assert_snapshot!(site.ask("GET /v2/", &[]).await.header("www-authenticate").expect("a challenge"), @r#"Bearer realm="https://evil.example/token",service="ghcr.io",scope="repository:user/image:pull""#);

    ghcr.fail("/v2/", Failing::Status(503));
    assert_eq!(site.ask("GET /v2/", &[]).await.status, 503);

    ghcr.fail("/v2/", Failing::Hang);
    let waited = tokio::time::timeout(Duration::from_millis(300), site.ask("GET /v2/", &[])).await;
    assert!(waited.is_err(), "it does not answer");

    ghcr.heal();
    assert_eq!(site.ask("GET /v2/", &[]).await.status, 401);
}
