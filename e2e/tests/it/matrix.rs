//! What is in a store, and what the real docker, podman and skopeo make of it: pullpass has to find just what they find,
//! and to leave alone what it was not asked to change.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Deref;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pullpass_secrets::file;
use pullpass_secrets::store::{self, Environment, Lookup, docker, podman};
use pullpass_testing::canned::{Canned, Certificates, Reply, Request, json, response};
use pullpass_testing::engines::docker::{Engine, clients};
use pullpass_testing::engines::podman::Podman;
use pullpass_testing::home::{Home, SEARCH_PATH};
use pullpass_testing::namespace::Namespace;
use pullpass_testing::run::{run, run_with_input};
use tokio::runtime::{Builder, Runtime};

use crate::program::{USER, program};

/// Where we do not find what the engines use. A user without a password is one that Podman shows to a registry, but not to
/// the token service of this one.
const KNOWN: [&str; 4] = [
    "a number for the helper of all: /",
    "a registry token: /",
    "no password: podman uses none",
    "no password: skopeo uses none",
];

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
}

/// A registry that lets nobody in, and remembers what it was shown.
fn curious(runtime: &Runtime) -> Canned {
    runtime.block_on(Canned::start(|request| match request.path() {
        "/token" => response(401, &[], "{}"),
        _ => {
            let challenge = format!("Bearer realm=\"{}/token\",service=\"test\"", request.origin);
            response(401, &[("www-authenticate", &challenge)], "{}")
        }
    }))
}

/// A registry that lets everybody in who has a login, and has nothing. It remembers what it was shown too.
fn empty(runtime: &Runtime) -> Canned {
    runtime.block_on(Canned::start(|request| admit(request, &format!("{}/token", request.origin))))
}

/// Its answer, with the place of its token service.
fn admit(request: &Request, realm: &str) -> Reply {
    let is_shown = !request.header("authorization").is_empty();
    let answer = match (request.path(), is_shown) {
        ("/token", true) => json(200, "{\"token\": \"opaque\", \"access_token\": \"opaque\", \"expires_in\": 300}"),
        ("/v2/", true) => json(200, "{}"),
        (_, true) => json(404, "{\"errors\": [{\"code\": \"MANIFEST_UNKNOWN\"}]}"),
        _ => {
            let challenge = format!("Bearer realm=\"{realm}\",service=\"test\"");
            response(401, &[("www-authenticate", &challenge)], "{}")
        }
    };
    answer.into()
}

/// The credential in a request, in the words of [`shown`].
fn credential(request: &Request) -> Option<String> {
    let refresh = |body: &str| Some(format!("token {}", body.split_once("refresh_token=")?.1.split('&').next()?));
    match request.header("authorization").split_once(' ') {
        Some(("Basic", pair)) => Some(String::from_utf8_lossy(&STANDARD.decode(pair).expect("base64")).into_owned()),
        Some((_, bearer)) => Some(format!("bearer {bearer}")),
        None => refresh(std::str::from_utf8(&request.body).expect("a form")),
    }
}

/// What a client shows to a registry when it wants an image.
fn sent(registry: &Canned, mut client: Command) -> String {
    let before = registry.requests().len();
    run(&mut client);
    let requests = &registry.requests()[before..];
    let shown = requests.iter().find_map(credential);
    shown.unwrap_or_else(|| if requests.is_empty() { "broken" } else { "none" }.to_owned())
}

/// What a lookup of ours found.
fn shown(lookup: Lookup) -> String {
    match lookup {
        Lookup::Found { credential, .. } => format!("{}:{}", credential.user, credential.secret.reveal()),
        Lookup::IdentityToken { token, .. } => format!("token {}", token.reveal()),
        Lookup::Broken { .. } => "broken".to_owned(),
        Lookup::None => "none".to_owned(),
    }
}

fn environment(home: &Home) -> Environment {
    Environment {
        home: home.path(),
        docker_config: None,
        registry_auth_file: None,
        xdg_runtime_dir: Some(home.runtime_dir()),
        xdg_config_home: None,
        uid: 0,
        docker_auth_config: None,
        credential_helpers: Vec::new(),
    }
}

/// `user:secret` as `auth` has it.
fn auth(pair: impl AsRef<[u8]>) -> String {
    STANDARD.encode(pair)
}

