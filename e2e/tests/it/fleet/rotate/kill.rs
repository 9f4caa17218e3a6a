//! `kill -9` of pullpass at every step of a rotation; then it is finished or taken back.

use std::env;
use std::time::SystemTime;

use serde_json::json;

use super::*;
use crate::random::Random;

/// As the journal has them, in their order.
const STEPS: [&str; 8] = ["new", "canary", "files", "hosts", "gate", "overlap", "revoke", "proof"];

/// How long Ansible may go on without its pullpass.
const ALONE: Duration = Duration::from_secs(10);

/// What is done about a rotation that was killed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Resume,
    Rollback,
}

/// A fleet through all of its rotations.
struct Killed {
    fleet: Fleet,
    random: Random,
    /// What every host and file has.
    token: String,
    /// All that nobody has any more.
    gone: Vec<String>,
    /// How many tokens live at the server all the time, but within a rotation.
    alive: usize,
}

impl Killed {
    fn new(registry: Registry, hosts: u8, random: Random) -> Killed {
        let fleet = Fleet::new(registry, hosts);
        fleet.deploy();
        let token = fleet.token().to_owned();
        let killed = Killed { fleet, random, token, gone: Vec::new(), alive: 0 };
        Killed { alive: killed.alive(), ..killed }
    }

    /// Rotates, kills that in a step, and finishes it in one way. Says what happened.
    fn kill(&mut self, step: &str, way: Way) -> String {
        let fleet = &self.fleet;
        // At once, or somewhere in the step: Ansible takes seconds.
        let longest = if ["canary", "hosts", "gate"].contains(&step) { 4000 } else { 200 };
        let pause = Duration::from_millis(match self.random.below(3) {
            0 => 0,
            1 => self.random.below(longest / 10),
            _ => self.random.below(longest),
        });
        let (source, new) = self.source();
        let words = |more: &[&'static str]| {
            let words = [more, &["--yes", "--batch", "2"]].concat().into_iter().map(str::to_owned);
            words.chain(source.clone()).collect::<Vec<_>>()
        };
        let pulls = fleet.pulls();
        let mut rotating = fleet.rotating(&words(&["-i", "inventory.yml"]), &new);
        // Some are over at once.
        let place = |step: &Value| STEPS.iter().position(|name| step == name);
        let step_place = place(&json!(step));
        rotating.until(|journal| journal["state"] == "begun" && place(&journal["step"]) >= step_place);
        thread::sleep(pause);
        let killed = rotating.kill();
        let at = fleet.journal().expect("a journal");
        let case = format!("killed {pause:?} after it came to `{step}`, at {}, {way:?}", at["step"]);
        assert!(at["state"] == "done" || place(&at["step"]) >= step_place, "{case}: it never came there: {killed}");
        self.expect_ansible_to_end(&case);

        let mut token = None;
        if at["state"] == "begun" && way == Way::Rollback {
            let ran = fleet.rotate(&["--rollback"], "");
            match ran.code {
                0 => token = Some(self.token.clone()),
                _ => assert!(!fleet.is_alive(&self.token), "{case}: {ran}"),
            }
        }
        if at["state"] == "begun" && token.is_none() {
            let ran = fleet.rotate(&words(&["--resume"]), &new);
            assert_eq!(ran.code, 0, "{case}: {ran}");
        }
        if at["state"] == "done" {
            // Killed at its very end, it may have left what whoever comes next clears away.
            let ran = fleet.rotate(&["--resume"], "");
            assert!(ran.code == 1 && ran.stdout.contains("no rotation has begun"), "{case}: {ran}");
        }
        fleet.expect_pulls(pulls);
        let state = if token.is_some() { "returned" } else { "done" };
        let is_known = !new.is_empty();
        let found = || fleet.inventory_tokens().pop_first().expect("a token");
        let token = token.unwrap_or_else(|| if is_known { new.clone() } else { found() });
        assert_eq!(token == self.token, state == "returned", "{case}");
        self.expect_everywhere(&token, state, &case);
        if token != self.token {
            self.gone.push(std::mem::replace(&mut self.token, token));
        } else if is_known {
            self.gone.push(new);
        }
        format!("{case}: {state}")
    }

    /// Where the new token comes from, and which it is, if that is known.
    fn source(&self) -> (Vec<String>, String) {
        match self.fleet.registry() {
            Registry::Ghcr(_) => (vec!["--password-stdin".to_owned()], self.fleet.registry().token()),
            Registry::Ours { server, .. } => {
                (vec!["--at-server".to_owned(), server.data().display().to_string()], String::new())
            }
        }
    }

