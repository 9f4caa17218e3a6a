use std::fs;

use pullpass_testing::home::{Home, listing};

use crate::support::*;

const LOGIN: &str = r#"{"auth":"YWxpY2U6c2VjcmV0"}"#;

#[test]
fn every_spelling_goes_from_every_store_and_others_stay() {
    let home = Home::new();
    let docker = format!(
        r#"{{"auths":{{"ghcr.io":{LOGIN},"https://ghcr.io":{LOGIN},"http://ghcr.io/":{LOGIN},"quay.io":{LOGIN}}}}}"#
    );
    home.write(".docker/config.json", docker);
    home.write(".config/containers/auth.json", format!(r#"{{"auths":{{"ghcr.io":{LOGIN}}}}}"#));
    let ran = pullpass(&home, &["logout"]);
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(
        fs::read_to_string(docker_config(&home)).expect("a store"),
        format!(r#"{{"auths":{{"quay.io":{LOGIN}}}}}"#)
    );
    assert!(!fs::read_to_string(podman_persistent(&home)).expect("a store").contains("ghcr.io"));
    assert_eq!(pullpass(&home, &["status", "ghcr.io"]).code, 1);
    assert_eq!(pullpass(&home, &["status", "quay.io"]).code, 0);
}

#[test]
fn all_means_all_and_nothing_is_no_error() {
    let home = Home::new();
    home.write(".docker/config.json", format!(r#"{{"auths":{{"ghcr.io":{LOGIN},"quay.io":{LOGIN}}},"x":1}}"#));
    let ran = pullpass(&home, &["logout", "--all", "quay.io"]);
    assert!(ran.code == 2 && ran.stderr.contains("cannot be used with"), "all or one: {ran}");
    pullpass(&home, &["logout", "--all"]).expect_success();
    assert_eq!(fs::read_to_string(docker_config(&home)).expect("a store"), r#"{"auths":{},"x":1}"#);
    let ran = pullpass(&home, &["logout", "--all"]);
    assert!(ran.code == 0 && ran.stdout.contains("there was no login"), "{ran}");
}

#[test]
fn a_helper_that_cannot_be_asked_makes_a_logout_fail_loudly() {
    let home = Home::new();
    home.write(".docker/config.json", format!(r#"{{"auths":{{"ghcr.io":{LOGIN}}},"credsStore":"pass"}}"#));
    for words in [&["logout"][..], &["logout", "--all"]] {
        assert_fails(&pullpass(&home, words), 3, &["may still be", "docker-credential-pass", "not installed"]);
    }
    // What could be removed is.
    assert!(!fs::read_to_string(docker_config(&home)).expect("a store").contains("ghcr.io"));
    scripted_helper(
        &home,
        "pass",
        r#"[ $1 = get ] && echo '{"ServerURL":"s","Username":"u","Secret":"hunter2"}'; exit 0"#,
    );
    let ran = pullpass(&home, &["logout"]);
    assert_fails(&ran, 1, &["`pass` still has the login of `ghcr.io`"]);
    assert!(!ran.said().contains("hunter2"), "{ran}");
}

#[test]
fn a_login_in_the_old_file_of_docker_is_said_and_stays() {
    let home = Home::new();
    home.write(".dockercfg", format!(r#"{{"https://ghcr.io/v1/":{LOGIN}}}"#));
    assert_fails(&pullpass(&home, &["logout", "--podman"]), 1, &[".dockercfg", "by hand"]);
}

#[test]
fn a_malformed_store_stops_a_logout_before_it_begins() {
    let home = Home::new();
    home.write(".docker/config.json", format!(r#"{{"auths":{{"ghcr.io":{LOGIN}}}}}"#));
    home.write(".config/containers/auth.json", "{");
    let before = listing(&home.path());
    assert_fails(&pullpass(&home, &["logout"]), 2, &["auth.json", "line 1"]);
    assert_eq!(listing(&home.path()), before);
}

#[test]
fn helpers_of_single_registries_are_not_overlooked() {
    let home = Home::new();
    home.write(".docker/config.json", r#"{"credHelpers":{"gcr.io":"gcloud"}}"#);
    assert_fails(&pullpass(&home, &["logout", "--all"]), 3, &["docker-credential-gcloud", "gcr.io"]);
    let status = pullpass(&home, &["status"]);
    assert!(status.stderr.contains("`gcloud (gcr.io)`"), "{status}");
    assert_eq!(pullpass(&home, &["logout", "ghcr.io"]).code, 0);
}

#[test]
fn a_dry_run_says_what_would_go_and_removes_nothing() {
    let home = Home::new();
    home.write(".docker/config.json", format!(r#"{{"auths":{{"ghcr.io":{LOGIN},"quay.io":{LOGIN}}}}}"#));
    let before = listing(&home.path());
    let ran = pullpass(&home, &["logout", "--dry-run"]);
    assert!(ran.code == 0 && ran.stdout.contains("would remove the login of ghcr.io from "), "{ran}");
    assert!(!ran.stdout.contains("quay.io"), "{ran}");
    assert_eq!(json(&pullpass(&home, &["logout", "--dry-run", "--json"]))["removed"][0]["keys"][0], "ghcr.io");
    assert_eq!(listing(&home.path()), before);
}
