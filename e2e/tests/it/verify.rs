//! `pullpass verify --engine` beside the engines themselves: what Docker's daemon and Podman say when they are asked, and that
//! neither fetches an image for it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use pullpass_testing::canned::Certificates;
use pullpass_testing::engines::docker::{self, Engine};
use pullpass_testing::engines::podman::Podman;
use pullpass_testing::ghcr::{Ghcr, Running, Token, Visibility};
use pullpass_testing::home::Home;
use pullpass_testing::namespace::{Namespace, Served};
use pullpass_testing::run::{Ran, run};
use serde_json::Value;

use crate::program::pullpass;
use crate::sample;

const HOSTS: &str = "127.0.0.1 localhost\n192.0.2.1 ghcr.io\n192.0.2.2 pkg-containers.githubusercontent.com\n";
const PRIVATE: &str = "ghcr.io/octocat/app:v1";
const PUBLIC: &str = "ghcr.io/octocat/open:v1";

/// A ghcr.io under its own name, a daemon, and a home with Podman's own storage.
struct Site {
    engine: Engine,
    home: Home,
    served: Served<Running>,
    // They end after all that is in them.
    _namespace: Namespace,
}

impl Site {
    fn new() -> Site {
        let namespace = Namespace::new(HOSTS);
        let certificates = Certificates::for_names(&["ghcr.io", "pkg-containers.githubusercontent.com"]);
        namespace.trust("ghcr.io", &certificates.ca_pem);
        let served = namespace.serve(|| async move {
            let ghcr = Ghcr::new().account("octocat").account("hubot");
            let ghcr = ghcr.package("octocat/open", Visibility::Public, &[]).image("v1", &sample::image());
            let ghcr = ghcr.package("octocat/app", Visibility::Private, &["octocat"]).image("v1", &sample::image());
            let at = |last| ([192, 0, 2, last], 443).into();
            ghcr.start_at(at(1), at(2), Some(&certificates)).await.expect("the ports of this network")
        });
        Site { engine: Engine::start_in(namespace.home()), home: namespace.home(), served, _namespace: namespace }
    }

    fn store(&self, token: &str) {
        let auth = STANDARD.encode(format!("whoever:{token}"));
        self.home.write(".docker/config.json", format!(r#"{{"auths":{{"ghcr.io":{{"auth":"{auth}"}}}}}}"#));
    }

    fn token(&self, user: &str) -> String {
        let token = self.served.token(user, Token::classic(&["read:packages"]));
        self.store(&token);
        token
    }

    /// Asks both engines, each by itself.
    fn verify(&self, podman: &Podman<'_>, reference: &str) -> [(i32, Value); 2] {
        ["docker", "podman"].map(|name| {
            let ran = self.run(podman, &[reference, "--engine", name, "--json"]);
            let json: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran}"));
            (ran.code, json["references"][0]["engines"][0].clone())
        })
    }

    fn run(&self, podman: &Podman<'_>, words: &[&str]) -> Ran {
        let mut command = pullpass(&self.home);
        command.arg("verify").args(words).env("DOCKER_HOST", self.engine.host()).envs(podman.environment());
        run(&mut command)
    }

    /// How many blobs were asked for.
    fn blobs(&self) -> usize {
        self.served.registry.requests().iter().filter(|request| request.path().contains("/blobs/")).count()
    }
}

#[test]
fn docker_and_podman_say_themselves_what_they_would_do_and_fetch_nothing() {
    let site = Site::new();
    let podman = Podman::new(&site.home);

    for (code, engine) in site.verify(&podman, PUBLIC) {
        assert_eq!((code, &engine["said"]["opens"]), (0, &true.into()), "without a login: {engine}");
    }
    for (code, engine) in site.verify(&podman, PRIVATE) {
        assert_eq!((code, &engine["said"]["opens"]), (1, &false.into()), "without a login: {engine}");
        assert!(engine["said"]["text"].as_str().expect("words").contains("unauthorized"), "{engine}");
    }

    let token = site.token("octocat");
    for (code, engine) in site.verify(&podman, PRIVATE) {
        assert_eq!((code, &engine["said"]["opens"], &engine["will_pull"]), (0, &true.into(), &true.into()), "{engine}");
        assert!(engine["verdict"].as_str().expect("words").contains("itself says so too"), "{engine}");
    }
    for (code, engine) in site.verify(&podman, "ghcr.io/octocat/app:nope") {
        assert_eq!((code, &engine["said"]["opens"]), (1, &false.into()), "{engine}");
        assert!(engine["said"]["text"].as_str().expect("words").contains("manifest unknown"), "{engine}");
    }

    site.token("hubot");
    for (code, engine) in site.verify(&podman, PRIVATE) {
        assert_eq!(
            (code, &engine["token_alive"], &engine["said"]["opens"]),
            (1, &true.into(), &false.into()),
            "{engine}"
        );
        assert!(engine["said"]["text"].as_str().expect("words").contains("denied"), "{engine}");
    }

    assert_eq!(site.blobs(), 0, "no layer was asked for");
    assert!(podman.images().is_empty());
    let client = docker::clients().swap_remove(0);
    let images = run(site.engine.command(&client, &site.home).args(["images", "--quiet"])).expect_success();
    assert_eq!(images, "");

    // What is refused is not sent a second time, by no engine either.
    site.store(&token);
    site.served.revoke(&token);
    let dead = || {
        let requests = site.served.registry.requests();
        requests.iter().filter(|request| request.header("authorization").starts_with("Basic ")).count()
    };
    let before = dead();
    for (code, engine) in site.verify(&podman, PUBLIC) {
        assert_eq!((code, &engine["said"], &engine["token_alive"]), (1, &Value::Null, &false.into()), "{engine}");
    }
    assert_eq!(dead() - before, 1);
}

#[test]
fn an_engine_that_goes_another_way_than_pullpass_is_found_out() {
    let site = Site::new();
    let podman = Podman::new(&site.home);
    site.token("octocat");
    // As an administrator does who has never heard of Podman's rules: this image is somewhere else for it.
    let elsewhere = "[[registry]]\nlocation = \"ghcr.io\"\nblocked = true\n";
    site.home.write(".config/containers/registries.conf", elsewhere);
    let [docker, podman] = site.verify(&podman, PRIVATE);
    assert_eq!((docker.0, &docker.1["said"]["opens"]), (0, &true.into()), "{}", docker.1);
    let verdict = podman.1["verdict"].as_str().expect("words");
    assert!(podman.0 != 0 && verdict.contains("blocked"), "{}", podman.1);
    assert_eq!(podman.1["opens"], true, "asked from here it opens");
}
