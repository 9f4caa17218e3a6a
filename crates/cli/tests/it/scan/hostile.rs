//! Repositories that want a program run, or a token overlooked.

use super::*;

/// What a configuration can have git run, and a program for each that leaves a mark.
const PROGRAMS: [&str; 26] = [
    "core.fsmonitor",
    "core.pager",
    "core.editor",
    "core.askPass",
    "core.sshCommand",
    "core.gitProxy",
    "core.alternateRefsCommand",
    "credential.helper",
    "diff.external",
    "diff.bait.command",
    "diff.bait.textconv",
    "filter.bait.clean",
    "filter.bait.smudge",
    "filter.bait.process",
    "gpg.program",
    "gpg.ssh.program",
    "interactive.diffFilter",
    "merge.bait.driver",
    "pager.cat-file",
    "pager.diff-index",
    "pager.rev-list",
    "remote.origin.receivepack",
    "remote.origin.uploadpack",
    "remote.origin.vcs",
    "sequence.editor",
    "uploadpack.packObjectsHook",
];
/// The same for the environment.
const VARIABLES: [&str; 10] = [
    "GIT_ASKPASS",
    "GIT_EDITOR",
    "GIT_EXTERNAL_DIFF",
    "GIT_PAGER",
    "GIT_PROXY_COMMAND",
    "GIT_SEQUENCE_EDITOR",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "PAGER",
    "SSH_ASKPASS",
];
const HOOKS: [&str; 8] = [
    "post-checkout",
    "post-index-change",
    "pre-auto-gc",
    "pre-commit",
    "proc-receive",
    "query-watchman",
    "reference-transaction",
    "update",
];

/// A program that leaves a mark with this name, and does what `cat` does.
fn bait(home: &Home, name: &str) -> String {
    let script = format!("#!/bin/sh\ntouch \"$HOME/ran/{name}\"\ncat 2>/dev/null\nexit 0\n");
    let path = home.write(&format!("bait/{name}"), script);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("own file");
    path.display().to_string()
}

fn ran(home: &Home) -> BTreeSet<String> {
    let names = fs::read_dir(home.path().join("ran")).expect("a directory").flatten();
    let names: BTreeSet<String> = names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.iter().for_each(|name| fs::remove_file(home.path().join("ran").join(name)).expect("own file"));
    names
}

#[test]
fn git_runs_no_program_that_a_repository_names() {
    let home = repository();
    fs::create_dir(home.path().join("ran")).expect("a directory");
    home.write("repository/.gitattributes", "* diff=bait filter=bait merge=bait\n");
    home.write("repository/a", token(0));
    let ansible = bait(&home, "ansible");
    home.write("ansible.cfg", format!("[defaults]\nvault_password_file = {ansible}\n"));
    home.write("vault.yml", "a: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  3336\n");
    commit(&home, "one");
    home.write("repository/a", token(1));
    commit(&home, "two");
    home.write("repository/b", token(2));
    git(&home, &["add", "repository/b"]).expect_success();
    home.write(".git/info/attributes", "* diff=bait filter=bait merge=bait\n");
    for key in PROGRAMS {
        git(&home, &["config", key, &bait(&home, key)]).expect_success();
    }
    HOOKS.iter().for_each(|hook| drop(bait(&home, hook)));
    let hooks = home.path().join("bait").display().to_string();
    for (key, value) in [
        ("core.hooksPath", hooks.as_str()),
        ("remote.origin.url", "ext::sh -c touch% ran/url"),
        ("remote.origin.promisor", "true"),
        ("remote.origin.partialclonefilter", "blob:none"),
        ("protocol.allow", "always"),
        ("log.showSignature", "true"),
        ("core.attributesFile", "/dev/null"),
        ("alias.cat-file", "!touch ran/alias"),
    ] {
        git(&home, &["config", key, value]).expect_success();
    }
    let variables: Vec<_> = VARIABLES.iter().map(|name| (*name, bait(&home, name))).collect();
    let variables: Vec<_> = variables.iter().map(|(name, path)| (*name, path.as_str())).collect();
    ran(&home);

    // They are such that git does run.
    home.write("repository/a", token(3));
    for words in [
        &["status"][..],
        &["diff", "HEAD~1", "HEAD"],
        &["cat-file", "--textconv", "HEAD:repository/a"],
        &["update-index", "--add", "--cacheinfo", "100644,e69de29bb2d1d6434b8b29ae775ad8c2e48c5391,empty"],
    ] {
        git(&home, words);
    }
    let taken = ran(&home);
    for name in
        ["core.fsmonitor", "diff.bait.command", "diff.bait.textconv", "filter.bait.process", "post-index-change"]
    {
        assert!(taken.contains(name), "git does not run {name}: {taken:?}");
    }

    for (words, found) in [(&[][..], 2), (&["--staged"], 1), (&["--history"], 3), (&["repository", "--history"], 3)] {
        let ran = scan_with(&home, words, &variables);
        assert_eq!((ran.code, ran.stdout.lines().count()), (1, found), "{ran}");
    }
    assert_fails(&scan_with(&home, &["--install-hook"], &variables), 2, &["core.hooksPath"]);
    assert_eq!(ran(&home), BTreeSet::new());
    // A file to read that never ends.
    git(&home, &["config", "diff.orderFile", "/dev/zero"]).expect_success();
    assert_eq!(scan(&home, &["--staged"]).code, 1);
}

