//! What the real clients print when a pull, a push or a login fails, and what `explain` makes of it. With `--nocapture` the
//! messages are shown.

use std::path::{Path, PathBuf};
use std::process::Command;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use pullpass_client::diagnosis::Cause::{self, *};
use pullpass_client::diagnosis::{entry, explain};
use pullpass_testing::engines::docker::{self, Engine};
use pullpass_testing::engines::podman::Podman;
use pullpass_testing::ghcr::{Failing, Ghcr, Token, Visibility};
use pullpass_testing::home::Home;
use pullpass_testing::run::{Ran, run, run_with_input};
use serde_json::Value;

use crate::program::pullpass;
use crate::sample;
use crate::site::{Certificate, Network, Setting, Site};

const PRIVATE: &str = "ghcr.io/midokura/private:v1";
const PUBLIC: &str = "ghcr.io/midokura/public:v1";
const PASSWORD: &str = "correct horse battery staple";

/// What a client says of a cause.
struct Message {
    client: String,
    ran: Ran,
    /// The cause that is the case.
    cause: Cause,
    /// Whether the text alone decides.
    is_clear: bool,
}

/// A host of the site with all clients, of which each has a home of its own.
struct Hosts<'site> {
    site: &'site Site,
    engine: Engine,
    clients: Vec<PathBuf>,
}

