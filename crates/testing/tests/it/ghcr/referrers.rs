//! What ghcr.io does not have.

use insta::assert_snapshot;
use pullpass_oci::{Digest, media_type};
use pullpass_testing::ghcr::Switches;

use super::{PRIVATE, Site, image};

// referrers API | no. 2024: 404, no OCI-Subject header. 2026-04: 303 redirect to
// github.com/-/v2/packages/container/package/O%2FN%2Freferrers%2Fsha256 (digest truncated)
#[tokio::test]
async fn there_are_no_referrers() {
    let asked = format!("GET /v2/{PRIVATE}/referrers/{}", image().digest());
    let site = Site::new().await;
    assert_eq!(site.push(&asked, &[], b"").await.status, 404);
    assert_eq!(site.ask(&asked, &[]).await.status, 401);
    let other = Site::with(Switches { redirects_referrers: true, ..Switches::default() }).await;
    let redirect = other.push(&asked, &[], b"").await;
    assert_eq!(redirect.status, 303);
    assert_snapshot!(redirect.header("location").expect("an address"), @"https://github.com/-/v2/packages/container/package/midokura%2Fgpu-infra-ansible%2Freferrers%2Fsha256");

    let mut about: serde_json::Value = serde_json::from_slice(&image().manifest).expect("JSON");
    about["subject"] = serde_json::json!({
        "mediaType": media_type::OCI_MANIFEST,
        "digest": image().digest().to_string(),
        "size": image().manifest.len(),
    });
    let about = about.to_string().into_bytes();
    let put = format!("PUT /v2/{PRIVATE}/manifests/{}", Digest::sha256(&about));
    let pushed = site.push(&put, &[("Content-Type", media_type::OCI_MANIFEST)], &about).await;
    assert_eq!((pushed.status, pushed.header("oci-subject")), (201, None));
}

// _catalog | not usable [U]
#[tokio::test]
async fn there_is_no_catalog_unless_switched_on() {
    assert_eq!(Site::new().await.push("GET /v2/_catalog", &[], b"").await.status, 405);
    let other = Site::with(Switches { lists_catalog: true, ..Switches::default() }).await;
    assert_snapshot!(other.push("GET /v2/_catalog", &[], b"").await.text().trim(), @r#"{"repositories":["midokura/gpu-infra-ansible","midokura/hello"]}"#);
}

// DELETE manifest | 405 UNSUPPORTED. DELETE upload session (cancel) | 405
#[tokio::test]
async fn nothing_is_deleted() {
    let site = Site::new().await;
    assert_snapshot!(site.push(&format!("DELETE /v2/{PRIVATE}/manifests/v0.1"), &[], b"").await, @r#"
    DELETE /v2/midokura/gpu-infra-ansible/manifests/v0.1
    405
    content-length: 78
    content-type: application/json
    date: […]
    x-github-request-id: […]

    {"errors":[{"code":"UNSUPPORTED","message":"The operation is unsupported."}]}\n
    "#);
    let location = site.upload(PRIVATE).await;
    let cancelled = site.push(&format!("DELETE {location}"), &[], b"").await;
    assert_eq!((cancelled.status, cancelled.message()), (405, "The operation is unsupported.".to_owned()));
}
