use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt};

use pullpass_testing::{home::Home, run::Ran};
use serde_json::{Value, json};

use crate::support::*;

const TOKEN: [&str; 2] = ["ghp_", "PULLPASSfakeTokenForTests000001SnXls"];

fn inventory(home: &Home, words: &[&str], input: &str) -> Ran {
    home.write("pw", "correct horse\n");
    pullpass_with_input(home, &[&["inventory"][..], words, &["--vault-password-file", "pw"]].concat(), input)
}

fn rows(ran: &Ran) -> Vec<Value> {
    json(ran)["secrets"].as_array().unwrap_or_else(|| panic!("{ran}")).clone()
}

#[test]
fn every_row_has_the_shape_that_the_guide_tells() {
    let home = Home::new();
    inventory(&home, &["set", "vars/all.yml", "console.pat"], &TOKEN.concat()).expect_success();
    let vars = home.path().join("vars/all.yml");
    let text = fs::read_to_string(&vars).expect("a file").replace("pat: ", "pat: &pat ")
        + "other: *pat\nuse: '{{ console.pat }}'\n";
    home.write("vars/all.yml", text);
    let ran = inventory(&home, &["show", "vars", "--reveal", "--json"], "");
    assert_eq!(ran.code, 0, "{ran}");
    let kind = "GitHub classic personal access token";
    let value = json!({
        "file": "vars/all.yml", "line": 2, "path": "console.pat", "also": ["other"], "protection": "value",
        "vault_id": "default", "refers_to": null, "decrypts": true, "kind": kind, "fingerprint": "ghp_…nXls",
        "problem": null, "secret": TOKEN.concat(),
    });
    let reference = json!({
        "file": "vars/all.yml", "line": 11, "path": "use", "also": [], "protection": "reference", "vault_id": null,
        "refers_to": {"variable": "console.pat", "file": "vars/all.yml", "line": 2, "others": 0},
        "decrypts": true, "kind": kind, "fingerprint": "ghp_…nXls", "problem": null, "secret": TOKEN.concat(),
    });
    assert_eq!(json(&ran), json!({"secrets": [value, reference], "unreadable": []}), "{ran}");
    let hidden = pullpass(&home, &["inventory", "show", "vars", "--json"]);
    assert!(hidden.code == 0 && rows(&hidden)[0].get("secret").is_none() && rows(&hidden)[0]["decrypts"].is_null());
    assert!(!hidden.said().contains(&TOKEN.concat()));
}

#[test]
fn variables_are_followed_to_the_secret_and_no_other_value() {
    let home = Home::new();
    for (group, secret) in [("prod", "prod"), ("stage", "stage")] {
        let text = format!("vault_pat: {secret}\nvault_a: '{{{{ b }}}}'\nb: chained-{secret}\n");
        home.write(&format!("group_vars/{group}/vault.yml"), text);
        let vault = format!("group_vars/{group}/vault.yml");
        home.write("pw", "correct horse\n");
        assert_eq!(pullpass(&home, &["vault", "encrypt", &vault, "--vault-password-file", "pw"]).code, 0);
        home.write(
            &format!("group_vars/{group}/vars.yml"),
            "pat: '{{ vault_pat | default(\"x\") | trim }}'\na: '{{ vault_a }}'\nc: '{{ none }}'\nsize: '{{ vault_pat | length }}'\n",
        );
    }
    home.write("host_vars/web.yml", "web: '{{ vault_pat }}'\nloop: '{{ back }}'\nback: '{{ loop }}'\nd: {b: x}\n");
    home.write("roles/app/defaults/main.yml", "app_pat: '{{ pat }}'\n");
    home.write("play.yml", "- hosts: all\n  vars:\n    play_pat: '{{ only }}'\n    only: ghp_short\n");
    let ran = inventory(&home, &["show", ".", "--reveal", "--json"], "");
    let found: Vec<_> = rows(&ran)
        .iter()
        .filter(|row| row["protection"] == "reference")
        .map(|row| {
            format!("{} {} {}", row["file"].as_str().unwrap_or("?"), row["path"].as_str().unwrap_or("?"), row["secret"])
        })
        .collect();
    let wanted = [
        "group_vars/prod/vars.yml pat \"prod\"",
        "group_vars/prod/vars.yml a \"chained-prod\"",
        "group_vars/prod/vault.yml vault_a \"chained-prod\"",
        "group_vars/stage/vars.yml pat \"stage\"",
        "group_vars/stage/vars.yml a \"chained-stage\"",
        "group_vars/stage/vault.yml vault_a \"chained-stage\"",
        // Which one it is depends on the host.
        "host_vars/web.yml web null",
        "play.yml [0].vars.play_pat \"ghp_short\"",
        "roles/app/defaults/main.yml app_pat null",
    ];
    assert_eq!(found, wanted.map(str::to_owned), "{ran}");
    assert_eq!(ran.code, 1, "a token in plain text: {ran}");
}