/// Files, `REGISTRY` standing for the registry that is asked for the image `REGISTRY/alice/hello:1`.
fn files() -> Vec<(&'static str, String)> {
    let entry = |entry: &str| format!("{{\"auths\": {{\"REGISTRY\": {entry}}}}}");
    let good = auth("me:pw");
    let keyed = |key: &str| format!("{{\"auths\": {{\"{key}\": {{\"auth\": \"{good}\"}}}}}}");
    vec![
        ("a login", keyed("REGISTRY")),
        ("a password with colons", entry(&format!("{{\"auth\": \"{}\"}}", auth("me:p:w:")))),
        ("NUL behind the password", entry(&format!("{{\"auth\": \"{}\"}}", auth("me:pw\0\0")))),
        ("unpadded base64", entry(&format!("{{\"auth\": \"{}\"}}", good.trim_end_matches('=')))),
        ("base64 in two lines", entry(&format!("{{\"auth\": \"{}\\n{}\"}}", &good[..4], &good[4..]))),
        (
            "URL-safe base64",
            entry(&format!("{{\"auth\": \"{}\"}}", auth("me:??>>").replace('/', "_").replace('+', "-"))),
        ),
        ("no base64", entry("{\"auth\": \"me:pw\"}")),
        ("no colon", entry(&format!("{{\"auth\": \"{}\"}}", auth("me")))),
        ("no user", entry(&format!("{{\"auth\": \"{}\"}}", auth(":pw")))),
        ("no password", entry(&format!("{{\"auth\": \"{}\"}}", auth("me:")))),
        ("user and password", entry("{\"username\": \"me\", \"password\": \"pw\"}")),
        (
            "auth before user and password",
            entry(&format!("{{\"username\": \"x\", \"password\": \"y\", \"auth\": \"{good}\"}}")),
        ),
        ("an identity token alone", entry("{\"identitytoken\": \"t\"}")),
        ("an identity token", entry(&format!("{{\"auth\": \"{}\", \"identitytoken\": \"t\"}}", auth("me:")))),
        ("an identity token and a password", entry(&format!("{{\"auth\": \"{good}\", \"identitytoken\": \"t\"}}"))),
        ("a marker", entry("{}")),
        ("null for an entry", entry("null")),
        ("null for auth", entry("{\"auth\": null}")),
        ("a number for auth", entry("{\"auth\": 1}")),
        ("a list for an entry", entry("[]")),
        ("null for auths", "{\"auths\": null}".to_owned()),
        ("a list for auths", "{\"auths\": []}".to_owned()),
        ("other case", keyed("REGISTRY").replace("auths", "AUTHS").replace("\"auth\"", "\"Auth\"")),
        ("https://", keyed("https://REGISTRY")),
        ("https:// and a path", keyed("https://REGISTRY/v1/")),
        ("http:// and a path", keyed("http://REGISTRY/v2/alice")),
        ("a slash", keyed("REGISTRY/")),
        ("a part of the registry", keyed("REGISTRY/alice")),
        ("a part of the registry that is not asked for", keyed("REGISTRY/bob")),
        ("another port", keyed("127.0.0.1:1")),
        ("no port", keyed("127.0.0.1")),
        (
            "the registry and a part of it",
            format!(
                "{{\"auths\": {{\"REGISTRY\": {{\"auth\": \"{good}\"}}, \"REGISTRY/alice\": {{\"auth\": \"{}\"}}}}}}",
                auth("part:pw")
            ),
        ),
        (
            "a marker for a part of the registry",
            format!("{{\"auths\": {{\"REGISTRY\": {{\"auth\": \"{good}\"}}, \"REGISTRY/alice\": {{}}}}}}"),
        ),
        (
            "an older spelling beside it",
            format!(
                "{{\"auths\": {{\"https://REGISTRY\": {{\"auth\": \"{}\"}}, \"REGISTRY\": {{\"auth\": \"{good}\"}}}}}}",
                auth("old:pw")
            ),
        ),
        (
            "twice",
            format!(
                "{{\"auths\": {{\"REGISTRY\": {{\"auth\": \"{}\"}}, \"REGISTRY\": {{\"auth\": \"{good}\"}}}}}}",
                auth("first:pw")
            ),
        ),
        (
            "a helper that is missing",
            format!("{{\"credHelpers\": {{\"REGISTRY\": \"missing\"}}, {}", &keyed("REGISTRY")[1..]),
        ),
        ("no helper for it", format!("{{\"credHelpers\": {{\"REGISTRY\": \"\"}}, {}", &keyed("REGISTRY")[1..])),
        (
            "no helper for it, one for others",
            format!(
                "{{\"credsStore\": \"missing\", \"credHelpers\": {{\"REGISTRY\": \"\"}}, {}",
                &keyed("REGISTRY")[1..]
            ),
        ),
        ("a helper for others", format!("{{\"credHelpers\": {{\"a.io\": \"missing\"}}, {}", &keyed("REGISTRY")[1..])),
        ("a helper for all", format!("{{\"credsStore\": \"missing\", {}", &keyed("REGISTRY")[1..])),
        ("a number for the helper of all", format!("{{\"credsStore\": 1, {}", &keyed("REGISTRY")[1..])),
        ("a list for another entry", keyed("REGISTRY").replace("\": {\"R", "\": {\"bad.io\": [], \"R")),
        ("a number in another entry", keyed("REGISTRY").replace("\": {\"R", "\": {\"bad.io\": {\"auth\": 1}, \"R")),
        ("null for another entry", keyed("REGISTRY").replace("\": {\"R", "\": {\"bad.io\": null, \"R")),
        ("more behind it", format!("{} more", keyed("REGISTRY"))),
        ("a second document", format!("{} {{}}", keyed("REGISTRY"))),
        ("a byte order mark", format!("\u{feff}{}", keyed("REGISTRY"))),
        ("unfinished", keyed("REGISTRY").trim_end_matches('}').to_owned()),
        ("a comma too much", keyed("REGISTRY").replace("}}", "},}")),
        ("an empty object", "{}".to_owned()),
        ("a list", "[]".to_owned()),
        ("an empty file: blanks", " \n".to_owned()),
        ("an empty file: nothing", String::new()),
        ("a registry token", entry("{\"registrytoken\": \"t\"}")),
    ]
}

