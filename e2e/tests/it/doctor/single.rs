//! Hosts on which one thing is wrong: every cause of the catalogue that can be simulated.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::SignedDuration;
use pullpass_testing::engines::podman::Podman;
use pullpass_testing::ghcr::{Failing, Policy, Switches, Token, Visibility};
use pullpass_testing::run::{run, run_with_input};
use serde_json::json;

use super::scenario::{IMAGE, Scenario, USUAL, dead_login, good_login, in_days};
use crate::sample;
use crate::site::{Certificate, Network, Setting};

const PUBLIC: &[&str] = &["ghcr.io/midokura/public:v1"];
const PUSH: &[&str] = &[IMAGE, "--push"];
const DOCKER: &[&str] = &[IMAGE, "--docker"];
const PODMAN: &[&str] = &[IMAGE, "--podman"];

pub(super) fn rows() -> Vec<Scenario> {
    [login(), token(), organization(), store(), host(), network(), registry()].concat()
}

/// Logins that are dead, missing or elsewhere.
fn login() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "1 dead token, public image",
            host: dead_login,
            words: PUBLIC,
            expected: &["dead-login-on-public"],
            ..USUAL
        },
        Scenario { name: "2 dead token, private image", host: dead_login, expected: &["dead-login"], ..USUAL },
        Scenario {
            name: "2 expired token, private image",
            host: |host| {
                let token = host.token("octocat", Token::classic(&["read:packages"]).expired());
                host.podman(&[("ghcr.io", &token)]);
            },
            words: PODMAN,
            expected: &["dead-login"],
            ..USUAL
        },
        Scenario { name: "3 never logged in", expected: &["no-login"], ..USUAL },
        Scenario {
            name: "4 no such package, no login",
            words: &["ghcr.io/midokura/nothing:v1"],
            expected: &["no-such-package"],
            ..USUAL
        },
        Scenario {
            name: "4 no such package, with a login",
            host: good_login,
            words: &["ghcr.io/midokura/nothing:v1"],
            expected: &["no-such-package"],
            ..USUAL
        },
        Scenario {
            name: "4 no such owner",
            host: good_login,
            words: &["ghcr.io/midokuro/app:v1"],
            expected: &["no-such-package"],
            ..USUAL
        },
        Scenario {
            name: "5 no such tag",
            host: good_login,
            words: &["ghcr.io/midokura/app:v2"],
            expected: &["no-such-tag"],
            ..USUAL
        },
        Scenario {
            name: "6 no read role, a person's package",
            ghcr: |ghcr| ghcr.package("octocat/own", Visibility::Private, &["octocat"]).image("v1", &sample::image()),
            host: |host| {
                let token = host.token("hubot", Token::classic(&["read:packages"]));
                host.docker(&[("ghcr.io", &token)]);
            },
            words: &["ghcr.io/octocat/own:v1"],
            expected: &["no-role"],
            ..USUAL
        },
        Scenario {
            name: "6 no read role, an organization's package",
            host: |host| {
                let token = host.token("hubot", Token::classic(&["read:packages"]));
                host.docker(&[("ghcr.io", &token)]);
            },
            expected: &["no-role/sso"],
            ..USUAL
        },
    ]
}

