use std::{fs, path::Path, thread};

use pullpass_testing::{
    home::{Home, listing},
    run::Ran,
};

use crate::support::*;

fn inventory(home: &Home, words: &[&str], input: &str) -> Ran {
    home.write("pw", "correct horse\n");
    pullpass_with_input(home, &[&["inventory"][..], words, &["--vault-password-file", "pw"]].concat(), input)
}

fn encrypted(home: &Home, name: &str, text: &str) {
    home.write("pw", "correct horse\n");
    home.write(name, text);
    let ran = pullpass(home, &["vault", "encrypt", name, "--vault-password-file", "pw"]);
    assert_eq!(ran.code, 0, "{ran}");
}

/// The secret at a key path of a file.
fn secret(home: &Home, file: &str, key: &str) -> String {
    let ran = inventory(home, &["show", file, "--key", key, "--reveal", "--json"], "");
    json(&ran)["secrets"][0]["secret"].as_str().unwrap_or_else(|| panic!("{ran}")).to_owned()
}

/// Two groups whose variables name others, in files that are encrypted as a whole.
fn project(home: &Home) {
    encrypted(
        home,
        "group_vars/prod/vault.yml",
        "vault_pat: prod\nvault_a: '{{ b }}'\nb: chained\nd:\n  vault_pat: x\n",
    );
    encrypted(home, "group_vars/stage/vault.yml", "vault_pat: stage\n");
    home.write(
        "group_vars/prod/vars.yml",
        "pat: '{{ vault_pat | trim }}'\na: '{{ vault_a }}'\nlist: ['{{ vault_pat }}']\n",
    );
    home.write(
        "group_vars/stage/vars.yml",
        "pat: '{{ vault_pat }}'\nnone: '{{ vault_none }}'\ntext: 'x{{ vault_pat }}'\nfilter: '{{ vault_pat | b64decode }}'\n",
    );
    home.write("group_vars/all.yml", "loop: '{{ back }}'\nback: '{{ loop }}'\n");
    home.write("host_vars/web.yml", "web: '{{ vault_a }}'\nboth: '{{ vault_pat }}'\n");
}

#[test]
fn a_variable_that_names_another_leads_to_where_the_secret_is() {
    let home = Home::new();
    project(&home);
    for (number, (path, key, file, at)) in [
        ("group_vars/prod/vars.yml", "pat", "group_vars/prod/vault.yml", "vault_pat"),
        ("group_vars/prod", "list[0]", "group_vars/prod/vault.yml", "vault_pat"),
        ("group_vars/stage", "pat", "group_vars/stage/vault.yml", "vault_pat"),
        (".", "a", "group_vars/prod/vault.yml", "b"),
        ("host_vars/web.yml", "web", "group_vars/prod/vault.yml", "b"),
        (".", "vault_a", "group_vars/prod/vault.yml", "b"),
    ]
    .into_iter()
    .enumerate()
    {
        let new = format!("secret {number}");
        let before = listing(&home.path());
        let ran = inventory(&home, &["set", path, key], &new);
        assert!(ran.code == 0 && ran.stderr.contains(&format!("set: `{at}` in `{file}`")), "{ran}");
        let mut after = listing(&home.path());
        after.get_mut(Path::new(file)).expect("the file").contents.clone_from(&before[Path::new(file)].contents);
        assert!(after == before, "{ran}");
        assert_eq!(secret(&home, file, at), new);
    }
    // Hosts of both groups would see the other one.
    let ran = inventory(&home, &["set", "group_vars/prod/vars.yml", "pat"], "again");
    assert!(ran.stderr.contains("`vault_pat` in `group_vars/stage/vault.yml` instead, which is not changed"), "{ran}");
}

