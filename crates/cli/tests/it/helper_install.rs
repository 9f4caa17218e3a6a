use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use pullpass_testing::{
    canary::Canary,
    home::{Home, listing},
    run::{Ran, run, run_with_input},
};

use crate::support::*;

const SECRET: &str = "a secret that lay readable until now";

fn login(secret: &str) -> String {
    format!("{{\"auth\":\"{}\"}}", STANDARD.encode(format!("octocat:{secret}")))
}

fn local_bin(home: &Home) -> PathBuf {
    home.path().join(".local/bin")
}

/// `pullpass helper WORDS` for both engines, where `~/.local/bin` is on PATH.
fn pullpass_helper(home: &Home, words: &[&str]) -> Ran {
    let mut command = command(home, &["helper"]);
    run(command.args(words).env("PATH", local_bin(home)))
}

fn install(home: &Home, words: &[&str]) -> Ran {
    pullpass_helper(home, &[&["install", "--docker", "--podman"], words].concat())
}

/// What the helper answers under its own name.
fn get(home: &Home, server: &str) -> Ran {
    run_with_input(home.command(local_bin(home).join("docker-credential-pullpass")).arg("get"), server)
}

#[track_caller]
fn assert_refused(home: &Home, words: &[&str], said: &[&str]) {
    let before = listing(&home.path());
    assert_fails(&install(home, words), 2, &[said, &["nothing was changed"]].concat());
    assert_eq!(listing(&home.path()), before);
}

#[test]
fn logins_move_into_the_store_and_back_and_everything_else_stays() {
    let home = Home::new();
    let docker =
        format!("{{\"x\": 1.0, \"auths\": {{\"https://ghcr.io\": {}, \"quay.io\": {}}}}}\n", login(SECRET), login("q"));
    let podman = format!("{{\"auths\": {{\"ghcr.io\": {}}}}}", login(SECRET));
    home.write(".docker/config.json", &docker);
    home.write(".config/containers/auth.json", &podman);
    let said = install(&home, &[]).expect_success();
    assert!(said.contains("moved the login of ghcr.io") && !said.contains("secret"), "{said}");
    let answer = get(&home, "ghcr.io").expect_success();
    assert!(answer.contains(SECRET) && answer.contains("octocat"), "{answer}");
    let root = home.path().parent().expect("the directory of the home").to_owned();
    assert_eq!(Canary::new(SECRET).files_below(&root), [""; 0]);
    assert_eq!(
        fs::read_to_string(docker_config(&home)).expect("a file"),
        format!(
            "{{\"x\": 1.0, \"auths\": {{\"quay.io\": {}}},\"credHelpers\": {{\"ghcr.io\": \"pullpass\"}}}}\n",
            login("q")
        )
    );
    for path in [podman_runtime(&home), podman_persistent(&home)] {
        let text = fs::read_to_string(path).expect("a file");
        assert!(text.contains("credHelpers") && text.contains("\"pullpass\""), "{text}");
    }
    let installed = listing(&home.path());
    install(&home, &[]).expect_success();
    assert_eq!(listing(&home.path()), installed, "there is nothing left to do");

    let said = pullpass_helper(&home, &["uninstall", "--all"]).expect_success();
    assert!(said.contains("put the login of ghcr.io back"), "{said}");
    let back = pullpass_helper(&home, &["list"]).expect_success();
    assert_eq!(back, "{}\n");
    assert!(!local_bin(&home).join("docker-credential-pullpass").is_symlink(), "the link is gone");
    let status = pullpass(&home, &["status", "ghcr.io", "--json"]);
    assert_eq!(status.code, 0, "{status}");
    for path in [docker_config(&home), podman_persistent(&home)] {
        let text = fs::read_to_string(path).expect("a file");
        assert!(text.contains(&login(SECRET)[9..40]) && !text.contains("\"pullpass\""), "{text}");
    }
}

