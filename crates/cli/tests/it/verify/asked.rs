//! What can be asked for beside a pull with a stored login.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::UnixListener,
    thread,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use pullpass_oci::{Digest, Image};
use pullpass_testing::{
    ghcr::{Failing, Ghcr, Running, Token, Visibility},
    home::Home,
    run::{Ran, run},
};
use serde_json::Value;
use tokio::runtime::Runtime;

use super::first;
use crate::support::*;

fn image() -> Image {
    Image::with_file("amd64", "hello.txt", b"hello\n")
}

struct Scene {
    home: Home,
    ghcr: Running,
    // It serves until it is dropped.
    _runtime: Runtime,
}

impl Scene {
    fn new() -> Scene {
        let arm = Image::with_file("arm64", "hello.txt", b"hello\n");
        let ghcr = Ghcr::new().account("octocat").account("hubot");
        let ghcr = ghcr.package("octocat/app", Visibility::Private, &["hubot"]).writer("octocat");
        let ghcr = ghcr.image("v1", &image()).index("multi", &[("amd64", &image()), ("arm64", &arm)]);
        let runtime = Runtime::new().expect("a runtime");
        let ghcr = runtime.block_on(ghcr.start());
        Scene { home: Home::new(), ghcr, _runtime: runtime }
    }

    /// With a new token, as pullpass itself.
    fn as_user(&self, user: &str, scope: &str, words: &[&str]) -> Ran {
        let token = self.ghcr.token(user, Token::classic(&[scope]));
        let words = [&["verify", "--engine", "self", "-u", user, "--password-stdin"], words].concat();
        let ran = pullpass_with_input(&self.home, &words, &token);
        assert!(!ran.said().contains(&token), "{ran}");
        ran
    }

    fn reference(&self, tag: &str) -> String {
        self.ghcr.reference(&format!("octocat/app:{tag}"))
    }
}

#[test]
fn the_right_to_push_is_told_apart_from_the_right_to_pull() {
    let scene = Scene::new();
    let reference = scene.reference("v1");
    let rights = |user, scope| {
        let ran = scene.as_user(user, scope, &["--pull", "--push", "--json", &reference]);
        assert!(ran.stderr.contains("cannot be cancelled, and lapses"), "it is said before: {ran}");
        let engine = first(&ran)["engines"][0].take();
        (ran.code, engine["will_pull"].clone(), engine["will_push"].clone())
    };
    assert_eq!(rights("octocat", "write:packages"), (0, true.into(), true.into()));
    assert_eq!(rights("octocat", "read:packages"), (1, true.into(), false.into()));
    assert_eq!(rights("hubot", "write:packages"), (1, true.into(), false.into()));

    let ran = scene.as_user("hubot", "write:packages", &["--push", &reference]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stdout.contains("pullpass will not push: ") && !ran.stdout.contains("will pull"), "{ran}");
    assert!(ran.stdout.ends_with(&format!("hint: find out why with `pullpass doctor {reference}`\n")), "{ran}");
    assert_eq!(
        pullpass(&scene.home, &["verify", &reference]).stderr,
        "",
        "nobody is asked for the right to push unasked"
    );
}

#[test]
fn every_layer_is_fetched_and_a_lying_one_is_named() {
    let scene = Scene::new();
    let words = ["--all-layers", "--json", &scene.reference("v1")];
    let ran = scene.as_user("octocat", "read:packages", &words);
    assert_eq!(ran.code, 0, "{ran}");
    let size = image().config.len() + image().layer.len();
    assert_eq!(first(&ran)["engines"][0]["bytes"], size);

    scene.ghcr.fail("/ghcr1/", Failing::WrongDigest);
    let ran = scene.as_user("octocat", "read:packages", &words);
    // It is longer than the manifest says; another time it may not be.
    assert_eq!((ran.code, first(&ran)["engines"][0]["will_pull"].clone()), (3, Value::Null), "{ran}");
    let config = Digest::sha256(&image().config).to_string();
    assert!(first(&ran)["verdict"].as_str().expect("a verdict").contains(&config), "{ran}");
    // Without being asked for, layers are left alone.
    assert_eq!(scene.as_user("octocat", "read:packages", &[&scene.reference("v1")]).code, 0);
}

