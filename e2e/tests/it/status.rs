//! `pullpass status` names the login that the real docker, podman and skopeo then send, in the situations in which people ask
//! which it is; and reads other people's stores as those people.

mod copies;
mod github;
mod users;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use pullpass_testing::canned::{self, Canned, Request};
use pullpass_testing::engines::docker::{self, Engine};
use pullpass_testing::engines::podman::Podman;
use pullpass_testing::home::{Home, SEARCH_PATH};
use pullpass_testing::namespace::{Namespace, Served};
use pullpass_testing::run::{Ran, run};
use serde_json::Value;

use crate::program::pullpass;

/// A host of its own: its users, its engines, and a registry that takes down who comes.
struct Host {
    namespace: Namespace,
    registry: Served<Canned>,
}

impl Host {
    fn new() -> Host {
        let namespace = Namespace::new("127.0.0.1 localhost\n");
        let registry = namespace.serve(|| Canned::start(refuse));
        Host { namespace, registry }
    }

    fn name(&self) -> String {
        self.registry.host()
    }

    fn image(&self) -> String {
        format!("{}/o/app:1", self.registry.host())
    }

    /// Who came while `client` ran, without the repetitions.
    fn users_of(&self, client: &mut Command) -> Vec<String> {
        let before = self.registry.requests().len();
        let ran = run(client);
        assert_ne!(ran.code, 0, "the registry has no image: {ran}");
        let mut users: Vec<String> = self.registry.requests()[before..].iter().filter_map(user).collect();
        // So Podman puts that it has no login.
        users.retain(|user| !user.is_empty());
        users.dedup();
        assert!(self.registry.requests().len() > before, "nobody came: {ran}");
        users
    }
}

