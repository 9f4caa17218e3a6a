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
    let ran = login(&home, &server.registry, &foreign);
    assert_fails(&ran, 1, &["refused the credential of `alice`", "authentication required", "nothing was changed"]);
    assert!(!ran.said().contains(&foreign));
    let mut left = listing(&home.path());
    left.retain(|path, entry| entry.kind == "file" && !path.to_string_lossy().contains(".local/state/pullpass/"));
    assert!(left.is_empty(), "{left:?}");
    assert!(!podman_runtime(&home).exists());
}

#[test]
fn a_refused_token_is_not_sent_again_for_a_day_unless_the_person_wants_it() {
    let home = Home::new();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let is_good = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let answer = std::sync::Arc::clone(&is_good);
    let registry = runtime.block_on(pullpass_testing::canned::Canned::start(move |request: &_| {
        let status = if answer.load(std::sync::atomic::Ordering::SeqCst) && !request.header("authorization").is_empty()
        {
            200
        } else {
            401
        };
        pullpass_testing::canned::response(status, &[("www-authenticate", "Basic realm=\"r\"")], "{}")
    }));
    let sent = || registry.requests().iter().filter(|request| !request.header("authorization").is_empty()).count();
    let host = registry.host();
    assert_fails(&login(&home, &host, "first"), 1, &["refused"]);
    assert_eq!(sent(), 1);
    let ran = login(&home, &host, "first");
    assert_fails(&ran, 1, &["refused this token of `alice` less than a minute ago", "not sent again", "--retry"]);
    assert_eq!(sent(), 1);
    let memory = fs::read(home.path().join(".local/state/pullpass/refused")).expect("a memory");
    assert!(!String::from_utf8_lossy(&memory).contains("first"));
    assert_eq!(mode(&home.path().join(".local/state/pullpass/refused")), 0o600);
    // Another one is another one.
    assert_fails(&login(&home, &host, "second"), 1, &["refused the credential"]);
    assert_eq!(sent(), 2);
    is_good.store(true, std::sync::atomic::Ordering::SeqCst);
    let words = ["login", &host, "-u", "alice", "--password-stdin", "--docker", "--retry"];
    pullpass_with_input(&home, &words, "first").expect_success();
    login(&home, &host, "first").expect_success();
}

#[test]
fn a_token_that_is_not_active_yet_is_sent_again_while_the_person_waits() {
    let home = Home::new();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let sent = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let answer = std::sync::Arc::clone(&sent);
    let registry = runtime.block_on(pullpass_testing::canned::Canned::start(move |request: &_| {
        let is_sent = !request.header("authorization").is_empty();
        let is_active = is_sent && answer.fetch_add(1, std::sync::atomic::Ordering::SeqCst) > 1;
        let status = if is_active { 200 } else { 401 };
        pullpass_testing::canned::response(status, &[("www-authenticate", "Basic realm=\"r\"")], "{}")
    }));
    let words = ["login", &registry.host(), "-u", "alice", "--password-stdin", "--docker"];
    assert_fails(&pullpass_with_input(&home, &words, "new"), 1, &["refused"]);
    // What is waited for is not to be kept away by the memory of a refusal.
    let ran = pullpass_with_input(&home, &[&words[..], &["--wait", "30s"]].concat(), "new");
    assert!(ran.code == 0 && ran.stderr.contains("asking again for up to"), "{ran}");
    assert_eq!(sent.load(std::sync::atomic::Ordering::SeqCst), 3);
    pullpass_with_input(&home, &words, "new").expect_success();
}

