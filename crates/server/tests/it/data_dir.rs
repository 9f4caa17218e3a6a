use std::{fs, os::unix::fs::PermissionsExt};

use pullpass_server::{Error, Server};

use crate::support::{Running, clock, config};

#[tokio::test]
async fn one_that_is_in_use_is_named() {
    let server = Running::start().await;
    let error = Server::bind(config(server.path()), clock(&server.time)).await.unwrap_err();
    assert!(matches!(&error, Error::InUse(path) if *path == server.path()), "{error}");
    assert_eq!(error.to_string(), format!("data directory `{}` is in use by another process", server.path().display()));
}

#[tokio::test]
async fn one_that_everybody_can_write_to_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let time = std::sync::Arc::default();
    let error = Server::bind(config(directory.path().to_owned()), clock(&time)).await.unwrap_err();
    assert!(matches!(error, Error::WorldWritable(_)), "{error}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn nobody_else_can_read_what_is_in_it() {
    let server = Running::start().await;
    let alice = server.alice().await;
    server.push_image("alice/app", "1", b"contents", &alice).await;
    let mode = |name: &str| fs::metadata(server.path().join(name)).unwrap().permissions().mode() & 0o777;
    for (name, expected) in [
        ("", 0o700),
        ("lock", 0o600),
        ("pullpass.db", 0o600),
        ("pullpass.db-wal", 0o600),
        ("admin.sock", 0o600),
        ("blobs", 0o700),
        ("uploads", 0o700),
    ] {
        assert_eq!(mode(name), expected, "{name}");
    }
}

#[tokio::test]
async fn a_path_that_is_a_file_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let time = std::sync::Arc::default();
    let error = Server::bind(config(file.path().to_owned()), clock(&time)).await.unwrap_err();
    assert!(error.to_string().contains(&file.path().display().to_string()), "{error}");
}