#[test]
fn all_registries_move_and_docker_asks_the_helper_for_those_to_come() {
    let home = Home::new();
    let hub = "https://index.docker.io/v1/";
    let token = "{\"auth\":\"b2N0b2NhdDo=\",\"identitytoken\":\"an identity token\"}";
    home.write(".docker/config.json", format!("{{\"auths\":{{\"{hub}\":{},\"h:5000\":{token}}}}}", login(SECRET)));
    home.write(".config/containers/auth.json", format!("{{\"auths\":{{\"quay.io\":{}}}}}", login("q")));
    install(&home, &["--all"]).expect_success();
    assert_eq!(fs::read_to_string(docker_config(&home)).expect("a file"), "{\"auths\":{},\"credsStore\":\"pullpass\"}");
    let podman = fs::read_to_string(podman_persistent(&home)).expect("a file");
    assert_eq!(podman, "{\"auths\":{},\"credHelpers\":{\"quay.io\":\"pullpass\"}}");
    assert!(get(&home, hub).expect_success().contains(SECRET));
    let answer = get(&home, "h:5000").expect_success();
    assert!(answer.contains("\"<token>\"") && answer.contains("an identity token"), "{answer}");
}

#[test]
fn what_would_lose_a_login_is_refused_before_anything_changes() {
    let home = Home::new();
    let both = |docker: &str, podman: &str| {
        home.write(".docker/config.json", docker);
        home.write(".config/containers/auth.json", podman);
    };
    both(
        &format!("{{\"auths\":{{\"ghcr.io\":{}}}}}", login("a")),
        &format!("{{\"auths\":{{\"ghcr.io\":{}}}}}", login("b")),
    );
    assert_refused(&home, &[], &["two different logins of `ghcr.io`", "config.json", "auth.json"]);
    both("{}", &format!("{{\"auths\":{{\"ghcr.io/team\":{}}}}}", login("a")));
    assert_refused(&home, &[], &["podman would no longer use its login for `ghcr.io/team`"]);
    both("{\"credHelpers\":{\"ghcr.io\":\"gcloud\"}}", "{}");
    assert_refused(&home, &[], &["credential helper `gcloud`"]);
    both("{\"credsStore\":\"pass\"}", "{}");
    assert_refused(&home, &["--all"], &["credential helper `pass`"]);
    both("{\"auths\":{\"ghcr.io\":{\"auth\":\"%%%\"}}}", "{}");
    assert_refused(&home, &[], &["the login of `ghcr.io` cannot be read"]);
    home.write(".docker/config.json", "{");
    assert_eq!(install(&home, &[]).code, 2);
    assert_eq!(fs::read_to_string(docker_config(&home)).expect("a file"), "{");
}

#[test]
fn a_login_that_the_store_cannot_take_stays_where_it_is() {
    let home = Home::new();
    let text = format!("{{\"auths\":{{\"ghcr.io\":{}}}}}", login(SECRET));
    home.write(".docker/config.json", &text);
    let mut command = command(&home, &["helper", "install", "--docker"]);
    let ran = run(command.env("PATH", local_bin(&home)).env("PULLPASS_KEY_COMMAND", "/bin/false"));
    assert_fails(&ran, 3, &["key command"]);
    assert_eq!(fs::read_to_string(docker_config(&home)).expect("a file"), text);
}

#[test]
fn the_name_of_the_helper_is_not_taken_from_another_program_and_has_to_be_on_path() {
    let home = Home::new();
    home.write(".docker/config.json", format!("{{\"auths\":{{\"ghcr.io\":{}}}}}", login(SECRET)));
    let before = listing(&home.path());
    let ran = pullpass(&home, &["helper", "install", "--docker"]);
    assert_fails(&ran, 2, &["no place for `docker-credential-pullpass`", "export PATH", "nothing was changed"]);
    assert_eq!(listing(&home.path()), before);
    let foreign = home.write(".local/bin/docker-credential-pullpass", "#!/bin/sh\n");
    fs::set_permissions(&foreign, fs::Permissions::from_mode(0o755)).expect("own file");
    assert_refused(&home, &[], &["is another program"]);
    assert_eq!(fs::read_to_string(&foreign).expect("a file"), "#!/bin/sh\n");
}

