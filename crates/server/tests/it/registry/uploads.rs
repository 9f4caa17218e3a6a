use std::time::Duration;

use pullpass_oci::Digest;
use pullpass_server::PatScope;
use reqwest::{Method, StatusCode};
use tokio::{io::AsyncWriteExt, net::TcpStream, time};

use crate::support::{ALL, Answer, HOUR, Pat, Running};

async fn patch(server: &Running, path: &str, range: Option<&str>, body: &str, pat: &Pat) -> Answer {
    let mut request = server.request(Method::PATCH, path, Some(pat)).body(body.to_owned());
    if let Some(range) = range {
        request = request.header("content-range", range);
    }
    Answer::of(request).await
}

async fn put(server: &Running, path: &str, digest: &Digest, body: &str, pat: &Pat) -> Answer {
    let path = format!("{path}?digest={digest}");
    Answer::of(server.request(Method::PUT, &path, Some(pat)).body(body.to_owned())).await
}

#[tokio::test]
async fn chunks_and_a_last_one_become_a_blob() {
    let server = Running::start().await;
    let alice = server.alice().await;
    let path = server.open_upload("alice/app", &alice).await;
    let first = patch(&server, &path, None, "hello ", &alice).await;
    assert_eq!((first.status, first.header("range")), (StatusCode::ACCEPTED, "0-5"));
    let second = patch(&server, first.header("location"), Some("6-8"), "wor", &alice).await;
    assert_eq!((second.status, second.header("range")), (StatusCode::ACCEPTED, "0-8"));
    let status = server.get(&path, Some(&alice)).await;
    assert_eq!((status.status, status.header("range")), (StatusCode::NO_CONTENT, "0-8"));
    assert_eq!(status.header("location"), path);
    let digest = Digest::sha256(b"hello world");
    let done = put(&server, &path, &digest, "ld", &alice).await;
    assert_eq!(done.status, StatusCode::CREATED);
    assert_eq!(done.header("docker-content-digest"), digest.to_string());
    assert_eq!(server.get(done.header("location"), Some(&alice)).await.text(), "hello world");
    // The session is over.
    let answer = server.get(&path, Some(&alice)).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN"));
}

#[tokio::test]
async fn a_chunk_that_does_not_continue_is_refused_with_where_to_go_on() {
    let server = Running::start().await;
    let alice = server.alice().await;
    let path = server.open_upload("alice/app", &alice).await;
    assert_eq!(patch(&server, &path, Some("0-4"), "01234", &alice).await.status, StatusCode::ACCEPTED);
    for range in ["0-4", "4-8", "6-10", "5-8", "9-5", "5", "x-y", "bytes 5-9/10", "5-18446744073709551615"] {
        let answer = patch(&server, &path, Some(range), "56789", &alice).await;
        assert_eq!(answer.status, StatusCode::RANGE_NOT_SATISFIABLE, "{range}");
        assert_eq!((answer.header("range"), answer.header("location")), ("0-4", path.as_str()), "{range}");
    }
    assert_eq!(patch(&server, &path, Some("5-9"), "56789", &alice).await.status, StatusCode::ACCEPTED);
    let digest = Digest::sha256(b"0123456789");
    assert_eq!(put(&server, &path, &digest, "", &alice).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn content_with_another_digest_is_never_published() {
    let server = Running::start().await;
    let alice = server.alice().await;
    let digest = Digest::sha256(b"expected");
    let path = server.open_upload("alice/app", &alice).await;
    patch(&server, &path, None, "something else", &alice).await;
    let answer = put(&server, &path, &digest, "", &alice).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::BAD_REQUEST, "DIGEST_INVALID"));
    for digest in [digest, Digest::sha256(b"something else")] {
        let answer = server.get(&format!("/v2/alice/app/blobs/{digest}"), Some(&alice)).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
    }
    assert_eq!(files(&server, "uploads"), 0);
    assert_eq!(files(&server, "blobs"), 0);
}

