use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::PathBuf,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use pullpass_testing::{
    canary::Canary,
    home::{Home, listing},
    run::{Ran, Signal, run, run_with_input, signal, wait},
};
use serde_json::json;

use crate::support::*;

const NOT_FOUND: &str = "credentials not found in native keychain\n";
const SECRET: &str = "a secret that the tests of the helper keep";

/// The program under the name by which engines start it.
fn helper(home: &Home, words: &[&str]) -> Command {
    let link = home.side_dir("bin").join("docker-credential-pullpass");
    // Other threads of a test may have made it.
    let _ = symlink(PROGRAM, &link);
    let mut command = home.command(link);
    command.args(words);
    command
}

fn ask(home: &Home, word: &str, input: &str) -> Ran {
    run_with_input(&mut helper(home, &[word]), input)
}

fn credential(server: &str, user: &str, secret: &str) -> String {
    format!("{}\n", json!({ "ServerURL": server, "Username": user, "Secret": secret }))
}

fn store(home: &Home, server: &str) {
    let ran = ask(home, "store", &credential(server, "octocat", SECRET));
    assert_eq!((ran.code, ran.said().as_str()), (0, ""), "{ran}");
}

/// `get` answered that there is nothing, in the words that clients know, and said on standard error why.
#[track_caller]
fn assert_not_found(ran: &Ran, words: &[&str]) {
    assert_eq!((ran.code, ran.stdout.as_str()), (1, NOT_FOUND), "{ran}");
    for word in words {
        assert!(ran.stderr.contains(word), "`{word}` is missing: {ran}");
    }
}

fn store_path(home: &Home) -> PathBuf {
    home.path().join(".local/share/pullpass/credentials")
}

fn key_path(home: &Home) -> PathBuf {
    home.path().join(".local/state/pullpass/helper.key")
}

