use std::time::Duration;

use bytes::Bytes;
use pullpass_client::Failure;
use pullpass_oci::{Digest, media_type};
use pullpass_testing::canned::{self, Canned, Certificates, Reply, Request};

use crate::{
    assert_keeps_secrets, connect, connect_to, credential, denied, failure, ghcr, image, name, not_found,
    open_registry, tag,
};

#[tokio::test]
async fn a_loopback_registry_without_tls_is_reached_over_plain_http() {
    let server = Canned::start(ghcr).await;
    for host in [server.host(), format!("localhost:{}", server.port())] {
        let registry = connect_to(&host, Some(credential())).await.unwrap_or_else(|error| panic!("{error}"));
        assert!(!registry.is_https());
        registry.manifest(&name(), &tag()).await.unwrap();
    }
}

#[tokio::test]
async fn when_both_fail_the_error_of_https_is_kept() {
    let server = Canned::start(|_: &Request| Reply::HangUp).await;
    let error = failure(connect_to(&server.host(), None).await);
    assert!(matches!(error.failure, Failure::Unreachable { .. }), "{error}");
    assert_eq!(error.request.url, format!("http://{}/v2/", server.host()));
    let facts = error.facts();
    let expected = format!("over HTTPS: `{}` does not speak TLS", server.host());
    assert!(facts.contains(&expected), "{facts:?}");
}

#[tokio::test]
async fn an_untrusted_certificate_does_not_lead_to_plain_http() {
    let server = Canned::start_tls(&Certificates::new(), ghcr).await;
    let error = failure(connect_to(&server.host(), Some(credential())).await);
    assert!(matches!(error.failure, Failure::Tls { .. }), "{error}");
    assert!(error.over_https.is_none());
}

