//! `pullpass fleet` on hosts that are one machine: Ansible reaches them without SSH, and each has a Docker configuration of
//! its own. ghcr.io and api.github.com are ours, under their own names.

mod check;
mod login;
mod rotate;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use pullpass_testing::canary::{Canary, Sightings};
use pullpass_testing::ghcr::{Ghcr, Token, Visibility};
use pullpass_testing::home::{Home, SEARCH_PATH};
use pullpass_testing::run::{Ran, run, run_with_input};
use serde_json::{Value, json};

use crate::program::{ansible, ansible_path, program, pullpass};
use crate::sample;
use crate::site::Site;

const IMAGE: &str = "ghcr.io/midokura/hello:v1";
/// What `octocat` may pull, and `hubot` not.
const OTHER: &str = "ghcr.io/midokura/secret:v1";

/// A controller with an inventory, and hosts that nobody is logged in on.
struct Fleet {
    site: Site,
    home: Home,
    /// What must be seen nowhere.
    tokens: Vec<String>,
    /// Files that have one in plain text, as a hunt names them.
    plain: Vec<&'static str>,
}

impl Fleet {
    /// Its inventory has a token of `octocat`, encrypted.
    fn new(hosts: &[&str]) -> Fleet {
        Fleet::with(hosts, Token::classic(&["read:packages"]))
    }

    fn with(hosts: &[&str], token: Token) -> Fleet {
        let ghcr = Ghcr::new()
            .account("octocat")
            .account("hubot")
            .organization("midokura", &["octocat"])
            .package("midokura/hello", Visibility::Private, &["octocat", "hubot"])
            .image("v1", &sample::image())
            .package("midokura/secret", Visibility::Private, &["octocat"])
            .image("v1", &sample::image());
        let site = Site::new(ghcr);
        let tokens = vec![site.ghcr().token("octocat", token)];
        let fleet = Fleet { home: site.home(), site, tokens, plain: Vec::new() };
        fleet.home.write("vault-password", "correct horse\n");
        fleet.write_inventory("inventory.yml", hosts);
        fleet
    }

    /// One with these hosts, and with the first token.
    fn write_inventory(&self, name: &str, hosts: &[&str]) {
        let hosts: String = hosts.iter().map(|host| format!("    {host}:\n")).collect();
        let users =
            format!("[{{engines: [docker], config: '{}/{{{{ inventory_hostname }}}}'}}]", self.stores().display());
        let text = format!(
            "all:\n  vars:\n    ansible_connection: local\n    ansible_python_interpreter: /usr/bin/python3\n    \
             registry_login_executable: {}\n    registry_login_images: [{IMAGE}]\n    registry_login_users: {users}\n  \
             hosts:\n{hosts}",
            program().display()
        );
        self.home.write(name, text);
        self.set(name, "all.vars.iaas_console.ghcr_user", &["--plain", "octocat"], "");
        self.set(name, "all.vars.iaas_console.ghcr_pat", &[], &self.tokens[0]);
    }

    /// A value of an inventory, as the guide has it set.
    fn set(&self, file: &str, key_path: &str, words: &[&str], input: &str) {
        let mut command = self.here(pullpass(&self.home));
        command.args(["inventory", "set", file, key_path]).args(words);
        run_with_input(&mut command, input).expect_success();
    }

    /// Another one, which must be seen nowhere either.
    fn token(&mut self, login: &str, token: Token) -> String {
        let token = self.site.ghcr().token(login, token);
        self.tokens.push(token.clone());
        token
    }

    /// The one in the inventory at first.
    fn old(&self) -> &str {
        &self.tokens[0]
    }

    /// What all hosts have their stores in.
    fn stores(&self) -> PathBuf {
        self.home.side_dir("hosts")
    }

    fn store(&self, host: &str) -> PathBuf {
        self.stores().join(host).join("config.json")
    }

    /// As Docker itself would leave it.
    fn log_in(&self, host: &str, token: &str) {
        self.write_store(host, &json!({ "auths": { "ghcr.io": { "auth": auth(token) } } }).to_string());
    }

    fn write_store(&self, host: &str, text: &str) {
        let store = self.store(host);
        fs::create_dir_all(store.parent().expect("a directory")).expect("a directory");
        fs::write(&store, text).expect("a store");
        fs::set_permissions(&store, Permissions::from_mode(0o600)).expect("own file");
    }

    /// Which of the tokens Docker would use on a host, by its number; `None` for no login.
    fn has(&self, host: &str) -> Option<usize> {
        let store: Value = serde_json::from_slice(&fs::read(self.store(host)).ok()?).expect("JSON");
        let found = store["auths"]["ghcr.io"]["auth"].as_str()?.to_owned();
        Some(self.tokens.iter().position(|token| auth(token) == found).expect("one of the tokens"))
    }

