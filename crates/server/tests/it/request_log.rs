use std::{fs, path::Path};

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::{Method, StatusCode};

use crate::support::{Answer, Running, logs};

#[tokio::test]
async fn each_request_is_one_line_with_the_fingerprint() {
    let server = Running::start().await;
    let alice = server.alice().await;
    server.push_image("alice/logged", "1", b"contents", &alice).await;
    server.get("/v2/alice/logged/manifests/1?secret=in-the-query", Some(&alice)).await;
    let logs = logs();
    let lines: Vec<&str> = logs
        .lines()
        .filter(|line| line.contains("path=\"/v2/alice/logged/manifests/1\"") && line.contains("method=GET"))
        .collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("status=200"), "{}", lines[0]);
    assert!(lines[0].contains(&alice.fingerprint), "{}", lines[0]);
    assert!(!logs.contains("in-the-query"));
}

#[tokio::test]
async fn no_secret_reaches_a_log_line_or_a_file() {
    let server = Running::start().await;
    let alice = server.alice().await;
    let body = "CanaryCanaryCanaryCanaryCanary";
    let github = format!("{}{body}{}", "ghp_", pullpass_secrets::token::checksum(body));
    let password = "a canary of a password";
    server.push_image("alice/app", "1", b"contents", &alice).await;
    let mut bearers = Vec::new();
    for secret in [alice.text.as_str(), &github, password, &alice.text[..40]] {
        for path in ["/token", "/token?scope=repository:alice/app:pull", "/v2/", "/v2/alice/app/manifests/1"] {
            for encoded in [STANDARD.encode(secret), STANDARD.encode(format!("alice:{secret}")), secret.to_owned()] {
                Answer::of(
                    server.request(Method::GET, path, None).header("authorization", format!("Bearer {encoded}")),
                )
                .await;
            }
            let request = server.http.get(format!("{}{path}", server.url)).basic_auth("alice", Some(secret));
            let answer = Answer::of(request).await;
            bearers.extend(answer.json()["token"].as_str().map(str::to_owned));
            assert!(!answer.text().contains(secret) || secret.is_empty());
        }
        // Where it does not belong at all.
        server.get(&format!("/v2/{secret}/x"), None).await;
        server.get(&format!("/{secret}"), None).await;
        server.get(&format!("/token?password={secret}"), None).await;
    }
    assert!(!bearers.is_empty());
    for bearer in &bearers {
        let request = server.request(Method::GET, "/v2/", None).bearer_auth(bearer);
        assert_eq!(Answer::of(request).await.status, StatusCode::OK);
    }
    let (data, _) = server.stop().await;
    let mut canaries = vec![alice.text[..40].to_owned(), github[..30].to_owned(), password.to_owned()];
    canaries.extend([&alice.text, &github].map(|secret| STANDARD.encode(secret)));
    canaries.extend([&alice.text, &github].map(|secret| STANDARD.encode(format!("alice:{secret}"))));
    canaries.extend(bearers);
    let logs = logs();
    assert!(logs.contains("path=\"/token\""), "the log was captured");
    for canary in &canaries {
        assert!(!logs.contains(canary.as_str()), "{canary} in the log");
        assert_absent(data.path(), canary);
    }
}

fn assert_absent(directory: &Path, canary: &str) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            assert_absent(&path, canary);
        } else if path.is_file() {
            let bytes = fs::read(&path).expect("a readable file");
            assert!(!bytes.windows(canary.len()).any(|window| window == canary.as_bytes()), "{}", path.display());
        }
    }
}
