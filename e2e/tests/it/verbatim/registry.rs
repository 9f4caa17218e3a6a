//! What `ghcr.io` is: our server, or the faithful stand-in, each with the guide's image and the same people.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::thread;
use std::time::Duration;

use pullpass_testing::canned::Certificates;
use pullpass_testing::engines::podman::Podman;
use pullpass_testing::ghcr::{Ghcr, Running, Token, Visibility};
use pullpass_testing::home::Home;
use pullpass_testing::namespace::{Namespace, Served};
use pullpass_testing::run::{run, run_with_input};
use pullpass_testing::serve::{Server, USER as STRANGER};

use super::host::IMAGE;
use crate::program::{program, pullpass};
use crate::sample;

/// `/etc/hosts` where ghcr.io is this machine. Its blobs are on another host, as the real one's are.
pub(crate) const HOSTS: &str = "\
127.0.0.1 localhost
192.0.2.1 ghcr.io
192.0.2.2 pkg-containers.githubusercontent.com
";

const PACKAGE: &str = "midokura/gpu-infra-ansible";
const REGISTRY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 443);
const STORAGE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)), 443);

/// Whoever is ghcr.io.
pub(crate) enum Registry<'home> {
    /// `pullpass serve`
    Ours(Server<'home>),
    /// The stand-in that answers as ghcr.io does.
    Faithful(Served<Running>),
}

/// Why a client is refused.
#[derive(Clone, Copy)]
pub(crate) enum Cause {
    /// A private image without a login.
    NoLogin,
    /// A login with an expired token.
    ExpiredLogin,
    /// A pull with a login whose token is dead by now.
    DeadLogin,
    /// A token that has no scope to read packages.
    NoScope,
    /// A token of somebody who may not read this package.
    Stranger,
}

