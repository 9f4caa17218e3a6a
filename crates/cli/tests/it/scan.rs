use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use pullpass_secrets::{
    Secret,
    token::{self, Kind},
};
use pullpass_testing::{
    home::{Home, SEARCH_PATH, listing},
    run::{Ran, run},
};

use crate::support::*;

mod history;
mod hook;
mod hostile;
mod planted;

/// A token for each number: of every kind in turn, whole, and built here, so that no scanner takes the source for a leak.
fn token(number: usize) -> String {
    let summed = |prefix: &str, length| {
        let body = random(number, length);
        format!("{prefix}{}{body}{}", '_', token::checksum(&body))
    };
    match number % 9 {
        0 => summed("ghp", 30),
        1 => summed("ppt", 40),
        2 => summed("gho", 30),
        3 => summed("ghu", 30),
        4 => summed("ghs", 30),
        5 => format!("ghs{}{number}_eyJ{}.eyJ{}.{}", '_', random(number, 33), random(number, 200), random(number, 280)),
        6 => summed("ghr", 30),
        7 => format!("ghr{}{}", '_', random(number, 76)),
        _ => format!("github{}pat_{}_{}", '_', random(number, 22), random(number + 1_000_000, 59)),
    }
}

/// How many kinds [`token`] knows, in all their forms.
const FORMS: usize = 9;

/// Letters and digits without a pattern, the same for the same number.
fn random(number: usize, length: usize) -> String {
    let alphabet = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut state = number as u64 + 1;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        char::from(alphabet[(state >> 33) as usize % alphabet.len()])
    };
    (0..length + 8).map(|_| next()).skip(8).collect()
}

/// What is shown of a token: its kind and its fingerprint under the key of this home.
fn told(home: &Home, token: &str) -> String {
    let key = fs::read(home.path().join(".local/state/pullpass/fingerprint.key")).expect("pullpass has run here");
    let secret = Secret::new(token.to_owned());
    let fingerprint = token::fingerprint(&secret, &key.try_into().expect("a key of 32 bytes"));
    format!("{} {fingerprint}", Kind::of(&secret).name())
}

/// `git WORDS` in the home, with `pullpass` where hooks find it.
fn git(home: &Home, words: &[&str]) -> Ran {
    let mut git = home.command("git");
    git.args(["-c", "user.name=a", "-c", "user.email=a@example.org"]).args(words);
    let program = Path::new(PROGRAM).parent().expect("the directory of the program");
    run(git.env("PATH", format!("{}:{SEARCH_PATH}", program.display())))
}

/// `pullpass scan WORDS` on a host with git. No token is ever shown, nor the end of one.
fn scan(home: &Home, words: &[&str]) -> Ran {
    scan_with(home, words, &[])
}

/// The same with more in its environment.
fn scan_with(home: &Home, words: &[&str], environment: &[(&str, &str)]) -> Ran {
    let words = [&["scan"], words].concat();
    let ran = run(command(home, &words).env("PATH", SEARCH_PATH).envs(environment.iter().copied()));
    let said = ran.said();
    let numbers = (0..1000).map(token).chain((0..FORMS).map(|form| STANDARD.encode(token(form))));
    for secret in numbers {
        assert!(!said.contains(&secret[secret.len() - 9..]), "{ran}");
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
    head(home)
}

fn head(home: &Home) -> String {
    git(home, &["rev-parse", "HEAD"]).expect_success().trim().to_owned()
}

/// A scan has printed these lines, each once, and no others.
#[track_caller]
fn assert_same(ran: &Ran, expected: &BTreeSet<String>) {
    let found: BTreeSet<String> = ran.stdout.lines().map(str::to_owned).collect();
    let (missing, wrong): (Vec<_>, Vec<_>) =
        (expected.difference(&found).collect(), found.difference(expected).collect());
    assert!(missing.is_empty() && wrong.is_empty(), "missing: {missing:#?}\nwrong: {wrong:#?}");
    assert_eq!(ran.stdout.lines().count(), expected.len());
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
    home.write("group_vars/all/vault.yml", format!("a: 1\nghcr_pat: {}\n", token(0)));
    home.write(".bash_history", format!("ls\necho {} | docker login ghcr.io\n", token(1)));
    home.write(
        ".docker/config.json",
        format!(r#"{{"auths":{{"ghcr.io":{{"auth":"{}"}}}}}}"#, STANDARD.encode(format!("me:{}", token(0)))),
    );
    home.write("README.md", "docker login -p ghp_YourToken\n");
    let ran = scan(&home, &[]);
    assert_fails(&ran, 1, &["found 2 tokens in 3 places", "hint: "]);
    let [classic, ours] = [0, 1].map(|number| told(&home, &token(number)));
    assert!(classic.starts_with("GitHub classic personal access token ghp_…"), "{classic}");
    let expected = [
        format!(".bash_history:2: {ours}\n"),
        format!(".docker/config.json:1: {classic} in base64\n"),
        format!("group_vars/all/vault.yml:2: {classic}\n"),
    ];
    assert_eq!(ran.stdout, expected.concat());
    let ran = scan(&home, &["--json"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert_eq!(places(&ran), [".bash_history:2", ".docker/config.json:1", "group_vars/all/vault.yml:2"]);
    let one = &json(&ran)["findings"][1];
    assert!(classic.ends_with(one["fingerprint"].as_str().expect("a fingerprint")), "{ran}");
    assert_eq!((&one["base64"], &one["commit"]), (&true.into(), &serde_json::Value::Null));
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
    home.write("leak", token(0));
    let closed = home.write("closed", token(0));
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
    fs::write(outside.join("leak"), token(0)).expect("a file");
    symlink(&outside, home.path().join("directory")).expect("a link");
    symlink(outside.join("leak"), home.path().join("file")).expect("a link");
    assert!(std::process::Command::new("mkfifo").arg(home.path().join("pipe")).status().expect("mkfifo").success());
    assert_eq!(scan(&home, &[]).code, 0);
    home.write(&format!("\u{1b}[2J{}", token(0)), token(0));
    let ran = scan(&home, &[]);
    assert!(ran.code == 1 && !ran.stdout.contains('\u{1b}'), "{ran}");
    scan(&home, &["--json"]);
}

#[test]
fn a_huge_binary_file_is_scanned_to_its_end_in_little_memory() {
    let home = Home::new();
    let path = home.write("disk.img", token(0));
    let file = fs::OpenOptions::new().write(true).open(path).expect("own file");
    file.set_len(48 << 20).expect("a sparse file");
    std::os::unix::fs::FileExt::write_at(&file, token(1).as_bytes(), (48 << 20) - 20).expect("own file");
    // 40 MiB of address space for data: less than the file.
    let mut limited = home.command("sh");
    limited.args(["-c", "ulimit -d 40960 && exec \"$0\" scan --json", PROGRAM]);
    let ran = run(&mut limited);
    assert_eq!(places(&ran), ["disk.img:1", "disk.img:1"], "{ran}");
}

#[test]
fn scanning_changes_nothing() {
    let home = repository();
    home.write("a", token(0));
    commit(&home, "one");
    scan(&home, &[]); // makes the key of the fingerprints
    let before = listing(&home.path());
    for words in [&[][..], &["--staged"], &["--history"]] {
        scan(&home, words);
    }
    assert!(listing(&home.path()) == before);
}