#[test]
fn what_a_variable_means_is_not_guessed() {
    let home = Home::new();
    project(&home);
    let before = listing(&home.path());
    let two = ["group_vars/prod/vault.yml", "group_vars/stage/vault.yml"];
    for (path, key, code, words) in [
        ("host_vars/web.yml", "both", 2, &two[..]),
        (".", "pat", 2, &["group_vars/prod/vars.yml", "group_vars/stage/vars.yml", "name the file"]),
        (".", "none", 1, &["`none` is `{{ vault_none }}`, and there is no `vault_none`"]),
        (".", "loop", 2, &["`loop` is a variable that leads back to itself"]),
        ("group_vars/stage", "text", 2, &["`text` is a template, which would be lost", "inventory unset"]),
        (".", "filter", 2, &["`filter` is a template, which would be lost"]),
        (".", "vault_pta", 1, &["there is no `vault_pta` in `.`", "there is `vault_pat`", "name the file"]),
    ] {
        assert_fails(&inventory(&home, &["set", path, key], "new"), code, words);
        assert!(listing(&home.path()) == before, "{path} {key}");
    }
    // What could not be looked into may have another one.
    let ran = pullpass(&home, &["inventory", "unset", ".", "none", "--dry-run"]);
    assert!(ran.code == 0 && ran.stderr.contains("warning: `group_vars/prod/vault.yml` was not opened"), "{ran}");
    let ran = pullpass_with_input(&home, &["inventory", "set", "group_vars/stage", "pat"], "new");
    assert_fails(&ran, 1, &["`group_vars/stage/vault.yml` was not opened", "--vault-password-file FILE"]);
}

#[test]
fn a_secret_that_looks_like_a_template_is_encrypted_by_itself_in_an_encrypted_file() {
    let home = Home::new();
    encrypted(&home, "vault.yml", "pat: old # why\n");
    for text in ["{{ x }}", "{% if %}", "a {# b", "plain: 'text'"] {
        inventory(&home, &["set", "vault.yml", "pat"], text).expect_success();
        assert_eq!(secret(&home, "vault.yml", "pat"), text);
        home.write("copy.yml", fs::read(home.path().join("vault.yml")).expect("a file"));
        let opened = pullpass(&home, &["vault", "decrypt", "copy.yml", "--vault-password-file", "pw", "--output", "-"]);
        assert!(!opened.stdout.contains(&format!("pat: {text}")) && opened.stdout.contains("# why"), "{opened}");
    }
}

#[test]
fn files_that_are_written_at_once_have_all_values_in_the_end() {
    let home = Home::new();
    home.write("pw", "correct horse\n");
    home.write("plain.yml", "a: 1\n");
    encrypted(&home, "whole.yml", "a: 1\n");
    for file in ["plain.yml", "whole.yml", "new.yml"] {
        thread::scope(|scope| {
            for number in 0..6 {
                let home = &home;
                scope.spawn(move || {
                    let words = ["inventory", "set", file, &format!("k{number}"), "--vault-password-file", "pw"];
                    let ran = pullpass_with_input(home, &words, &format!("v{number}"));
                    assert_eq!(ran.code, 0, "{ran}");
                });
            }
        });
        for number in 0..6 {
            assert_eq!(secret(&home, file, &format!("k{number}")), format!("v{number}"), "{file}");
        }
    }
}

#[test]
fn a_script_that_knows_the_password_is_run_once() {
    let home = Home::new();
    project(&home);
    let script = home.write("pass.sh", "#!/bin/sh\necho run >> runs\necho 'correct horse'\n");
    std::os::unix::fs::chown(&script, None, None).expect("own file");
    fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("own file");
    for words in [
        &["set", "group_vars/prod/vars.yml", "a"][..],
        &["set", ".", "web"],
        &["set", "group_vars/prod/vault.yml", "new"],
        &["set", "new.yml", "new"],
        &["unset", "group_vars/prod/vault.yml", "new"],
        &["show", ".", "--reveal"],
        &["check", "."],
    ] {
        let words = [&["inventory"][..], words, &["--vault-password-file", "./pass.sh"]].concat();
        let mut command = command(&home, &words);
        let ran =
            pullpass_testing::run::run_with_input(command.env("PATH", pullpass_testing::home::SEARCH_PATH), "new");
        assert_eq!(ran.code, 0, "{ran}");
        assert_eq!(fs::read_to_string(home.path().join("runs")).expect("a log"), "run\n", "{ran}");
        fs::remove_file(home.path().join("runs")).expect("own file");
    }
}

