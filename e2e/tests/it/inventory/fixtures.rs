//! Every fixture in `crates/secrets/tests/fixtures/inventories`, and the project in `e2e/fixtures`: each secret is shown at
//! its key path, and each one that is set is what ansible-core reads afterwards, on every host, with nothing else changed.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use pullpass_secrets::inventory::{KeyPath, Step};
use pullpass_secrets::vault::{self, Password};
use pullpass_testing::home::{Home, listing};
use pullpass_testing::run::{Ran, run, run_with_input};
use serde_json::{Map, Value};

use super::ansible::{SECRETS, variables};
use crate::program::{ansible, pullpass};

/// A secret that YAML, a template and a shell would each change if they could.
const NEW: &str = "new: 'secret' \"of\" {{ braces }} # \\ ünï 🗝";
/// One that stays on its line, in a file that is encrypted as a whole. [`NEW`] is encrypted by itself there, lest Ansible
/// take it for a template.
const NEW_IN_LINE: &str = "new: 'secret' \"of\" # \\ ünï 🗝";
/// The values of 10-ini and the project are not below the inventory that Ansible is given, but beside it.
const SOURCES: [(&str, &str); 3] = [
    ("10-ini", "10-ini/hosts.ini"),
    ("project/inventories/staging", "project/inventories/staging"),
    ("project/inventories/production", "project/inventories/production"),
];

/// A copy of all fixtures; the passwords are beside it.
fn copy_all(home: &Home, name: &str) -> PathBuf {
    let to = home.path().join(name);
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    copy(&manifest.join("../crates/secrets/tests/fixtures/inventories"), &to);
    copy(&manifest.join("fixtures/project"), &to.join("project"));
    for (label, password) in SECRETS {
        home.write(&format!("pw-{label}"), format!("{password}\n"));
    }
    fs::remove_file(to.join("expected.json")).expect("own file");
    to
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a readable directory") {
        let (from, to) = entry.map(|entry| (entry.path(), to.join(entry.file_name()))).expect("a readable entry");
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).expect("a copy");
        }
    }
}

/// What is in each file, by its name in this repository. The tokens are put together here, so that no file has them whole.
fn expected() -> Map<String, Value> {
    let text = include_str!("../../../../crates/secrets/tests/fixtures/inventories/expected.json");
    let text = text.replace("{token}", &["ghp", "_FIXTURE"].concat());
    let expected = serde_json::from_str::<Map<String, Value>>(&text).expect("JSON");
    expected.into_iter().map(|(name, file)| (name.replace("23-project", "project"), file)).collect()
}

fn inventory(home: &Home, words: &[&str], input: &str) -> Ran {
    let mut command = pullpass(home);
    command.arg("inventory").args(words);
    for (label, _) in SECRETS {
        command.args(["--vault-id", &format!("{label}@pw-{label}")]);
    }
    run_with_input(&mut command, input)
}

/// The rows of `inventory show --reveal --json`.
fn shown(home: &Home, path: &str) -> Vec<Value> {
    let ran = inventory(home, &["show", path, "--reveal", "--json"], "");
    let answer: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran}"));
    answer["secrets"].as_array().expect("a list").clone()
}

fn text<'row>(row: &'row Value, name: &str) -> &'row str {
    row[name].as_str().unwrap_or_default()
}

fn of_file<'rows>(rows: &'rows [Value], file: &str) -> impl Iterator<Item = &'rows Value> {
    rows.iter().filter(move |row| text(row, "file") == file)
}

/// Every path of a row as `expected.json` has it: below `all.vars`, joined by dots and without quotes.
fn paths(row: &Value) -> Vec<String> {
    let also = row["also"].as_array().expect("a list").iter().filter_map(Value::as_str);
    let plain = |path: &str| {
        let path: KeyPath = path.parse().expect("a key path");
        let keys = path.steps().iter().map(|step| match step {
            Step::Key(key) => key.clone(),
            Step::Item(index) => index.to_string(),
        });
        keys.collect::<Vec<_>>().join(".").trim_start_matches("all.vars.").to_owned()
    };
    also.chain(row["path"].as_str()).map(plain).collect()
}

/// The value at a dotted path that is no more than two keys deep.
fn at<'value>(variables: &'value Value, path: &str) -> &'value Value {
    path.split_once('.').map_or(&variables[path], |(name, key)| &variables[name][key])
}