#[tokio::test]
async fn the_digest_of_a_known_blob_without_its_bytes_gives_nothing() {
    let server = Running::start().await;
    let alice = server.alice().await;
    let digest = server.push_blob("alice/secret", b"a secret layer", &alice).await;
    server.user("bob").await;
    let bob = server.token("bob", &ALL, None).await;
    let path = format!("/v2/bob/app/blobs/uploads/?digest={digest}");
    let answer = Answer::of(server.request(Method::POST, &path, Some(&bob))).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let session = server.open_upload("bob/app", &bob).await;
    assert_eq!(put(&server, &session, &digest, "", &bob).await.status, StatusCode::BAD_REQUEST);
    let answer = server.get(&format!("/v2/bob/app/blobs/{digest}"), Some(&bob)).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    // Neither did a package begin.
    assert_eq!(answer.code(), "NAME_UNKNOWN");
}

#[tokio::test]
async fn a_session_exists_for_its_package_and_its_token_only() {
    let server = Running::start().await;
    let alice = server.alice().await;
    let other_token = server.token("alice", &ALL, None).await;
    server.user("bob").await;
    let bob = server.token("bob", &ALL, None).await;
    let path = server.open_upload("alice/app", &alice).await;
    patch(&server, &path, None, "mine", &alice).await;
    let digest = Digest::sha256(b"mine");
    let elsewhere = path.replace("alice/app", "alice/other");
    let bobs = path.replace("alice/app", "bob/app");
    for (path, pat, status) in [
        (&elsewhere, &alice, StatusCode::NOT_FOUND),
        (&path, &other_token, StatusCode::NOT_FOUND),
        (&bobs, &bob, StatusCode::NOT_FOUND),
        (&path, &bob, StatusCode::FORBIDDEN),
    ] {
        assert_eq!(server.get(path, Some(pat)).await.status, status);
        assert_eq!(patch(&server, path, None, "theirs", pat).await.status, status);
        assert_eq!(put(&server, path, &digest, "", pat).await.status, status);
        assert_eq!(Answer::of(server.request(Method::DELETE, path, Some(pat))).await.status, status);
    }
    assert_eq!(put(&server, &path, &digest, "", &alice).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_cancelled_session_leaves_nothing() {
    let server = Running::start().await;
    let alice = server.alice().await;
    let path = server.open_upload("alice/app", &alice).await;
    patch(&server, &path, None, "some bytes", &alice).await;
    assert_eq!(files(&server, "uploads"), 1);
    let answer = Answer::of(server.request(Method::DELETE, &path, Some(&alice))).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(files(&server, "uploads"), 0);
    assert_eq!(server.get(&path, Some(&alice)).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_mount_needs_the_right_to_read_the_source() {
    let server = Running::start().await;
    let alice = server.alice().await;
    let secret = server.push_blob("alice/secret", b"a secret layer", &alice).await;
    let shown = server.push_blob("alice/shown", b"a public layer", &alice).await;
    server.publish("alice/shown").await;
    server.user("bob").await;
    let bob = server.token("bob", &ALL, None).await;
    let absent = Digest::sha256(b"absent");
    for (digest, from, status) in [
        (&shown, Some("alice/shown"), StatusCode::CREATED),
        (&secret, Some("alice/secret"), StatusCode::ACCEPTED),
        (&secret, Some("alice/shown"), StatusCode::ACCEPTED),
        (&absent, Some("alice/shown"), StatusCode::ACCEPTED),
        (&shown, Some("alice/missing"), StatusCode::ACCEPTED),
        (&secret, Some("../lock"), StatusCode::ACCEPTED),
        // Without a source nothing is looked for, or the answer would tell what exists.
        (&shown, None, StatusCode::ACCEPTED),
        (&secret, None, StatusCode::ACCEPTED),
    ] {
        let from = from.map_or_else(String::new, |from| format!("&from={from}"));
        let path = format!("/v2/bob/app/blobs/uploads/?mount={digest}{from}");
        let answer = Answer::of(server.request(Method::POST, &path, Some(&bob))).await;
        assert_eq!(answer.status, status, "{from}");
        assert!(answer.headers.contains_key("location"));
        let found = server.get(&format!("/v2/bob/app/blobs/{digest}"), Some(&bob)).await;
        assert_eq!(found.status == StatusCode::OK, digest == &shown, "{from}");
    }
}

#[tokio::test]
async fn a_mount_with_a_bearer_token_needs_both_scopes_and_says_so() {
    let server = Running::start().await;
    let alice = server.alice().await;
    let digest = server.push_blob("alice/one", b"layer", &alice).await;
    let path = format!("/v2/alice/two/blobs/uploads/?mount={digest}&from=alice/one");
    let refused = Answer::of(server.request(Method::POST, &path, None)).await;
    let scope = r#"scope="repository:alice/two:pull,push repository:alice/one:pull""#;
    assert!(refused.challenge().ends_with(scope), "{}", refused.challenge());
    for (query, status) in [
        ("scope=repository:alice/two:pull,push", StatusCode::ACCEPTED),
        ("scope=repository:alice/two:pull,push&scope=repository:alice/one:pull", StatusCode::CREATED),
    ] {
        let bearer = server.bearer(query, Some(&alice)).await;
        let answer = Answer::of(server.request(Method::POST, &path, None).bearer_auth(bearer)).await;
        assert_eq!(answer.status, status, "{query}");
    }
}

#[tokio::test]
async fn idle_sessions_end_and_their_number_is_bounded() {
    let server = Running::start().await;
    let alice = server.alice().await;
    let path = server.open_upload("alice/app", &alice).await;
    for _ in 1..100 {
        server.open_upload("alice/app", &alice).await;
    }
    let request = || server.request(Method::POST, "/v2/alice/app/blobs/uploads/", Some(&alice));
    let answer = Answer::of(request()).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS"));
    // Another token is not held up, and time frees the place.
    let other = server.token("alice", &[PatScope::Write], None).await;
    server.open_upload("alice/app", &other).await;
    server.advance(HOUR + 1);
    assert_eq!(server.get(&path, Some(&alice)).await.status, StatusCode::NOT_FOUND);
    assert_eq!(Answer::of(request()).await.status, StatusCode::ACCEPTED);
    assert_eq!(files(&server, "uploads"), 1);
}

#[tokio::test]
async fn an_upload_that_is_cut_is_never_served_and_can_go_on() {
    let server = Running::start().await;
    let alice = server.alice().await;
    let bytes = vec![b'x'; 3 * 1024 * 1024];
    let digest = Digest::sha256(&bytes);
    let path = server.open_upload("alice/app", &alice).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "PUT {path}?digest={digest} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\n\r\n",
        alice.text,
        bytes.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&bytes[..2 * 1024 * 1024]).await.unwrap();
    drop(stream);

    let mut start = 0;
    // Until the server has noticed, another writer is refused.
    for _ in 0..100 {
        let status = server.get(&path, Some(&alice)).await;
        assert_eq!(status.status, StatusCode::NO_CONTENT);
        let last: usize = status.header("range").strip_prefix("0-").unwrap().parse().unwrap();
        start = if last == 0 { 0 } else { last + 1 };
        let found = server.get(&format!("/v2/alice/app/blobs/{digest}"), Some(&alice)).await;
        assert_eq!(found.status, StatusCode::NOT_FOUND);
        let chunk = String::from_utf8(bytes[start..].to_vec()).unwrap();
        let range = format!("{start}-{}", bytes.len() - 1);
        if patch(&server, &path, Some(&range), &chunk, &alice).await.status == StatusCode::ACCEPTED {
            break;
        }
        time::sleep(Duration::from_millis(20)).await;
    }
    assert!(start > 0 && start <= 2 * 1024 * 1024, "{start}");
    assert_eq!(put(&server, &path, &digest, "", &alice).await.status, StatusCode::CREATED);
    assert!(server.get(&format!("/v2/alice/app/blobs/{digest}"), Some(&alice)).await.body == bytes);
}

#[tokio::test]
async fn of_two_writers_one_is_refused() {
    let server = Running::start().await;
    let alice = server.alice().await;
    let path = server.open_upload("alice/app", &alice).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "PATCH {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: 10\r\n\r\n01234",
        alice.text
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut refused = false;
    for _ in 0..200 {
        // An empty chunk changes nothing, should it come first.
        refused = patch(&server, &path, None, "", &alice).await.status == StatusCode::CONFLICT;
        if refused {
            break;
        }
        time::sleep(Duration::from_millis(10)).await;
    }
    assert!(refused);
    let answer = put(&server, &path, &Digest::sha256(b""), "", &alice).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
}

/// How many regular files are below `DATA/name`.
fn files(server: &Running, name: &str) -> usize {
    fn count(path: &std::path::Path) -> usize {
        let entries = std::fs::read_dir(path).expect("a directory").map(|entry| entry.expect("an entry").path());
        entries.map(|path| if path.is_dir() { count(&path) } else { 1 }).sum()
    }
    count(&server.path().join(name))
}
