//! What the real Ansible makes of a tree.

use pullpass_testing::{
    home::Home,
    run::{Ran, run},
};
use serde_json::json;

use super::tree::{Tree, passwords, variables};
use crate::program::ansible;

/// Tries every payload of every file with ansible-core's own classes, one password at a time. Found by their text, so that
/// those are tried too that Ansible does not see.
const TRY_ALL: &str = r#"
import json, pathlib, re, sys
from ansible.errors import AnsibleError
from ansible.parsing.vault import VaultLib, VaultSecret

root, right, wrong = sys.argv[1:]
secret = lambda version, label: VaultLib([(label, VaultSecret(f"{version} {label}".encode()))])
count = 0

def opens(version, label, payload):
    try:
        return secret(version, label).decrypt(payload)
    except AnsibleError:
        return None

def look(text):
    global count
    text = text.replace("\\n", "\n").replace("\r", "")
    for found in re.finditer(r'\$ANSIBLE_VAULT;1\.[12];AES256(?:;(\w+))?((?:\n[ #>]*[0-9a-f]+(?![^\n"]))+)', text):
        label = found[1] or "default"
        payload = "\n".join(line.strip(" #>") for line in found[0].split("\n"))
        plaintext = opens(right, label, payload)
        assert plaintext is not None, f"{right} does not open {payload}"
        assert opens(wrong, label, payload) is None, f"{wrong} opens {payload}"
        count += 1
        if text.startswith("$ANSIBLE_VAULT"):
            look(plaintext.decode())

for path in pathlib.Path(root).rglob("*"):
    if path.is_file() and not path.is_symlink():
        look(path.read_text(encoding="utf-8-sig"))
print(count)
"#;

/// Every payload opens with the passwords of `right` and not with those of `wrong`; a play that has the first sees every
/// variable, and one that has the others ends with an error.
#[track_caller]
pub(super) fn assert_opens(home: &Home, tree: &Tree, right: &str, wrong: &str) {
    let script = home.write("try_all.py", TRY_ALL);
    let mut python = ansible(home, "python");
    let counted = run(python.arg(script).arg(tree.root()).args([right, wrong])).expect_success();
    assert_eq!(counted.trim(), "222");

    let seen = play(home, tree, right);
    assert_eq!(seen.code, 0, "{seen}");
    let refused = play(home, tree, wrong);
    assert!(
        refused.code != 0 && refused.said().contains("no vault secrets were found that could decrypt"),
        "{refused}"
    );
}

/// Compares every variable with what it has to be.
fn play(home: &Home, tree: &Tree, version: &str) -> Ran {
    let expected = variables();
    let that: Vec<String> = expected.keys().map(|name| format!("{name} == expected.{name}")).collect();
    let task = json!({ "ansible.builtin.assert": { "that": that, "quiet": true }, "no_log": false });
    let play = json!([{ "hosts": "all", "gather_facts": false, "tasks": [task] }]);
    let playbook = home.write("playbook.yml", play.to_string());
    // `{{ kept }}` in a value is no template, and must not become one here.
    let text = |value: &String| format!("!unsafe '{value}'");
    let values: String = expected.iter().map(|(name, value)| format!("  {name}: {}\n", text(value))).collect();
    let expected = home.write("expected.yml", format!("expected:\n{values}"));
    let mut ansible = ansible(home, "ansible-playbook");
    ansible.current_dir(tree.root()).args(["-i", "inv/hosts.yml", "-e"]).arg(format!("@{}", expected.display()));
    passwords(&mut ansible, version, "--vault-id");
    run(ansible.arg(playbook))
}
