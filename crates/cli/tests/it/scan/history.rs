use std::collections::BTreeSet;

use super::*;

#[test]
fn the_index_is_scanned_and_not_what_lies_beside_it() {
    let home = repository();
    home.write("old", token(0));
    commit(&home, "one");
    home.write("new file", format!("\n\n{}", token(0)));
    git(&home, &["add", "new file"]).expect_success();
    home.write("new file", "harmless");
    home.write("untracked", token(0));
    let ran = scan(&home, &["--staged", "--json"]);
    assert_eq!((ran.code, places(&ran)), (1, vec!["new file:3".to_owned()]), "{ran}");
    git(&home, &["add", "new file"]).expect_success();
    assert_eq!(scan(&home, &["--staged"]).code, 0);
}

#[test]
fn the_history_names_the_commit_that_brought_a_token_in() {
    let home = repository();
    home.write("a/vars.yml", "x: 1\n");
    commit(&home, "harmless");
    home.write("a/vars.yml", format!("x: 1\npat: {}\n", token(0)));
    let first = commit(&home, "leak");
    home.write("a/vars.yml", format!("y: 1\nz: 1\npat: {}\n", token(0)));
    commit(&home, "leak again");
    git(&home, &["checkout", "--quiet", "-b", "side"]).expect_success();
    home.write("auth.json", STANDARD.encode(format!("me:{}", token(1))));
    let second = commit(&home, "leak in base64");
    git(&home, &["checkout", "--quiet", "main"]).expect_success();
    git(&home, &["rm", "--quiet", "-r", "a"]).expect_success();
    commit(&home, "removed");
    assert_eq!(scan(&home, &[]).code, 0, "nothing is left in the tree");
    let ran = scan(&home, &["--history", "--json"]);
    assert_eq!((ran.code, places(&ran)), (1, vec!["a/vars.yml:2".to_owned(), "auth.json:1".to_owned()]), "{ran}");
    let findings = &json(&ran)["findings"];
    assert_eq!((&findings[0]["commit"], &findings[1]["commit"]), (&first.as_str().into(), &second.as_str().into()));
    let shown = scan(&home, &["--history"]).stdout;
    assert!(shown.starts_with(&format!("{}:a/vars.yml:2: GitHub classic", &first[..12])), "{shown}");
}

#[test]
fn a_merge_that_brings_a_token_in_and_a_message_with_one_are_found() {
    let home = repository();
    home.write("a", "1");
    commit(&home, "one");
    git(&home, &["checkout", "--quiet", "-b", "side"]).expect_success();
    home.write("b", "1");
    commit(&home, "two");
    git(&home, &["checkout", "--quiet", "main"]).expect_success();
    git(&home, &["merge", "--quiet", "--no-ff", "--no-commit", "side"]).expect_success();
    home.write("c", token(0));
    let merge = commit(&home, "merge");
    let ran = scan(&home, &["--history", "--json"]);
    assert_eq!((places(&ran), &json(&ran)["findings"][0]["commit"]), (vec!["c:1".to_owned()], &merge.as_str().into()));
    commit(&home, &format!("log in with {}", token(1)));
    let ran = scan(&home, &["--history"]);
    assert!(ran.stdout.lines().count() == 2 && ran.stdout.contains(":(its message):"), "{ran}");
}

#[test]
fn a_repository_without_a_commit_and_no_repository_are_told_apart() {
    let home = repository();
    assert_eq!(scan(&home, &["--history"]).code, 0);
    home.write("a", token(0));
    git(&home, &["add", "a"]).expect_success();
    assert_eq!(scan(&home, &["--staged"]).code, 1);
    let none = Home::new();
    for words in ["--staged", "--history", "--install-hook"] {
        assert_fails(&scan(&none, &[words]), 2, &["no git repository"]);
    }
    assert_fails(&pullpass(&home, &["scan", "--staged"]), 3, &["cannot run `git`", "install git"]);
}

#[test]
fn what_a_partial_clone_lacks_is_said_and_not_fetched() {
    let home = repository();
    home.write("a", "1");
    home.write("b", token(0));
    commit(&home, "one");
    let from = format!("file://{}", home.path().display());
    git(&home, &["config", "uploadpack.allowFilter", "true"]).expect_success();
    git(&home, &["clone", "--quiet", "--filter=blob:none", "--no-checkout", &from, "clone"]).expect_success();
    for _ in 0..2 {
        let ran = scan(&home, &["clone", "--history"]);
        assert_fails(&ran, 3, &["this partial clone does not have every object", "could not be read"]);
    }
    git(&home, &["clone", "--quiet", "--depth=1", &from, "shallow"]).expect_success();
    assert_fails(&scan(&home, &["shallow", "--history"]), 1, &["shallow clone", "git fetch --unshallow"]);
}

