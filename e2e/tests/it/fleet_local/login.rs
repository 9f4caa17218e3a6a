//! `pullpass fleet login` and `logout`

use super::*;

const LOGIN: [&str; 4] = ["login", "-i", "inventory.yml", "--json"];
/// What the hosts have of other registries.
const OTHERS: &str = r#"{"auths":{"quay.io":{"auth":"YTpi"}}}"#;

fn changed(ran: &Ran) -> Vec<bool> {
    rows(ran).iter().map(|row| row["changed"] == true).collect()
}

#[test]
fn the_second_login_changes_nothing_and_a_dead_token_takes_no_place() {
    let mut fleet = Fleet::new(&["one", "two"]);
    fleet.write_store("two", OTHERS);
    for expected in [[true, true], [false, false]] {
        let ran = fleet.run(&LOGIN);
        assert_eq!((ran.code, changed(&ran)), (0, expected.to_vec()), "{ran}");
        let row = &rows(&ran)[0];
        assert_eq!((&row["fingerprint"], &row["opens"]), (&json!(shown(fleet.old())), &json!(true)), "{ran}");
        assert_eq!((&row["login"], &row["alive"]), (&json!("octocat"), &json!(true)), "{ran}");
    }
    assert_eq!((fleet.has("one"), fleet.has("two")), (Some(0), Some(0)));

    // A token that is not in the inventory.
    let new = fleet.token("octocat", Token::classic(&["read:packages"]));
    let ran = fleet.run_with(&["login", "-i", "inventory.yml", "--password-stdin", "--limit", "two"], &new);
    assert!(ran.code == 0 && ran.stdout.contains(&shown(&new)) && ran.stderr.contains("1 ok"), "{ran}");
    assert_eq!((fleet.has("one"), fleet.has("two")), (Some(0), Some(1)));
    fleet.home.write("tokens.yml", "{}\n");
    fleet.set("tokens.yml", "new", &[], &new);
    let source = ["--token-from", "vault:tokens.yml#new", "--verbose", "--", "-vvv", "--diff"];
    let ran = fleet.watched(&[&LOGIN[..], &source].concat(), "");
    assert_eq!((ran.code, changed(&ran)), (0, vec![true, false]), "{ran}");
    assert!(ran.stderr.contains(&format!("+ghcr.io: octocat {}", shown(&new))), "{ran}");

    // It dies, and so does the inventory's: the hosts keep what they have.
    fleet.site.ghcr().revoke(&fleet.tokens[0]);
    let ran = fleet.run(&LOGIN);
    assert_eq!(ran.code, 1, "{ran}");
    for said in ["refused the credential of `octocat`", "nothing was changed"] {
        assert!(why(&ran, "one").contains(said), "{ran}");
    }
    assert_eq!((fleet.has("one"), fleet.has("two")), (Some(1), Some(1)));
    fleet.site.ghcr().revoke(&new);
    let ran = fleet.run(&LOGIN);
    assert!(ran.code == 1 && why(&ran, "one").contains("doctor: the stored token is dead"), "{ran}");

    // So is one that opens less, of whatever account, and one that is none at all.
    let less = fleet.token("hubot", Token::classic(&["read:packages"]));
    let words = ["login", "-i", "inventory.yml", "--json", "-u", "hubot", "--password-stdin", "--image", OTHER];
    let ran = fleet.run_with(&words, &less);
    assert!(
        ran.code == 1
            && why(&ran, "one").contains("midokura/secret")
            && why(&ran, "one").contains("nothing was changed"),
        "{ran}"
    );
    let torn = &less[..less.len() - 1];
    let ran = fleet.run_with(&words, torn);
    assert!(ran.code == 2 && ran.stderr.contains("no host was asked"), "{ran}");
    assert_eq!((fleet.has("one"), fleet.has("two")), (Some(1), Some(1)));

    let logout = ["logout", "-i", "inventory.yml", "--json"];
    for (count, word) in [(2, true), (0, false)] {
        let ran = fleet.run(&logout);
        let found: Value = serde_json::from_str(&ran.stdout).expect("JSON");
        let users = found["users"].as_array().expect("users");
        assert!(ran.code == 0 && users.iter().all(|user| user["changed"] == word), "{count}: {ran}");
        assert_eq!((fleet.has("one"), fleet.has("two")), (None, None));
    }
    let left: Value = serde_json::from_slice(&fs::read(fleet.store("two")).expect("a store")).expect("JSON");
    assert_eq!(left, serde_json::from_str::<Value>(OTHERS).expect("JSON"), "other registries stay");
    let ran = fleet.run(&["logout", "-i", "inventory.yml"]);
    assert!(ran.code == 0 && ran.stdout.contains("was not logged in"), "{ran}");
}

