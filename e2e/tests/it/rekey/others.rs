//! Other people and programs at work in the same tree at the same time.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    process::{Child, Stdio},
    thread,
    time::Duration,
};

use pullpass_testing::{
    home::Home,
    run::{Ran, run_with_input},
};

use super::tree::{Tree, passwords};
use crate::program::{program, pullpass};

/// Starts `rekey`; it takes the place of what ran before.
fn start(tree: &Tree, home: &Home, version: &str) -> Child {
    let mut words = home.command(program());
    words.args(["inventory", "rekey", "inv"]).current_dir(tree.root());
    passwords(&mut words, "old", "--vault-id");
    passwords(&mut words, version, "--new-vault-id");
    words.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts")
}

fn end(child: Child) -> (Option<i32>, String) {
    let ended = child.wait_with_output().expect("it ends");
    (ended.status.code(), String::from_utf8_lossy(&ended.stderr).into_owned())
}

#[test]
fn of_two_runs_at_once_one_wins_and_the_other_changes_nothing() {
    for pause in [0, 600] {
        let (home, tree) = (Home::new(), Tree::new());
        let first = start(&tree, &home, "new");
        thread::sleep(Duration::from_millis(pause));
        let second = start(&tree, &home, "third");
        let (first, second) = (end(first), end(second));
        let (winner, loser) = if first.0 == Some(0) { ("new", second) } else { ("third", first) };
        tree.assert_version(winner, &loser.1);
        assert!(matches!(loser.0, Some(2 | 3)), "{loser:?}");
        let is_told =
            ["another program changed", "wrong vault password", "interrupted"].iter().any(|why| loser.1.contains(why));
        assert!(is_told, "{}", loser.1);
    }
}

/// A password script that does something else first, when everything was read and nothing was written.
fn meanwhile(home: &Home, what: &str) -> String {
    let script = home.write("meanwhile", format!("#!/bin/sh\nset -e\n{what}\necho new default\n"));
    fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).expect("own file");
    script.display().to_string()
}

fn rekey_with(tree: &Tree, home: &Home, script: &str) -> Ran {
    tree.run(home, &["--only-vault-id", "default", "--new-vault-password-file", script])
}

#[test]
fn what_somebody_edited_meanwhile_is_kept_and_nothing_is_replaced() {
    let edits = [
        "echo '# edited' >> inv/group_vars/all/20.yml",
        "sed 's/is kept/was edited/' inv/group_vars/all/20.yml > theirs; cat theirs > inv/group_vars/all/20.yml; rm theirs",
        "rm inv/group_vars/all/20.yml",
        "mv inv/group_vars/all inv/group_vars/web; mkdir inv/group_vars/all",
    ];
    for edit in edits {
        let (home, tree) = (Home::new(), Tree::new());
        let edited = Tree::new();
        let mut sh = home.command("sh");
        pullpass_testing::run::run(sh.args(["-c", edit]).current_dir(edited.root())).expect_success();
        let ran = rekey_with(&tree, &home, &meanwhile(&home, edit));
        assert!(ran.code == 3 && ran.stderr.contains("inv/group_vars/all/"), "{edit}: {ran}");
        assert!(tree.contents() == edited.contents(), "{edit}: {ran}");
    }
}

#[test]
fn a_set_meanwhile_is_kept_and_nothing_is_replaced() {
    let (home, tree) = (Home::new(), Tree::new());
    let set = format!(
        "echo changed | {} inventory set inv/group_vars/all/20.yml v100 --vault-id dev@passwords/old-dev",
        program().display()
    );
    let ran = rekey_with(&tree, &home, &meanwhile(&home, &set));
    assert!(ran.code == 3 && ran.stderr.contains("another program changed `"), "{ran}");
    assert!(
        ran.stderr.contains("no file was replaced") && ran.stderr.contains("hint: run the same command again"),
        "{ran}"
    );
    tree.assert_version_but("old", &[("secret 100 ünï {{ kept }}", "changed")], "set came first");
}

#[test]
fn set_and_rekey_at_the_same_time_lose_nothing() {
    for pause in [0, 400, 1500] {
        let (home, tree) = (Home::new(), Tree::new());
        let rekey = start(&tree, &home, "new");
        thread::sleep(Duration::from_millis(pause));
        let mut set = pullpass(&home);
        set.args(["inventory", "set", "inv/group_vars/all/20.yml", "v100", "--vault-id", "dev@passwords/old-dev"]);
        let set = run_with_input(set.current_dir(tree.root()), "changed");
        let rekey = end(rekey);
        let changed: &[_] = if set.code == 0 { &[("secret 100 ünï {{ kept }}", "changed")] } else { &[] };
        let at = format!("after {pause} ms: {set} {rekey:?}");
        match rekey.0 {
            Some(0) => tree.assert_version_but("new", changed, &at),
            Some(3) if set.code == 0 => tree.assert_version_but("old", changed, &at),
            _ => panic!("{at}"),
        }
        assert!(set.code == 0 || set.stderr.contains("wrong vault password"), "{at}");
    }
}
