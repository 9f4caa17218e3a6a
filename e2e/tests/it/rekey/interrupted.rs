//! What other commands say and do while an interrupted change is there.

use pullpass_testing::{
    home::Home,
    run::{Ran, run_with_input},
};

use super::tree::{Tree, passwords};
use crate::program::pullpass;

/// Half of the files are replaced.
fn interrupted(home: &Home) -> Tree {
    let tree = Tree::new();
    let ran = tree.tampered(home, "renameat", "signal=SIGKILL:when=30", &[]);
    assert_eq!(ran.code, 137, "{ran}");
    tree
}

fn with_old_passwords(home: &Home, tree: &Tree, words: &[&str]) -> Ran {
    let mut command = pullpass(home);
    command.args(words).current_dir(tree.root()).env("EDITOR", "touch edited");
    passwords(&mut command, "old", "--vault-id");
    run_with_input(&mut command, "another secret")
}

#[test]
fn files_of_an_interrupted_change_are_not_edited_and_everybody_is_told() {
    let home = Home::new();
    let tree = interrupted(&home);
    let before = tree.contents();
    let finish = format!("finish it with `pullpass inventory rekey --resume {}`", tree.root().display());
    // One is replaced, one is not.
    for file in ["inv/group_vars/all/00.yml", "inv/group_vars/all/39.yml"] {
        for words in [
            &["inventory", "set", file, "plain_x", "--plain", "y"][..],
            &["inventory", "set", file, "plain_x", "--plain", "y", "--dry-run"],
            &["inventory", "unset", file, if file.contains("39") { "plain_39" } else { "plain_0" }],
            &["vault", "encrypt", file, "--encrypt-vault-id", "dev"],
        ] {
            let ran = with_old_passwords(&home, &tree, words);
            let is_told = ran.stderr.contains("interrupted change") && ran.stderr.contains(&finish);
            assert!(ran.code == 2 && is_told, "{ran}");
        }
    }
    let whole = with_old_passwords(&home, &tree, &["vault", "decrypt", "inv/group_vars/all/44.yml"]);
    assert!(whole.code == 2 && whole.stderr.contains(&finish), "{whole}");
    let edit = with_old_passwords(&home, &tree, &["vault", "edit", "inv/group_vars/all/39.yml"]);
    assert!(edit.code == 2 && edit.stderr.contains(&finish) && !tree.root().join("edited").exists(), "{edit}");
    let dry_run = tree.run(&home, &["--dry-run"]);
    assert!(dry_run.code == 3 && dry_run.stderr.contains(&finish), "{dry_run}");

    for path in ["inv", "inv/group_vars/all/39.yml", "inv/group_vars/all/linked", "shared"] {
        for command in ["show", "check"] {
            let mut words = pullpass(&home);
            let ran = run_with_input(words.args(["inventory", command, path]).current_dir(tree.root()), "");
            assert!(ran.stderr.contains("warning: a change of 50 files was interrupted"), "{ran}");
            assert!(ran.code != 0 && ran.stderr.contains(&finish), "{ran}");
        }
    }
    let json = with_old_passwords(&home, &tree, &["inventory", "check", "inv", "--json"]);
    let answer: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert!(answer["unreadable"][0].as_str().is_some_and(|text| text.contains(&finish)), "{json}");
    assert!(tree.contents() == before, "nothing was touched");

    // A file that is none of them is nobody's business.
    let other = with_old_passwords(&home, &tree, &["inventory", "set", "inv/other.yml", "a", "--plain", "y"]);
    assert_eq!(other.code, 0, "{other}");
    std::fs::remove_file(tree.root().join("inv/other.yml")).expect("a file");

    // The hint as it stands, from somewhere else.
    let copy = tree.copy();
    let mut resume = pullpass(&home);
    let root = tree.root().to_str().expect("text");
    run_with_input(resume.args(["inventory", "rekey", "--resume", root]), "").expect_success();
    tree.assert_new("resumed");
    let mut roll_back = pullpass(&home);
    let root = copy.root().to_str().expect("text");
    run_with_input(roll_back.args(["vault", "rekey", "--rollback", root]), "").expect_success();
    assert!(copy.is_old());
    let set = with_old_passwords(
        &home,
        &copy,
        &["inventory", "set", "inv/group_vars/all/39.yml", "plain_39", "--plain", "y"],
    );
    assert_eq!(set.code, 0, "{set}");
}

#[test]
fn an_edit_by_hand_after_the_interruption_is_kept() {
    let home = Home::new();
    for (file, keeps, loses) in [("00", "--resume", "--rollback"), ("39", "--rollback", "--resume")] {
        let tree = interrupted(&home);
        let path = tree.root().join(format!("inv/group_vars/all/{file}.yml"));
        std::fs::write(&path, "by: hand\n").expect("a file");
        let before = tree.contents();
        let ran = tree.run(&home, &[loses]);
        assert!(ran.code == 2 && ran.stderr.contains("was edited since the change was interrupted"), "{ran}");
        assert!(tree.contents() == before, "{ran}");
        tree.run(&home, &[keeps]).expect_success();
        assert_eq!(std::fs::read_to_string(&path).expect("a file"), "by: hand\n");
        assert!(!tree.has_leftovers());
    }
}
