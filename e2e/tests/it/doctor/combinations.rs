//! Hosts on which two or three things are wrong: all of them are found, what blocks first.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::SignedDuration;
use pullpass_testing::ghcr::{Failing, Policy, Token, Visibility};
use serde_json::json;

use super::scenario::{Host, IMAGE, Scenario, USUAL, file, in_days};
use crate::sample;
use crate::site::{Certificate, Network, Setting};

const PUBLIC: &[&str] = &["ghcr.io/midokura/public:v1"];
const MISSING: &[&str] = &["ghcr.io/midokura/app:v2"];
const NOTHING: &[&str] = &["ghcr.io/midokura/nothing:v1"];
const PUSH: &[&str] = &[IMAGE, "--push"];
const DOCKER: &[&str] = &[IMAGE, "--docker"];
const PODMAN: &[&str] = &[IMAGE, "--podman"];

/// Lets others read Docker's file.
fn open(host: &Host<'_>) {
    let path = host.home.path().join(".docker/config.json");
    set_permissions(path, Permissions::from_mode(0o644)).expect("own file");
}

/// Docker's file with a login, and a helper before it.
fn with_helper(host: &Host<'_>, token: &str, helper: &str) {
    let auth = STANDARD.encode(format!("octocat:{token}"));
    let text = json!({"auths": {"ghcr.io": {"auth": auth}}, "credsStore": helper});
    host.home.write(".docker/config.json", text.to_string());
}

pub(super) fn rows() -> Vec<Scenario> {
    [logins(), stores(), rights(), ways()].concat()
}

/// Two engines, two logins.
fn logins() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "dead for Docker, cut off for Podman",
            host: |host| {
                let (dead, good) = (host.dead(), host.good());
                host.docker(&[("ghcr.io", &dead)]);
                host.podman(&[("ghcr.io", &good[..25])]);
            },
            expected: &["mangled-token", "dead-login"],
            ..USUAL
        },
        Scenario {
            name: "dead for Docker, fine-grained for Podman",
            host: |host| {
                let (dead, fine) = (host.dead(), host.token("octocat", Token::fine_grained()));
                host.docker(&[("ghcr.io", &dead)]);
                host.podman(&[("ghcr.io", &fine)]);
            },
            expected: &["fine-grained-token", "dead-login"],
            ..USUAL
        },
        Scenario {
            name: "dead for Docker on a public image, password for Podman",
            host: |host| {
                let (dead, password) = (host.dead(), host.secret("hunter and two".to_owned()));
                host.docker(&[("ghcr.io", &dead)]);
                host.podman(&[("ghcr.io", &password)]);
            },
            words: PUBLIC,
            expected: &["account-password", "dead-login-on-public"],
            ..USUAL
        },
        Scenario {
            name: "no login for Docker, dead for Podman",
            host: |host| {
                let dead = host.dead();
                host.podman(&[("ghcr.io", &dead)]);
            },
            expected: &["dead-login", "no-login"],
            ..USUAL
        },
        Scenario {
            name: "no scope for Docker, dead for Podman",
            host: |host| {
                let (dead, bare) = (host.dead(), host.token("octocat", Token::classic(&["repo"])));
                host.docker(&[("ghcr.io", &bare)]);
                host.podman(&[("ghcr.io", &dead)]);
            },
            expected: &["dead-login", "no-read-scope"],
            ..USUAL
        },
        Scenario {
            name: "installation token for Docker, password for Podman",
            host: |host| {
                let (app, password) =
                    (host.token("midokura", Token::installation()), host.secret("hunter and three".to_owned()));
                host.docker(&[("ghcr.io", &app)]);
                host.podman(&[("ghcr.io", &password)]);
            },
            expected: &["account-password", "installation-token/workflow-token"],
            ..USUAL
        },
        Scenario {
            name: "two dead tokens",
            host: |host| {
                let (one, other) = (host.dead(), host.dead());
                host.docker(&[("ghcr.io", &one)]);
                host.podman(&[("ghcr.io", &other)]);
            },
            expected: &["dead-login", "dead-login"],
            ..USUAL
        },
        Scenario {
            name: "a dead token, and a file that others can read",
            host: |host| {
                let dead = host.dead();
                host.docker(&[("ghcr.io", &dead)]);
                open(host);
            },
            expected: &["dead-login", "readable-by-others"],
            ..USUAL
        },
        Scenario {
            name: "a dead token, and a login for a look-alike",
            host: |host| {
                let dead = host.dead();
                host.docker(&[("ghcr.io", &dead), ("gchr.io", &dead)]);
            },
            expected: &["dead-login", "look-alike-host"],
            ..USUAL
        },
        Scenario {
            name: "a token that ends soon, in a file that others can read",
            host: |host| {
                let token = host.token("octocat", Token::classic(&["read:packages"]).expires(in_days(2)));
                host.docker(&[("ghcr.io", &token)]);
                open(host);
            },
            expected: &["expires-soon", "readable-by-others"],
            ..USUAL
        },
    ]
}