/// Tokens of the wrong kind, or with the wrong rights.
fn token() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "7 no scope read:packages",
            host: |host| {
                let token = host.token("octocat", Token::classic(&["repo"]));
                host.docker(&[("ghcr.io", &token)]);
            },
            expected: &["no-read-scope"],
            ..USUAL
        },
        Scenario {
            name: "8 no scope write:packages, push",
            ghcr: |ghcr| ghcr.writer("octocat"),
            host: good_login,
            words: PUSH,
            expected: &["no-write-scope"],
            ..USUAL
        },
        Scenario {
            name: "9 fine-grained token",
            host: |host| {
                let token = host.token("octocat", Token::fine_grained());
                host.docker(&[("ghcr.io", &token)]);
            },
            expected: &["fine-grained-token"],
            ..USUAL
        },
        Scenario {
            name: "10 installation token of an app",
            host: |host| {
                let token = host.token("midokura", Token::installation());
                host.docker(&[("ghcr.io", &token)]);
            },
            expected: &["installation-token/workflow-token"],
            ..USUAL
        },
        Scenario {
            name: "11 workflow token of another repository",
            host: |host| {
                let token = host.token("midokura", Token::workflow("midokura/other"));
                host.docker(&[("ghcr.io", &token)]);
            },
            expected: &["installation-token/workflow-token"],
            ..USUAL
        },
        Scenario {
            name: "11 workflow token after its job",
            host: |host| {
                let token = host.token("midokura", Token::workflow("midokura/app"));
                host.site.ghcr().revoke(&token);
                host.docker(&[("ghcr.io", &token)]);
            },
            expected: &["workflow-token/installation-token"],
            ..USUAL
        },
        Scenario {
            name: "16 push to a package without a write role",
            host: |host| {
                let token = host.token("octocat", Token::classic(&["write:packages"]));
                host.docker(&[("ghcr.io", &token)]);
            },
            words: PUSH,
            expected: &["package-not-linked"],
            ..USUAL
        },
        Scenario {
            name: "17 organization lets nobody create packages",
            ghcr: |ghcr| ghcr.policy("midokura", Policy::NoPackageCreation),
            host: |host| {
                let token = host.token("octocat", Token::classic(&["write:packages"]));
                host.docker(&[("ghcr.io", &token)]);
            },
            words: &["ghcr.io/midokura/new:v1", "--push"],
            expected: &["no-such-package", "creation-disabled"],
            ..USUAL
        },
        Scenario {
            name: "18 password of an account",
            host: |host| {
                let password = host.secret("correct horse battery".to_owned());
                host.docker(&[("ghcr.io", &password)]);
            },
            expected: &["account-password"],
            ..USUAL
        },
        Scenario {
            name: "19 token cut off",
            host: |host| {
                let token = host.good();
                host.docker(&[("ghcr.io", &token[..30])]);
            },
            expected: &["mangled-token"],
            ..USUAL
        },
        Scenario {
            name: "19 token with a line break behind it",
            host: |host| {
                let token = host.good();
                host.docker(&[("ghcr.io", &format!("{token}\n"))]);
            },
            expected: &["mangled-token"],
            ..USUAL
        },
        Scenario {
            name: "19 token with a mistyped letter",
            host: |host| {
                let token = host.good();
                let swapped = if token.ends_with('0') { '1' } else { '0' };
                host.docker(&[("ghcr.io", &format!("{}{swapped}", &token[..token.len() - 1]))]);
            },
            expected: &["mangled-token"],
            ..USUAL
        },
        Scenario {
            name: "a refresh token",
            host: |host| {
                let token = host.good().replacen("ghp_", "ghr_", 1);
                let token = host.secret(token);
                host.docker(&[("ghcr.io", &token)]);
            },
            expected: &["wrong-kind"],
            ..USUAL
        },
        Scenario {
            name: "a token that ends in three days",
            host: |host| {
                let token = host.token("octocat", Token::classic(&["read:packages"]).expires(in_days(3)));
                host.docker(&[("ghcr.io", &token)]);
            },
            expected: &["expires-soon"],
            ..USUAL
        },
        Scenario {
            name: "a token that is seconds old",
            host: |host| {
                let fresh = Token::classic(&["read:packages"]).active_after(std::time::Duration::from_secs(600));
                let token = host.token("octocat", fresh);
                host.docker(&[("ghcr.io", &token)]);
            },
            expected: &["not-active-yet/lockout"],
            ..USUAL
        },
    ]
}

/// What organizations decide.
fn organization() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "12 single sign-on",
            ghcr: |ghcr| ghcr.policy("midokura", Policy::SingleSignOn),
            host: good_login,
            expected: &["sso"],
            ..USUAL
        },
        Scenario {
            name: "12 single sign-on, where GitHub hides what it protects",
            ghcr: |ghcr| {
                let switches = Switches { policies_hide: true, ..Switches::default() };
                ghcr.policy("midokura", Policy::SingleSignOn).switches(switches)
            },
            host: good_login,
            expected: &["no-role/sso"],
            ..USUAL
        },
        Scenario {
            name: "12 single sign-on, where GitHub hides it and says so",
            ghcr: |ghcr| {
                let switches = Switches { policies_hide: true, user_names_single_sign_on: true, ..Switches::default() };
                ghcr.policy("midokura", Policy::SingleSignOn).switches(switches)
            },
            host: good_login,
            expected: &["sso"],
            ..USUAL
        },
        Scenario {
            name: "14 OAuth app not approved, where GitHub hides it",
            ghcr: |ghcr| {
                let switches = Switches { policies_hide: true, ..Switches::default() };
                ghcr.policy("midokura", Policy::ApprovedAppsOnly).switches(switches)
            },
            host: |host| {
                let token = host.token("octocat", Token::oauth(&["read:packages"]));
                host.docker(&[("ghcr.io", &token)]);
            },
            expected: &["no-role/oauth-app-not-approved/sso"],
            ..USUAL
        },
        Scenario {
            name: "13 organization forbids classic tokens",
            ghcr: |ghcr| ghcr.policy("midokura", Policy::NoClassicTokens),
            host: good_login,
            expected: &["token-policy"],
            ..USUAL
        },
        Scenario {
            name: "13 enterprise forbids long lives",
            ghcr: |ghcr| {
                ghcr.policy("midokura", Policy::MaximumLifetime { enterprise: "Midokura".to_owned(), days: 365 })
            },
            host: good_login,
            expected: &["token-policy"],
            ..USUAL
        },
        Scenario {
            name: "14 OAuth app not approved",
            ghcr: |ghcr| ghcr.policy("midokura", Policy::ApprovedAppsOnly),
            host: |host| {
                let token = host.token("octocat", Token::oauth(&["read:packages"]));
                host.docker(&[("ghcr.io", &token)]);
            },
            expected: &["oauth-app-not-approved"],
            ..USUAL
        },
        Scenario {
            name: "15 IP allow list",
            ghcr: |ghcr| ghcr.policy("midokura", Policy::IpAllowList),
            host: good_login,
            expected: &["ip-allow-list"],
            ..USUAL
        },
    ]
}

