use pullpass_client::{Failure, Options, Registry, Stage, registry::Login};
use pullpass_oci::{Action, Scope};
use pullpass_testing::canned::{self, Canned, Certificates, Reply, Request};

use crate::{
    CANARY, TOKEN, assert_keeps_secrets, challenge, challenge_for, connect, credential, denied, encoded, failure, ghcr,
    manifest, name, open_registry, tag, token,
};

const TOKEN_REQUEST: &str = "GET /token?account=octocat&service=ghcr.io&scope=repository%3Ao%2Fn%3Apull";

#[tokio::test]
async fn a_registry_like_ghcr_opens_with_a_token_for_the_real_scope() {
    let server = Canned::start(ghcr).await;
    let registry = connect(&server, Some(credential())).await;
    let fetched = registry.manifest(&name(), &tag()).await.unwrap();
    assert_eq!(fetched.bytes, crate::image().manifest);
    assert_eq!(server.log(), ["GET /v2/", TOKEN_REQUEST, "GET /v2/o/n/manifests/1"]);
    let sent: Vec<String> =
        server.requests().iter().map(|request| request.header("authorization").to_owned()).collect();
    assert_eq!(sent, ["".to_owned(), format!("Basic {}", encoded()), format!("Bearer {TOKEN}")]);
    assert_eq!(registry.is_credential_alive().await, Some(true));
}

