//! `/v2/NAME/blobs/uploads/`

use insta::assert_snapshot;
use pullpass_oci::Digest;

use super::{PRIVATE, Site, image};

// upload start `POST /v2/<n>/blobs/uploads/` | 202 = push right proven, creates nothing visible; 401/403 = no.
#[tokio::test]
async fn an_upload_starts_for_whoever_may_push() {
    let site = Site::new().await;
    let asked = format!("POST /v2/{PRIVATE}/blobs/uploads/");
    assert_eq!(site.push(&asked, &[], b"").await.status, 202);
    assert_eq!(site.ask(&asked, &[]).await.status, 401);
    assert_eq!(site.directly(&asked, &site.reader()).await.status, 403);
}

// chunked PATCH with Content-Range | max 4 MiB per request -> 416. Docker's streaming PATCH (no Content-Range) and
// monolithic PUT push bigger layers fine
#[tokio::test]
async fn a_chunk_is_at_most_4_mib_and_a_stream_any_length() {
    let site = Site::new().await;
    let limit = 4 * 1024 * 1024;
    let bytes = vec![7; limit + 1];
    let location = site.upload(PRIVATE).await;
    let patch = format!("PATCH {location}");
    let too_large = site.push(&patch, &[("Content-Range", &format!("0-{limit}"))], &bytes).await;
    assert_eq!(too_large.status, 416);
    assert_snapshot!(too_large.text().trim(), @r#"{"errors":[{"code":"REQUESTED_RANGE_NOT_SATISFIABLE","message":"the request body is too large and exceeds the maximum permissible limit of 4.00MiB"}]}"#);
    let first = site.push(&patch, &[("Content-Range", &format!("0-{}", limit - 1))], &bytes[..limit]).await;
    assert_eq!((first.status, first.header("range")), (202, Some("0-4194303")));
    let gap = site.push(&patch, &[("Content-Range", "9999999-9999999")], b"x").await;
    assert_eq!(gap.status, 416);
    let last = site.push(&patch, &[("Content-Range", &format!("{limit}-{limit}"))], &bytes[limit..]).await;
    assert_eq!(last.status, 202);
    let digest = Digest::sha256(&bytes);
    assert_eq!(site.push(&format!("PUT {location}?digest={digest}"), &[], b"").await.status, 201);

    let location = site.upload(PRIVATE).await;
    assert_eq!(site.push(&format!("PATCH {location}"), &[], &bytes).await.status, 202, "a stream");
    let wrong = format!("PUT {location}?digest={}", Digest::sha256(b"other"));
    assert_eq!(site.push(&wrong, &[], b"").await.message(), "provided digest did not match uploaded content");
    assert_eq!(site.push_blob(PRIVATE, &bytes).await.status, 201, "a monolithic PUT");
}

// cross-repo blob mount | works
#[tokio::test]
async fn a_blob_is_mounted_from_another_package() {
    let site = Site::new().await;
    let digest = Digest::sha256(&image().layer);
    let mount = format!("POST /v2/midokura/new/blobs/uploads/?mount={digest}&from={PRIVATE}");
    assert_eq!(site.push(&mount, &[], b"").await.status, 201);
    let missing = format!("POST /v2/midokura/new/blobs/uploads/?mount={}&from={PRIVATE}", Digest::sha256(b"none"));
    assert_eq!(site.push(&missing, &[], b"").await.status, 202);
}
