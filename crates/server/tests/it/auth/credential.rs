use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::{Method, StatusCode};

use crate::support::{Answer, Running};

async fn with(server: &Running, authorization: &str) -> Answer {
    Answer::of(server.request(Method::GET, "/v2/", None).header("authorization", authorization)).await
}

#[tokio::test]
async fn a_personal_access_token_is_taken_in_each_spelling_of_the_field() {
    let server = Running::start().await;
    let pat = server.alice().await.text;
    for authorization in [
        format!("Basic {}", STANDARD.encode(format!("alice:{pat}"))),
        format!("Basic {}", STANDARD.encode(format!("<token>:{pat}"))),
        format!("basic {}", STANDARD.encode(format!(":{pat}"))),
        format!("Bearer {}", STANDARD.encode(&pat)),
        format!("bearer {}", STANDARD.encode(&pat).trim_end_matches('=')),
        format!("BEARER {}", STANDARD.encode(format!("alice:{pat}"))),
        // `echo TOKEN | base64`
        format!("Bearer {}", STANDARD.encode(format!("{pat}\n"))),
        format!("Bearer {pat}"),
    ] {
        assert_eq!(with(&server, &authorization).await.status, StatusCode::OK, "{authorization}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_refused() {
    let server = Running::start().await;
    let pat = server.alice().await.text;
    for authorization in [
        "Basic".to_owned(),
        "Basic !!!".to_owned(),
        format!("Basic {}", STANDARD.encode(&pat)),
        format!("Basic {}", STANDARD.encode([0xff, 0xfe, b':', 0xff])),
        format!("Negotiate {}", STANDARD.encode(&pat)),
        "Bearer ".to_owned(),
        "Bearer QQ==".to_owned(),
        format!("Basic {}", "A".repeat(9000)),
    ] {
        let answer = with(&server, &authorization).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{authorization}");
        assert_eq!(answer.code(), "UNAUTHORIZED");
    }
}

#[tokio::test]
async fn a_bearer_token_is_no_password() {
    let server = Running::start().await;
    let alice = server.alice().await;
    let bearer = server.bearer("", Some(&alice)).await;
    let answer = Answer::of(server.request(Method::GET, "/v2/", None).basic_auth("alice", Some(bearer))).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn two_authorization_headers_are_refused_even_if_both_are_good() {
    let server = Running::start().await;
    let pat = server.alice().await.text;
    let header = format!("authorization: Bearer {pat}\r\n");
    let answer =
        server.raw(&format!("GET /v2/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{header}{header}\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
}

#[tokio::test]
async fn a_header_of_64_kib_is_cut_off() {
    let server = Running::start().await;
    let request = format!("GET /v2/ HTTP/1.1\r\nhost: x\r\nauthorization: Basic {}\r\n\r\n", "A".repeat(64 * 1024));
    let answer = server.raw(&request).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    // And the server is still there.
    assert_eq!(server.get("/v2/", None).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_github_token_is_named_wherever_github_takes_one() {
    let server = Running::start().await;
    let body = "A".repeat(30);
    let github = format!("{}{body}{}", "ghp_", pullpass_secrets::token::checksum(&body));
    for authorization in [
        format!("Basic {}", STANDARD.encode(format!("octocat:{github}"))),
        format!("Basic {}", STANDARD.encode(format!("{github}:x-oauth-basic"))),
        format!("Bearer {github}"),
        format!("token {github}"),
    ] {
        let answer = with(&server, &authorization).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert!(answer.text().contains("this is a GitHub token; this server has its own"), "{}", answer.text());
        assert!(!answer.text().contains(&github));
    }
}
