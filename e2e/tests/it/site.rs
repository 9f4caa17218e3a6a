//! A network of the test's own in which `ghcr.io`, its storage and `api.github.com` are ours, under their own names, over
//! TLS on port 443:
//!
//! ```ignore
//! let site = Site::new(Ghcr::new().account("octocat"));
//! let token = site.ghcr().token("octocat", Token::classic(&["read:packages"]));
//! let ran = run(pullpass(&site.home()).args(["status", "--check"]));
//! ```

use std::net::SocketAddr;

use pullpass_testing::canned::Certificates;
use pullpass_testing::engines::docker::{self, Engine};
use pullpass_testing::engines::podman::Podman;
use pullpass_testing::ghcr::{Ghcr, Running, Token, Visibility};
use pullpass_testing::github::Github;
use pullpass_testing::home::Home;
use pullpass_testing::namespace::{Namespace, Served};
use pullpass_testing::proxy::Proxy;
use pullpass_testing::run::{Ran, run, run_with_input};

use crate::program::pullpass;
use crate::sample;

/// The registry, where its blobs are, and the API.
const NAMES: [&str; 3] = ["ghcr.io", "pkg-containers.githubusercontent.com", "api.github.com"];

/// What they are called in a network that does not have them: addresses that nothing leads to.
const ELSEWHERE: [&str; 3] = ["198.51.100.1", "198.51.100.2", "198.51.100.3"];

/// What is different about a [`Site`].
#[derive(Default)]
pub(crate) struct Setting {
    /// Further lines of `/etc/hosts`.
    pub(crate) hosts: &'static str,
    /// What the servers show.
    pub(crate) certificate: Certificate,
    /// How they are reached.
    pub(crate) network: Network,
}

/// A certificate of the three names that an authority of the test's has signed.
#[derive(Clone, Copy, Default)]
pub(crate) enum Certificate {
    /// The authority is in the certificate directories of docker and podman, where skopeo and pullpass look as well.
    #[default]
    Trusted,
    /// It is not, as if somebody in between had signed.
    Untrusted,
    /// Trusted, but not any more.
    Expired,
    /// Trusted, but for another name.
    WrongName,
}

/// What leads where.
#[derive(Clone, Copy, Default)]
pub(crate) enum Network {
    /// To IPv4 addresses, which is all that the names have.
    #[default]
    Ipv4,
    /// To IPv6 addresses, which is all that the names have.
    Ipv6,
    /// To IPv6 addresses, of which the names have none, as ghcr.io.
    Ipv6WithoutNames,
    /// Nowhere but to [`Site::proxy`]. The names have addresses that nothing leads to.
    None,
}

impl Network {
    /// What the machine has beside loopback.
    fn addresses(self) -> &'static [&'static str] {
        match self {
            Network::Ipv4 => &["192.0.2.1/24"],
            Network::Ipv6 | Network::Ipv6WithoutNames => &["2001:db8::1/128", "2001:db8::2/128", "2001:db8::3/128"],
            Network::None => &[],
        }
    }

    /// Where the three listen.
    fn servers(self) -> [&'static str; 3] {
        match self {
            // Docker would take any certificate on loopback.
            Network::Ipv4 => ["192.0.2.1", "192.0.2.2", "192.0.2.3"],
            Network::Ipv6 | Network::Ipv6WithoutNames => ["2001:db8::1", "2001:db8::2", "2001:db8::3"],
            Network::None => ["127.0.0.1", "127.0.0.2", "127.0.0.3"],
        }
    }

    /// What the three names mean.
    fn names(self) -> [&'static str; 3] {
        match self {
            Network::Ipv4 | Network::Ipv6 => self.servers(),
            Network::Ipv6WithoutNames | Network::None => ELSEWHERE,
        }
    }
}

/// The network with its servers.
pub(crate) struct Site {
    namespace: Namespace,
    served: Served<(Running, Github, Proxy)>,
}

impl Site {
    /// Nothing special about it.
    pub(crate) fn new(ghcr: Ghcr) -> Site {
        Site::with(Setting::default(), ghcr)
    }

    pub(crate) fn with(setting: Setting, ghcr: Ghcr) -> Site {
        let Setting { hosts, certificate, network } = setting;
        let named = network.names().into_iter().zip(NAMES).map(|(address, name)| format!("{address} {name}\n"));
        let named: String = named.collect();
        let hosts = format!("127.0.0.1 localhost\n::1 localhost\n{named}{hosts}\n");
        let namespace = Namespace::with_addresses(network.addresses(), &hosts);
        let certificates = match certificate {
            Certificate::Trusted | Certificate::Untrusted => Certificates::for_names(&NAMES),
            Certificate::Expired => Certificates::expired(&NAMES),
            Certificate::WrongName => Certificates::for_names(&["registry.example"]),
        };
        if !matches!(certificate, Certificate::Untrusted) {
            NAMES.iter().for_each(|name| namespace.trust(name, &certificates.ca_pem));
        }
        let served = namespace.serve(move || start(ghcr, certificates, network));
        Site { namespace, served }
    }

