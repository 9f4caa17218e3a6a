//! The registry that a fleet pulls from, with one private image.

use pullpass_testing::canned::Certificates;
use pullpass_testing::engines::podman::Podman;
use pullpass_testing::ghcr::{Ghcr, Token, Visibility};
use pullpass_testing::namespace::Namespace;
use pullpass_testing::run::run;
use pullpass_testing::serve::{Server, USER};

use crate::program::program;
use crate::sample;
use crate::site::Site;

/// What our own registry is called, and where it is.
const NAME: &str = "registry.test";
const ADDRESS: &str = "192.0.2.1:443";

/// A registry under its own name over TLS, in the network that it is reached in.
pub(crate) enum Registry {
    /// ghcr.io, with api.github.com.
    Ghcr(Box<Site>),
    /// What `pullpass serve` runs.
    Ours {
        /// It ends before the network.
        server: Server<'static>,
        /// Where it is.
        network: Namespace,
    },
}

impl Registry {
    pub(crate) fn ghcr() -> Registry {
        let ghcr = Ghcr::new()
            .account("octocat")
            .organization("midokura", &["octocat"])
            .package("midokura/hello", Visibility::Private, &["octocat"])
            .image("v1", &sample::image());
        Registry::Ghcr(Box::new(Site::new(ghcr)))
    }

    pub(crate) fn ours() -> Registry {
        let network = Namespace::new(&format!("127.0.0.1 localhost\n::1 localhost\n192.0.2.1 {NAME}\n"));
        let certificates = Certificates::for_names(&[NAME]);
        network.trust(NAME, &certificates.ca_pem);
        let home = Box::new(network.home());
        let certificate = home.write("server.crt", &certificates.server_cert_pem).display().to_string();
        let key = home.write("server.key", &certificates.server_key_pem).display().to_string();
        let url = format!("https://{NAME}");
        let options = ["--url", &url, "--tls-cert", &certificate, "--tls-key", &key];
        let server = Server::start_at(ADDRESS, home, program(), &options);

        let home = network.home();
        let layout = home.side_dir("layout");
        sample::oci_layout(&layout);
        let mut push = Podman::new(&home).skopeo();
        push.args(["copy", "--preserve-digests", "--dest-creds"]);
        push.arg(format!("{USER}:{}", server.token("write:packages"))).arg(format!("oci:{}", layout.display()));
        run(push.arg(format!("docker://{NAME}/{USER}/hello:1"))).expect_success();
        Registry::Ours { server, network }
    }

    /// As it stands in a reference.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Registry::Ghcr(_) => "ghcr.io",
            Registry::Ours { .. } => NAME,
        }
    }

    /// The private image.
    pub(crate) fn image(&self) -> &'static str {
        match self {
            Registry::Ghcr(_) => "ghcr.io/midokura/hello:v1",
            Registry::Ours { .. } => "registry.test/alice/hello:1",
        }
    }

    /// Whose tokens open it.
    pub(crate) fn user(&self) -> &'static str {
        match self {
            Registry::Ghcr(_) => "octocat",
            Registry::Ours { .. } => USER,
        }
    }

    /// A new token that opens it.
    pub(crate) fn token(&self) -> String {
        match self {
            Registry::Ghcr(site) => site.ghcr().token(self.user(), Token::classic(&["read:packages"])),
            Registry::Ours { server, .. } => server.token("read:packages"),
        }
    }

    /// Where it tells whether a token lives.
    pub(crate) fn token_url(&self) -> String {
        let name = self.name();
        let (repository, _) = self.image().rsplit_once(':').expect("a tag");
        let repository = repository.split_once('/').expect("a repository").1;
        format!("https://{name}/token?service={name}&scope=repository:{repository}:pull")
    }

    pub(crate) fn network(&self) -> &Namespace {
        match self {
            Registry::Ghcr(site) => site.namespace(),
            Registry::Ours { network, .. } => network,
        }
    }
}
