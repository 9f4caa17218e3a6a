//! A row of the table: what a host, ghcr.io and GitHub are like, and what has to be found.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use pullpass_testing::ghcr::{Ghcr, PolicyRefusal, Switches, Token, Visibility};
use pullpass_testing::home::{Home, SEARCH_PATH};
use pullpass_testing::run::run;
use serde_json::{Value, json};

use crate::program::pullpass;
use crate::sample;
use crate::site::{Setting, Site};

/// The image of most rows.
pub(super) const IMAGE: &str = "ghcr.io/midokura/app:v1";
/// As many requests of one run are polite.
const MOST_REQUESTS: usize = 60;

/// One row.
#[derive(Clone, Copy)]
pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) setting: fn() -> Setting,
    pub(super) ghcr: fn(Ghcr) -> Ghcr,
    pub(super) host: fn(&mut Host<'_>),
    pub(super) words: &'static [&'static str],
    /// The names of the causes, in order; candidates of one finding are joined by `/`.
    pub(super) expected: &'static [&'static str],
}

/// The usual row: a private and a public image of an organization, read by octocat.
pub(super) const USUAL: Scenario =
    Scenario { name: "", setting: Setting::default, ghcr: |ghcr| ghcr, host: |_| {}, words: &[IMAGE], expected: &[] };

/// The host of a row while it is arranged.
pub(super) struct Host<'a> {
    pub(super) site: &'a Site,
    pub(super) home: &'a Home,
    pub(super) environment: Vec<(String, String)>,
    /// Secrets that must show up nowhere.
    pub(super) secrets: Vec<String>,
}

impl Host<'_> {
    /// A token of octocat's that may read packages.
    pub(super) fn good(&mut self) -> String {
        self.token("octocat", Token::classic(&["read:packages"]))
    }

    pub(super) fn token(&mut self, login: &str, token: Token) -> String {
        let token = self.site.ghcr().token(login, token);
        self.secret(token)
    }

    /// A token that has been revoked.
    pub(super) fn dead(&mut self) -> String {
        let token = self.good();
        self.site.ghcr().revoke(&token);
        token
    }

    pub(super) fn secret(&mut self, secret: String) -> String {
        self.secrets.push(secret.clone());
        secret
    }

    /// Docker's file with these logins.
    pub(super) fn docker(&mut self, logins: &[(&str, &str)]) {
        self.home.write(".docker/config.json", file(logins));
    }

    /// Podman's file that a reboot empties.
    pub(super) fn podman(&mut self, logins: &[(&str, &str)]) {
        let path = self.home.runtime_dir().join("containers/auth.json");
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(&path, file(logins)).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("own file");
    }

    /// Podman's file that stays.
    pub(super) fn persistent(&mut self, logins: &[(&str, &str)]) {
        self.home.write(".config/containers/auth.json", file(logins));
    }

    pub(super) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.environment.push((name.to_owned(), value.into()));
    }

    /// A credential helper that does what a script says, and comes before others on PATH.
    pub(super) fn helper(&mut self, name: &str, script: &str) {
        let path = self.home.write(&format!("bin/docker-credential-{name}"), format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("own file");
        let bin = self.home.path().join("bin");
        self.set("PATH", format!("{}:{SEARCH_PATH}", bin.display()));
    }

    /// A helper with one login for ghcr.io.
    pub(super) fn helper_with(&mut self, name: &str, secret: &str) {
        let login = json!({ "ServerURL": "ghcr.io", "Username": "octocat", "Secret": secret });
        self.home.write("helper.json", login.to_string());
        let path = self.home.path().join("helper.json");
        let script = format!(
            "read -r server; case \"$1\" in list) echo '{{\"ghcr.io\":\"octocat\"}}';; get) [ \"$server\" = ghcr.io ] && cat {} || {{ echo credentials not found in native keychain; exit 1; }};; esac",
            path.display()
        );
        self.helper(name, &script);
    }
}

/// Docker's file, which Podman reads too, with a token that pulls.
pub(super) fn good_login(host: &mut Host<'_>) {
    let token = host.good();
    host.docker(&[("ghcr.io", &token)]);
}

/// The same with a token that has been revoked.
pub(super) fn dead_login(host: &mut Host<'_>) {
    let token = host.dead();
    host.docker(&[("ghcr.io", &token)]);
}

/// `auths` with logins by key.
pub(super) fn file(logins: &[(&str, &str)]) -> String {
    let entry = |(key, token): &(&str, &str)| {
        ((*key).to_owned(), json!({ "auth": STANDARD.encode(format!("octocat:{token}")) }))
    };
    json!({ "auths": Value::Object(logins.iter().map(entry).collect()) }).to_string()
}

/// In a number of days, in whole seconds.
pub(super) fn in_days(days: i64) -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second()).expect("now") + SignedDuration::from_hours(24 * days)
}

/// What most rows know.
fn usual() -> Ghcr {
    Ghcr::new()
        .account("octocat")
        .account("hubot")
        .organization("midokura", &["octocat"])
        .package("midokura/public", Visibility::Public, &[])
        .image("v1", &sample::image())
        .package("midokura/app", Visibility::Private, &["octocat"])
        .image("v1", &sample::image())
}