/// Stores that are in each other's way.
fn stores() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "stale helper for Docker, dead file for Podman",
            host: |host| {
                let (stale, good, dead) = (host.dead(), host.good(), host.dead());
                host.helper_with("box", &stale);
                with_helper(host, &good, "box");
                host.podman(&[("ghcr.io", &dead)]);
            },
            expected: &["shadowed-login", "helper-shadows"],
            ..USUAL
        },
        Scenario {
            name: "missing helper for Docker, dead login for Podman",
            host: |host| {
                host.home.write(".docker/config.json", r#"{"auths":{"ghcr.io":{}},"credsStore":"missing"}"#);
                let dead = host.dead();
                host.podman(&[("ghcr.io", &dead)]);
            },
            expected: &["helper-broken", "dead-login"],
            ..USUAL
        },
        Scenario {
            name: "raw token for Docker, dead login for Podman",
            host: |host| {
                let (good, dead) = (host.good(), host.dead());
                host.home.write(".docker/config.json", json!({"auths": {"ghcr.io": {"auth": good}}}).to_string());
                host.podman(&[("ghcr.io", &dead)]);
            },
            expected: &["raw-token-in-auth", "dead-login"],
            ..USUAL
        },
        Scenario {
            name: "malformed file for Docker, dead login for Podman",
            host: |host| {
                host.home.write(".docker/config.json", "{\"auths\": {");
                let dead = host.dead();
                host.podman(&[("ghcr.io", &dead)]);
            },
            expected: &["broken-store", "dead-login"],
            ..USUAL
        },
        Scenario {
            name: "a variable before a good file, which others can read",
            host: |host| {
                let (dead, good) = (host.dead(), host.good());
                host.docker(&[("ghcr.io", &good)]);
                open(host);
                host.set("DOCKER_AUTH_CONFIG", file(&[("ghcr.io", &dead)]));
            },
            words: DOCKER,
            expected: &["shadowed-login", "readable-by-others"],
            ..USUAL
        },
        Scenario {
            name: "Docker Hub for Docker, another owner's key for Podman",
            host: |host| {
                let good = host.good();
                host.docker(&[("https://index.docker.io/v1/", &good)]);
                host.podman(&[("ghcr.io/octocat", &good)]);
            },
            expected: &["login-at-docker-hub", "key-spelling"],
            ..USUAL
        },
        Scenario {
            name: "Docker's dead login also for Podman, with a look-alike",
            host: |host| {
                let dead = host.dead();
                host.docker(&[("ghcr.io", &dead), ("ghrc.io", &dead)]);
                host.podman(&[]);
            },
            words: PODMAN,
            expected: &["dockers-dead-login", "look-alike-host"],
            ..USUAL
        },
        Scenario {
            name: "snap for Docker, dead login for Podman",
            host: |host| {
                let (good, dead) = (host.good(), host.dead());
                host.docker(&[("ghcr.io", &good)]);
                host.home.write("snap/docker/current/.docker/config.json", "{}");
                host.podman(&[("ghcr.io", &dead)]);
            },
            expected: &["shadowed-login", "snap-docker"],
            ..USUAL
        },
    ]
}