/// What each client uses and what we find for it, in a file of its own.
fn differences(runtime: &Runtime, engine: &Engine, name: &str, file: &str) -> Vec<String> {
    let registry = curious(runtime);
    let (host, reference) = (registry.host(), format!("{}/alice/hello:1", registry.host()));
    let file = file.replace("REGISTRY", &host);
    let no_helper = |_: &str, _: &str| Err("there is none".to_owned());
    let mut found = Vec::new();

    let home = Home::new();
    home.write(".docker/config.json", &file);
    let ours = shown(docker::lookup(&environment(&home), Some(file.as_bytes()), &host, &no_helper));
    for client in clients() {
        let mut pull = engine.command(&client, &home);
        pull.args(["pull", &reference]);
        let theirs = sent(&registry, pull);
        // Docker warns of a file that it cannot read, and goes on without a login.
        if ours != theirs && (ours.as_str(), theirs.as_str()) != ("broken", "none") {
            found.push(format!("{name}: {} uses {theirs}, we find {ours}", client.display()));
        }
    }

    let home = Home::new();
    let podman = Podman::new(&home);
    podman.allow_http(&host);
    let path = runtime_file(&home);
    fs::write(&path, &file).expect("an auth file");
    let files = [(path.as_path(), file.as_bytes())];
    let ours = shown(podman::lookup(&environment(&home), files, reference.trim_end_matches(":1"), &no_helper));
    let (mut pull, mut inspect) = (podman.podman(), podman.skopeo());
    pull.args(["pull", &reference]);
    inspect.args(["inspect", "--raw", &format!("docker://{reference}")]);
    for (client, command) in [("podman", pull), ("skopeo", inspect)] {
        let theirs = sent(&registry, command);
        if ours != theirs {
            found.push(format!("{name}: {client} uses {theirs}, we find {ours}"));
        }
    }
    found
}

/// Podman's auth file of a home, whose directory is there.
fn runtime_file(home: &Home) -> PathBuf {
    let path = home.runtime_dir().join("containers/auth.json");
    fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
    path
}