fn script(home: &Home, name: &str, text: &str) -> PathBuf {
    let path = home.write(name, format!("#!/bin/sh\n{text}\n"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("own file");
    path
}

#[test]
fn a_credential_goes_in_and_out_and_lies_nowhere_in_the_clear() {
    let home = Home::new();
    assert_eq!(ask(&home, "list", "unused").expect_success(), "{}\n");
    assert_not_found(&ask(&home, "get", "ghcr.io"), &[]);
    assert_eq!(listing(&home.path()).len(), 0, "reading makes no files");
    store(&home, "ghcr.io");
    assert_eq!(ask(&home, "get", "ghcr.io\n").expect_success(), credential("ghcr.io", "octocat", SECRET));
    assert_eq!(ask(&home, "list", "").expect_success(), "{\"ghcr.io\":\"octocat\"}\n");
    for path in [store_path(&home), key_path(&home)] {
        assert_eq!((mode(&path), mode(path.parent().expect("a directory"))), (0o600, 0o700));
    }
    let root = home.path().parent().expect("the directory of the home").to_owned();
    assert_eq!(Canary::new(SECRET).files_below(&root), [""; 0]);
    let erased = ask(&home, "erase", "ghcr.io\n");
    assert_eq!((erased.code, erased.said().as_str()), (0, ""));
    assert_not_found(&ask(&home, "get", "ghcr.io"), &[]);
    assert_eq!(ask(&home, "erase", "ghcr.io").said(), "", "nothing to erase is no error");
}

#[test]
fn the_same_answers_come_from_pullpass_helper() {
    let home = Home::new();
    let pullpass = |word: &str, input: &str| pullpass_with_input(&home, &["helper", word], input);
    assert_eq!(pullpass("store", &credential("ghcr.io", "octocat", SECRET)).code, 0);
    assert_eq!(pullpass("get", "ghcr.io").expect_success(), credential("ghcr.io", "octocat", SECRET));
    let foreign = pullpass("get", "quay.io");
    assert_eq!((foreign.code, foreign.stdout.as_str(), foreign.stderr.as_str()), (1, NOT_FOUND, ""));
    assert_eq!(pullpass("list", "").expect_success(), "{\"ghcr.io\":\"octocat\"}\n");
    assert_eq!(pullpass("erase", "ghcr.io").code, 0);
    assert_eq!(pullpass("version", "").expect_success(), ask(&home, "version", "").expect_success());
}

#[test]
fn words_are_answered_as_the_protocol_has_it() {
    let home = Home::new();
    let usage = "Usage: docker-credential-pullpass <store|get|erase|list|version>\n";
    let version = format!("docker-credential-pullpass (pullpass) v{}\n", env!("CARGO_PKG_VERSION"));
    let cases: [(&[&str], i32, &str); 9] = [
        (&[], 1, usage),
        (&["get", "ghcr.io"], 1, usage),
        (&["--help"], 0, usage),
        (&["version"], 0, &version),
        (&["--version"], 0, &version),
        (&["-v"], 0, &version),
        (&["GET"], 1, "docker-credential-pullpass: unknown action: GET\n"),
        (&[""], 1, "docker-credential-pullpass: unknown action: \n"),
        (&["login"], 1, "docker-credential-pullpass: unknown action: login\n"),
    ];
    for (words, code, stdout) in cases {
        let ran = run(&mut helper(&home, words));
        assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (code, stdout, ""), "{words:?}");
    }
}

#[test]
fn the_three_errors_that_clients_know_are_the_only_ones_on_standard_output() {
    let home = Home::new();
    store(&home, "ghcr.io");
    let (no_server, no_user) = ("no credentials server URL\n", "no credentials username\n");
    for (word, input, stdout) in [
        ("get", "", no_server),
        ("get", " \r\n\t\n", no_server),
        ("erase", "\n", no_server),
        ("store", "{}", no_server),
        ("store", r#"{"ServerURL":"","Username":"u","Secret":"s"}"#, no_server),
        ("store", r#"{"ServerURL":"h","Secret":"s"}"#, no_user),
        ("get", "quay.io", NOT_FOUND),
        ("get", "ghcr.io\0", NOT_FOUND),
        ("get", "ghcr.io quay.io", NOT_FOUND),
        // An empty secret would make clients believe that there is a login.
        ("store", r#"{"ServerURL":"h","Username":"u","Secret":""}"#, ""),
        ("store", "", ""),
        ("store", "ghcr.io", ""),
    ] {
        let ran = ask(&home, word, input);
        assert_eq!((ran.code, ran.stdout.as_str()), (1, stdout), "{word} {input:?}: {ran}");
    }
}

#[test]
fn a_server_is_found_however_clients_and_people_spell_it() {
    let home = Home::new();
    store(&home, "ghcr.io");
    store(&home, "https://index.docker.io/v1/");
    for spelling in [
        "ghcr.io",
        " ghcr.io \n",
        "ghcr.io\r\n",
        "ghcr\n.io\n",
        "https://ghcr.io",
        "http://ghcr.io",
        "https://ghcr.io/v1/",
        "https://index.docker.io/v1/",
        "docker.io",
    ] {
        let answer = ask(&home, "get", spelling).expect_success();
        let server = spelling.replace(['\r', '\n'], "");
        assert_eq!(answer, credential(server.trim(), "octocat", SECRET), "{spelling:?}");
    }
    // What `docker logout` asks for.
    for spelling in ["ghcr.io", "ghcr.io", "http://ghcr.io", "https://ghcr.io"] {
        assert_eq!(ask(&home, "erase", spelling).code, 0);
    }
    assert_eq!(ask(&home, "list", "").expect_success(), "{\"https://index.docker.io/v1/\":\"octocat\"}\n");
}

#[test]
fn hostile_input_is_refused_and_changes_nothing() {
    let home = Home::new();
    store(&home, "ghcr.io");
    let before = listing(&home.path());
    let huge = "x".repeat(3 << 20);
    for input in [
        huge.as_str(),
        "\0\0\0",
        "[1]",
        "null",
        "{\"ServerURL\":1}",
        "{\"ServerURL\":{\"a\":[]},\"Username\":\"u\",\"Secret\":\"s\"}",
        "{\"ServerURL\":\"h\",\"Username\":\"u\",\"Secret\":null}",
        "{\"ServerURL\":\"h\\u0000\",\"Username\":\"u\",\"Secret\":\"s\"}",
        "{\"ServerURL\":\"h\",\"Username\":\"u\\n\",\"Secret\":\"s\"}",
        "{\"ServerURL\":\"h\",\"Username\":\"u\",\"Secret\":\"s\"} and more",
        "{\"ServerURL\":\"h\",\"Username\":\"u\",\"Secret\":\"s",
        &"[".repeat(100_000),
    ] {
        let ran = ask(&home, "store", input);
        assert!(ran.code == 1 && ran.stdout.is_empty() && ran.stderr.contains("error: "), "{ran}");
        let ran = ask(&home, "get", input);
        assert!(ran.code == 1 && ran.stdout == NOT_FOUND, "{ran}");
        assert_eq!(listing(&home.path()), before);
    }
    assert!(ask(&home, "erase", &huge).code == 1);
    assert_eq!(listing(&home.path()), before);
    let unknown = r#"{"Label":"x","ServerURL":"quay.io","Username":"u","Secret":"s\u003c","More":[1]}"#;
    assert_eq!(ask(&home, "store", unknown).code, 0, "fields of later clients are passed over");
    assert_eq!(ask(&home, "get", "quay.io").expect_success(), credential("quay.io", "u", "s<"));
}

#[test]
fn a_secret_in_broken_json_is_not_repeated() {
    let home = Home::new();
    for input in [
        format!("\"{SECRET}\""),
        format!("{{\"ServerURL\":\"h\",\"Username\":[\"{SECRET}\"],\"Secret\":\"{SECRET}\"}}"),
        format!("{{\"{SECRET}\":\"{SECRET}\""),
    ] {
        let ran = ask(&home, "store", &input);
        assert!(ran.code == 1 && !ran.said().contains("secret that"), "{ran}");
    }
}

/// Runs the helper with standard input that nobody closes, and says how long it took.
fn with_open_input(home: &Home, word: &str) -> (Duration, String, bool) {
    let mut command = helper(home, &[word]);
    let start = Instant::now();
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the helper starts");
    let _open = child.stdin.take();
    let ended = wait(&mut child, Duration::from_secs(60));
    if ended.is_none() {
        signal(&child, Signal::KILL);
    }
    let output = child.wait_with_output().expect("its output");
    (start.elapsed(), String::from_utf8_lossy(&output.stdout).into_owned(), ended.is_some())
}

#[test]
fn a_client_that_keeps_standard_input_open_does_not_hang_it() {
    let home = Home::new();
    store(&home, "ghcr.io");
    let (took, said, ended) = with_open_input(&home, "list");
    assert!(ended && took < Duration::from_secs(15), "list does not look at its input: {took:?}");
    assert_eq!(said, "{\"ghcr.io\":\"octocat\"}\n");
    let (_, said, ended) = with_open_input(&home, "get");
    assert!(ended && said == NOT_FOUND, "{said}");
}

#[test]
fn the_key_is_what_a_command_prints_and_only_asked_for_when_it_is_needed() {
    let home = Home::new();
    let asked = home.path().join("asked");
    let command = script(&home, "key", &format!("echo x >> '{}'; printf '%s' \"$1\"", asked.display()));
    let line = format!("'{}' '0123456789abcdef 123456789abcdef'", command.display());
    let ask =
        |word: &str, input: &str| run_with_input(helper(&home, &[word]).env("PULLPASS_KEY_COMMAND", &line), input);
    assert_eq!(ask("store", &credential("ghcr.io", "octocat", SECRET)).code, 0);
    fs::remove_file(&asked).expect("it was asked");
    assert_not_found(&ask("get", "quay.io"), &[]);
    assert_eq!(ask("list", "").code, 0);
    assert_eq!(ask("erase", "quay.io").code, 0);
    assert!(!asked.exists(), "nothing of this needs the key");
    assert_eq!(ask("get", "ghcr.io").expect_success(), credential("ghcr.io", "octocat", SECRET));
    assert!(asked.exists() && !key_path(&home).exists());
}

#[test]
fn a_key_command_that_hangs_fails_or_prints_no_key_is_a_plain_not_found() {
    let home = Home::new();
    store(&home, "ghcr.io");
    let endless = script(&home, "endless", "yes");
    let hanging = script(&home, "hanging", "sleep 60 & sleep 60");
    for (line, words) in [
        ("false".to_owned(), &["the key command `false` failed"][..]),
        ("echo no key".to_owned(), &["holds no key"]),
        ("/does/not/exist".to_owned(), &["cannot run", "PULLPASS_KEY_COMMAND"]),
        ("'".to_owned(), &["left open"]),
        ("echo MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=".to_owned(), &["another key", "command `echo`"]),
        (endless.display().to_string(), &["printed more than 1 MiB"]),
        (hanging.display().to_string(), &["gave no answer in 8 seconds"]),
    ] {
        let start = Instant::now();
        let ran = run_with_input(helper(&home, &["get"]).env("PULLPASS_KEY_COMMAND", &line), "ghcr.io");
        assert_not_found(&ran, words);
        assert!(start.elapsed() < Duration::from_secs(30), "{line}: {:?}", start.elapsed());
    }
    let other = "echo MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    let before = listing(&home.path());
    let mixed = credential("quay.io", "u", "s");
    let ran = run_with_input(helper(&home, &["store"]).env("PULLPASS_KEY_COMMAND", other), &mixed);
    assert!(ran.code == 1 && ran.stderr.contains("another key"), "{ran}");
    assert_eq!(listing(&home.path()), before, "no store has two keys");
}

#[test]
fn inside_a_unit_the_key_is_the_systemd_credential() {
    let home = Home::new();
    let directory = home.side_dir("credentials");
    fs::write(directory.join("pullpass.key"), [7; 32]).expect("a credential");
    let ask = |word: &str, input: &str| {
        run_with_input(helper(&home, &[word]).env("CREDENTIALS_DIRECTORY", &directory), input)
    };
    assert_eq!(ask("store", &credential("ghcr.io", "octocat", SECRET)).code, 0);
    assert_eq!(ask("get", "ghcr.io").expect_success(), credential("ghcr.io", "octocat", SECRET));
    assert!(!key_path(&home).exists());
    assert_not_found(&self::ask(&home, "get", "ghcr.io"), &["is missing", "helper.key"]);
}

#[test]
fn a_key_file_that_others_could_have_read_or_written_is_not_used() {
    let home = Home::new();
    store(&home, "ghcr.io");
    let (key, good) = (key_path(&home), fs::read(key_path(&home)).expect("a key"));
    let set_mode = |mode| fs::set_permissions(&key, fs::Permissions::from_mode(mode)).expect("own file");
    for mode in [0o640, 0o604, 0o602, 0o666] {
        set_mode(mode);
        assert_not_found(&ask(&home, "get", "ghcr.io"), &["others have rights", "chmod 600"]);
        assert_eq!(ask(&home, "store", &credential("quay.io", "u", "s")).code, 1);
    }
    set_mode(0o600);
    assert_eq!(ask(&home, "get", "ghcr.io").code, 0);
    fs::write(&key, "short").expect("own file");
    assert_not_found(&ask(&home, "get", "ghcr.io"), &["holds no key"]);
    fs::remove_file(&key).expect("own file");
    fs::create_dir(&key).expect("own directory");
    assert_not_found(&ask(&home, "get", "ghcr.io"), &["no regular file"]);
    fs::remove_dir(&key).expect("own directory");
    run(home.command("/usr/bin/mkfifo").arg(&key)).expect_success();
    set_mode(0o600);
    assert_not_found(&ask(&home, "get", "ghcr.io"), &["no regular file"]);
    fs::remove_file(&key).expect("own file");
    let path = home.write("someone-else", good);
    std::os::unix::fs::chown(&path, Some(12345), None).expect("the tests run as root");
    symlink(&path, &key).expect("a link");
    assert_not_found(&ask(&home, "get", "ghcr.io"), &["belongs to user 12345"]);
}

#[test]
fn a_lost_key_is_never_replaced_behind_the_back_of_its_credentials() {
    let home = Home::new();
    store(&home, "ghcr.io");
    let kept = home.path().join("kept");
    fs::rename(key_path(&home), &kept).expect("a key");
    let ran = ask(&home, "store", &credential("quay.io", "u", "s"));
    assert_fails(&ran, 1, &["the key of", "is missing", "put the key back"]);
    assert!(!key_path(&home).exists());
    fs::rename(&kept, key_path(&home)).expect("a key");
    assert_eq!(ask(&home, "get", "ghcr.io").code, 0);
}

#[test]
fn a_store_that_is_none_is_not_found_and_stays_as_it_is() {
    let home = Home::new();
    store(&home, "ghcr.io");
    let good = fs::read_to_string(store_path(&home)).expect("a store");
    for (text, word) in [
        ("{}".to_owned(), "no store of credentials"),
        ("\u{0}\n".to_owned(), "no store of credentials"),
        (good.replace("\"version\":1", "\"version\":9"), "version 9"),
    ] {
        fs::write(store_path(&home), &text).expect("own file");
        assert_not_found(&ask(&home, "get", "ghcr.io"), &[word]);
        assert_fails(&ask(&home, "store", &credential("h", "u", "s")), 1, &[word]);
        assert_fails(&ask(&home, "erase", "ghcr.io"), 1, &[word]);
        assert_fails(&ask(&home, "list", ""), 1, &[word]);
        assert_eq!(fs::read_to_string(store_path(&home)).expect("a store"), text);
    }
    fs::remove_file(store_path(&home)).expect("own file");
    run(home.command("/usr/bin/mkfifo").arg(store_path(&home))).expect_success();
    assert_not_found(&ask(&home, "get", "ghcr.io"), &["not a regular file"]);
}

#[test]
fn fifty_clients_read_while_others_store_and_erase_and_nothing_is_lost() {
    let home = Home::new();
    store(&home, "ghcr.io");
    store(&home, "to-erase.example");
    let server = |number| format!("registry-{number}.example");
    thread::scope(|scope| {
        for number in 0..20 {
            let home = &home;
            scope.spawn(move || store(home, &server(number)));
        }
        for _ in 0..50 {
            let answer =
                || assert_eq!(ask(&home, "get", "ghcr.io").expect_success(), credential("ghcr.io", "octocat", SECRET));
            scope.spawn(answer);
        }
        for _ in 0..5 {
            scope.spawn(|| assert_eq!(ask(&home, "erase", "to-erase.example").code, 0));
        }
    });
    for number in 0..20 {
        let server = server(number);
        assert_eq!(ask(&home, "get", &server).expect_success(), credential(&server, "octocat", SECRET));
    }
    let listed = json(&ask(&home, "list", ""));
    assert_eq!(listed.as_object().expect("an object").len(), 21);
    let left = fs::read_dir(store_path(&home).parent().expect("a directory")).expect("a directory").count();
    assert_eq!(left, 1, "no temporary file is left");
}

#[test]
fn twenty_first_stores_at_once_make_one_key() {
    let home = Home::new();
    let server = |number| format!("registry-{number}.example");
    thread::scope(|scope| {
        for number in 0..20 {
            let home = &home;
            scope.spawn(move || store(home, &server(number)));
        }
    });
    for number in 0..20 {
        assert_eq!(ask(&home, "get", &server(number)).code, 0, "{number}");
    }
}
