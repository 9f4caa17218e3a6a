//! Other people's stores, on a host where some of these people are up to something.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};

use pullpass_testing::home::{Home, listing};
use pullpass_testing::run::run;
use serde_json::Value;
use tempfile::TempDir;

use super::{Host, json, logins, winner};
use crate::program::{program, pullpass};

const ALICE: u32 = 47_001;
const MALLORY: u32 = 47_002;
const CREW: u32 = 47_100;

/// A host with root, alice and mallory, whose homes everybody can reach but not read.
struct People {
    host: Host,
    root: Home,
    homes: TempDir,
}

impl People {
    fn new() -> People {
        let host = Host::new();
        let root = host.namespace.home();
        let homes = tempfile::Builder::new().prefix("pp-homes-").tempdir_in("/tmp").expect("a directory");
        fs::set_permissions(homes.path(), Permissions::from_mode(0o755)).expect("own directory");
        let people = People { host, root, homes };
        // Root's clean environment has this home as well.
        let passwd = format!("root:x:0:0::{}:/bin/sh\n", people.root.path().display());
        let mut users = String::new();
        for (name, uid) in [("alice", ALICE), ("mallory", MALLORY)] {
            let home = people.home(name);
            fs::create_dir(&home).expect("a home");
            chown(&home, Some(uid), Some(uid)).expect("we are root");
            users += &format!("{name}:x:{uid}:{uid}::{}:/bin/sh\n", home.display());
        }
        let script = r#"printf '%s' "$1" > /etc/passwd; printf '%s' "$2" > /etc/group"#;
        let groups = format!("crew:x:{CREW}:alice\n");
        run(people.root.command("sh").args(["-c", script, "users", &(passwd + &users), &groups])).expect_success();
        people
    }

    fn home(&self, name: &str) -> PathBuf {
        self.homes.path().join(name)
    }

    /// A file in a home, as its owner would have it.
    fn write(&self, name: &str, path: &str, contents: &str) -> PathBuf {
        let path = self.home(name).join(path);
        fs::create_dir_all(path.parent().expect("a directory")).expect("directories");
        fs::write(&path, contents).expect("a file");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("own file");
        self.give(name);
        path
    }

    /// Everything in a home is its owner's.
    fn give(&self, name: &str) {
        let uid = if name == "alice" { ALICE } else { MALLORY };
        let owner = format!("{uid}:{uid}");
        run(self.root.command("chown").args(["-hR", &owner]).arg(self.home(name))).expect_success();
    }

    /// What root is told, and the exit code.
    fn status(&self, words: &[&str]) -> (Value, i32) {
        let ran = run(pullpass(&self.root).args(["status", "--json"]).args(words));
        (json(&ran), ran.code)
    }
}

fn of<'a>(status: &'a Value, account: &str) -> Vec<&'a Value> {
    let stores = status["stores"].as_array().expect("stores");
    stores.iter().filter(|store| store["account"] == account).collect()
}

fn users(stores: &[&Value]) -> BTreeSet<String> {
    let entries = stores.iter().flat_map(|store| store["entries"].as_array().expect("entries"));
    entries.filter_map(|entry| Some(entry["user"].as_str()?.to_owned())).collect()
}

