//! Hosts whose stores or engines are what is wrong.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use pullpass_testing::engines::podman::Podman;
use pullpass_testing::ghcr::Token;
use pullpass_testing::run::{run, run_with_input};
use serde_json::json;

use super::super::scenario::{IMAGE, Scenario, USUAL, file};

const PUBLIC: &[&str] = &["ghcr.io/midokura/public:v1"];
const DOCKER: &[&str] = &[IMAGE, "--docker"];
const PODMAN: &[&str] = &[IMAGE, "--podman"];

/// All of them.
pub(super) fn rows() -> Vec<Scenario> {
    [store(), host()].concat()
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
                host.set("DOCKER_AUTH_CONFIG", file(&[("ghcr.io", &dead)]));
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