#[test]
fn in_any_file_we_find_what_docker_podman_and_skopeo_use() {
    let (runtime, engine) = (runtime(), Engine::start());
    let rows = Mutex::new(files().into_iter());
    let next = || rows.lock().expect("no panic").next();
    let work = || {
        let mut found = Vec::new();
        while let Some((name, file)) = next() {
            found.extend(differences(&runtime, &engine, name, &file));
        }
        found
    };
    let found: Vec<String> = thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no panic")).collect()
    });
    let is_known = |difference: &String| KNOWN.iter().any(|known| difference.starts_with(known));
    let unknown: Vec<String> = found.into_iter().filter(|difference| !is_known(difference)).collect();
    assert_eq!(unknown, [""; 0]);
}

/// A file as people have them: keys that no engine knows at every level, an order and an indentation of its own.
const BEFORE: &str = concat!(
    "{ \"mine\": [1,2 , 1.0],\r\n   \"auths\" : {\r\n      \"b.io\": { \"email\" : \"x@b.io\", \"auth\":\"bWU6cHc=\" },\r\n",
    "      \"a.io/team\": {\"auth\": \"bWU6\\u0063Hc=\", \"more\": {\"z\": null}}\r\n   },\r\n   \"HttpHeaders\": {\"X-A\": \"\u{e9}\"}\r\n}\r\n\r\n"
);

/// A host with every engine, and a registry that is empty.
struct Host<R> {
    home: Home,
    engine: Engine,
    registry: R,
    /// How the registry is called.
    name: String,
}

impl Host<Box<Canned>> {
    fn new(runtime: &Runtime) -> Host<Box<Canned>> {
        let registry = Box::new(empty(runtime));
        let name = registry.host();
        Host::with(registry, &name, Home::new(), Engine::start())
    }
}

impl<R: Deref<Target = Canned>> Host<R> {
    fn with(registry: R, name: &str, home: Home, engine: Engine) -> Host<R> {
        let bin = home.side_dir("bin");
        for name in ["pullpass", "docker-credential-pullpass"] {
            symlink(program(), bin.join(name)).expect("a link");
        }
        Host { home, engine, registry, name: name.to_owned() }
    }

    /// `client WORDS` in this home, with `pullpass` on PATH.
    fn command(&self, client: &str, words: &[&str]) -> Command {
        let podman = Podman::new(&self.home);
        if self.name.starts_with("127.") {
            podman.allow_http(&self.name);
        }
        let mut command = match client {
            "podman" => podman.podman(),
            "skopeo" => podman.skopeo(),
            "pullpass" => self.home.command(program()),
            docker => self.engine.command(docker.as_ref(), &self.home),
        };
        command.args(words).env("PATH", format!("{}:{SEARCH_PATH}", self.home.side_dir("bin").display()));
        command
    }

    /// `client login NAME`, and `more` options.
    fn log_in(&self, client: &str, name: &str, more: &[&str]) {
        let words = [&["login", name, "--username", USER, "--password-stdin"], more].concat();
        run_with_input(&mut self.command(client, &words), SECRET).expect_success();
    }

    /// Which clients show the login to the registry when they want `repository` from it.
    fn users(&self, repository: &str) -> Vec<String> {
        let (login, reference) = (format!("{USER}:{SECRET}"), format!("{}/{repository}:1", self.name));
        let image = format!("docker://{reference}");
        let asked = |client: &String| {
            let words: &[&str] = if client == "skopeo" { &["inspect", "--raw", &image] } else { &["pull", &reference] };
            let used = sent(&self.registry, self.command(client, words));
            assert!(used == login || used == "none", "{client} sent {used}");
            used == login
        };
        everybody().into_iter().filter(asked).collect()
    }

    /// The files that the engines write.
    fn files(&self) -> [PathBuf; 2] {
        [self.home.path().join(".docker/config.json"), runtime_file(&self.home)]
    }

    fn texts(&self) -> [String; 2] {
        self.files().map(|path| fs::read_to_string(path).expect("a text"))
    }

    fn begin(&self) {
        self.home.write(".docker/config.json", BEFORE);
        fs::write(runtime_file(&self.home), BEFORE).expect("a file");
    }
}