#[test]
fn a_new_name_that_is_nearly_an_old_one_is_pointed_out() {
    let home = Home::new();
    inventory(&home, &["set", "inventory.yml", "all.vars.ghcr_pat"], "first").expect_success();
    for (file, key, slip) in [
        ("inventory.yml", "all.vars.ghcr_pta", Some("there is `all.vars.ghcr_pat`")),
        ("inventory.yml", "all.var.ghcr_pat", Some("there is `all.vars.ghcr_pat`")),
        ("inventroy.yml", "all.vars.ghcr_pat", Some("there is `inventory.yml`")),
        ("inventory.yml", "all.vars.ghcr_pat2", None),
        ("inventory.yml", "all.vars.user", None),
    ] {
        let ran = inventory(&home, &["set", file, key, "--dry-run"], "second");
        assert!(ran.code == 0 && ran.stderr.contains(&format!("would be added: `{key}`")), "{ran}");
        assert_eq!(ran.stderr.contains("warning: "), slip.is_some(), "{ran}");
        assert!(slip.is_none_or(|slip| ran.stderr.contains(slip)), "{ran}");
    }
}

#[test]
fn a_refusal_says_what_to_do_and_changes_nothing() {
    let home = Home::new();
    inventory(&home, &["set", "i.yml", "pat"], "first").expect_success();
    let block = fs::read_to_string(home.path().join("i.yml")).expect("a file");
    encrypted(&home, "whole.yml", "a: 1\n");
    home.write(
        "alias.yml",
        format!("{}\nother: *one\nb: &c {{d: e}}\nf: {{<<: *c}}\n", block.replace("pat: ", "pat: &one ")),
    );
    home.write("twice.yml", "a: 1\na: 2\n");
    home.write("list.yml", "a: [1]\n");
    home.write("latin1.yml", b"a: 1 \xe9\n");
    home.write("two.yml", "a: 1\n---\n");
    home.write("? pat.yml", "? |\n  a\n: 1\n");
    let before = listing(&home.path());
    for (words, reason, hint) in [
        (&["alias.yml", "other"][..], "leads to an alias at line", "pullpass inventory set alias.yml 'pat'"),
        (&["alias.yml", "f.d"], "comes from a merge key", "inventory show"),
        (&["twice.yml", "a"], "is there twice, at line 1 and at line 2", "remove one of them"),
        (&["latin1.yml", "a"], "not UTF-8 at line 1, column 6", "save the file as UTF-8"),
        (&["two.yml", "a"], "a second YAML document begins at line 2", "correct the file there"),
        (&["? pat.yml", "b"], "cannot be edited safely", "by hand: put what `pullpass vault encrypt_string --name b`"),
        (&["list.yml", "a[3]"], "names a list item that is not there", "inventory show"),
        (&["list.yml", "a.b"], "is not a mapping", "inventory show"),
        (
            &["whole.yml", "a", "--encrypt-vault-id", "dev"],
            "the file is encrypted as a whole",
            "leave `--encrypt-vault-id`",
        ),
    ] {
        let ran = inventory(&home, &[&["set"][..], words].concat(), "second");
        assert_fails(&ran, 2, &[reason, "nothing was changed", words[0], "hint: ", hint]);
        assert!(listing(&home.path()) == before, "{ran}");
    }
}

#[test]
fn plain_text_is_set_through_a_directory_too() {
    let home = Home::new();
    home.write("group_vars/all.yml", "console:\n  user: octocat # me\n  pat: '{{ vault_pat }}'\n");
    inventory(&home, &["set", "group_vars", "console.user", "--plain", "hubot"], "").expect_success();
    inventory(&home, &["set", ".", "pat", "--plain", "{{ vault_other }}"], "").expect_success();
    let text = fs::read_to_string(home.path().join("group_vars/all.yml")).expect("a file");
    assert_eq!(text, "console:\n  user: hubot # me\n  pat: '{{ vault_other }}'\n");
}

#[test]
fn json_stays_json() {
    let home = Home::new();
    home.write("old.json", "{\n  \"a\": [1, \"x\"]\n}\n");
    for (file, key) in [("old.json", "a[1]"), ("old.json", "b.c"), ("new.json", "a.b"), ("new.json", "a.c")] {
        inventory(&home, &["set", file, key], "a \"secret\"").expect_success();
        let text = fs::read_to_string(home.path().join(file)).expect("a file");
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
        assert_eq!(secret(&home, file, key), "a \"secret\"");
    }
}
