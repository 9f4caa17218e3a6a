use std::{fs, os::unix::fs::PermissionsExt};

use base64::{Engine, engine::general_purpose::STANDARD};
use pullpass_secrets::{Secret, token};
use pullpass_testing::home::Home;
use serde_json::Value;

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
fn a_mark_tells_who_knows_the_key_which_token_it_is() {
    let home = Home::new();
    let (one, other) = (STANDARD.encode("octocat:one-token"), STANDARD.encode("octocat:other-token"));
    helper(&home, "one", "helped.io", "helped");
    home.write(
        ".docker/config.json",
        format!(r#"{{"credHelpers":{{"helped.io":"one"}},"auths":{{"ghcr.io":{{"auth":"{one}"}},"quay.io":{{"auth":"{other}"}},"x.io":{{"identitytoken":"one-token"}}}}}}"#),
    );
    let status = |key: &str| json(&pullpass(&home, &["status", "ghcr.io", "--docker", "--json", "--mark-key", key]));
    let key = [7; 32];
    let mark = |text: &str| Value::from(token::mark(&Secret::new(text.to_owned()), &key));
    let found = status(&"07".repeat(32));
    assert_eq!(found["stores"][0]["entries"][0]["mark"], mark("one-token"));
    assert_eq!(found["winners"][0]["mark"], mark("one-token"));
    assert_ne!(status(&"08".repeat(32))["winners"][0]["mark"], mark("one-token"));

    let all = json(&pullpass(&home, &["status", "--docker", "--json", "--mark-key", &"07".repeat(32)]));
    let marks: std::collections::BTreeMap<&str, &Value> = all["stores"]
        .as_array()
        .expect("stores")
        .iter()
        .flat_map(|store| store["entries"].as_array().expect("entries"))
        .map(|entry| (entry["registry"].as_str().expect("a registry"), &entry["mark"]))
        .collect();
    assert_eq!((marks["quay.io"], marks["helped.io"]), (&mark("other-token"), &mark("helped-secret")), "{all}");
    assert_eq!(marks["x.io"], &Value::Null, "an identity token is no token that anybody stored");

    let none = json(&pullpass(&home, &["status", "ghcr.io", "--docker", "--json"]));
    assert_eq!(none["winners"][0]["mark"], Value::Null);
    assert_fails(&pullpass(&home, &["status", "--json", "--mark-key", "07"]), 2, &["64 hexadecimal digits are needed"]);
    assert_fails(&pullpass(&home, &["status", "--mark-key", &"07".repeat(32)]), 2, &["--json"]);
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

/// A store's entries as `registry user`, by the store's path, variable or helper.
fn entries(status: &Value, store: &str) -> Vec<String> {
    let is_it = |found: &&Value| ["path", "variable", "helper"].iter().any(|field| found[*field] == store);
    let stores = status["stores"].as_array().expect("stores");
    // A helper's store has the path of the file that names it, too.
    let found = stores.iter().filter(is_it).find(|found| found["helper"] == store || found["helper"].is_null());
    let entries = found.unwrap_or_else(|| panic!("no {store} in {status}"))["entries"].as_array().expect("entries");
    let text = |field: &Value| field.as_str().unwrap_or_default().to_owned();
    entries.iter().map(|entry| format!("{} {}", text(&entry["registry"]), text(&entry["user"]))).collect()
}

fn auth(login: &str) -> String {
    STANDARD.encode(login)
}

/// A credential helper that has logins of `server`, as `user`, and writes down what it is asked.
fn helper(home: &Home, name: &str, server: &str, user: &str) {
    let path = home.side_dir("bin").join(format!("docker-credential-{name}"));
    let log = home.side_dir("asked").join(name);
    let script = format!(
        r#"#!/bin/sh
read asked
echo "$1 $asked" >> {log}
case "$1 $asked" in
list*) echo '{{"{server}":"{user}"}}' ;;
"get {server}") echo '{{"ServerURL":"{server}","Username":"{user}","Secret":"helped-secret"}}' ;;
*) echo credentials not found in native keychain; exit 1 ;;
esac
"#,
        log = log.display()
    );
    fs::write(&path, script).expect("a script");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("own file");
}