/// Not a token's shape, so that nobody takes it for more than a password.
const SECRET: &str = "correct horse battery staple";

/// Every client that there is, by its name or path.
fn everybody() -> Vec<String> {
    let dockers = clients().into_iter().map(|path| path.display().to_string());
    dockers.chain(["podman", "skopeo"].map(str::to_owned)).collect()
}

/// `after` without the entry `key`, which is `{"auth": …}` and nothing else.
fn without(after: &str, key: &str) -> String {
    String::from_utf8(store::remove(after.as_bytes(), &[key]).expect("a sound file")).expect("UTF-8")
}

#[test]
fn docker_podman_and_skopeo_use_what_pullpass_writes_and_it_writes_nothing_else() {
    let runtime = runtime();
    let host = Host::new(&runtime);
    let registry = host.name.clone();
    host.begin();
    assert_eq!(host.users("alice/hello"), [""; 0]);

    host.log_in("pullpass", &registry, &["--docker", "--podman"]);
    assert_eq!(host.users("alice/hello"), everybody());
    for (text, path) in host.texts().iter().zip(host.files()) {
        assert_ne!(text, BEFORE);
        assert_eq!(without(text, &registry), BEFORE);
        assert_eq!(file::mode(&path).expect("a file"), Some(0o600));
    }
    run(&mut host.command("pullpass", &["logout", &registry])).expect_success();
    assert_eq!(host.users("alice/hello"), [""; 0]);
    assert_eq!(host.texts(), [BEFORE; 2]);

    // A key of a part of the registry, which only Podman's library knows.
    host.log_in("pullpass", &format!("{registry}/alice"), &["--podman"]);
    assert_eq!(host.users("alice/hello"), ["podman", "skopeo"]);
    assert_eq!(host.users("bob/hello"), [""; 0]);
    let [docker, podman] = host.texts();
    assert_eq!((docker.as_str(), without(&podman, &format!("{registry}/alice")).as_str()), (BEFORE, BEFORE));
    run(&mut host.command("pullpass", &["logout", &format!("{registry}/alice")])).expect_success();
    assert_eq!(host.users("alice/hello"), [""; 0]);
    assert_eq!(host.texts(), [BEFORE; 2]);
}

#[test]
fn pullpass_finds_keeps_and_removes_what_docker_podman_and_skopeo_write() {
    let runtime = runtime();
    for client in everybody() {
        let host = Host::new(&runtime);
        let registry = host.name.clone();
        host.begin();
        host.log_in(&client, &registry, &[]);
        let written = host.texts();
        let is_docker = client.contains("docker");
        let engines: &[&str] = if is_docker { &["--docker"] } else { &["--podman"] };
        let [docker, podman] = found(&host, &written, &format!("{registry}/alice/hello"));
        assert_eq!(if is_docker { docker } else { podman }, format!("{USER}:{SECRET}"), "{client}");

        // What the client has made of the rest of the file is its own affair; from here on it stays.
        let more = empty(&runtime);
        host.log_in("pullpass", &more.host(), engines);
        let with_more = host.texts();
        assert_eq!(with_more.each_ref().map(|text| without(text, &more.host())), written, "{client}");
        run(&mut host.command("pullpass", &["logout", &registry])).expect_success();
        assert_eq!(host.users("alice/hello"), [""; 0], "{client}");
        assert_eq!(host.texts(), with_more.map(|text| without(&text, &registry)), "{client}");
    }
}

/// What a lookup finds in the texts of Docker's file and Podman's.
fn found<R: Deref<Target = Canned>>(
    host: &Host<R>,
    [docker_text, podman_text]: &[String; 2],
    name: &str,
) -> [String; 2] {
    let environment = environment(&host.home);
    let no_helper = |_: &str, _: &str| Err("there is none".to_owned());
    let [docker_file, podman_file] = host.files();
    let files = [(podman_file.as_path(), podman_text.as_bytes()), (docker_file.as_path(), docker_text.as_bytes())];
    [
        shown(docker::lookup(&environment, Some(docker_text.as_bytes()), &host.name, &no_helper)),
        shown(podman::lookup(&environment, files, name, &no_helper)),
    ]
}

