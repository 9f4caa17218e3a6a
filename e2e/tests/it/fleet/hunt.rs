//! Where a token is: on the controller, and on every host.

use std::collections::BTreeSet;

use pullpass_testing::canary::Canary;
use pullpass_testing::host::DEPLOYER;

use super::Fleet;

/// Where the users keep their logins.
pub(super) const STORES: [(&str, &str); 2] =
    [("root", "root/.docker/config.json"), (DEPLOYER, "home/deploy/.config/containers/auth.json")];

/// What a hunt has found.
pub(super) struct Found {
    /// Hosts with the token in a store.
    pub(super) stores: BTreeSet<String>,
    /// Every other file that has it, with the host: what the controller and the hosts have written themselves.
    pub(super) elsewhere: Vec<String>,
}

impl Fleet {
    /// Hunts for a token in every file. Nobody may write meanwhile.
    pub(super) fn find(&self, token: &str) -> Found {
        let canary = Canary::new(token);
        assert!(self.controller().path().join("ansible.log").is_file(), "Ansible keeps a log");
        let mut elsewhere = canary.files_below(self.controller().path().parent().expect("the directory of the home"));
        let mut stores = BTreeSet::new();
        for host in self.hosts() {
            let is_store = |file: &String| STORES.iter().any(|(_, store)| file.starts_with(&format!("{store}: ")));
            let (in_stores, mut written) = canary.files_below(&host.layer).into_iter().partition::<Vec<_>, _>(is_store);
            if !in_stores.is_empty() {
                stores.insert(host.name.clone());
            }
            written.extend(["/run", "/tmp", "/dev/shm"].iter().flat_map(|dir| canary.files_below(&host.path(dir))));
            elsewhere.extend(written.iter().map(|file| format!("{}: {file}", host.name)));
        }
        Found { stores, elsewhere }
    }
}
