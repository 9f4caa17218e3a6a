//! What is in a store, and what the real docker, podman and skopeo make of it: pullpass has to find just what they find,
//! and to leave alone what it was not asked to change.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pullpass_secrets::store::{Environment, Lookup, docker, podman};
use pullpass_testing::canned::{Canned, Request, response};
use pullpass_testing::engines::docker::{Engine, clients};
use pullpass_testing::engines::podman::Podman;
use pullpass_testing::home::Home;
use pullpass_testing::run::run;
use tokio::runtime::{Builder, Runtime};

/// Where we do not find yet what the engines use.
const KNOWN: [&str; 11] = [
    "null for an entry: podman",
    "null for an entry: skopeo",
    "no password: ",
    "a helper that is missing: /",
    "a helper for all: /",
    "no helper for it",
    "a number for the helper of all: /",
    "more behind it: /",
    "a second document: /",
    "an empty file: ",
    "a registry token: /",
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
