use pullpass_testing::{home::Home, run::Ran};

use crate::support::*;

#[test]
fn a_token_is_shown_once_and_listed_by_fingerprint() {
    let home = Home::new();
    let server = server(&home);
    let words = ["token", "new", "--user", "alice", "--note", "the fleet", "--scope", "read:packages", "--json"];
    let made: serde_json::Value = serde_json::from_str(&server.administer(&words)).expect("JSON");
    let token = made["token"].as_str().expect("a token");
    let listed = server.administer(&["token", "list"]);
    assert!(listed.contains(made["fingerprint"].as_str().expect("a fingerprint")) && listed.contains("the fleet"));
    assert!(!listed.contains(token) && !server.administer(&["token", "list", "--json"]).contains(token));

    let days = |key: &str| made[key].as_str().expect("a time").parse::<jiff::Timestamp>().expect("RFC 3339");
    let life = days("expires").duration_since(jiff::Timestamp::now());
    assert!((29..=30).contains(&(life.as_hours() / 24)), "30 days unless said: {made}");
}

#[test]
fn never_must_be_asked_for_and_nonsense_is_refused() {
    let home = Home::new();
    let server = server(&home);
    let words = ["token", "new", "--user", "alice", "--scope", "read:packages", "--json", "--expires"];
    let made: serde_json::Value =
        serde_json::from_str(&server.administer(&[&words[..], &["never"]].concat())).expect("JSON");
    assert!(made["expires"].is_null());
    let data = home.side_dir("data").display().to_string();
    let new =
        |more: &[&str]| pullpass(&home, &[&["token", "new", "--data", &data, "--user", "alice"][..], more].concat());
    assert_fails(&new(&["--scope", "read:packages", "--expires", "0d"]), 2, &[]);
    assert_fails(&new(&["--scope", "read:packages", "--expires", "soon"]), 2, &[]);
    assert_fails(&new(&["--scope", "repo"]), 2, &["read:packages"]);
    assert_fails(&new(&[]), 2, &["--scope"]);
    let ran = pullpass(&home, &["token", "new", "--data", &data, "--user", "bob", "--scope", "read:packages"]);
    assert_fails(&ran, 2, &["there is no user `bob`", "pullpass admin user add bob"]);
}

#[test]
fn a_running_server_refuses_a_token_from_the_moment_it_is_revoked() {
    let (serving, home) = (Home::new(), Home::new());
    let server = server(&serving);
    let token = server.token("read:packages");
    login(&home, &server.registry, &token).expect_success();
    server.administer(&["token", "revoke", "1"]);
    assert_fails(&login(&home, &server.registry, &token), 1, &["authentication required", "revoked"]);
}

#[test]
fn a_token_is_rotated_on_a_running_server_and_the_old_one_works_until_it_ends() {
    let (serving, home) = (Home::new(), Home::new());
    let server = server(&serving);
    let old = server.token("read:packages");
    let ran = administer(&serving, &["token", "rotate", "1", "--note", "new fleet"]);
    assert!(ran.code == 0 && ran.stderr.contains("token 2 of `alice`, expires"), "{ran}");
    assert!(
        ran.stderr.contains("token 1 (ppt_…") && ran.stderr.contains("end it earlier: `pullpass token revoke 1 --data"),
        "{ran}"
    );
    for token in [old.as_str(), ran.stdout.trim_end()] {
        login(&home, &server.registry, token).expect_success();
    }
    let ran = administer(&serving, &["token", "rotate", "1", "--overlap", "1s", "--expires", "never", "--json"]);
    let made = json(&ran);
    assert_eq!((&made["id"], &made["user"], &made["expires"]), (&3.into(), &"alice".into(), &serde_json::Value::Null));
    assert_eq!((&made["old"]["id"], made["old"]["token"].is_null()), (&1.into(), true));
    assert!(!ran.said().contains(&old), "{ran}");
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert_fails(&login(&home, &server.registry, &old), 1, &["expired"]);
    login(&home, &server.registry, made["token"].as_str().expect("a token")).expect_success();

    for (words, said) in [
        (&["1"][..], "is dead"),
        (&["99"], "there is no token 99"),
        (&["2", "--overlap", "0s"], "--overlap"),
        (&["2", "--note", &old], "there is a token in the note"),
    ] {
        let ran = administer(&serving, &[&["token", "rotate"], words].concat());
        assert_fails(&ran, 2, &[said]);
        assert!(!ran.said().contains(&old), "{ran}");
    }
}

fn administer(serving: &Home, words: &[&str]) -> Ran {
    let data = serving.side_dir("data").display().to_string();
    pullpass(serving, &[words, &["--data", &data]].concat())
}