/// Asks everybody for a login, believes everybody but `dead`, and has nothing.
fn refuse(request: &Request) -> canned::Reply {
    if user(request).is_none_or(|user| user == "dead") {
        return canned::response(401, &[("www-authenticate", r#"Basic realm="here""#)], "").into();
    }
    match request.path() {
        "/v2/" => canned::json(200, "{}").into(),
        _ => canned::json(404, r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"none"}]}"#).into(),
    }
}

fn user(request: &Request) -> Option<String> {
    let pair = STANDARD.decode(request.header("authorization").strip_prefix("Basic ")?).ok()?;
    Some(String::from_utf8(pair).ok()?.split(':').next()?.to_owned())
}

/// A file of logins, of each key as the user given.
fn logins(logins: &[(&str, &str)]) -> String {
    let entry =
        |(key, user): &(&str, &str)| format!(r#""{key}":{{"auth":"{}"}}"#, STANDARD.encode(format!("{user}:secret")));
    format!(r#"{{"auths":{{{}}}}}"#, logins.iter().map(entry).collect::<Vec<_>>().join(","))
}

fn with_helper(file: &str, helper: &str) -> String {
    file.replacen('{', &format!("{{{helper},"), 1)
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran}"))
}

/// Who logs in, as `status` says, by engine.
fn winner(status: &Value, engine: &str) -> String {
    let winners = status["winners"].as_array().expect("winners");
    let of_engine = winners.iter().find(|winner| winner["engine"] == engine);
    let winner = of_engine.unwrap_or_else(|| panic!("no {engine} in {status}"));
    assert!(!winner["why"].as_str().expect("a reason").is_empty());
    winner["user"].as_str().unwrap_or("nobody").to_owned()
}

/// A home with both engines on a [`Host`].
struct Person<'a> {
    host: &'a Host,
    home: &'a Home,
    podman: Podman<'a>,
    engine: &'a Engine,
    /// Set, or unset, for `pullpass` and the engines alike.
    variables: Vec<(&'static str, Option<PathBuf>)>,
}

impl<'a> Person<'a> {
    fn new(host: &'a Host, home: &'a Home, engine: &'a Engine) -> Person<'a> {
        let podman = Podman::new(home);
        podman.allow_http(&host.name());
        Person { host, home, podman, engine, variables: Vec::new() }
    }

    fn set(&mut self, name: &'static str, value: impl Into<PathBuf>) {
        self.variables.push((name, Some(value.into())));
    }

    fn unset(&mut self, name: &'static str) {
        self.variables.push((name, None));
    }

    fn here(&self, mut command: Command, words: &[&str]) -> Command {
        command.env("PATH", format!("{}:{SEARCH_PATH}", self.home.side_dir("bin").display())).args(words);
        for (name, value) in &self.variables {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    /// `status` names for docker and podman `expected`, and docker, podman and skopeo log in as just these.
    #[track_caller]
    fn uses(&self, expected: [&str; 2]) -> Value {
        let image = self.host.image();
        let status = json(&run(&mut self.here(pullpass(self.home), &["status", &image, "--json"])));
        assert_eq!([winner(&status, "docker"), winner(&status, "podman")], expected, "{status:#}");
        let someone =
            |user: &str| Some(user.to_owned()).filter(|user| user != "nobody").into_iter().collect::<Vec<_>>();
        for client in docker::clients() {
            let mut docker = self.here(self.engine.command(&client, self.home), &["pull", &image]);
            assert_eq!(self.host.users_of(&mut docker), someone(expected[0]), "{}", client.display());
        }
        let mut podman = self.here(self.podman.podman(), &["pull", &image]);
        assert_eq!(self.host.users_of(&mut podman), someone(expected[1]), "podman");
        let mut skopeo = self.here(self.podman.skopeo(), &["inspect", &format!("docker://{image}")]);
        assert_eq!(self.host.users_of(&mut skopeo), someone(expected[1]), "skopeo");
        status
    }

    fn helper(&self, name: &str, user: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.home.side_dir("bin").join(format!("docker-credential-{name}"));
        let server = self.host.name();
        let script = format!(
            "#!/bin/sh\ncase $1 in list) echo '{{\"{server}\":\"{user}\"}}';; \
             get) echo '{{\"ServerURL\":\"{server}\",\"Username\":\"{user}\",\"Secret\":\"s\"}}';; esac\n"
        );
        fs::write(&path, script).expect("a script");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("own file");
    }
}

fn runtime(home: &Home, contents: &str) {
    let directory = home.runtime_dir().join("containers");
    fs::create_dir_all(&directory).expect("a directory");
    fs::write(directory.join("auth.json"), contents).expect("a store");
}

#[test]
fn the_winner_is_whom_the_engines_log_in_as() {
    let host = Host::new();
    let engine = Engine::start_in(host.namespace.home());
    let registry = host.name();

    // Nobody at first; then each engine's own file; then what a reboot leaves.
    let home = host.namespace.home();
    let person = Person::new(&host, &home, &engine);
    person.uses(["nobody", "nobody"]);
    home.write(".docker/config.json", logins(&[(&registry, "docker")]));
    person.uses(["docker", "docker"]);
    home.write(".config/containers/auth.json", logins(&[(&registry, "persistent")]));
    person.uses(["docker", "persistent"]);
    runtime(&home, &logins(&[(&registry, "runtime")]));
    let status = person.uses(["docker", "runtime"]);
    let shadowed = status["winners"][1]["shadowed"].as_array().expect("a list").len();
    assert_eq!(shadowed, 2, "{status:#}");
    fs::remove_dir_all(home.runtime_dir().join("containers")).expect("the runtime directory");
    person.uses(["docker", "persistent"]);
    // Keys of parts, which only Podman knows.
    home.write(".config/containers/auth.json", logins(&[(&registry, "host"), (&format!("{registry}/o"), "org")]));
    person.uses(["docker", "org"]);

    // A helper that shadows the file, for both engines and for Docker alone.
    let home = host.namespace.home();
    let person = Person::new(&host, &home, &engine);
    person.helper("one", "helped");
    let file = logins(&[(&registry, "filed")]);
    home.write(".docker/config.json", with_helper(&file, &format!(r#""credHelpers":{{"{registry}":"one"}}"#)));
    person.uses(["helped", "helped"]);
    home.write(".docker/config.json", with_helper(&file, r#""credsStore":"one""#));
    person.uses(["helped", "filed"]);
    home.write(".docker/config.json", &file);
    let conf = fs::read_to_string(home.path().join(".config/containers/registries.conf")).expect("a file");
    home.write(".config/containers/registries.conf", format!("credential-helpers = [\"one\"]\n{conf}"));
    person.uses(["filed", "helped"]);

    // Files that the environment names.
    let home = host.namespace.home();
    let mut person = Person::new(&host, &home, &engine);
    home.write(".docker/config.json", logins(&[(&registry, "home")]));
    runtime(&home, &logins(&[(&registry, "runtime")]));
    home.write("elsewhere/config.json", logins(&[(&registry, "elsewhere")]));
    person.set("DOCKER_CONFIG", home.path().join("elsewhere"));
    // Skopeo reads Docker's file last even then.
    let status = json(&run(&mut person.here(pullpass(&home), &["status", &host.image(), "--json"])));
    assert_eq!([winner(&status, "docker"), winner(&status, "podman")], ["elsewhere"; 2]);
    let mut podman = person.here(person.podman.podman(), &["pull", &host.image()]);
    assert_eq!(host.users_of(&mut podman), ["elsewhere"]);
    let skopeo = || person.here(person.podman.skopeo(), &["inspect", &format!("docker://{}", host.image())]);
    assert_eq!(
        (winner(&status, "skopeo"), host.users_of(&mut skopeo())),
        ("runtime".to_owned(), vec!["runtime".to_owned()])
    );
    fs::remove_dir_all(home.runtime_dir().join("containers")).expect("the runtime directory");
    assert_eq!(person.uses(["elsewhere", "elsewhere"])["winners"][2]["user"], "elsewhere");
    person.set("REGISTRY_AUTH_FILE", home.write("named.json", logins(&[(&registry, "named")])));
    person.uses(["elsewhere", "named"]);
}

#[test]
fn a_unit_without_home_and_a_snap_have_homes_of_their_own() {
    let host = Host::new();
    let engine = Engine::start_in(host.namespace.home());
    let registry = host.name();

    // Below a system unit there is neither HOME nor XDG_RUNTIME_DIR: the home is what the system says.
    let home = host.namespace.home();
    run(home.command("sed").args([
        "-i",
        &format!("s|^root:.*|root:x:0:0::{}:/bin/sh|", home.path().display()),
        "/etc/passwd",
    ]))
    .expect_success();
    let mut person = Person::new(&host, &home, &engine);
    // The engines' own settings are not the matter.
    person.set("CONTAINERS_REGISTRIES_CONF", home.path().join(".config/containers/registries.conf"));
    person.unset("HOME");
    home.write(".docker/config.json", logins(&[(&registry, "unit")]));
    person.uses(["unit", "unit"]);

    let home = host.namespace.home();
    let person = Person::new(&host, &home, &engine);
    home.write(".docker/config.json", logins(&[(&registry, "home")]));
    let snap = home.path().join("snap/docker/current");
    home.write("snap/docker/current/.docker/config.json", logins(&[(&registry, "snapped")]));
    let status = person.uses(["home", "home"]);
    assert_eq!(winner(&status, "docker (snap)"), "snapped");
    // What the kubelet tries first, and then.
    let script =
        r#"mount -t tmpfs tmpfs /var/lib && mkdir /var/lib/kubelet && printf '%s' "$1" > /var/lib/kubelet/config.json"#;
    let keys = logins(&[("ghcr.io", "host"), ("ghcr.io/o", "org"), ("*.example.org", "glob")]);
    let kubelet = host.namespace.home();
    run(kubelet.command("sh").args(["-c", script, "kubelet", &keys])).expect_success();
    let status = json(&run(pullpass(&kubelet).args(["status", "ghcr.io/o/app", "--json"])));
    let last = status["winners"].as_array().and_then(|winners| winners.last()).expect("winners");
    assert_eq!((winner(&status, "kubelet").as_str(), &last["shadowed"][0]["registry"]), ("org", &"ghcr.io".into()));
    let status = json(&run(pullpass(&kubelet).args(["status", "a.example.org/x/y", "--json"])));
    assert_eq!(winner(&status, "kubelet"), "glob");
    let client = docker::clients().remove(0);
    // So snapd starts it.
    let mut docker = engine.command(&client, &home);
    assert_eq!(host.users_of(docker.args(["pull", &host.image()]).env("HOME", snap)), ["snapped"]);
}
