//! Twenty logins to twenty registries at once, into one file, while another program edits that file too. What is here in
//! short, `scripts/soak logins` does ten times in a row. The engines do the same for comparison.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use pullpass_secrets::Secret;
use pullpass_secrets::store::{AuthFile, Credential, Entry};
use pullpass_testing::canned::{Canned, json, response};
use pullpass_testing::engines::docker::clients;
use pullpass_testing::engines::podman::Podman;
use pullpass_testing::home::Home;
use pullpass_testing::run::{Ran, run_with_input};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use crate::program::{USER, pullpass};

const COUNT: usize = 20;
/// What all begin with: a login of somebody else, and a key that only the other program knows.
const BEFORE: &str =
    "{\n  \"edited\": 0,\n  \"auths\": {\n    \"example.test\": { \"auth\": \"bWU6cHc=\", \"email\": \"\" }\n  }\n}\n";

/// Registries that let everybody in who has a login.
struct Registries {
    running: Vec<Canned>,
    _runtime: Runtime,
}

impl Registries {
    fn start() -> Registries {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let running = runtime.block_on(async {
            let mut running = Vec::new();
            for _ in 0..COUNT {
                let registry = Canned::start(|request| match request.header("authorization") {
                    "" => response(401, &[("www-authenticate", "Basic realm=\"test\"")], "{}"),
                    _ => json(200, "{}"),
                });
                running.push(registry.await);
            }
            running
        });
        Registries { running, _runtime: runtime }
    }

    /// Lets `login REGISTRY …` of all registries run at once, each with a secret of its own.
    fn log_in(&self, login: impl Fn(&str) -> Command + Sync) -> Vec<Ran> {
        thread::scope(|scope| {
            let one = |registry: String| {
                let mut command = login(&registry);
                scope.spawn(move || run_with_input(&mut command, &secret(&registry)))
            };
            let started: Vec<_> = self.running.iter().map(|registry| one(registry.host())).collect();
            started.into_iter().map(|login| login.join().expect("no panic")).collect()
        })
    }

    /// For how many registries the file at `path` has the right login.
    fn found(&self, path: &Path) -> usize {
        let file = AuthFile::parse(&fs::read(path).expect("a file")).expect("a sound file");
        let has = |host: &str| {
            let login = Credential { user: USER.to_owned(), secret: Secret::new(secret(host)) };
            file.entries().iter().any(|(key, entry)| key == host && *entry == Entry::Credential(login.clone()))
        };
        self.running.iter().filter(|registry| has(&registry.host())).count()
    }
}

fn secret(registry: &str) -> String {
    format!("the secret of {registry}")
}

/// Another program that counts its edits in the file itself, until `stop`. It takes no lock, as most do not. It is careful
/// though: what it did not read it does not replace, because from a program that does, nobody could save a login.
fn edit_all_the_time(path: &Path, stop: &AtomicBool) -> u64 {
    let beside = path.with_extension("edited");
    let mut edits = 0;
    while !stop.load(Ordering::Relaxed) {
        // Open until the end, so that no new file gets its number.
        let mut file = File::open(path).expect("a file");
        let mut before = String::new();
        file.read_to_string(&mut before).expect("a text");
        let parsed: Value = serde_json::from_str(&before).unwrap_or_else(|error| panic!("{error}: {before}"));
        let counted = parsed["edited"].as_u64().expect("the key of this program");
        let after = before.replace(&format!("\"edited\": {counted}"), &format!("\"edited\": {}", counted + 1));
        write(&beside, &after);
        let is_read = |path: &Path| {
            let [now, read] = [fs::metadata(path), file.metadata()].map(|found| found.expect("a file"));
            now.ino() == read.ino()
        };
        let swap = || renameat_with(CWD, &beside, CWD, path, RenameFlags::EXCHANGE).expect("an exchange");
        if is_read(path) {
            swap();
            if is_read(&beside) {
                edits += 1;
            } else {
                swap();
            }
        }
        fs::remove_file(&beside).expect("its own file");
        thread::sleep(Duration::from_millis(10));
    }
    edits
}

