//! The real docker, podman and skopeo with `docker-credential-pullpass`, where there is neither D-Bus nor a GPG key.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pullpass_testing::canary::Canary;
use pullpass_testing::engines::docker::{self, Engine};
use pullpass_testing::engines::find;
use pullpass_testing::engines::podman::Podman;
use pullpass_testing::home::Home;
use pullpass_testing::run::{Ran, run, run_with_input};
use pullpass_testing::serve::Server;

use crate::program::{USER, over_http, program};
use crate::sample;

/// A host with the engines and the helper on PATH, and a registry with a private image.
struct Host<'a> {
    home: &'a Home,
    server: Server<'a>,
    podman: Podman<'a>,
    reference: String,
}

impl<'a> Host<'a> {
    fn new(home: &'a Home, serving: &'a Home) -> Host<'a> {
        let server = over_http(serving);
        let podman = Podman::new(home);
        podman.allow_http(&server.registry);
        let mut programs = vec![("pullpass", program()), ("podman", find("podman")), ("skopeo", find("skopeo"))];
        programs.push(("docker", docker::clients().remove(0)));
        for (name, path) in programs {
            symlink(path, home.side_dir("bin").join(name)).expect("a link");
        }
        let reference = server.reference("alice/hello:1");
        // Beside what is searched for the token.
        let layout = serving.side_dir("layout");
        sample::oci_layout(&layout);
        let credentials = format!("--dest-creds={USER}:{}", server.token("write:packages"));
        let (from, to) = (format!("oci:{}", layout.display()), format!("docker://{reference}"));
        run(podman.skopeo().args(["copy", &credentials, &from, &to])).expect_success();
        Host { home, server, podman, reference }
    }

    /// `command` where the engines and `pullpass` are all that is on PATH: no `gpg`, no `pass`, nothing of D-Bus.
    fn on_path(&self, mut command: Command) -> Command {
        command.env("PATH", self.home.side_dir("bin"));
        command
    }

    fn podman(&self, words: &[&str]) -> Command {
        let mut command = self.on_path(self.podman.podman());
        command.args(words);
        command
    }

    fn skopeo(&self, words: &[&str]) -> Command {
        let mut command = self.on_path(self.podman.skopeo());
        command.args(words);
        command
    }

    /// `pullpass helper WORDS`.
    fn helper(&self, words: &[&str]) -> Ran {
        let mut command = self.on_path(self.home.command(self.home.side_dir("bin").join("pullpass")));
        run(command.arg("helper").args(words))
    }

    fn install(&self) {
        self.helper(&["install", &self.server.registry, "--docker", "--podman"]).expect_success();
    }

    fn login(&self, program: &mut Command, token: &str) -> Ran {
        let words = ["login", &self.server.registry, "--username", USER, "--password-stdin"];
        run_with_input(program.args(words), token)
    }

    fn listed(&self) -> String {
        self.helper(&["list"]).expect_success()
    }

    /// Where the engines and the helper write; one place of root's podman cannot be moved.
    fn disk(&self) -> Vec<PathBuf> {
        let root: PathBuf = self.home.path().parent().expect("the directory of the home").to_owned();
        let cache = PathBuf::from("/var/lib/containers/cache");
        [root, cache].into_iter().filter(|path| path.exists()).collect()
    }

    /// Nothing that the engines and the helper have written holds the token.
    fn assert_hidden(&self, token: &str) {
        assert_eq!(traces(token, &self.disk()), [""; 0]);
    }
}

/// The files in which a token is to be found, raw or encoded.
fn traces(token: &str, disk: &[PathBuf]) -> Vec<String> {
    let canary = Canary::new(token);
    disk.iter().flat_map(|place| canary.files_below(place)).collect()
}

#[test]
fn docker_logs_in_pulls_and_logs_out_through_the_helper() {
    for client in docker::clients() {
        let (home, serving) = (Home::new(), Home::new());
        let (host, engine) = (Host::new(&home, &serving), Engine::start());
        let docker = |words: &[&str]| {
            let mut command = host.on_path(engine.command(&client, &home));
            command.args(words);
            command
        };
        let token = host.server.token("read:packages");
        host.install();
        assert_ne!(run(&mut docker(&["pull", &host.reference])).code, 0, "the image is private");
        host.login(&mut docker(&[]), &token).expect_success();
        assert_eq!(host.listed(), format!("{{\"{}\":\"{USER}\"}}\n", host.server.registry));
        run(&mut docker(&["pull", &host.reference])).expect_success();
        host.assert_hidden(&token);
        let out = run(&mut docker(&["logout", &host.server.registry]));
        assert!(out.code == 0 && !out.said().contains("WARNING"), "{out}");
        assert_eq!(host.listed(), "{}\n");
        run(&mut docker(&["image", "rm", "--force", &host.reference])).expect_success();
        assert_ne!(run(&mut docker(&["pull", &host.reference])).code, 0, "logged out");
        host.assert_hidden(&token);
    }
}

