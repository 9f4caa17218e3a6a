//! `pullpass fleet rotate` while every host pulls all the time.

mod kill;
mod run;

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use pullpass_testing::canary::{Canary, Sightings, Watch};

use super::*;

/// How long hosts may take to pull.
const LIMIT: Duration = Duration::from_secs(60);

/// A file of variables that is encrypted as a whole.
const WHOLE: &str = "group_vars/all/vault.yml";

impl Fleet {
    /// The token once more, in a file that is encrypted as a whole, and the program and the token on every host.
    fn deploy(&self) {
        let file =
            self.controller().write(WHOLE, format!("vault_ghcr_pat: {}\nvault_other: unrelated\n", self.token()));
        run(self.command(ansible_path("ansible-vault")).arg("encrypt").arg(file)).expect_success();
        let ran = run(self.pullpass().args(["fleet", "login", "-i", "inventory.yml", "--install"]));
        assert_eq!((ran.code, counted(&ran)), (0, self.logins()), "{ran}");
        self.check();
    }

    /// Everybody has the token of the inventory, and it opens the image.
    fn check(&self) {
        let ran = run(self.pullpass().args(["fleet", "check", "-i", "inventory.yml"]));
        assert_eq!((ran.code, counted(&ran)), (0, self.logins()), "{ran}");
    }

    /// How many logins there are to be.
    fn logins(&self) -> usize {
        self.hosts().iter().map(|host| pulls::logins(host).len()).sum()
    }

    /// The tokens of all files of the inventory.
    fn inventory_tokens(&self) -> BTreeSet<String> {
        let key = ["--key", "all.vars.iaas_console.ghcr_pat", "--reveal", "--json"];
        let shown = run(self.pullpass().args(["inventory", "show", "inventory.yml"]).args(key)).expect_success();
        let shown: Value = serde_json::from_str(&shown).expect("JSON");
        let inline = shown["secrets"][0]["secret"].as_str().expect("the token in the inventory").to_owned();
        let whole = run(self.command(ansible_path("ansible-vault")).args(["view", WHOLE])).expect_success();
        let whole =
            whole.lines().find_map(|line| line.strip_prefix("vault_ghcr_pat: ")).expect("the token in the file");
        assert!(whole.len() > 20 && inline.len() > 20);
        BTreeSet::from([inline, whole.to_owned()])
    }

    /// Whether the registry says that a token lives, and not that it is refused.
    fn is_alive(&self, token: &str) -> bool {
        let mut curl = self.controller().command("curl");
        curl.args(["-sS", "-o", "/dev/null", "-w", "%{http_code}", "-K", "-", "--cacert"]);
        curl.arg(format!("/etc/containers/certs.d/{}/ca.crt", self.registry().name())).arg(self.registry().token_url());
        let input = format!("user = \"{}:{token}\"\n", self.registry().user());
        match (run_with_input(&mut curl, &input).expect_success().as_str(), self.registry()) {
            ("200", _) => true,
            ("403", Registry::Ghcr(_)) | ("401", Registry::Ours { .. }) => false,
            (status, _) => panic!("the registry says {status}"),
        }
    }

    /// Waits until everybody on every host has pulled again, and ends the loops, in which no pull may have failed.
    fn expect_pulls(&self, pulls: Pulls) {
        let before = pulls.succeeded();
        // One may have been under way.
        let enough = |(now, before): (&usize, &usize)| *now > before + 2;
        let begun = Instant::now();
        while !pulls.succeeded().iter().zip(&before).all(enough) {
            assert!(begun.elapsed() < LIMIT, "{before:?} pulls, then {:?}", pulls.succeeded());
            thread::sleep(Duration::from_millis(100));
        }
        let succeeded = pulls.succeeded();
        let failures: Vec<String> = pulls.stop().iter().map(ToString::to_string).collect();
        assert!(failures.is_empty(), "{} of {succeeded:?} pulls failed: {failures:#?}", failures.len());
    }

    /// The new token is everywhere where the old one was, and nowhere else.
    fn expect_rotated(&self, old: &str, new: &str) {
        assert_eq!((self.is_alive(old), self.is_alive(new)), (false, true));
        assert_eq!(self.inventory_tokens(), BTreeSet::from([new.to_owned()]));
        let found = self.find(old);
        assert!(found.stores.is_empty() && found.elsewhere.is_empty(), "{:?} {:?}", found.stores, found.elsewhere);
        let found = self.find(new);
        assert_eq!(found.stores.len(), self.hosts().len());
        assert!(found.elsewhere.is_empty(), "{:?}", found.elsewhere);
        self.check();
    }