/// A new file for its owner alone.
fn write(path: &Path, text: &str) {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.expect("a new file").write_all(text.as_bytes()).expect("a text");
}

/// `path` below a home, as all begin with it.
fn begin(path: PathBuf) -> PathBuf {
    fs::create_dir_all(path.parent().expect("a directory")).expect("directories");
    write(&path, BEFORE);
    path
}

/// What is in a file but for the logins of the registries and the count of edits.
fn others(path: &Path) -> Value {
    let mut file: Value = serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON");
    file["edited"] = Value::from(0);
    let auths = file["auths"].as_object_mut().expect("logins");
    auths.retain(|registry, _| !registry.starts_with("127."));
    file
}

/// One round of `pullpass login` for one engine; how often the other program edited the file meanwhile.
fn round(registries: &Registries, engine: &str) -> u64 {
    let home = Home::new();
    let path = begin(match engine {
        "--docker" => home.path().join(".docker/config.json"),
        _ => home.runtime_dir().join("containers/auth.json"),
    });
    let stop = AtomicBool::new(false);
    let edits = thread::scope(|scope| {
        let other = scope.spawn(|| edit_all_the_time(&path, &stop));
        let ended = registries.log_in(|registry| {
            let mut login = pullpass(&home);
            login.args(["login", registry, "--username", USER, "--password-stdin", engine]);
            login
        });
        stop.store(true, Ordering::Relaxed);
        let failed: Vec<String> = ended.iter().filter(|ran| ran.code != 0).map(Ran::to_string).collect();
        assert_eq!(failed, [""; 0]);
        other.join().expect("the file is whole all the time")
    });
    assert_eq!(registries.found(&path), COUNT, "{engine}");
    let file: Value = serde_json::from_slice(&fs::read(&path).expect("a file")).expect("JSON");
    assert_eq!(file["edited"], Value::from(edits), "no edit of the other program is lost");
    assert_eq!(others(&path), serde_json::from_str::<Value>(BEFORE).expect("JSON"));
    edits
}

/// How many of twenty logins at once the engines keep, with nobody else at their files.
fn kept_by_the_engines(registries: &Registries) -> BTreeMap<&'static str, usize> {
    let words = |mut command: Command, more: &[&str], registry: &str| {
        command.arg("login").args(more).args([registry, "--username", USER, "--password-stdin"]);
        command
    };
    let mut kept = BTreeMap::new();
    let (home, client) = (Home::new(), clients().remove(0));
    let path = begin(home.path().join(".docker/config.json"));
    registries.log_in(|registry| {
        let mut docker = home.command(&client);
        // Without a daemon the client speaks to the registry itself.
        docker.env("DOCKER_HOST", "unix:///nonexistent/socket");
        words(docker, &[], registry)
    });
    kept.insert("docker login", registries.found(&path));
    for (name, is_podman) in [("podman login", true), ("skopeo login", false)] {
        let home = Home::new();
        let podman = Podman::new(&home);
        let path = begin(home.runtime_dir().join("containers/auth.json"));
        registries.log_in(|registry| {
            words(if is_podman { podman.podman() } else { podman.skopeo() }, &["--tls-verify=false"], registry)
        });
        kept.insert(name, registries.found(&path));
    }
    kept
}

#[test]
fn twenty_logins_at_once_leave_twenty_while_another_program_edits_the_file() {
    let rounds: usize =
        std::env::var("PULLPASS_LOGIN_ROUNDS").map_or(1, |rounds| rounds.parse().expect("a number of rounds"));
    let registries = Registries::start();
    for number in 1..=rounds {
        let edits = ["--docker", "--podman"].map(|engine| round(&registries, engine));
        println!(
            "logins: round {number} of {rounds}: pullpass login --docker {COUNT} of {COUNT}, --podman {COUNT} of {COUNT}, \
             beside {} and {} edits of another program",
            edits[0], edits[1]
        );
        assert!(edits.iter().all(|edits| *edits > 0), "the other program did something");
        for (login, kept) in kept_by_the_engines(&registries) {
            println!("logins: round {number} of {rounds}: {login} {kept} of {COUNT}, alone with the file");
        }
    }
}
