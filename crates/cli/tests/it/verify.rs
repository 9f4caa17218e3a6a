mod asked;
mod many;

use pullpass_client::{Credential, Options, Registry};
use pullpass_oci::{Image, Reference, media_type};
use pullpass_secrets::Secret;
use pullpass_testing::{home::Home, run::Ran, serve::Server};
use serde_json::Value;

use crate::support::*;

/// A private image on the server.
fn publish(server: &Server<'_>) -> Reference {
    let reference: Reference = server.reference("alice/app:v1").parse().expect("a reference");
    let credential = Credential { user: "alice".to_owned(), secret: Secret::new(server.token("write:packages")) };
    let image = Image::with_file("amd64", "hello.txt", b"hello\n");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let registry =
            Registry::connect(&reference.registry, Some(credential), Options::default()).await.expect("a registry");
        for blob in [&image.config, &image.layer] {
            registry.upload_blob(&reference.repository, blob.clone().into()).await.expect("a push");
        }
        let tag = "v1".parse().expect("a tag");
        let manifest = image.manifest.clone().into();
        registry.put_manifest(&reference.repository, &tag, media_type::OCI_MANIFEST, manifest).await.expect("a push");
    });
    reference
}

fn verify(home: &Home, reference: &Reference) -> (i32, Value) {
    let ran = pullpass(home, &["verify", &reference.to_string(), "--docker", "--json"]);
    (ran.code, first(&ran))
}

/// What is said of the one reference.
fn first(ran: &Ran) -> Value {
    json(ran)["references"][0].take()
}

#[test]
fn the_three_questions_are_answered_apart() {
    let serving = Home::new();
    let server = server(&serving);
    let reference = publish(&server);
    let answers = |home: &Home| {
        let (code, json) = verify(home, &reference);
        let engine = &json["engines"][0];
        (code, engine["token_alive"].clone(), engine["opens"].clone(), json["anonymous"]["opens"].clone())
    };
    let home = Home::new();
    assert_eq!(answers(&home), (1, Value::Null, false.into(), false.into()));

    login(&home, &server.registry, &server.token("read:packages")).expect_success();
    assert_eq!(answers(&home), (0, true.into(), true.into(), false.into()));

    login(&home, &server.registry, &server.token("delete:packages")).expect_success();
    assert_eq!(answers(&home), (1, true.into(), false.into(), false.into()));

    server.administer(&["token", "revoke", "3"]);
    assert_eq!(answers(&home), (1, false.into(), false.into(), false.into()));

    // The image becomes public, and the dead login still keeps it shut: as on ghcr.io.
    server.administer(&["admin", "package", "set-visibility", "alice/app", "public"]);
    assert_eq!(answers(&home), (1, false.into(), false.into(), true.into()));
    let (_, json) = verify(&home, &reference);
    assert!(json["verdict"].as_str().expect("a verdict").contains("the image is public"), "{json}");

    pullpass(&home, &["logout", &server.registry]).expect_success();
    assert_eq!(answers(&home), (0, Value::Null, true.into(), true.into()));
}

#[test]
fn a_missing_tag_is_no_question_of_rights() {
    let (serving, home) = (Home::new(), Home::new());
    let server = server(&serving);
    publish(&server);
    login(&home, &server.registry, &server.token("read:packages")).expect_success();
    let (code, json) = verify(&home, &server.reference("alice/app:nope").parse().expect("a reference"));
    assert_eq!((code, &json["engines"][0]["token_alive"]), (1, &Value::Bool(true)));
    assert!(json["verdict"].as_str().expect("a verdict").contains("manifest unknown"), "{json}");
}

#[test]
fn what_could_not_be_found_out_is_not_a_no() {
    let home = Home::new();
    let ran = pullpass(&home, &["verify", "127.0.0.1:1/alice/app:v1", "--docker", "--json"]);
    assert_eq!(ran.code, 3, "{ran}");
    assert_eq!(first(&ran)["engines"][0]["opens"], Value::Null);
    assert_eq!(first(&ran)["engines"][0]["will_pull"], Value::Null);
    home.write(".docker/config.json", r#"{"credsStore":"pass"}"#);
    let (serving, _) = (Home::new(), ());
    let server = server(&serving);
    let (code, json) = verify(&home, &server.reference("alice/app:v1").parse().expect("a reference"));
    assert_eq!(code, 3, "{json}");
    let verdict = json["verdict"].as_str().expect("a verdict");
    assert!(verdict.contains("credential helper `pass`") && verdict.contains("not installed"), "{json}");
}

#[test]
fn what_is_no_reference_is_named() {
    let home = Home::new();
    let ran = pullpass(&home, &["verify", "ghcr.io/Octocat/app"]);
    assert_fails(&ran, 2, &["ghcr.io/Octocat/app", "lower case"]);
}

#[test]
fn podman_does_not_speak_plain_http_unless_it_was_told() {
    let (serving, home) = (Home::new(), Home::new());
    let server = server(&serving);
    let reference = publish(&server).to_string();
    login(&home, &server.registry, &server.token("read:packages")).expect_success();
    let verify = || pullpass(&home, &["verify", &reference, "--podman", "--json"]);
    let refused = verify();
    assert_eq!((refused.code, &first(&refused)["engines"][0]["will_pull"]), (1, &Value::Bool(false)));
    assert!(first(&refused)["verdict"].as_str().expect("a verdict").contains("registries.conf"), "{refused}");
    for location in [server.registry.clone(), format!("{}/alice", server.registry)] {
        let told = format!("[[registry]]\nlocation = \"{location}\"\ninsecure = true\n");
        home.write(".config/containers/registries.conf", told);
        assert_eq!(verify().code, 0, "{location}");
    }
    let main =
        home.write(".config/containers/registries.conf", "[[registry]]\nlocation = \"127.0.0.1\"\ninsecure = true\n");
    assert_eq!(verify().code, 1);
    // Nobody will ever write there.
    std::fs::remove_file(&main).expect("own file");
    rustix::fs::mkfifoat(rustix::fs::CWD, &main, rustix::fs::Mode::RWXU).expect("a pipe");
    assert_eq!(verify().code, 1);
}