#[test]
fn a_host_with_something_in_the_way_is_named_and_the_others_are_done() {
    let fleet = Fleet::new(&["broken", "failing", "fine", "full", "gone", "readonly"]);
    fleet.write_store("broken", "{\"auths\": ");
    let helpers = fleet.home.side_dir("helpers");
    let helper = helpers.join("docker-credential-failing");
    fs::write(&helper, "#!/bin/sh\necho 'no agent is running' >&2\nexit 1\n").expect("a helper");
    fs::set_permissions(&helper, Permissions::from_mode(0o755)).expect("own file");
    fleet.write_store("failing", r#"{"credsStore":"failing"}"#);
    fleet.write_store("full", "");
    fleet.write_store("readonly", "");
    // Only the programs of the fleet see these file systems.
    let inside = |script: &str| {
        let mut shell = fleet.home.command("sh");
        run(shell.args(["-c", script, "sh", OTHERS]).current_dir("/")).expect_success()
    };
    let disk = "mount -t tmpfs -o size=1m,mode=0700 tmpfs $PWD && cd $PWD && printf %s \"$1\" > config.json";
    let stores = fleet.stores();
    inside(&format!("cd {}/full && {disk} && ! cat /dev/zero > filler 2> /dev/null", stores.display()));
    inside(&format!("cd {}/readonly && {disk} && mount -o remount,ro $PWD", stores.display()));
    set_for_host(&fleet, "gone", "ansible_connection: ssh\nansible_host: 127.0.0.1\nansible_port: 9");
    let read = |host: &str| inside(&format!("cat {}", fleet.store(host).display()));
    let before = ["broken", "failing", "full", "readonly"].map(|host| (host, read(host)));

    let mut command = fleet.command(&LOGIN);
    let path =
        command.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, path)| path).expect("a path").to_owned();
    command.env("PATH", format!("{}:{}", path.display(), helpers.display()));
    let ran = fleet.hunted(&mut command, "");
    assert_eq!(ran.code, 1, "{ran}");
    assert_eq!(fleet.has("fine"), Some(0));
    for (host, cause) in [
        ("broken", "malformed JSON"),
        ("failing", "no agent is running"),
        ("fine", ""),
        ("full", "No space left"),
        ("gone", "127.0.0.1"),
        ("readonly", "Read-only file system"),
    ] {
        assert!(why(&ran, host).contains(cause), "{host}: {ran}");
    }
    let failed = states(&ran).into_iter().filter(|(_, state)| state == "failed").count();
    assert_eq!(failed, 4, "{ran}");
    for (host, store) in before {
        assert_eq!(read(host), store, "{host}");
    }
}

#[test]
fn the_program_is_put_on_the_hosts() {
    let fleet = Fleet::new(&["one"]);
    let bin = tempfile::Builder::new().prefix("pp-bin-").tempdir_in("/tmp").expect("a directory");
    // The inventory of the other tests names the program of this machine.
    let inventory = fleet.home.path().join("inventory.yml");
    let text = fs::read_to_string(&inventory).expect("the inventory");
    let destination = format!("registry_login_binary_dest: {}", bin.path().join("pullpass").display());
    let installed = text.replace(&format!("registry_login_executable: {}", program().display()), &destination);
    assert_ne!(installed, text);
    fs::write(inventory, installed).expect("the inventory");
    let ran = fleet.run(&[&LOGIN[..], &["--install"]].concat());
    assert_eq!((ran.code, fleet.has("one")), (0, Some(0)), "{ran}");
    assert!(fs::read(bin.path().join("pullpass")).expect("the program") == fs::read(program()).expect("the program"));
    let executable = bin.path().join("pullpass").display().to_string();
    let ran = fleet.run(&["check", "-i", "inventory.yml", "--executable", &executable]);
    assert_eq!(ran.code, 0, "{ran}");
}
