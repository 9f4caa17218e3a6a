use std::{fs, path::PathBuf};

use pullpass_oci::{Digest, media_type};
use pullpass_server::admin::{Request, Response, check::Report};
use reqwest::{Method, StatusCode};
use serde_json::json;
use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::support::{Answer, Pat, Running};

async fn check(server: &Running) -> Report {
    match server.admin(Request::Check).await {
        Ok(Response::Checked(report)) => report,
        Ok(_) => panic!("another answer than a report"),
        Err(error) => panic!("{error}"),
    }
}

fn file(server: &Running, digest: &Digest) -> PathBuf {
    server.path().join("blobs/sha256").join(&digest.hex()[..2]).join(digest.hex())
}

/// The database, written to behind the server's back, and without its foreign keys.
async fn database(server: &Running) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(server.path().join("pullpass.db")).foreign_keys(false);
    options.connect().await.expect("the database opens")
}

async fn change(server: &Running, sql: &'static str) {
    let mut database = database(server).await;
    let changed = sqlx::query(sql).execute(&mut database).await.expect("the statement is right");
    assert_eq!(changed.rows_affected(), 1, "{sql}");
    database.close().await.expect("the database closes");
}

/// A server with one image, and what is wrong with it after `damage`.
async fn problems_after(damage: impl AsyncFnOnce(&Running, &Pat, &pullpass_oci::Image)) -> Vec<String> {
    let server = Running::start().await;
    let alice = server.alice().await;
    let image = server.push_image("alice/app", "1", b"contents", &alice).await;
    damage(&server, &alice, &image).await;
    check(&server).await.problems
}

#[tokio::test]
async fn a_healthy_server_is_counted_and_has_no_problems() {
    let server = Running::start().await;
    let alice = server.alice().await;
    let image = server.push_image("alice/app", "1", b"contents", &alice).await;
    server.push_image("alice/copy", "1", b"contents", &alice).await;
    server.push_image("alice/copy", "2", b"other contents", &alice).await;
    // A subject need not be anywhere, an index has what it names, and SHA-512 is as good.
    let entry = |digest: &Digest, size: usize| json!({"mediaType": media_type::OCI_MANIFEST, "digest": digest.to_string(), "size": size});
    let subject = entry(&Digest::sha256(b"never pushed"), 12);
    let index =
        json!({"schemaVersion": 2, "manifests": [entry(&image.digest(), image.manifest.len())], "subject": subject});
    let index = index.to_string();
    let answer = server.put_manifest("alice/app", "all", media_type::OCI_INDEX, index.as_bytes(), &alice).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    let mut hasher = pullpass_oci::Hasher::new(pullpass_oci::Algorithm::Sha512);
    hasher.update(b"long");
    let path = format!("/v2/alice/app/blobs/uploads/?digest={}", hasher.finish());
    let answer = Answer::of(server.request(Method::POST, &path, Some(&alice)).body("long")).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    server.open_upload("alice/app", &alice).await;

    let report = check(&server).await;
    assert_eq!(report.problems, [""; 0]);
    let Report { packages, blobs, manifests, tags, uploads, .. } = report;
    assert_eq!((packages, blobs, manifests, tags, uploads), (2, 5, 4, 4, 1));
    let on_disk: u64 = [&image.config, &image.layer].iter().map(|bytes| bytes.len() as u64).sum();
    assert!(report.bytes > on_disk, "{}", report.bytes);
}

#[tokio::test]
async fn a_changed_byte_of_a_blob_is_named() {
    let mut layer = String::new();
    let problems = problems_after(async |server, _, image| {
        let digest = Digest::sha256(&image.layer);
        let mut bytes = image.layer.clone();
        bytes[0] ^= 1;
        fs::write(file(server, &digest), &bytes).unwrap();
        layer = format!("blob `{digest}`: its file holds `{}`", Digest::sha256(&bytes));
    });
    assert_eq!(problems.await, [layer]);
}

#[tokio::test]
async fn missing_and_short_blob_files_are_named() {
    let mut expected = Vec::new();
    let mut problems = problems_after(async |server, _, image| {
        let (config, layer) = (Digest::sha256(&image.config), Digest::sha256(&image.layer));
        fs::remove_file(file(server, &config)).unwrap();
        fs::write(file(server, &layer), &image.layer[1..]).unwrap();
        let length = image.layer.len();
        expected.push(format!("blob `{config}`: its file is missing"));
        expected.push(format!("blob `{layer}`: its file has {} bytes instead of {length}", length - 1));
    })
    .await;
    problems.sort();
    expected.sort();
    assert_eq!(problems, expected);
}

