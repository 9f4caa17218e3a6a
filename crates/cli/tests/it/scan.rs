use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use pullpass_testing::{
    home::{Home, SEARCH_PATH, listing},
    run::{Ran, run},
};

use crate::support::*;

fn token() -> String {
    format!("ghp{}{}", '_', "PULLPASSfakeTokenForTests000001SnXls")
}

/// Another, of a pullpass server.
fn other() -> String {
    let body = "PULLPASSfakeTokenForTests000001234567890";
    format!("ppt{}{body}{}", '_', pullpass_secrets::token::checksum(body))
}

/// `git WORDS` in the home, with `pullpass` where hooks find it.
fn git(home: &Home, words: &[&str]) -> Ran {
    let mut git = home.command("git");
    git.args(["-c", "user.name=a", "-c", "user.email=a@example.org"]).args(words);
    let program = Path::new(PROGRAM).parent().expect("the directory of the program");
    run(git.env("PATH", format!("{}:{SEARCH_PATH}", program.display())))
}

/// `pullpass scan WORDS` on a host with git.
fn scan(home: &Home, words: &[&str]) -> Ran {
    let words = [&["scan"], words].concat();
    let ran = run(command(home, &words).env("PATH", SEARCH_PATH));
    for secret in [token(), other(), STANDARD.encode(token())] {
        assert!(!ran.said().contains(&secret[8..]), "{ran}");
    }
    ran
}

fn repository() -> Home {
    let home = Home::new();
    git(&home, &["init", "--quiet", "--initial-branch=main"]).expect_success();
    home
}

fn commit(home: &Home, message: &str) -> String {
    git(home, &["add", "--all"]).expect_success();
    git(home, &["commit", "--quiet", "--allow-empty", "--message", message]).expect_success();
    git(home, &["rev-parse", "HEAD"]).expect_success().trim().to_owned()
}

/// `path:line` of every finding, from JSON.
fn places(ran: &Ran) -> Vec<String> {
    let findings = json(ran)["findings"].as_array().expect("findings").clone();
    findings.iter().map(|one| format!("{}:{}", one["path"].as_str().unwrap_or("message"), one["line"])).collect()
}

