//! A fleet: hosts with engines of their own, a controller that reaches them with the real Ansible over SSH, and a registry.
//!
//! On every host [`DEPLOYER`] pulls with Podman; the first [`WITH_DOCKER`] hosts have a Docker Engine as well, with which root pulls.

mod hosts;
mod hunt;
mod pulls;
mod registry;
mod role;
mod rotate;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use pullpass_testing::home::{Home, SEARCH_PATH};
use pullpass_testing::host::{Host, MARK, OPERATOR, Rack, make_key};
use pullpass_testing::run::{Ran, run, run_with_input};
use serde_json::Value;

use self::pulls::Pulls;
pub(crate) use self::registry::Registry;
use crate::program::{ansible_path, program};

/// How many of the hosts have a Docker Engine.
const WITH_DOCKER: u8 = 2;

/// The fleet, which ends on drop.
pub(crate) struct Fleet {
    // In the order in which they have to end.
    hosts: Vec<Arc<Host>>,
    rack: Rack,
    controller: Home,
    registry: Registry,
    token: String,
}

impl Fleet {
    /// That many hosts on which nobody is logged in to `registry`. Its token is in the inventory, encrypted.
    pub(crate) fn new(registry: Registry, hosts: u8) -> Fleet {
        let controller = registry.network().home();
        fs::create_dir(controller.path().join(".ssh")).expect("a new directory");
        let rack = Rack::new(registry.network(), &make_key(&controller.path().join(".ssh/id_ed25519")));
        let hosts = (1..=hosts).map(|number| Arc::new(rack.host(number, number <= WITH_DOCKER))).collect();
        let token = registry.token();
        let fleet = Fleet { hosts, rack, controller, registry, token };
        fleet.configure();
        fleet
    }

    pub(crate) fn hosts(&self) -> &[Arc<Host>] {
        &self.hosts
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The operator's home: the inventory `inventory.yml`, `ansible.cfg`, the vault password, the key, Ansible's log.
    pub(crate) fn controller(&self) -> &Home {
        &self.controller
    }

    /// What the inventory had at first.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// A program on the controller, with Ansible on its PATH.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = self.controller.command(program);
        let ansible = ansible_path("ansible-playbook");
        let ansible = ansible.parent().expect("its directory").display();
        command.env("PATH", format!("{ansible}:{SEARCH_PATH}")).env(MARK, self.rack.mark());
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }

    /// `pullpass` on the controller.
    pub(crate) fn pullpass(&self) -> Command {
        self.command(program())
    }

    /// Runs a playbook on the fleet.
    pub(crate) fn play(&self, playbook: &Value, words: &[&str]) -> Ran {
        self.controller.write("play.yml", playbook.to_string());
        run(self.command(ansible_path("ansible-playbook")).arg("play.yml").args(words))
    }

    /// Runs a command line on all hosts, as the operator.
    pub(crate) fn shell(&self, line: &str) -> Ran {
        run(self.command(ansible_path("ansible")).args(["all", "--one-line", "-m", "shell", "-a", line]))
    }

    /// Pulls on all hosts, again and again.
    pub(crate) fn pulls(&self) -> Pulls {
        Pulls::start(&self.hosts, self.registry.image())
    }

    /// Puts a token into the inventory, as the guide has it done.
    pub(crate) fn set_token(&self, token: &str) {
        self.set("ghcr_pat", &[], token);
    }

    /// What distinguishes the fleet's sessions and programs from others, in their environment.
    pub(crate) fn mark(&self) -> &Path {
        self.rack.mark()
    }

    fn configure(&self) {
        let home = self.controller.path();
        let hosts_of = |has_docker: bool| -> String {
            let hosts = self.hosts.iter().filter(|host| host.has_docker == has_docker);
            hosts.map(|host| format!("        {}:\n          ansible_host: {}\n", host.name, host.address)).collect()
        };
        let known = self.hosts.iter().map(|host| format!("{} {}\n", host.address, host.key));
        self.controller.write(".ssh/known_hosts", known.collect::<String>());
        self.controller.write("vault-password", "correct horse\n");
        self.controller.write("ansible.cfg", configuration(&home));
        let collections = home.join("collections/ansible_collections/pullpass");
        fs::create_dir_all(&collections).expect("a directory");
        symlink(collection(), collections.join("registry")).expect("a link");
        let inventory = inventory(&self.registry, &hosts_of(true), &hosts_of(false));
        self.controller.write("inventory.yml", inventory);
        self.set("ghcr_user", &["--plain", self.registry.user()], "");
        self.set_token(&self.token);
    }

    fn set(&self, name: &str, words: &[&str], input: &str) {
        let mut command = self.pullpass();
        command.args(["inventory", "set", "inventory.yml", &format!("all.vars.iaas_console.{name}")]).args(words);
        run_with_input(&mut command, input).expect_success();
    }
}

/// Where the collection is in this repository.
fn collection() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../ansible").canonicalize().expect("the collection")
}

/// SSH looks for its files where the password file has the home, which is another.
fn configuration(home: &Path) -> String {
    let ssh = home.join(".ssh");
    format!(
        "[defaults]\ninventory = inventory.yml\nvault_password_file = vault-password\ncollections_path = collections\n\
         log_path = ansible.log\nprivate_key_file = {key}\nforks = 6\n\
         [connection]\npipelining = true\n\
         [ssh_connection]\nssh_args = -F none -o IdentitiesOnly=yes -o UserKnownHostsFile={known} \
         -o ControlMaster=auto -o ControlPersist=20s\n",
        key = ssh.join("id_ed25519").display(),
        known = ssh.join("known_hosts").display(),
    )
}

fn inventory(registry: &Registry, with_docker: &str, others: &str) -> String {
    format!(
        "all:
  vars:
    ansible_user: {OPERATOR}
    ansible_python_interpreter: /usr/bin/python3
    registry_login_registry: {name}
    registry_login_images: [{image}]
    registry_login_users:
      - name: deploy
        engines: [podman]
  children:
    engines:
      vars:
        registry_login_users:
          - name: root
            engines: [docker]
          - name: deploy
            engines: [podman]
      hosts:
{with_docker}    others:
      hosts:
{others}",
        name = registry.name(),
        image = registry.image(),
    )
}