/// Rights that are missing beside something else.
fn rights() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "single sign-on, and a token that ends soon elsewhere",
            ghcr: |ghcr| ghcr.policy("midokura", Policy::SingleSignOn),
            host: |host| {
                let token = host.good();
                host.docker(&[("ghcr.io", &token)]);
                open(host);
            },
            expected: &["sso", "readable-by-others"],
            ..USUAL
        },
        Scenario {
            name: "single sign-on for Docker, dead for Podman",
            ghcr: |ghcr| ghcr.policy("midokura", Policy::SingleSignOn),
            host: |host| {
                let (token, dead) = (host.good(), host.dead());
                host.docker(&[("ghcr.io", &token)]);
                host.podman(&[("ghcr.io", &dead)]);
            },
            expected: &["dead-login", "sso"],
            ..USUAL
        },
        Scenario {
            name: "classic forbidden for Docker, app not approved for Podman",
            ghcr: |ghcr| ghcr.policy("midokura", Policy::NoClassicTokens).policy("midokura", Policy::ApprovedAppsOnly),
            host: |host| {
                let (classic, oauth) = (host.good(), host.token("octocat", Token::oauth(&["read:packages"])));
                host.docker(&[("ghcr.io", &classic)]);
                host.podman(&[("ghcr.io", &oauth)]);
            },
            expected: &["token-policy", "oauth-app-not-approved"],
            ..USUAL
        },
        Scenario {
            name: "address not allowed for Docker, no login for Podman",
            ghcr: |ghcr| ghcr.policy("midokura", Policy::IpAllowList),
            host: |host| {
                let good = host.good();
                host.helper_with("box", &good);
                host.home.write(".docker/config.json", r#"{"auths":{"ghcr.io":{}},"credsStore":"box"}"#);
            },
            expected: &["helper-shadows", "ip-allow-list"],
            ..USUAL
        },
        Scenario {
            name: "no such tag for Docker, dead for Podman",
            host: |host| {
                let (good, dead) = (host.good(), host.dead());
                host.docker(&[("ghcr.io", &good)]);
                host.podman(&[("ghcr.io", &dead)]);
            },
            words: MISSING,
            expected: &["dead-login", "no-such-tag"],
            ..USUAL
        },
        Scenario {
            name: "no such package, and a dead login",
            host: |host| {
                let (good, dead) = (host.good(), host.dead());
                host.docker(&[("ghcr.io", &good)]);
                host.podman(&[("ghcr.io", &dead)]);
            },
            words: NOTHING,
            expected: &["dead-login", "no-such-package"],
            ..USUAL
        },
        Scenario {
            name: "no scope to push, and a file that others can read",
            ghcr: |ghcr| ghcr.writer("octocat"),
            host: |host| {
                let token = host.good();
                host.docker(&[("ghcr.io", &token)]);
                open(host);
            },
            words: PUSH,
            expected: &["no-write-scope", "readable-by-others"],
            ..USUAL
        },
        Scenario {
            name: "the wrong account for Docker, no scope for Podman",
            host: |host| {
                let other = host.token("hubot", Token::classic(&["read:packages"]));
                let bare = host.token("octocat", Token::classic(&["gist"]));
                host.docker(&[("ghcr.io", &other)]);
                host.podman(&[("ghcr.io", &bare)]);
            },
            expected: &["no-read-scope", "no-role/sso"],
            ..USUAL
        },
        Scenario {
            name: "a fresh token for Docker, a refresh token for Podman",
            host: |host| {
                let fresh = Token::classic(&["read:packages"]).active_after(std::time::Duration::from_secs(600));
                let fresh = host.token("octocat", fresh);
                let refresh = host.good().replacen("ghp_", "ghr_", 1);
                let refresh = host.secret(refresh);
                host.docker(&[("ghcr.io", &fresh)]);
                host.podman(&[("ghcr.io", &refresh)]);
            },
            expected: &["wrong-kind", "not-active-yet/lockout"],
            ..USUAL
        },
    ]
}

