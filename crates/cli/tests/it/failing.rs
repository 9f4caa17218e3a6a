//! A registry that fails in every way: `login` and `verify` end in time, say what they saw, and send the credential
//! nowhere else.

use std::time::{Duration, Instant};

use pullpass_oci::Image;
use pullpass_testing::{
    canned::{Canned, Certificates, response},
    ghcr::{Failing, Ghcr, Running, Token, Visibility},
    home::{Home, listing},
    run::Ran,
};
use tokio::runtime::Runtime;

use crate::support::*;

/// Longer than one request may take, shorter than the whole conversation.
const LIMIT: Duration = Duration::from_secs(40);

fn registry() -> Ghcr {
    let image = Image::with_file("amd64", "hello.txt", b"hello\n");
    Ghcr::new().account("octocat").package("octocat/app", Visibility::Private, &["octocat"]).image("v1", &image)
}

/// Logs in while all is well, so that `verify` has a credential, then lets `path` fail.
struct Scene {
    home: Home,
    ghcr: Running,
    token: String,
    runtime: Runtime,
}

impl Scene {
    fn new() -> Scene {
        let runtime = Runtime::new().expect("a runtime");
        let ghcr = runtime.block_on(registry().start());
        let token = ghcr.token("octocat", Token::classic(&["read:packages"]));
        let home = Home::new();
        login(&home, &ghcr.registry.host(), &token).expect_success();
        Scene { home, ghcr, token, runtime }
    }

    fn verify(&self) -> Ran {
        let reference = self.ghcr.reference("octocat/app:v1");
        pullpass(&self.home, &["verify", &reference, "--docker"])
    }

    /// Both commands end in time with one of `codes`, say one of `words`, and change nothing.
    fn fails(&self, path: &str, failing: Failing, codes: &[i32], words: &[&str]) {
        self.ghcr.heal();
        self.ghcr.fail(path, failing.clone());
        let before = listing(&self.home.path());
        for (name, run) in [("login", self.login_again()), ("verify", self.verify_in_time())] {
            let Some(ran) = run.filter(|_| name == "verify" || !path.contains("manifests")) else { continue };
            assert!(codes.contains(&ran.code), "{failing:?} at {path}, {name}: {ran}");
            assert!(words.iter().any(|word| ran.said().contains(word)), "{failing:?} at {path}, {name}: {ran}");
            assert!(!ran.said().contains(&self.token), "{ran}");
        }
        assert_eq!(listing(&self.home.path()), before, "{failing:?} at {path}");
    }

    fn login_again(&self) -> Option<Ran> {
        let start = Instant::now();
        let ran = login(&self.home, &self.ghcr.registry.host(), &self.token);
        assert!(start.elapsed() < LIMIT, "{ran}");
        Some(ran)
    }

    fn verify_in_time(&self) -> Option<Ran> {
        let start = Instant::now();
        let ran = self.verify();
        assert!(start.elapsed() < LIMIT, "{ran}");
        Some(ran)
    }
}

#[test]
fn an_outage_is_no_answer_and_never_taken_for_a_dead_token() {
    let scene = Scene::new();
    for path in ["/v2/", "/token", "/v2/octocat/app/manifests"] {
        scene.fails(path, Failing::HangUp, &[3], &["cannot be reached"]);
        for status in [500, 502, 503] {
            scene.fails(path, Failing::Status(status), &[2, 3], &[&status.to_string(), "is no registry"]);
        }
        scene.fails(path, Failing::RateLimited, &[3], &["limits how often"]);
    }
}

#[test]
fn a_page_for_people_is_not_taken_for_a_registry() {
    let scene = Scene::new();
    scene.fails("/v2/", Failing::Html, &[2], &["is no registry"]);
    scene.fails("/token", Failing::Html, &[3], &["gave an answer"]);
    scene.fails("/v2/octocat/app/manifests", Failing::Html, &[3], &["gave an answer"]);
}

#[test]
fn a_redirect_loop_ends() {
    let scene = Scene::new();
    for path in ["/v2/", "/token", "/v2/octocat/app/manifests"] {
        scene.fails(path, Failing::RedirectLoop, &[2, 3], &["redirect", "is no registry"]);
    }
}

#[test]
fn other_bytes_than_the_digest_promises_are_refused() {
    let scene = Scene::new();
    scene.fails("/v2/octocat/app/manifests", Failing::WrongDigest, &[1], &["sent other bytes"]);
}

#[test]
fn a_registry_that_hangs_is_given_up() {
    let scene = Scene::new();
    scene.fails("/token", Failing::Hang, &[3], &["did not answer within"]);
}

#[test]
fn a_foreign_realm_gets_nothing() {
    let scene = Scene::new();
    let evil = scene.runtime.block_on(Canned::start(|_: &_| response(200, &[], "{\"token\":\"x\"}")));
    // Another name for the same machine is another host all the same.
    let origin = format!("http://evil.localhost:{}", evil.port());
    scene.fails("/v2/", Failing::ForeignRealm(origin), &[3], &["not known as its token service"]);
    assert_eq!(evil.log(), [""; 0], "nothing was sent there, with or without a credential");
}

#[test]
fn a_certificate_for_another_name_is_not_trusted() {
    let runtime = Runtime::new().expect("a runtime");
    let certificates = Certificates::for_names(&["other.example"]);
    let ghcr = runtime.block_on(registry().start_tls(&certificates));
    let token = ghcr.token("octocat", Token::classic(&["read:packages"]));
    let home = Home::new();
    let certs = format!(".config/containers/certs.d/{}/ca.crt", ghcr.registry.host());
    home.write(&certs, &certificates.ca_pem);
    let before = listing(&home.path());
    assert_fails(&login(&home, &ghcr.registry.host(), &token), 3, &["no TLS certificate to be trusted", "ca.crt"]);
    assert_eq!(listing(&home.path()), before);
    assert!(ghcr.registry.log().iter().all(|line| !line.contains("authorization")), "no request got through");
}

#[test]
fn certificates_are_taken_from_where_the_person_says_and_not_checked_when_that_is_said() {
    let runtime = Runtime::new().expect("a runtime");
    let certificates = Certificates::for_names(&["127.0.0.1"]);
    let ghcr = runtime.block_on(registry().start_tls(&certificates));
    let token = ghcr.token("octocat", Token::classic(&["read:packages"]));
    let host = ghcr.registry.host();
    let home = Home::new();
    home.write("certs/ca.crt", &certificates.ca_pem);
    let with = |more: &[&str]| {
        let words = [&["login", &host, "-u", "octocat", "--password-stdin", "--docker"], more].concat();
        pullpass_with_input(&home, &words, &token)
    };
    for refused in [&[][..], &["--tls-verify"], &["--tls-verify=true"]] {
        assert_fails(&with(refused), 3, &["no TLS certificate to be trusted"]);
    }
    let ran = with(&["--cert-dir", "certs", "--verbose"]);
    assert!(ran.code == 0 && ran.stderr.contains(&format!("GET https://{host}/v2/: 401")), "{ran}");
    assert!(!ran.said().contains(&token), "{ran}");
    with(&["--tls-verify=false"]).expect_success();
}
