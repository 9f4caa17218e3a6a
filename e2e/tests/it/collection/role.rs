//! The role `registry_login`, applied as an operator does.

use pullpass_testing::engines::podman::Podman;
use sha2::{Digest as _, Sha256};

use super::*;

#[test]
fn the_second_run_changes_nothing_and_the_host_pulls() {
    let fleet = Fleet::new();
    let (root, alice) = (fleet.home.path(), fleet.alice());
    // Open to others, with a login of the same registry under another spelling, and with settings of its own.
    let settings = format!(
        "{{\n  \"auths\": {{{OTHERS}, \"https://ghcr.io\": {{\"auth\": \"YTpi\"}}}},\n  \"psFormat\": \"table\"\n}}\n"
    );
    let docker = fleet.write(&root, ".docker/config.json", &settings, 0o644);
    let alices = fleet.write(&alice, ".docker/config.json", &format!("{{\"auths\": {{{OTHERS}}}}}"), 0o600);
    let users = json!({ "registry_login_users": [
        { "engines": ["docker", "podman"] }, { "name": "alice", "engines": ["docker", "podman"] },
    ]});
    let first = fleet.role(&users, &["-vvv"]);
    assert_eq!((first.code, recap(&first)), (0, (3, 0)), "the program, and each user's task: {first}");
    let second = fleet.role(&users, &["-vvv"]);
    assert_eq!((second.code, recap(&second)), (0, (0, 0)), "{second}");

    let [podman, alices_podman] = [&root, &alice].map(|home| home.join(".config/containers/auth.json"));
    for (store, uid) in [(&docker, 0), (&podman, 0), (&alices, ALICE), (&alices_podman, ALICE)] {
        assert_eq!(owner(store), (uid, 0o600), "{}", store.display());
        assert!(dense(store).contains(&login(&fleet.token)), "{}", store.display());
    }
    for store in [&docker, &alices] {
        assert!(dense(store).contains(r#""quay.io":{"auth":"YTpi"}"#), "other logins stay");
    }
    assert!(dense(&docker).contains(r#""psFormat":"table""#) && !dense(&docker).contains("https://ghcr.io"));

    // A reboot, which empties the runtime directory.
    fs::remove_dir_all(fleet.home.runtime_dir()).expect("the runtime directory");
    fs::create_dir(fleet.home.runtime_dir()).expect("a new one");
    let image = format!("docker://{IMAGE}");
    run(Podman::new(&fleet.home).skopeo().args(["inspect", "--retry-times=0", &image])).expect_success();
    let third = fleet.role(&users, &[]);
    assert_eq!((third.code, recap(&third)), (0, (0, 0)), "{third}");
}

#[test]
fn a_token_that_was_revoked_fails_the_play_with_the_cause() {
    let fleet = Fleet::new();
    let users = json!({ "registry_login_users": [{ "engines": ["docker"] }] });
    assert_eq!(fleet.role(&users, &[]).code, 0);
    let before = dense(&fleet.home.path().join(".docker/config.json"));
    fleet.site.ghcr().revoke(&fleet.token);
    let ran = fleet.role(&users, &["-vvv"]);
    assert_eq!((ran.code, recap(&ran)), (2, (0, 1)), "{ran}");
    for said in ["refused the credential of `octocat`", "nothing was changed", "doctor: the stored token is dead"] {
        assert!(ran.stdout.contains(said), "{said}: {ran}");
    }
    assert_eq!(dense(&fleet.home.path().join(".docker/config.json")), before);

    // A new token in the inventory mends it.
    let old = fleet.token.clone();
    let token = fleet.site.ghcr().token("octocat", Token::classic(&["read:packages"]));
    fleet.set("ghcr_pat", &[], &token);
    let fleet = Fleet { token, ..fleet };
    let ran = fleet.role(&users, &["--diff"]);
    assert_eq!((ran.code, recap(&ran)), (0, (1, 0)), "{ran}");
    let ends = |token: &str| format!("ghp_…{}", &token[token.len() - 4..]);
    assert!(ran.stdout.contains(&format!("-ghcr.io: octocat {}", ends(&old))), "{ran}");
    assert!(ran.stdout.contains(&format!("+ghcr.io: octocat {}", ends(&fleet.token))), "{ran}");
    assert!(dense(&fleet.home.path().join(".docker/config.json")).contains(&login(&fleet.token)));
}

#[test]
fn check_mode_asks_and_changes_nothing() {
    let fleet = Fleet::new();
    let users = json!({ "registry_login_users": [{ "name": "alice", "engines": ["docker", "podman"] }] });
    // The program is not there yet.
    let ran = fleet.role(&users, &["--check", "--diff"]);
    assert_eq!((ran.code, recap(&ran)), (0, (2, 0)), "{ran}");
    assert!(!fleet.installed().exists());

    fs::copy(program(), fleet.installed()).expect("a copy");
    fs::set_permissions(fleet.installed(), Permissions::from_mode(0o755)).expect("own file");
    let ran = fleet.role(&users, &["--check", "--diff", "-vvv"]);
    assert_eq!((ran.code, recap(&ran)), (0, (1, 0)), "{ran}");
    assert!(ran.stdout.contains("+ghcr.io: octocat ghp_…"), "{ran}");
    for store in [".docker", ".config"] {
        assert!(!fleet.alice().join(store).exists(), "{store}");
    }
    fleet.site.ghcr().revoke(&fleet.token);
    let ran = fleet.role(&users, &["--check"]);
    assert_eq!((ran.code, recap(&ran)), (2, (0, 1)), "a token that is dead is told before anything is written: {ran}");
}

#[test]
fn with_pipelining_the_token_is_in_no_file_on_its_way_and_without_it_none_is_left() {
    let fleet = Fleet::new();
    let mut users =
        json!({ "registry_login_users": [{ "engines": ["docker"] }, { "name": "alice", "engines": ["podman"] }] });
    // What goes through `su` is never pipelined.
    for (pipelining, files) in [("true", 1), ("false", 2)] {
        let ran = fleet.role(&users, &["-vvv", "-e", &format!("ansible_pipelining={pipelining}")]);
        assert_eq!(ran.code, 0, "{ran}");
        let is_put = |line: &&str| line.contains("> PUT ") && line.contains("AnsiballZ_login.py");
        assert_eq!(ran.stdout.lines().filter(is_put).count(), files, "{ran}");
        let left: Vec<_> = fs::read_dir(fleet.homes.path().join("tmp")).expect("a directory").flatten().collect();
        assert!(left.is_empty(), "{left:?}");
        // The right program is taken.
        let program = fs::read(program()).expect("the program");
        users["registry_login_binary_sha256"] = json!(hex::encode(Sha256::digest(&program)));
    }
}

#[test]
fn wrong_variables_and_another_program_are_refused() {
    let fleet = Fleet::new();
    let ran = fleet.role(&json!({ "registry_login_users": [{ "engines": ["rkt"] }] }), &[]);
    assert!(ran.code == 2 && ran.stdout.contains("rkt") && ran.stdout.contains("docker, podman"), "{ran}");
    let ran = fleet.role(&json!({ "registry_login_binary_sha256": "0".repeat(64) }), &[]);
    assert!(
        ran.code == 2 && ran.stdout.contains("is not the program that registry_login_binary_sha256 names"),
        "{ran}"
    );
    assert!(!fleet.installed().exists());
}

#[test]
fn the_playbook_of_the_guide_runs() {
    let fleet = Fleet::new();
    let guide = include_str!("../../../../docs/guide/fleet.md");
    let (_, rest) = guide.split_once("```yaml\n- hosts").expect("a playbook");
    let (playbook, _) = rest.split_once("```").expect("its end");
    let playbook = format!("- hosts{playbook}");
    // This host's program, image and user.
    let named = [
        ("target/release/pullpass", program().display().to_string()),
        ("ghcr.io/midokura/gpu-infra-ansible:v0.1", IMAGE.to_owned()),
        ("name: deploy", "name: alice".to_owned()),
    ];
    let playbook = named.iter().fold(playbook, |text, (name, ours)| {
        assert!(text.contains(name), "{name}");
        text.replace(name, ours)
    });
    let destination = format!("registry_login_binary_dest={}", fleet.installed().display());
    for changed in [2, 0] {
        let ran = fleet.play_text(&playbook, &["-e", &destination]);
        assert_eq!((ran.code, recap(&ran)), (0, (changed, 0)), "{ran}");
    }
}
