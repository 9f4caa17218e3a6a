//! Broken on purpose.

use std::time::{Duration, Instant};

use insta::assert_snapshot;
use jiff::{SignedDuration, Timestamp, fmt::rfc2822};
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

    ghcr.fail("/v2/", Failing::TooLong);
    assert_eq!(site.push(&manifest, &[], b"").await.body.len(), image().manifest.len() + 1);

    ghcr.fail("/v2/", Failing::BrokenOff);
    let broken = site.push(&manifest, &[], b"").await;
    assert_eq!(broken.header("content-length"), Some(&*(image().manifest.len() + 1).to_string()));
    assert_eq!(broken.body, image().manifest);

    for failing in [Failing::Stalled, Failing::Endless] {
        ghcr.fail("/v2/", failing);
        let waited = tokio::time::timeout(Duration::from_millis(300), site.push(&manifest, &[], b"")).await;
        assert!(waited.is_err(), "it does not end");
    }

    ghcr.fail("/v2/", Failing::Redirect("http://10.0.0.1/latest".to_owned()));
    let redirect = site.push(&manifest, &[], b"").await;
    assert_eq!((redirect.status, redirect.header("location")), (307, Some("http://10.0.0.1/latest")));

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

#[tokio::test]
async fn far_away_every_answer_is_late_and_none_waits_for_another() {
    let site = Site::new().await;
    let delay = Duration::from_millis(300);
    site.ghcr.delay(delay);
    let begun = Instant::now();
    let asked = || site.ask("GET /v2/", &[]);
    let answers = tokio::join!(asked(), asked(), asked(), asked());
    assert_eq!([answers.0.status, answers.1.status, answers.2.status, answers.3.status], [401; 4]);
    let took = begun.elapsed();
    assert!(delay <= took && took < 3 * delay, "{took:?}");
}

// Clock skew: compare the HTTP Date header (any 401 carries it). response lacks `x-github-request-id`
#[tokio::test]
async fn its_clock_is_wrong_and_somebody_in_between_as_told() {
    let site = Site::new().await;
    site.ghcr.clock(SignedDuration::from_hours(-2));
    site.ghcr.intercepted(true);
    let answer = site.ask("GET /v2/", &[]).await;
    let date = rfc2822::parse(answer.header("date").expect("a date")).expect("an HTTP date").timestamp();
    let behind = Timestamp::now().duration_since(date);
    assert!(behind.as_mins().abs_diff(120) <= 1, "{behind}");
    assert_eq!(answer.header("x-github-request-id"), None);
    site.ghcr.intercepted(false);
    assert!(site.ask("GET /v2/", &[]).await.header("x-github-request-id").is_some());
}
