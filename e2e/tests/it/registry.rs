//! `pullpass serve` as the registry of the real docker, podman and skopeo: Docker over plain HTTP, the others over TLS.

use std::thread;
use std::time::Duration;

use pullpass_testing::engines::docker::{self, Engine};
use pullpass_testing::engines::podman::Podman;
use pullpass_testing::home::Home;
use pullpass_testing::run::{Ran, run, run_with_input};
use pullpass_testing::serve::Server;

use crate::program::{USER, over_http, over_tls};
use crate::sample;

const IMAGE: &str = "alice/hello:1";

/// One Docker client with a home, a daemon and nobody logged in.
struct Docker {
    client: std::path::PathBuf,
    home: Home,
    engine: Engine,
}

impl Docker {
    /// One for each client on this machine.
    fn each() -> impl Iterator<Item = Docker> {
        docker::clients().into_iter().map(|client| Docker { client, home: Home::new(), engine: Engine::start() })
    }

    fn run(&self, words: &[&str]) -> Ran {
        run(self.engine.command(&self.client, &self.home).args(words))
    }

    fn login(&self, registry: &str, token: &str) -> Ran {
        let words = ["login", registry, "--username", USER, "--password-stdin"];
        run_with_input(self.engine.command(&self.client, &self.home).args(words), token)
    }

    fn push_sample(&self, reference: &str) {
        let layer = sample::layer_file(&self.home).display().to_string();
        self.run(&["import", &layer, reference]).expect_success();
        self.run(&["push", reference]).expect_success();
        self.run(&["image", "rm", reference]).expect_success();
    }
}

/// `podman login` or `skopeo login`, which share their words.
fn containers_login(mut program: std::process::Command, registry: &str, token: &str) -> Ran {
    run_with_input(program.args(["login", registry, "--username", USER, "--password-stdin"]), token)
}

/// Copies the sample image to the registry with skopeo, which has to be logged in.
fn skopeo_push(podman: &Podman<'_>, home: &Home, reference: &str) -> Ran {
    let layout = home.side_dir("layout");
    sample::oci_layout(&layout);
    let layout = format!("oci:{}", layout.display());
    // Without this skopeo compresses the layer, and the manifest is another.
    run(podman.skopeo().args(["copy", "--preserve-digests", &layout]).arg(format!("docker://{reference}")))
}

#[test]
fn docker_logs_in_pushes_pulls_and_logs_out() {
    let host = Home::new();
    let server = over_http(&host);
    for docker in Docker::each() {
        let reference = server.reference(IMAGE);
        assert!(docker.login(&server.registry, &server.token("write:packages")).expect_success().contains("Succeeded"));
        docker.push_sample(&reference);
        docker.run(&["pull", &reference]).expect_success();

        docker.run(&["logout", &server.registry]).expect_success();
        docker.run(&["image", "rm", &reference]).expect_success();
        assert_ne!(docker.run(&["pull", &reference]).code, 0, "the image is private");
    }
}

#[test]
fn docker_speaks_tls_to_a_loopback_registry_too() {
    let host = Home::new();
    let server = over_tls(&host);
    for docker in Docker::each() {
        docker.login(&server.registry, &server.token("write:packages")).expect_success();
        docker.push_sample(&server.reference(IMAGE));
        docker.run(&["pull", &server.reference(IMAGE)]).expect_success();
    }
}

#[test]
fn podman_and_skopeo_log_in_push_pull_and_log_out_over_tls() {
    let (host, home) = (Home::new(), Home::new());
    let server = over_tls(&host);
    let podman = Podman::new(&home);
    let reference = server.reference(IMAGE);

    let distrusted = containers_login(podman.podman(), &server.registry, &server.token("write:packages"));
    assert!(distrusted.code != 0 && distrusted.stderr.contains("certificate"), "{distrusted}");

    podman.trust(&server.registry, &server.ca());
    containers_login(podman.skopeo(), &server.registry, &server.token("write:packages")).expect_success();
    skopeo_push(&podman, &home, &reference).expect_success();
    let digest = run(podman.skopeo().args(["inspect", "--format", "{{.Digest}}"]).arg(format!("docker://{reference}")));
    assert_eq!(digest.expect_success().trim(), sample::image().digest().to_string());
    run(podman.skopeo().args(["logout", &server.registry])).expect_success();

    containers_login(podman.podman(), &server.registry, &server.token("read:packages")).expect_success();
    run(podman.podman().args(["pull", &reference])).expect_success();
    assert_eq!(podman.images(), [reference.as_str()]);
    let copy = server.reference("alice/copy:1");
    run(podman.podman().args(["tag", &reference, &copy])).expect_success();
    let refused = run(podman.podman().args(["push", &copy]));
    assert!(refused.code != 0 && refused.stderr.contains("denied"), "read:packages does not push: {refused}");
    containers_login(podman.podman(), &server.registry, &server.token("write:packages")).expect_success();
    run(podman.podman().args(["push", &copy])).expect_success();

    run(podman.podman().args(["logout", &server.registry])).expect_success();
    run(podman.podman().args(["rmi", "--all", "--force"])).expect_success();
    assert_ne!(run(podman.podman().args(["pull", &reference])).code, 0, "the image is private");
}

