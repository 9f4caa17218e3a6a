//! `pullpass kubelet` with a file that the real podman has written, and its answer in the hands of the real skopeo.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use pullpass_testing::{
    engines::podman::Podman,
    home::Home,
    run::{run, run_with_input},
};
use serde_json::{Value, json};

use crate::{
    program::{USER, over_tls, pullpass},
    sample,
};

#[test]
fn a_login_that_podman_keeps_for_an_owner_opens_the_images_of_that_owner() {
    let (host, home) = (Home::new(), Home::new());
    let server = over_tls(&host);
    let podman = Podman::new(&home);
    podman.trust(&server.registry, &server.ca());
    let (owner, reference) = (server.reference("alice"), server.reference("alice/hello:1"));
    let login = |key: &str, scope: &str| {
        let words = ["login", "--authfile", "auth.json", "--username", USER, "--password-stdin", key];
        run_with_input(podman.podman().args(words), &server.token(scope)).expect_success();
    };
    login(&owner, "write:packages");
    sample::oci_layout(&home.side_dir("layout"));
    let layout = format!("oci:{}", home.side_dir("layout").display());
    let copy = ["copy", "--preserve-digests", "--dest-authfile", "auth.json", &layout];
    run(podman.skopeo().args(copy).arg(format!("docker://{reference}"))).expect_success();

    let request = |image: &str| {
        let version = "credentialprovider.kubelet.k8s.io/v1";
        let request = json!({ "apiVersion": version, "kind": "CredentialProviderRequest", "image": image });
        let ran = run_with_input(pullpass(&home).args(["kubelet", "--authfile", "auth.json"]), &request.to_string());
        serde_json::from_str::<Value>(&ran.expect_success()).expect("JSON")
    };
    let answer = request(&server.reference("alice/hello"));
    assert_eq!(answer["cacheKeyType"], "Image", "{owner} is no key for the whole registry");
    assert_eq!(request(&server.reference("bob/hello"))["auth"], Value::Null);
    let (key, found) = answer["auth"].as_object().and_then(|auth| auth.iter().next()).expect("a login");
    assert_eq!((key, &found["username"]), (&owner, &json!(USER)));

    let inspect = |file: &str| {
        let words = ["inspect", "--authfile", file, "--format", "{{.Digest}}"];
        run(podman.skopeo().args(words).arg(format!("docker://{reference}")))
    };
    home.write("none.json", "{}");
    assert_ne!(inspect("none.json").code, 0, "the image is private");
    let auth = STANDARD.encode(format!("{USER}:{}", found["password"].as_str().expect("a text")));
    home.write("answer.json", json!({ "auths": { key.as_str(): { "auth": auth } } }).to_string());
    assert_eq!(inspect("answer.json").expect_success().trim(), sample::image().digest().to_string());
}
