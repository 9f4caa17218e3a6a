use std::fs;

use pullpass_testing::home::{Home, listing};

use crate::support::*;

#[test]
fn a_login_is_written_where_both_engines_look_and_for_their_owner_only() {
    let (serving, home) = (Home::new(), Home::new());
    let server = server(&serving);
    let token = server.token("read:packages");
    let ran = login(&home, &server.registry, &token);
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.stdout.contains("accepted ppt_…") && ran.stdout.contains("a reboot empties it"), "{ran}");
    for path in [docker_config(&home), podman_runtime(&home)] {
        assert!(fs::read_to_string(&path).expect("a store").contains(&server.registry));
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().expect("a directory")), 0o700);
    }
    assert!(!podman_persistent(&home).exists());
}

#[test]
fn everything_else_in_a_store_stays_byte_for_byte() {
    let (serving, home) = (Home::new(), Home::new());
    let server = server(&serving);
    let before = "{\n  \"myTool\" : {\"a\": 1.0},\n  \"auths\": {\n    \"quay.io\": {\"auth\": \"YTpi\", \"email\": \"x\"}\n  },\n  \"psFormat\": \"t\\u0061ble\"\n}\n";
    home.write(".docker/config.json", before);
    login(&home, &server.registry, &server.token("read:packages")).expect_success();
    let during = fs::read_to_string(docker_config(&home)).expect("a store");
    for kept in ["\"myTool\" : {\"a\": 1.0}", "{\"auth\": \"YTpi\", \"email\": \"x\"}", "t\\u0061ble"] {
        assert!(during.contains(kept), "{kept} is gone: {during}");
    }
    pullpass(&home, &["logout", &server.registry]).expect_success();
    assert_eq!(fs::read_to_string(docker_config(&home)).expect("a store"), before);
}

#[test]
fn a_refused_token_changes_nothing_and_says_why() {
    let (serving, home) = (Home::new(), Home::new());
    let server = server(&serving);
    let other = Home::new();
    let foreign = self::server(&other).token("read:packages");
    let before = listing(&home.path());
    let ran = login(&home, &server.registry, &foreign);
    assert_fails(&ran, 1, &["refused the credential of `alice`", "authentication required", "nothing was changed"]);
    assert!(!ran.said().contains(&foreign));
    assert_eq!(listing(&home.path()), before);
    assert!(!podman_runtime(&home).exists());
}

#[test]
fn a_truncated_token_is_told_before_any_network() {
    let (serving, home) = (Home::new(), Home::new());
    let token = server(&serving).token("read:packages");
    // Nothing listens there: a connection would end with code 3.
    let ran = login(&home, "127.0.0.1:1", &token[..token.len() - 1]);
    assert_fails(&ran, 2, &["50 characters, this one has 49", "nobody was asked"]);
    let ran = login(&home, "127.0.0.1:1", &format!("{}{}", &token[..token.len() - 1], '~'));
    assert_fails(&ran, 2, &["checksum", "nobody was asked"]);
    let ran = login(&home, "127.0.0.1:1", &format!("{token}\n\n"));
    assert_fails(&ran, 2, &["line break"]);
}

#[test]
fn a_login_that_one_store_cannot_take_reaches_none() {
    let (serving, home) = (Home::new(), Home::new());
    let server = server(&serving);
    let mut command =
        command(&home, &["login", &server.registry, "-u", "alice", "--password-stdin", "--docker", "--podman"]);
    command.env("XDG_RUNTIME_DIR", "/proc/self/nowhere");
    let ran = pullpass_testing::run::run_with_input(&mut command, &server.token("read:packages"));
    assert_eq!(ran.code, 3, "{ran}");
    assert!(!docker_config(&home).exists());
}

#[test]
fn the_vault_password_and_the_token_may_come_through_pipes() {
    let (serving, home) = (Home::new(), Home::new());
    let server = server(&serving);
    home.write("token", server.token("read:packages"));
    let script = format!("{PROGRAM} login {} -u alice --docker --token-from file:<(cat token)", server.registry);
    let mut bash = home.command("bash");
    pullpass_testing::run::run(bash.args(["-c", &script])).expect_success();
    assert!(docker_config(&home).exists());
}

