mod accounts;
mod authorization;
mod blobs;
mod failing;
mod manifests;
mod referrers;
mod tags;
mod token;
mod uploads;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use pullpass_oci::{Digest, Image};
use pullpass_testing::canned::Certificates;
use pullpass_testing::ghcr::{Ghcr, Running, Switches, Token, Visibility};

use super::{Answer, ask};

/// A private package that `octocat` may push to, a public one, and `hubot`, who has no role.
struct Site {
    ghcr: Running,
    certificates: Certificates,
}

const PRIVATE: &str = "midokura/gpu-infra-ansible";
const PUBLIC: &str = "midokura/hello";

/// The token requests for them.
const ASK_PRIVATE: &str = "GET /token?service=ghcr.io&scope=repository:midokura/gpu-infra-ansible:pull";
const ASK_PUBLIC: &str = "GET /token?service=ghcr.io&scope=repository:midokura/hello:pull";

fn image() -> Image {
    Image::with_file("amd64", "hello", b"hello")
}

impl Site {
    async fn new() -> Site {
        Site::with(Switches::default()).await
    }

    async fn with(switches: Switches) -> Site {
        let certificates = Certificates::for_names(&["ghcr.io", "pkg-containers.githubusercontent.com"]);
        let ghcr = Ghcr::new()
            .switches(switches)
            .account("octocat")
            .account("hubot")
            .organization("midokura", &["octocat"])
            .package(PRIVATE, Visibility::Private, &[])
            .writer("octocat")
            .image("v0.1", &image())
            .index("multi", &[("amd64", &image())])
            .package(PUBLIC, Visibility::Public, &[])
            .writer("octocat")
            .image("v0.1", &image())
            .start_tls(&certificates)
            .await;
        Site { ghcr, certificates }
    }

    async fn ask(&self, asked: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(asked, headers, b"").await
    }

    async fn send(&self, asked: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        ask(&self.ghcr.registry, &self.certificates, "ghcr.io", asked, headers, body).await
    }

    async fn with_authorization(&self, asked: &str, authorization: &str) -> Answer {
        self.ask(asked, &[("Authorization", authorization)]).await
    }

    /// With `Bearer base64(credential)`, which needs no `/token`.
    async fn directly(&self, asked: &str, credential: &str) -> Answer {
        self.with_authorization(asked, &format!("Bearer {}", BASE64_STANDARD.encode(credential))).await
    }

    /// As `octocat`, who may push.
    async fn push(&self, asked: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let bearer = format!("Bearer {}", BASE64_STANDARD.encode(self.writer()));
        let headers: Vec<(&str, &str)> = headers.iter().copied().chain([("Authorization", bearer.as_str())]).collect();
        self.send(asked, &headers, body).await
    }

    /// Opens an upload and returns its path.
    async fn upload(&self, name: &str) -> String {
        let opened = self.push(&format!("POST /v2/{name}/blobs/uploads/"), &[], b"").await;
        assert_eq!(opened.status, 202, "{opened}");
        opened.header("location").expect("where the upload is").to_owned()
    }

    async fn push_blob(&self, name: &str, bytes: &[u8]) -> Answer {
        let location = self.upload(name).await;
        self.push(&format!("PUT {location}?digest={}", Digest::sha256(bytes)), &[], bytes).await
    }

    /// A token for everything that packages can have.
    fn writer(&self) -> String {
        self.ghcr.token("octocat", Token::classic(&["write:packages"]))
    }

    fn reader(&self) -> String {
        self.ghcr.token("octocat", Token::classic(&["read:packages"]))
    }

    fn dead(&self) -> String {
        let token = self.reader();
        self.ghcr.revoke(&token);
        token
    }
}

pub(super) fn basic(user: &str, secret: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{secret}")))
}
