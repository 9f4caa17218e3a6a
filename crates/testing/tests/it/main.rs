//! The stand-ins answer as the public evidence says. Comments above a transcript are that evidence.

mod fake_ghcr;
mod ghcr;
mod github;
mod proxy;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use pullpass_testing::canned::{Canned, Certificates};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// An answer as it came over the wire.
struct Answer {
    asked: String,
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The token that `/token` gave.
    fn token(&self) -> String {
        self.json()["token"].as_str().unwrap_or_else(|| panic!("{}", self.text())).to_owned()
    }

    /// The first error of an error body.
    fn message(&self) -> String {
        self.json()["errors"][0]["message"].as_str().unwrap_or_else(|| panic!("{}", self.text())).to_owned()
    }
}

/// The whole transcript, with what differs each time as `[…]` and line breaks of the body as `\n`.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.asked)?;
        writeln!(f, "{}", self.status)?;
        for (name, value) in &self.headers {
            match name.as_str() {
                "date" | "x-github-request-id" | "x-ratelimit-reset" => writeln!(f, "{name}: […]")?,
                _ => writeln!(f, "{}", format!("{name}: {value}").trim_end())?,
            }
        }
        let body = self.text().replace('\n', "\\n");
        match body.split_once(r#"{"token":""#) {
            Some((before, after)) => {
                let (_, rest) = after.split_once('"').expect("a closed string");
                write!(f, "\n{before}{{\"token\":\"[…]\"{rest}")
            }
            None => write!(f, "\n{body}"),
        }
    }
}

/// Sends one request (`GET /v2/`) to `server` as to `host`, over a TLS connection of its own, and reads the whole answer.
async fn ask(
    server: &Canned,
    certificates: &Certificates,
    host: &'static str,
    asked: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let exchange = async {
        let stream = TcpStream::connect(server.address()).await.expect("a listening server");
        let name = ServerName::try_from(host).expect("a host name");
        let mut stream = connector(certificates).connect(name, stream).await.expect("a trusted certificate");
        let mut head = format!("{asked} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).await.expect("a server that reads");
        stream.write_all(body).await.expect("a server that reads");
        let mut answer = Vec::new();
        // A server that closes without TLS's goodbye has still said what it said.
        let _end = stream.read_to_end(&mut answer).await;
        answer
    };
    let answer = tokio::time::timeout(Duration::from_secs(20), exchange).await.expect("an answer within 20 seconds");
    parse(asked, &answer)
}

fn connector(certificates: &Certificates) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(certificates.ca_pem.as_bytes()).expect("PEM")).expect("an authority");
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("protocol versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

fn parse(asked: &str, answer: &[u8]) -> Answer {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a whole head");
    let head = String::from_utf8(answer[..end].to_vec()).expect("text");
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).expect("a status");
    let headers = lines.filter_map(|line| line.split_once(": ")).filter(|(name, _)| *name != "connection");
    let mut headers: Vec<(String, String)> =
        headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    headers.sort();
    Answer { asked: asked.to_owned(), status, headers, body: answer[end + 4..].to_vec() }
}