#[test]
fn what_is_replaced_or_grafted_away_is_found_where_it_was() {
    let home = repository();
    home.write("a", "harmless");
    let first = commit(&home, "one");
    home.write("a", token(0));
    let second = commit(&home, "two");
    home.write("a", "harmless again");
    let third = commit(&home, "three");
    fs::remove_dir_all(home.path().join(".git/logs")).expect("own directory");
    let expected = BTreeSet::from([format!("{}:a:1: GitHub classic", &second[..12])]);
    let found = |home: &Home| {
        let ran = scan(home, &["--history"]);
        ran.stdout.lines().map(|line| line.split(" personal").next().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(expected, found(&home));
    home.write(".git/info/grafts", format!("{third} {first}\n"));
    assert_eq!(git(&home, &["rev-list", "--count", "HEAD"]).stdout.trim(), "2", "the graft is one that git takes");
    assert_eq!(expected, found(&home));
    fs::remove_file(home.path().join(".git/info/grafts")).expect("own file");
    git(&home, &["replace", &second, &first]).expect_success();
    git(&home, &["replace", &format!("{second}:a"), &format!("{first}:a")]);
    assert_eq!(expected, found(&home));
}

#[test]
fn a_repository_of_another_user_is_told_apart_and_its_files_are_scanned() {
    let home = repository();
    home.write("a", token(0));
    commit(&home, "one");
    // What git has for its own tests of the same.
    let other = [("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")];
    for words in ["--staged", "--history", "--install-hook"] {
        let ran = scan_with(&home, &[words], &other);
        assert_fails(&ran, 3, &["belongs to another user", "`git config --global --add safe.directory /"]);
    }
    assert_eq!(scan_with(&home, &[], &other).stdout.lines().count(), 1);
}

#[test]
fn a_git_that_complains_a_lot_is_heard_to_its_end() {
    let home = repository();
    home.write("a", token(0));
    commit(&home, "one");
    for number in 0..1500 {
        home.write(&format!(".git/objects/ab/{number:038x}"), "broken");
    }
    home.write(".git/refs/heads/empty", "");
    let said = git(&home, &["cat-file", "--batch-all-objects", "--batch-check"]).stderr;
    assert!(said.len() > 1 << 16, "more than a pipe takes");
    let ran = scan(&home, &["--history"]);
    assert_eq!((ran.code, ran.stdout.lines().count()), (1, 1), "{}", ran.stdout);
    assert_eq!(ran.stderr.matches("git cannot read the object").count(), 1500);
    assert!(!ran.stdout.contains("in no commit"), "an empty ref hides nothing: {}", ran.stdout);
}

#[test]
fn the_author_of_a_commit_and_a_repository_with_sha_256_are_no_hiding_places() {
    let home = Home::new();
    git(&home, &["init", "--quiet", "--object-format=sha256"]).expect_success();
    let author = format!("{} <a@example.org>", token(0));
    git(&home, &["commit", "--quiet", "--allow-empty", "--message", "one", "--author", &author]).expect_success();
    home.write("a", token(1));
    let second = commit(&home, "two");
    let first = git(&home, &["rev-parse", "HEAD~1"]).expect_success();
    let expected = [
        format!("{}:(its header):2: {}\n", &first[..12], "GitHub classic"),
        format!("{}:a:1: {}\n", &second[..12], "pullpass"),
    ];
    let ran = scan(&home, &["--history"]);
    let lines: Vec<_> = ran.stdout.lines().map(|line| line.split(" personal").next().unwrap_or_default()).collect();
    assert_eq!(lines, expected.iter().map(|line| line.trim_end()).collect::<Vec<_>>(), "{ran}");
    home.write("b", token(2));
    git(&home, &["add", "b"]).expect_success();
    assert_eq!(places(&scan(&home, &["--staged", "--json"])), ["b:1"]);
}
