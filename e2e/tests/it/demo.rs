//! `pullpass demo`: with and without engines, when an engine misbehaves, and when a person presses Ctrl-C.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use pullpass_testing::engines::docker::{self, Engine};
use pullpass_testing::engines::find;
use pullpass_testing::home::{Entry, Home, SEARCH_PATH, listing};
use pullpass_testing::run::{Ran, Signal, exit_code, run, signal_group, wait};
use serde_json::Value;

use crate::program::pullpass;

/// The guide whose every heading has to happen.
const GUIDE: &str = include_str!("../../fixtures/guide.md");

/// A home as a person has it.
fn lived_in() -> Home {
    let home = Home::new();
    let login = r#"{"auths":{"ghcr.io":{"auth":"b2N0b2NhdDpzZWNyZXQ="}},"credsStore":"none-such"}"#;
    home.write(".docker/config.json", login);
    home.write(".config/containers/auth.json", r#"{"auths":{}}"#);
    home.write("inventory.yml", "all: {}\n");
    fs::create_dir(home.runtime_dir().join("containers")).expect("a directory");
    fs::write(home.runtime_dir().join("containers/auth.json"), "{}").expect("a file");
    home
}

/// `pullpass demo` where the only programs are those in `home`'s `bin`, which is empty at first.
fn demo(home: &Home) -> Command {
    let mut command = pullpass(home);
    command.arg("demo").env("PATH", home.side_dir("bin"));
    command
}

/// `pullpass demo` with a real Docker, whose client is `client`, and a real Podman.
fn demo_with_engines(home: &Home, client: &Path, engine: &Engine) -> Command {
    let bin = home.side_dir("bin");
    symlink(client, bin.join("docker")).expect("a link to docker");
    symlink(find("podman"), bin.join("podman")).expect("a link to podman");
    let mut command = demo(home);
    command.env("PATH", format!("{}:{SEARCH_PATH}", bin.display())).env("DOCKER_HOST", engine.host());
    command
}

/// Everything that a demonstration must leave as it was: the person's files, and where root's podman would put its own.
fn surroundings(home: &Home) -> Vec<BTreeMap<PathBuf, Entry>> {
    let mut found: Vec<_> = [home.path(), home.runtime_dir(), home.temp_dir()].iter().map(|dir| listing(dir)).collect();
    for shared in ["/run/libpod", "/run/containers", "/var/lib/containers/storage"] {
        let exists = Path::new(shared).exists();
        found.push(if exists { listing(Path::new(shared)) } else { BTreeMap::new() });
    }
    found
}

/// Processes whose environment names `home` or something beside it, as TMPDIR does.
fn processes_of(home: &Home) -> Vec<String> {
    let mark = home.path().parent().expect("a directory above HOME").display().to_string();
    let mut found = Vec::new();
    for process in fs::read_dir("/proc").expect("the processes").flatten() {
        // Processes end while they are listed.
        let Ok(environment) = fs::read(process.path().join("environ")) else { continue };
        if String::from_utf8_lossy(&environment).contains(&mark) {
            found.push(fs::read_to_string(process.path().join("cmdline")).unwrap_or_default().replace('\0', " "));
        }
    }
    found
}

fn steps(ran: &Ran) -> Vec<Value> {
    let output: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran}"));
    output["steps"].as_array().expect("`steps` is a list").clone()
}

/// The headings of the guide; `#` inside a code block is a comment of a shell.
fn headings() -> BTreeSet<String> {
    let mut in_code = false;
    let mut found = BTreeSet::new();
    for line in GUIDE.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code && line.starts_with('#') {
            found.insert(line.trim_start_matches('#').trim().to_owned());
        }
    }
    found
}

/// The demonstration held, whole, and left nothing.
#[track_caller]
fn assert_it_holds(home: &Home, mut command: Command) -> Vec<Value> {
    let before = surroundings(home);
    let ran = run(command.arg("--json"));
    assert_eq!(ran.code, 0, "{ran}");
    let steps = steps(&ran);
    for step in &steps {
        assert_eq!(step["ok"], true, "{step}");
        for field in ["heading", "command", "detail"] {
            assert!(step[field].as_str().is_some_and(|text| !text.is_empty()), "{step}");
        }
    }
    let seen: BTreeSet<String> = steps.iter().filter_map(|step| step["heading"].as_str()).map(str::to_owned).collect();
    assert_eq!(headings().difference(&seen).collect::<Vec<_>>(), [""; 0], "every heading of the guide happens");
    assert_eq!(surroundings(home), before, "nothing is touched and nothing is left");
    assert_eq!(processes_of(home), [""; 0]);
    steps
}