/// The same, where every uncertain fact is the other way round.
pub(super) fn contrary() -> Switches {
    Switches {
        post_token: 404,
        token_checks_scopes: true,
        bearer_is_the_credential: true,
        basic_on_root_is_challenged: true,
        any_base64_reads_public: false,
        public_needs_scope: false,
        lists_catalog: true,
        installations_have_a_user: true,
        lockout_reaches_registry: true,
        policy_refusal: PolicyRefusal::Unauthorized,
        public_ignores_policies: true,
        ..Switches::default()
    }
}

struct Outcome {
    found: Vec<String>,
    probes: String,
    problems: Vec<String>,
    /// All that was printed, to tell what went wrong.
    said: String,
}

/// Runs every row, under either answer of what is uncertain, prints the table, and fails when a row is not as expected.
#[expect(clippy::print_stdout, reason = "the table is to be seen, with `--nocapture`")]
pub(super) fn judge(rows: &[Scenario]) {
    let next = AtomicUsize::new(0);
    let runs: Vec<(usize, bool)> = (0..rows.len()).flat_map(|row| [(row, false), (row, true)]).collect();
    let mut outcomes: Vec<(usize, bool, Outcome)> = thread::scope(|scope| {
        let worker = || {
            let mut done = Vec::new();
            while let Some((row, is_contrary)) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
                done.push((*row, *is_contrary, outcome(&rows[*row], *is_contrary)));
            }
            done
        };
        let workers: Vec<_> = (0..2).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no panic")).collect()
    });
    outcomes.sort_by_key(|(row, is_contrary, _)| (*row, *is_contrary));
    let mut table = String::new();
    let mut wrong = String::new();
    for (row, is_contrary, outcome) in &outcomes {
        let Scenario { name, expected, .. } = &rows[*row];
        let expected = expected.join(", ");
        let found = outcome.found.join(", ");
        let which = if *is_contrary { "contrary" } else { "newest" };
        let line = format!("{name} | {which} | {expected} | {found} | {}\n", outcome.probes);
        table.push_str(&line);
        if expected != found || !outcome.problems.is_empty() {
            wrong.push_str(&line);
            outcome.problems.iter().for_each(|problem| writeln!(wrong, "    {problem}").expect("a text"));
            wrong.push_str(&outcome.said);
        }
    }
    println!("scenario | uncertain facts | expected | found | requests\n{table}");
    assert!(wrong.is_empty(), "{} rows; wrong:\n{wrong}", rows.len());
}

fn outcome(scenario: &Scenario, is_contrary: bool) -> Outcome {
    let switches = if is_contrary { contrary() } else { Switches::default() };
    let site = Site::with((scenario.setting)(), (scenario.ghcr)(usual().switches(switches)));
    let home = site.home();
    let mut host = Host { site: &site, home: &home, environment: Vec::new(), secrets: Vec::new() };
    (scenario.host)(&mut host);
    let Host { environment, secrets, .. } = host;
    let mut command = pullpass(&home);
    let ran = run(command.args(["doctor", "--json"]).args(scenario.words).envs(environment));
    let mut problems: Vec<String> = Vec::new();
    let report: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| {
        problems.push(format!("no JSON ({error}): {ran}"));
        Value::Null
    });
    let found = report["findings"].as_array().into_iter().flatten().map(causes).collect();
    for secret in &secrets {
        if ran.said().contains(secret.as_str()) || ran.said().contains(&STANDARD.encode(secret)) {
            problems.push("a token is in what it printed".to_owned());
        }
    }
    problems.extend(impolite(&site));
    Outcome { found, probes: requests(&report), problems, said: ran.said() }
}

/// The cause of a finding, with the other candidates.
pub(super) fn causes(finding: &Value) -> String {
    let or = finding["or"].as_array().into_iter().flatten();
    let all = std::iter::once(&finding["cause"]).chain(or);
    all.filter_map(Value::as_str).collect::<Vec<_>>().join("/")
}

/// How many requests of each kind went where.
fn requests(report: &Value) -> String {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for request in report["requests"].as_array().into_iter().flatten() {
        let kind = request["stage"].as_str().unwrap_or_default().to_owned();
        match counts.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count += 1,
            None => counts.push((kind, 1)),
        }
    }
    counts.iter().map(|(kind, count)| format!("{kind} {count}")).collect::<Vec<_>>().join(", ")
}

/// What no run may do: ask GitHub twice about a token, send one again that was refused, ask without end.
fn impolite(site: &Site) -> Vec<String> {
    let mut problems = Vec::new();
    let (registry, api) = (site.ghcr().registry.requests(), site.github().api.requests());
    if registry.len() + api.len() > MOST_REQUESTS {
        problems.push(format!("{} requests", registry.len() + api.len()));
    }
    let mut asked = Vec::new();
    for request in registry.iter().filter(|request| request.path() == "/token") {
        asked.push(format!("{} {}", request.target, request.header("authorization")));
    }
    for request in api.iter().filter(|request| matches!(request.path(), "/" | "/user")) {
        asked.push(format!("GitHub {}", request.header("authorization")));
    }
    let all = asked.len();
    asked.sort_unstable();
    asked.dedup();
    if asked.len() < all {
        problems.push("the same was asked twice about a token".to_owned());
    }
    problems
}
