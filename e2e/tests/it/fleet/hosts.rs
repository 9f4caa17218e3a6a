//! The fleet by itself: what a host keeps, what it loses, and that nothing of it stays on this machine.

use std::path::Path;

use pullpass_testing::host::{DEPLOYER, OPERATOR};
use pullpass_testing::namespace::processes_in;
use pullpass_testing::run::{run, run_with_input};

use super::pulls::Failure;
use super::*;

#[test]
fn a_reboot_empties_run_and_keeps_the_disk_and_nothing_stays_behind() {
    let fleet = Fleet::new(Registry::ours(), 2);
    let network = fleet.registry().network().network();
    let (first, second) = (&fleet.hosts()[0], &fleet.hosts()[1]);
    let sh = |host: &Host, user: &str, script: &str| run(host.command_as(user, "sh").args(["-c", script]));
    assert_eq!(
        sh(first, "root", "cat /proc/sys/kernel/hostname; ls -A /root /srv /opt").expect_success().lines().next(),
        Some("host-1")
    );
    assert_eq!(
        sh(first, "root", "ls -A /root /home /tmp /var/tmp").expect_success(),
        "/home:\ndeploy\nops\n\n/root:\n\n/tmp:\n\n/var/tmp:\n"
    );
    let both = "echo 1 > ~/kept; echo 1 > /tmp/lost; echo 1 > $XDG_RUNTIME_DIR/lost; ls ~ /tmp $XDG_RUNTIME_DIR";
    sh(first, DEPLOYER, both).expect_success();
    assert_ne!(sh(first, DEPLOYER, "echo 1 > /run/mine").code, 0, "root's");

    for (user, program) in [(OPERATOR, "id -un"), ("root", "sudo id -un"), (DEPLOYER, "sudo -u deploy id -un")] {
        let ran = fleet.shell(program);
        assert_eq!(ran.stdout.matches(&format!("(stdout) {user}")).count(), 2, "{ran}");
    }
    second.stop();
    let ran = fleet.shell("true");
    assert!(ran.code == 4 && ran.stdout.contains("host-2 | UNREACHABLE!"), "{ran}");
    second.start();
    fleet.shell("true").expect_success();
    first.reboot();
    let left = sh(first, DEPLOYER, "ls ~ /tmp $XDG_RUNTIME_DIR").expect_success();
    assert_eq!(left, "/home/deploy:\nkept\n\n/run/user/47001:\n\n/tmp:\n");

    drop(fleet);
    assert_eq!(processes_in(&network), 0, "no process is left in the network");
    assert!(!Path::new("/home/deploy/kept").exists());
}

#[test]
fn every_pull_asks_the_registry_and_a_failed_one_is_told() {
    let fleet = Fleet::new(Registry::ghcr(), 1);
    let Registry::Ghcr(site) = fleet.registry() else { unreachable!("it is ghcr.io") };
    for (user, engine) in pulls::logins(&fleet.hosts()[0]) {
        let mut login = fleet.hosts()[0].command_as(user, engine);
        login.args(["login", "-u", "octocat", "--password-stdin", "ghcr.io"]);
        run_with_input(&mut login, fleet.token()).expect_success();
    }
    let asked = |path: &str| site.ghcr().registry.log().iter().filter(|line| line.contains(path)).count();
    let before = (asked("/token"), asked("/manifests/"));
    let pulls = fleet.pulls();
    while pulls.succeeded()[0] < 6 {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let succeeded = pulls.succeeded()[0];
    let after = (asked("/token"), asked("/manifests/"));
    assert!(after.0 - before.0 >= succeeded && after.1 - before.1 >= succeeded, "{before:?} {after:?} {succeeded}");
    site.ghcr().revoke(fleet.token());
    std::thread::sleep(std::time::Duration::from_secs(4));
    let failures = pulls.stop();
    for (who, said) in [("deploy@host-1", "403 (Forbidden)"), ("root@host-1", "denied: denied")] {
        let is_it = |failure: &Failure| failure.who == who && failure.ran.said().contains(said);
        let told: Vec<String> = failures.iter().map(Failure::to_string).collect();
        assert!(failures.iter().any(is_it), "{who}: {told:#?}");
    }
}