#[tokio::test]
async fn a_login_like_dockers_asks_for_no_scope_and_one_token_serves_many_requests() {
    let server = Canned::start(|request: &Request| match request.path() {
        "/token" => {
            canned::json(200, &format!(r#"{{"token":"{TOKEN}","access_token":"{TOKEN}","expires_in":300}}"#)).into()
        }
        _ => ghcr(request),
    })
    .await;
    let registry = connect(&server, Some(credential())).await;
    assert_eq!(registry.authenticate(&[]).await.unwrap(), Login::Accepted);
    assert_eq!(server.log(), ["GET /v2/", "GET /token?account=octocat&service=ghcr.io", "GET /v2/"]);
    for _ in 0..3 {
        registry.manifest(&name(), &tag()).await.unwrap();
    }
    assert_eq!(server.log().iter().filter(|line| line.contains("/token")).count(), 2);
}

#[tokio::test]
async fn a_token_may_be_called_access_token_and_an_empty_one_is_none() {
    let answers = [r#"{"access_token":"TOKEN"}"#, r#"{"token":"","access_token":"TOKEN","expires_in":"soon"}"#];
    for answer in answers {
        let answer = answer.replace("TOKEN", TOKEN);
        let server = Canned::start(move |request: &Request| match request.path() {
            "/token" => canned::json(200, &answer).into(),
            _ => ghcr(request),
        })
        .await;
        connect(&server, Some(credential())).await.manifest(&name(), &tag()).await.unwrap();
    }
    for answer in [r#"{"token":""}"#, "{}", r#"{"token":"canary-bearer-93ac\n"}"#, r#"["canary-bearer-93ac"]"#] {
        let server = Canned::start(move |request: &Request| match request.path() {
            "/token" => canned::json(200, answer).into(),
            _ => ghcr(request),
        })
        .await;
        let error = failure(connect(&server, Some(credential())).await.manifest(&name(), &tag()).await);
        assert!(matches!(error.failure, Failure::BadAnswer { .. }), "{error}");
        assert_eq!(error.request.stage, Stage::Token);
        assert_keeps_secrets(&error);
    }
}

#[tokio::test]
async fn a_registry_that_speaks_basic_gets_the_credential_itself() {
    let server = Canned::start(basic_only).await;
    let registry = connect(&server, Some(credential())).await;
    assert_eq!(registry.authenticate(&[]).await.unwrap(), Login::Accepted);
    registry.manifest(&name(), &tag()).await.unwrap();
    assert_eq!(registry.is_credential_alive().await, Some(true));

    let without = connect(&server, None).await;
    let error = failure(without.authenticate(&[]).await);
    assert!(matches!(error.failure, Failure::AuthenticationRequired(_)), "{error}");
}

fn basic_only(request: &Request) -> Reply {
    if request.header("authorization") == format!("Basic {}", encoded()) {
        return open_registry(request);
    }
    canned::response(401, &[("www-authenticate", r#"Basic realm="registry""#), ("content-type", "text/html")], "")
        .into()
}

#[tokio::test]
async fn bearer_is_preferred_among_several_challenges_on_one_line_and_on_many() {
    let lines: [fn(&str) -> Vec<String>; 3] = [
        |realm| vec![format!(r#"Negotiate, Basic realm="x", Bearer realm="{realm}",service="ghcr.io""#)],
        |realm| vec![r#"Basic realm="x""#.to_owned(), format!(r#"Bearer realm="{realm}",service="ghcr.io""#)],
        |realm| vec![format!(r#"bearer service="ghcr.io", realm="{realm}", Basic realm="x""#), "NTLM abc==".to_owned()],
    ];
    for lines in lines {
        let server = Canned::start(move |request: &Request| {
            if request.path() == "/token" || !request.header("authorization").is_empty() {
                return ghcr(request);
            }
            let lines = lines(&format!("{}/token", request.origin));
            let headers: Vec<(&str, &str)> = lines.iter().map(|line| ("www-authenticate", line.as_str())).collect();
            canned::response(401, &headers, "").into()
        })
        .await;
        connect(&server, Some(credential())).await.manifest(&name(), &tag()).await.unwrap();
        assert_eq!(server.log(), ["GET /v2/", TOKEN_REQUEST, "GET /v2/o/n/manifests/1"]);
    }
}

#[tokio::test]
async fn a_relative_realm_is_the_registrys_own() {
    let server = Canned::start(|request: &Request| match (request.path(), request.header("authorization")) {
        ("/v2/", "") => challenge("/token"),
        _ => ghcr(request),
    })
    .await;
    connect(&server, Some(credential())).await.manifest(&name(), &tag()).await.unwrap();
    assert_eq!(server.log(), ["GET /v2/", TOKEN_REQUEST, "GET /v2/o/n/manifests/1"]);
}

#[tokio::test]
async fn a_realm_on_another_host_gets_nothing_until_it_is_confirmed() {
    let elsewhere = Canned::start(ghcr).await;
    let realm = format!("localhost:{}", elsewhere.port());
    let at = format!("http://{realm}/token");
    let server = Canned::start(move |request: &Request| match request.header("authorization") {
        "" => challenge(&at),
        _ => ghcr(request),
    })
    .await;
    for credential in [Some(credential()), None] {
        let error = failure(connect(&server, credential).await.manifest(&name(), &tag()).await);
        let Failure::RealmElsewhere { realm: named } = &error.failure else { panic!("{error}") };
        assert_eq!(*named, realm);
        assert_keeps_secrets(&error);
    }
    assert_eq!(elsewhere.log(), [""; 0]);

    let options = Options { confirmed_realms: vec![realm], ..Options::default() };
    let registry = Registry::connect(&server.host().parse().unwrap(), Some(credential()), options).await.unwrap();
    registry.manifest(&name(), &tag()).await.unwrap();
    assert_eq!(elsewhere.log(), [TOKEN_REQUEST]);
}

#[tokio::test]
async fn a_realm_that_hides_another_host_is_refused() {
    for realm in [
        "//localhost:1/token",
        "https://127.0.0.1@token.example/token",
        "https://127.0.0.1.token.example/token",
        r"https:\\token.example/token",
        "ftp://token.example/token",
        "http://10.0.0.1/token",
        "http://[::1]/token",
    ] {
        let server = Canned::start(move |_: &Request| challenge(&realm.replace('\\', r"\\"))).await;
        let error = failure(connect(&server, Some(credential())).await.authenticate(&[]).await);
        assert!(matches!(error.failure, Failure::RealmElsewhere { .. }), "{realm}: {error}");
        assert_eq!(server.log(), ["GET /v2/"]);
    }
}

#[tokio::test]
async fn a_realm_in_plain_http_of_a_registry_with_https_gets_nothing() {
    let certificates = Certificates::new();
    let plain = Canned::start(ghcr).await;
    let realm = format!("{}/token", plain.origin());
    let server = Canned::start_tls(&certificates, move |_: &Request| challenge(&realm)).await;
    let options = Options { insecure: true, ..Options::default() };
    let registry = Registry::connect(&server.host().parse().unwrap(), Some(credential()), options).await.unwrap();
    let error = failure(registry.authenticate(&[]).await);
    assert!(matches!(error.failure, Failure::RealmInsecure { .. }), "{error}");
    assert_eq!(plain.log(), [""; 0]);
}

#[tokio::test]
async fn a_refused_credential_is_sent_once_only() {
    for status in [401, 403] {
        let server = Canned::start(move |request: &Request| match request.path() {
            "/token" => canned::json(status, r#"{"errors":[{"code":"DENIED","message":"denied"}]}"#).into(),
            _ => ghcr(request),
        })
        .await;
        let registry = connect(&server, Some(credential())).await;
        for _ in 0..3 {
            for error in [
                failure(registry.authenticate(&[]).await),
                failure(registry.manifest(&name(), &tag()).await),
                failure(registry.upload_blob(&name(), "x".into()).await),
            ] {
                let Failure::CredentialRefused { user, said } = &error.failure else { panic!("{error}") };
                assert_eq!((user.as_str(), said.status), ("octocat", status));
                assert_keeps_secrets(&error);
            }
        }
        let with_credential = |request: &Request| !request.header("authorization").is_empty();
        assert_eq!(server.requests().iter().filter(|request| with_credential(request)).count(), 1);
        assert_eq!(registry.is_credential_alive().await, Some(false));
    }
}

#[tokio::test]
async fn a_refused_basic_credential_is_sent_once_only() {
    let server =
        Canned::start(|_: &Request| canned::response(401, &[("www-authenticate", r#"Basic realm="registry""#)], ""))
            .await;
    let registry = connect(&server, Some(credential())).await;
    for _ in 0..3 {
        let error = failure(registry.manifest(&name(), &tag()).await);
        assert!(matches!(error.failure, Failure::CredentialRefused { .. }), "{error}");
    }
    assert_eq!(server.log(), ["GET /v2/", "GET /v2/o/n/manifests/1"]);
}

#[tokio::test]
async fn a_dead_credential_and_a_good_one_without_access_are_told_apart() {
    let dead = Canned::start(|request: &Request| match request.path() {
        "/token" => denied("denied"),
        _ => ghcr(request),
    })
    .await;
    let error = failure(connect(&dead, Some(credential())).await.manifest(&name(), &tag()).await);
    assert!(matches!(error.failure, Failure::CredentialRefused { .. }), "{error}");
    assert_eq!(error.to_string(), format!("`{}` refused the credential of `octocat`: 403 denied: denied", dead.host()));

    let without_access = Canned::start(|request: &Request| match request.path() {
        "/v2/o/n/manifests/1" => denied("permission denied: this token has no `read:packages`"),
        _ => ghcr(request),
    })
    .await;
    let registry = connect(&without_access, Some(credential())).await;
    let error = failure(registry.manifest(&name(), &tag()).await);
    assert!(matches!(error.failure, Failure::AccessDenied(_)), "{error}");
    assert_eq!(registry.is_credential_alive().await, Some(true));
    assert!(error.to_string().ends_with("403 denied: permission denied: this token has no `read:packages`"), "{error}");
}

#[tokio::test]
async fn a_token_service_that_refuses_a_scope_does_not_make_a_proved_credential_dead() {
    let server = Canned::start(|request: &Request| match request.path() {
        "/token" if request.target.contains("scope=") => denied("access forbidden"),
        _ => ghcr(request),
    })
    .await;
    let registry = connect(&server, Some(credential())).await;
    registry.authenticate(&[]).await.unwrap();
    let error = failure(registry.manifest(&name(), &tag()).await);
    assert!(matches!(error.failure, Failure::AccessDenied(_)), "{error}");
    assert_eq!(registry.is_credential_alive().await, Some(true));
}

#[tokio::test]
async fn without_a_login_a_private_package_and_a_wrong_name_are_told_apart() {
    let server = Canned::start(|request: &Request| match request.path() {
        "/token" if request.target.contains("private") => challenge("/token"),
        "/token" => denied("requested access to the resource is denied"),
        _ => ghcr(request),
    })
    .await;
    let registry = connect(&server, None).await;
    let error = failure(registry.manifest(&"o/private".parse().unwrap(), &tag()).await);
    assert!(matches!(error.failure, Failure::AuthenticationRequired(_)), "{error}");
    let error = failure(registry.manifest(&"o/missing".parse().unwrap(), &tag()).await);
    assert!(matches!(error.failure, Failure::AccessDenied(_)), "{error}");
    assert!(server.requests().iter().all(|request| request.header("authorization").is_empty()));
}

#[tokio::test]
async fn a_token_that_is_never_accepted_does_not_loop() {
    let server = Canned::start(|request: &Request| match request.path() {
        "/token" => token(),
        _ => challenge_for("/token", "repository:o/n:pull"),
    })
    .await;
    let registry = connect(&server, Some(credential())).await;
    for _ in 0..2 {
        let error = failure(registry.manifest(&name(), &tag()).await);
        assert!(matches!(error.failure, Failure::AccessDenied(_)), "{error}");
    }
    let manifest = "GET /v2/o/n/manifests/1";
    // A new token is refused for good; one from before is renewed once.
    let expected = ["GET /v2/", TOKEN_REQUEST, manifest, manifest, TOKEN_REQUEST, manifest];
    assert_eq!(server.log(), expected);
}

#[tokio::test]
async fn a_token_that_ended_early_is_renewed_once() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let given = AtomicUsize::new(0);
    let server = Canned::start(move |request: &Request| match (request.path(), request.header("authorization")) {
        ("/token", _) => {
            let number = given.fetch_add(1, Ordering::SeqCst);
            canned::json(200, &format!(r#"{{"token":"number-{number}","expires_in":3600}}"#)).into()
        }
        // The first token is good for the blob only, as if it had ended afterwards.
        (path, "Bearer number-0") if path.contains("/blobs/") => not_there(),
        (_, "Bearer number-1") => manifest(b"{}"),
        _ => challenge_for("/token", "repository:o/n:pull"),
    })
    .await;
    let registry = connect(&server, Some(credential())).await;
    assert!(!registry.has_blob(&name(), &crate::image().digest()).await.unwrap());
    registry.manifest(&name(), &tag()).await.unwrap();
    assert_eq!(server.log().iter().filter(|line| line.contains("/token")).count(), 2);
}

fn not_there() -> Reply {
    canned::response(404, &[], "").into()
}

#[tokio::test]
async fn the_scope_that_a_refusal_asks_for_is_asked_for() {
    let server = Canned::start(|request: &Request| match (request.path(), request.header("authorization")) {
        ("/token", _) if request.target.contains("extra") => canned::json(200, r#"{"token":"wide"}"#).into(),
        ("/token", _) => token(),
        (_, "Bearer wide") => open_registry(request),
        (_, "") => challenge("/token"),
        _ => {
            let value =
                r#"Bearer realm="/token",service="ghcr.io",scope="repository:o/n:pull repository:o/extra:pull""#;
            canned::response(401, &[("www-authenticate", value)], "").into()
        }
    })
    .await;
    let registry = connect(&server, Some(credential())).await;
    registry.manifest(&name(), &tag()).await.unwrap();
    let asked = server.log().iter().rfind(|line| line.contains("/token")).cloned().unwrap();
    assert!(asked.ends_with("scope=repository%3Ao%2Fn%3Apull&scope=repository%3Ao%2Fextra%3Apull"), "{asked}");
}

#[tokio::test]
async fn a_registry_that_asks_nobody_proves_nothing() {
    let server = Canned::start(open_registry).await;
    let registry = connect(&server, Some(credential())).await;
    let scope = Scope::new(name(), [Action::Pull]);
    assert_eq!(registry.authenticate(&[scope]).await.unwrap(), Login::NotAsked);
    registry.manifest(&name(), &tag()).await.unwrap();
    assert_eq!(registry.is_credential_alive().await, None);
    assert!(server.requests().iter().all(|request| request.header("authorization").is_empty()));
}

#[tokio::test]
async fn no_error_repeats_a_secret_even_when_the_registry_does() {
    // Sends what it was sent back in whatever place `where_to` says.
    fn echo(place: &'static str) -> impl Fn(&Request) -> Reply {
        move |request: &Request| {
            // The token service has not given the token away yet.
            let token_given = if place == "token" { "" } else { TOKEN };
            let secret = format!("{CANARY} {token_given} {} \u{1b}[31m", encoded());
            let body = serde_json::json!({"errors": [{"code": secret, "message": secret}]}).to_string();
            let path = format!("/{CANARY}/{TOKEN}/{}?signature={TOKEN}", encoded());
            match (request.path(), place) {
                ("/v2/", _) => challenge("/token"),
                ("/token", "token") => canned::json(403, &body).into(),
                ("/token", "token text") => canned::json(200, &secret).into(),
                ("/token", _) => token(),
                (_, "manifest") => canned::json(403, &body).into(),
                (_, "manifest type") => canned::response(200, &[("content-type", CANARY)], secret).into(),
                (_, "redirect") => canned::response(307, &[("location", &path)], "").into(),
                (_, "private redirect") => {
                    canned::response(307, &[("location", &format!("http://{TOKEN}.localhost/"))], "").into()
                }
                (_, "rate") => canned::json(429, &body).into(),
                (_, "broken") => Reply::BrokenOff(canned::json(200, &secret)),
                (_, "challenge") => {
                    let value = format!(r#"Bearer realm="https://{TOKEN}.example",scope="repository:o/{CANARY}:pull""#);
                    canned::response(401, &[("www-authenticate", &value)], "").into()
                }
                _ => panic!("{place}"),
            }
        }
    }
    for place in [
        "token",
        "token text",
        "manifest",
        "manifest type",
        "redirect",
        "private redirect",
        "rate",
        "broken",
        "challenge",
    ] {
        let server = Canned::start(echo(place)).await;
        let reference = format!("{}/o/n:1", server.host()).parse().unwrap();
        let attempt =
            pullpass_client::pull::attempt(&reference, "amd64", Some(&credential()), Options::default()).await;
        assert!(server.requests().iter().any(|request| request.header("authorization").contains(&encoded())));
        let steps = format!("{:?}", attempt.steps);
        assert!(!steps.contains(CANARY) && !steps.contains(TOKEN), "{place}: {steps}");
        let error = attempt.outcome.expect_err(place);
        assert_keeps_secrets(&error);
        assert!(!error.to_string().contains('\u{1b}'), "{place}: {error}");
    }
}