    /// The network without its servers.
    pub(crate) fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The registry and its storage.
    pub(crate) fn ghcr(&self) -> &Running {
        &self.served.0
    }

    /// The API.
    pub(crate) fn github(&self) -> &Github {
        &self.served.1
    }

    /// A proxy at 127.0.0.1:3128 that leads to the three, whatever the network.
    pub(crate) fn proxy(&self) -> &Proxy {
        &self.served.2
    }

    /// An empty home whose programs are started in here.
    pub(crate) fn home(&self) -> Home {
        self.namespace.home()
    }
}

async fn start(ghcr: Ghcr, certificates: Certificates, network: Network) -> (Running, Github, Proxy) {
    let [registry, storage, api] =
        network.servers().map(|address| SocketAddr::new(address.parse().expect("an address"), 443));
    let ghcr = ghcr.start_at(registry, storage, Some(&certificates)).await.expect("port 443 is free in here");
    let github = Github::start_at(api, Some(&certificates), &ghcr).await.expect("port 443 is free in here");
    let hosts: Vec<(&str, SocketAddr)> = NAMES.into_iter().zip([registry, storage, api]).collect();
    let proxy = Proxy::start_at(([127, 0, 0, 1], 3128).into(), &hosts).await.expect("port 3128 is free in here");
    (ghcr, github, proxy)
}

const IMAGE: &str = "ghcr.io/midokura/hello:v1";

fn described(visibility: Visibility) -> Ghcr {
    Ghcr::new()
        .account("octocat")
        .organization("midokura", &["octocat"])
        .package("midokura/hello", visibility, &["octocat"])
        .image("v1", &sample::image())
}

/// `skopeo` copies the public image.
fn copied(site: &Site, environment: &[(&str, &str)]) -> Ran {
    let home = site.home();
    let mut skopeo = Podman::new(&home).skopeo();
    skopeo.envs(environment.iter().copied()).args([
        "copy",
        "--retry-times=0",
        &format!("docker://{IMAGE}"),
        "dir:copy",
    ]);
    run(&mut skopeo)
}

#[test]
fn every_client_has_the_three_under_their_own_names() {
    let site = Site::new(described(Visibility::Private));
    let token = site.ghcr().token("octocat", Token::classic(&["read:packages"]));
    let home = site.home();
    let login = |mut command: std::process::Command| {
        command.args(["login", "-u", "octocat", "--password-stdin", "ghcr.io"]);
        run_with_input(&mut command, &token).expect_success();
    };
    let podman = Podman::new(&home);
    login(podman.podman());
    run(podman.podman().args(["pull", "-q", IMAGE])).expect_success();
    let engine = Engine::start_in(site.home());
    let client = docker::clients().remove(0);
    login(engine.command(&client, &home));
    run(engine.command(&client, &home).args(["pull", "-q", IMAGE])).expect_success();
    assert!(!site.ghcr().storage.log().is_empty());

    let ran = run(pullpass(&home).args(["status", "--check", "--github", "--json"]));
    assert!(ran.code == 0 && ran.stdout.contains("octocat"), "{ran}");
    assert_eq!(site.github().api.log(), ["GET /user"]);
    assert!(site.proxy().asked().is_empty());
}

#[test]
fn a_bad_certificate_is_one() {
    let certificates = [
        (Certificate::Untrusted, "signed by unknown authority"),
        (Certificate::Expired, "expired"),
        (Certificate::WrongName, "valid for registry.example, not ghcr.io"),
    ];
    for (certificate, said) in certificates {
        let site = Site::with(Setting { certificate, ..Setting::default() }, described(Visibility::Public));
        let ran = copied(&site, &[]);
        assert!(ran.code != 0 && ran.stderr.contains(said), "{ran}");
    }
}

#[test]
fn without_a_route_only_the_proxy_leads_there() {
    let in_network = |network| Site::with(Setting { network, ..Setting::default() }, described(Visibility::Public));
    copied(&in_network(Network::Ipv6), &[]).expect_success();
    for network in [Network::Ipv6WithoutNames, Network::None] {
        let ran = copied(&in_network(network), &[]);
        assert!(ran.code != 0 && ran.stderr.contains("network is unreachable"), "{ran}");
    }
    let site = in_network(Network::None);
    copied(&site, &[("HTTPS_PROXY", &site.proxy().url())]).expect_success();
    let mut asked = site.proxy().asked();
    asked.sort();
    asked.dedup();
    assert_eq!(asked, ["CONNECT ghcr.io:443", "CONNECT pkg-containers.githubusercontent.com:443"]);
}

#[test]
fn a_name_may_be_somebody_elses() {
    let site = Site::with(Setting { hosts: "192.0.2.9 ghrc.io", ..Setting::default() }, described(Visibility::Public));
    let found = run(site.home().command("getent").args(["hosts", "ghrc.io"])).expect_success();
    assert!(found.starts_with("192.0.2.9 "), "{found}");
}