#[tokio::test]
async fn a_closed_port_is_unreachable() {
    let host = Canned::start(ghcr).await.host();
    let error = failure(connect_to(&host, Some(credential())).await);
    assert!(matches!(error.failure, Failure::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn what_is_no_registry_is_named_with_what_it_answered() {
    let html = [("content-type", "text/html; charset=utf-8")];
    let cases = [
        (canned::response(200, &html, "<html>"), "a web page (200 OK)"),
        (canned::response(403, &html, "<html>"), "a web page (403 Forbidden)"),
        (canned::response(200, &[("content-type", "text/plain")], "hello"), "200 with `text/plain` in place of JSON"),
        (canned::response(401, &[], ""), "401 without a challenge for Bearer or Basic"),
        (
            canned::response(401, &[("www-authenticate", "Negotiate")], ""),
            "401 without a challenge for Bearer or Basic",
        ),
        (canned::response(404, &[], ""), "404"),
    ];
    for (response, expected) in cases {
        let server = Canned::start(move |_: &Request| response.clone()).await;
        let error = failure(connect_to(&server.host(), Some(credential())).await);
        let Failure::NotARegistry { saw } = &error.failure else { panic!("{error}") };
        assert_eq!(saw, expected);
        assert!(server.requests().iter().all(|request| request.header("authorization").is_empty()));
    }
}

#[tokio::test]
async fn a_manifest_is_asked_for_in_every_media_type() {
    let server = Canned::start(open_registry).await;
    let registry = connect(&server, None).await;
    registry.manifest(&name(), &tag()).await.unwrap();
    let head = registry.head_manifest(&name(), &tag()).await.unwrap();
    assert_eq!((head.media_type.as_str(), head.digest), (media_type::OCI_MANIFEST, Some(image().digest())));
    for request in server.requests().iter().filter(|request| request.path().contains("/manifests/")) {
        let accepted: Vec<&str> =
            request.headers.get_all("accept").iter().filter_map(|value| value.to_str().ok()).collect();
        assert_eq!(accepted, media_type::MANIFESTS);
        assert!(request.header("user-agent").starts_with("pullpass/"));
    }
}

#[tokio::test]
async fn a_manifest_with_other_bytes_than_its_digest_is_refused() {
    let digest = image().digest().to_string();
    let header = digest.clone();
    let server = Canned::start(move |request: &Request| match request.path() {
        "/v2/" => open_registry(request),
        // By tag, the header is a lie; by digest, there is no header at all.
        "/v2/o/n/manifests/1" => canned::response(200, &[("docker-content-digest", &header)], "{}").into(),
        _ => Reply::from(canned::json(200, "{}")),
    })
    .await;
    let registry = connect(&server, None).await;
    for reference in [tag(), digest.parse().unwrap()] {
        let error = failure(registry.manifest(&name(), &reference).await);
        let Failure::DigestMismatch { expected, found } = &error.failure else { panic!("{error}") };
        assert_eq!((expected, found), (&image().digest(), &Digest::sha256(b"{}")));
    }
}

#[tokio::test]
async fn a_blob_is_verified_by_digest_and_length() {
    let server = Canned::start(|request: &Request| match request.target.as_str() {
        "/v2/" => open_registry(request),
        path if path.starts_with("/v2/o/stalled/") => Reply::Stalled(canned::response(200, &[], "abc")),
        path if path.starts_with("/v2/o/broken/") => Reply::BrokenOff(canned::response(200, &[], "abc")),
        _ => canned::response(200, &[], "abc").into(),
    })
    .await;
    let registry = connect(&server, None).await;
    let (abc, abcd) = (Digest::sha256(b"abc"), Digest::sha256(b"abcd"));
    let mut sink = Vec::new();
    assert_eq!(registry.blob(&name(), &abc, Some(3), &mut sink).await.unwrap(), 3);
    assert_eq!(registry.blob(&name(), &abc, None, &mut sink).await.unwrap(), 3);
    assert_eq!(sink, b"abcabc");

    let error = failure(registry.blob(&name(), &abcd, Some(3), &mut sink).await);
    assert!(matches!(error.failure, Failure::DigestMismatch { .. }), "{error}");
    for (size, word) in [(2, "longer"), (4, "shorter")] {
        let error = failure(registry.blob(&name(), &abc, Some(size), &mut sink).await);
        assert!(error.to_string().contains(word), "{error}");
    }
    // Not one byte more is waited for than was promised.
    let error = failure(registry.blob(&"o/stalled".parse().unwrap(), &abc, Some(2), &mut sink).await);
    assert!(error.to_string().contains("longer"), "{error}");
    let error = failure(registry.blob(&"o/broken".parse().unwrap(), &abc, None, &mut sink).await);
    assert!(error.to_string().contains("broke off"), "{error}");
}

#[tokio::test]
async fn a_blob_is_there_or_not() {
    let server = Canned::start(open_registry).await;
    let registry = connect(&server, None).await;
    assert!(registry.has_blob(&name(), &Digest::sha256(&image().layer)).await.unwrap());
    assert!(!registry.has_blob(&name(), &Digest::sha256(b"other")).await.unwrap());
}

#[tokio::test]
async fn an_image_is_pushed_to_relative_and_absolute_locations() {
    let absolute = |request: &Request| format!("{}/v2/o/n/blobs/uploads/session?state=a", request.origin);
    let relative = |_: &Request| "/v2/o/n/blobs/uploads/session?state=a".to_owned();
    let locations: [fn(&Request) -> String; 2] = [absolute, relative];
    for location in locations {
        let server = Canned::start(move |request: &Request| {
            let is_allowed = request.header("authorization").starts_with("Bearer ");
            match (request.method.as_str(), request.path()) {
                ("POST", "/v2/o/n/blobs/uploads/") if is_allowed => {
                    canned::response(202, &[("location", &location(request))], "").into()
                }
                ("PUT", _) if is_allowed => canned::response(201, &[], "").into(),
                _ => ghcr(request),
            }
        })
        .await;
        let registry = connect(&server, Some(credential())).await;
        let layer = Bytes::from(image().layer);
        let digest = registry.upload_blob(&name(), layer.clone()).await.unwrap();
        let put = server.requests().pop().unwrap();
        let expected = format!("/v2/o/n/blobs/uploads/session?state=a&digest=sha256%3A{}", digest.hex());
        assert_eq!((put.target, put.body), (expected, layer));

        let manifest = Bytes::from(image().manifest);
        let stored = registry.put_manifest(&name(), &tag(), media_type::OCI_MANIFEST, manifest.clone()).await.unwrap();
        assert_eq!(stored, image().digest());
        let put = server.requests().pop().unwrap();
        assert_eq!((put.path(), &put.body), ("/v2/o/n/manifests/1", &manifest));
        assert_eq!(put.header("content-type"), media_type::OCI_MANIFEST);
        let tokens: Vec<String> = server.log().into_iter().filter(|line| line.contains("/token")).collect();
        assert_eq!(tokens.len(), 1, "{tokens:?}");
        assert!(tokens[0].ends_with("scope=repository%3Ao%2Fn%3Apull%2Cpush"), "{tokens:?}");
    }
}

#[tokio::test]
async fn an_upload_is_not_sent_to_another_origin() {
    let elsewhere = Canned::start(|_: &Request| canned::response(201, &[], "")).await;
    let location = format!("{}/session", elsewhere.origin());
    let server = Canned::start(move |request: &Request| match request.method.as_str() {
        "POST" => canned::response(202, &[("location", &location)], "").into(),
        _ => open_registry(request),
    })
    .await;
    let error = failure(connect(&server, Some(credential())).await.upload_blob(&name(), "x".into()).await);
    assert!(matches!(error.failure, Failure::RedirectRefused { .. }), "{error}");
    assert_eq!(elsewhere.log(), [""; 0]);
}

#[tokio::test]
async fn a_missing_tag_is_not_a_matter_of_access() {
    let server = Canned::start(|request: &Request| match request.path() {
        "/v2/o/n/manifests/2" => not_found(),
        _ => ghcr(request),
    })
    .await;
    let registry = connect(&server, Some(credential())).await;
    let error = failure(registry.manifest(&name(), &"2".parse().unwrap()).await);
    assert!(matches!(error.failure, Failure::NotFound(_)), "{error}");
    assert_eq!(error.to_string(), format!("`{}` has no `o/n:2`: 404 manifest unknown", server.host()));
    assert_eq!(error.facts(), [format!("manifest: GET http://{}/v2/o/n/manifests/2", server.host())]);
    // A refused HEAD has no body to quote.
    let error = failure(registry.head_manifest(&name(), &"2".parse().unwrap()).await);
    assert!(error.to_string().ends_with("404 Not Found"), "{error}");
}

#[tokio::test]
async fn a_rate_limit_says_when_to_come_back() {
    let date = ("date", "Mon, 01 Jun 2026 12:00:00 GMT");
    let body = |message: &str| format!(r#"{{"errors":[{{"code":"TOOMANYREQUESTS","message":"{message}"}}]}}"#);
    let ghcr = body("retry-after: 985.86µs, allowed: 44000/minute");
    let cases = [
        (canned::json(429, &ghcr), Some(Duration::from_nanos(985_860))),
        (canned::json(429, &body("retry-after: 1m2.5s, allowed: 1/minute")), Some(Duration::from_millis(62_500))),
        (canned::json(429, &body("retry-after: soon")), None),
        (canned::response(429, &[("retry-after", "7")], ghcr), Some(Duration::from_secs(7))),
        (
            canned::response(429, &[date, ("retry-after", "Mon, 01 Jun 2026 12:01:30 GMT")], ""),
            Some(Duration::from_secs(90)),
        ),
        (canned::response(429, &[], ""), None),
    ];
    for (response, expected) in cases {
        let server = Canned::start(move |request: &Request| match request.path() {
            "/v2/" => open_registry(request),
            _ => response.clone().into(),
        })
        .await;
        let error = failure(connect(&server, None).await.manifest(&name(), &tag()).await);
        let Failure::RateLimited { retry_after, .. } = &error.failure else { panic!("{error}") };
        assert_eq!(*retry_after, expected);
    }
}

#[tokio::test]
async fn any_other_status_is_unexpected_and_keeps_what_was_said() {
    let server = Canned::start(|request: &Request| match request.path() {
        "/v2/" => open_registry(request),
        _ => canned::json(503, r#"{"errors":[{"code":"UNAVAILABLE","message":"back soon"}]}"#).into(),
    })
    .await;
    let error = failure(connect(&server, Some(credential())).await.manifest(&name(), &tag()).await);
    let Failure::UnexpectedStatus(said) = &error.failure else { panic!("{error}") };
    assert_eq!(said.to_string(), "503 unavailable: back soon");
    assert_keeps_secrets(&error);
}

#[tokio::test]
async fn the_right_to_push_is_proved_by_an_upload_that_is_cancelled_again() {
    for cancelled in [204, 405] {
        let server = Canned::start(move |request: &Request| match (request.method.as_str(), request.path()) {
            ("POST", "/v2/o/n/blobs/uploads/") => {
                canned::response(202, &[("location", "/v2/o/n/blobs/uploads/session")], "").into()
            }
            ("DELETE", "/v2/o/n/blobs/uploads/session") => canned::response(cancelled, &[], "").into(),
            _ => open_registry(request),
        })
        .await;
        connect(&server, None).await.can_push(&name()).await.unwrap();
        let log = server.log();
        assert!(log.last().unwrap().starts_with("DELETE /v2/o/n/blobs/uploads/session"), "{log:?}");
    }
    let server = Canned::start(|request: &Request| match request.method.as_str() {
        "POST" => denied("requested access to the resource is denied"),
        _ => open_registry(request),
    })
    .await;
    let error = failure(connect(&server, None).await.can_push(&name()).await);
    assert!(matches!(error.failure, Failure::AccessDenied(_)), "{error}");
}
