//! Hosts on which nothing is wrong but the way to the registry, or the registry.

use jiff::SignedDuration;
use pullpass_testing::ghcr::{Failing, Visibility};

use super::super::scenario::{Scenario, USUAL};
use crate::site::{Certificate, Network, Setting};

const PUBLIC: &[&str] = &["ghcr.io/midokura/public:v1"];

/// All of them.
pub(super) fn rows() -> Vec<Scenario> {
    [network(), registry()].concat()
}

/// What is between the host and the registry.
fn network() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "36 certificate of an unknown authority",
            setting: || Setting { certificate: Certificate::Untrusted, ..Setting::default() },
            expected: &["untrusted-tls"],
            ..USUAL
        },
        Scenario {
            name: "36 certificate for another name",
            setting: || Setting { certificate: Certificate::WrongName, ..Setting::default() },
            expected: &["untrusted-tls"],
            ..USUAL
        },
        Scenario {
            name: "36 clock behind a valid certificate",
            host: |host| host.site.ghcr().clock(SignedDuration::from_hours(30)),
            words: PUBLIC,
            expected: &["clock-skew"],
            ..USUAL
        },
        Scenario {
            name: "36 answers without GitHub's number",
            host: |host| host.site.ghcr().intercepted(true),
            words: PUBLIC,
            expected: &["untrusted-tls"],
            ..USUAL
        },
        Scenario {
            name: "37 proxy that refuses",
            host: |host| host.set("HTTPS_PROXY", "http://127.0.0.1:9"),
            words: PUBLIC,
            expected: &["proxy"],
            ..USUAL
        },
        Scenario {
            name: "37 proxy that the daemon may not know",
            setting: || Setting { network: Network::None, ..Setting::default() },
            host: |host| {
                let url = host.site.proxy().url();
                host.set("HTTPS_PROXY", url);
            },
            words: PUBLIC,
            expected: &["proxy"],
            ..USUAL
        },
        Scenario {
            name: "37 layers blocked",
            host: |host| host.site.ghcr().fail("/ghcr1/", Failing::HangUp),
            words: PUBLIC,
            expected: &["storage-blocked"],
            ..USUAL
        },
        Scenario {
            name: "38 host without IPv4",
            setting: || Setting { network: Network::Ipv6WithoutNames, ..Setting::default() },
            words: PUBLIC,
            expected: &["ipv6-only"],
            ..USUAL
        },
        Scenario {
            name: "no network",
            setting: || Setting { network: Network::None, ..Setting::default() },
            words: PUBLIC,
            expected: &["unreachable"],
            ..USUAL
        },
        Scenario {
            name: "a name without an address",
            words: &["registry.invalid/midokura/app:v1"],
            expected: &["no-address"],
            ..USUAL
        },
    ]
}

/// The registry itself.
fn registry() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "39 rate limit",
            host: |host| host.site.ghcr().fail("/v2/midokura", Failing::RateLimited),
            words: PUBLIC,
            expected: &["rate-limit"],
            ..USUAL
        },
        Scenario {
            name: "40 outage",
            host: |host| host.site.ghcr().fail("/", Failing::Status(503)),
            words: PUBLIC,
            expected: &["outage"],
            ..USUAL
        },
        Scenario {
            name: "41 lockout",
            host: |host| {
                let token = host.good();
                host.site.ghcr().lock_out("octocat");
                host.docker(&[("ghcr.io", &token)]);
            },
            expected: &["lockout"],
            ..USUAL
        },
        Scenario {
            name: "a sign-in page",
            host: |host| host.site.ghcr().fail("/", Failing::Html),
            words: PUBLIC,
            expected: &["not-a-registry"],
            ..USUAL
        },
        Scenario {
            name: "a foreign token service",
            host: |host| host.site.ghcr().fail("/v2/", Failing::ForeignRealm("https://evil.example".to_owned())),
            words: PUBLIC,
            expected: &["foreign-realm"],
            ..USUAL
        },
        Scenario {
            name: "a redirect in circles",
            host: |host| host.site.ghcr().fail("/v2/midokura", Failing::RedirectLoop),
            words: PUBLIC,
            expected: &["bad-answer"],
            ..USUAL
        },
        Scenario {
            name: "another manifest than its digest says",
            host: |host| host.site.ghcr().fail("/v2/midokura/public/manifests", Failing::WrongDigest),
            words: PUBLIC,
            expected: &["bad-answer"],
            ..USUAL
        },
        Scenario {
            name: "an image for another platform",
            ghcr: |ghcr| {
                let image = pullpass_oci::Image::with_file("s390x", "hello", b"hello");
                ghcr.package("midokura/big", Visibility::Public, &[]).index("v1", &[("s390x", &image)])
            },
            words: &["ghcr.io/midokura/big:v1"],
            expected: &["no-platform"],
            ..USUAL
        },
    ]
}