impl<'site> Hosts<'site> {
    fn new(site: &'site Site) -> Hosts<'site> {
        Hosts { site, engine: Engine::start_in(site.home()), clients: docker::clients() }
    }

    fn token(&self, login: &str, scopes: &[&str]) -> String {
        self.site.ghcr().token(login, Token::classic(scopes))
    }

    fn dead_token(&self) -> String {
        let token = self.token("octocat", &["read:packages"]);
        self.site.ghcr().revoke(&token);
        token
    }

    /// A home in which `token` is the login of every engine.
    fn home(&self, token: Option<&str>) -> Home {
        let home = self.site.home();
        if let Some(token) = token {
            let auth = STANDARD.encode(format!("octocat:{token}"));
            home.write(".docker/config.json", format!(r#"{{"auths":{{"ghcr.io":{{"auth":"{auth}"}}}}}}"#));
        }
        home
    }

    /// What each client says of a pull of `image`: every docker, podman, skopeo, and containerd's own.
    fn pulls(&self, cause: Cause, image: &str, token: Option<&str>, is_clear: bool) -> Vec<Message> {
        self.pulls_with(|_| true, cause, image, token, is_clear)
    }

    /// The same of some clients.
    fn pulls_with(
        &self,
        which: impl Fn(&str) -> bool,
        cause: Cause,
        image: &str,
        token: Option<&str>,
        is_clear: bool,
    ) -> Vec<Message> {
        let home = self.home(token);
        let mut said = self.engines(&home, which, cause, is_clear, |mut command, client| {
            match client {
                "skopeo" => command.args(["inspect", &format!("docker://{image}")]),
                _ => command.args(["pull", image]),
            };
            run(&mut command)
        });
        let user: Vec<String> =
            token.iter().flat_map(|token| ["--user".to_owned(), format!("octocat:{token}")]).collect();
        let mut ctr = home.command("ctr");
        ctr.arg("--address").arg(self.containerd()).args(["images", "pull", "--hosts-dir", "/etc/docker/certs.d"]);
        let ran = run(ctr.args(user).arg(image));
        said.push(Message { client: "ctr".to_owned(), ran, cause, is_clear });
        assert_diagnosed(&home, image, cause);
        said
    }

    /// What docker, podman and skopeo say of a login with `password`.
    fn logins(&self, cause: Cause, password: &str, is_clear: bool) -> Vec<Message> {
        let home = self.site.home();
        self.engines(
            &home,
            |_| true,
            cause,
            is_clear,
            |mut command, _| {
                run_with_input(command.args(["login", "-u", "octocat", "--password-stdin", "ghcr.io"]), password)
            },
        )
    }

    /// What skopeo, and with `docker` docker, say of a push.
    fn pushes(&self, cause: Cause, token: Option<&str>, docker: bool) -> Vec<Message> {
        let home = self.home(token);
        let layout = home.side_dir("layout");
        sample::oci_layout(&layout);
        let layer = sample::layer_file(&home);
        let which = |client: &str| client == "skopeo" || docker && client.ends_with("docker");
        self.engines(&home, which, cause, false, |mut command, client| {
            if client == "skopeo" {
                let [from, to] = [format!("oci:{}", layout.display()), format!("docker://{PRIVATE}")];
                return run(command.args(["copy", &from, &to]));
            }
            run(self.engine.command(Path::new(client), &home).arg("import").arg(&layer).arg(PRIVATE)).expect_success();
            run(command.args(["push", PRIVATE]))
        })
    }

    /// What each of docker's clients, podman and skopeo say in `home`.
    fn engines(
        &self,
        home: &Home,
        which: impl Fn(&str) -> bool,
        cause: Cause,
        is_clear: bool,
        ask: impl Fn(Command, &str) -> Ran,
    ) -> Vec<Message> {
        let podman = Podman::new(home);
        let dockers = self.clients.iter().map(|path| (path.display().to_string(), self.engine.command(path, home)));
        let others = [("podman".to_owned(), podman.podman()), ("skopeo".to_owned(), podman.skopeo())];
        let all = dockers.chain(others).filter(|(client, _)| which(client));
        all.map(|(client, command)| Message { ran: ask(command, &client), client, cause, is_clear }).collect()
    }

    fn containerd(&self) -> PathBuf {
        let base = self.engine.data().parent().expect("docker's directory").to_owned();
        base.join("exec/containerd/containerd.sock")
    }

    /// Sets every answer of the registry wrong while `ask` asks.
    fn failing(&self, failing: Failing, ask: impl FnOnce() -> Vec<Message>) -> Vec<Message> {
        self.site.ghcr().fail("/", failing);
        let said = ask();
        self.site.ghcr().heal();
        said
    }
}

fn described() -> Ghcr {
    Ghcr::new()
        .account("octocat")
        .account("hubot")
        .organization("midokura", &["octocat"])
        .package("midokura/private", Visibility::Private, &["octocat"])
        .image("v1", &sample::image())
        .package("midokura/public", Visibility::Public, &[])
        .image("v1", &sample::image())
}

/// Fails unless `doctor`, on the host on which the clients have failed, names the cause too.
fn assert_diagnosed(home: &Home, image: &str, cause: Cause) {
    let ran = run(pullpass(home).args(["doctor", image, "--json"]));
    let report: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran}"));
    let findings = report["findings"].as_array().expect("findings").iter().filter(|finding| finding["blocks"] == true);
    let causes = findings.flat_map(|finding| {
        let or = finding["or"].as_array().into_iter().flatten();
        std::iter::once(&finding["cause"]).chain(or).filter_map(Value::as_str).collect::<Vec<_>>()
    });
    assert!(causes.collect::<Vec<_>>().contains(&entry(cause).slug), "{} of {image}: {ran}", entry(cause).slug);
}

/// Fails with every message of which the cause was not found, and shows all.
#[expect(clippy::print_stdout, reason = "for `--nocapture`")]
fn assert_explained(said: Vec<Message>) {
    let mut wrong = Vec::new();
    let slug = |cause: &Cause| entry(*cause).slug;
    for Message { client, ran, cause, is_clear } in said {
        assert!(ran.code != 0, "{client} succeeds in spite of {}: {ran}", slug(&cause));
        let text = ran.said();
        let found = explain(&text);
        let causes = found.as_ref().map_or(&[][..], |found| &found.causes);
        let named: Vec<&str> = causes.iter().map(slug).collect();
        let row = format!("{} | {client} | {}\n{text}", slug(&cause), named.join(", "));
        println!("{row}");
        let is_found = if is_clear { causes.first() == Some(&cause) } else { causes.contains(&cause) };
        if !is_found {
            wrong.push(row);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn what_every_client_says_of_a_login_that_does_not_open_the_image_is_explained() {
    let site = Site::new(described());
    let hosts = Hosts::new(&site);
    let stranger = hosts.token("hubot", &["read:packages"]);
    let scopeless = hosts.token("octocat", &["gist"]);
    let good = hosts.token("octocat", &["read:packages"]);
    let dead = hosts.dead_token();
    let mut said = hosts.pulls(NoLogin, PRIVATE, None, true);
    said.extend(hosts.pulls(DeadLogin, PRIVATE, Some(&dead), true));
    said.extend(hosts.pulls(DeadLoginOnPublic, PUBLIC, Some(&dead), false));
    said.extend(hosts.pulls(NoSuchPackage, "ghcr.io/midokura/nothing:v1", None, false));
    said.extend(hosts.pulls(NoSuchPackage, "ghcr.io/midokura/nothing:v1", Some(&good), false));
    said.extend(hosts.pulls(NoRole, PRIVATE, Some(&stranger), true));
    said.extend(hosts.pulls(NoReadScope, PRIVATE, Some(&scopeless), false));
    said.extend(hosts.pulls(NoSuchTag, "ghcr.io/midokura/private:v2", Some(&good), true));
    said.extend(hosts.pulls(UpperCase, "ghcr.io/Midokura/Private:v1", Some(&good), false));
    said.extend(hosts.logins(Password, PASSWORD, false));
    said.extend(hosts.logins(DeadLogin, &dead, true));
    said.extend(hosts.pushes(NoWriteScope, Some(&good), true));
    // Docker tries this five times, for a minute.
    said.extend(hosts.pushes(NoLogin, None, false));
    assert_explained(said);
}

#[test]
fn what_every_client_says_of_a_registry_that_does_not_answer_rightly_is_explained() {
    let site = Site::new(described());
    let hosts = Hosts::new(&site);
    let mut said = hosts.failing(Failing::HangUp, || hosts.pulls(Unreachable, PUBLIC, None, true));
    // Podman and skopeo try this for a minute.
    said.extend(hosts.failing(Failing::RateLimited, || {
        hosts.pulls_with(|client| client.ends_with("docker"), RateLimit, PUBLIC, None, true)
    }));
    said.extend(hosts.failing(Failing::Status(503), || hosts.pulls(Outage, PUBLIC, None, true)));
    said.extend(hosts.failing(Failing::Html, || hosts.pulls(NotARegistry, PUBLIC, None, true)));
    said.extend(hosts.pulls(NoAddress, "registry.example/midokura/public:v1", None, true));
    assert_explained(said);

    for certificate in [Certificate::Untrusted, Certificate::Expired, Certificate::WrongName] {
        let site = Site::with(Setting { certificate, ..Setting::default() }, described());
        assert_explained(Hosts::new(&site).pulls(Tls, PUBLIC, None, true));
    }
    let site = Site::with(Setting { network: Network::Ipv6WithoutNames, ..Setting::default() }, described());
    assert_explained(Hosts::new(&site).pulls(Ipv6Only, PUBLIC, None, true));
}

#[test]
fn what_docker_and_podman_say_of_stores_that_do_not_work_is_explained() {
    let site = Site::new(described());
    let hosts = Hosts::new(&site);
    let home = |config: &str| {
        let home = site.home();
        home.write(".docker/config.json", config);
        home
    };
    let pull = |home: &Home, cause| {
        let pulled = |mut command: Command, client: &str| match client {
            "skopeo" => run(command.args(["inspect", &format!("docker://{PUBLIC}")])),
            _ => run(command.args(["pull", PUBLIC])),
        };
        let mut said = hosts.engines(home, |_| true, cause, true, pulled);
        // Who ignores what is wrong has the public image.
        said.retain(|message| message.ran.code != 0);
        assert!(!said.is_empty(), "nobody minds {}", entry(cause).slug);
        said
    };
    let mut said = pull(&home(r#"{"credHelpers":{"ghcr.io":"missing"}}"#), HelperBroken);
    said.extend(pull(&home(r#"{"auths":{"ghcr.io":{"auth":"ghp_notbase64"}}}"#), RawAuth));
    said.extend(pull(&home("{not JSON"), BrokenStore));
    let down = site.home();
    said.extend(hosts.clients.iter().map(|docker| {
        let ran = run(down.command(docker).env("DOCKER_HOST", "unix:///nowhere.sock").args(["pull", PUBLIC]));
        Message { client: docker.display().to_string(), ran, cause: EngineDown, is_clear: true }
    }));
    assert_explained(said);
}
