mod check;

use pullpass_secrets::Secret;
use pullpass_server::{
    PatScope, Visibility,
    admin::{self, Error, PackageInfo, Request, Response, TokenInfo},
};
use reqwest::StatusCode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

use crate::support::{ALL, DAY, Pat, Running, clock};

fn user_add(name: &str, password: &str) -> Request {
    Request::UserAdd { name: name.to_owned(), password: Secret::new(password.to_owned()) }
}

fn token_new(user: &str, scopes: &[PatScope], expires: Option<i64>) -> Request {
    Request::TokenNew { user: user.to_owned(), note: "n".to_owned(), scopes: scopes.to_vec(), expires }
}

fn refused(result: Result<Response, Error>) -> String {
    match result {
        Err(Error::Refused(message)) => message,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it was done"),
    }
}

async fn tokens(server: &Running, user: Option<&str>) -> Vec<TokenInfo> {
    match server.admin(Request::TokenList { user: user.map(str::to_owned) }).await {
        Ok(Response::Tokens(tokens)) => tokens,
        _ => panic!("no list"),
    }
}

#[tokio::test]
async fn a_revocation_holds_from_the_moment_it_is_confirmed() {
    let server = Running::start().await;
    let alice = server.alice().await;
    assert_eq!(server.get("/v2/", Some(&alice)).await.status, StatusCode::OK);
    server.revoke(&alice).await;
    assert_eq!(server.get("/v2/", Some(&alice)).await.status, StatusCode::UNAUTHORIZED);
    assert!(refused(server.admin(Request::TokenRevoke { id: alice.id }).await).contains("was revoked before"));
    // And after a restart.
    let server = server.restart().await;
    let answer = server.get("/v2/", Some(&alice)).await;
    assert!(answer.message().contains("the token was revoked"), "{}", answer.message());
}

fn rotate(id: i64, old_ends: Option<i64>) -> Request {
    Request::TokenRotate { id, note: None, expires: None, old_ends }
}

async fn rotated(server: &Running, request: Request) -> (Pat, TokenInfo, TokenInfo) {
    match server.admin(request).await {
        Ok(Response::Rotated { token, new, old }) => {
            let fingerprint = new.fingerprint.clone();
            (Pat { id: new.id, text: token.reveal().to_owned(), fingerprint }, *new, *old)
        }
        _ => panic!("no token"),
    }
}

