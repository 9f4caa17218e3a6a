//! The role `registry_login` on six hosts, as an operator applies it.

use pullpass_testing::canary::{Canary, Sightings};
use serde_json::json;

use super::hunt::STORES;
use super::*;

/// What the users have of another registry.
const OTHER: &str = r#"{"auths": {"quay.io": {"auth": "YTpi"}}}"#;

impl Fleet {
    /// Applies the role, and hunts for the token in what Ansible says and in every process.
    fn role(&self, words: &[&str]) -> Ran {
        let role = json!([{
            "hosts": "all", "gather_facts": false, "become": true,
            "roles": ["pullpass.registry.registry_login"],
            "vars": { "registry_login_binary_src": program() },
        }]);
        let canary = Canary::new(self.token());
        let watch = canary.watch(self.mark());
        let ran = self.play(&role, words);
        let Sightings { samples, arguments, environments } = watch.stop();
        assert!(samples > 0 && arguments.is_empty() && environments.is_empty(), "{arguments:?} {environments:?}");
        assert!(canary.spellings_in(ran.said().as_bytes()).is_empty(), "the token is in what Ansible printed");
        ran
    }

    /// Hunts for the token in every file that the controller and the hosts have written, beside the stores.
    fn hunt(&self) {
        let found = self.find(self.token());
        let without = self.hosts().iter().find(|host| !found.stores.contains(&host.name));
        assert!(without.is_none(), "the hunt finds what is there");
        assert!(found.elsewhere.is_empty(), "{:?}", found.elsewhere);
    }

    /// Each pulls on each host, which does not have the image.
    fn all_pull(&self) {
        let image = self.registry().image();
        for host in self.hosts() {
            for (user, engine) in pulls::logins(host) {
                run(host.command_as(user, engine).args(["rmi", image]));
                pulls::pull(host, (user, engine), image).expect_success();
            }
        }
    }
}

/// How many tasks changed something and how many failed on each host, as Ansible counts them, and how many hosts were not reached.
fn recap(ran: &Ran) -> Vec<(usize, usize, usize)> {
    let count = |line: &str, name: &str| {
        let (_, rest) = line.split_once(name)?;
        rest.split_whitespace().next()?.parse().ok()
    };
    let of = |line: &str| Some((count(line, " changed=")?, count(line, " failed=")?, count(line, " unreachable=")?));
    ran.stdout.lines().filter_map(of).collect()
}

#[test]
fn six_hosts_are_logged_in_over_ssh_once_and_for_all_until_the_token_is_revoked() {
    let fleet = Fleet::new(Registry::ghcr(), 6);
    for host in fleet.hosts() {
        for (user, store) in STORES {
            let script = r#"umask 077 && mkdir -p "${1%/*}" && printf '%s' "$2" > "$1""#;
            run(host.command_as(user, "sh").args(["-c", script, "other", &format!("/{store}"), OTHER]))
                .expect_success();
        }
    }

    let first = fleet.role(&["-vvv"]);
    assert_eq!((first.code, recap(&first)), (0, vec![(2, 0, 0); 6]), "the program, and the logins: {first}");
    let second = fleet.role(&[]);
    assert_eq!((second.code, recap(&second)), (0, vec![(0, 0, 0); 6]), "{second}");
    fleet.all_pull();

    fleet.hunt();
    fleet.hosts().iter().for_each(|host| host.reboot());
    fleet.all_pull();
    let third = fleet.role(&[]);
    assert_eq!((third.code, recap(&third)), (0, vec![(0, 0, 0); 6]), "{third}");
    for host in fleet.hosts() {
        for (_, store) in STORES {
            let text = fs::read_to_string(host.layer.join(store)).expect("a store");
            assert!(text.contains(r#""quay.io": {"auth": "YTpi"}"#), "{}: another login is lost", host.name);
        }
    }

    let Registry::Ghcr(site) = fleet.registry() else { unreachable!("it is ghcr.io") };
    site.ghcr().revoke(fleet.token());
    let ran = fleet.role(&[]);
    assert_eq!((ran.code, recap(&ran)), (2, vec![(0, 1, 0); 6]), "{ran}");
    for host in fleet.hosts() {
        let begin = format!("failed: [{}]", host.name);
        let failed: Vec<_> = ran.stdout.lines().filter(|line| line.starts_with(&begin)).collect();
        assert!(!failed.is_empty(), "{ran}");
        assert!(failed.iter().all(|line| line.contains("doctor: the stored token is dead")), "{ran}");
    }
    fleet.hunt();
}