impl<'home> Registry<'home> {
    /// Both, by the names that the table has for them.
    pub(crate) const NAMES: [&'static str; 2] = ["pullpass serve", "faithful ghcr.io"];

    /// Starts the one with this name inside `namespace`; `home` is the server's own.
    pub(crate) fn start(name: &str, namespace: &Namespace, home: &'home Home) -> Registry<'home> {
        let certificates = Certificates::for_names(&["ghcr.io", "pkg-containers.githubusercontent.com"]);
        namespace.trust("ghcr.io", &certificates.ca_pem);
        match name {
            "pullpass serve" => ours(&certificates, home),
            _ => Registry::Faithful(namespace.serve(move || faithful(certificates))),
        }
    }

    /// Who owns the tokens of [`Registry::token`].
    pub(crate) fn user(&self) -> &'static str {
        match self {
            Registry::Ours(_) => "midokura",
            Registry::Faithful(_) => "octocat",
        }
    }

    /// A token that opens the image.
    pub(crate) fn token(&self) -> String {
        match self {
            Registry::Ours(server) => new_token(server, "midokura", "read:packages", "30d"),
            Registry::Faithful(ghcr) => ghcr.token("octocat", Token::classic(&["read:packages"])),
        }
    }

    /// A token that has expired.
    pub(crate) fn expired_token(&self) -> String {
        match self {
            Registry::Ours(server) => {
                let token = new_token(server, "midokura", "read:packages", "1s");
                thread::sleep(Duration::from_millis(1100));
                token
            }
            Registry::Faithful(ghcr) => ghcr.token("octocat", Token::classic(&["read:packages"]).expired()),
        }
    }

    /// A token of the same person that may not read packages.
    pub(crate) fn token_without_scope(&self) -> String {
        match self {
            Registry::Ours(server) => new_token(server, "midokura", "delete:packages", "30d"),
            Registry::Faithful(ghcr) => ghcr.token("octocat", Token::classic(&[])),
        }
    }

    /// A user, and a token of theirs, who may not read the image.
    pub(crate) fn stranger(&self) -> (&'static str, String) {
        match self {
            Registry::Ours(server) => (STRANGER, new_token(server, STRANGER, "read:packages", "30d")),
            Registry::Faithful(ghcr) => ("hubot", ghcr.token("hubot", Token::classic(&["read:packages"]))),
        }
    }

    /// Kills the living tokens of the user.
    pub(crate) fn revoke(&self, token: &str) {
        match self {
            Registry::Ours(server) => {
                let text = server.administer(&["token", "list", "--json"]);
                let listed: serde_json::Value = serde_json::from_str(&text).expect("JSON");
                let tokens = listed["tokens"].as_array().expect("a list");
                let ids =
                    tokens.iter().filter(|other| other["user"] == "midokura").map(|other| other["id"].to_string());
                ids.for_each(|id| drop(server.administer(&["token", "revoke", &id])));
            }
            Registry::Faithful(ghcr) => ghcr.revoke(token),
        }
    }

    /// Says who may pull the image: everybody, or those who may read the package.
    pub(crate) fn set_public(&self, is_public: bool) {
        match self {
            Registry::Ours(server) => {
                let visibility = if is_public { "public" } else { "private" };
                server.administer(&["admin", "package", "set-visibility", PACKAGE, visibility]);
            }
            Registry::Faithful(ghcr) => {
                ghcr.set_visibility(PACKAGE, if is_public { Visibility::Public } else { Visibility::Private });
            }
        }
    }

    /// What Docker shows, then what Podman shows.
    pub(crate) fn texts(&self, cause: Cause) -> [&'static str; 2] {
        match (self, cause) {
            (Registry::Ours(_), Cause::NoLogin) => {
                ["unauthorized: authentication required: ", "unauthorized: authentication required: "]
            }
            (Registry::Ours(_), Cause::ExpiredLogin) => {
                ["unauthorized: authentication required: the token expired on ", "invalid username/password"]
            }
            (Registry::Ours(_), Cause::DeadLogin) => {
                ["unauthorized: authentication required: the token was revoked", "invalid username/password"]
            }
            (Registry::Ours(_), Cause::NoScope) => {
                let text = "denied: permission denied: the token has no scope `read:packages`";
                [text, text]
            }
            (Registry::Ours(_), Cause::Stranger) => {
                let text = "denied: permission denied: the package does not exist or this user has no right to it";
                [text, text]
            }
            (Registry::Faithful(_), Cause::NoLogin) => {
                ["manifests/v0.1\": unauthorized\n", "invalid username/password: unauthorized\n"]
            }
            (Registry::Faithful(_), Cause::ExpiredLogin) => [
                "Get \"https://ghcr.io/v2/\": denied: denied\n",
                "Requesting bearer token: invalid status code from registry 403 (Forbidden)",
            ],
            (Registry::Faithful(_), Cause::DeadLogin) => [
                "manifests/v0.1\": denied: denied\n",
                "Requesting bearer token: invalid status code from registry 403 (Forbidden)",
            ],
            (Registry::Faithful(_), Cause::NoScope) => {
                let text = "denied: permission_denied: The token provided does not match expected scopes.";
                [text, text]
            }
            (Registry::Faithful(_), Cause::Stranger) => [
                "Error response from daemon: denied\n",
                "reading manifest v0.1 in ghcr.io/midokura/gpu-infra-ansible: denied",
            ],
        }
    }
}

/// Serves with the image in place, pushed as its owner would.
fn ours<'home>(certificates: &Certificates, home: &'home Home) -> Registry<'home> {
    let certificate = home.write("server.crt", &certificates.server_cert_pem).display().to_string();
    let key = home.write("server.key", &certificates.server_key_pem).display().to_string();
    let options = ["--url", "https://ghcr.io", "--tls-cert", &certificate, "--tls-key", &key];
    let server = Server::start_at(&REGISTRY.to_string(), home, program(), &options);
    let mut add = pullpass(home);
    add.args(["admin", "user", "add", "midokura", "--password-stdin", "--data"]).arg(home.side_dir("data"));
    run_with_input(&mut add, "correct horse battery staple").expect_success();

    let layout = home.side_dir("layout");
    sample::oci_layout(&layout);
    let credential = format!("midokura:{}", new_token(&server, "midokura", "write:packages", "30d"));
    let mut push = Podman::new(home).skopeo();
    push.args(["copy", "--preserve-digests", "--dest-creds", &credential]).arg(format!("oci:{}", layout.display()));
    run(push.arg(format!("docker://{IMAGE}"))).expect_success();
    Registry::Ours(server)
}

async fn faithful(certificates: Certificates) -> Running {
    Ghcr::new()
        .account("octocat")
        .account("hubot")
        .organization("midokura", &["octocat"])
        .package(PACKAGE, Visibility::Private, &["octocat"])
        .image("v0.1", &sample::image())
        .start_at(REGISTRY, STORAGE, Some(&certificates))
        .await
        .expect("the ports of this network")
}

fn new_token(server: &Server<'_>, user: &str, scope: &str, expires: &str) -> String {
    let words = ["token", "new", "--user", user, "--note", "guide", "--scope", scope, "--expires", expires];
    server.administer(&words).trim().to_owned()
}
