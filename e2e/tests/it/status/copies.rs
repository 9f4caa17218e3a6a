//! What a new login does not reach, on a host with a real Docker daemon and the files of k3s and RKE2.

use std::fs;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use pullpass_secrets::{Secret, token};
use pullpass_testing::engines::docker::{self, Engine};
use pullpass_testing::home::Home;
use pullpass_testing::namespace::Namespace;
use pullpass_testing::run::{Ran, run};
use serde_json::{Value, json};

use super::{json, logins};
use crate::program::pullpass;
use crate::sample;

const KEY: [u8; 32] = [0xa5; 32];

struct Node {
    _namespace: Namespace,
    home: Home,
    engine: Engine,
}

impl Node {
    fn new() -> Node {
        let namespace = Namespace::new("127.0.0.1 localhost\n");
        let (home, engine) = (namespace.home(), Engine::start_in(namespace.home()));
        Node { _namespace: namespace, home, engine }
    }

    fn status(&self, words: &[&str]) -> Ran {
        let mut command = pullpass(&self.home);
        run(command.env("DOCKER_HOST", self.engine.host()).args(["status", "--copies"]).args(words))
    }

    fn copies(&self, words: &[&str]) -> Vec<Value> {
        let key = "a5".repeat(32);
        let ran = self.status(&[&["--json", "--mark-key", &key], words].concat());
        assert_eq!(ran.code, 0, "{ran}");
        json(&ran)["copies"].as_array().expect("copies").clone()
    }

    fn docker(&self, words: &[&str]) -> String {
        run(self.engine.command(&docker::clients()[0], &self.home).args(words)).expect_success()
    }

    /// A running container with something of this host mounted to `/mounted`.
    fn container(&self, name: &str, mounted: &str) {
        let mounts = ["/usr", "/lib", "/lib64"].map(|path| format!("--volume={path}:{path}:ro"));
        let mounts = mounts.each_ref().map(String::as_str);
        let mounted = format!("--volume={mounted}:/mounted:ro");
        let words = ["run", "--detach", "--network=none", "--stop-signal=KILL", "--name", name, &mounted];
        self.docker(&[&words[..], &mounts, &["example.test/hello:1", "/usr/bin/sleep", "1000"]].concat());
    }

    /// Runs a command as it is shown.
    fn shell(&self, command: &str) {
        run(self.engine.command("sh".as_ref(), &self.home).args(["-c", command])).expect_success();
    }
}

fn mark(text: &str) -> String {
    token::mark(&Secret::new(text.to_owned()), &KEY)
}

#[test]
fn a_container_with_a_mounted_file_sees_a_new_login_after_the_command_that_is_shown() {
    let node = Node::new();
    let login = |secret: &str| {
        let auth = STANDARD.encode(format!("octocat:{secret}"));
        json!({ "auths": { "ghcr.io": { "auth": auth } } }).to_string()
    };
    let store = node.home.write(".docker/config.json", login("before"));
    node.docker(&["import", &sample::layer_file(&node.home).display().to_string(), "example.test/hello:1"]);
    let path = store.display().to_string();
    node.container("watcher", &path);
    // It sees what is renamed into it.
    node.container("directory", &store.parent().expect("a directory").display().to_string());
    node.container("elsewhere", &node.home.write("other/config.json", "{}").display().to_string());
    let others = node.home.write("others/.docker/config.json", "{}").display().to_string();
    node.container("others", &others);
    let copy = |name: &str, path: &str, mark: Option<String>| {
        let command = format!("docker restart {name}");
        json!({ "kind": "bind-mount", "name": name, "path": path, "registry": "ghcr.io", "mark": mark, "command": command })
    };
    let mut found = node.copies(&["ghcr.io"]);
    found.sort_by_key(|copy| copy["name"].to_string());
    assert_eq!(found, [copy("others", &others, None), copy("watcher", &path, Some(mark("before")))]);
    // The store is known, and has none of it; what is in the other file is not.
    let ran = node.status(&["quay.io", "--json"]);
    assert!(ran.code == 1 && json(&ran)["copies"].as_array().map(Vec::len) == Some(1), "{ran}");

    fs::write(store.with_file_name("new"), login("after")).expect("a file");
    fs::rename(store.with_file_name("new"), &store).expect("the same directory");
    let seen = || node.docker(&["exec", "watcher", "/usr/bin/cat", "/mounted"]);
    let marked = || {
        let found = node.copies(&["ghcr.io"]);
        let watcher = found.into_iter().find(|copy| copy["name"] == "watcher").expect("it is listed");
        watcher["mark"].as_str().map(str::to_owned)
    };
    assert_eq!((seen(), marked()), (login("before"), Some(mark("before"))), "it has the file that was renamed over");
    node.shell(found[1]["command"].as_str().expect("a command"));
    assert_eq!((seen(), marked()), (login("after"), Some(mark("after"))));
    node.docker(&["rm", "--force", "watcher", "directory", "elsewhere", "others"]);
}

