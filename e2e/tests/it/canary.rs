//! The canary hunt: every command and every route with a marked token, and then a search for it in everything that is
//! left: outputs, the server's log at trace level, temporary and data directories, homes, and the arguments and
//! environment of every process while it ran.

mod calls;
mod routes;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use pullpass_testing::{
    canary::{Canary, Sightings},
    home::{Home, listing},
    run::{Signal, run, run_with_input, signal, wait},
};

use crate::program::pullpass;
use calls::{call, calls, execute, leaf_commands};

/// Commands whose purpose is to show a secret, and the one place where each may.
const SHOWS_ITS_SECRET: [&str; 5] = ["helper get", "kubelet", "vault decrypt", "vault view", "token new"];

/// Files that are meant to hold the token; each has to be its owner's alone.
const STORES: [&str; 3] = ["home/.docker/config.json", "home/.config/containers/auth.json", "run/containers/auth.json"];

/// The file in which the person of this test keeps the token.
const TOKEN_FILE: &str = "home/token";

/// A server that logs everything it can into a file.
struct Talkative {
    child: Child,
    registry: String,
}

impl Talkative {
    fn start(home: &Home) -> Talkative {
        let log = log_path(home);
        let file = fs::File::create(&log).expect("a log file");
        let mut serve = pullpass(home);
        serve.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data(home)).env("PULLPASS_LOG", "trace");
        let child = serve.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file).spawn().expect("pullpass starts");
        let mut server = Talkative { child, registry: String::new() };
        let deadline = Instant::now() + Duration::from_secs(30);
        while server.registry.is_empty() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
            let text = fs::read_to_string(&log).expect("a log");
            let announced = text.split_once("listening on http://").and_then(|(_, rest)| rest.split_once('\n'));
            server.registry = announced.map(|(registry, _)| registry.to_owned()).unwrap_or_default();
        }
        assert!(!server.registry.is_empty(), "the server starts within 30 seconds");
        server
    }

    /// Ends it as a service manager does, so that everything is written that a server writes at its end.
    fn stop(mut self) {
        signal(&self.child, Signal::TERM);
        assert!(wait(&mut self.child, Duration::from_secs(20)).is_some(), "the server drains and ends");
    }
}

