//! What `doctor` does beside naming causes: it mends what is safe, writes a report to be shown, keeps quiet towards those
//! who have said no, and ends.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use pullpass_testing::ghcr::{Failing, Ghcr, Token, Visibility};
use pullpass_testing::home::{Home, listing};
use pullpass_testing::run::{Ran, run, run_with_input};
use pullpass_testing::terminal;
use serde_json::Value;

use super::scenario::file;
use crate::program::{program, pullpass};
use crate::sample;
use crate::site::Site;

const PUBLIC: &str = "ghcr.io/midokura/public:v1";

fn site() -> Site {
    Site::new(
        Ghcr::new()
            .account("octocat")
            .organization("midokura", &["octocat"])
            .package("midokura/public", Visibility::Public, &[])
            .image("v1", &sample::image()),
    )
}

/// A token that has been revoked.
fn dead(site: &Site) -> String {
    let token = site.ghcr().token("octocat", Token::classic(&["read:packages"]));
    site.ghcr().revoke(&token);
    token
}

fn doctor(home: &Home, words: &[&str]) -> Ran {
    run(pullpass(home).arg("doctor").args(words))
}

fn causes(ran: &Ran) -> Vec<String> {
    let report: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran}"));
    let findings = report["findings"].as_array().expect("findings");
    findings.iter().filter_map(|finding| finding["cause"].as_str().map(str::to_owned)).collect()
}

/// How many requests had a credential.
fn sent(site: &Site) -> usize {
    let requests = [site.ghcr().registry.requests(), site.github().api.requests()].concat();
    requests.iter().filter(|request| request.header("authorization").starts_with("Basic ")).count()
        + site.github().api.requests().iter().filter(|request| !request.header("authorization").is_empty()).count()
}

#[test]
fn a_fix_removes_the_dead_login_and_tightens_the_file_and_nothing_else() {
    let site = site();
    let home = site.home();
    let token = dead(&site);
    let other = STANDARD.encode("somebody:password");
    let before = format!(
        "{{\"x\": [1,2],\n \"auths\": {{\"ghcr.io\": {{\"auth\": \"{}\"}}, \"quay.io\": {{\"auth\": \"{other}\"}}}}}}\n",
        STANDARD.encode(format!("octocat:{token}"))
    );
    let path = home.write(".docker/config.json", &before);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("own file");

    let refused = doctor(&home, &[PUBLIC, "--docker", "--fix"]);
    assert!(refused.code != 0, "{refused}");
    assert_eq!(fs::read_to_string(&path).expect("the file"), before, "without a terminal nothing is changed");

    let ran = doctor(&home, &[PUBLIC, "--docker", "--fix", "--yes", "--retry"]);
    assert!(ran.stderr.contains("done: remove the login of `ghcr.io`"), "{ran}");
    let after = fs::read_to_string(&path).expect("the file");
    assert!(!after.contains("ghcr.io") && after.contains(&other) && after.contains("\"x\": [1,2]"), "{after}");
    assert_eq!(path.metadata().expect("the file").permissions().mode() & 0o777, 0o600);

    let ran = doctor(&home, &[PUBLIC, "--docker", "--json"]);
    assert_eq!((ran.code, causes(&ran)), (0, vec![]), "{ran}");
}

#[test]
fn a_bundle_holds_the_findings_and_no_secret() {
    let site = site();
    let home = site.home();
    let (token, fine) = (dead(&site), site.ghcr().token("octocat", Token::fine_grained()));
    home.write(".docker/config.json", file(&[("ghcr.io", &token)]));
    home.write(".config/containers/auth.json", file(&[("ghcr.io", &fine)]));
    let path = home.path().join("report.txt");
    let ran = doctor(&home, &[PUBLIC, "--bundle", path.to_str().expect("a text")]);
    assert_eq!(ran.code, 1, "{ran}");
    let text = fs::read_to_string(&path).expect("the report");
    assert!(text.contains("dead-login-on-public") && text.contains("requests:"), "{text}");
    for secret in [&token, &fine] {
        let pair = STANDARD.encode(format!("octocat:{secret}"));
        for hidden in [secret.as_str(), &STANDARD.encode(secret), &pair] {
            assert!(!text.contains(hidden) && !ran.said().contains(hidden));
        }
    }
    assert_eq!(path.metadata().expect("the report").permissions().mode() & 0o777, 0o600);
}

