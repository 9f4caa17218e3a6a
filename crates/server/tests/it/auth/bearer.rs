use std::sync::atomic::Ordering;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::{Method, StatusCode};

use crate::support::{Answer, DAY, Running};

async fn try_root(server: &Running, bearer: &str) -> Answer {
    Answer::of(server.request(Method::GET, "/v2/", None).bearer_auth(bearer)).await
}

#[tokio::test]
async fn no_changed_bit_is_accepted() {
    let server = Running::start().await;
    let alice = server.alice().await;
    let bearer = server.bearer("scope=repository:alice/app:pull", Some(&alice)).await;
    assert_eq!(try_root(&server, &bearer).await.status, StatusCode::OK);
    let bytes = URL_SAFE_NO_PAD.decode(&bearer).unwrap();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let answer = try_root(&server, &URL_SAFE_NO_PAD.encode(changed)).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "bit in byte {at}");
        let challenge = answer.challenge();
        assert!(challenge.ends_with(r#"error="invalid_token""#), "{challenge}");
    }
    for end in [0, 1, 9, 32, 40, bytes.len() - 1] {
        assert_eq!(try_root(&server, &URL_SAFE_NO_PAD.encode(&bytes[..end])).await.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn it_ends_after_five_minutes() {
    let server = Running::start().await;
    let alice = server.alice().await;
    let bearer = server.bearer("", Some(&alice)).await;
    server.advance(299_999);
    assert_eq!(try_root(&server, &bearer).await.status, StatusCode::OK);
    server.advance(1);
    let answer = try_root(&server, &bearer).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.message().contains("has expired"), "{}", answer.message());
}

#[tokio::test]
async fn it_dies_with_the_token_it_was_made_from() {
    let server = Running::start().await;
    let alice = server.alice().await;
    let expiring = server.token("alice", &[pullpass_server::PatScope::Read], Some(server.now() + 60_000)).await;
    let (of_alice, of_expiring) = (server.bearer("", Some(&alice)).await, server.bearer("", Some(&expiring)).await);
    server.revoke(&alice).await;
    let answer = try_root(&server, &of_alice).await;
    assert!(answer.message().starts_with("authentication required: the token was revoked"), "{}", answer.message());
    assert_eq!(try_root(&server, &of_expiring).await.status, StatusCode::OK);
    server.advance(60_000);
    let answer = try_root(&server, &of_expiring).await;
    assert!(answer.message().contains("expired on 2026-11-23"), "{}", answer.message());
}

#[tokio::test]
async fn another_servers_is_not_ours() {
    let (server, other) = (Running::start().await, Running::start().await);
    server.alice().await;
    let of_other = other.alice().await;
    let bearer = other.bearer("", Some(&of_other)).await;
    assert_eq!(try_root(&server, &bearer).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_new_key_leaves_the_tokens_of_the_last_one_alive() {
    let server = Running::start().await;
    let port = server.address.port();
    let alice = server.alice().await;
    server.time.fetch_add(30 * DAY - 100_000, Ordering::Relaxed);
    let bearer = server.bearer("", Some(&alice)).await;
    server.advance(200_000);
    // A month after the first key was made the next start makes another. The service must stay the same, and with it
    // the port, which is free again; another test may have been given it meanwhile.
    let (data, time) = server.stop().await;
    let mut config = crate::support::config(data.path().join("data"));
    config.service = Some(format!("127.0.0.1:{port}"));
    let server = pullpass_server::Server::bind(config, crate::support::clock(&time)).await.unwrap();
    let url = server.url().join("/v2/").unwrap();
    let task = tokio::spawn(server.run(std::future::pending()));
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = Answer::of(http.get(url).bearer_auth(bearer)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    task.abort();
}