#[test]
fn tokens_in_files_are_told_by_place_kind_and_fingerprint() {
    let home = repository();
    home.write(".gitignore", "vault.yml\n");
    home.write("group_vars/all/vault.yml", format!("a: 1\nghcr_pat: {}\n", token()));
    home.write(".bash_history", format!("ls\necho {} | docker login ghcr.io\n", other()));
    home.write(
        ".docker/config.json",
        format!(r#"{{"auths":{{"ghcr.io":{{"auth":"{}"}}}}}}"#, STANDARD.encode(format!("me:{}", token()))),
    );
    home.write("README.md", "docker login -p ghp_YourToken\n");
    let ran = scan(&home, &[]);
    assert_fails(&ran, 1, &["found 2 tokens in 3 places", "hint: "]);
    let expected = [
        ".bash_history:2: pullpass personal access token ppt_…",
        ".docker/config.json:1: GitHub classic personal access token ghp_…nXls in base64",
        "group_vars/all/vault.yml:2: GitHub classic personal access token ghp_…nXls",
    ];
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines.len(), expected.len(), "{ran}");
    assert!(lines.iter().zip(expected).all(|(line, start)| line.starts_with(start)), "{ran}");
    let ran = scan(&home, &["--json"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert_eq!(places(&ran), [".bash_history:2", ".docker/config.json:1", "group_vars/all/vault.yml:2"]);
    let one = &json(&ran)["findings"][1];
    assert_eq!((&one["fingerprint"], &one["base64"]), (&"ghp_…nXls".into(), &true.into()));
    assert_eq!(scan(&home, &["README.md"]).code, 0);
    assert_eq!(scan(&home, &[".bash_history"]).code, 1, "one file is a tree of its own");
}

#[test]
fn no_finding_is_an_answer_only_when_everything_could_be_read() {
    let home = Home::new();
    home.write("notes/today", "nothing\n");
    let ran = scan(&home, &["notes"]);
    assert!(ran.code == 0 && ran.stderr.contains("no token in 1 file\n") && ran.stdout.is_empty(), "{ran}");
    assert_fails(&scan(&home, &["missing"]), 3, &["cannot read `missing`"]);
    let ran = scan(&home, &["missing", "--json"]);
    assert_eq!(json(&ran)["unreadable"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_file_that_may_not_be_read_is_said_and_does_not_hide_the_others() {
    let home = Home::new();
    home.write("leak", token());
    let closed = home.write("closed", token());
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).expect("own file");
    if fs::read(&closed).is_ok() {
        return; // Root may read everything; `missing` above goes the same way.
    }
    let ran = scan(&home, &[]);
    assert_fails(&ran, 1, &["cannot read `./closed`"]);
    assert!(ran.stdout.starts_with("leak:1:"), "{ran}");
}

#[test]
fn neither_links_nor_pipes_nor_names_lead_anywhere() {
    let home = Home::new();
    let outside = home.side_dir("outside");
    fs::write(outside.join("leak"), token()).expect("a file");
    symlink(&outside, home.path().join("directory")).expect("a link");
    symlink(outside.join("leak"), home.path().join("file")).expect("a link");
    assert!(std::process::Command::new("mkfifo").arg(home.path().join("pipe")).status().expect("mkfifo").success());
    assert_eq!(scan(&home, &[]).code, 0);
    home.write(&format!("\u{1b}[2J{}", token()), token());
    let ran = scan(&home, &[]);
    assert!(ran.code == 1 && !ran.stdout.contains('\u{1b}'), "{ran}");
    scan(&home, &["--json"]);
}

#[test]
fn a_huge_binary_file_is_scanned_to_its_end_in_little_memory() {
    let home = Home::new();
    let path = home.write("disk.img", token());
    let file = fs::OpenOptions::new().write(true).open(path).expect("own file");
    file.set_len(64 << 20).expect("a sparse file");
    std::os::unix::fs::FileExt::write_at(&file, other().as_bytes(), (64 << 20) - 20).expect("own file");
    // 40 MiB of address space for data: less than the file.
    let mut limited = home.command("sh");
    limited.args(["-c", "ulimit -d 40960 && exec \"$0\" scan --json", PROGRAM]);
    let ran = run(&mut limited);
    assert_eq!(places(&ran), ["disk.img:1", "disk.img:1"], "{ran}");
}

#[test]
fn the_index_is_scanned_and_not_what_lies_beside_it() {
    let home = repository();
    home.write("old", token());
    commit(&home, "one");
    home.write("new file", format!("\n\n{}", token()));
    git(&home, &["add", "new file"]).expect_success();
    home.write("new file", "harmless");
    home.write("untracked", token());
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
    home.write("a/vars.yml", format!("x: 1\npat: {}\n", token()));
    let first = commit(&home, "leak");
    home.write("a/vars.yml", format!("y: 1\nz: 1\npat: {}\n", token()));
    commit(&home, "leak again");
    git(&home, &["checkout", "--quiet", "-b", "side"]).expect_success();
    home.write("auth.json", STANDARD.encode(format!("me:{}", other())));
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
    home.write("c", token());
    let merge = commit(&home, "merge");
    let ran = scan(&home, &["--history", "--json"]);
    assert_eq!((places(&ran), &json(&ran)["findings"][0]["commit"]), (vec!["c:1".to_owned()], &merge.as_str().into()));
    commit(&home, &format!("log in with {}", other()));
    let ran = scan(&home, &["--history"]);
    assert!(ran.stdout.lines().count() == 2 && ran.stdout.contains(":(its message):"), "{ran}");
}

#[test]
fn a_repository_without_a_commit_and_no_repository_are_told_apart() {
    let home = repository();
    assert_eq!(scan(&home, &["--history"]).code, 0);
    home.write("a", token());
    git(&home, &["add", "a"]).expect_success();
    assert_eq!(scan(&home, &["--staged"]).code, 1);
    let none = Home::new();
    for words in ["--staged", "--history", "--install-hook"] {
        assert_fails(&scan(&none, &[words]), 2, &["no git repository"]);
    }
    assert_fails(&pullpass(&home, &["scan", "--staged"]), 3, &["cannot run `git`", "install git"]);
}

#[test]
fn nothing_that_a_repository_names_is_run() {
    let home = repository();
    let script = home.write("bait.sh", "#!/bin/sh\ntouch \"$HOME/ran\"\n");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("own file");
    let script = script.display().to_string();
    home.write("ansible.cfg", format!("[defaults]\nvault_password_file = {script}\n"));
    home.write(".gitattributes", "* diff=bait filter=bait\n");
    commit(&home, "one");
    for key in [
        "core.fsmonitor",
        "diff.bait.command",
        "diff.bait.textconv",
        "filter.bait.smudge",
        "diff.external",
        "core.pager",
    ] {
        git(&home, &["config", key, &script]).expect_success();
    }
    home.write("vault.yml", "a: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  3336\n");
    git(&home, &["-c", "core.fsmonitor=false", "add", "vault.yml"]).expect_success();
    drop(fs::remove_file(home.path().join("ran")));
    git(&home, &["status"]).expect_success();
    fs::remove_file(home.path().join("ran")).expect("the bait is one that git takes");
    for words in [&[][..], &["--staged"], &["--history"]] {
        assert_eq!(scan(&home, words).code, 0);
    }
    assert!(!home.path().join("ran").exists());
}

#[test]
fn what_a_partial_clone_lacks_is_said_and_not_fetched() {
    let home = repository();
    home.write("a", "1");
    home.write("b", token());
    commit(&home, "one");
    let from = format!("file://{}", home.path().display());
    git(&home, &["config", "uploadpack.allowFilter", "true"]).expect_success();
    git(&home, &["clone", "--quiet", "--filter=blob:none", "--no-checkout", &from, "clone"]).expect_success();
    for _ in 0..2 {
        let ran = scan(&home, &["clone", "--history"]);
        assert_fails(&ran, 3, &["git does not have the object", "found no token, but 2 things could not be read"]);
    }
}

#[test]
fn scanning_changes_nothing() {
    let home = repository();
    home.write("a", token());
    commit(&home, "one");
    scan(&home, &[]); // makes the key of the fingerprints
    let before = listing(&home.path());
    for words in [&[][..], &["--staged"], &["--history"]] {
        scan(&home, words);
    }
    assert!(listing(&home.path()) == before);
}

#[test]
fn the_hook_lets_no_token_into_a_commit_and_everything_else() {
    let home = repository();
    scan(&home, &["--install-hook"]).expect_success();
    home.write("a", "harmless");
    commit(&home, "one");
    home.write("a", token());
    git(&home, &["add", "a"]).expect_success();
    for words in [&["commit", "-m", "two"][..], &["commit", "-a", "-m", "two"], &["commit", "-m", "two", "a"]] {
        let ran = git(&home, words);
        assert!(ran.code != 0 && ran.said().contains("a:1: GitHub classic"), "{ran}");
    }
    assert_eq!(git(&home, &["rev-list", "--count", "HEAD"]).stdout.trim(), "1");
    scan(&home, &["--install-hook"]).expect_success();
    home.write(".git/hooks/pre-commit", "#!/bin/sh\n");
    assert_fails(&scan(&home, &["--install-hook"]), 2, &["another hook", "pullpass scan --staged || exit 1"]);
}