#[tokio::test]
async fn a_rotated_token_has_the_rights_of_the_old_one_which_ends_after_the_overlap() {
    let server = Running::start().await;
    server.user("alice").await;
    let old = server.token("alice", &[PatScope::Read, PatScope::Delete], Some(server.now() + 30 * DAY)).await;
    let bearer = server.bearer("service=s", Some(&old)).await;
    let of_bearer = async |server: &Running| {
        let request = server.http.get(format!("{}/v2/", server.url)).bearer_auth(&bearer);
        request.send().await.unwrap().status()
    };
    let end = server.now() + 60_000;
    let (new, known, of_old) = rotated(&server, rotate(old.id, Some(end))).await;
    assert_eq!((known.user.as_str(), known.note.as_str(), known.expires), ("alice", "test", None));
    assert_eq!((known.scopes, of_old.expires), (vec![PatScope::Read, PatScope::Delete], Some(end)));
    assert!(new.text != old.text);
    for pat in [&old, &new] {
        assert_eq!(server.get("/v2/", Some(pat)).await.status, StatusCode::OK);
    }
    assert_eq!(of_bearer(&server).await, StatusCode::OK);
    server.advance(60_000);
    let answer = server.get("/v2/", Some(&old)).await;
    assert!(answer.status == StatusCode::UNAUTHORIZED && answer.message().contains("expired"), "{}", answer.message());
    assert_eq!(of_bearer(&server).await, StatusCode::UNAUTHORIZED, "it was made from the old one");
    assert_eq!(server.get("/v2/", Some(&new)).await.status, StatusCode::OK);
    // And after a restart.
    let server = server.restart().await;
    assert_eq!(server.get("/v2/", Some(&old)).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(server.get("/v2/", Some(&new)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_rotation_lengthens_no_life_and_touches_none_unless_asked_to() {
    let server = Running::start().await;
    server.user("alice").await;
    let end = server.now() + DAY;
    let short = server.token("alice", &ALL, Some(end)).await;
    let (_, _, old) = rotated(&server, rotate(short.id, Some(end + DAY))).await;
    assert_eq!(old.expires, Some(end));
    let for_ever = server.token("alice", &ALL, None).await;
    let note = Some("other".to_owned());
    let request = Request::TokenRotate { id: for_ever.id, note, expires: Some(end), old_ends: None };
    let (_, new, old) = rotated(&server, request).await;
    assert_eq!((new.note.as_str(), new.expires, old.expires), ("other", Some(end), None));
    let (_, _, old) = rotated(&server, rotate(for_ever.id, Some(end))).await;
    assert_eq!(old.expires, Some(end));
    let before = tokens(&server, None).await;
    let ends: Vec<Option<i64>> = before.iter().map(|token| token.expires).collect();
    assert_eq!(ends, [Some(end), None, Some(end), Some(end), None]);
    // What was answered is what was stored.
    assert_eq!(tokens(&server.restart().await, None).await, before);
}

#[tokio::test]
async fn a_dead_token_is_not_rotated() {
    let server = Running::start().await;
    let alice = server.alice().await;
    let expiring = server.token("alice", &ALL, Some(server.now() + 1000)).await;
    server.revoke(&alice).await;
    server.advance(1000);
    for dead in [&alice, &expiring] {
        assert!(refused(server.admin(rotate(dead.id, None)).await).contains("is dead"));
    }
    assert_eq!(tokens(&server, None).await.len(), 2);
}

#[tokio::test]
async fn the_same_requests_work_while_no_server_runs() {
    let server = Running::start().await;
    let (data, time) = server.stop().await;
    let path = data.path().join("data");
    let call = async |request: Request| admin::call(&path, &request, &clock(&time)).await;
    assert!(call(user_add("carol", "long enough")).await.is_ok());
    let (one, two) = match (
        call(token_new("carol", &[PatScope::Write], None)).await,
        call(token_new("carol", &[PatScope::Read], None)).await,
    ) {
        (Ok(Response::Token { id, token, .. }), Ok(Response::Token { id: other, .. })) => ((id, token), other),
        _ => panic!("no tokens"),
    };
    let Ok(Response::Rotated { new, .. }) = call(rotate(two, None)).await else { panic!("no token") };
    assert_eq!((new.user.as_str(), new.scopes), ("carol", vec![PatScope::Read]));
    assert!(call(Request::TokenRevoke { id: two }).await.is_ok());
    let server = Running::start_in(data, time, pullpass_server::Timeouts::default()).await;
    let request = server.http.get(format!("{}/v2/", server.url)).basic_auth("carol", Some(one.1.reveal()));
    assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
    let revoked: Vec<bool> = tokens(&server, Some("carol")).await.iter().map(|token| token.revoked.is_some()).collect();
    assert_eq!(revoked, [false, true, false]);
}

#[tokio::test]
async fn a_first_user_makes_the_data_directory_and_nothing_else_does() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new");
    let clock: pullpass_server::Clock = std::sync::Arc::new(|| 0);
    match admin::call(&path, &Request::PackageList, &clock).await {
        Err(error) => assert!(error.to_string().contains("is no data directory"), "{error}"),
        Ok(_) => panic!("there is nothing to list"),
    }
    assert!(!path.exists());
    assert!(admin::call(&path, &user_add("alice", "long enough"), &clock).await.is_ok());
    assert!(path.join("pullpass.db").is_file());
}

#[tokio::test]
async fn what_cannot_be_done_says_why() {
    let server = Running::start().await;
    server.alice().await;
    for (request, message) in [
        (user_add("alice", "long enough"), "there is a user `alice` already"),
        (user_add("Alice", "long enough"), "`Alice` is no user name"),
        (user_add("a/b", "long enough"), "`a/b` is no user name"),
        (user_add("..", "long enough"), "`..` is no user name"),
        (user_add("<token>", "long enough"), "`<token>` is no user name"),
        (user_add("dave", "short"), "a password has at least 8 characters"),
        (token_new("nobody", &ALL, None), "there is no user `nobody`"),
        (token_new("alice", &[], None), "a token without a scope could do nothing"),
        (token_new("alice", &ALL, Some(server.now())), "the token would have expired already"),
        (Request::TokenRevoke { id: 99 }, "there is no token 99"),
        (rotate(99, None), "there is no token 99"),
        (rotate(1, Some(server.now())), "token 1 would have ended already: revoke it instead"),
        (Request::TokenList { user: Some("nobody".to_owned()) }, "there is no user `nobody`"),
        (
            Request::PackageSetVisibility { name: "alice/none".to_owned(), visibility: Visibility::Public },
            "there is no package `alice/none`",
        ),
    ] {
        let found = refused(server.admin(request).await);
        assert!(found.starts_with(message), "{found}");
    }
}

#[tokio::test]
async fn tokens_are_listed_with_everything_but_themselves() {
    let server = Running::start().await;
    let expires = server.now() + 30 * DAY;
    server.user("alice").await;
    let alice = server.token("alice", &[PatScope::Delete, PatScope::Write, PatScope::Write], Some(expires)).await;
    server.advance(5000);
    server.get("/v2/", Some(&alice)).await;
    let created = server.now() - 5000;
    let expected = TokenInfo {
        id: alice.id,
        user: "alice".to_owned(),
        note: "test".to_owned(),
        scopes: vec![PatScope::Write, PatScope::Delete],
        fingerprint: format!("ppt_…{}", &alice.text[46..]),
        created,
        expires: Some(expires),
        revoked: None,
        last_used: Some(server.now()),
    };
    assert_eq!(tokens(&server, None).await, std::slice::from_ref(&expected));
    assert_eq!(alice.fingerprint, expected.fingerprint);
    // Kept in memory between, and written down at the end.
    let server = server.restart().await;
    assert_eq!(tokens(&server, None).await, [expected]);
}

#[tokio::test]
async fn packages_are_listed_with_owner_and_visibility() {
    let server = Running::start().await;
    let alice = server.alice().await;
    server.push_image("alice/b", "1", b"contents", &alice).await;
    server.push_image("alice/a/deep", "1", b"contents", &alice).await;
    server.publish("alice/b").await;
    let package = |name: &str, visibility| PackageInfo { name: name.to_owned(), owner: "alice".to_owned(), visibility };
    match server.admin(Request::PackageList).await {
        Ok(Response::Packages(packages)) => {
            let expected = [package("alice/a/deep", Visibility::Private), package("alice/b", Visibility::Public)];
            assert_eq!(packages, expected);
        }
        _ => panic!("no list"),
    }
}

#[tokio::test]
async fn a_data_directory_that_somebody_holds_silently_is_reported() {
    let directory = tempfile::tempdir().unwrap();
    let clock: pullpass_server::Clock = std::sync::Arc::new(|| 0);
    assert!(admin::call(directory.path(), &user_add("alice", "long enough"), &clock).await.is_ok());
    let lock = std::fs::File::open(directory.path().join("lock")).unwrap();
    lock.lock().unwrap();
    match admin::call(directory.path(), &Request::PackageList, &clock).await {
        Err(Error::NoAnswer { data, .. }) => assert_eq!(data, directory.path()),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("the lock did not hold"),
    }
}

#[tokio::test]
async fn the_socket_survives_what_is_no_request() {
    let server = Running::start().await;
    for nonsense in ["", "\n", "{}\n", "null\n", &"x".repeat(100_000), "{\"token-revoke\":{\"id\":\"1\"}}\n"] {
        let mut stream = UnixStream::connect(server.path().join("admin.sock")).await.unwrap();
        let _ = stream.write_all(nonsense.as_bytes()).await;
        let _ = stream.shutdown().await;
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        assert!(answer.is_empty() || answer.starts_with("{\"Err\":"), "{answer}");
    }
    assert!(server.admin(Request::PackageList).await.is_ok());
}

#[tokio::test]
async fn a_password_is_stored_as_argon2id_only() {
    let server = Running::start().await;
    assert!(server.admin(user_add("alice", "a very particular password")).await.is_ok());
    let (data, _) = server.stop().await;
    let database = std::fs::read(data.path().join("data/pullpass.db")).unwrap();
    let contains = |text: &str| database.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(contains("$argon2id$v=19$"));
    assert!(!contains("a very particular password"));
}