#[test]
fn podman_and_skopeo_log_in_pull_and_log_out_through_the_helper() {
    let (home, serving) = (Home::new(), Home::new());
    let host = Host::new(&home, &serving);
    let (token, registry) = (host.server.token("read:packages"), host.server.registry.clone());
    let image = format!("docker://{}", host.reference);
    host.install();
    assert_ne!(run(&mut host.podman(&["pull", &host.reference])).code, 0, "the image is private");

    host.login(&mut host.podman(&[]), &token).expect_success();
    assert_eq!(run(&mut host.podman(&["login", "--get-login", &registry])).expect_success(), format!("{USER}\n"));
    run(&mut host.podman(&["pull", &host.reference])).expect_success();
    run(&mut host.skopeo(&["inspect", &image])).expect_success();
    host.assert_hidden(&token);
    run(&mut host.podman(&["logout", &registry])).expect_success();
    assert_eq!(host.listed(), "{}\n");

    host.login(&mut host.skopeo(&[]), &token).expect_success();
    run(&mut host.skopeo(&["inspect", &image])).expect_success();
    run(&mut host.skopeo(&["logout", &registry])).expect_success();
    assert_eq!(host.listed(), "{}\n");
    assert_ne!(run(&mut host.skopeo(&["inspect", &image])).code, 0, "logged out");
    host.assert_hidden(&token);
}

#[test]
fn fifty_pulls_at_once_get_the_login_and_nothing_on_the_disk_tells_it() {
    let (home, serving) = (Home::new(), Home::new());
    let (host, engine) = (Host::new(&home, &serving), Engine::start());
    let (token, clients) = (host.server.token("read:packages"), docker::clients());
    host.install();
    host.login(&mut host.podman(&[]), &token).expect_success();
    let image = format!("docker://{}", host.reference);
    let copies = home.side_dir("copies");
    let pull = |number: usize| match number % 3 {
        0 => host.podman(&["pull", &host.reference]),
        1 => host.skopeo(&["copy", &image, &format!("dir:{}/{number}", copies.display())]),
        _ => {
            let mut docker = host.on_path(engine.command(&clients[number % clients.len()], &home));
            docker.args(["pull", &host.reference]);
            docker
        }
    };
    let ended: Vec<Ran> = thread::scope(|scope| {
        let pulls: Vec<_> = (0..50).map(|number| scope.spawn(move || run(&mut pull(number)))).collect();
        pulls.into_iter().map(|pull| pull.join().expect("no panic")).collect()
    });
    let failed: Vec<String> = ended.iter().filter(|ran| ran.code != 0).map(Ran::to_string).collect();
    assert_eq!(failed, [""; 0]);
    assert_eq!(fs::read_dir(copies).expect("a directory").count(), 17, "what was pulled is there");
    assert!(host.podman.images().contains(&host.reference));

    let disk = [host.disk(), vec![engine.data()]].concat();
    assert_eq!(traces(&token, &disk), [""; 0]);
    assert!(Canary::new(&token).spellings_in(engine.log().as_bytes()).is_empty());
    // It would be found wherever an engine writes.
    let places = [home.path(), home.runtime_dir(), home.temp_dir(), home.side_dir("podman"), engine.data()];
    for place in places {
        let planted = place.join("planted");
        for text in [token.clone(), STANDARD.encode(format!("{USER}:{token}"))] {
            fs::write(&planted, text).expect("a file");
            assert!(!traces(&token, &disk).is_empty(), "{}", planted.display());
        }
        fs::remove_file(planted).expect("the planted file");
    }
}

#[test]
fn logins_that_the_engines_wrote_readable_move_into_the_store_and_back() {
    let (home, serving) = (Home::new(), Home::new());
    let (host, engine) = (Host::new(&home, &serving), Engine::start());
    let token = host.server.token("read:packages");
    let client = docker::clients().remove(0);
    // An entry keeps this client from choosing a helper by itself.
    home.write(".docker/config.json", r#"{"auths":{"example.test":{}}}"#);
    let pulls = || {
        let mut docker = host.on_path(engine.command(&client, &home));
        let docker = run(docker.args(["pull", &host.reference]));
        let podman = run(&mut host.podman(&["pull", &host.reference]));
        [docker.code, podman.code]
    };
    host.login(&mut host.on_path(engine.command(&client, &home)), &token).expect_success();
    host.login(&mut host.podman(&[]), &token).expect_success();
    assert!(!Canary::new(&token).files_below(Path::new(&home.path())).is_empty(), "docker's file is readable");
    host.install();
    host.assert_hidden(&token);
    assert_eq!(pulls(), [0, 0]);
    host.helper(&["uninstall", "--all"]).expect_success();
    assert_eq!(host.listed(), "{}\n");
    assert_eq!(pulls(), [0, 0]);
}
