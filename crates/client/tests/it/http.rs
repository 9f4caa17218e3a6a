use std::{
    fs,
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use pullpass_client::{Failure, Options, Registry, RegistryError, http::Observer};
use pullpass_oci::Digest;
use pullpass_testing::canned::{self, Canned, Certificates, Reply, Request};

use crate::{assert_keeps_secrets, connect, connect_to, credential, failure, ghcr, name, open_registry, tag};

async fn connect_with(server: &Canned, options: Options) -> Result<Registry, RegistryError> {
    Registry::connect(&server.host().parse().expect("a registry"), Some(credential()), options).await
}

fn redirect(location: &str) -> Reply {
    canned::response(307, &[("location", location)], "").into()
}

#[tokio::test]
async fn a_redirect_to_another_origin_gets_no_authorization() {
    let storage = Canned::start(|_: &Request| canned::response(200, &[], "the blob")).await;
    let location = format!("{}/storage?signature=canary-signature", storage.origin());
    let server = Canned::start(move |request: &Request| match request.path() {
        path if path.contains("/blobs/") => redirect(&location),
        _ => ghcr(request),
    })
    .await;
    let mut sink = Vec::new();
    let digest = Digest::sha256(b"the blob");
    connect(&server, Some(credential())).await.blob(&name(), &digest, Some(8), &mut sink).await.unwrap();
    assert_eq!(sink, b"the blob");
    let [request] = &storage.requests()[..] else { panic!("{:?}", storage.log()) };
    assert!(request.headers.get("authorization").is_none());
    assert!(request.headers.get("cookie").is_none());
    assert!(request.headers.get("referer").is_none());
    let asked = server.requests().pop().unwrap();
    assert!(asked.header("authorization").starts_with("Bearer "));
}

#[tokio::test]
async fn a_redirect_on_the_same_origin_keeps_authorization() {
    let server = Canned::start(|request: &Request| match request.path() {
        "/v2/o/n/manifests/1" => redirect("/v2/o/n/manifests/1/"),
        "/v2/o/n/manifests/1/" if request.header("authorization").starts_with("Bearer ") => {
            crate::manifest(&crate::image().manifest)
        }
        _ => ghcr(request),
    })
    .await;
    connect(&server, Some(credential())).await.manifest(&name(), &tag()).await.unwrap();
}

#[tokio::test]
async fn what_storage_refuses_is_no_refusal_of_the_registry() {
    for (status, challenge) in [
        (401, r#"Basic realm="storage""#),
        (401, r#"Bearer realm="ORIGIN/token",scope="repository:o/x:pull""#),
        (403, ""),
    ] {
        let storage = Canned::start(move |request: &Request| {
            let challenge = challenge.replace("ORIGIN", &request.origin);
            canned::response(status, &[("www-authenticate", &challenge)], "")
        })
        .await;
        let location = format!("{}/storage?signature=canary-signature", storage.origin());
        let server = Canned::start(move |request: &Request| match request.path() {
            path if path.contains("/blobs/") => redirect(&location),
            _ => ghcr(request),
        })
        .await;
        let steps = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&steps);
        let observer: Observer = Arc::new(move |step| seen.lock().unwrap().push(step));
        let registry = connect_with(&server, Options { observer: Some(observer), ..Options::default() }).await.unwrap();
        let error = failure(registry.blob(&name(), &Digest::sha256(b"x"), None, &mut Vec::new()).await);
        assert!(matches!(&error.failure, Failure::UnexpectedStatus(said) if said.status == status), "{error}");
        assert_eq!(storage.log(), ["GET /storage?signature=canary-signature"]);

        // The signature is as good as a credential.
        assert_eq!(error.request.url, format!("{}/storage", storage.origin()));
        assert_eq!(steps.lock().unwrap().last().unwrap().url, error.request.url);
    }
}

#[tokio::test]
async fn a_redirect_loop_ends() {
    let server = Canned::start(|request: &Request| match request.path() {
        "/v2/" => open_registry(request),
        path => redirect(path),
    })
    .await;
    let error = failure(connect(&server, None).await.manifest(&name(), &tag()).await);
    assert!(matches!(error.failure, Failure::RedirectRefused { .. }), "{error}");
    assert_eq!(server.log().len(), 1 + 6);
}

#[tokio::test]
async fn a_redirect_from_https_to_plain_http_is_not_followed() {
    let plain = Canned::start(open_registry).await;
    let location = format!("{}/v2/o/n/manifests/1", plain.origin());
    let server = Canned::start_tls(&Certificates::new(), move |request: &Request| match request.path() {
        "/v2/" => open_registry(request),
        _ => redirect(&location),
    })
    .await;
    let registry = connect_with(&server, Options { insecure: true, ..Options::default() }).await.unwrap();
    assert!(registry.is_https());
    let error = failure(registry.manifest(&name(), &tag()).await);
    assert!(matches!(error.failure, Failure::RedirectRefused { .. }), "{error}");
    assert_eq!(plain.log(), [""; 0]);
}

#[tokio::test]
async fn a_redirect_to_a_private_address_is_followed_on_the_registrys_own_host_only() {
    let inside = Canned::start(open_registry).await;
    for target in
        [inside.origin(), format!("http://[::ffff:127.0.0.1]:{}", inside.port()), "http://10.1.2.3".to_owned()]
    {
        let location = format!("{target}/v2/o/n/manifests/1");
        let server = Canned::start(move |request: &Request| match request.path() {
            "/v2/" => open_registry(request),
            _ => redirect(&location),
        })
        .await;
        let registry =
            connect_to(&format!("localhost:{}", server.port()), None).await.unwrap_or_else(|e| panic!("{e}"));
        let error = failure(registry.manifest(&name(), &tag()).await);
        assert!(matches!(error.failure, Failure::RedirectRefused { .. }), "{error}");
    }
    assert_eq!(inside.log(), [""; 0]);
}

#[tokio::test]
async fn a_token_service_that_redirects_elsewhere_gets_no_credential_there() {
    let elsewhere = Canned::start(ghcr).await;
    let location = format!("{}/token", elsewhere.origin());
    let server = Canned::start(move |request: &Request| match request.path() {
        "/token" => redirect(&location),
        _ => ghcr(request),
    })
    .await;
    let error = failure(connect(&server, Some(credential())).await.authenticate(&[]).await);
    assert!(matches!(error.failure, Failure::RedirectRefused { .. }), "{error}");
    assert_eq!(elsewhere.log(), [""; 0]);
}

#[tokio::test]
async fn a_registry_that_hangs_is_given_up_at_the_end_of_the_request_and_of_the_conversation() {
    let short = Duration::from_millis(300);
    let long = Duration::from_secs(60);
    for (request_timeout, deadline) in [(short, None), (long, Some(short))] {
        let server = Canned::start(|request: &Request| match request.path() {
            "/v2/" => open_registry(request),
            _ => Reply::Hang,
        })
        .await;
        let registry =
            connect_with(&server, Options { request_timeout, deadline, ..Options::default() }).await.unwrap();
        let started = Instant::now();
        let error = failure(registry.manifest(&name(), &tag()).await);
        assert!(matches!(error.failure, Failure::Timeout { after } if after == short), "{error}");
        assert!(started.elapsed() < Duration::from_secs(10));
    }
}

#[tokio::test]
async fn a_body_that_stalls_is_given_up() {
    let server = Canned::start(|request: &Request| match request.path() {
        "/v2/" => open_registry(request),
        _ => Reply::Stalled(canned::response(200, &[], "a part")),
    })
    .await;
    let short = Duration::from_millis(300);
    let options = Options { request_timeout: short, idle_timeout: short, ..Options::default() };
    let registry = connect_with(&server, options).await.unwrap();
    for error in [
        failure(registry.manifest(&name(), &tag()).await),
        failure(registry.blob(&name(), &Digest::sha256(b"x"), None, &mut Vec::new()).await),
    ] {
        assert!(matches!(error.failure, Failure::Timeout { .. }), "{error}");
    }
}

#[tokio::test]
async fn bodies_without_an_end_are_cut_off() {
    let server = Canned::start(|request: &Request| match request.path() {
        "/token" => canned::json(200, &format!("{}{{}}", " ".repeat(1024 * 1024))).into(),
        _ => crate::challenge("/token"),
    })
    .await;
    let error = failure(connect(&server, Some(credential())).await.authenticate(&[]).await);
    assert!(error.to_string().ends_with("is longer than 1048576 bytes"), "{error}");

    let server = Canned::start(|request: &Request| match request.path() {
        "/v2/" => open_registry(request),
        _ => canned::response(200, &[], vec![b' '; 4 * 1024 * 1024 + 1]).into(),
    })
    .await;
    let error = failure(connect(&server, None).await.manifest(&name(), &tag()).await);
    assert!(error.to_string().ends_with("is longer than 4194304 bytes"), "{error}");
}

fn certs_dir(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for (name, text) in files {
        fs::write(directory.path().join(name), text).expect("a file");
    }
    directory
}

fn with_certs(directory: &Path) -> Options {
    Options { certs_dirs: vec![directory.join("missing"), directory.to_owned()], ..Options::default() }
}

#[tokio::test]
async fn an_authority_of_the_certificate_directory_is_trusted_and_no_other() {
    let certificates = Certificates::new();
    let server = Canned::start_tls(&certificates, ghcr).await;
    let directory = certs_dir(&[("ca.crt", &certificates.ca_pem), ("notes.txt", "no certificate")]);
    let registry = connect_with(&server, with_certs(directory.path())).await.unwrap();
    registry.manifest(&name(), &tag()).await.unwrap();
    assert!(registry.is_https());

    let other = certs_dir(&[("ca.crt", &Certificates::new().ca_pem)]);
    for options in [Options::default(), with_certs(other.path())] {
        let before = server.log().len();
        let error = failure(connect_with(&server, options).await);
        assert!(matches!(error.failure, Failure::Tls { .. }), "{error}");
        assert_eq!(server.log().len(), before);
        assert_keeps_secrets(&error);
    }
    connect_with(&server, Options { insecure: true, ..Options::default() }).await.unwrap();
}

#[tokio::test]
async fn a_client_certificate_is_shown_to_a_registry_that_asks_for_one() {
    let certificates = Certificates::new();
    let server = Canned::start_mutual_tls(&certificates, ghcr).await;
    let ca = ("ca.crt", certificates.ca_pem.as_str());
    let pair =
        [("client.cert", certificates.client_cert_pem.as_str()), ("client.key", certificates.client_key_pem.as_str())];
    let directory = certs_dir(&[ca, pair[0], pair[1]]);
    connect_with(&server, with_certs(directory.path())).await.unwrap().manifest(&name(), &tag()).await.unwrap();
    let error = failure(connect_with(&server, with_certs(certs_dir(&[ca]).path())).await);
    assert!(matches!(error.failure, Failure::Tls { .. } | Failure::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn a_certificate_directory_that_is_half_or_broken_is_named() {
    let certificates = Certificates::new();
    let server = Canned::start_tls(&certificates, ghcr).await;
    let cases: [(&[(&str, &str)], &str); 5] = [
        (&[("client.cert", &certificates.client_cert_pem)], "client.cert` has no `client.key` beside it"),
        (&[("client.key", &certificates.client_key_pem)], "client.key` has no `client.cert` beside it"),
        (&[("ca.crt", "")], "ca.crt` holds no certificate"),
        (&[("ca.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")], "cannot be used"),
        (&[("client.cert", "x"), ("client.key", "x")], "client.cert` and its key are no pair of PEM files"),
    ];
    for (files, expected) in cases {
        let directory = certs_dir(files);
        let error = failure(connect_with(&server, with_certs(directory.path())).await);
        assert!(matches!(error.failure, Failure::Certificates { .. }), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    assert_eq!(server.log(), [""; 0]);
}

/// Runs the test below once more, in a process of its own, because the environment is everybody's.
#[test]
fn without_authorities_and_behind_a_proxy_a_loopback_registry_is_still_reached() {
    let nowhere = tempfile::NamedTempFile::new().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "http::a_loopback_registry_is_reached_past_the_systems_proxy"])
        .env("SSL_CERT_FILE", nowhere.path())
        .env_remove("SSL_CERT_DIR")
        .env("HTTP_PROXY", "http://127.0.0.1:1")
        .env("HTTPS_PROXY", "http://127.0.0.1:1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[tokio::test]
async fn a_loopback_registry_is_reached_past_the_systems_proxy() {
    let server = Canned::start(ghcr).await;
    let options = Options { system_proxy: true, ..Options::default() };
    connect_with(&server, options).await.unwrap().manifest(&name(), &tag()).await.unwrap();
}