#[test]
fn pullpass_finds_the_key_of_a_part_that_podman_and_skopeo_write() {
    let runtime = runtime();
    for client in ["podman", "skopeo"] {
        let host = Host::new(&runtime);
        let part = format!("{}/alice", host.name);
        host.begin();
        host.log_in(client, &part, &[]);
        let texts = host.texts();
        let found = |name: &str| found(&host, &texts, &format!("{}/{name}", host.name));
        let login = format!("{USER}:{SECRET}");
        assert_eq!(found("alice/hello"), ["none".to_owned(), login]);
        assert_eq!(found("bob/hello"), ["none"; 2]);
        assert_eq!(host.users("alice/hello"), ["podman", "skopeo"]);
        run(&mut host.command("pullpass", &["logout", &part])).expect_success();
        assert_eq!(host.users("alice/hello"), [""; 0]);
    }
}

#[test]
fn everybody_uses_what_pullpass_gives_the_helper_and_the_other_way_round() {
    let runtime = runtime();
    let host = Host::new(&runtime);
    let registry = host.name.clone();
    host.begin();
    let install = ["helper", "install", &registry, "--docker", "--podman"];
    run(&mut host.command("pullpass", &install)).expect_success();
    let installed = host.texts();
    for client in [vec!["pullpass".to_owned()], everybody()].concat() {
        let engines: &[&str] = if client == "pullpass" { &["--docker", "--podman"] } else { &[] };
        host.log_in(&client, &registry, engines);
        assert_eq!(host.users("alice/hello"), everybody(), "logged in with {client}");
        run(&mut host.command("pullpass", &["logout", &registry])).expect_success();
        assert_eq!(host.users("alice/hello"), [""; 0], "logged in with {client}");
        if client == "pullpass" {
            assert_eq!(host.texts(), installed, "the login is in the helper alone");
        }
    }
}

/// Docker Hub, played by a registry of the test: its login has a key of its own in Docker's file, and its registry another
/// name than the login.
#[test]
fn the_login_of_docker_hub_is_one_for_everybody() {
    const HUB: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 443);
    let names = ["docker.io", "registry-1.docker.io", "index.docker.io", "auth.docker.io"];
    let namespace = Namespace::new(&format!("127.0.0.1 localhost\n192.0.2.1 {}\n", names.join(" ")));
    let certificates = Certificates::for_names(&names);
    let home = namespace.home();
    let authority = home.write("ca.crt", &certificates.ca_pem);
    let trust = format!("cat {} >> /etc/ssl/certs/ca-certificates.crt", authority.display());
    run(home.command("sh").args(["-c", &trust])).expect_success();
    let hub = namespace.serve(move || async move {
        let answer = |request: &Request| admit(request, "https://auth.docker.io/token");
        Canned::start_at(HUB, Some(&certificates), answer).await.expect("a free address")
    });
    let host = Host::with(hub, "docker.io", home, Engine::start_in(namespace.home()));
    host.begin();
    for client in [vec!["pullpass".to_owned()], everybody()].concat() {
        let engines: &[&str] = if client == "pullpass" { &["--docker", "--podman"] } else { &[] };
        host.log_in(&client, "docker.io", engines);
        let users = host.users("alice/hello");
        let login = format!("{USER}:{SECRET}");
        let is_docker = client.contains("docker");
        let [docker, podman] = found(&host, &host.texts(), "docker.io/alice/hello");
        match client.as_str() {
            "pullpass" => {
                assert_eq!(users, everybody());
                assert_eq!((docker, podman), (login.clone(), login));
                let [docker, podman] = host.texts();
                assert_eq!(
                    (without(&docker, docker::HUB_KEY).as_str(), without(&podman, "docker.io").as_str()),
                    (BEFORE, BEFORE)
                );
            }
            // Podman reads Docker's file too.
            _ if is_docker => {
                assert_eq!(users, everybody(), "{client}");
                assert_eq!((docker, podman), (login.clone(), login), "{client}");
            }
            _ => {
                assert_eq!(users, ["podman", "skopeo"], "{client}");
                assert_eq!((docker.as_str(), podman), ("none", login), "{client}");
            }
        }
        run(&mut host.command("pullpass", &["logout", "docker.io"])).expect_success();
        assert_eq!(host.users("alice/hello"), [""; 0], "{client}");
    }
}
