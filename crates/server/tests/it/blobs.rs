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

#[tokio::test]
async fn a_blob_that_no_package_holds_any_more_is_gone_after_a_restart() {
    let server = Running::start().await;
    let alice = server.alice().await;
    let (kept, gone) = (server.push_blob("alice/app", b"kept", &alice).await, Digest::sha256(b"gone"));
    server.push_blob("alice/app", b"gone", &alice).await;
    let path = format!("/v2/alice/app/blobs/{gone}");
    let deleted = crate::support::Answer::of(server.request(reqwest::Method::DELETE, &path, Some(&alice))).await;
    assert_eq!(deleted.status, StatusCode::ACCEPTED);
    let file = |digest: &Digest| format!("blobs/sha256/{}/{}", &digest.hex()[..2], digest.hex());
    assert!(server.path().join(file(&gone)).exists(), "a running upload may be about to name it");
    let server = server.restart().await;
    assert!(!server.path().join(file(&gone)).exists());
    assert!(server.path().join(file(&kept)).exists());
    // And it can come again.
    server.push_blob("alice/app", b"gone", &alice).await;
    assert_eq!(server.get(&path, Some(&alice)).await.body, b"gone");
}

#[tokio::test]
async fn blobs_beside_a_new_database_are_left_alone() {
    let server = Running::start().await;
    let alice = server.alice().await;
    let digest = server.push_blob("alice/app", b"bytes", &alice).await;
    let (data, time) = server.stop().await;
    fs::remove_file(data.path().join("data/pullpass.db")).unwrap();
    let server = Running::start_in(data, time, pullpass_server::Timeouts::default()).await;
    let file = server.path().join("blobs/sha256").join(&digest.hex()[..2]).join(digest.hex());
    assert_eq!(fs::read(file).unwrap(), b"bytes");
}