#[test]
fn the_variable_goes_before_the_helper_and_the_helper_before_the_file() {
    let home = Home::new();
    let file = home.write(
        ".docker/config.json",
        format!(
            r#"{{"auths":{{"ghcr.io":{{"auth":"{}"}},"quay.io":{{"auth":"{}"}}}},"credHelpers":{{"ghcr.io":"one"}}}}"#,
            auth("filed:in-the-file"),
            auth("other:in-the-file")
        ),
    );
    helper(&home, "one", "ghcr.io", "helped");
    let file = file.display().to_string();
    let variable = format!(r#"{{"auths":{{"ghcr.io":{{"auth":"{}"}}}}}}"#, auth("ci:in-the-variable"));

    let winner = |variable: &str| {
        let mut command = command(&home, &["status", "ghcr.io/o/app:1", "--docker", "--json"]);
        let ran = pullpass_testing::run::run(command.env("DOCKER_AUTH_CONFIG", variable));
        assert!(ran.code == 0 && !ran.said().contains("in-the") && !ran.said().contains("helped-secret"), "{ran}");
        let status = json(&ran);
        assert_eq!(entries(&status, &file), ["ghcr.io filed"], "the other registry's is not shown");
        assert_eq!(entries(&status, "one"), ["ghcr.io helped"]);
        status["winners"][0].clone()
    };
    let found = winner(&variable);
    assert_eq!((&found["store"], &found["user"]), (&"DOCKER_AUTH_CONFIG".into(), &"ci".into()));
    assert!(found["why"].as_str().expect("a reason").contains("takes precedence"), "{found}");
    let shadowed: Vec<&Value> =
        found["shadowed"].as_array().expect("a list").iter().map(|login| &login["store"]).collect();
    assert_eq!(shadowed, [file.as_str(), "docker-credential-one"]);

    let found = winner("");
    assert_eq!((&found["store"], &found["user"]), (&"docker-credential-one".into(), &"helped".into()));
    assert!(found["why"].as_str().expect("a reason").starts_with("credHelpers in "), "{found}");
}

#[test]
fn podman_uses_the_most_specific_key_of_the_first_file_with_a_login() {
    let home = Home::new();
    let runtime = podman_runtime(&home);
    fs::create_dir_all(runtime.parent().expect("a directory")).expect("a directory");
    fs::write(&runtime, format!(r#"{{"auths":{{"ghcr.io/o":{{"auth":"{}"}}}}}}"#, auth("org:1"))).expect("a store");
    home.write(".config/containers/auth.json", format!(r#"{{"auths":{{"ghcr.io":{{"auth":"{}"}}}}}}"#, auth("host:2")));
    let winner = |name: &str| json(&pullpass(&home, &["status", name, "--podman", "--json"]))["winners"][0].clone();
    let found = winner("ghcr.io/o/app");
    assert_eq!((&found["user"], &found["registry"]), (&"org".into(), &"ghcr.io/o".into()));
    assert_eq!(found["store"], runtime.display().to_string());
    assert_eq!(found["shadowed"][0]["store"], podman_persistent(&home).display().to_string());
    assert_eq!(winner("ghcr.io/p/app")["user"], "host");
    // As `reboot`: what is in memory is gone.
    fs::remove_file(&runtime).expect("a store");
    assert_eq!(winner("ghcr.io/o/app")["user"], "host");
}

#[test]
fn a_helper_is_listed_with_its_servers_and_gives_secrets_only_to_be_checked() {
    let home = Home::new();
    home.write(".docker/config.json", r#"{"credsStore":"one","auths":{"127.0.0.1:1":{}}}"#);
    helper(&home, "one", "127.0.0.1:1", "helped");
    let ran = pullpass(&home, &["status", "--json"]);
    assert_eq!((ran.code, entries(&json(&ran), "one")), (0, vec!["127.0.0.1:1 helped".to_owned()]), "{ran}");
    let log = home.side_dir("asked").join("one");
    assert_eq!(fs::read_to_string(&log).expect("a log"), "list unused\n");

    let ran = pullpass(&home, &["status", "--check", "--json"]);
    assert_eq!(ran.code, 3, "nothing listens there: {ran}");
    assert!(fs::read_to_string(&log).expect("a log").contains("get 127.0.0.1:1"));
    assert!(!ran.said().contains("helped-secret"), "{ran}");
}

#[test]
fn the_name_of_a_helper_is_no_path_and_no_helper_stands_for_all() {
    let home = Home::new();
    let evil = home.path().join("evil");
    fs::write(&evil, format!("#!/bin/sh\n: > {}\n", home.path().join("ran").display())).expect("a script");
    fs::set_permissions(&evil, fs::Permissions::from_mode(0o755)).expect("own file");
    home.write(
        ".docker/config.json",
        format!(
            r#"{{"credHelpers":{{"a.io":"../../../{}","b.io":"missing"}},"auths":{{"c.io":{{"auth":"YTpi"}}}}}}"#,
            evil.display()
        ),
    );
    let ran = pullpass(&home, &["status"]);
    assert_fails(&ran, 2, &["its name could be a path", "docker-credential-missing"]);
    assert!(ran.stdout.contains("c.io"), "{ran}");
    assert!(!home.path().join("ran").exists());
}

#[test]
fn dockers_snap_and_podmans_helpers_are_found() {
    let home = Home::new();
    let login = format!(r#"{{"auths":{{"ghcr.io":{{"auth":"{}"}}}}}}"#, auth("snapped:1"));
    let snap = home.write("snap/docker/current/.docker/config.json", &login);
    helper(&home, "two", "ghcr.io", "listed");
    home.write(".config/containers/registries.conf", "credential-helpers = [\"two\", \"containers-auth.json\"]\n");
    let status = json(&pullpass(&home, &["status", "ghcr.io", "--json"]));
    assert_eq!(entries(&status, &snap.display().to_string()), ["ghcr.io snapped"]);
    let winners = status["winners"].as_array().expect("a list");
    assert_eq!(winners[0]["store"], Value::Null, "another Docker does not read what the snap's does: {status}");
    assert_eq!((&winners[1]["store"], &winners[1]["user"]), (&"docker-credential-two".into(), &"listed".into()));
}

#[test]
fn a_login_is_checked_with_its_registry_and_a_refused_one_is_sent_once() {
    let (serving, home) = (Home::new(), Home::new());
    let server = server(&serving);
    let registry = &server.registry;
    let other = Home::new();
    let (alive, dead) = (server.token("read:packages"), self::server(&other).token("read:packages"));
    let file = |token: &str| {
        format!(
            r#"{{"auths":{{"{registry}":{{"auth":"{0}"}},"http://{registry}":{{"auth":"{0}"}}}}}}"#,
            auth(&format!("alice:{token}"))
        )
    };
    home.write(".docker/config.json", file(&alive));
    let ran = pullpass(&home, &["status", "--check", "--json"]);
    assert_eq!(ran.code, 0, "{ran}");
    let listed = json(&ran);
    let found = listed["stores"][0]["entries"].as_array().expect("entries");
    assert!(found.len() == 2 && found.iter().all(|entry| entry["alive"] == true), "{listed}");

    home.write(".docker/config.json", file(&dead));
    let ran = pullpass(&home, &["status", "--check"]);
    assert_fails(&ran, 1, &["refused the credential of `alice`"]);
    assert!(!ran.said().contains(&dead), "{ran}");
    drop(server);
    // The registry is gone, so this is remembered.
    let ran = pullpass(&home, &["status", "--check"]);
    assert_fails(&ran, 1, &["refused this token", "ago"]);
    assert_eq!(pullpass(&home, &["status", "--check", "--retry"]).code, 3, "nobody answers");
}

#[test]
fn metrics_are_a_whole_file_that_the_collector_may_read_and_hold_no_secret() {
    let home = Home::new();
    let token = format!("ghp{}{}", '_', "PULLPASSfakeTokenForTests000001SnXls");
    home.write(
        ".docker/config.json",
        format!(
            r#"{{"auths":{{"we\"ird\\\n.io":{{"auth":"{}"}},"ghcr.io":{{"auth":"{}"}}}}}}"#,
            auth("bob:hunter2hunter2"),
            auth(&format!("octocat:{token}"))
        ),
    );
    let path = home.path().join("out.prom");
    let out = path.display().to_string();
    let ran = pullpass(&home, &["status", "--metrics", &out]);
    assert_eq!(ran.code, 0, "{ran}");
    let text = fs::read_to_string(&path).expect("metrics");
    assert_eq!(mode(&path), 0o644);
    assert!(text.contains(r#"registry="we\"ird\\\n.io""#), "{text}");
    assert!(
        text.contains("\n# TYPE pullpass_status_timestamp_seconds gauge\npullpass_status_timestamp_seconds 1"),
        "{text}"
    );
    for hidden in [token.as_str(), "hunter2", "nXls", "bob", "octocat"] {
        assert!(!text.contains(hidden), "{text}");
    }
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        assert!(
            line.starts_with("pullpass_")
                && line.rsplit_once(' ').is_some_and(|(_, value)| value.parse::<u64>().is_ok()),
            "{line}"
        );
    }
    let left: Vec<_> = fs::read_dir(home.path()).expect("the home").flatten().map(|entry| entry.file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".pullpass-")), "{left:?}");
    assert_fails(&pullpass(&home, &["status", "--metrics", "/proc/nowhere/x"]), 3, &["/proc/nowhere/x"]);
}

#[test]
fn another_user_who_is_none_is_not_taken_for_nobody() {
    let home = Home::new();
    let name = format!("ghp{}{}", '_', "PULLPASSfakeTokenForTests000001SnXls");
    for user in [name.as_str(), "", "--all", "no-such-user-on-any-host"] {
        let ran = pullpass(&home, &["status", &format!("--user={user}")]);
        assert_fails(&ran, 2, &[]);
        assert!(!ran.said().contains(&name), "{ran}");
    }
}

#[test]
fn only_the_end_of_a_token_that_github_tells_can_be_warned_of() {
    assert_fails(&pullpass(&Home::new(), &["status", "--warn-days", "14"]), 2, &["--github"]);
}

#[test]
fn the_login_that_an_engine_uses_becomes_a_pull_secret() {
    let home = Home::new();
    home.write(
        ".docker/config.json",
        format!(r#"{{"auths":{{"https://ghcr.io/v1/":{{"auth":"{}"}}}}}}"#, auth("me:1")),
    );
    let words = ["status", "ghcr.io/o/app", "--as-pull-secret", "--json"];
    let secret = |words: &[&str]| {
        let secret = json(&pullpass(&home, words));
        let config = secret["data"][".dockerconfigjson"].as_str().expect("data").to_owned();
        let config: Value = serde_json::from_slice(&STANDARD.decode(config).expect("base64")).expect("JSON");
        (secret["metadata"].clone(), config["auths"].clone())
    };
    let (metadata, auths) = secret(&[&words[..], &["--name", "regcred", "--namespace", "apps"]].concat());
    assert_eq!((&metadata["name"], &metadata["namespace"]), (&"regcred".into(), &"apps".into()));
    assert_eq!((&auths["ghcr.io"]["username"], &auths["ghcr.io"]["auth"]), (&"me".into(), &auth("me:1").into()));

    // Podman has another one, of a part of the registry.
    home.write(
        ".config/containers/auth.json",
        format!(r#"{{"auths":{{"ghcr.io/o":{{"auth":"{}"}}}}}}"#, auth("org:2")),
    );
    let ran = pullpass(&home, &words);
    assert_fails(&ran, 2, &["different logins", "--podman"]);
    assert!(ran.stdout.is_empty());
    let (metadata, auths) = secret(&[&words[..], &["--podman"]].concat());
    assert_eq!((&metadata["name"], &auths["ghcr.io/o"]["username"]), (&"pullpass".into(), &"org".into()));

    let ran = pullpass(&home, &["status", "quay.io", "--as-pull-secret"]);
    assert_fails(&ran, 1, &["no engine has a login of `quay.io`"]);
    assert_fails(
        &pullpass(&home, &[&words[..], &["--podman", "--name", "Reg_Cred"]].concat()),
        2,
        &["name of a Secret"],
    );
    assert_fails(&pullpass(&home, &["status", "--as-pull-secret"]), 2, &[]);
}