#[test]
fn a_login_goes_into_the_helper_that_the_engine_asks() {
    let (serving, home) = (Home::new(), Home::new());
    let server = server(&serving);
    helper(&home);
    let (registry, token) = (&server.registry, server.token("read:packages"));
    let old = r#"{"auth":"YTpi"}"#;
    home.write(
        ".docker/config.json",
        format!(r#"{{"auths":{{"{registry}":{old},"quay.io":{old}}},"credsStore":"pullpass"}}"#),
    );
    fs::create_dir(home.runtime_dir().join("containers")).expect("a directory");
    fs::write(podman_runtime(&home), format!(r#"{{"credHelpers":{{"{registry}":"pullpass"}}}}"#)).expect("a store");
    let ran = login(&home, registry, &token);
    assert!(ran.code == 0 && ran.stdout.contains("docker: the credential helper `pullpass`"), "{ran}");
    assert!(ran.stdout.contains("podman: the credential helper `pullpass`"), "{ran}");
    // The old login lay there readable, and was of no use.
    let config = fs::read_to_string(docker_config(&home)).expect("a store");
    assert_eq!(config, format!(r#"{{"auths":{{"quay.io":{old}}},"credsStore":"pullpass"}}"#));
    let ran = pullpass(&home, &["login", "--get-login", registry]);
    assert!(ran.code == 0 && ran.stdout == "alice\n", "{ran}");
    let ran = pullpass(&home, &["logout", registry]);
    assert!(ran.code == 0 && ran.stdout.contains("from the credential helper `pullpass`"), "{ran}");
    assert_fails(&pullpass(&home, &["login", "--get-login", registry]), 1, &["not logged into"]);
}

#[test]
fn podman_logs_into_the_first_helper_of_registries_conf() {
    let (serving, home) = (Home::new(), Home::new());
    let server = server(&serving);
    helper(&home);
    home.write(".config/containers/registries.conf", "credential-helpers = [\"pullpass\", \"containers-auth.json\"]\n");
    let words = ["login", &server.registry, "-u", "alice", "--password-stdin", "--podman"];
    let ran = pullpass_with_input(&home, &words, &server.token("read:packages"));
    assert!(ran.code == 0 && ran.stdout.contains("podman: the credential helper `pullpass`"), "{ran}");
    assert!(!podman_runtime(&home).exists());
    pullpass(&home, &["logout", &server.registry]).expect_success();
    assert_fails(&pullpass(&home, &["login", "--get-login", &server.registry]), 1, &["not logged into"]);
}

#[test]
fn a_helper_that_fails_is_found_out_before_anything_changes() {
    let (serving, home) = (Home::new(), Home::new());
    let server = server(&serving);
    let token = server.token("read:packages");
    scripted_helper(&home, "garbage", "echo hunter2");
    scripted_helper(&home, "crash", "echo hunter2; kill -9 $$");
    scripted_helper(&home, "dbus", "echo 'Cannot autolaunch D-Bus without X11 $DISPLAY'; exit 1");
    for (name, word) in [
        ("garbage", "printed no credential"),
        ("crash", "signal: 9"),
        ("dbus", "exit status: 1"),
        ("missing", "not installed"),
        ("../evil", "could be a path"),
    ] {
        home.write(".docker/config.json", format!(r#"{{"credsStore":"{name}"}}"#));
        let before = (listing(&home.path()), listing(&home.runtime_dir()));
        let ran = login(&home, &server.registry, &token);
        assert_fails(&ran, 2, &[word, "which fails", "nothing was changed", "config.json"]);
        assert!(!ran.said().contains("hunter2"), "{ran}");
        assert_eq!((listing(&home.path()), listing(&home.runtime_dir())), before);
    }
}

#[test]
fn a_helper_that_forgets_at_once_is_not_believed() {
    let (serving, home) = (Home::new(), Home::new());
    let server = server(&serving);
    scripted_helper(&home, "sieve", "[ $1 = get ] || exit 0; echo credentials not found in native keychain; exit 1");
    home.write(".docker/config.json", r#"{"credsStore":"sieve"}"#);
    let words = ["login", &server.registry, "-u", "alice", "--password-stdin", "--docker"];
    let ran = pullpass_with_input(&home, &words, &server.token("read:packages"));
    assert_fails(&ran, 1, &["docker finds none"]);
}

#[test]
fn a_part_of_a_registry_has_a_login_of_its_own_for_podman_only() {
    let (serving, home) = (Home::new(), Home::new());
    let server = server(&serving);
    let (registry, token) = (&server.registry, server.token("read:packages"));
    let part = format!("{registry}/alice");
    let ran = login(&home, &part, &token);
    assert_fails(&ran, 2, &["docker has one login for a whole registry"]);
    let words = ["login", &part, "-u", "alice", "--password-stdin", "--podman"];
    pullpass_with_input(&home, &words, &token).expect_success();
    assert!(fs::read_to_string(podman_runtime(&home)).expect("a store").contains(&format!("\"{part}\"")));
    assert!(!docker_config(&home).exists());
    assert_fails(&pullpass(&home, &["login", "--get-login", registry]), 1, &["not logged into"]);
    for no in [format!("{part}:v1"), format!("{part}@sha256:{}", "0".repeat(64))] {
        assert_fails(&login(&home, &no, &token), 2, &["without tag"]);
    }
    pullpass(&home, &["logout", registry]).expect_success();
    assert!(fs::read_to_string(podman_runtime(&home)).expect("a store").contains(&part), "the part's own login stays");
    pullpass(&home, &["logout", &part]).expect_success();
    assert!(!fs::read_to_string(podman_runtime(&home)).expect("a store").contains(&part));
}

#[test]
fn older_spellings_of_the_key_go_and_a_url_means_its_host() {
    let (serving, home) = (Home::new(), Home::new());
    let server = server(&serving);
    let registry = &server.registry;
    home.write(".docker/config.json", format!(r#"{{"auths":{{"https://{registry}/v1/":{{"auth":"YTpi"}}}}}}"#));
    login(&home, &format!("https://{registry}/v2/"), &server.token("read:packages")).expect_success();
    let config = fs::read_to_string(docker_config(&home)).expect("a store");
    assert!(config.contains(&format!("\"{registry}\"")) && !config.contains("https://"), "{config}");
}

#[test]
fn files_are_where_the_options_of_the_engines_say() {
    let (serving, home) = (Home::new(), Home::new());
    let server = server(&serving);
    let (registry, token) = (&server.registry, server.token("read:packages"));
    for (option, place) in [("--authfile", "a.json"), ("--compat-auth-file", "c.json"), ("--config", "d")] {
        let words = ["login", registry, "-u", "alice", "--password-stdin", option, place, "--json"];
        let mut words = words.to_vec();
        if option == "--config" {
            words.push("--docker");
        }
        let ran = pullpass_with_input(&home, &words, &token);
        assert_eq!(ran.code, 0, "{ran}");
        let path = home.path().join(if option == "--config" { "d/config.json" } else { place });
        assert!(fs::read_to_string(&path).expect("a store").contains(registry), "{ran}");
        assert_eq!(mode(&path), 0o600);
        pullpass(&home, &["logout", registry, option, place]).expect_success();
        assert!(!fs::read_to_string(&path).expect("a store").contains(registry));
    }
    assert!(!docker_config(&home).exists() && !podman_runtime(&home).exists());
    let part = format!("{registry}/alice");
    let words = ["login", &part, "-u", "alice", "--password-stdin", "--compat-auth-file", "c.json"];
    assert_fails(&pullpass_with_input(&home, &words, &token), 2, &["whole registries only"]);
    let both = ["login", registry, "--authfile", "a", "--compat-auth-file", "b"];
    assert_fails(&pullpass(&home, &both), 2, &["cannot be used with"]);
}

#[test]
fn a_malformed_file_is_put_aside_when_the_person_says_so() {
    let (serving, home) = (Home::new(), Home::new());
    let server = server(&serving);
    let token = server.token("read:packages");
    let broken = "{\"auths\": {\"quay.io\": {";
    let path = home.write(".docker/config.json", broken);
    assert_fails(&login(&home, &server.registry, &token), 2, &["line 1", "--repair"]);
    let words = ["login", &server.registry, "-u", "alice", "--password-stdin", "--docker", "--repair"];
    assert_eq!(pullpass_with_input(&home, &words, "no token").code, 1);
    assert_eq!(
        fs::read_to_string(&path).expect("a store"),
        broken,
        "it stays until the registry has accepted the login"
    );
    let ran = pullpass_with_input(&home, &words, &token);
    assert!(ran.code == 0 && ran.stderr.contains("config.json.bak-1"), "{ran}");
    assert_eq!(fs::read_to_string(path.with_file_name("config.json.bak-1")).expect("the old one"), broken);
    assert_eq!(mode(&path.with_file_name("config.json.bak-1")), 0o600);
    assert!(fs::read_to_string(&path).expect("a store").contains(&server.registry));
}

#[test]
fn a_login_that_dockers_variable_would_hide_is_refused() {
    let (serving, home) = (Home::new(), Home::new());
    let server = server(&serving);
    let variable = format!(r#"{{"auths":{{"{}":{{"auth":"Y2k6eA=="}}}}}}"#, server.registry);
    let words = ["login", &server.registry, "-u", "alice", "--password-stdin", "--docker"];
    let mut login = command(&home, &words);
    login.env("DOCKER_AUTH_CONFIG", &variable);
    let ran = pullpass_testing::run::run_with_input(&mut login, &server.token("read:packages"));
    assert_fails(&ran, 2, &["DOCKER_AUTH_CONFIG has a login", "nothing was changed"]);
    assert!(!docker_config(&home).exists());
    let mut logout = command(&home, &["logout", &server.registry]);
    let ran = pullpass_testing::run::run(logout.env("DOCKER_AUTH_CONFIG", &variable));
    assert_fails(&ran, 1, &["still has a login", "DOCKER_AUTH_CONFIG"]);
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
        (r#"{"auths": []}"#, &["config.json", "`auths` is not an object"]),
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
    assert_fails(&ran, 2, &["credential helper `ecr`", "not installed"]);
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

#[test]
fn a_dry_run_asks_the_registry_and_writes_nothing() {
    let (serving, home) = (Home::new(), Home::new());
    let server = server(&serving);
    let token = server.token("read:packages");
    let words = ["login", &server.registry, "-u", "alice", "--password-stdin", "--docker", "--podman"];
    let dry = [&words[..], &["--dry-run"]].concat();
    let ran = pullpass_with_input(&home, &dry, &token);
    assert!(ran.code == 0 && ran.stdout.matches(" would get it").count() == 2, "{ran}");
    for path in [docker_config(&home), podman_runtime(&home)] {
        assert!(!path.parent().expect("a directory").exists());
    }
    let other = Home::new();
    let foreign = self::server(&other).token("read:packages");
    assert_fails(&pullpass_with_input(&home, &dry, &foreign), 1, &["refused the credential of `alice`"]);

    pullpass_with_input(&home, &words, &token).expect_success();
    let ran = pullpass_with_input(&home, &dry, &token);
    assert!(ran.code == 0 && ran.stdout.matches(" has it already").count() == 2, "{ran}");
}

#[test]
fn the_json_of_a_login_tells_what_was_changed() {
    use std::os::unix::fs::PermissionsExt as _;
    let (serving, home) = (Home::new(), Home::new());
    let server = server(&serving);
    let token = server.token("read:packages");
    let words = ["login", &server.registry, "-u", "alice", "--password-stdin", "--docker", "--podman", "--persistent"];
    let with = |token: &str, more: &[&str]| {
        let said = json(&pullpass_with_input(&home, &[&words[..], more, &["--json"]].concat(), token));
        let stores = said["stores"].as_array().expect("stores").clone();
        [0, 1].map(|index| (stores[index]["changed"] == true, stores[index]["before"]["fingerprint"].clone()))
    };
    let fingerprint = |said: &[(bool, serde_json::Value); 2]| said[0].1.clone();
    let nothing = serde_json::Value::Null;
    assert_eq!(with(&token, &[]), [(true, nothing.clone()), (true, nothing)]);
    let second = with(&token, &[]);
    assert!(!second[0].0 && !second[1].0 && fingerprint(&second).as_str().is_some_and(|shown| !token.contains(shown)));
    let new = server.token("read:packages");
    let third = with(&new, &[]);
    assert!(third[0].0 && third[1].0 && fingerprint(&third) == fingerprint(&second));
    assert_ne!(fingerprint(&with(&new, &[])), fingerprint(&second));

    // Others could read it; Podman would find another one first.
    fs::set_permissions(docker_config(&home), fs::Permissions::from_mode(0o644)).expect("own file");
    fs::create_dir_all(home.runtime_dir().join("containers")).expect("a directory");
    fs::write(podman_runtime(&home), format!(r#"{{"auths":{{"{}":{{"auth":"YTpi"}}}}}}"#, server.registry))
        .expect("a store");
    for more in [&["--dry-run"][..], &[]] {
        assert_eq!(with(&new, more).map(|(changed, _)| changed), [true, true], "{more:?}");
    }
    assert_eq!(with(&new, &[]).map(|(changed, _)| changed), [false, false]);
}

#[test]
fn a_login_that_a_helper_has_is_no_change() {
    let (serving, home) = (Home::new(), Home::new());
    let server = server(&serving);
    helper(&home);
    home.write(".docker/config.json", r#"{"credsStore":"pullpass"}"#);
    let token = server.token("read:packages");
    let words = ["login", &server.registry, "-u", "alice", "--password-stdin", "--docker", "--json"];
    let changed = |more: &[&str]| {
        json(&pullpass_with_input(&home, &[&words[..], more].concat(), &token))["stores"][0]["changed"].clone()
    };
    assert_eq!(changed(&["--dry-run"]), true);
    assert_eq!(changed(&[]), true);
    assert_eq!(changed(&[]), false);
}
