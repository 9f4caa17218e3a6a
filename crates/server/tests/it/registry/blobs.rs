use pullpass_oci::Digest;
use pullpass_server::PatScope;
use reqwest::{Method, StatusCode};

use crate::support::{ALL, Answer, Running};

#[tokio::test]
async fn a_blob_comes_back_whole() {
    let server = Running::start().await;
    let alice = server.alice().await;
    let bytes: Vec<u8> = (0..1_000_003_u32).map(|index| index.to_le_bytes()[1]).collect();
    let digest = server.push_blob("alice/app", &bytes, &alice).await;
    let path = format!("/v2/alice/app/blobs/{digest}");
    for method in [Method::GET, Method::HEAD] {
        let answer = Answer::of(server.request(method.clone(), &path, Some(&alice))).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.header("content-length"), "1000003");
        assert_eq!(answer.header("docker-content-digest"), digest.to_string());
        assert_eq!(answer.header("accept-ranges"), "bytes");
        assert_eq!(answer.header("content-type"), "application/octet-stream");
        assert!(answer.body == if method == Method::GET { bytes.clone() } else { Vec::new() });
    }
}

#[tokio::test]
async fn ranges_are_the_bytes_that_were_asked_for() {
    let server = Running::start().await;
    let alice = server.alice().await;
    let digest = server.push_blob("alice/app", b"0123456789", &alice).await;
    let path = format!("/v2/alice/app/blobs/{digest}");
    for (range, status, body, content_range) in [
        ("bytes=0-3", 206, "0123", "bytes 0-3/10"),
        ("bytes=4-", 206, "456789", "bytes 4-9/10"),
        ("bytes=-3", 206, "789", "bytes 7-9/10"),
        ("bytes=-30", 206, "0123456789", "bytes 0-9/10"),
        ("bytes=9-99999999999999999", 206, "9", "bytes 9-9/10"),
        ("bytes=10-", 416, "", "bytes */10"),
        ("bytes=99-100", 416, "", "bytes */10"),
        ("bytes=-0", 416, "", "bytes */10"),
        // Not understood, and therefore not there.
        ("bytes=3-1", 200, "0123456789", ""),
        ("bytes=0-1,3-4", 200, "0123456789", ""),
        ("lines=1-2", 200, "0123456789", ""),
        ("bytes=a-b", 200, "0123456789", ""),
    ] {
        let answer = Answer::of(server.request(Method::GET, &path, Some(&alice)).header("range", range)).await;
        assert_eq!(answer.status.as_u16(), status, "{range}");
        assert_eq!(answer.header("content-range"), content_range, "{range}");
        assert!(status == 416 || answer.text() == body, "{range}: {}", answer.text());
    }
}

#[tokio::test]
async fn an_empty_blob_is_a_blob() {
    let server = Running::start().await;
    let alice = server.alice().await;
    let digest = server.push_blob("alice/app", b"", &alice).await;
    let path = format!("/v2/alice/app/blobs/{digest}");
    let answer = server.get(&path, Some(&alice)).await;
    assert_eq!((answer.status, answer.header("content-length")), (StatusCode::OK, "0"));
    let answer = Answer::of(server.request(Method::GET, &path, Some(&alice)).header("range", "bytes=0-")).await;
    assert_eq!(answer.status, StatusCode::RANGE_NOT_SATISFIABLE);
}

#[tokio::test]
async fn a_blob_is_read_only_through_a_package_that_holds_it() {
    let server = Running::start().await;
    let alice = server.alice().await;
    let secret = server.push_blob("alice/secret", b"a secret layer", &alice).await;
    server.push_image("alice/app", "1", b"contents", &alice).await;
    server.publish("alice/app").await;
    server.user("bob").await;
    let bob = server.token("bob", &ALL, None).await;
    server.push_image("bob/app", "1", b"other contents", &bob).await;
    for (package, pat) in [("alice/app", None), ("alice/app", Some(&bob)), ("bob/app", Some(&bob))] {
        for method in [Method::GET, Method::HEAD] {
            let path = format!("/v2/{package}/blobs/{secret}");
            let answer = Answer::of(server.request(method, &path, pat)).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{package}");
        }
    }
    // A manifest that names it is refused, and nothing changes.
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "config": { "mediaType": "x", "digest": secret, "size": 14 },
        "layers": [],
    });
    let media_type = pullpass_oci::media_type::OCI_MANIFEST;
    let answer = server.put_manifest("bob/app", "2", media_type, manifest.to_string().as_bytes(), &bob).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::NOT_FOUND, "MANIFEST_BLOB_UNKNOWN"));
    let answer = server.get(&format!("/v2/bob/app/blobs/{secret}"), Some(&bob)).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::NOT_FOUND, "BLOB_UNKNOWN"));
}

#[tokio::test]
async fn a_deleted_blob_stays_away_even_where_another_package_has_it() {
    let server = Running::start().await;
    let alice = server.alice().await;
    let digest = server.push_blob("alice/one", b"shared", &alice).await;
    server.push_blob("alice/two", b"shared", &alice).await;
    let (one, two) = (format!("/v2/alice/one/blobs/{digest}"), format!("/v2/alice/two/blobs/{digest}"));
    let writer = server.token("alice", &[PatScope::Write], None).await;
    assert_eq!(Answer::of(server.request(Method::DELETE, &one, Some(&writer))).await.status, StatusCode::FORBIDDEN);
    assert_eq!(Answer::of(server.request(Method::DELETE, &one, Some(&alice))).await.status, StatusCode::ACCEPTED);
    assert_eq!(server.get(&two, Some(&alice)).await.text(), "shared");
    assert_eq!(server.get(&one, Some(&alice)).await.status, StatusCode::NOT_FOUND);
    assert_eq!(Answer::of(server.request(Method::DELETE, &one, Some(&alice))).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_sha512_blob_is_verified_and_served_like_any_other() {
    let server = Running::start().await;
    let alice = server.alice().await;
    let mut hasher = pullpass_oci::Hasher::new(pullpass_oci::Algorithm::Sha512);
    hasher.update(b"long digest");
    let digest = hasher.finish();
    let path = format!("/v2/alice/app/blobs/uploads/?digest={digest}");
    let wrong = Answer::of(server.request(Method::POST, &path, Some(&alice)).body("other")).await;
    assert_eq!((wrong.status, wrong.code().as_str()), (StatusCode::BAD_REQUEST, "DIGEST_INVALID"));
    let right = Answer::of(server.request(Method::POST, &path, Some(&alice)).body("long digest")).await;
    assert_eq!(right.status, StatusCode::CREATED);
    assert_eq!(server.get(right.header("location"), Some(&alice)).await.text(), "long digest");
    assert_ne!(digest, Digest::sha256(b"long digest"));
}
