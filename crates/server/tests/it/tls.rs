use std::{fs, os::unix::fs::PermissionsExt, sync::Arc};

use pullpass_server::{Config, Error, Server, Tls};
use reqwest::{Certificate, StatusCode};
use tempfile::TempDir;

use crate::support::{DAY, NOON, config};

/// A development server: its address, its certification authority, and the task it runs in.
async fn start(data: &TempDir, url: Option<&str>, now: i64) -> (u16, Vec<u8>, tokio::task::JoinHandle<()>) {
    let config =
        Config { tls: Tls::Dev, url: url.map(|url| url.parse().expect("a URL")), ..config(data.path().join("data")) };
    let server = Server::bind(config, Arc::new(move || now)).await.expect("the server starts");
    let ca = fs::read(server.dev_ca_path().expect("an authority")).expect("a certificate");
    let port = server.local_addr().port();
    (port, ca, tokio::spawn(async move { drop(server.run(std::future::pending()).await) }))
}

async fn get(ca: &[u8], url: &str, port: u16) -> Result<StatusCode, reqwest::Error> {
    let host = url::Url::parse(url).expect("a URL").host_str().expect("a host").to_owned();
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([Certificate::from_pem(ca)?])
        .resolve(&host, ([127, 0, 0, 1], port).into())
        .build()?;
    Ok(client.get(url).send().await?.status())
}

/// The certificates are checked against the real clock by the client.
fn today() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_millis()).expect("before the year 292278994")
}

#[tokio::test]
async fn whoever_trusts_the_development_authority_reaches_every_name_of_the_server() {
    let data = tempfile::tempdir().unwrap();
    let (port, ca, _task) = start(&data, Some("https://registry.example:5000"), today()).await;
    for host in ["127.0.0.1", "localhost", "registry.example"] {
        let status = get(&ca, &format!("https://{host}:{port}/v2/"), port).await.unwrap();
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{host}");
    }
    assert!(get(&ca, &format!("https://other.example:{port}/v2/"), port).await.is_err());
    for (name, mode) in [("", 0o700), ("ca.crt", 0o600), ("ca.key", 0o600)] {
        let path = data.path().join("data/tls").join(name);
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, mode, "{name}");
    }
}

#[tokio::test]
async fn the_development_authority_stays_until_it_is_about_to_end() {
    let data = tempfile::tempdir().unwrap();
    let mut seen = Vec::new();
    for (now, url) in [
        (today(), None),
        (today(), Some("https://registry.example:5000")),
        (today() + 9 * 365 * DAY, None),
        (today() + 3640 * DAY, None),
    ] {
        let (port, ca, task) = start(&data, url, now).await;
        if now < today() + DAY {
            let status = get(&ca, &format!("https://localhost:{port}/v2/"), port).await.unwrap();
            assert_eq!(status, StatusCode::UNAUTHORIZED);
        }
        task.abort();
        let _ = task.await;
        seen.push(ca);
    }
    assert!(seen[0] == seen[1] && seen[0] == seen[2], "people have told their engines to trust it");
    assert!(seen[2] != seen[3], "an authority that is about to end is replaced");
}

#[tokio::test]
async fn a_certificate_of_ones_own_is_served() {
    let directory = tempfile::tempdir().unwrap();
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (cert, key) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
    fs::write(&cert, pair.cert.pem()).unwrap();
    fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
    let config = Config { tls: Tls::Files { cert, key }, ..config(directory.path().join("data")) };
    let server = Server::bind(config, Arc::new(|| NOON)).await.unwrap();
    assert_eq!(server.url().scheme(), "https");
    let port = server.local_addr().port();
    let _task = tokio::spawn(server.run(std::future::pending()));
    let status = get(pair.cert.pem().as_bytes(), &format!("https://localhost:{port}/v2/"), port).await.unwrap();
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(path("cert"), pair.cert.pem()).unwrap();
    fs::write(path("key"), pair.signing_key.serialize_pem()).unwrap();
    fs::write(path("other"), other.signing_key.serialize_pem()).unwrap();
    fs::write(path("text"), "no PEM").unwrap();
    for (cert, key, named) in [
        ("missing", "key", "missing"),
        ("text", "key", "text"),
        ("cert", "missing", "missing"),
        ("cert", "text", "text"),
        ("cert", "other", "other"),
    ] {
        let config = Config { tls: Tls::Files { cert: path(cert), key: path(key) }, ..config(path("data")) };
        let error = Server::bind(config, Arc::new(|| NOON)).await.unwrap_err();
        let expected = format!("`{}` is no usable ", path(named).display());
        assert!(matches!(error, Error::Tls { .. }) && error.to_string().starts_with(&expected), "{error}");
    }
}