#[test]
fn a_key_is_the_whole_path_or_else_the_end_of_one() {
    let home = Home::new();
    for (file, key) in [("a.yml", "pat"), ("b.yml", "all.vars.pat"), ("b.yml", "all.vars.other")] {
        inventory(&home, &["set", file, key], key).expect_success();
    }
    let secrets = |key: &str| {
        let ran = inventory(&home, &["show", ".", "--key", key, "--reveal", "--json"], "");
        rows(&ran).iter().map(|row| row["secret"].as_str().unwrap_or("?").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(secrets("pat"), ["pat"]);
    assert_eq!(secrets("vars.pat"), ["all.vars.pat"]);
    assert_eq!(secrets("other"), ["all.vars.other"]);
    let ran = inventory(&home, &["show", ".", "--key", "othre"], "");
    assert_fails(&ran, 1, &["no secret is at `othre`", "there is `all.vars.other`"]);
}

#[test]
fn passwords_that_are_missing_or_wrong_are_told_apart() {
    let home = Home::new();
    home.write("one", "one");
    home.write("two", "two");
    for id in ["one", "two"] {
        let words = ["inventory", "set", "i.yml", id, "--vault-id", &format!("{id}@{id}")];
        assert_eq!(pullpass_with_input(&home, &words, id).code, 0);
    }
    let ran = pullpass(&home, &["inventory", "show", ".", "--reveal"]);
    assert_fails(&ran, 2, &["cannot ask for the vault password", "--vault-password-file FILE"]);
    assert!(!ran.stdout.contains("KEY PATH"), "{ran}");
    home.write("two", "mistyped");
    let words = ["inventory", "show", ".", "--reveal", "--json", "--vault-id", "one@one", "--vault-id", "two@two"];
    let ran = pullpass(&home, &words);
    assert_eq!(ran.code, 2, "{ran}");
    let [one, two] = rows(&ran).try_into().expect("two rows");
    assert_eq!((&one["secret"], &one["decrypts"], &one["problem"]), (&json!("one"), &json!(true), &json!(null)));
    assert_eq!((&two["secret"], &two["decrypts"]), (&json!(null), &json!(false)));
    assert!(two["problem"].to_string().contains("wrong vault password"), "{ran}");

    // What the person did not name is no reason to show nothing.
    home.write("ansible.cfg", "[defaults]\nvault_password_file = missing\n");
    let ran = pullpass(&home, &["inventory", "show", "."]);
    assert!(ran.code == 3 && ran.stdout.contains("vault id two") && ran.stderr.contains("missing"), "{ran}");
    assert_fails(&pullpass(&home, &["inventory", "show", ".", "--vault-password-file", "none"]), 2, &["`none`"]);
}

#[test]
fn a_payload_that_no_password_opens_is_told_without_one() {
    let home = Home::new();
    home.write("i.yml", "pat: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  3132\n");
    let ran = pullpass(&home, &["inventory", "show", "i.yml"]);
    assert!(ran.code == 1 && ran.stdout.contains("was cut off"), "{ran}");
}

/// Everything that may be in a tree beside what is looked for.
#[test]
fn what_is_no_inventory_is_passed_over_or_named_and_never_waited_for() {
    let home = Home::new();
    inventory(&home, &["set", "all/group_vars/all.yml", "pat"], "secret").expect_success();
    let all = home.path().join("all");
    let file = all.join("group_vars/all.yml");
    std::os::unix::fs::symlink("..", all.join("group_vars/up")).expect("a link");
    std::os::unix::fs::symlink("nowhere", all.join("dangling.yml")).expect("a link");
    std::os::unix::fs::symlink("loop.yml", all.join("loop.yml")).expect("a link");
    std::os::unix::fs::symlink("group_vars/all.yml", all.join("z-link.yml")).expect("a link");
    std::os::unix::fs::symlink("group_vars", all.join("z-directory")).expect("a link");
    std::os::unix::fs::symlink("/dev/zero", all.join("zero.yml")).expect("a link");
    drop(std::os::unix::net::UnixListener::bind(all.join("socket.yml")).expect("a socket"));
    rustix::fs::mkfifoat(rustix::fs::CWD, all.join("pipe.yml"), rustix::fs::Mode::RWXU).expect("a pipe");
    home.write("all/script", "#!/bin/sh\necho '!vault |'\n");
    home.write("all/empty.yml", "");
    let strange = all.join(OsStr::from_bytes(b"not-utf-8-\xff.yml"));
    fs::copy(&file, &strange).expect("a copy");

    let ran = pullpass(&home, &["inventory", "show", "all", "--json"]);
    let files: Vec<_> = rows(&ran).iter().map(|row| row["file"].as_str().unwrap_or("?").to_owned()).collect();
    assert_eq!(files, ["all/group_vars/all.yml", "all/not-utf-8-\u{fffd}.yml"], "{ran}");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let ran = pullpass(&home, &["inventory", "check", "all"]);
    assert_eq!(ran.code, 0, "{ran}");
    for (name, code) in [("pipe.yml", 2), ("socket.yml", 3), ("zero.yml", 2), ("loop.yml", 3), ("dangling.yml", 2)] {
        assert_fails(&pullpass(&home, &["inventory", "show", &format!("all/{name}")]), code, &[name]);
    }

    // What cannot be looked into is named, and the rest is shown.
    fs::write(all.join("big.yml"), vec![b'a'; 100_000_000]).expect("a file");
    home.write("all/open.yml", "a: 1\n");
    fs::set_permissions(all.join("open.yml"), std::os::unix::fs::PermissionsExt::from_mode(0o666)).expect("own file");
    for command in ["show", "check"] {
        let ran = pullpass(&home, &["inventory", command, "all", "--json"]);
        assert_eq!(ran.code, 3, "{ran}");
        assert!(ran.stderr.contains("big.yml` is larger than 16 MiB") && ran.stderr.contains("chmod o-w"), "{ran}");
    }
    let ran = inventory(&home, &["set", "all/big.yml", "a"], "secret");
    assert_fails(&ran, 2, &["`all/big.yml` is larger than 16 MiB"]);
}

#[test]
fn a_path_that_is_not_there_is_told_with_what_is_near() {
    let home = Home::new();
    home.write("inventory.yml", "a: 1\n");
    home.write("empty/notes.txt", "nothing\n");
    for command in ["show", "check"] {
        assert_fails(&pullpass(&home, &["inventory", command, "inventry.yml"]), 2, &["hint: there is `inventory.yml`"]);
        let ran = pullpass(&home, &["inventory", command, "empty"]);
        assert!(ran.code == 0 && ran.stdout.is_empty(), "{ran}");
    }
}
