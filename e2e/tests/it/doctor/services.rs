//! Hosts on which something else than a person pulls: units, quadlets, watchers, Kubernetes.

use std::time::{Duration, Instant};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use pullpass_testing::ghcr::{Ghcr, Visibility};
use pullpass_testing::run::{run, run_with_input};
use serde_json::json;

use super::scenario::{Host, IMAGE, Scenario, USUAL, file};
use crate::program::{program, pullpass};
use crate::sample;
use crate::site::Site;

/// A person who calls `sudo`.
const ALICE: u32 = 47_001;

const PUBLIC: &[&str] = &["ghcr.io/midokura/public:v1"];

impl Host<'_> {
    /// A file of the host's own, with its directories.
    fn system(&self, path: &str, contents: &str) {
        // Only what is below /etc is not the machine's own.
        let script = r#"
            case "$1" in
                /etc/*) top= ;;
                /var/lib/*) top=/var/lib ;;
                *) top=/$(echo "$1" | cut -d/ -f2) ;;
            esac
            [ -z "$top" ] || mountpoint -q "$top" || mount -t tmpfs tmpfs "$top"
            mkdir -p "$(dirname "$1")" && printf '%s' "$2" > "$1" && chmod 600 "$1""#;
        run(self.home.command("sh").args(["-c", script, "file", path, contents])).expect_success();
    }

    /// A home of root's that is not the one of whoever runs this, as with `sudo`.
    fn roots_home(&self) -> String {
        let home = self.home.side_dir("root").display().to_string();
        self.system("/etc/passwd", &format!("root:x:0:0::{home}:/bin/sh\n"));
        home
    }

    /// One in which root pulls the image, where the person has a login.
    fn quadlet(&mut self, lines: &str) {
        self.person();
        self.roots_home();
        self.system("/etc/containers/systemd/app.container", &format!("[Container]\nImage={IMAGE}\n{lines}\n"));
    }

    /// A login for both engines.
    fn person(&mut self) {
        let token = self.good();
        self.docker(&[("ghcr.io", &token)]);
        self.persistent(&[("ghcr.io", &token)]);
    }

    /// Another user, who calls this with `sudo`.
    fn alice(&mut self) {
        let users = format!(
            "root:x:0:0::{}:/bin/sh\nalice:x:{ALICE}:{ALICE}::/home/alice:/bin/sh\n",
            self.home.path().display()
        );
        self.system("/etc/passwd", &users);
        self.system("/home/alice/.config/containers/policy.json", "{}");
        self.set("SUDO_USER", "alice");
    }

    /// A file in her home.
    fn alices(&self, path: &str, contents: &str) {
        self.system(&format!("/home/alice/{path}"), contents);
        run(self.home.command("chown").args(["-R", &format!("{ALICE}:{ALICE}"), "/home/alice"])).expect_success();
    }

    /// Whom the kubelet asks for logins.
    fn provider(&self, words: &[&str]) {
        let config = json!({
            "kind": "CredentialProviderConfig", "apiVersion": "kubelet.config.k8s.io/v1",
            "providers": [{ "name": "app", "matchImages": ["ghcr.io"], "args": words }],
        });
        self.system("/var/lib/rancher/credentialprovider/config.yaml", &config.to_string());
    }

    fn compose(&mut self, watcher: &str) {
        self.person();
        let contents = format!("services:\n  app:\n    image: {IMAGE}\n  watch:\n{watcher}");
        self.home.write("compose.yaml", contents);
    }
}

pub(super) fn rows() -> Vec<Scenario> {
    [quadlets(), units(), watchers(), kubernetes(), sudo()].concat()
}

fn quadlets() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "30 quadlet of root without a login",
            host: |host| host.quadlet(""),
            expected: &["service-without-login"],
            ..USUAL
        },
        Scenario {
            name: "30 quadlet whose file has no login",
            host: |host| host.quadlet("[Service]\nEnvironment=REGISTRY_AUTH_FILE=/etc/containers/auth.json"),
            expected: &["service-without-login"],
            ..USUAL
        },
        Scenario {
            name: "30 quadlet with a dead login of its own",
            host: |host| {
                host.quadlet("[Service]\nEnvironment=REGISTRY_AUTH_FILE=/etc/containers/auth.json");
                let token = host.dead();
                host.system("/etc/containers/auth.json", &file(&[("ghcr.io", &token)]));
            },
            expected: &["service-without-login"],
            ..USUAL
        },
        Scenario {
            name: "healthy: quadlet with a login of its own",
            host: |host| {
                host.quadlet("PodmanArgs=--authfile /etc/containers/auth.json");
                let token = host.good();
                host.system("/etc/containers/auth.json", &file(&[("ghcr.io", &token)]));
            },
            ..USUAL
        },
        Scenario {
            name: "30 automatic updates without the file of the quadlet",
            host: |host| {
                host.quadlet(
                    "AutoUpdate=registry\n[Service]\nEnvironment=REGISTRY_AUTH_FILE=/etc/containers/auth.json",
                );
                let token = host.good();
                host.system("/etc/containers/auth.json", &file(&[("ghcr.io", &token)]));
            },
            expected: &["service-without-login"],
            ..USUAL
        },
        Scenario {
            name: "30 rootless quadlet, login in memory only",
            host: |host| {
                let token = host.good();
                host.docker(&[]);
                host.podman(&[("ghcr.io", &token)]);
                host.home.write(".config/containers/systemd/app.container", format!("[Container]\nImage={IMAGE}\n"));
            },
            words: &[IMAGE, "--podman"],
            expected: &["service-without-login"],
            ..USUAL
        },
        Scenario {
            name: "30 image quadlet with a file of dead logins",
            host: |host| {
                host.person();
                host.roots_home();
                let token = host.dead();
                host.system("/etc/app/auth.json", &file(&[("ghcr.io/midokura", &token)]));
                let unit = format!("[Image]\nImage={IMAGE}\nAuthFile=/etc/app/auth.json\n");
                host.system("/etc/containers/systemd/app/app.image", &unit);
            },
            expected: &["service-without-login"],
            ..USUAL
        },
        Scenario {
            name: "30 kube quadlet without a login",
            host: |host| {
                host.person();
                host.roots_home();
                host.system("/etc/containers/systemd/app.kube", "[Kube]\nYaml=app.yaml\n");
                let pod = format!("kind: Pod\nspec:\n  containers:\n  - name: app\n    image: {IMAGE}\n");
                host.system("/etc/containers/systemd/app.yaml", &pod);
            },
            expected: &["service-without-login"],
            ..USUAL
        },
        Scenario {
            name: "healthy: quadlet of a public image",
            host: |host| {
                host.roots_home();
                host.system("/etc/containers/systemd/app.container", "[Container]\nImage=ghcr.io/midokura/public:v1\n");
            },
            words: PUBLIC,
            ..USUAL
        },
        Scenario {
            name: "healthy: quadlet of another image",
            host: |host| {
                host.person();
                host.roots_home();
                host.system("/etc/containers/systemd/app.container", "[Container]\nImage=ghcr.io/midokura/other:v1\n");
            },
            ..USUAL
        },
    ]
}

fn units() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "30 unit of root without a login",
            host: |host| {
                host.person();
                host.roots_home();
                let unit = format!("[Service]\nExecStart=/usr/bin/docker run --rm {IMAGE}\n");
                host.system("/etc/systemd/system/app.service", &unit);
            },
            expected: &["service-without-login"],
            ..USUAL
        },
        Scenario {
            name: "30 unit with a directory of its own, and a dead login",
            host: |host| {
                host.person();
                host.roots_home();
                let token = host.dead();
                host.system("/etc/app/config.json", &file(&[("ghcr.io", &token)]));
                let unit = format!("[Service]\nExecStart=/bin/sh -c 'docker pull {IMAGE} && true'\n");
                host.system("/etc/systemd/system/app.service", &unit);
                host.system(
                    "/etc/systemd/system/app.service.d/a.conf",
                    "[Service]\nEnvironment=DOCKER_CONFIG=/etc/app\n",
                );
            },
            expected: &["service-without-login"],
            ..USUAL
        },
        Scenario {
            name: "30 dead login of a unit, public image",
            host: |host| {
                host.roots_home();
                let token = host.dead();
                host.system("/etc/app/config.json", &file(&[("ghcr.io", &token)]));
                let unit =
                    "[Service]\nEnvironment=DOCKER_CONFIG=/etc/app\nExecStart=docker pull ghcr.io/midokura/public:v1\n";
                host.system("/etc/systemd/system/app.service", unit);
            },
            words: PUBLIC,
            expected: &["service-without-login"],
            ..USUAL
        },
        Scenario {
            name: "30 unit that starts a Compose file, without a login",
            host: |host| {
                host.person();
                host.roots_home();
                host.system("/opt/app/compose.yaml", &format!("services: {{ app: {{ image: \"{IMAGE}\" }} }}\n"));
                let unit = "[Service]\nWorkingDirectory=/opt/app\nExecStart=/usr/bin/docker compose up\n";
                host.system("/etc/systemd/system/app.service", unit);
            },
            expected: &["service-without-login"],
            ..USUAL
        },
        Scenario {
            name: "healthy: unit that reads the person's files",
            host: |host| {
                host.person();
                let home = host.home.path();
                let unit = format!(
                    "[Service]\nEnvironment=HOME={}\nExecStart=/usr/bin/docker run --rm {IMAGE}\n",
                    home.display()
                );
                host.system("/etc/systemd/system/app.service", &unit);
            },
            ..USUAL
        },
    ]
}

fn watchers() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "31 watcher without a login",
            host: |host| {
                host.compose("    image: containrrr/watchtower:latest\n    volumes:\n    - /var/run/docker.sock:/var/run/docker.sock\n")
            },
            expected: &["watcher-without-login"],
            ..USUAL
        },
        Scenario {
            name: "31 watcher with a dead login in a mounted file",
            host: |host| {
                host.compose("    image: nickfedor/watchtower\n    volumes: [\"./watch.json:/config.json:ro\"]\n");
                let token = host.dead();
                host.home.write("watch.json", file(&[("ghcr.io", &token)]));
            },
            expected: &["watcher-without-login"],
            ..USUAL
        },
        Scenario {
            name: "31 watcher with a dead token in a variable",
            host: |host| {
                let token = host.dead();
                host.compose(&format!(
                    "    image: containrrr/watchtower\n    environment:\n      REPO_USER: octocat\n      REPO_PASS: {token}\n"
                ));
            },
            expected: &["watcher-without-login"],
            ..USUAL
        },
        Scenario {
            name: "healthy: watcher with the person's file",
            host: |host| {
                host.compose(
                    "    image: containrrr/watchtower\n    volumes: [\"~/.docker/config.json:/config.json\"]\n",
                )
            },
            ..USUAL
        },
    ]
}

fn kubernetes() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "32 k3s with a dead login",
            host: |host| {
                host.person();
                let token = host.dead();
                let text =
                    format!("configs:\n  \"ghcr.io\":\n    auth:\n      username: octocat\n      password: {token}\n");
                host.system("/etc/rancher/k3s/registries.yaml", &text);
            },
            expected: &["kubernetes-login"],
            ..USUAL
        },
        Scenario {
            name: "32 rke2 without a login",
            host: |host| {
                host.person();
                host.system(
                    "/etc/rancher/rke2/registries.yaml",
                    "mirrors:\n  ghcr.io:\n    endpoint: [https://ghcr.io]\n",
                );
            },
            expected: &["kubernetes-login"],
            ..USUAL
        },
        Scenario {
            name: "healthy: k3s with a login",
            host: |host| {
                host.person();
                let token = host.good();
                let auth = STANDARD.encode(format!("octocat:{token}"));
                let text = format!("configs:\n  ghcr.io:\n    auth:\n      auth: {auth}\n");
                host.system("/etc/rancher/k3s/registries.yaml", &text);
            },
            ..USUAL
        },
        Scenario {
            name: "32 kubelet with a dead login",
            host: |host| {
                host.person();
                let token = host.dead();
                host.system("/var/lib/kubelet/config.json", &file(&[("ghcr.io", &token)]));
            },
            expected: &["kubernetes-login"],
            ..USUAL
        },
        Scenario {
            name: "32 provider of the kubelet with a dead login",
            host: |host| {
                host.person();
                let token = host.dead();
                host.system("/etc/app/auth.json", &file(&[("ghcr.io", &token)]));
                host.provider(&["kubelet", "--authfile", "/etc/app/auth.json"]);
            },
            expected: &["kubernetes-login"],
            ..USUAL
        },
        Scenario {
            name: "healthy: pod without a secret, provider of somebody's",
            host: |host| {
                host.person();
                host.provider(&["get"]);
                let pod = format!("kind: Pod\nspec:\n  containers:\n  - name: app\n    image: {IMAGE}\n");
                host.system("/etc/kubernetes/manifests/app.yaml", &pod);
            },
            ..USUAL
        },
        Scenario {
            name: "32 pod without a secret",
            host: |host| {
                host.person();
                let pod = format!("kind: Pod\nspec:\n  containers:\n  - name: app\n    image: {IMAGE}\n");
                host.system("/etc/kubernetes/manifests/app.yaml", &pod);
            },
            expected: &["kubernetes-login"],
            ..USUAL
        },
    ]
}

fn sudo() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "26 sudo docker pull, login of the person",
            host: |host| {
                host.alice();
                let token = host.good();
                host.alices(".docker/config.json", &file(&[("ghcr.io", &token)]));
            },
            words: &[IMAGE, "--docker"],
            expected: &["other-user"],
            ..USUAL
        },
        Scenario {
            name: "26 sudo podman pull, login of the person",
            host: |host| {
                host.alice();
                let token = host.good();
                host.alices(".config/containers/auth.json", &file(&[("ghcr.io", &token)]));
            },
            words: &[IMAGE, "--podman"],
            expected: &["other-user"],
            ..USUAL
        },
        Scenario {
            name: "3 sudo, nobody has a login",
            host: |host| {
                host.alice();
                host.alices("nothing", "");
            },
            words: &[IMAGE, "--podman"],
            expected: &["no-login"],
            ..USUAL
        },
        Scenario {
            name: "healthy: sudo, root has a login",
            host: |host| {
                host.alice();
                host.person();
                host.alices("nothing", "");
            },
            ..USUAL
        },
        Scenario {
            name: "30 unit of a user without a login",
            host: |host| {
                host.alice();
                host.person();
                host.alices("nothing", "");
                let unit = format!("[Service]\nUser=alice\nExecStart=/usr/bin/podman run --rm {IMAGE}\n");
                host.system("/etc/systemd/system/app.service", &unit);
            },
            expected: &["service-without-login"],
            ..USUAL
        },
        Scenario {
            name: "30 unit of a user with the dead login of another",
            host: |host| {
                host.alice();
                let token = host.dead();
                host.docker(&[("ghcr.io", &token)]);
                host.alices(".config/containers/auth.json", &file(&[("ghcr.io", &token)]));
                let unit = format!("[Service]\nUser=alice\nExecStart=/usr/bin/podman run --rm {IMAGE}\n");
                host.system("/etc/systemd/system/app.service", &unit);
            },
            words: &[IMAGE, "--docker"],
            expected: &["dead-login", "service-without-login"],
            ..USUAL
        },
        Scenario {
            name: "healthy: unit of a user with a login",
            host: |host| {
                host.alice();
                host.person();
                let token = host.good();
                host.alices(".config/containers/auth.json", &file(&[("ghcr.io", &token)]));
                let unit = format!("[Service]\nUser=alice\nExecStart=/usr/bin/podman run --rm {IMAGE}\n");
                host.system("/etc/systemd/system/app.service", &unit);
            },
            ..USUAL
        },
    ]
}

fn site() -> Site {
    Site::new(
        Ghcr::new()
            .account("octocat")
            .organization("midokura", &["octocat"])
            .package("midokura/app", Visibility::Private, &["octocat"])
            .image("v1", &sample::image()),
    )
}

#[test]
fn a_service_is_shown_with_the_file_that_it_reads_and_told_how_to_get_a_login_there() {
    let site = site();
    let home = site.home();
    let mut host = Host { site: &site, home: &home, environment: Vec::new(), secrets: Vec::new() };
    host.person();
    host.roots_home();
    let dead = host.dead();
    host.system("/etc/app/config.json", &file(&[("ghcr.io", &dead)]));
    let unit = format!("[Service]\nEnvironment=DOCKER_CONFIG=/etc/app\nExecStart=/usr/bin/docker pull {IMAGE}\n");
    host.system("/etc/systemd/system/app.service", &unit);
    let ran = run(pullpass(&home).args(["doctor", IMAGE]));
    for said in [
        "app.service, docker of root",
        "in /etc/app/config.json: the stored token is dead",
        "sudo -H pullpass login ghcr.io -u USER --password-stdin --compat-auth-file /etc/app/config.json",
    ] {
        assert!(ran.stdout.contains(said), "{said}: {ran}");
    }
    assert!(ran.code == 0 && !ran.said().contains(&dead), "a service is in nobody's way: {ran}");
    // The command does what it says.
    let good = host.good();
    let words = ["login", "ghcr.io", "-u", "octocat", "--password-stdin", "--compat-auth-file", "/etc/app/config.json"];
    run_with_input(pullpass(&home).args(words), &good).expect_success();
    let ran = run(pullpass(&home).args(["doctor", IMAGE]));
    assert!(ran.stdout.contains("nothing is in the way"), "{ran}");
}

#[test]
fn a_fix_leaves_alone_what_only_a_service_reads() {
    let site = site();
    let home = site.home();
    let mut host = Host { site: &site, home: &home, environment: Vec::new(), secrets: Vec::new() };
    let dead = host.dead();
    host.helper_with("box", &dead);
    home.write(".docker/config.json", r#"{"auths":{"ghcr.io":{}},"credHelpers":{"ghcr.io":"box"}}"#);
    let text = format!("configs:\n  ghcr.io:\n    auth:\n      username: octocat\n      password: {dead}\n");
    host.system("/etc/rancher/k3s/registries.yaml", &text);
    let Host { environment, .. } = host;
    let ran = run(pullpass(&home).args(["doctor", IMAGE, "--docker", "--fix", "--yes"]).envs(environment));
    assert!(ran.stdout.contains("the stored token is dead"), "{ran}");
    assert!(!ran.stderr.contains("registries.yaml") && ran.code == 1, "{ran}");
    let after = run(home.command("cat").arg("/etc/rancher/k3s/registries.yaml")).expect_success();
    assert_eq!(after, text);
}

#[test]
fn what_only_root_can_tell_is_said_to_who_is_not_root() {
    let site = site();
    let home = site.home();
    let mut host = Host { site: &site, home: &home, environment: Vec::new(), secrets: Vec::new() };
    host.alice();
    let token = host.good();
    host.alices(".config/containers/auth.json", &file(&[("ghcr.io", &token)]));
    host.system("/etc/containers/systemd/app.container", &format!("[Container]\nImage={IMAGE}\n"));
    run(home.command("chmod").args(["644", "/etc/passwd", "/etc/containers/systemd/app.container"])).expect_success();
    let copy = "/home/alice/pullpass";
    run(home.command("cp").arg(program()).arg(copy)).expect_success();
    let id = ALICE.to_string();
    let words =
        ["--reuid", &id, "--regid", &id, "--clear-groups", "--reset-env", "--", copy, "doctor", IMAGE, "--podman"];
    let ran = run(home.command("setpriv").args(words));
    let note = "note: app.container, podman of root pulls `ghcr.io/midokura/app:v1`";
    assert!(ran.stdout.contains("nothing is in the way") && ran.stdout.contains(note), "{ran}");
    run(home.command("rm").args(["-r", "/home/alice/.config/containers/auth.json"])).expect_success();
    let ran = run(home.command("setpriv").args(words));
    assert!(ran.stdout.contains("root may have a login") && ran.code == 1, "{ran}");
}

#[test]
fn what_others_have_put_in_the_way_neither_hangs_nor_is_followed_far() {
    let site = site();
    let home = site.home();
    let mut host = Host { site: &site, home: &home, environment: Vec::new(), secrets: Vec::new() };
    host.person();
    host.roots_home();
    let bomb = (1..40).fold("a0: &a0 [x, x]\n".to_owned(), |text, number| {
        let before = number - 1;
        format!("{text}a{number}: &a{number} [*a{before}, *a{before}]\n")
    });
    host.system("/opt/bomb/compose.yaml", &bomb);
    host.system("/srv/long/compose.yaml", "");
    let script = r#"
        mkdir -p /etc/containers/systemd /etc/systemd/system /opt/pipe /srv/loop
        mkfifo /etc/containers/systemd/pipe.container /etc/systemd/system/pipe.service /opt/pipe/compose.yaml
        ln -s /dev/zero /etc/containers/systemd/zero.container
        ln -s . /etc/containers/systemd/loop
        ln -s /srv/loop /srv/loop/loop
        truncate -s 1G /srv/long/compose.yaml
        cd /etc/systemd/system && for number in $(seq 3000); do echo > "$number.service"; done"#;
    run(home.command("sh").args(["-c", script])).expect_success();
    let before = Instant::now();
    let ran = run(pullpass(&home).args(["doctor", IMAGE]));
    assert!(ran.stdout.contains("nothing is in the way"), "{ran}");
    assert!(before.elapsed() < Duration::from_secs(5), "{:?}", before.elapsed());
}
