//! Docker's daemon, which has a proxy of its own or none, whatever the shell has. A real one.

use pullpass_testing::engines::docker::Engine;
use pullpass_testing::ghcr::{Ghcr, Visibility};
use pullpass_testing::home::Home;
use pullpass_testing::run::run;
use serde_json::Value;

use super::scenario::causes;
use crate::program::pullpass;
use crate::sample;
use crate::site::{Network, Setting, Site};

const IMAGE: &str = "ghcr.io/midokura/public:v1";

/// A network from which only the proxy leads anywhere.
fn walled() -> Site {
    let ghcr = Ghcr::new()
        .organization("midokura", &[])
        .package("midokura/public", Visibility::Public, &[])
        .image("v1", &sample::image());
    Site::with(Setting { network: Network::None, ..Setting::default() }, ghcr)
}

/// The report, and the exit code.
fn doctor(home: &Home, engine: &Engine, variables: &[(&str, &str)]) -> (Value, i32) {
    let mut command = pullpass(home);
    command.env("DOCKER_HOST", engine.host()).envs(variables.iter().copied());
    let ran = run(command.args(["doctor", "--docker", "--json", IMAGE]));
    (serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran}")), ran.code)
}

fn found(report: &Value) -> Vec<String> {
    report["findings"].as_array().expect("findings").iter().map(causes).collect()
}

#[test]
fn a_daemon_without_the_proxy_of_the_shell_does_not_pull() {
    let site = walled();
    let engine = Engine::start_in(site.home());
    let proxy = site.proxy().url();
    let (report, code) = doctor(&site.home(), &engine, &[("HTTPS_PROXY", &proxy)]);
    assert_eq!((found(&report), code), (vec!["proxy".to_owned()], 1), "{report:#}");
    assert_eq!(report["findings"][0]["about"], "docker");
    assert_eq!(report["engines"][0]["will_pull"], false, "{report:#}");
}

#[test]
fn a_daemon_with_the_proxy_pulls_whatever_the_shell_has() {
    let site = walled();
    let proxy = site.proxy().url();
    let with_password = proxy.replace("://", "://me:hunter2@");
    let engine = Engine::start_with(site.home(), &[("HTTPS_PROXY", &with_password)]);
    let (report, code) = doctor(&site.home(), &engine, &[("HTTPS_PROXY", &proxy)]);
    assert_eq!((found(&report), code), (Vec::new(), 0), "{report:#}");

    let (report, code) = doctor(&site.home(), &engine, &[]);
    assert_eq!((found(&report), code), (vec!["proxy".to_owned()], 3), "{report:#}");
    assert_eq!(report["findings"][0]["certainty"], "likely");
    let text = report.to_string();
    assert!(
        text.contains(&format!("export HTTPS_PROXY={}", proxy.trim_end_matches('/'))) && !text.contains("hunter2"),
        "{report:#}"
    );
}