#[test]
fn every_secret_is_shown_at_its_key_path() {
    let home = Home::new();
    copy_all(&home, "all");
    let rows = shown(&home, "all");
    let mut count = 0;
    for (name, file) in expected() {
        let rows: Vec<&Value> = of_file(&rows, &format!("all/{name}")).collect();
        if file["ansible"] == "rejects" {
            assert!(rows.len() == 1 && rows[0]["problem"].is_string() && rows[0]["secret"].is_null(), "{name}");
            continue;
        }
        for (path, plaintext) in file["vars"].as_object().into_iter().flatten() {
            let is_there = |row: &&&Value| row["secret"] == *plaintext && paths(row).contains(path);
            assert_eq!(rows.iter().filter(is_there).count(), 1, "{name}: {path}");
            count += 1;
        }
        if let Some(number) = file["n"].as_u64() {
            let values = rows.iter().filter(|row| row["protection"] == "value");
            assert_eq!(values.count() as u64, number, "{name}");
        }
        if file["whole"] == true {
            let is_whole = |row: &&Value| row["protection"] == "file" && row["vault_id"] == file["label"];
            assert!(!rows.is_empty() && rows.into_iter().all(|row| is_whole(&row)), "{name}");
        }
    }
    assert_eq!(count, 15, "as many values have a path in expected.json");
    let reference = of_file(&rows, "all/10-ini/group_vars/production/vars.yml").next().expect("a reference");
    assert_eq!(reference["refers_to"]["file"], "all/10-ini/group_vars/production/vault.yml");
    assert_eq!(text(reference, "secret"), "ghp_FIXTURE00000000000000000000000000100");
}

#[test]
fn what_hosts_see_in_ansible_is_among_what_is_shown() {
    let home = Home::new();
    let all = copy_all(&home, "all");
    let rows = shown(&home, "all");
    let expected = expected();
    let of_hosts: Vec<(&String, &Map<String, Value>)> =
        expected.iter().filter_map(|(name, file)| Some((name, file["hostvars"].as_object()?))).collect();
    assert_eq!(of_hosts.len(), 4);
    let sources: Vec<PathBuf> = of_hosts.iter().map(|(name, _)| all.join(name)).collect();
    for ((name, hosts), seen) in of_hosts.into_iter().zip(variables(&home, &sources)) {
        let directory = name.strip_suffix("/hosts.ini").unwrap_or(name);
        for (host, wanted) in hosts {
            for (path, plaintext) in wanted.as_object().expect("paths") {
                assert_eq!(at(&seen["hosts"][host], path), plaintext, "{name}: {host}: {path}");
                let is_shown = |row: &&Value| {
                    let is_here = text(row, "file").starts_with(&format!("all/{directory}"));
                    is_here && row["secret"] == *plaintext && paths(row).iter().any(|shown| shown.ends_with(path))
                };
                assert!(rows.iter().any(|row| is_shown(&row)), "{name}: {host}: {path}");
            }
        }
    }
}

/// A payload, from its `$` to its last digit, the first one behind `from`.
fn payload(text: &[u8], from: usize) -> Range<usize> {
    let header = b"$ANSIBLE_VAULT;";
    let start = from + text[from..].windows(header.len()).position(|window| window == header).expect("a payload");
    // In quotes a line break is spelled out.
    let quote = text[start..].iter().position(|byte| *byte == b'"');
    let line = text[start..].iter().position(|byte| *byte == b'\n').unwrap_or(text.len() - start);
    if let Some(quote) = quote.filter(|quote| *quote < line) {
        let inner = &text[start..start + quote];
        return start..start + inner.strip_suffix(b"\\n").unwrap_or(inner).len();
    }
    let mut end = start;
    let mut next = start;
    for line in text[start..].split_inclusive(|byte| *byte == b'\n') {
        let content = line.trim_ascii();
        if next > start && (content.is_empty() || !content.iter().all(u8::is_ascii_hexdigit)) {
            break;
        }
        end = next + line.trim_ascii_end().len();
        next += line.len();
    }
    start..end
}

/// Nothing outside of the payload at `line` (from 1) is different.
fn assert_only_payload_differs(old: &[u8], new: &[u8], line: usize, name: &str) {
    let from = old.split_inclusive(|byte| *byte == b'\n').take(line - 1).map(<[u8]>::len).sum();
    let (was, is) = (payload(old, from), payload(new, from));
    assert!(old[..was.start] == new[..is.start] && old[was.end..] == new[is.end..], "{name}");
    assert!(old[was] != new[is], "{name} is as it was");
}

