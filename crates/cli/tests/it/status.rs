use std::{fs, os::unix::fs::PermissionsExt};

use base64::{Engine, engine::general_purpose::STANDARD};
use pullpass_testing::home::Home;

use crate::support::*;

#[test]
fn credentials_are_listed_by_kind_and_fingerprint_never_by_value() {
    let home = Home::new();
    let token = format!("ghp{}{}", '_', "PULLPASSfakeTokenForTests000001SnXls");
    let auth = STANDARD.encode(format!("octocat:{token}"));
    home.write(".docker/config.json", format!(r#"{{"auths":{{"ghcr.io":{{"auth":"{auth}"}}}}}}"#));
    let password = STANDARD.encode("bob:hunter2hunter2");
    home.write(".config/containers/auth.json", format!(r#"{{"auths":{{"quay.io":{{"auth":"{password}"}}}}}}"#));
    for words in [&["status"][..], &["status", "--json"]] {
        let ran = pullpass(&home, words);
        assert_eq!(ran.code, 0, "{ran}");
        for shown in ["ghcr.io", "octocat", "ghp_…nXls", "GitHub classic personal access token", "quay.io", "bob"] {
            assert!(ran.stdout.contains(shown), "`{shown}` is missing: {ran}");
        }
        for hidden in [&token, &auth, &password, "hunter2"] {
            assert!(!ran.said().contains(hidden), "{ran}");
        }
    }
    let ghcr = json(&pullpass(&home, &["status", "ghcr.io", "--json"]));
    let entries: Vec<_> = ghcr["stores"]
        .as_array()
        .expect("stores")
        .iter()
        .flat_map(|store| store["entries"].as_array().expect("entries"))
        .collect();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["user"], "octocat");
}

#[test]
fn a_store_that_others_may_read_is_said() {
    let home = Home::new();
    let path = home.write(".docker/config.json", r#"{"auths":{"ghcr.io":{"auth":"YTpi"}}}"#);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("own file");
    let ran = pullpass(&home, &["status"]);
    assert!(ran.stderr.contains("other users may read") && ran.stderr.contains("chmod 600"), "{ran}");
    assert_eq!(mode(&path), 0o644, "looking changes nothing");
}

#[test]
fn one_broken_store_does_not_hide_the_others() {
    let home = Home::new();
    home.write(".docker/config.json", "{");
    home.write(".config/containers/auth.json", r#"{"auths":{"ghcr.io":{"auth":"YTpi"},"x.io":{"auth":"%%%"}}}"#);
    let ran = pullpass(&home, &["status"]);
    assert_fails(&ran, 2, &["config.json"]);
    assert!(ran.stdout.contains("ghcr.io") && ran.stdout.contains("unusable"), "{ran}");
}

#[test]
fn equal_secrets_look_equal_even_where_nothing_can_be_kept() {
    let home = Home::new();
    let auth = STANDARD.encode("bob:hunter2hunter2");
    home.write(
        ".docker/config.json",
        format!(r#"{{"auths":{{"a.io":{{"auth":"{auth}"}},"b.io":{{"auth":"{auth}"}}}}}}"#),
    );
    let mut command = command(&home, &["status", "--json"]);
    let listed = json(&pullpass_testing::run::run(command.env("XDG_STATE_HOME", "/proc/nowhere")));
    let entries = &listed["stores"][0]["entries"];
    assert_eq!(entries[0]["fingerprint"], entries[1]["fingerprint"], "{listed}");
}

#[test]
fn no_login_is_an_answer_of_its_own() {
    let home = Home::new();
    assert_eq!(pullpass(&home, &["status"]).code, 0);
    let ran = pullpass(&home, &["status", "ghcr.io"]);
    assert!(ran.code == 1 && ran.stderr.contains("there is no login of ghcr.io"), "{ran}");
}