#[test]
fn of_an_index_the_platform_that_is_asked_for_has_to_be_there() {
    let scene = Scene::new();
    let multi = scene.reference("multi");
    for platform in ["linux/arm64", "linux/amd64"] {
        assert_eq!(scene.as_user("octocat", "read:packages", &[&multi, "--platform", platform]).code, 0, "{platform}");
    }
    let start = Instant::now();
    let ran = scene.as_user("octocat", "read:packages", &[&multi, "--platform", "linux/riscv64", "--wait", "1m"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stdout.contains("only for linux/amd64, linux/arm64"), "{ran}");
    assert!(start.elapsed() < Duration::from_secs(20), "no time changes that");
    assert_fails(&pullpass(&scene.home, &["verify", &multi, "--platform", "arm64"]), 2, &["OS/ARCHITECTURE"]);
}

#[test]
fn a_private_package_is_told_from_a_name_that_is_wrong() {
    let scene = Scene::new();
    let verdict = |ran: &Ran| first(ran)["verdict"].as_str().expect("a verdict").to_owned();
    let anonymous = |path: &str| {
        let ran = pullpass(&scene.home, &["verify", &scene.ghcr.reference(path), "--engine", "self", "--json"]);
        assert_eq!(ran.code, 1, "{ran}");
        verdict(&ran)
    };
    let private = anonymous("octocat/app:v1");
    assert!(private.contains("there is no login") && !private.contains("no such package"), "{private}");
    let wrong = anonymous("octocat/typo:v1");
    assert!(wrong.contains("there is no such package as `octocat/typo`, or"), "{wrong}");

    let with_login = |user, path: &str| {
        let ran = scene.as_user(user, "read:packages", &["--json", &scene.ghcr.reference(path)]);
        assert_eq!(ran.code, 1, "{ran}");
        verdict(&ran)
    };
    let wrong = with_login("octocat", "octocat/typo:v1");
    assert!(wrong.contains("there is no package `octocat/typo`, or") && wrong.contains("\nhint: "), "{wrong}");
}

#[test]
fn an_engine_that_is_named_but_cannot_be_asked_is_no_answer() {
    let scene = Scene::new();
    let reference = scene.reference("v1");
    let token = scene.ghcr.token("octocat", Token::classic(&["read:packages"]));
    login(&scene.home, &scene.ghcr.registry.host(), &token).expect_success();
    assert_eq!(pullpass(&scene.home, &["verify", &reference, "--docker"]).code, 0);
    let config = scene.home.path().join(".docker/config.json");
    let stored = std::fs::read_to_string(config).expect("a login");
    for (host, words) in [
        ("unix:///nowhere/docker.sock", "cannot be reached"),
        ("tcp://192.0.2.7:2375", "only one at a socket of this host"),
    ] {
        let ran = run(command(&scene.home, &["verify", &reference, "--engine", "docker"]).env("DOCKER_HOST", host));
        assert_eq!(ran.code, 3, "{ran}");
        assert!(ran.stdout.contains(words) && ran.stdout.contains("opens this image: yes"), "{ran}");
    }
    // Of a context, as Docker's own client takes it.
    let name = "far";
    let meta = format!(".docker/contexts/meta/{}/meta.json", Digest::sha256(name.as_bytes()).hex());
    scene.home.write(&meta, r#"{"Name":"far","Endpoints":{"docker":{"Host":"ssh://far.example"}}}"#);
    let with_context = stored.replacen('{', &format!("{{\"currentContext\":\"{name}\","), 1);
    scene.home.write(".docker/config.json", with_context);
    let ran = pullpass(&scene.home, &["verify", &reference, "--engine", "docker"]);
    assert!(ran.code == 3 && ran.stdout.contains("`ssh://far.example`"), "{ran}");
    let ran = pullpass(&scene.home, &["verify", &reference, "--engine", "podman"]);
    assert!(ran.code == 3 && ran.stdout.contains("not installed"), "{ran}");
}

#[test]
fn a_credential_that_is_given_is_for_pullpass_alone() {
    let scene = Scene::new();
    let reference = scene.reference("v1");
    let token = scene.ghcr.token("octocat", Token::classic(&["read:packages"]));
    scene.home.write("token", &token);
    let given = ["verify", reference.as_str(), "-u", "octocat", "--token-from", "file:token"];
    let ran = pullpass(&scene.home, &given);
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.stdout.contains("pullpass will pull: the login of `octocat`") && !ran.said().contains(&token), "{ran}");
    let steps: Vec<&str> = ran.stdout.lines().filter(|line| line.starts_with("      GET http")).collect();
    assert!(steps.len() >= 5 && steps.iter().all(|step| step.ends_with(" ms") || step.contains("no answer")), "{ran}");
    assert_fails(&pullpass(&scene.home, &[&given[..], &["--engine", "docker"]].concat()), 2, &["--engine self"]);
    assert_fails(&pullpass(&scene.home, &["verify", &reference, "-u", "octocat"]), 2, &["--password-stdin"]);
}

#[test]
fn an_answer_that_time_changes_is_waited_for_and_no_longer_than_said() {
    let scene = Scene::new();
    let token = scene.ghcr.token("octocat", Token::classic(&["read:packages"]));
    scene.home.write("token", &token);
    let reference = scene.reference("v1");
    let verify = |limit: &str| {
        let words =
            ["verify", reference.as_str(), "-u", "octocat", "--token-from", "file:token", "--json", "--wait", limit];
        let start = Instant::now();
        let ran = pullpass(&scene.home, &words);
        (ran, start.elapsed())
    };
    // As with a token that is not active yet, an outage and a limit.
    for failing in [Failing::Status(503), Failing::RateLimited, Failing::HangUp] {
        scene.ghcr.fail_times(1, "/token", failing.clone());
        let (ran, took) = verify("30s");
        assert_eq!(ran.code, 0, "{failing:?}: {ran}");
        assert!(ran.stderr.contains("asking again for up to ") && took < Duration::from_secs(25), "{ran}");
        assert!(took > Duration::from_millis(1400), "politely: {took:?}");
    }
    scene.ghcr.revoke(&token);
    let (ran, took) = verify("5s");
    assert_eq!((ran.code, first(&ran)["engines"][0]["token_alive"].clone()), (1, Value::Bool(false)), "{ran}");
    assert!(took < Duration::from_secs(10), "{took:?}");
    let sent = scene.ghcr.registry.requests();
    let sent = sent.iter().filter(|request| request.path() == "/token" && !request.header("authorization").is_empty());
    assert!(sent.count() <= 3 * 2 + 3, "a dead token is not hammered on");
    assert_fails(&verify("soon").0, 2, &["a number with"]);
}

#[test]
fn whatever_answers_at_the_socket_of_the_daemon_is_believed_only_if_it_speaks_as_one() {
    let scene = Scene::new();
    let reference = scene.reference("v1");
    let token = scene.ghcr.token("octocat", Token::classic(&["read:packages"]));
    login(&scene.home, &scene.ghcr.registry.host(), &token).expect_success();
    let socket = scene.home.side_dir("run").join("docker.sock");
    let listener = UnixListener::bind(&socket).expect("a socket");
    let verify = |answer: &str| {
        let ran = thread::scope(|scope| {
            let daemon = scope.spawn(|| {
                let (mut stream, _) = listener.accept().expect("a client");
                let mut lines = BufReader::new(stream.try_clone().expect("a stream")).lines();
                let head: Vec<String> =
                    lines.by_ref().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
                stream.write_all(answer.as_bytes()).expect("a reader");
                head
            });
            let words = ["verify", reference.as_str(), "--engine", "docker", "--json"];
            let ran = run(command(&scene.home, &words).env("DOCKER_HOST", format!("unix://{}", socket.display())));
            let head = daemon.join().expect("a request");
            assert_eq!(head[0], format!("GET /distribution/{reference}/json HTTP/1.0"));
            let login = head.iter().find_map(|line| line.strip_prefix("X-Registry-Auth: ")).expect("the login");
            let login: Value = serde_json::from_slice(&URL_SAFE.decode(login).expect("base64")).expect("JSON");
            assert_eq!(login["password"], token, "the daemon needs it to ask the registry");
            ran
        });
        assert!(!ran.said().contains(&token), "{ran}");
        (ran.code, first(&ran)["engines"][0]["said"]["opens"].clone())
    };
    let yes = r#"{"Descriptor":{"digest":"sha256:0"},"Platforms":null}"#;
    assert_eq!(verify(&format!("HTTP/1.0 200 OK\r\n\r\n{yes}")), (0, true.into()));
    let no = format!(r#"{{"message":"denied: {token}"}}"#);
    assert_eq!(verify(&format!("HTTP/1.0 403 Forbidden\r\n\r\n{no}")), (1, false.into()));
    for other in ["HTTP/1.0 200 OK\r\n\r\n<html>", "HTTP/1.0 200 OK\r\n\r\n{}", "SSH-2.0-x\r\n", ""] {
        assert_eq!(verify(other), (3, Value::Null), "{other}");
    }
}