#[test]
fn root_sees_everybodys_logins_and_each_is_used_by_its_owner_only() {
    let people = People::new();
    let registry = people.host.name();
    people.root.write(".config/containers/policy.json", r#"{"default":[{"type":"insecureAcceptAnything"}]}"#);
    people.root.write(".docker/config.json", logins(&[(&registry, "roots")]));
    people.write("alice", ".config/containers/auth.json", &logins(&[(&registry, "alices")]));
    // Alice may read it because of a group that she is in.
    let shared = people.homes.path().join("shared.json");
    fs::write(&shared, logins(&[("ghcr.io", "crews")])).expect("a file");
    fs::set_permissions(&shared, Permissions::from_mode(0o640)).expect("own file");
    chown(&shared, Some(0), Some(CREW)).expect("we are root");
    fs::create_dir(people.home("alice").join(".docker")).expect("a directory");
    symlink(&shared, people.home("alice").join(".docker/config.json")).expect("a link");
    people.write("alice", ".config/containers/policy.json", r#"{"default":[{"type":"insecureAcceptAnything"}]}"#);
    let before = listing(&people.home("alice"));

    let (status, code) = people.status(&["--all-users"]);
    assert_eq!(code, 0, "{status:#}");
    assert_eq!(users(&of(&status, "root")), BTreeSet::from(["roots".to_owned()]));
    assert_eq!(users(&of(&status, "alice")), BTreeSet::from(["alices".to_owned(), "crews".to_owned()]));
    assert_eq!(users(&of(&status, "mallory")), BTreeSet::new());
    let fingerprints: BTreeSet<&str> = ["root", "alice"]
        .iter()
        .flat_map(|name| of(&status, name))
        .flat_map(|store| store["entries"].as_array().expect("entries"))
        .filter_map(|entry| entry["fingerprint"].as_str())
        .collect();
    assert_eq!(fingerprints.len(), 1, "they all have the same secret: {status:#}");
    assert_eq!(listing(&people.home("alice")), before, "looking changes nothing");

    // With sudo it is root's login that counts, and alice's when she does it herself.
    let image = people.host.image();
    let user = |name: &str| winner(&people.status(&[&image, "--user", name]).0, "podman");
    let inspect = ["skopeo", "inspect", "--tls-verify=false", &format!("docker://{image}")];
    let as_root = || people.host.users_of(people.root.command("env").args(inspect));
    let as_alice = || {
        let mut rootless = people.root.command("setpriv");
        rootless.args(["--reuid", &ALICE.to_string(), "--regid", &ALICE.to_string(), "--groups", &CREW.to_string()]);
        // As a session has it.
        rootless.args(["--reset-env", "--", "env", &format!("XDG_RUNTIME_DIR=/run/user/{ALICE}")]);
        people.host.users_of(rootless.args(inspect))
    };
    assert_eq!((user("root"), as_root()), ("roots".to_owned(), vec!["roots".to_owned()]));
    assert_eq!((user("alice"), as_alice()), ("alices".to_owned(), vec!["alices".to_owned()]));
    // Her session's file, which is found without her session's environment, until she logs out.
    let script = r#"mount -t tmpfs tmpfs /run && mkdir -p "$1/containers" && chmod 700 "$1" && printf '%s' "$2" > "$1/containers/auth.json" && chown -R "$3:$3" "$1""#;
    let session = format!("/run/user/{ALICE}");
    let words = ["-c", script, "session", &session, &logins(&[(&registry, "sessions")]), &ALICE.to_string()];
    run(people.root.command("sh").args(words)).expect_success();
    assert_eq!((user("alice"), as_alice()), ("sessions".to_owned(), vec!["sessions".to_owned()]));
    run(people.root.command("rm").args(["-r", &session])).expect_success();
    assert_eq!((user("alice"), as_alice()), ("alices".to_owned(), vec!["alices".to_owned()]));

    let ran = run(people.root.command(program()).args(["status"]).env("SUDO_USER", "alice"));
    assert!(ran.stderr.contains("`pullpass status --user alice`"), "{ran}");
}

#[test]
fn reading_for_somebody_neither_follows_links_nor_runs_programs_as_root() {
    let people = People::new();
    let secret = people.root.write("root-only.json", logins(&[("ghcr.io", "stolen")]));
    // Root's home is out of reach by its directory; this one only by its own mode.
    let reachable = people.homes.path().join("root-only.json");
    fs::copy(&secret, &reachable).expect("a copy");
    let mallory = people.home("mallory");
    for (path, target) in [
        (".docker/config.json", reachable.as_path()),
        (".config/containers/auth.json", Path::new("/etc/shadow")),
        (".dockercfg", secret.as_path()),
        ("snap/docker/current/.docker", people.root.path().as_path()),
    ] {
        let link = mallory.join(path);
        fs::create_dir_all(link.parent().expect("a directory")).expect("directories");
        symlink(target, link).expect("a link");
    }
    people.give("mallory");
    let (status, code) = people.status(&["--user", "mallory"]);
    let stores = of(&status, "mallory");
    assert_eq!((users(&stores), code), (BTreeSet::new(), 3), "{status:#}");
    let problems: Vec<&str> = stores.iter().filter_map(|store| store["problem"].as_str()).collect();
    assert!(problems.len() >= 3 && problems.iter().all(|why| why.contains("Permission denied")), "{problems:?}");

    // Programs: by a path, by a name on a PATH of hers, by a command for our own key.
    fs::remove_dir_all(&mallory).expect("the home");
    let ran = people.homes.path().join("ran");
    let evil = people.write("mallory", "bin/docker-credential-evil", &format!("#!/bin/sh\n: > {}\n", ran.display()));
    fs::set_permissions(&evil, Permissions::from_mode(0o755)).expect("a program");
    fs::set_permissions(people.homes.path(), Permissions::from_mode(0o777)).expect("mallory could write there");
    let up = format!("../../../../{}", evil.display());
    people.write(
        "mallory",
        ".docker/config.json",
        &format!(r#"{{"credsStore":"evil","credHelpers":{{"a.io":"{up}"}}}}"#),
    );
    people.write("mallory", ".config/containers/registries.conf", "credential-helpers = [\"evil\"]\n");
    let path = format!("{}:/usr/bin:/bin", mallory.join("bin").display());
    let words = ["status", "a.io", "--user", "mallory", "--check", "--json"];
    let told = run(pullpass(&people.root).args(words).env("PATH", &path));
    assert!(!ran.exists(), "{told}");
    let status = json(&told);
    let why = status["winners"][0]["why"].as_str().expect("a reason");
    assert!(why.contains("not run for another user"), "{status:#}");
    // Nor as root in mallory's home, where `sudo -E` leaves it.
    run(pullpass(&people.root).arg("status").env("HOME", &mallory).env("PATH", path));
    assert!(!ran.exists());
}

#[test]
fn what_a_user_puts_in_the_way_neither_hangs_nor_hides_the_others() {
    let people = People::new();
    people.write("alice", ".docker/config.json", &logins(&[("ghcr.io", "alices")]));
    let mallory = people.home("mallory");
    fs::create_dir_all(mallory.join(".docker")).expect("a directory");
    run(people.root.command("mkfifo").arg(mallory.join(".docker/config.json"))).expect_success();
    // More than a report may have.
    let many: Vec<String> = (0..20_000).map(|number| format!("registry-{number}.example.org")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), "\u{1b}[31mm")).collect();
    people.write("mallory", ".config/containers/auth.json", &logins(&many));
    // Files without an end, one that waits for a writer and one that gives for ever.
    people.write("mallory", ".config/containers/certs.d/x.example.org/y", "");
    let certificate = mallory.join(".config/containers/certs.d/x.example.org/ca.crt");
    symlink("/dev/zero", certificate).expect("a link");
    people.write("mallory", ".dockercfg", "{}");
    run(people.root.command("mkfifo").arg(mallory.join(".config/containers/registries.conf"))).expect_success();
    let (status, code) = people.status(&["--all-users"]);
    assert_eq!(code, 3, "mallory's could not be read");
    assert_eq!(users(&of(&status, "alice")), BTreeSet::from(["alices".to_owned()]));
    let problems: Vec<&str> = of(&status, "mallory").iter().filter_map(|store| store["problem"].as_str()).collect();
    assert_eq!(problems, ["reading as `mallory` gave more than 1 MiB"]);

    people.write("mallory", ".config/containers/auth.json", &logins(&[("x.example.org", "m")]));
    let (status, code) = people.status(&["x.example.org", "--user", "mallory", "--user", "alice", "--check"]);
    assert_eq!(code, 2, "a pipe is no store");
    let stores = of(&status, "mallory");
    let checked = stores.iter().find_map(|store| store["entries"].get(0)).expect("an entry");
    let said = checked["check"].as_str().expect("an answer");
    assert!(checked["alive"].is_null() && said.contains("ca.crt") && said.contains("cannot be read"), "{status:#}");
}

#[test]
fn a_dead_login_that_several_have_is_sent_once() {
    let people = People::new();
    let registry = people.host.name();
    for name in ["alice", "mallory"] {
        people.write(name, ".docker/config.json", &logins(&[(&registry, "dead")]));
    }
    let (status, code) = people.status(&["--all-users", "--check"]);
    assert_eq!(code, 1, "{status:#}");
    for name in ["alice", "mallory"] {
        assert_eq!(of(&status, name)[0]["entries"][0]["alive"], false, "{status:#}");
    }
    let sent = people.host.registry.requests().iter().filter(|request| super::user(request).is_some()).count();
    assert_eq!(sent, 1);
}

#[test]
fn reading_for_somebody_takes_root() {
    let people = People::new();
    people.write("mallory", ".docker/config.json", &logins(&[("ghcr.io", "mallorys")]));
    let copy = people.homes.path().join("pullpass");
    fs::copy(program(), &copy).expect("a copy that everybody can run");
    let as_alice = |words: &[&str]| {
        let mut command = people.root.command("setpriv");
        command.args([
            "--reuid",
            &ALICE.to_string(),
            "--regid",
            &ALICE.to_string(),
            "--clear-groups",
            "--reset-env",
            "--",
        ]);
        run(command.arg(&copy).arg("status").args(words))
    };
    let ran = as_alice(&["--user", "mallory"]);
    assert!(ran.code == 2 && ran.stderr.contains("takes root"), "{ran}");
    assert_eq!(as_alice(&["--all-users"]).code, 2);
    assert_eq!(as_alice(&["--user", "alice"]).code, 0, "one's own needs no root");
    // As this program calls itself.
    let mut command = people.root.command("setpriv");
    command.args(["--reuid", &ALICE.to_string(), "--regid", &ALICE.to_string(), "--clear-groups", "--reset-env", "--"]);
    command.arg(&copy).args(["status", "--handover"]);
    let identity = format!(
        r#"{{"identity":{{"uid":{MALLORY},"gid":{MALLORY},"groups":[]}},"key":[{}],"refused":[]}}"#,
        ["0"; 32].join(",")
    );
    let ran = pullpass_testing::run::run_with_input(&mut command, &identity);
    assert!(ran.code == 3 && ran.stdout.is_empty(), "{ran}");
}
