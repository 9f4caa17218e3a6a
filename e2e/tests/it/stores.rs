//! One login, whoever wrote it: what `pullpass login` writes, docker and podman use; what docker and podman write,
//! pullpass shows, verifies and removes.

use std::path::PathBuf;
use std::process::Command;

use pullpass_testing::engines::docker::{self, Engine};
use pullpass_testing::engines::podman::Podman;
use pullpass_testing::home::Home;
use pullpass_testing::run::{Ran, run, run_with_input};
use pullpass_testing::serve::Server;
use serde_json::Value;

use crate::program::{USER, over_http, pullpass};
use crate::sample;

/// A host with both engines, a private image in a registry, and nobody logged in.
struct Host<'a> {
    home: &'a Home,
    server: Server<'a>,
    podman: Podman<'a>,
    engine: Engine,
    docker: PathBuf,
    reference: String,
}

impl<'a> Host<'a> {
    fn new(home: &'a Home, serving: &'a Home) -> Host<'a> {
        let server = over_http(serving);
        let podman = Podman::new(home);
        podman.allow_http(&server.registry);
        let reference = server.reference("alice/hello:1");
        let layout = home.side_dir("layout");
        sample::oci_layout(&layout);
        let credentials = format!("--dest-creds={USER}:{}", server.token("write:packages"));
        let (from, to) = (format!("oci:{}", layout.display()), format!("docker://{reference}"));
        run(podman.skopeo().args(["copy", &credentials, &from, &to])).expect_success();
        let docker = docker::clients().remove(0);
        Host { home, server, podman, engine: Engine::start(), docker, reference }
    }

    fn docker(&self) -> Command {
        self.engine.command(&self.docker, self.home)
    }

    fn pullpass(&self, words: &[&str]) -> Command {
        let mut command = pullpass(self.home);
        command.args(words);
        command
    }

    fn both_pull(&self) -> [bool; 2] {
        let docker = run(self.docker().args(["pull", &self.reference]));
        let podman = run(self.podman.podman().args(["pull", &self.reference]));
        // What was pulled would be there without a login next time.
        run(self.docker().args(["image", "rm", "--force", &self.reference]));
        run(self.podman.podman().args(["rmi", "--force", &self.reference]));
        [docker.code == 0, podman.code == 0]
    }

    fn login(&self, mut program: Command) -> Ran {
        let words = ["login", &self.server.registry, "--username", USER, "--password-stdin"];
        run_with_input(program.args(words), &self.server.token("read:packages"))
    }

    fn status(&self) -> Vec<Value> {
        let ran = run(&mut self.pullpass(&["status", &self.server.registry, "--json"]));
        let status: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran}"));
        status["stores"].as_array().expect("a list of stores").clone()
    }

    fn verifies(&self) -> bool {
        run(&mut self.pullpass(&["verify", &self.reference])).code == 0
    }
}

#[test]
fn docker_and_podman_pull_with_the_login_that_pullpass_wrote() {
    let (home, serving) = (Home::new(), Home::new());
    let host = Host::new(&home, &serving);
    assert_eq!(host.both_pull(), [false, false], "the image is private");

    host.login(host.pullpass(&[])).expect_success();
    assert_eq!(host.both_pull(), [true, true]);
    assert!(host.verifies());

    run(&mut host.pullpass(&["logout", &host.server.registry])).expect_success();
    assert_eq!(host.both_pull(), [false, false]);
    assert!(!host.verifies());
}

#[test]
fn podman_uses_a_persistent_login() {
    let (home, serving) = (Home::new(), Home::new());
    let host = Host::new(&home, &serving);
    let words = ["login", &host.server.registry, "-u", USER, "--password-stdin", "--podman", "--persistent"];
    run_with_input(&mut host.pullpass(&words), &host.server.token("read:packages")).expect_success();
    assert!(home.path().join(".config/containers/auth.json").is_file());
    assert!(!home.runtime_dir().join("containers/auth.json").exists());
    assert_eq!(host.both_pull(), [false, true], "only Podman was asked for");
}

#[test]
fn pullpass_shows_verifies_and_removes_what_docker_and_podman_wrote() {
    let (home, serving) = (Home::new(), Home::new());
    let host = Host::new(&home, &serving);
    host.login(host.docker()).expect_success();
    host.login(host.podman.podman()).expect_success();

    let paths: Vec<Value> = host.status().iter().map(|store| store["path"].clone()).collect();
    let docker_file = home.path().join(".docker/config.json");
    let podman_file = home.runtime_dir().join("containers/auth.json");
    for file in [&docker_file, &podman_file] {
        assert!(paths.contains(&Value::from(file.display().to_string())), "{} is not in {paths:?}", file.display());
    }
    assert!(host.verifies());

    run(&mut host.pullpass(&["logout", &host.server.registry])).expect_success();
    assert_eq!(host.both_pull(), [false, false]);
    let words = ["login", "--get-login", &host.server.registry];
    assert_ne!(run(host.podman.podman().args(words)).code, 0, "podman itself finds no login");
}

#[test]
fn docker_logout_and_podman_logout_remove_what_pullpass_wrote() {
    let (home, serving) = (Home::new(), Home::new());
    let host = Host::new(&home, &serving);
    host.login(host.pullpass(&[])).expect_success();
    run(host.docker().args(["logout", &host.server.registry])).expect_success();
    run(host.podman.podman().args(["logout", &host.server.registry])).expect_success();
    let left: Vec<Value> = host.status().into_iter().filter(|store| store["entries"] != Value::Array(vec![])).collect();
    assert_eq!(left, [Value::Null; 0]);
    assert_eq!(host.both_pull(), [false, false]);
}