#[test]
fn what_was_refused_is_not_sent_again_within_a_day() {
    let site = site();
    let home = site.home();
    let token = dead(&site);
    home.write(".docker/config.json", file(&[("ghcr.io", &token)]));
    assert_eq!(causes(&doctor(&home, &[PUBLIC, "--json"])), ["dead-login-on-public"]);
    let once = sent(&site);
    assert_eq!(once, 2, "one to the token service, one to GitHub");
    let ran = doctor(&home, &[PUBLIC, "--json"]);
    assert_eq!((causes(&ran), sent(&site)), (vec!["dead-login-on-public".to_owned()], once), "{ran}");
    doctor(&home, &[PUBLIC, "--retry"]);
    assert_eq!(sent(&site), once + 2);
}

#[test]
fn nothing_is_sent_to_a_look_alike_or_a_foreign_token_service() {
    let site = site();
    let home = site.home();
    let token = site.ghcr().token("octocat", Token::classic(&["read:packages"]));
    home.write(".docker/config.json", file(&[("ghcr.io", &token), ("ghrc.io", &token)]));
    assert_eq!(doctor(&home, &["ghrc.io/midokura/public:v1"]).code, 1);
    assert!(site.ghcr().registry.requests().is_empty() && site.github().api.requests().is_empty());

    // 192.0.2.3 is ours too: whatever is sent there is seen.
    site.ghcr().fail("/v2/", Failing::ForeignRealm("https://api.github.com".to_owned()));
    let ran = doctor(&home, &[PUBLIC, "--json"]);
    assert_eq!(causes(&ran), ["foreign-realm", "look-alike-host"], "{ran}");
    assert!(site.github().api.log().iter().all(|line| line == "GET /user"), "{:?}", site.github().api.log());
}

#[test]
fn a_registry_that_hangs_lies_or_floods_is_a_finding_in_time() {
    let failures = [
        (Failing::Hang, "unreachable"),
        (Failing::Stalled, "unreachable"),
        (Failing::BrokenOff, "bad-answer"),
        (Failing::Endless, "bad-answer"),
        (Failing::Redirect("http://10.0.0.1/".to_owned()), "bad-answer"),
    ];
    for (failing, expected) in failures {
        let site = site();
        site.ghcr().fail("/v2/midokura", failing.clone());
        let started = Instant::now();
        let ran = doctor(&site.home(), &[PUBLIC, "--json"]);
        assert_eq!(causes(&ran), [expected], "{failing:?} {ran}");
        assert!(started.elapsed() < Duration::from_secs(35), "{failing:?}");
    }
}

#[test]
fn a_message_from_standard_input_is_explained_and_a_token_in_it_is_not_repeated() {
    let site = site();
    let home = site.home();
    let before = listing(&home.path());
    let token = dead(&site);
    let text = format!(
        "Error response from daemon: Head \"https://ghcr.io/v2/midokura/{token}/manifests/v1\": denied: denied"
    );
    let ran = run_with_input(pullpass(&home).args(["doctor", "--explain", "-"]), &text);
    assert!(ran.code == 0 && ran.stdout.contains("dead") && !ran.said().contains(&token), "{ran}");
    let ran = doctor(&home, &["--explain", "good morning"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert_eq!(listing(&home.path()), before);
}

#[test]
fn on_a_terminal_a_fix_is_asked_about() {
    let site = site();
    let home = site.home();
    let token = dead(&site);
    let path = home.write(".docker/config.json", file(&[("ghcr.io", &token)]));
    let script = home.write("ask.sh", format!("{} doctor {PUBLIC} --docker --fix\n", program().display()));
    let mut command = home.command("script");
    terminal::bash(&mut command, &script);
    let ran = terminal::converse(&mut command, &[("(yes or no)", "no")]);
    assert!(fs::read_to_string(&path).expect("the file").contains("ghcr.io"), "{ran}");
}
