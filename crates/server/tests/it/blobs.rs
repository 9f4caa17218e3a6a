use std::{fs, os::unix::fs::PermissionsExt};

use pullpass_oci::Digest;
use reqwest::StatusCode;

use crate::support::Running;

#[tokio::test]
async fn everything_acknowledged_is_there_after_a_restart() {
    let server = Running::start().await;
    let alice = server.alice().await;
    let image = server.push_image("alice/app", "1", b"contents", &alice).await;
    server.publish("alice/app").await;
    let server = server.restart().await;
    let answer = server.get("/v2/alice/app/manifests/1", Some(&alice)).await;
    assert_eq!(answer.body, image.manifest);
    let layer = Digest::sha256(&image.layer);
    let bearer = server.bearer("scope=repository:alice/app:pull", None).await;
    let path = format!("/v2/alice/app/blobs/{layer}");
    let request = server.request(reqwest::Method::GET, &path, None).bearer_auth(bearer);
    assert_eq!(crate::support::Answer::of(request).await.body, image.layer);
}

#[tokio::test]
async fn unfinished_uploads_are_gone_after_a_restart() {
    let server = Running::start().await;
    let alice = server.alice().await;
    let path = server.open_upload("alice/app", &alice).await;
    // As after a crash, when nobody could clean up.
    fs::write(server.path().join("uploads/left-over"), b"half").unwrap();
    let server = server.restart().await;
    assert_eq!(fs::read_dir(server.path().join("uploads")).unwrap().count(), 0);
    assert_eq!(server.get(&path, Some(&alice)).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_blob_is_one_file_under_its_digest_however_often_it_is_pushed() {
    let server = Running::start().await;
    let alice = server.alice().await;
    for package in ["alice/one", "alice/two", "alice/one"] {
        let digest = server.push_blob(package, b"the same", &alice).await;
        let directory = server.path().join("blobs/sha256").join(&digest.hex()[..2]);
        assert_eq!(fs::metadata(&directory).unwrap().permissions().mode() & 0o077, 0);
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
        assert_eq!(fs::read(directory.join(digest.hex())).unwrap(), b"the same");
    }
}