/// What is in the stores, and how.
fn store() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "20 auth is the bare token",
            host: |host| {
                let token = host.good();
                host.home.write(".docker/config.json", json!({"auths": {"ghcr.io": {"auth": token}}}).to_string());
            },
            expected: &["raw-token-in-auth"],
            ..USUAL
        },
        Scenario {
            name: "21 logged in to Docker Hub",
            host: |host| {
                let token = host.good();
                host.docker(&[("https://index.docker.io/v1/", &token)]);
            },
            expected: &["login-at-docker-hub"],
            ..USUAL
        },
        Scenario {
            name: "22 key of another owner",
            host: |host| {
                let token = host.good();
                host.persistent(&[("ghcr.io/octocat", &token)]);
            },
            words: PODMAN,
            expected: &["key-spelling"],
            ..USUAL
        },
        Scenario {
            name: "22 key in capitals with a port",
            host: |host| {
                let token = host.good();
                host.persistent(&[("GHCR.io:443", &token)]);
            },
            words: PODMAN,
            expected: &["key-spelling"],
            ..USUAL
        },
        Scenario {
            name: "22 helper under a key that is not asked",
            host: |host| {
                let token = host.good();
                host.helper_with("box", &token);
                host.home.write(".docker/config.json", r#"{"credHelpers":{"https://ghcr.io":"box"}}"#);
            },
            words: DOCKER,
            expected: &["key-spelling"],
            ..USUAL
        },
        Scenario {
            name: "23 two accounts, the wrong one for Docker",
            host: |host| {
                let (good, other) = (host.good(), host.token("hubot", Token::classic(&["read:packages"])));
                host.docker(&[("ghcr.io", &other)]);
                host.persistent(&[("ghcr.io/midokura", &good)]);
            },
            expected: &["two-identities"],
            ..USUAL
        },
        Scenario {
            name: "24 stale helper before a good file",
            host: |host| {
                let (dead, good) = (host.dead(), host.good());
                host.helper_with("box", &dead);
                let auth = STANDARD.encode(format!("octocat:{good}"));
                let file = json!({"auths": {"ghcr.io": {"auth": auth}}, "credsStore": "box"});
                host.home.write(".docker/config.json", file.to_string());
            },
            words: DOCKER,
            expected: &["helper-shadows"],
            ..USUAL
        },
        Scenario {
            name: "24 empty helper before a good file",
            host: |host| {
                let good = host.good();
                host.helper("box", "cat >/dev/null; case $1 in list) echo '{}';; *) echo credentials not found in native keychain; exit 1;; esac");
                let auth = STANDARD.encode(format!("octocat:{good}"));
                let file = json!({"auths": {"ghcr.io": {"auth": auth}}, "credsStore": "box"});
                host.home.write(".docker/config.json", file.to_string());
            },
            words: DOCKER,
            expected: &["helper-shadows"],
            ..USUAL
        },
        Scenario {
            name: "25 helper missing",
            host: |host| {
                host.home.write(".docker/config.json", r#"{"auths":{"ghcr.io":{}},"credsStore":"missing"}"#);
            },
            words: DOCKER,
            expected: &["helper-broken"],
            ..USUAL
        },
        Scenario {
            name: "25 helper fails",
            host: |host| {
                host.helper("box", "cat >/dev/null; echo 'The name org.freedesktop.secrets was not provided'; exit 1");
                host.home.write(".docker/config.json", r#"{"auths":{"ghcr.io":{}},"credsStore":"box"}"#);
            },
            words: DOCKER,
            expected: &["helper-broken"],
            ..USUAL
        },
        Scenario {
            name: "a malformed file",
            host: |host| {
                host.home.write(".docker/config.json", "{\"auths\": {");
            },
            words: DOCKER,
            expected: &["broken-store"],
            ..USUAL
        },
        Scenario {
            name: "a file that others can read",
            host: |host| {
                let token = host.good();
                host.docker(&[("ghcr.io", &token)]);
                let path = host.home.path().join(".docker/config.json");
                let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
                std::fs::set_permissions(path, open).expect("own file");
            },
            expected: &["readable-by-others"],
            ..USUAL
        },
        Scenario {
            name: "34 login for a look-alike host",
            host: |host| {
                let token = host.good();
                host.docker(&[("ghcr.io", &token), ("ghrc.io", &token)]);
            },
            expected: &["look-alike-host"],
            ..USUAL
        },
        Scenario {
            name: "35 login for GitHub's old registry",
            host: |host| {
                let token = host.good();
                host.docker(&[("docker.pkg.github.com", &token)]);
            },
            expected: &["legacy-host"],
            ..USUAL
        },
        Scenario {
            name: "43 a variable before the rotated file",
            host: |host| {
                let (dead, good) = (host.dead(), host.good());
                host.docker(&[("ghcr.io", &good)]);
                host.set("DOCKER_AUTH_CONFIG", super::scenario::file(&[("ghcr.io", &dead)]));
            },
            words: DOCKER,
            expected: &["shadowed-login"],
            ..USUAL
        },
        Scenario {
            name: "43 the runtime file before the rotated one",
            host: |host| {
                let (dead, good) = (host.dead(), host.good());
                host.podman(&[("ghcr.io", &dead)]);
                host.persistent(&[("ghcr.io", &good)]);
            },
            words: PODMAN,
            expected: &["shadowed-login"],
            ..USUAL
        },
    ]
}

/// Users, engines and what else is on the host.
fn host() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "27 Docker as a snap",
            host: |host| {
                let token = host.good();
                host.docker(&[("ghcr.io", &token)]);
                host.home.write("snap/docker/current/.docker/config.json", "{}");
            },
            words: DOCKER,
            expected: &["snap-docker"],
            ..USUAL
        },
        Scenario {
            name: "28 Podman's login gone after a reboot",
            host: |host| {
                let token = host.good();
                let podman = Podman::new(host.home);
                let login = ["login", "-u", "octocat", "--password-stdin", "ghcr.io"];
                run_with_input(podman.podman().args(login), &token).expect_success();
                run(podman.podman().args(["pull", "-q", IMAGE])).expect_success();
                std::fs::remove_dir_all(host.home.runtime_dir().join("containers")).expect("what a reboot empties");
                for (name, path) in podman.environment() {
                    host.set(name, path.display().to_string());
                }
            },
            words: PODMAN,
            expected: &["login-lost-at-reboot"],
            ..USUAL
        },
        Scenario {
            name: "29 Podman falls back to Docker's dead login",
            host: |host| {
                let token = host.dead();
                host.docker(&[("ghcr.io", &token)]);
                host.podman(&[]);
            },
            words: PODMAN,
            expected: &["dockers-dead-login"],
            ..USUAL
        },
        Scenario {
            name: "33 capitals in the name",
            words: &["ghcr.io/Midokura/App:v1"],
            expected: &["upper-case"],
            ..USUAL
        },
        Scenario {
            name: "34 look-alike host",
            words: &["ghrc.io/midokura/app:v1"],
            expected: &["look-alike-host"],
            ..USUAL
        },
        Scenario {
            name: "35 old host",
            words: &["docker.pkg.github.com/midokura/app/app:v1"],
            expected: &["legacy-host"],
            ..USUAL
        },
        Scenario { name: "no reference", words: &["ghcr.io/a b"], expected: &["bad-reference"], ..USUAL },
        Scenario {
            name: "no engine",
            host: |host| {
                // What enters the network is looked for there, too.
                let bin = host.home.side_dir("bin");
                std::os::unix::fs::symlink("/usr/bin/nsenter", bin.join("nsenter")).expect("a link");
                host.set("PATH", bin.display().to_string());
            },
            words: PUBLIC,
            expected: &["no-engine"],
            ..USUAL
        },
    ]
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
