//! The collection `pullpass.registry`, run by the real Ansible on a host with several users that pulls from ghcr.io.

mod modules;
mod role;

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use pullpass_testing::canary::{Canary, Sightings};
use pullpass_testing::ghcr::{Ghcr, Token, Visibility};
use pullpass_testing::home::{Home, listing};
use pullpass_testing::run::{Ran, run, run_with_input};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{ansible, program, pullpass};
use crate::sample;
use crate::site::Site;

const ALICE: u32 = 47_001;
const IMAGE: &str = "ghcr.io/midokura/hello:v1";

/// What the users have of other registries, in each store.
const OTHERS: &str = r#""quay.io": {"auth": "YTpi"}"#;

/// Where the collection is in this repository.
fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../ansible").canonicalize().expect("the collection")
}

/// A host with root and alice, which is its own controller, and whose inventory has an encrypted token.
struct Fleet {
    site: Site,
    home: Home,
    homes: TempDir,
    token: String,
}

impl Fleet {
    fn new() -> Fleet {
        let ghcr = Ghcr::new()
            .account("octocat")
            .organization("midokura", &["octocat"])
            .package("midokura/hello", Visibility::Private, &["octocat"])
            .image("v1", &sample::image());
        let site = Site::new(ghcr);
        let token = site.ghcr().token("octocat", Token::classic(&["read:packages"]));
        let home = site.home();
        let homes = tempfile::Builder::new().prefix("pp-homes-").tempdir_in("/tmp").expect("a directory");
        let fleet = Fleet { site, home, homes, token };
        fleet.set_up();
        fleet
    }

    fn set_up(&self) {
        let homes = self.homes.path();
        fs::set_permissions(homes, Permissions::from_mode(0o755)).expect("own directory");
        fs::create_dir(self.alice()).expect("a home");
        chown(self.alice(), Some(ALICE), Some(ALICE)).expect("we are root");
        fs::create_dir(homes.join("tmp")).expect("a directory");
        fs::set_permissions(homes.join("tmp"), Permissions::from_mode(0o1777)).expect("own directory");
        let users = format!(
            "root:*:0:0::{}:/bin/sh\nalice:*:{ALICE}:{ALICE}::{}:/bin/sh\n",
            self.home.path().display(),
            self.alice().display()
        );
        let script = r#"printf '%s' "$1" > /etc/passwd; printf 'alice:x:%s:\n' "$2" > /etc/group"#;
        run(self.home.command("sh").args(["-c", script, "users", &users, &ALICE.to_string()])).expect_success();
        let collections = homes.join("collections/ansible_collections/pullpass");
        fs::create_dir_all(&collections).expect("a directory");
        symlink(source(), collections.join("registry")).expect("a link");
        self.home.write("vault-password", "correct horse\n");
        self.home.write(
            "inventory.yml",
            "all:\n  hosts:\n    host-1:\n      ansible_connection: local\n      ansible_python_interpreter: /usr/bin/python3\n      \
             ansible_become_method: su\n",
        );
        self.set("ghcr_user", &["--plain", "octocat"], "");
        self.set("ghcr_pat", &[], &self.token);
    }

    /// A value of the inventory, as the guide has it set.
    fn set(&self, name: &str, words: &[&str], input: &str) {
        let mut command = pullpass(&self.home);
        command.args(["inventory", "set", "inventory.yml", &format!("all.vars.iaas_console.{name}")]).args(words);
        command.env("ANSIBLE_VAULT_PASSWORD_FILE", self.home.path().join("vault-password"));
        run_with_input(&mut command, input).expect_success();
    }

    fn alice(&self) -> PathBuf {
        self.homes.path().join("alice")
    }

    /// Where the role puts the program.
    fn installed(&self) -> PathBuf {
        self.homes.path().join("pullpass")
    }

    /// A file in a home, which its owner has.
    fn write(&self, home: &Path, path: &str, contents: &str, mode: u32) -> PathBuf {
        let path = home.join(path);
        fs::create_dir_all(path.parent().expect("a directory")).expect("directories");
        fs::write(&path, contents).expect("a file");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("own file");
        if home == self.alice() {
            let owner = format!("{ALICE}:{ALICE}");
            run(self.home.command("chown").args(["-hR", &owner]).arg(home)).expect_success();
        }
        path
    }

    /// Runs the role.
    fn role(&self, variables: &Value, words: &[&str]) -> Ran {
        let role = json!([{ "hosts": "all", "gather_facts": false, "roles": ["pullpass.registry.registry_login"] }]);
        let mut all = json!({
            "registry_login_binary_src": program(), "registry_login_binary_dest": self.installed(),
            "registry_login_images": [IMAGE],
        });
        let more = variables.as_object().expect("variables").clone();
        all.as_object_mut().expect("variables").extend(more);
        self.home.write("variables.json", all.to_string());
        self.play(&role, &[&["-e", "@variables.json"], words].concat())
    }

    /// Runs one module.
    fn module(&self, name: &str, arguments: &Value, words: &[&str]) -> Ran {
        let mut arguments = arguments.clone();
        arguments["executable"] = json!(program());
        let task = json!({ format!("pullpass.registry.{name}"): arguments });
        self.play(&json!([{ "hosts": "all", "gather_facts": false, "tasks": [task] }]), words)
    }

