//! The modules, where others are known to go wrong.

use super::*;

/// A play's arguments for the login of the inventory.
fn arguments(more: &Value) -> Value {
    let mut arguments =
        json!({ "username": "{{ iaas_console.ghcr_user }}", "password": "{{ iaas_console.ghcr_pat }}" });
    arguments.as_object_mut().expect("arguments").extend(more.as_object().expect("arguments").clone());
    arguments
}

#[test]
fn a_malformed_file_is_refused_and_stays() {
    let fleet = Fleet::new();
    let malformed = format!("{{\"auths\": {{{OTHERS}}},}}");
    let store = fleet.write(&fleet.home.path(), ".docker/config.json", &malformed, 0o600);
    let ran = fleet.module("login", &arguments(&json!({ "engines": ["docker"] })), &[]);
    assert_eq!((ran.code, recap(&ran)), (2, (0, 1)), "{ran}");
    assert!(ran.stdout.contains("config.json` cannot be used") && ran.stdout.contains("line 1"), "{ran}");
    assert_eq!(fs::read_to_string(store).expect("a store"), malformed);
}

#[test]
fn the_first_login_is_a_change_and_the_second_is_none_without_a_session() {
    let fleet = Fleet::new();
    // Podman reads Docker's file too, and finds this login in it.
    let docker = format!("{{\"auths\": {{{}}}}}", login(&fleet.token));
    fleet.write(&fleet.home.path(), ".docker/config.json", &docker, 0o600);
    let mut logins = arguments(&json!({ "engines": ["podman"] }));
    logins["executable"] = json!(program());
    // As `become` leaves it.
    let playbook = json!([{
        "hosts": "all", "gather_facts": false, "environment": { "XDG_RUNTIME_DIR": "" },
        "tasks": [{ "pullpass.registry.login": logins }],
    }]);
    let first = fleet.play(&playbook, &[]);
    assert_eq!((first.code, recap(&first)), (0, (1, 0)), "{first}");
    let second = fleet.play(&playbook, &[]);
    assert_eq!((second.code, recap(&second)), (0, (0, 0)), "{second}");
}

#[test]
fn a_file_of_its_own_is_written_without_a_question() {
    let fleet = Fleet::new();
    let file = fleet.home.path().join("app/auth.json");
    let ran = fleet.module("login", &arguments(&json!({ "authfile": file })), &[]);
    assert_eq!((ran.code, recap(&ran)), (0, (1, 0)), "{ran}");
    assert!(dense(&file).contains(&login(&fleet.token)) && owner(&file) == (0, 0o600));
    assert!(!fleet.home.path().join(".docker").exists(), "the file is Podman's");
}

