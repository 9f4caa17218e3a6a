use std::time::{Duration, Instant};

use pullpass_oci::Digest;
use pullpass_server::{Error, Server, Timeouts};
use reqwest::StatusCode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time,
};

use crate::support::{Running, clock, config};

const SHORT: Duration = Duration::from_millis(300);

/// Reads to the end, and says how long that took.
async fn until_closed(stream: &mut TcpStream) -> (String, Duration) {
    let start = Instant::now();
    let mut answer = Vec::new();
    let end = time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await;
    let _ = end.expect("the server closes the connection");
    (String::from_utf8_lossy(&answer).into_owned(), start.elapsed())
}

/// Waits until the server has begun to take an upload.
async fn until_an_upload_runs(server: &Running) {
    for _ in 0..500 {
        if std::fs::read_dir(server.path().join("uploads")).expect("the directory of uploads").count() > 0 {
            return;
        }
        time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no upload was begun");
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let data = tempfile::tempdir().unwrap();
    let config = pullpass_server::Config { listen: address, ..config(data.path().join("data")) };
    let time = std::sync::Arc::default();
    let error = Server::bind(config, clock(&time)).await.unwrap_err();
    assert!(matches!(error, Error::Listen { .. }));
    assert!(error.to_string().starts_with(&format!("could not listen on `{address}`: ")), "{error}");
}

#[tokio::test]
async fn a_client_that_never_ends_its_headers_is_cut_off() {
    let server = Running::start_with(Timeouts { header: SHORT, ..Timeouts::default() }).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET /v2/ HTTP/1.1\r\nhost: x\r\nx-slow: ").await.unwrap();
    let (_, elapsed) = until_closed(&mut stream).await;
    assert!(elapsed >= SHORT / 2 && elapsed < Duration::from_secs(5), "{elapsed:?}");
}

#[tokio::test]
async fn a_client_that_says_nothing_is_cut_off_before_and_between_requests() {
    let server = Running::start_with(Timeouts { header: SHORT, ..Timeouts::default() }).await;
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    let (answer, elapsed) = until_closed(&mut silent).await;
    assert!(answer.is_empty() && elapsed < Duration::from_secs(5), "{answer} {elapsed:?}");
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    idle.write_all(b"GET /v2/ HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let (answer, elapsed) = until_closed(&mut idle).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert!(elapsed < Duration::from_secs(5), "{elapsed:?}");
}

#[tokio::test]
async fn a_body_that_stalls_is_cut_off_and_never_published() {
    let server = Running::start_with(Timeouts { body: SHORT, ..Timeouts::default() }).await;
    let alice = server.alice().await;
    let digest = Digest::sha256(b"0123456789");
    let path = format!("/v2/alice/app/blobs/uploads/?digest={digest}");
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: 10\r\n\r\n01234",
        alice.text
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let (answer, elapsed) = until_closed(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(elapsed < Duration::from_secs(5), "{elapsed:?}");
    let answer = server.get(&format!("/v2/alice/app/blobs/{digest}"), Some(&alice)).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(std::fs::read_dir(server.path().join("uploads")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_off() {
    let server = Running::start_with(Timeouts { write: SHORT, ..Timeouts::default() }).await;
    let alice = server.alice().await;
    // More than all buffers between the two can take.
    let digest = server.push_blob("alice/app", &vec![7; 32 * 1024 * 1024], &alice).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let path = format!("/v2/alice/app/blobs/{digest}");
    let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n", alice.text);
    stream.write_all(head.as_bytes()).await.unwrap();
    time::sleep(SHORT * 5).await;
    let (answer, _) = until_closed(&mut stream).await;
    assert!(answer.len() < 32 * 1024 * 1024, "{}", answer.len());
}

#[tokio::test]
async fn stopping_finishes_the_upload_that_is_under_way() {
    let server = Running::start().await;
    let alice = server.alice().await;
    let digest = Digest::sha256(b"0123456789");
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let path = format!("/v2/alice/app/blobs/uploads/?digest={digest}");
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: 10\r\n\r\n01234",
        alice.text
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    until_an_upload_runs(&server).await;
    let (address, time, socket) = (server.address, server.time.clone(), server.path().join("admin.sock"));
    let (data, task) = server.tell_to_stop();
    let mut is_refused = false;
    for _ in 0..500 {
        is_refused = TcpStream::connect(address).await.is_err();
        if is_refused {
            break;
        }
        time::sleep(Duration::from_millis(10)).await;
    }
    assert!(is_refused, "no new connection is taken");
    stream.write_all(b"56789").await.unwrap();
    let (answer, _) = until_closed(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    time::timeout(Duration::from_secs(10), task).await.unwrap().unwrap().unwrap();
    assert!(!socket.exists());
    let server = Running::start_in(data, time, Timeouts::default()).await;
    let answer = server.get(&format!("/v2/alice/app/blobs/{digest}"), Some(&alice)).await;
    assert_eq!(answer.text(), "0123456789");
}

#[tokio::test]
async fn stopping_does_not_wait_for_ever() {
    let server = Running::start_with(Timeouts { drain: SHORT, ..Timeouts::default() }).await;
    let alice = server.alice().await;
    let mut stuck = TcpStream::connect(server.address).await.unwrap();
    let path = format!("/v2/alice/app/blobs/uploads/?digest={}", Digest::sha256(b""));
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: 10\r\n\r\n01234",
        alice.text
    );
    stuck.write_all(head.as_bytes()).await.unwrap();
    until_an_upload_runs(&server).await;
    let start = Instant::now();
    server.stop().await;
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}