    fn play(&self, playbook: &Value, words: &[&str]) -> Ran {
        self.play_text(&playbook.to_string(), words)
    }

    /// Runs a playbook, and hunts for the token in all that it says and leaves behind.
    fn play_text(&self, playbook: &str, words: &[&str]) -> Ran {
        self.home.write("play.yml", playbook);
        let mut command = self.ansible("ansible-playbook");
        command.args(["-i", "inventory.yml", "play.yml"]).args(words);
        let canary = Canary::new(&self.token);
        let watch = canary.watch(self.homes.path());
        let ran = run(&mut command);
        let Sightings { samples, arguments, environments } = watch.stop();
        assert!(samples > 0 && arguments.is_empty() && environments.is_empty(), "{arguments:?} {environments:?}");
        assert!(canary.spellings_in(ran.said().as_bytes()).is_empty(), "the token is in what Ansible printed");
        let mut found = canary.files_below(self.home.path().parent().expect("the directory of the home"));
        // Not in the program, which is large.
        found.extend(["alice", "tmp"].iter().flat_map(|name| canary.files_below(&self.homes.path().join(name))));
        let is_store = |file: &String| file.contains(".docker/config.json: ") || file.contains("auth.json: ");
        found.retain(|file| !is_store(file));
        assert!(found.is_empty(), "{found:?}");
        assert!(self.home.path().join("ansible.log").is_file(), "Ansible keeps a log");
        ran
    }

    fn ansible(&self, program: &str) -> std::process::Command {
        let mut command = ansible(&self.home, program);
        command
            .env("ANSIBLE_COLLECTIONS_PATH", self.homes.path().join("collections"))
            .env("ANSIBLE_VAULT_PASSWORD_FILE", self.home.path().join("vault-password"))
            .env("ANSIBLE_LOG_PATH", self.home.path().join("ansible.log"))
            .env("ANSIBLE_SYSTEM_TMPDIRS", self.homes.path().join("tmp"))
            .env("TMPDIR", self.homes.path().join("tmp"))
            .env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }
}

/// How many tasks changed something, and how many failed, as Ansible counts them.
fn recap(ran: &Ran) -> (usize, usize) {
    let line = ran.stdout.lines().rfind(|line| line.contains("changed=")).unwrap_or_else(|| panic!("{ran}"));
    let count = |name: &str| {
        let (_, rest) = line.split_once(name).unwrap_or_else(|| panic!("{ran}"));
        rest.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{ran}"))
    };
    (count("changed="), count("failed="))
}

/// Who owns a store, and its mode.
fn owner(path: &Path) -> (u32, u32) {
    let metadata = fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    (metadata.uid(), metadata.mode() & 0o7777)
}

/// The login of octocat, as it stands in a store.
fn login(token: &str) -> String {
    format!(r#""ghcr.io":{{"auth":"{}"}}"#, STANDARD.encode(format!("octocat:{token}")))
}

/// Without blanks, which are the files' own.
fn dense(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).split_whitespace().collect()
}

#[test]
fn the_collection_is_built_installed_and_documented() {
    let home = Home::new();
    let run_in = |program: &str, words: &[&str]| {
        let mut command = ansible(&home, program);
        run(command.args(words).env("ANSIBLE_COLLECTIONS_PATH", "installed")).expect_success()
    };
    let (source, version) = (source().display().to_string(), env!("CARGO_PKG_VERSION"));
    run_in("ansible-galaxy", &["collection", "build", &source, "--output-path", "built"]);
    let built = format!("built/pullpass-registry-{version}.tar.gz");
    run_in("ansible-galaxy", &["collection", "install", &built, "-p", "installed", "--offline"]);
    let installed = home.path().join("installed/ansible_collections/pullpass/registry");
    let mut stray = listing(&installed);
    stray.retain(|path, _| path.extension().is_some_and(|extension| extension == "pyc" || extension == "retry"));
    assert!(stray.is_empty(), "{stray:?}");
    let modules = ["login", "logout", "status", "verify"].map(|name| format!("pullpass.registry.{name}"));
    let words = [&["-t", "module", "--json"][..], &modules.each_ref().map(String::as_str)].concat();
    let documented: Value = serde_json::from_str(&run_in("ansible-doc", &words)).expect("JSON");
    for module in &modules {
        let module = &documented[module];
        assert!(module["examples"].is_string() && module["return"].is_object(), "{module:#}");
        let options = module["doc"]["options"].as_object().expect("options");
        assert!(options.values().all(|option| !option["description"].is_null()), "{options:#?}");
    }
    let filter = run_in("ansible-doc", &["-t", "filter", "--json", "pullpass.registry.mark"]);
    let filter: Value = serde_json::from_str(&filter).expect("JSON");
    let filter = &filter["pullpass.registry.mark"];
    assert!(filter["doc"]["options"]["key"]["required"] == true && filter["examples"].is_string(), "{filter:#}");
    let role = run_in("ansible-doc", &["-t", "role", "pullpass.registry.registry_login"]);
    assert!(role.contains("registry_login_users") && role.contains("iaas_console.ghcr_pat"), "{role}");
}