/// The way to the registry, beside something else.
fn ways() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "a clock that is wrong, and a dead login",
            host: |host| {
                host.site.ghcr().clock(SignedDuration::from_hours(2));
                let dead = host.dead();
                host.docker(&[("ghcr.io", &dead)]);
            },
            expected: &["dead-login", "clock-skew"],
            ..USUAL
        },
        Scenario {
            name: "layers blocked for Docker, dead login for Podman",
            host: |host| {
                host.site.ghcr().fail("/ghcr1/", Failing::HangUp);
                let (good, dead) = (host.good(), host.dead());
                host.docker(&[("ghcr.io", &good)]);
                host.podman(&[("ghcr.io", &dead)]);
            },
            expected: &["shadowed-login", "storage-blocked"],
            ..USUAL
        },
        Scenario {
            name: "untrusted certificate, cut-off token",
            setting: || Setting { certificate: Certificate::Untrusted, ..Setting::default() },
            host: |host| {
                let token = host.good();
                host.docker(&[("ghcr.io", &token[..20])]);
            },
            expected: &["untrusted-tls", "mangled-token"],
            ..USUAL
        },
        Scenario {
            name: "no network, fine-grained token, open file",
            setting: || Setting { network: Network::None, ..Setting::default() },
            host: |host| {
                let token = host.token("octocat", Token::fine_grained());
                host.docker(&[("ghcr.io", &token)]);
                open(host);
            },
            expected: &["unreachable", "fine-grained-token", "readable-by-others"],
            ..USUAL
        },
        Scenario {
            name: "outage, missing helper",
            host: |host| {
                host.site.ghcr().fail("/", Failing::Status(502));
                host.home.write(".docker/config.json", r#"{"auths":{"ghcr.io":{}},"credsStore":"missing"}"#);
            },
            words: DOCKER,
            expected: &["outage", "helper-broken"],
            ..USUAL
        },
        Scenario {
            name: "no IPv4, look-alike login",
            setting: || Setting { network: Network::Ipv6WithoutNames, ..Setting::default() },
            host: |host| {
                let token = host.good();
                host.docker(&[("ghrc.io", &token)]);
            },
            words: PUBLIC,
            expected: &["ipv6-only", "look-alike-host"],
            ..USUAL
        },
        Scenario {
            name: "proxy the daemon may not know, and a dead login",
            setting: || Setting { network: Network::None, ..Setting::default() },
            host: |host| {
                let url = host.site.proxy().url();
                host.set("HTTPS_PROXY", url);
                let dead = host.dead();
                host.docker(&[("ghcr.io", &dead)]);
            },
            words: PUBLIC,
            expected: &["dead-login-on-public", "proxy"],
            ..USUAL
        },
        Scenario {
            name: "another platform, dead login for Podman",
            ghcr: |ghcr| {
                let image = pullpass_oci::Image::with_file("s390x", "hello", b"hello");
                ghcr.package("midokura/big", Visibility::Public, &[]).index("v1", &[("s390x", &image)])
            },
            host: |host| {
                let dead = host.dead();
                host.podman(&[("ghcr.io", &dead)]);
            },
            words: &["ghcr.io/midokura/big:v1"],
            expected: &["dead-login-on-public", "no-platform"],
            ..USUAL
        },
        Scenario {
            name: "lockout, and a file that others can read",
            host: |host| {
                let token = host.good();
                host.site.ghcr().lock_out("octocat");
                host.docker(&[("ghcr.io", &token)]);
                open(host);
            },
            expected: &["lockout", "readable-by-others"],
            ..USUAL
        },
        Scenario {
            name: "a role is missing, the token ends soon, and others can read it",
            ghcr: |ghcr| ghcr.package("octocat/own", Visibility::Private, &["octocat"]).image("v1", &sample::image()),
            host: |host| {
                let token = host.token("hubot", Token::classic(&["read:packages"]).expires(in_days(3)));
                host.docker(&[("ghcr.io", &token)]);
                open(host);
            },
            words: &["ghcr.io/octocat/own:v1"],
            expected: &["no-role", "expires-soon", "readable-by-others"],
            ..USUAL
        },
    ]
}