#[test]
fn a_secret_as_an_argument_is_refused_and_not_repeated() {
    let home = Home::new();
    for words in [
        &["login", "ghcr.io", "-u", "me", "-p", "hunter2hunter2"][..],
        &["login", "ghcr.io", "-u", "me", "--password", "hunter2hunter2"],
        &["login", "ghcr.io", "-u", "me", "--password=hunter2hunter2"],
        &["login", "ghcr.io", "-u", "me", "hunter2hunter2"],
        &["login", "ghcr.io", "--token-from", "hunter2hunter2"],
        &["login", "ghcr.io", "--token-from=hunter2hunter2"],
    ] {
        let ran = pullpass(&home, words);
        assert_fails(&ran, 2, &[]);
        assert!(!ran.said().contains("hunter2"), "{ran}");
    }
}

#[test]
fn the_token_and_its_user_come_from_an_inventory() {
    let (serving, home) = (Home::new(), Home::new());
    let server = server(&serving);
    let token = server.token("read:packages");
    home.write("pw", "vault password\n");
    home.write("inventory.yml", "all:\n  vars:\n    console:\n      ghcr_user: alice\n");
    let set = ["inventory", "set", "inventory.yml", "all.vars.console.ghcr_pat", "--vault-password-file", "pw"];
    pullpass_with_input(&home, &set, &token).expect_success();
    let words = [
        "login",
        &server.registry,
        "--token-from",
        "vault:inventory.yml#all.vars.console.ghcr_pat",
        "--vault-password-file",
        "pw",
        "--docker",
        "--json",
    ];
    let ran = pullpass(&home, &words);
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(json(&ran)["user"], "alice");
    assert_eq!(json(&ran)["proved"], true);

    home.write("pw", "another password\n");
    assert_fails(&pullpass(&home, &words), 2, &["inventory.yml", "password"]);
    let missing = ["login", "--token-from", "vault:inventory.yml#all.vars.nothing", "--docker", "-u", "x"];
    assert_fails(&pullpass(&home, &missing), 2, &["there is no `all.vars.nothing`", "pullpass inventory show"]);
}

#[test]
fn the_token_comes_from_a_variable_or_a_file() {
    let (serving, home) = (Home::new(), Home::new());
    let server = server(&serving);
    let token = server.token("read:packages");
    home.write("token", format!("{token}\n"));
    let words = ["login", &server.registry, "-u", "alice", "--docker", "--token-from"];
    let mut from_variable = command(&home, &words);
    from_variable.arg("env:THE_TOKEN").env("THE_TOKEN", &token);
    pullpass_testing::run::run(&mut from_variable).expect_success();
    fs::remove_file(docker_config(&home)).expect("it was written");
    pullpass(&home, &[&words[..], &["file:token"]].concat()).expect_success();
    assert!(docker_config(&home).exists());
    assert_fails(&pullpass(&home, &[&words[..], &["env:NOT_SET"]].concat()), 2, &["NOT_SET"]);
    assert_fails(&pullpass(&home, &[&words[..], &["file:nowhere"]].concat()), 2, &["nowhere"]);
}

#[test]
fn a_persistent_login_is_not_shadowed_by_an_older_one() {
    let (serving, home) = (Home::new(), Home::new());
    let server = server(&serving);
    login(&home, &server.registry, &server.token("read:packages")).expect_success();
    let words = ["login", &server.registry, "-u", "alice", "--password-stdin", "--podman", "--persistent"];
    pullpass_with_input(&home, &words, &server.token("read:packages")).expect_success();
    assert!(fs::read_to_string(podman_persistent(&home)).expect("a store").contains(&server.registry));
    assert!(!fs::read_to_string(podman_runtime(&home)).expect("a store").contains(&server.registry));
}

