//! `/v2/NAME/manifests/REFERENCE`

use insta::assert_snapshot;
use pullpass_oci::{Image, media_type};

use super::{PRIVATE, Site, image};

// HEAD/GET manifest, Docker-Content-Digest, ETag | yes
#[tokio::test]
async fn a_manifest_is_there_by_tag_and_by_digest() {
    let site = Site::new().await;
    let digest = image().digest();
    let by_tag = site.push(&format!("HEAD /v2/{PRIVATE}/manifests/v0.1"), &[], b"").await;
    let by_digest = site.push(&format!("GET /v2/{PRIVATE}/manifests/{digest}"), &[], b"").await;
    assert_snapshot!(by_tag, @r#"
    HEAD /v2/midokura/gpu-infra-ansible/manifests/v0.1
    200
    content-length: 397
    content-type: application/vnd.oci.image.manifest.v1+json
    date: […]
    docker-content-digest: sha256:a494132d9ca77975a6d7e3df45d5eb39eb2a126ddfc49ed1d527f05d0a3953a5
    etag: "sha256:a494132d9ca77975a6d7e3df45d5eb39eb2a126ddfc49ed1d527f05d0a3953a5"
    x-github-request-id: […]
    "#);
    assert_eq!(by_digest.body, image().manifest);
    assert_eq!(by_digest.header("docker-content-digest"), by_tag.header("docker-content-digest"));
}

// MANIFEST_UNKNOWN (404): `manifest unknown`; and content negotiation failure: `OCI index found, but Accept header does
// not support OCI indexes`
#[tokio::test]
async fn a_missing_tag_and_an_index_nobody_asked_for_are_unknown_manifests() {
    let site = Site::new().await;
    assert_snapshot!(site.push(&format!("GET /v2/{PRIVATE}/manifests/v9"), &[], b"").await, @r#"
    GET /v2/midokura/gpu-infra-ansible/manifests/v9
    404
    content-length: 70
    content-type: application/json
    date: […]
    x-github-request-id: […]

    {"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}\n
    "#);
    let asked = format!("GET /v2/{PRIVATE}/manifests/multi");
    assert_snapshot!(site.push(&asked, &[("Accept", media_type::OCI_MANIFEST)], b"").await, @r#"
    GET /v2/midokura/gpu-infra-ansible/manifests/multi
    404
    content-length: 117
    content-type: application/json
    date: […]
    x-github-request-id: […]

    {"errors":[{"code":"MANIFEST_UNKNOWN","message":"OCI index found, but Accept header does not support OCI indexes"}]}\n
    "#);
    let accept = [("Accept", media_type::OCI_MANIFEST), ("Accept", media_type::OCI_INDEX)];
    assert_eq!(site.push(&asked, &accept, b"").await.status, 200);
}

// First push creates the package PRIVATE by default
#[tokio::test]
async fn the_first_push_creates_a_private_package() {
    let site = Site::new().await;
    let image = Image::with_file("amd64", "new", b"new");
    let name = "midokura/new";
    let put = format!("PUT /v2/{name}/manifests/v1");
    let content_type = [("Content-Type", media_type::OCI_MANIFEST)];
    let early = site.push(&put, &content_type, &image.manifest).await;
    assert_eq!((early.status, early.message()), (400, "blob unknown to registry".to_owned()));
    for blob in [&image.config, &image.layer] {
        assert_eq!(site.push_blob(name, blob).await.status, 201);
    }
    let anonymous = format!("GET /token?scope=repository:{name}:pull");
    assert_eq!(site.ask(&anonymous, &[]).await.status, 403, "uploads alone create nothing visible");
    let pushed = site.push(&put, &content_type, &image.manifest).await;
    assert_eq!((pushed.status, pushed.header("docker-content-digest")), (201, Some(&*image.digest().to_string())));
    assert_eq!(site.ask(&anonymous, &[]).await.status, 401, "private");
    assert_eq!(site.push(&format!("GET /v2/{name}/manifests/v1"), &[], b"").await.body, image.manifest);
}