/// Nothing but `was` is different in what is encrypted, and the header is the same.
fn assert_only_value_differs(old: &[u8], new: &[u8], was: &str, name: &str) {
    let (label, password) = SECRETS[if vault::label(old).as_deref() == Some("dev") { 1 } else { 2 }];
    assert_eq!(vault::label(new).as_deref(), Some(label), "{name}");
    let open = |payload: &[u8]| {
        let password = Password::from_file(password.as_bytes()).expect("a password");
        let plaintext = vault::decrypt(payload, &password).unwrap_or_else(|error| panic!("{name}: {error}"));
        String::from_utf8(plaintext.to_vec()).expect("text")
    };
    let (old, new) = (open(old), open(new));
    let (before, behind) = old.split_once(was).expect("the old value");
    assert!(new.starts_with(before) && new.ends_with(behind) && !new.contains(was), "{name}: {new}");
}

/// `value` with another text in the place of `old`.
fn with_new(value: &Value, old: &str) -> Value {
    match value {
        Value::String(text) if text == old => NEW.into(),
        Value::Array(items) => items.iter().map(|item| with_new(item, old)).collect(),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(key, item)| (key.clone(), with_new(item, old))).collect())
        }
        other => other.clone(),
    }
}

/// What Ansible is given to see the values of a file, relative to all of them.
fn source(file: &str) -> &str {
    let beside = SOURCES.iter().find(|(directory, _)| file.starts_with(directory));
    beside.map_or(file, |(_, source)| source)
}

#[test]
fn a_secret_that_is_set_is_what_ansible_reads_and_nothing_else_changes() {
    let home = Home::new();
    let all = copy_all(&home, "all");
    let rows = shown(&home, "all");
    let is_editable = |row: &&Value| text(row, "secret").starts_with("ghp_") && row["refers_to"].is_null();
    let editable: Vec<&Value> = rows.iter().filter(is_editable).collect();
    assert_eq!(editable.len(), 23, "of as many values, each is set in a copy of its own");
    let mut sources = Vec::new();
    for (number, row) in editable.iter().enumerate() {
        let (path, relative) = (text(row, "path"), text(row, "file").trim_start_matches("all/"));
        let copy = copy_all(&home, &format!("copy-{number}"));
        let file = format!("copy-{number}/{relative}");
        let before = listing(&copy);
        let is_whole = row["protection"] == "file";
        inventory(&home, &["set", &file, path], if is_whole { NEW_IN_LINE } else { NEW }).expect_success();
        let mut after = listing(&copy);
        let (old, new) = (&before[Path::new(relative)], &after[Path::new(relative)]);
        assert_eq!(old.mode, new.mode, "{relative}");
        if is_whole {
            assert_only_value_differs(&old.contents, &new.contents, text(row, "secret"), relative);
            inventory(&home, &["set", &file, path], NEW).expect_success();
        } else {
            let line = row["line"].as_u64().expect("a line") as usize;
            assert_only_payload_differs(&old.contents, &new.contents, line, relative);
        }
        after.get_mut(Path::new(relative)).expect("the file").contents.clone_from(&old.contents);
        assert!(after == before, "{relative} is not the only file that was changed");
        assert_eq!(shown_at(&home, &file, path), NEW, "{file}");
        sources.extend([all.join(source(relative)), copy.join(source(relative))]);
    }
    let seen = variables(&home, &sources);
    for (row, seen) in editable.iter().zip(seen.chunks(2)) {
        let (path, file) = (text(row, "path"), text(row, "file"));
        assert!(seen[0]["hosts"].as_object().is_some_and(|hosts| !hosts.is_empty()), "{file}: {}", seen[0]);
        assert_eq!(seen[1], with_new(&seen[0], text(row, "secret")), "{file}: {path}");
        // Each group of this one has a value of its own, so none of its hosts sees the outermost.
        let is_seen_nowhere = file.ends_with("09-nested-groups.yml") && path == "all.vars.iaas_console.ghcr_pat";
        assert_eq!(seen[1] == seen[0], is_seen_nowhere, "{file}: {path}");
    }
}

fn shown_at(home: &Home, file: &str, path: &str) -> String {
    let rows = shown(home, file);
    let row = rows.iter().find(|row| text(row, "path") == path).unwrap_or_else(|| panic!("{file}: {path}"));
    text(row, "secret").to_owned()
}