#[test]
fn a_store_that_cannot_be_used_is_left_alone() {
    let (serving, home) = (Home::new(), Home::new());
    let server = server(&serving);
    let token = server.token("read:packages");
    for (config, words) in [
        ("{\"auths\": {\"quay.io\": {}", &["config.json", "line 1"][..]),
        (r#"{"credsStore": "pass"}"#, &["credential helper `pass`", "docker login"]),
        (&format!(r#"{{"credHelpers": {{"{}": "ecr"}}}}"#, server.registry), &["credential helper `ecr`"]),
    ] {
        home.write(".docker/config.json", config);
        let before = (listing(&home.path()), listing(&home.runtime_dir()));
        assert_fails(&login(&home, &server.registry, &token), 2, words);
        assert_eq!((listing(&home.path()), listing(&home.runtime_dir())), before);
    }
    let config = home.write(".docker/config.json", "{}");
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(&config, fs::Permissions::from_mode(0o666)).expect("own file");
    assert_fails(&login(&home, &server.registry, &token), 2, &["everybody may write", "chmod o-w"]);
}

#[test]
fn what_is_no_registry_is_said_and_nothing_is_sent() {
    let home = Home::new();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let page = runtime.block_on(pullpass_testing::canned::Canned::start(|_: &_| {
        pullpass_testing::canned::response(200, &[("content-type", "text/html")], "<html>hello</html>")
    }));
    let token = "a password of some kind";
    assert_fails(&login(&home, &page.host(), token), 2, &["is no registry", "a web page"]);
    assert!(page.requests().iter().all(|request| request.header("authorization").is_empty()));
    assert_fails(&login(&home, "127.0.0.1:1", token), 3, &["cannot be reached"]);
    assert!(!docker_config(&home).exists());
}

#[test]
fn without_an_engine_the_person_says_which() {
    let home = Home::new();
    let ran = pullpass_with_input(&home, &["login", "-u", "me", "--password-stdin"], "x");
    assert_fails(&ran, 2, &["neither `docker` nor `podman`", "--docker"]);
}

#[test]
fn a_store_that_others_could_read_is_closed_and_that_is_said() {
    use std::os::unix::fs::PermissionsExt;
    let (serving, home) = (Home::new(), Home::new());
    let server = server(&serving);
    let path = home.write(".docker/config.json", "{}");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("own file");
    let ran = login(&home, &server.registry, &server.token("read:packages"));
    assert!(ran.code == 0 && ran.stderr.contains("0644 is now 0600"), "{ran}");
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn either_every_store_can_take_the_login_or_none_does() {
    let (serving, home) = (Home::new(), Home::new());
    let server = server(&serving);
    let twice =
        r#"{"auths":{"REGISTRY":{"auth":"YTpi"},"REGISTRY":{"auth":"YTpj"}}}"#.replace("REGISTRY", &server.registry);
    fs::create_dir(home.runtime_dir().join("containers")).expect("a directory");
    fs::write(podman_runtime(&home), twice).expect("a store");
    let before = (listing(&home.path()), listing(&home.runtime_dir()));
    let ran = login(&home, &server.registry, &server.token("read:packages"));
    assert_fails(&ran, 2, &["more than once", "auth.json"]);
    assert_eq!((listing(&home.path()), listing(&home.runtime_dir())), before);
}

#[test]
fn a_persistent_login_is_not_put_where_podman_would_not_look() {
    let (serving, home) = (Home::new(), Home::new());
    let server = server(&serving);
    let words = ["login", &server.registry, "-u", "alice", "--password-stdin", "--podman", "--persistent"];
    fs::create_dir(home.runtime_dir().join("containers")).expect("a directory");
    fs::write(podman_runtime(&home), format!(r#"{{"credHelpers":{{"{}":"ecr"}}}}"#, server.registry)).expect("a store");
    let ran = pullpass_with_input(&home, &words, &server.token("read:packages"));
    assert_fails(&ran, 2, &["credential helper `ecr`"]);
    assert!(!podman_persistent(&home).exists());

    fs::write(podman_runtime(&home), format!(r#"{{"auths":{{"https://{}":{{"auth":"YTpi"}}}}}}"#, server.registry))
        .expect("a store");
    pullpass_with_input(&home, &words, &server.token("read:packages")).expect_success();
    assert_eq!(fs::read_to_string(podman_runtime(&home)).expect("a store"), r#"{"auths":{}}"#);
}

#[test]
fn an_expression_of_ansibles_is_not_sent_as_a_password() {
    let home = Home::new();
    home.write("i.yml", "all:\n  vars:\n    ghcr_pat: \"{{ vault_ghcr_pat }}\"\n");
    let words = ["login", "127.0.0.1:1", "-u", "me", "--docker", "--token-from", "vault:i.yml#all.vars.ghcr_pat"];
    assert_fails(&pullpass(&home, &words), 2, &["an expression that only Ansible can evaluate"]);
}