    /// How many tokens live at a server of ours, which makes them itself.
    fn alive(&self) -> usize {
        let Registry::Ours { server, .. } = self.fleet.registry() else { return 0 };
        let tokens: Value = serde_json::from_str(&server.administer(&["token", "list", "--json"])).expect("JSON");
        tokens["tokens"].as_array().expect("a list").iter().filter(|token| token["revoked"].is_null()).count()
    }

    /// Ansible must not go on beside the run that comes next.
    fn expect_ansible_to_end(&self, case: &str) {
        let mark = self.fleet.mark().as_os_str().as_encoded_bytes().to_owned();
        let begun = Instant::now();
        loop {
            let processes = fs::read_dir("/proc").expect("the processes").flatten();
            // They end while they are listed.
            let of = |process: &fs::DirEntry, file| fs::read(process.path().join(file)).unwrap_or_default();
            let has = |text: &[u8], part: &[u8]| text.windows(part.len()).any(|window| window == part);
            let is_ansible =
                |one: &fs::DirEntry| has(&of(one, "environ"), &mark) && has(&of(one, "cmdline"), b"ansible-playbook");
            let alive: Vec<_> = processes.filter(is_ansible).collect();
            if alive.is_empty() {
                return;
            }
            let shown = || -> Vec<String> {
                alive.iter().map(|one| String::from_utf8_lossy(&of(one, "cmdline")).replace('\0', " ")).collect()
            };
            assert!(begun.elapsed() < ALONE, "{case}: Ansible goes on by itself: {:?}", shown());
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Every file and every login has this token, it lives, and the rotation has come to its end.
    fn expect_everywhere(&self, token: &str, state: &str, case: &str) {
        let fleet = &self.fleet;
        let journal = fleet.journal().expect("a journal");
        assert!(journal["state"] == state && journal["step"].is_null(), "{case}: {journal:#}");
        assert_eq!(fleet.inventory_tokens(), BTreeSet::from([token.to_owned()]), "{case}");
        assert!(fleet.is_alive(token), "{case}");
        assert_eq!(fleet.is_alive(&self.token), self.token == token, "{case}: the old token");
        let canary = Canary::new(token);
        for host in fleet.hosts() {
            for (user, _) in pulls::logins(host) {
                let (_, store) = hunt::STORES.iter().find(|(whose, _)| whose == user).expect("everybody has a store");
                let text = fs::read(host.layer.join(store)).expect("a store");
                assert!(!canary.spellings_in(&text).is_empty(), "{case}: {user} of {} has another one", host.name);
            }
        }
        let kept = home_files(&fleet.controller().path().join(".local/state/pullpass/rotations"));
        assert!(kept.iter().all(|name| !name.ends_with(".vault")), "{case}: a token is kept: {kept:?}");
        assert_eq!(self.alive(), self.alive, "{case}: the server has a token that nobody has");
    }

    /// No token of before is left anywhere, and the last only where it belongs.
    fn expect_clean(&self) {
        for token in &self.gone {
            let found = self.fleet.find(token);
            assert!(found.stores.is_empty() && found.elsewhere.is_empty(), "{:?} {:?}", found.stores, found.elsewhere);
        }
        let found = self.fleet.find(&self.token);
        assert!(found.elsewhere.is_empty() && found.stores.len() == self.fleet.hosts().len(), "{:?}", found.elsewhere);
        self.fleet.check();
    }
}

fn home_files(root: &Path) -> Vec<String> {
    pullpass_testing::home::listing(root).keys().map(|path| path.display().to_string()).collect()
}

/// In short: three steps on three hosts. With `PULLPASS_FLEET_ROUNDS`, every step in both ways on six, that many times, at
/// ghcr.io and at a server of ours by turns.
#[test]
fn after_kill_9_at_any_step_all_is_new_or_all_is_old_and_no_pull_has_failed() {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let rounds = number("PULLPASS_FLEET_ROUNDS");
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a time after 1970");
    let seed = number("PULLPASS_FLEET_SEED").unwrap_or(u64::from(now.subsec_micros()));
    println!("fleet: PULLPASS_FLEET_SEED={seed}");
    let mut random = Random::new(seed);
    let Some(rounds) = rounds else {
        let mut killed = Killed::new(Registry::ghcr(), 3, random);
        for (step, way) in [("canary", Way::Resume), ("files", Way::Rollback), ("hosts", Way::Rollback)] {
            println!("fleet: {}", killed.kill(step, way));
        }
        return killed.expect_clean();
    };
    for round in 1..=rounds {
        let registry = if (seed + round) % 2 == 0 { Registry::ghcr() } else { Registry::ours() };
        let mut killed = Killed::new(registry, 6, random.split());
        for step in STEPS {
            for way in [Way::Rollback, Way::Resume] {
                println!("fleet: round {round} of {rounds}: {}", killed.kill(step, way));
            }
        }
        killed.expect_clean();
    }
}