#[test]
fn a_missing_and_a_broken_object_are_said_and_do_not_hide_the_others() {
    let home = repository();
    for name in ["a", "b", "c"] {
        home.write(name, format!("{name} {}", token(0)));
    }
    commit(&home, "one");
    let [broken, missing] = ["HEAD:a", "HEAD:b"].map(|name| {
        let object = git(&home, &["rev-parse", name]).expect_success().trim().to_owned();
        (home.path().join(".git/objects").join(&object[..2]).join(&object[2..]), object)
    });
    fs::remove_file(&broken.0).and_then(|()| fs::write(&broken.0, "no zlib")).expect("own file");
    let ran = scan(&home, &["--history", "--json"]);
    assert_eq!(places(&ran), ["b:1"], "{ran}");
    assert!(ran.stderr.contains(&format!("git cannot read the object `{}`", broken.1)), "{ran}");
    fs::remove_file(&missing.0).expect("own file");
    git(&home, &["rm", "--quiet", "--cached", "c"]).expect_success();
    let staged = format!("100644,{},d", missing.1);
    git(&home, &["update-index", "--add", "--info-only", "--cacheinfo", &staged]).expect_success();
    let ran = scan(&home, &["--staged"]);
    assert_fails(&ran, 3, &[&format!("git cannot read the object `{}`", missing.1)]);
}

/// A token of each form, one a line.
fn lines(number: usize) -> String {
    (number * FORMS..(number + 1) * FORMS).map(|number| token(number) + "\n").collect()
}

/// A repository with tokens in all that git keeps, and where each of [`lines`] is: what stands before `:LINE` and in which
/// line the first is.
fn planted() -> (Home, Vec<(String, usize)>) {
    let home = repository();
    let mut planted = Vec::new();
    let in_file = |commit: String, path: &str| (format!("{}:{path}", &commit[..12]), 1);
    let object = |name: &str| git(&home, &["rev-parse", "--short=12", name]).expect_success().trim().to_owned();
    let next = |planted: &Vec<_>| lines(planted.len());
    let quiet = |words: &[&str]| drop(git(&home, words).expect_success());

    home.write("kept", next(&planted));
    planted.push(in_file(commit(&home, "a file of the first commit"), "kept"));
    home.write("dir/deleted", next(&planted));
    planted.push(in_file(commit(&home, "a file that will be deleted"), "dir/deleted"));
    fs::remove_file(home.path().join("dir/deleted")).expect("own file");
    commit(&home, "deleted");
    home.write("old name", format!("{}{}", "text\n".repeat(100), next(&planted)));
    planted.push((in_file(commit(&home, "a file that will be renamed"), "old name").0, 101));
    quiet(&["mv", "old name", "new \u{e9}\tname"]);
    commit(&home, "renamed");
    home.write("link", "");
    fs::remove_file(home.path().join("link")).expect("own file");
    symlink(next(&planted).replace('\n', "\n/"), home.path().join("link")).expect("a link");
    planted.push(in_file(commit(&home, "a link"), "link"));
    planted.push((format!("{}:(its message)", &commit(&home, &format!("subject\n\n{}", next(&planted)))[..12]), 3));

    quiet(&["checkout", "--quiet", "-b", "side/branch"]);
    home.write("side", next(&planted));
    planted.push(in_file(commit(&home, "another branch"), "side"));
    quiet(&["checkout", "--quiet", "main"]);
    quiet(&["merge", "--quiet", "--no-ff", "--no-commit", "side/branch"]);
    home.write("kept", next(&planted));
    planted.push(in_file(commit(&home, "a merge that is neither of its parents"), "kept"));
    quiet(&["checkout", "--quiet", "--orphan", "root"]);
    quiet(&["rm", "--quiet", "-r", "--force", "."]);
    home.write("other root", next(&planted));
    planted.push(in_file(commit(&home, "a branch with a root of its own"), "other root"));
    quiet(&["checkout", "--quiet", "--detach"]);
    home.write("tracked", next(&planted));
    planted.push(in_file(commit(&home, "somebody else's branch"), "tracked"));
    quiet(&["update-ref", "refs/remotes/origin/x", "HEAD"]);
    home.write("only tagged", next(&planted));
    planted.push(in_file(commit(&home, "a light tag"), "only tagged"));
    quiet(&["tag", "light"]);
    quiet(&["checkout", "--quiet", "main"]);

    quiet(&["tag", "--annotate", "v1.0", "--message", &format!("release\n\n{}", next(&planted))]);
    planted.push((format!("{}:(message of tag v1.0)", object("v1.0")), 3));
    quiet(&["notes", "add", "--message", &next(&planted)]);
    planted.push(in_file(object("refs/notes/commits"), &head(&home)));

    home.write("stashed first", "");
    commit(&home, "so that a stash can change it");
    home.write("stashed first", next(&planted));
    quiet(&["stash", "--quiet"]);
    planted.push(in_file(object("stash"), "stashed first"));
    home.write("untracked", next(&planted));
    quiet(&["stash", "--quiet", "--include-untracked"]);
    planted.push(in_file(object("stash^3"), "untracked"));
    home.write("indexed", next(&planted));
    quiet(&["add", "indexed"]);
    quiet(&["stash", "--quiet"]);
    planted.push(in_file(object("stash^2"), "indexed"));

    home.write("amended", next(&planted));
    planted.push(in_file(commit(&home, "before"), "amended"));
    fs::remove_file(home.path().join("amended")).expect("own file");
    quiet(&["commit", "--quiet", "--all", "--amend", "--allow-empty", "--message", "amended"]);
    quiet(&["worktree", "add", "--quiet", "--detach", "worktree"]);
    home.write("worktree/there", next(&planted));
    quiet(&["-C", "worktree", "add", "there"]);
    quiet(&["-C", "worktree", "commit", "--quiet", "--message", "a detached worktree"]);
    planted.push(in_file(git(&home, &["-C", "worktree", "rev-parse", "HEAD"]).expect_success(), "there"));
    home.write("unstaged", next(&planted));
    quiet(&["add", "unstaged"]);
    planted.push((format!("{}:(in no commit)", object(":unstaged")), 1));
    quiet(&["rm", "--quiet", "--force", "unstaged"]);
    (home, planted)
}

