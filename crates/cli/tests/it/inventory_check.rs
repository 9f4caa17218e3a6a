use std::fs;

use pullpass_testing::{home::Home, run::Ran};
use serde_json::json;

use crate::support::*;

fn token() -> String {
    format!("ghp{}{}", '_', "PULLPASSfakeTokenForTests000001SnXls")
}

fn check(home: &Home, words: &[&str]) -> Ran {
    pullpass(home, &[&["inventory", "check"][..], words].concat())
}

#[test]
fn the_answer_has_the_shape_that_the_guide_tells() {
    let home = Home::new();
    home.write("pw", "correct horse\n");
    let words = ["inventory", "set", "vars/all.yml", "pat", "--vault-password-file", "pw"];
    assert_eq!(pullpass_with_input(&home, &words, &token()).code, 0);
    let clean = json!({"files": 1, "payloads": 1, "decrypted": true, "findings": [], "unreadable": []});
    let ran = check(&home, &["vars", "--json", "--vault-password-file", "pw"]);
    assert_eq!((ran.code, json(&ran)), (0, clean), "{ran}");

    home.write("vars/plain.yml", format!("a:\n  b: {}\n", token()));
    home.write("vars/hosts", format!("[all]\nweb pat={}\n", token()));
    let ran = check(&home, &["vars", "--json"]);
    let problem = "a GitHub classic personal access token in plain text";
    let findings = json!([
        {"file": "vars/hosts", "line": 2, "path": null, "problem": format!("{problem} (ghp_…nXls)")},
        {"file": "vars/plain.yml", "line": 2, "path": "a.b", "problem": problem},
    ]);
    assert_eq!(json(&ran)["findings"], findings, "{ran}");
    assert_eq!(ran.code, 1, "{ran}");
    let ran = check(&home, &["vars"]);
    assert!(ran.code == 1 && ran.stdout.contains(&format!("vars/plain.yml:2: `a.b`: {problem}\n")), "{ran}");
    assert!(ran.stderr.contains("2 problems in 1 encrypted value of 3 files"), "{ran}");
    assert!(!ran.said().contains(&token()));
}

#[test]
fn what_a_file_is_for_decides_what_is_wrong_with_it() {
    let home = Home::new();
    let example = "    pat: !vault |\n      $ANSIBLE_VAULT;1.1;AES256\n      3132\n";
    for name in ["README.md", "docs/vault.rst", "notes.txt"] {
        home.write(name, example);
    }
    assert_eq!(check(&home, &["README.md", "docs", "notes.txt"]).code, 0);
    for name in ["tool", "templates/app.conf.j2", "hosts.ini"] {
        home.write(name, format!("#!/usr/bin/env python3\nimport sys\n{example}"));
        let ran = check(&home, &[name]);
        assert!(ran.code == 1 && ran.stdout.contains("a payload stands in a file that is no YAML"), "{ran}");
    }
    // A token is one wherever it is.
    home.write("README.md", format!("Use {}.\n", token()));
    assert_eq!(check(&home, &["README.md"]).code, 1);
}

#[test]
fn a_password_that_the_settings_name_and_that_is_missing_is_no_reason_to_look_at_nothing() {
    let home = Home::new();
    home.write("i.yml", "a: 1\n");
    home.write("ansible.cfg", "[defaults]\nvault_password_file = missing\n");
    let ran = check(&home, &["i.yml"]);
    assert!(ran.code == 3 && ran.stderr.contains("there is no vault password file"), "{ran}");
    home.write("i.yml", format!("a: {}\n", token()));
    let ran = check(&home, &["i.yml"]);
    assert!(ran.code == 1 && ran.stdout.contains("in plain text"), "{ran}");
    assert_eq!(check(&home, &["i.yml", "--vault-password-file", "missing"]).code, 2);
}

#[test]
fn a_file_that_links_lead_to_is_looked_at_once() {
    let home = Home::new();
    home.write("all/real/vars.yml", format!("a: {}\n", token()));
    let all = home.path().join("all");
    for name in ["b", "z"] {
        fs::create_dir(all.join(name)).expect("a directory");
    }
    // Links that lead to one another would be ways without end.
    for from in ["real", "b", "z"] {
        for to in ["real", "b", "z"] {
            std::os::unix::fs::symlink(format!("../{to}"), all.join(from).join(format!("to-{to}"))).expect("a link");
        }
    }
    fs::hard_link(all.join("real/vars.yml"), all.join("b/own.yml")).expect("a link");
    let ran = check(&home, &["all", "--json"]);
    assert_eq!(json(&ran)["findings"].as_array().map(Vec::len), Some(2), "{ran}");
    assert_eq!(json(&ran)["unreadable"], json!([]), "{ran}");
}