#[test]
fn an_image_that_does_not_open_fails_the_login_and_the_question() {
    let fleet = Fleet::new();
    let missing = "ghcr.io/midokura/hello:missing";
    let ran = fleet.module("login", &arguments(&json!({ "engines": ["docker"], "images": [IMAGE, missing] })), &[]);
    assert!(ran.code == 2 && ran.stdout.contains("hello:missing"), "{ran}");
    assert!(!fleet.home.path().join(".docker").exists(), "a token that opens less takes no other's place");
    fleet.module("login", &arguments(&json!({ "engines": ["docker"], "images": [IMAGE] })), &[]);
    let verify = |images: &[&str], more: Value| {
        let mut arguments = json!({ "engines": ["docker"], "images": images });
        arguments.as_object_mut().expect("arguments").extend(more.as_object().expect("arguments").clone());
        fleet.module("verify", &arguments, &["-v"])
    };
    let ran = verify(&[IMAGE, missing], json!({}));
    assert_eq!((ran.code, recap(&ran)), (2, (0, 1)), "{ran}");
    let ran = verify(&[IMAGE, missing], json!({ "fail": false }));
    assert!(ran.code == 0 && ran.stdout.contains(r#""opens": false"#), "{ran}");
    let ran = verify(&[IMAGE], json!({}));
    assert!(ran.code == 0 && ran.stdout.contains(r#""opens": true"#), "{ran}");
}

#[test]
fn status_tells_what_is_there_and_logout_ends_it() {
    let fleet = Fleet::new();
    let store = fleet.write(&fleet.home.path(), ".docker/config.json", &format!("{{\"auths\": {{{OTHERS}}}}}"), 0o600);
    let before = fs::read_to_string(&store).expect("a store");
    let status = json!({ "registry": "ghcr.io", "check": true });
    let ran = fleet.module("status", &status, &["-v"]);
    assert!(ran.code == 0 && ran.stdout.contains(r#""is_well": false"#), "{ran}");
    assert_eq!(fleet.module("login", &arguments(&json!({ "engines": ["docker"] })), &[]).code, 0);
    let ran = fleet.module("status", &status, &["-v"]);
    assert!(ran.stdout.contains(r#""is_well": true"#) && ran.stdout.contains(r#""alive": true"#), "{ran}");

    let logout = json!({ "registry": "ghcr.io" });
    let during = fs::read_to_string(&store).expect("a store");
    let ran = fleet.module("logout", &logout, &["--check", "--diff"]);
    assert_eq!((ran.code, recap(&ran)), (0, (1, 0)), "{ran}");
    assert_eq!(fs::read_to_string(&store).expect("a store"), during);
    assert_eq!(recap(&fleet.module("logout", &logout, &[])), (1, 0));
    assert_eq!(fs::read_to_string(&store).expect("a store"), before, "other logins stay, byte for byte");
    assert_eq!(recap(&fleet.module("logout", &logout, &[])), (0, 0));
}

#[test]
fn the_controller_tells_by_marks_which_token_a_host_has() {
    let fleet = Fleet::new();
    let store = |token: &str| format!("{{\"auths\": {{{}, {OTHERS}}}}}", login(token));
    fleet.write(&fleet.home.path(), ".docker/config.json", &store(&fleet.token), 0o600);
    fleet.write(&fleet.alice(), ".docker/config.json", &store("another-one"), 0o600);
    let key = "a5".repeat(32);
    let status = json!({
        "executable": program(), "registry": "ghcr.io", "engines": ["docker"], "all_users": true, "mark_key": "{{ key }}",
        "copies": true,
    });
    let have = |token: &str, accounts: &str| {
        let have =
            "logins.winners | selectattr('mark', 'eq', token | pullpass.registry.mark(key)) | map(attribute='account')";
        let tasks = json!([
            { "pullpass.registry.status": status, "register": "logins" },
            { "ansible.builtin.assert": { "that": [format!("({have}) == {accounts}"), "logins.copies is sequence"] } },
        ]);
        let variables = json!({ "key": key, "token": token });
        let ran =
            fleet.play(&json!([{ "hosts": "all", "gather_facts": false, "vars": variables, "tasks": tasks }]), &[]);
        assert_eq!((ran.code, recap(&ran)), (0, (0, 0)), "{ran}");
    };
    have("{{ iaas_console.ghcr_pat }}", "['root']");
    // As `echo TOKEN | ansible-vault encrypt_string` stores it.
    have("{{ iaas_console.ghcr_pat + '\n' }}", "['root']");
    have("another-one", "['alice']");
    have("a-third", "[]");

    let both = json!({ "all_users": true, "authfile": "auth.json" });
    let ran = fleet.module("status", &both, &[]);
    assert!(ran.code == 2 && ran.stdout.contains("mutually exclusive"), "{ran}");
    let ran = fleet.module("status", &json!({ "mark_key": "a5" }), &[]);
    assert!(ran.code == 2 && ran.stdout.contains("64 hexadecimal digits are needed"), "{ran}");
}

#[test]
fn a_file_for_another_user_is_written_as_that_user_or_not_at_all() {
    let fleet = Fleet::new();
    fs::copy(program(), fleet.installed()).expect("a copy that everybody can run");
    let config = fleet.alice().join(".docker");
    let mut login = arguments(&json!({ "config": config }));
    let ran = fleet.module("login", &login, &[]);
    assert!(ran.code == 2 && ran.stdout.contains("set `become_user` to alice"), "{ran}");
    assert!(!config.exists());
    login["executable"] = json!(fleet.installed());
    let task = json!({ "pullpass.registry.login": login, "become": true, "become_user": "alice" });
    let ran = fleet.play(&json!([{ "hosts": "all", "gather_facts": false, "tasks": [task] }]), &[]);
    assert_eq!((ran.code, recap(&ran)), (0, (1, 0)), "{ran}");
    assert_eq!((owner(&config), owner(&config.join("config.json"))), ((ALICE, 0o700), (ALICE, 0o600)));
}

#[test]
fn an_empty_token_is_refused_and_a_line_end_behind_one_is_none_of_it() {
    let fleet = Fleet::new();
    let mut login = arguments(&json!({ "engines": ["docker"] }));
    login["password"] = json!("");
    let ran = fleet.module("login", &login, &[]);
    assert!(ran.code == 2 && recap(&ran) == (0, 1) && ran.stdout.contains("is empty"), "{ran}");
    // As `echo TOKEN | ansible-vault encrypt_string` stores it.
    login["password"] = json!("{{ iaas_console.ghcr_pat + '\n' }}");
    let ran = fleet.module("login", &login, &[]);
    assert_eq!((ran.code, recap(&ran)), (0, (1, 0)), "{ran}");
    assert!(dense(&fleet.home.path().join(".docker/config.json")).contains(&super::login(&fleet.token)));
}

#[test]
fn a_host_without_the_program_is_told_so() {
    let fleet = Fleet::new();
    let task = json!({ "pullpass.registry.status": { "executable": "pullpass-that-is-nowhere" } });
    let ran = fleet.play(&json!([{ "hosts": "all", "gather_facts": false, "tasks": [task] }]), &[]);
    assert!(ran.code == 2 && ran.stdout.contains("`pullpass-that-is-nowhere` is not on this host"), "{ran}");
}

#[test]
fn an_older_login_of_the_users_session_does_not_win() {
    let fleet = Fleet::new();
    fs::copy(program(), fleet.installed()).expect("a copy that everybody can run");
    let session = format!("/run/user/{ALICE}");
    let script = r#"mount -t tmpfs tmpfs /run && mkdir -p "$1/containers" && printf '%s' "$2" > "$1/containers/auth.json" && chown -R "$3:$3" "$1""#;
    let older = r#"{"auths":{"ghcr.io":{"auth":"b2xkOm9sZA=="}}}"#;
    run(fleet.home.command("sh").args(["-c", script, "session", &session, older, &ALICE.to_string()])).expect_success();
    let mut login = arguments(&json!({ "engines": ["podman"], "images": [IMAGE] }));
    login["executable"] = json!(fleet.installed());
    let task = json!({ "pullpass.registry.login": login, "become": true, "become_user": "alice" });
    for changed in [1, 0] {
        let ran = fleet.play(&json!([{ "hosts": "all", "gather_facts": false, "tasks": [task] }]), &[]);
        assert_eq!((ran.code, recap(&ran)), (0, (changed, 0)), "{ran}");
    }
    let left = run(fleet.home.command("cat").arg(format!("{session}/containers/auth.json"))).expect_success();
    assert!(!left.contains("ghcr.io"), "{left}");
}