#[test]
fn docker_shows_the_texts_of_the_guide_with_cause_and_way_out() {
    let host = Home::new();
    let server = over_http(&host);
    let expired = expired_token(&server);
    for docker in Docker::each() {
        let reference = server.reference(IMAGE);
        docker.login(&server.registry, &server.token("write:packages")).expect_success();
        docker.push_sample(&reference);
        docker.run(&["logout", &server.registry]).expect_success();

        refused(&docker.run(&["pull", &reference]), &["unauthorized: authentication required: "]);
        refused(
            &docker.login(&server.registry, &expired),
            &["unauthorized: authentication required: ", "the token expired on ", "pullpass token new"],
        );
        docker.login(&server.registry, &server.token("delete:packages")).expect_success();
        refused(&docker.run(&["pull", &reference]), &["denied: permission denied: ", "`read:packages`"]);
    }
}

/// Podman and skopeo show the text of a refused manifest, but reduce a refused login to their own words.
#[test]
fn podman_and_skopeo_show_the_texts_of_the_guide_where_they_show_any() {
    let (host, home) = (Home::new(), Home::new());
    let server = over_tls(&host);
    let podman = Podman::new(&home);
    podman.trust(&server.registry, &server.ca());
    let reference = server.reference(IMAGE);
    containers_login(podman.skopeo(), &server.registry, &server.token("write:packages")).expect_success();
    skopeo_push(&podman, &home, &reference).expect_success();
    run(podman.skopeo().args(["logout", &server.registry])).expect_success();
    let pull = || run(podman.podman().args(["pull", &reference]));
    let inspect = || run(podman.skopeo().arg("inspect").arg(format!("docker://{reference}")));

    refused(&pull(), &["unauthorized: authentication required: "]);
    refused(&inspect(), &["unauthorized: authentication required: "]);

    let expired = expired_token(&server);
    refused(&containers_login(podman.podman(), &server.registry, &expired), &["invalid username/password"]);

    containers_login(podman.podman(), &server.registry, &server.token("delete:packages")).expect_success();
    refused(&pull(), &["denied: permission denied: ", "`read:packages`"]);
    refused(&inspect(), &["denied: permission denied: ", "`read:packages`"]);
}

#[test]
fn a_public_image_is_pulled_without_a_login() {
    let (host, home) = (Home::new(), Home::new());
    let server = over_tls(&host);
    let podman = Podman::new(&home);
    podman.trust(&server.registry, &server.ca());
    containers_login(podman.skopeo(), &server.registry, &server.token("write:packages")).expect_success();
    skopeo_push(&podman, &home, &server.reference(IMAGE)).expect_success();
    run(podman.skopeo().args(["logout", &server.registry])).expect_success();

    server.administer(&["admin", "package", "set-visibility", "alice/hello", "public"]);
    run(podman.podman().args(["pull", &server.reference(IMAGE)])).expect_success();
    for docker in Docker::each() {
        docker.run(&["pull", &server.reference(IMAGE)]).expect_success();
    }
}

#[test]
fn a_revoked_token_pulls_nothing_from_that_moment_on() {
    let host = Home::new();
    let server = over_http(&host);
    let docker = Docker::each().next().expect("a docker client");
    let reference = server.reference(IMAGE);
    docker.login(&server.registry, &server.token("write:packages")).expect_success();
    docker.push_sample(&reference);
    docker.run(&["pull", &reference]).expect_success();
    docker.run(&["image", "rm", &reference]).expect_success();

    let listed: serde_json::Value =
        serde_json::from_str(&server.administer(&["token", "list", "--json"])).expect("JSON");
    let id = &listed["tokens"][0]["id"];
    let id = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
    server.administer(&["token", "revoke", &id]);
    refused(&docker.run(&["pull", &reference]), &["unauthorized: authentication required: ", "revoked"]);
}

/// A token that had a second to live, and has lived it.
fn expired_token(server: &Server<'_>) -> String {
    let words = ["token", "new", "--user", USER, "--note", "expires", "--scope", "read:packages", "--expires", "1s"];
    let token = server.administer(&words).trim().to_owned();
    thread::sleep(Duration::from_millis(1100));
    token
}

#[track_caller]
fn refused(ran: &Ran, words: &[&str]) {
    assert_ne!(ran.code, 0, "{ran}");
    for word in words {
        assert!(ran.said().contains(word), "`{word}` is not in what it said:\n{ran}");
    }
}