impl Drop for Talkative {
    fn drop(&mut self) {
        // Only a failed test gets here with a server that runs.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn data(home: &Home) -> PathBuf {
    home.side_dir("data")
}

fn log_path(home: &Home) -> PathBuf {
    home.side_dir("log").join("serve.log")
}

#[test]
fn no_command_leaves_the_token_anywhere_but_in_the_stores() {
    let home = Home::new();
    run_with_input(
        pullpass(&home).args(["admin", "user", "add", "alice", "--password-stdin", "--data"]).arg(data(&home)),
        "correct horse battery",
    )
    .expect_success();
    let made = run(pullpass(&home)
        .args(["token", "new", "--user", "alice", "--note", "n", "--scope", "write:packages", "--data"])
        .arg(data(&home)));
    let token = made.expect_success().trim().to_owned();
    let canary = Canary::new(&token);
    let server = Talkative::start(&home);
    home.write("token", &token);
    home.write("pw", "correct horse\n");
    home.write("new", "another horse\n");

    let calls = calls(&home, &server.registry, &token);
    assert_eq!(calls.keys().cloned().collect::<BTreeSet<_>>(), leaf_commands(&home), "every command is driven");
    let root = home.path().parent().expect("the directory of the home").to_owned();
    let (mut driven, mut seen) = (0, 0);
    for (name, calls) in &calls {
        for call in calls {
            driven += 1;
            let watch = canary.watch(&root);
            let ran = execute(&home, call);
            let Sightings { samples, arguments, environments } = watch.stop();
            seen += samples;
            let is_argument = call.words.iter().any(|word| word.contains(&token));
            assert!(is_argument || arguments.is_empty(), "{name}: in the arguments of {arguments:?}");
            assert!(
                call.variable.is_some() || environments.is_empty(),
                "{name}: in the environment of {environments:?}"
            );
            if !SHOWS_ITS_SECRET.contains(&name.as_str()) {
                assert_eq!(canary.spellings_in(ran.stdout.as_bytes()), BTreeSet::new(), "{name}: on standard output");
            }
            assert_eq!(canary.spellings_in(ran.stderr.as_bytes()), BTreeSet::new(), "{name}: on standard error");
        }
    }
    assert!(seen > driven, "processes were looked at while they ran: {seen} times in {driven} calls");
    let requests = routes::drive(&server.registry, &token);
    server.stop();
    let log = fs::read_to_string(log_path(&home)).expect("a log");
    assert!(log.lines().count() > requests, "the log says something of every request");
    assert_eq!(canary.spellings_in(log.as_bytes()), BTreeSet::new(), "in the server's log");
    only_in_stores(&canary, &root);
    println!(
        "{driven} calls of {} commands, {seen} looks at processes, {requests} requests, {} lines of log: nothing found",
        calls.len(),
        log.lines().count()
    );
}

/// The demonstration makes tokens of its own: none of them may be seen.
#[test]
fn the_demonstration_shows_no_token_that_it_makes() {
    let home = Home::new();
    let mut command = pullpass(&home);
    command.args(["demo", "--json"]).env("PATH", home.side_dir("bin"));
    // Every whole token begins so; the fingerprint has `…` behind the prefix.
    let is_token = |text: &str| {
        text.match_indices("ppt_")
            .any(|(at, _)| text[at + 4..].chars().take(46).filter(char::is_ascii_alphanumeric).count() == 46)
    };
    assert!(is_token(&format!("x ppt_{} y", "a".repeat(46))) && !is_token("ppt_…abcd"));
    let watched = Canary::new("ppt_ is the prefix that the watch looks for");
    let watch = watched.watch(home.path().parent().expect("a directory"));
    let ran = run(&mut command);
    assert!(watch.stop().samples > 0);
    assert_eq!(ran.code, 0, "{ran}");
    assert!(!is_token(&ran.stdout) && !is_token(&ran.stderr), "{ran}");
}

/// A token that somebody pasted into any place of any command comes back in no output and reaches no file.
#[test]
fn a_token_pasted_anywhere_on_the_command_line_is_not_repeated() {
    let home = Home::new();
    let data = data(&home).display().to_string();
    let add = ["admin", "user", "add", "alice", "--password-stdin", "--data", data.as_str()];
    run_with_input(pullpass(&home).args(add), "correct horse battery").expect_success();
    let new = ["token", "new", "--user", "alice", "--scope", "read:packages", "--data", data.as_str()];
    let token = run(pullpass(&home).args(new)).expect_success().trim().to_owned();
    let canary = Canary::new(&token);
    home.write("pw", "correct horse\n");
    home.write("i.yml", "all:\n  vars:\n    user: me\n");
    // How many words name the command, then the words that are replaced one by one.
    let calls: [(usize, &[&str]); 29] = [
        (1, &["login", "127.0.0.1:1", "-u", "me", "--token-from", "file:pw", "--docker"]),
        (1, &["login", "127.0.0.1:1", "-u", "me", "--token-from", "cmd:/bin/cat pw", "--docker"]),
        (1, &["logout", "ghcr.io", "--docker"]),
        (1, &["status", "ghcr.io", "--json"]),
        (1, &["status", "ghcr.io/a/b", "--user", "nobody", "--metrics", "m.prom"]),
        (1, &["verify", "127.0.0.1:1/a/b:c", "--docker"]),
        (2, &["vault", "encrypt_string", "--name", "x", "--vault-password-file", "pw"]),
        (2, &["vault", "decrypt", "i.yml", "--vault-password-file", "pw"]),
        (2, &["vault", "encrypt", "none.yml", "--output", "-", "--encrypt-vault-id", "x", "--vault-id", "x@pw"]),
        (
            2,
            &[
                "vault",
                "encrypt_string",
                "--stdin-name",
                "x",
                "--like-ansible",
                "--output",
                "out",
                "--vault-id",
                "x@pw",
            ],
        ),
        (2, &["vault", "view", "i.yml", "--vault-password-env", "PW"]),
        (2, &["vault", "edit", "i.yml", "--encrypt-vault-id", "x", "--vault-id", "x@pw"]),
        (2, &["vault", "create", "none.yml", "--skip-tty-check", "--vault-password-file", "pw"]),
        (2, &["vault", "rekey", "i.yml", "--vault-password-file", "pw", "--new-vault-password-file", "pw"]),
        (2, &["vault", "rekey", "i.yml", "--vault-password-command", "true", "--new-vault-id", "x@pw"]),
        (2, &["inventory", "show", "i.yml", "--vault-password-file", "pw"]),
        (2, &["inventory", "check", "i.yml", "--vault-password-file", "pw", "--json"]),
        (2, &["inventory", "rekey", "i.yml", "--only-vault-id", "x", "--rollback"]),
        (2, &["inventory", "unset", "i.yml", "all.vars.none", "--diff", "--dry-run"]),
        (3, &["inventory", "set", "i.yml", "all.vars.user", "--plain", "you"]),
        (
            2,
            &[
                "token",
                "new",
                "--user",
                "alice",
                "--note",
                "x",
                "--scope",
                "read:packages",
                "--expires",
                "1d",
                "--data",
                &data,
            ],
        ),
        (2, &["token", "list", "--user", "alice", "--data", &data]),
        (2, &["token", "revoke", "99", "--data", &data]),
        (3, &["admin", "user", "add", "bob", "--password-stdin"]),
        (3, &["admin", "package", "set-visibility", "alice/app", "public", "--data", &data]),
        (1, &["scan", "i.yml", "--json"]),
        (1, &["kubelet", "-u", "me", "--token-from", "file:pw", "--for", "ghcr.io", "--cache", "5m"]),
        (2, &["kubelet", "config", "-u", "me", "--token-from", "file:pw", "--for", "ghcr.io", "--name", "x"]),
        (1, &["completions", "bash"]),
    ];
    let mut driven = 0;
    for (fixed, words) in calls {
        for at in fixed..=words.len() {
            for pasted in [
                token.clone(),
                format!("octocat:{token}"),
                format!("https://octocat:{token}@ghcr.io/a/b"),
                format!("ghcr.io/octocat/app:{token}"),
                format!("env:{token}"),
                format!("--{token}"),
                format!("--data={token}"),
            ] {
                let mut words: Vec<&str> = words.to_vec();
                match words.get_mut(at) {
                    Some(word) => *word = &pasted,
                    None => words.push(&pasted),
                }
                driven += 1;
                let ran = execute(&home, &call(&words));
                let said = canary.spellings_in(ran.said().as_bytes());
                assert_eq!(said, BTreeSet::new(), "`{}`: {}", ran.command, ran.said());
            }
        }
    }
    assert_eq!(canary.files_below(&home.path()), [""; 0]);
    assert!(driven > 300, "{driven}");
}

/// A leak is told by its place, wherever it is and however it is spelled: in files, their names, commits and messages.
#[test]
fn a_scan_that_finds_the_token_does_not_show_it() {
    let home = Home::new();
    let body = "CanaryOfTheScanInTestsOnly0123456789abcd";
    let token = format!("ppt{}{body}{}", '_', pullpass_secrets::token::checksum(body));
    let canary = Canary::new(&token);
    let auth = STANDARD.encode(format!("octocat:{token}"));
    let file = format!(r#"{{"auths":{{"ghcr.io":{{"auth":"{auth}"}}}}}}"#);
    home.write("repository/config.json", &file);
    home.write("repository/pull-secret.yml", format!("data:\n  .dockerconfigjson: {}\n", STANDARD.encode(&file)));
    home.write(&format!("repository/{token}"), &token);
    let git = |words: &[&str]| {
        let mut git = home.command("git");
        git.args(["-C", "repository", "-c", "user.name=a", "-c", "user.email=a@example.org"]).args(words);
        run(&mut git).expect_success()
    };
    git(&["init", "--quiet"]);
    git(&["add", "--all"]);
    let mut seen = 0;
    for (words, found) in [
        // Three findings, and a name that has it masked; git's index has that name too.
        (&["scan", "repository"][..], 5),
        (&["scan", "repository", "--staged"], 4),
        // Once, where it came in.
        (&["scan", "repository", "--history"], 1),
    ] {
        if words.contains(&"--history") {
            git(&["commit", "--quiet", "--message", &format!("uses {token}")]);
        }
        for json in [&[][..], &["--json"]] {
            let watch = canary.watch(&home.path());
            let ran = run(pullpass(&home).args(words).args(json));
            let Sightings { samples, arguments, environments } = watch.stop();
            seen += samples;
            assert!(ran.code == 1, "{ran}");
            assert_eq!(ran.stdout.matches("ppt_…").count(), found, "{ran}");
            assert_eq!(canary.spellings_in(ran.said().as_bytes()), BTreeSet::new(), "{ran}");
            assert!(arguments.is_empty() && environments.is_empty(), "{ran}");
        }
    }
    assert!(seen > 0, "nothing was watched");
}

/// The token is in the stores, which are private, in the person's own file, and in no other file.
fn only_in_stores(canary: &Canary, root: &Path) {
    let mut seen = BTreeSet::new();
    for found in canary.files_below(root) {
        let path = found.split(": ").next().expect("a path").to_owned();
        assert!(STORES.contains(&path.as_str()) || path == TOKEN_FILE, "the token is in {found}");
        seen.insert(path);
    }
    assert!(seen.len() >= 3, "a hunt that finds no store finds nothing: {seen:?}");
    for (path, entry) in listing(root) {
        if STORES.iter().any(|store| Path::new(store) == path) {
            assert_eq!(entry.mode, 0o600, "{}", path.display());
        }
    }
}
