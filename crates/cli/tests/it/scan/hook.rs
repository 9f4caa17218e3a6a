use super::*;

#[test]
fn the_hook_lets_no_token_into_a_commit_and_everything_else() {
    let home = repository();
    scan(&home, &["--install-hook"]).expect_success();
    home.write("a", "harmless");
    commit(&home, "one");
    home.write("a", token(0));
    git(&home, &["add", "a"]).expect_success();
    for words in [&["commit", "-m", "two"][..], &["commit", "-a", "-m", "two"], &["commit", "-m", "two", "a"]] {
        let ran = git(&home, words);
        assert!(ran.code != 0 && ran.said().contains("a:1: GitHub classic"), "{ran}");
        assert!(!ran.said().contains(&token(0)[8..]), "{ran}");
    }
    assert_eq!(git(&home, &["rev-list", "--count", "HEAD"]).stdout.trim(), "1");
    home.write("a", "harmless again");
    commit(&home, "two");
    assert_eq!(git(&home, &["rev-list", "--count", "HEAD"]).stdout.trim(), "2");
}

#[test]
fn the_hook_looks_at_what_is_committed_wherever_git_was_called_from() {
    let home = repository();
    scan(&home, &["--install-hook"]).expect_success();
    home.write("deep/er/a", "harmless");
    commit(&home, "one");
    git(&home, &["worktree", "add", "--quiet", "-b", "side", "beside"]).expect_success();
    home.write("deep/er/a", token(0));
    home.write("beside/deep/b", token(1));
    git(&home, &["-C", "beside", "add", "deep/b"]).expect_success();
    for words in [&["-C", "deep/er", "commit", "-a", "-m", "two"][..], &["-C", "beside/deep", "commit", "-m", "two"]] {
        let ran = git(&home, words);
        assert!(ran.code != 0 && ran.said().contains("deep/"), "{ran}");
    }
    // What is beside the commit does not hinder it.
    home.write("deep/er/c", "harmless");
    git(&home, &["add", "deep/er/c"]).expect_success();
    git(&home, &["commit", "--quiet", "-m", "two"]).expect_success();
    let ran = git(&home, &["commit", "--quiet", "-a", "-m", "three", "--no-verify"]);
    assert_eq!(ran.code, 0, "the way around it is git's own: {ran}");
}

#[test]
fn a_hook_of_somebody_else_stays_as_it_is() {
    let home = repository();
    let path = home.write(".git/hooks/pre-commit", "#!/bin/sh\n");
    assert_fails(&scan(&home, &["--install-hook"]), 2, &["another hook", "`pullpass scan --staged || exit 1`"]);
    assert_eq!(fs::read(&path).expect("the hook"), b"#!/bin/sh\n");
    // With the line that was told.
    home.write(".git/hooks/pre-commit", "#!/bin/sh\npullpass scan --staged || exit 1\ntouch ran\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("own file");
    home.write("a", token(0));
    git(&home, &["add", "a"]).expect_success();
    assert!(git(&home, &["commit", "-m", "one"]).code != 0 && !home.path().join("ran").exists());
    home.write("a", "harmless");
    commit(&home, "one");
    assert!(home.path().join("ran").exists());
}

#[test]
fn the_hook_is_there_once_and_is_a_program() {
    let home = repository();
    scan(&home, &["--install-hook"]).expect_success();
    let path = home.path().join(".git/hooks/pre-commit");
    let written = fs::read(&path).expect("the hook");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("own file");
    let ran = scan(&home, &["--install-hook"]);
    assert!(ran.code == 0 && ran.stderr.contains("is there already"), "{ran}");
    assert_eq!((fs::read(&path).expect("the hook"), mode(&path)), (written, 0o755));
}

#[test]
fn hooks_that_are_elsewhere_are_left_to_their_owner() {
    let home = repository();
    git(&home, &["config", "core.hooksPath", ".husky"]).expect_success();
    let before = listing(&home.path());
    let ran = scan(&home, &["--install-hook"]);
    assert_fails(
        &ran,
        2,
        &["core.hooksPath", "add the line `pullpass scan --staged || exit 1` to", "/.husky/pre-commit`"],
    );
    assert!(listing(&home.path()) == before);
    let bare = Home::new();
    git(&bare, &["init", "--quiet", "--bare"]).expect_success();
    for words in ["--install-hook", "--staged"] {
        assert_fails(&scan(&bare, &[words]), 2, &["bare repository"]);
    }
}
