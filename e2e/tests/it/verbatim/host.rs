//! A host on which the guide is followed: one Docker client, Podman, Ansible and pullpass, and `ghcr.io` is where the
//! test wants it.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use pullpass_testing::engines::docker::Engine;
use pullpass_testing::engines::podman::Podman;
use pullpass_testing::home::{Home, SEARCH_PATH};
use pullpass_testing::run::{Ran, run};
use pullpass_testing::terminal;

use super::report::Verdict;
use crate::program::{ansible_path, program};

/// The image of the guide.
pub(crate) const IMAGE: &str = "ghcr.io/midokura/gpu-infra-ansible:v0.1";

/// The host.
pub(crate) struct Host<'home> {
    home: &'home Home,
    engine: &'home Engine,
    podman: Podman<'home>,
    bin: PathBuf,
}

/// What came of a block.
pub(crate) struct Outcome {
    ran: Ran,
    /// The commands that did not succeed, as bash spells them.
    failed: Vec<String>,
}

impl<'home> Host<'home> {
    /// `client` is what `docker` is here.
    pub(crate) fn new(home: &'home Home, engine: &'home Engine, client: &Path) -> Host<'home> {
        let bin = home.side_dir("bin");
        let programs = [
            ("docker", client.to_owned()),
            ("ansible-vault", ansible_path("ansible-vault")),
            ("ansible-playbook", ansible_path("ansible-playbook")),
            ("pullpass", program()),
        ];
        for (name, target) in programs {
            symlink(target, bin.join(name)).expect("a link");
        }
        Host { home, engine, podman: Podman::new(home), bin }
    }

    /// Runs `script` with bash as it is.
    pub(crate) fn bash(&self, script: &str) -> Outcome {
        let script = self.script(script);
        let ran = run(self.command("bash").arg(&script));
        self.outcome(ran)
    }

    /// Runs `script` with bash on a terminal, and answers what is asked there.
    pub(crate) fn converse(&self, script: &str, answers: &[(&str, &str)]) -> Outcome {
        let script = self.script(script);
        let mut command = self.command("script");
        terminal::bash(&mut command, &script);
        let ran = terminal::converse(&mut command, answers);
        self.outcome(ran)
    }

    /// Whether a playbook sees `user` and `token` in `inventory.yml`.
    pub(crate) fn playbook_sees(&self, user: &str, token: &str, vault_password: &str) -> Verdict {
        let expected = serde_json::json!({ "expected_user": user, "expected_token": token }).to_string();
        self.home.write("playbook.yml", PLAYBOOK);
        self.home.write("vault-password", vault_password);
        let mut play = self.command("ansible-playbook");
        play.args(["-i", "inventory.yml", "-i", "box,", "--vault-password-file", "vault-password"]);
        let ran = run(play.args(["-e", &expected, "playbook.yml"]));
        self.outcome(ran).succeeds()
    }

    /// Writes `inventory.yml`.
    pub(crate) fn write_inventory(&self, text: &str) {
        self.home.write("inventory.yml", text);
    }

    /// Whether both engines have the image; they lose it then, so that the next pull is a whole one.
    pub(crate) fn takes_the_images(&self) -> Verdict {
        let docker = self.bash(&format!("docker image rm {IMAGE}"));
        let podman = self.bash(&format!("podman rmi {IMAGE}"));
        docker.succeeds().and(podman.succeeds())
    }

    /// Whether the files where a login is have one of ghcr.io, readable by their owner only. `paths` are the guide's:
    /// Docker's first, then Podman's in their order, of which the first that exists counts.
    pub(crate) fn stores_have_it(&self, paths: &[&str]) -> Verdict {
        let [docker, podman @ ..] = paths else { return Err("the guide names no files".to_owned()) };
        let podman: Vec<PathBuf> = podman.iter().map(|path| self.expand(path)).filter(|path| path.exists()).collect();
        let [podman, ..] = podman.as_slice() else { return Err("none of Podman's files is there".to_owned()) };
        for path in [&self.expand(docker), podman] {
            let mode = fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?.permissions().mode();
            if mode & 0o777 != 0o600 {
                return Err(format!("{} has the mode {mode:o}", path.display()));
            }
            if !has_login(path) {
                return Err(format!("{} has no login of ghcr.io", path.display()));
            }
        }
        Ok(())
    }

    /// Whether no file of the guide has a login of ghcr.io.
    pub(crate) fn stores_have_none(&self, paths: &[&str]) -> Verdict {
        match paths.iter().map(|path| self.expand(path)).find(|path| has_login(path)) {
            Some(path) => Err(format!("{} still has a login of ghcr.io", path.display())),
            None => Ok(()),
        }
    }

    /// Puts the host back to where nobody is logged in.
    pub(crate) fn forget_logins(&self, paths: &[&str]) {
        for path in paths {
            // Most of them are not there.
            drop(fs::remove_file(self.expand(path)));
        }
    }

    fn expand(&self, path: &str) -> PathBuf {
        let path = path.replacen('~', &self.home.path().display().to_string(), 1);
        path.replacen("${XDG_RUNTIME_DIR}", &self.home.runtime_dir().display().to_string(), 1).into()
    }

    fn command(&self, program: &str) -> Command {
        let mut command = self.home.command(program);
        command
            .env("PATH", format!("{}:{SEARCH_PATH}", self.bin.display()))
            .env("DOCKER_HOST", self.engine.host())
            .env("BASH_ENV", self.home.path().join("note-failures"))
            .env("TERM", "dumb")
            .envs(self.podman.environment());
        command
    }

    /// Scripts are followed to their end, as a person pastes them: bash notes which commands fail on the way.
    fn script(&self, text: &str) -> PathBuf {
        let failed = self.home.write("failed", "");
        let trap = format!("trap 'printf \"%s\\n\" \"$BASH_COMMAND\" >>\"{}\"' ERR\n", failed.display());
        self.home.write("note-failures", trap);
        self.home.write("block", text)
    }

    fn outcome(&self, ran: Ran) -> Outcome {
        let failed = fs::read_to_string(self.home.path().join("failed")).unwrap_or_default();
        Outcome { ran, failed: failed.lines().map(str::to_owned).collect() }
    }
}