    /// Looks at every process of the fleet for tokens.
    fn watch(&self, tokens: [&str; 2]) -> [Watch; 2] {
        tokens.map(|token| Canary::new(token).watch(self.mark()))
    }
}

/// How many rows of a table are `ok`.
fn counted(ran: &Ran) -> usize {
    let is_ok = |line: &&str| line.starts_with("host-") && line.split_whitespace().any(|cell| cell == "ok");
    ran.stdout.lines().filter(is_ok).count()
}

fn expect_nothing_seen(watches: [Watch; 2]) {
    for Sightings { samples, arguments, environments } in watches.map(Watch::stop) {
        assert!(samples > 0 && arguments.is_empty() && environments.is_empty(), "{arguments:?} {environments:?}");
    }
}

/// What a token is shown as.
fn fingerprint(token: &str) -> String {
    format!("{}…{}", &token[..4], &token[token.len() - 4..])
}

/// The summary of a rotation that is done tells everything that a change ticket wants.
fn expect_summary(fleet: &Fleet, ran: &Ran, old: &str, new: &str) {
    let hosts = fleet.hosts().iter().map(|host| host.name.clone());
    let said = [" is done", "inventory.yml", WHOLE].map(str::to_owned).into_iter().chain([old, new].map(fingerprint));
    let (_, summary) = ran.stdout.split_once("\nrotation ").unwrap_or_else(|| panic!("there is no summary: {ran}"));
    for word in hosts.chain(said) {
        assert!(summary.contains(&word), "the summary lacks `{word}`: {ran}");
    }
}

#[test]
fn six_hosts_get_a_new_token_with_no_failed_pull_although_one_was_away() {
    let fleet = Fleet::new(Registry::ghcr(), 6);
    fleet.deploy();
    let (old, new) = (fleet.token().to_owned(), fleet.registry().token());
    let pulls = fleet.pulls();

    let away = &fleet.hosts()[3];
    away.stop();
    let watches = fleet.watch([&old, &new]);
    let words = ["-i", "inventory.yml", "--password-stdin", "--yes", "--batch", "2", "--verbose", "--", "-vvv"];
    let ran = fleet.rotate(&words, &new);
    expect_nothing_seen(watches);
    assert_eq!(ran.code, 1, "{ran}");
    for said in ["without the new token: host-4\n", "host-4: unreachable: ", "the old token is not revoked"] {
        assert!(ran.stdout.contains(said), "{said}: {ran}");
    }
    assert!(fleet.is_alive(&old) && fleet.is_alive(&new));

    away.start();
    let ran = fleet.rotate(&["--resume", "--yes"], "");
    assert_eq!(ran.code, 0, "{ran}");
    fleet.expect_pulls(pulls);
    expect_summary(&fleet, &ran, &old, &new);
    fleet.expect_rotated(&old, &new);
}

#[test]
fn our_server_makes_the_new_token_itself_and_hosts_may_come_and_go_meanwhile() {
    let fleet = Fleet::new(Registry::ours(), 6);
    let Registry::Ours { server, .. } = fleet.registry() else { unreachable!("it is ours") };
    let data = server.data().display().to_string();
    fleet.deploy();
    let old = fleet.token().to_owned();
    let pulls = fleet.pulls();

    let mut rotating = fleet.rotating(&["-i", "inventory.yml", "--at-server", &data, "--yes", "--batch", "2"], "");
    let (back_soon, away) = (&fleet.hosts()[1], &fleet.hosts()[5]);
    rotating.until(|journal| journal["step"] == "canary");
    back_soon.stop();
    away.stop();
    rotating.until(|journal| journal["events"].to_string().contains("host-2 could not be reached"));
    back_soon.start();
    let ran = rotating.end();
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stdout.contains("without the new token: host-6\n"), "the other one was asked again: {ran}");
    assert!(fleet.is_alive(&old));

    away.start();
    let ran = fleet.rotate(&["--resume", "--yes"], "");
    assert_eq!(ran.code, 0, "{ran}");
    fleet.expect_pulls(pulls);
    let new = fleet.inventory_tokens().pop_first().expect("a token");
    expect_summary(&fleet, &ran, &old, &new);
    fleet.expect_rotated(&old, &new);
}