/// What no branch, tag or other ref leads to, and no clone gets.
const LOCAL: [&str; 5] = [":stashed first", ":untracked", ":amended", ":there", ":(in no commit)"];

/// What a scan has to print for it.
fn expected(home: &Home, planted: &[(String, usize)]) -> BTreeSet<String> {
    expected_where(home, planted, |_| true)
}

fn expected_where(home: &Home, planted: &[(String, usize)], is_there: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let one = |number: usize, form| {
        let (place, first) = &planted[number];
        let place = place.replace('\t', "\u{fffd}");
        format!("{place}:{}: {}", first + form, told(home, &token(number * FORMS + form)))
    };
    let numbers = (0..planted.len()).filter(|number| is_there(&planted[*number].0));
    numbers.flat_map(|number| (0..FORMS).map(move |form| (number, form))).map(|(n, f)| one(n, f)).collect()
}

#[test]
fn every_kind_is_found_in_all_that_git_keeps_and_nothing_else_is() {
    let (home, planted) = planted();
    let ran = scan(&home, &["--history"]);
    assert_fails(&ran, 1, &[&format!("found {} tokens in", planted.len() * FORMS)]);
    assert_same(&ran, &expected(&home, &planted));
    for words in [
        &["gc", "--quiet", "--no-prune"][..],
        &["pack-refs", "--all"],
        &["commit-graph", "write", "--reachable"],
        &["checkout", "--quiet", "--detach"],
    ] {
        git(&home, words).expect_success();
        assert_same(&scan(&home, &["--history"]), &expected(&home, &planted));
    }
    assert_same(&scan(&home, &["worktree", "--history"]), &expected(&home, &planted));
    let from = format!("file://{}", home.path().display());
    git(&home, &["clone", "--quiet", "--mirror", &from, "bare.git"]).expect_success();
    let expected = expected_where(&home, &planted, |place| !LOCAL.iter().any(|local| place.ends_with(local)));
    assert_same(&scan(&home, &["bare.git", "--history"]), &expected);
}