#[test]
fn a_service_of_a_swarm_is_listed_with_the_command_that_hands_it_a_login() {
    let node = Node::new();
    node.home.write(".docker/config.json", logins(&[("ghcr.io", "octocat")]));
    assert_eq!(node.copies(&[]), [json!(null); 0], "it is in no swarm");
    node.docker(&["swarm", "init", "--advertise-addr=127.0.0.1", "--listen-addr=127.0.0.1:0"]);
    for (name, image) in [("app", "ghcr.io/o/app:v1"), ("web", "ghcr.io/o/web"), ("proxy", "traefik:v3")] {
        node.docker(&["service", "create", "--detach", "--no-resolve-image", "--replicas=0", "--name", name, image]);
    }
    let names = |words: &[&str]| {
        let mut names: Vec<String> = node.copies(words).iter().map(|copy| copy["name"].to_string()).collect();
        names.sort();
        names.join(" ")
    };
    assert_eq!(names(&["ghcr.io"]), r#""app" "web""#);
    assert_eq!(names(&[]), r#""app" "proxy" "web""#);
    let command = "docker service update --with-registry-auth app";
    assert_eq!(
        node.copies(&["ghcr.io/o/app"]),
        [
            json!({ "kind": "swarm-service", "name": "app", "path": null, "registry": "ghcr.io", "mark": null, "command": command })
        ]
    );
    node.shell(&format!("{command} --detach --no-resolve-image"));
    node.docker(&["swarm", "leave", "--force"]);
}

#[test]
fn kubernetes_distributions_have_their_own_tokens_which_only_marks_tell() {
    let node = Node::new();
    node.home.write(".docker/config.json", logins(&[("ghcr.io", "octocat")]));
    node.shell("mkdir -p /etc/rancher/k3s /etc/rancher/rke2 /etc/systemd/system && touch /etc/systemd/system/rke2-agent.service");
    let write = |name: &str, text: &str| {
        let words = ["-c", r#"umask 077; printf '%s' "$1" > /etc/rancher/"$2"/registries.yaml"#, "write", text, name];
        run(node.home.command("sh").args(words)).expect_success();
    };
    write(
        "k3s",
        "configs:\n  ghcr.io:\n    auth: { username: octocat, password: canary-one }\n  quay.io:\n    tls: {}\n",
    );
    write(
        "rke2",
        "configs:\n  \"https://ghcr.io\":\n    auth:\n      auth: bWU6Y2FuYXJ5LXR3bw==\n  x.io: { auth: { username: a, password: b } }\n",
    );
    let copy = |kind: &str, registry: &str, text: &str, unit: &str| {
        let path = format!("/etc/rancher/{kind}/registries.yaml");
        let command = format!("sudoedit {path} && sudo systemctl restart {unit}");
        json!({ "kind": kind, "name": kind, "path": path, "registry": registry, "mark": mark(text), "command": command })
    };
    let [one, two] =
        [copy("k3s", "ghcr.io", "canary-one", "k3s"), copy("rke2", "https://ghcr.io", "canary-two", "rke2-agent")];
    assert_eq!(node.copies(&["ghcr.io"]), [one.clone(), two.clone()]);
    assert_eq!(node.copies(&[]), [one, two, copy("rke2", "x.io", "b", "rke2-agent")]);
    let ran = node.status(&["ghcr.io"]);
    assert!(ran.code == 0 && ran.stdout.contains("systemctl restart rke2-agent"), "{ran}");
    assert!(!ran.said().contains("canary-") && json(&node.status(&["--json"]))["copies"][0]["mark"].is_null());

    write("k3s", "configs: [");
    let ran = node.status(&["ghcr.io", "--json"]);
    assert!(ran.code == 3 && ran.stderr.contains("k3s/registries.yaml` is no YAML"), "{ran}");
    assert_eq!(json(&ran)["copies"].as_array().map(Vec::len), Some(1), "the other one is told all the same");
}

#[test]
fn a_daemon_that_does_not_answer_is_not_taken_for_one_without_copies() {
    let home = Home::new();
    home.write(".docker/config.json", logins(&[("ghcr.io", "octocat")]));
    let socket = home.path().join("socket");
    drop(std::os::unix::net::UnixListener::bind(&socket).expect("a socket"));
    let asked = |host: &str| run(pullpass(&home).env("DOCKER_HOST", host).args(["status", "--copies", "--json"]));
    let ran = asked(&format!("unix://{}", socket.display()));
    assert!(ran.code == 3 && ran.stderr.contains("cannot be reached"), "{ran}");
    let ran = asked(&format!("unix://{}.none", socket.display()));
    assert!(ran.code == 0 && json(&ran)["copies"] == json!([]), "where there is no daemon, nothing runs: {ran}");
}