#[tokio::test]
async fn files_that_nobody_owns_are_named_and_the_next_start_removes_them() {
    let server = Running::start().await;
    let alice = server.alice().await;
    server.push_image("alice/app", "1", b"contents", &alice).await;
    let orphan = Digest::sha256(b"published, never recorded");
    fs::create_dir_all(file(&server, &orphan).parent().unwrap()).unwrap();
    fs::write(file(&server, &orphan), b"published, never recorded").unwrap();
    fs::write(server.path().join("uploads/left-over"), b"half").unwrap();
    let expected = [
        "file `uploads/left-over` belongs to no upload".to_owned(),
        format!("the file of blob `{orphan}` is on no record"),
    ];
    assert_eq!(check(&server).await.problems, expected);
    let server = server.restart().await;
    assert_eq!(check(&server).await.problems, [""; 0]);
    assert!(!file(&server, &orphan).exists());
}

#[tokio::test]
async fn a_manifest_that_is_not_what_its_digest_says_is_named() {
    let mut expected = String::new();
    let problems = problems_after(async |server, _, image| {
        change(server, "UPDATE manifests SET bytes = CAST('{}' AS BLOB)").await;
        expected = format!("manifest `{}` of `alice/app` has bytes with the digest `", image.digest());
    })
    .await;
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].starts_with(&expected), "{problems:?}");
}

#[tokio::test]
async fn a_manifest_whose_layer_was_deleted_is_named() {
    let mut expected = String::new();
    let problems = problems_after(async |server, alice, image| {
        let layer = Digest::sha256(&image.layer);
        let path = format!("/v2/alice/app/blobs/{layer}");
        assert_eq!(Answer::of(server.request(Method::DELETE, &path, Some(alice))).await.status, StatusCode::ACCEPTED);
        let manifest = image.digest();
        expected = format!("manifest `{manifest}` of `alice/app` names `{layer}`, which the package does not have");
    });
    assert_eq!(problems.await, [expected]);
}

#[tokio::test]
async fn rows_that_name_rows_that_are_not_there_are_named() {
    let mut expected = Vec::new();
    let mut problems = problems_after(async |server, _, image| {
        let (layer, manifest) = (Digest::sha256(&image.layer), image.digest());
        let mut database = database(server).await;
        let forget = "DELETE FROM blobs WHERE digest = $1";
        sqlx::query(forget).bind(layer.to_string()).execute(&mut database).await.unwrap();
        fs::remove_file(file(server, &layer)).unwrap();
        change(server, "DELETE FROM manifests").await;
        change(server, "INSERT INTO pats SELECT 99, x'00', 99, '', '', '', 1, 0, NULL, NULL, NULL FROM users").await;
        expected.push(format!("tag `1` of `alice/app` names the manifest `{manifest}`, which is not there"));
        expected.push(format!("package `alice/app` has the blob `{layer}`, which is not on record"));
        expected.push("row 99 of the table `pats` names a row of `users` that is not there".to_owned());
    })
    .await;
    problems.sort();
    expected.sort();
    assert_eq!(problems, expected);
}

#[tokio::test]
async fn a_damaged_database_is_said_to_be_one() {
    let server = Running::start().await;
    let alice = server.alice().await;
    server.push_image("alice/app", "1", b"contents", &alice).await;
    let (data, time) = server.stop().await;
    let path = data.path().join("data/pullpass.db");
    let mut database = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'tags_by_digest'";
    let page: i64 = sqlx::query_scalar(sql).fetch_one(&mut database).await.unwrap();
    let size: i64 = sqlx::query_scalar("PRAGMA page_size").fetch_one(&mut database).await.unwrap();
    database.close().await.unwrap();
    // An index without its entry: a page of that kind with no cell.
    let mut bytes = fs::read(&path).unwrap();
    let start = usize::try_from((page - 1) * size).unwrap();
    bytes[start + 3..start + 5].copy_from_slice(&[0, 0]);
    fs::write(&path, bytes).unwrap();
    let server = Running::start_in(data, time, pullpass_server::Timeouts::default()).await;
    let problems = check(&server).await.problems;
    assert!(!problems.is_empty());
    assert!(problems.iter().all(|problem| problem.starts_with("the database is damaged: ")), "{problems:?}");
}

/// What is between its file and its row is no problem.
#[tokio::test(flavor = "multi_thread")]
async fn pushes_and_deletes_under_way_are_no_problem() {
    let server = Running::start().await;
    let alice = server.alice().await;
    server.push_image("alice/app", "1", b"contents", &alice).await;
    let work = async {
        for number in 0..60 {
            let image = server.push_image("alice/app", "1", format!("contents {number}").as_bytes(), &alice).await;
            for path in [
                format!("/v2/alice/app/manifests/{}", image.digest()),
                format!("/v2/alice/app/blobs/{}", Digest::sha256(&image.layer)),
            ] {
                let answer = Answer::of(server.request(Method::DELETE, &path, Some(&alice))).await;
                assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
            }
        }
    };
    let checks = async {
        for _ in 0..20 {
            assert_eq!(check(&server).await.problems, [""; 0]);
        }
    };
    tokio::join!(work, checks);
}
