//! The engines by themselves: each works here, keeps to storage of its own, and leaves nothing running or mounted.

use std::fs;
use std::path::Path;

use pullpass_testing::engines::docker::{self, Engine};
use pullpass_testing::engines::podman::Podman;
use pullpass_testing::home::Home;
use pullpass_testing::run::run;

use crate::sample;

#[test]
fn every_docker_client_speaks_to_a_daemon_of_its_own() {
    for client in docker::clients() {
        let (home, engine) = (Home::new(), Engine::start());
        let layer = sample::layer_file(&home).display().to_string();
        let docker = |words: &[&str]| run(engine.command(&client, &home).args(words)).expect_success();
        docker(&["import", &layer, "example.test/team/hello:1"]);
        assert_eq!(docker(&["images", "--format", "{{.Repository}}:{{.Tag}}"]), "example.test/team/hello:1\n");
    }
}

#[test]
fn a_daemon_ends_with_its_containerd_its_mounts_and_its_files() {
    let engine = Engine::start();
    let socket = engine.host().trim_start_matches("unix://").to_owned();
    let dir = Path::new(&socket).parent().expect("a directory").to_owned();
    assert!(traces_of(&dir).len() >= 3, "dockerd, containerd and a mount while it runs: {:?}", traces_of(&dir));
    drop(engine);
    assert_eq!(traces_of(&dir), [""; 0]);
    assert!(!dir.exists());
}

#[test]
fn podman_and_skopeo_keep_to_the_storage_of_their_home() {
    let home = Home::new();
    let podman = Podman::new(&home);
    let layout = home.side_dir("layout");
    sample::oci_layout(&layout);
    let from = format!("oci:{}", layout.display());
    run(podman.skopeo().args(["copy", &from, "containers-storage:example.test/team/hello:1"])).expect_success();
    assert_eq!(podman.images(), ["example.test/team/hello:1"]);

    let other = Home::new();
    assert_eq!(Podman::new(&other).images(), [""; 0]);
}

/// The command lines of processes and the mounts that name `dir`.
fn traces_of(dir: &Path) -> Vec<String> {
    let dir = dir.display().to_string();
    let mounts = fs::read_to_string("/proc/mounts").expect("the mounts");
    let mut found: Vec<String> = mounts.lines().map(str::to_owned).collect();
    for process in fs::read_dir("/proc").expect("the processes").flatten() {
        // Processes end while they are listed.
        if let Ok(words) = fs::read(process.path().join("cmdline")) {
            found.push(String::from_utf8_lossy(&words).replace('\0', " "));
        }
    }
    found.retain(|line| line.contains(&dir));
    found
}
