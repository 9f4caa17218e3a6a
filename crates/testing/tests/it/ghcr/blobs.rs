//! `/v2/NAME/blobs/DIGEST`, and the storage host.

use std::time::Duration;

use pullpass_oci::Digest;
use pullpass_testing::ghcr::Switches;

use super::{PRIVATE, Site, basic, image};
use crate::ask;

// blob GET | 307 to a signed storage URL (HEAD of it 403). Drop Authorization on the redirect
#[tokio::test]
async fn a_blob_is_on_another_host_for_whoever_has_its_signed_address() {
    let site = Site::new().await;
    let digest = Digest::sha256(&image().layer);
    let answer = site.push(&format!("GET /v2/{PRIVATE}/blobs/{digest}"), &[], b"").await;
    assert_eq!(answer.status, 307);
    let location = answer.header("location").expect("an address");
    let port = site.ghcr.storage.port();
    let path = location
        .strip_prefix(&format!("https://pkg-containers.githubusercontent.com:{port}"))
        .unwrap_or_else(|| panic!("{location}"));
    let fetch = async |method: &str, path: &str, headers: &[(&str, &str)]| {
        let host = "pkg-containers.githubusercontent.com";
        ask(&site.ghcr.storage, &site.certificates, host, &format!("{method} {path}"), headers, b"").await
    };
    assert_eq!(fetch("GET", path, &[]).await.body, image().layer);
    assert_eq!(fetch("HEAD", path, &[]).await.status, 403);
    assert_eq!(fetch("GET", path.split('?').next().expect("a path"), &[]).await.status, 403);
    let basic = basic("octocat", &site.writer());
    assert_eq!(fetch("GET", path, &[("Authorization", &basic)]).await.status, 400);

    let missing = site.push(&format!("GET /v2/{PRIVATE}/blobs/{}", Digest::sha256(b"none")), &[], b"").await;
    assert_eq!(missing.status, 404);
    let stat = site.push(&format!("HEAD /v2/{PRIVATE}/blobs/{digest}"), &[], b"").await;
    assert_eq!((stat.status, stat.header("content-length")), (200, Some(&*image().layer.len().to_string())));
}

#[tokio::test]
async fn a_signed_address_ends() {
    let site = Site::with(Switches { signed_url_lifetime: Duration::ZERO, ..Switches::default() }).await;
    let asked = format!("GET /v2/{PRIVATE}/blobs/{}", Digest::sha256(&image().layer));
    let answer = site.push(&asked, &[], b"").await;
    let path = answer.header("location").and_then(|url| url.find("/ghcr1").map(|at| &url[at..])).expect("an address");
    let host = "pkg-containers.githubusercontent.com";
    let late = ask(&site.ghcr.storage, &site.certificates, host, &format!("GET {path}"), &[], b"").await;
    assert_eq!(late.status, 403);
}