#[test]
fn a_secret_behind_a_variable_is_set_where_it_is_encrypted() {
    let home = Home::new();
    let all = copy_all(&home, "all");
    let before = variables(&home, &[all.join("10-ini/hosts.ini")]).remove(0);
    let vault = Path::new("10-ini/group_vars/production/vault.yml");
    let old = "ghp_FIXTURE00000000000000000000000000100";
    let calls = [("10-ini/group_vars/production", "ghcr_pat"), ("10-ini/group_vars/production/vars.yml", "ghcr_pat")];
    let calls = calls.into_iter().chain([("10-ini", "vault_ghcr_pat"), ("10-ini/group_vars/production", "ghcr_pat")]);
    let mut sources = Vec::new();
    for (number, (path, key)) in calls.enumerate() {
        let copy = copy_all(&home, &format!("copy-{number}"));
        let files = listing(&copy);
        let ran = inventory(&home, &["set", &format!("copy-{number}/{path}"), key], NEW);
        assert!(ran.code == 0 && ran.stderr.contains("set: `vault_ghcr_pat` in"), "{ran}");
        let mut after = listing(&copy);
        assert_only_value_differs(&files[vault].contents, &after[vault].contents, old, path);
        after.get_mut(vault).expect("the file").contents.clone_from(&files[vault].contents);
        assert!(after == files, "{path}");
        sources.push(copy.join("10-ini/hosts.ini"));
    }
    for after in variables(&home, &sources) {
        assert_eq!(after, with_new(&before, old));
        assert_eq!(after["hosts"]["web1"]["ghcr_pat"], NEW);
    }
    // It is in more than one file of the whole tree.
    let ran = inventory(&home, &["set", "all/10-ini", "ghcr_pat"], NEW);
    assert!(ran.code == 2 && ran.stderr.contains("10-ini/host_vars/web2.yml"), "{ran}");
}

#[test]
fn what_ansible_rejects_is_refused_with_the_place_and_left_alone() {
    let home = Home::new();
    let all = copy_all(&home, "all");
    let before = listing(&all);
    let refused = [
        ("11-latin1.yml", "not UTF-8 at line 1, column 6"),
        ("20b-tab-indent-broken.yml", "line 14, column 1: a line that begins with a tab"),
        ("21-two-documents.yml", "a second YAML document begins at line 15, column 1"),
    ];
    let sources: Vec<PathBuf> = refused.iter().map(|(name, _)| all.join(name)).collect();
    for answer in variables(&home, &sources) {
        assert!(answer["error"].is_string(), "{answer}");
    }
    for (name, reason) in refused {
        for words in [["set", "all.vars.iaas_console.ghcr_pat"], ["unset", "all.vars.iaas_console.ghcr_pat"]] {
            let ran = inventory(&home, &[words[0], &format!("all/{name}"), words[1]], NEW);
            assert!(ran.code == 2 && ran.stderr.contains(reason) && ran.stderr.contains(name), "{ran}");
            assert!(listing(&all) == before, "{ran}");
        }
    }
}

#[test]
fn a_project_is_worked_on_from_inside_with_the_settings_of_its_ansible_cfg() {
    let home = Home::new();
    let project = copy_all(&home, "all").join("project");
    let ours = |words: &[&str], input: &str| {
        run_with_input(pullpass(&home).arg("inventory").args(words).current_dir(&project), input).expect_success()
    };
    let shown: Value = serde_json::from_str(&ours(&["show", ".", "--reveal", "--json"], "")).expect("JSON");
    let secrets: Vec<&str> = shown["secrets"].as_array().into_iter().flatten().map(|row| text(row, "secret")).collect();
    assert_eq!(secrets, ["ghp_FIXTURE00000000000000000000000000232", "ghp_FIXTURE00000000000000000000000000231"]);
    for (inventory, id) in [("staging", "dev"), ("production", "prod")] {
        let directory = format!("inventories/{inventory}");
        ours(&["set", &directory, "ghcr_pat"], NEW);
        let shown = ours(&["show", &directory], "");
        assert!(shown.contains(&format!("vault id {id}")) && !shown.contains("new: 'secret'"), "{shown}");
        let mut play = ansible(&home, "ansible");
        play.args(["-i", &directory, "all", "-c", "local", "-m", "debug", "-a", "var=iaas_console.ghcr_pat"]);
        let seen = run(play.env("ANSIBLE_STDOUT_CALLBACK", "minimal").current_dir(&project)).expect_success();
        assert!(seen.contains("new: 'secret'") && seen.contains("{{ braces }}"), "{seen}");
    }
}