#[test]
fn uninstalling_one_engine_leaves_the_login_to_the_other() {
    let home = Home::new();
    home.write(".docker/config.json", format!("{{\"auths\":{{\"ghcr.io\":{}}}}}", login(SECRET)));
    install(&home, &[]).expect_success();
    pullpass_helper(&home, &["uninstall", "--docker"]).expect_success();
    assert!(get(&home, "ghcr.io").expect_success().contains(SECRET), "podman still asks for it");
    pullpass_helper(&home, &["uninstall", "--podman"]).expect_success();
    assert_eq!(get(&home, "ghcr.io").code, 1);
    assert_eq!(pullpass_helper(&home, &["uninstall"]).expect_success(), "no file named this helper\n");
}

/// `pass` as far as it is used here: its entries are files, which this one does not encrypt.
const PASS: &str = "#!/bin/sh\n[ \"$1\" = show ] && exec /bin/cat \"$HOME/.password-store/$2.gpg\"\n";

#[test]
fn logins_of_docker_credential_pass_are_imported_and_none_is_overwritten() {
    let home = Home::new();
    let ran = pullpass_helper(&home, &["import", "pass"]);
    assert_fails(&ran, 1, &["has no logins", "PASSWORD_STORE_DIR"]);
    let entry = |server: &str, user: &str, text: &str| {
        let server = URL_SAFE.encode(server);
        home.write(&format!(".password-store/docker-credential-helpers/{server}/{user}.gpg"), text);
    };
    entry("https://index.docker.io/v1/", "octocat", &format!("{SECRET}\r\n"));
    entry("ghcr.io", "<token>", "an identity token\n");
    entry("empty.example", "octocat", "\n");
    home.write(".password-store/docker-credential-helpers/docker-pass-initialized-check.gpg", "x");
    let ran = pullpass_helper(&home, &["import", "pass"]);
    assert_fails(&ran, 2, &["cannot run `pass`"]);
    let pass = home.write(".local/bin/pass", PASS);
    fs::set_permissions(&pass, fs::Permissions::from_mode(0o755)).expect("own file");

    let ran = pullpass_helper(&home, &["import", "pass"]);
    assert_fails(&ran, 1, &["`empty.example` was not imported"]);
    let answer = |server: &str| run_with_input(&mut command(&home, &["helper", "get"]), server).expect_success();
    assert!(answer("https://index.docker.io/v1/").contains(&format!("\"Secret\":\"{SECRET}\"")));
    assert!(answer("ghcr.io").contains("\"<token>\",\"Secret\":\"an identity token\""));

    entry("ghcr.io", "<token>", "another token\n");
    let ran = pullpass_helper(&home, &["import", "pass"]);
    assert_fails(&ran, 1, &["`ghcr.io` was not imported: the store has another one"]);
    assert!(ran.stdout.contains("is in the store already"), "{ran}");
    assert!(answer("ghcr.io").contains("an identity token"));
}

#[test]
fn logins_of_a_file_are_imported_and_stay_there_too() {
    let home = Home::new();
    let file = format!(
        r#"{{"auths":{{"ghcr.io":{},"quay.io":{{"auth":"?"}},"marker.io":{{}},"id.io":{{"auth":"eDo=","identitytoken":"t"}}}}}}"#,
        login(SECRET)
    );
    let path = home.write("old.json", &file);
    let ran = pullpass_helper(&home, &["import", "old.json", "--json"]);
    assert_fails(&ran, 1, &["`quay.io` was not imported", "not base64"]);
    assert_eq!(json(&ran), serde_json::json!({ "imported": ["ghcr.io", "id.io"], "left": ["quay.io"] }));
    assert!(!ran.said().contains(SECRET));
    assert_eq!(fs::read_to_string(path).expect("the file"), file);
    let answer = |server: &str| run_with_input(&mut command(&home, &["helper", "get"]), server).expect_success();
    assert!(answer("ghcr.io").contains(&format!("\"Secret\":\"{SECRET}\"")));
    assert!(answer("id.io").contains("\"<token>\",\"Secret\":\"t\""));
    assert_fails(&pullpass_helper(&home, &["import", "none.json"]), 2, &["there is no file"]);
}