#[test]
fn the_guide_has_the_headings_that_the_demonstration_is_held_against() {
    assert_eq!(headings().len(), 15, "{:?}", headings());
}

#[test]
fn without_engines_pullpass_pulls_and_says_so() {
    let home = lived_in();
    let steps = assert_it_holds(&home, demo(&home));
    let told = |name: &str| steps.iter().any(|step| step["detail"].as_str().is_some_and(|text| text.contains(name)));
    assert!(told("docker is not installed") && told("podman is not installed"), "{steps:?}");
}

#[test]
fn real_docker_and_podman_pull_and_keep_nothing() {
    for client in docker::clients() {
        let (home, engine) = (lived_in(), Engine::start());
        let steps = assert_it_holds(&home, demo_with_engines(&home, &client, &engine));
        for pull in ["docker pull ", "podman pull "] {
            let pulled = steps.iter().any(|step| step["command"].as_str().is_some_and(|text| text.starts_with(pull)));
            assert!(pulled, "{pull}: {steps:?}");
        }
        let details: Vec<&str> = steps.iter().filter_map(|step| step["detail"].as_str()).collect();
        assert!(!details.iter().any(|text| text.contains("own client fetched")), "the engines pull: {details:?}");
        let images = run(engine.command(&client, &home).args(["images", "--quiet", "--all"])).expect_success();
        assert_eq!(images, "", "the pulled image is removed");
    }
}

#[test]
fn a_docker_whose_pull_fails_makes_that_step_and_the_whole_fail() {
    let home = lived_in();
    let fake = home.side_dir("bin").join("docker");
    fs::write(
        &fake,
        "#!/bin/sh\ncase $1 in\nversion) echo 99.0 ;;\npull) echo 'no space left on device' >&2; exit 1 ;;\nesac\n",
    )
    .expect("a script");
    fs::set_permissions(&fake, fs::Permissions::from_mode(0o755)).expect("own file");
    let before = surroundings(&home);
    let ran = run(demo(&home).arg("--json"));
    assert_eq!(ran.code, 1, "{ran}");
    let failed: Vec<Value> = steps(&ran).into_iter().filter(|step| step["ok"] == false).collect();
    let is_the_pull = |step: &Value| {
        let text = |field: &str| step[field].as_str().unwrap_or_default().to_owned();
        text("command").starts_with("docker pull ") && text("detail").contains("no space left on device")
    };
    assert!(failed.iter().any(is_the_pull), "{failed:?}");
    assert_eq!(surroundings(&home), before);
}

#[test]
fn ctrl_c_leaves_nothing_behind_at_any_moment() {
    for heading in ["Prerequisites", "Add to your inventory.yml", "Verifying Authentication", "Troubleshooting"] {
        let home = lived_in();
        let command = demo(&home);
        assert_interrupted_after(&home, command, heading);
    }
}

#[test]
fn ctrl_c_while_engines_pull_leaves_nothing_behind() {
    let client = docker::clients().remove(0);
    for heading in ["Docker/Podman Direct Login", "Verifying Authentication"] {
        let (home, engine) = (lived_in(), Engine::start());
        let command = demo_with_engines(&home, &client, &engine);
        assert_interrupted_after(&home, command, heading);
        let images = run(engine.command(&client, &home).args(["images", "--quiet", "--all"])).expect_success();
        assert_eq!(images, "");
    }
}

/// Presses Ctrl-C as soon as `heading` has been printed.
fn assert_interrupted_after(home: &Home, mut command: Command, heading: &str) {
    let before = surroundings(home);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().expect("pullpass starts");
    let mut stdout = BufReader::new(child.stdout.take().expect("a piped standard output")).lines();
    assert!(stdout.by_ref().map_while(Result::ok).any(|line| line.trim() == heading), "`{heading}` is printed");
    signal_group(&child, Signal::INT);
    let status = wait(&mut child, Duration::from_secs(20)).expect("it ends within 20 seconds");
    let mut said = String::new();
    drop(child.stderr.take().expect("a piped standard error").read_to_string(&mut said));
    assert_eq!(exit_code(status), 130, "after `{heading}`: {said}");
    assert_eq!(surroundings(home), before, "after `{heading}`");
    assert_eq!(processes_of(home), [""; 0], "after `{heading}`");
}