    /// What Ansible has on the controller.
    fn here(&self, mut command: Command) -> Command {
        let programs = ansible_path("ansible-playbook");
        let programs = programs.parent().expect("a directory");
        command
            .env("PATH", format!("{}:{SEARCH_PATH}", programs.display()))
            .env("ANSIBLE_VAULT_PASSWORD_FILE", self.home.path().join("vault-password"))
            .env("ANSIBLE_LOG_PATH", self.home.path().join("ansible.log"))
            .env("ANSIBLE_BECOME_METHOD", "su")
            .env("ANSIBLE_PIPELINING", "true")
            .env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.here(pullpass(&self.home));
        command.arg("fleet").args(words);
        command
    }

    /// `pullpass fleet WORDS`, and a hunt for every token in all that it says and leaves behind.
    fn run(&self, words: &[&str]) -> Ran {
        self.run_with(words, "")
    }

    fn run_with(&self, words: &[&str], input: &str) -> Ran {
        self.hunted(&mut self.command(words), input)
    }

    fn hunted(&self, command: &mut Command, input: &str) -> Ran {
        let ran = run_with_input(command, input);
        self.hunt(&ran.said());
        ran
    }

    /// The same, and a hunt in the arguments and environments of all processes, which takes a processor of its own.
    fn watched(&self, words: &[&str], input: &str) -> Ran {
        let watches: Vec<_> = self.canaries().map(|canary| canary.watch(&self.root())).collect();
        let ran = self.run_with(words, input);
        for watch in watches {
            let Sightings { samples, arguments, environments } = watch.stop();
            assert!(samples > 0 && arguments.is_empty() && environments.is_empty(), "{arguments:?} {environments:?}");
        }
        ran
    }

    fn canaries(&self) -> impl Iterator<Item = Canary> {
        self.tokens.iter().map(|token| Canary::new(token))
    }

    /// Where everything of this fleet is.
    fn root(&self) -> PathBuf {
        self.home.path().parent().expect("the directory of the home").to_owned()
    }

    /// In what was said, and in all files but stores.
    fn hunt(&self, said: &str) {
        for canary in self.canaries() {
            assert!(canary.spellings_in(said.as_bytes()).is_empty(), "a token is in what was printed");
            let mut found = canary.files_below(&self.root());
            found.retain(|file| !file.contains("config.json: ") && !self.plain.iter().any(|name| file.contains(name)));
            assert!(found.is_empty(), "{found:?}");
        }
        // A module that Ctrl-C has ended may leave the directory with its own code: that is Ansible's.
        let is_ours = |entry: &fs::DirEntry| !entry.file_name().as_encoded_bytes().starts_with(b"ansible_");
        let entries = fs::read_dir(self.home.temp_dir()).expect("a directory").flatten();
        let left: Vec<_> = entries.filter(is_ours).collect();
        assert!(left.is_empty(), "{left:?}");
    }

    /// The value of a variable as Ansible has it for a host.
    fn resolved(&self, inventory: &str, host: &str) -> String {
        let mut command = self.here(ansible(&self.home, "ansible-inventory"));
        command.args(["-i", inventory, "--host", host]);
        let found: Value = serde_json::from_str(&run(&mut command).expect_success()).expect("JSON");
        let pat = &found["iaas_console"]["ghcr_pat"];
        let payload = pat["__ansible_vault"].as_str();
        let Some(payload) = payload else { return pat.as_str().expect("a token").to_owned() };
        self.home.write("payload", payload);
        let mut view = self.here(ansible(&self.home, "ansible-vault"));
        let token = run(view.args(["view", "payload"])).expect_success();
        fs::remove_file(self.home.path().join("payload")).expect("own file");
        token.trim().to_owned()
    }
}

/// A login of `octocat` in a store.
fn auth(token: &str) -> String {
    STANDARD.encode(format!("octocat:{token}"))
}

/// What `--json` has of each login.
fn rows(ran: &Ran) -> Vec<Value> {
    let found: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran}"));
    found["logins"].as_array().unwrap_or_else(|| panic!("{ran}")).clone()
}

/// The state of each host, in the order of their names.
fn states(ran: &Ran) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    rows(ran).iter().map(|row| (text(&row["host"]), text(&row["state"]))).collect()
}

/// Why a host is not well.
fn why(ran: &Ran, host: &str) -> String {
    let rows = rows(ran);
    let row = rows.iter().find(|row| row["host"] == host).unwrap_or_else(|| panic!("{host}: {ran}"));
    row["why"].as_str().unwrap_or_default().to_owned()
}

/// `…` and the end of a token, as a person sees it.
fn shown(token: &str) -> String {
    format!("ghp_…{}", &token[token.len() - 4..])
}

/// Further lines of an inventory, for a host.
fn set_for_host(fleet: &Fleet, host: &str, lines: &str) {
    let path: &Path = &fleet.home.path().join("inventory.yml");
    let text = fs::read_to_string(path).expect("the inventory");
    let name = format!("    {host}:\n");
    assert!(text.contains(&name), "{host}");
    let indented: String = lines.lines().map(|line| format!("      {line}\n")).collect();
    fs::write(path, text.replace(&name, &format!("{name}{indented}"))).expect("the inventory");
}