impl Outcome {
    /// What was shown, standard error included.
    pub(crate) fn said(&self) -> String {
        self.ran.said()
    }

    /// Every command of it succeeded.
    pub(crate) fn succeeds(&self) -> Verdict {
        self.require(self.ran.code == 0 && self.failed.is_empty(), "not every command succeeded")
    }

    /// Just the commands that begin with these words failed.
    pub(crate) fn fails(&self, commands: &[&str]) -> Verdict {
        let same = self.failed.len() == commands.len()
            && self.failed.iter().zip(commands).all(|(failed, words)| failed.starts_with(words));
        self.require(same, &format!("other commands failed than {commands:?}: {:?}", self.failed))
    }

    /// Each of these was shown, as often as it is here.
    pub(crate) fn says(&self, words: &[&str]) -> Verdict {
        words.iter().try_for_each(|word| {
            let wanted = words.iter().filter(|other| *other == word).count();
            self.require(self.said().matches(word).count() >= wanted, &format!("`{word}` is not in what it said"))
        })
    }

    fn require(&self, holds: bool, what: &str) -> Verdict {
        if holds { Ok(()) } else { Err(format!("{what}:\n{}", self.ran)) }
    }
}

/// `ansible-inventory --list` decrypts nothing, so a play has to look at the value.
const PLAYBOOK: &str = "\
- hosts: box
  gather_facts: false
  tasks:
    - ansible.builtin.assert:
        that:
          - iaas_console.ghcr_pat == expected_token
          - iaas_console.ghcr_user == expected_user
";

fn has_login(path: &Path) -> bool {
    let text = fs::read_to_string(path).unwrap_or_default();
    let file: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    file["auths"]["ghcr.io"]["auth"].as_str().is_some_and(|auth| !auth.is_empty())
}
