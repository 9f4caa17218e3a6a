//! The program in a home of its own.

use std::{path::PathBuf, process::Command};

use pullpass_secrets::token;
use pullpass_testing::{
    canned::{self, Canned, Certificates, Reply, Request},
    home::Home,
    run::{Ran, run, run_with_input},
    serve::Server,
};
use serde_json::Value;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_pullpass");

/// `pullpass WORDS` where no engine is installed.
pub(crate) fn command(home: &Home, words: &[&str]) -> Command {
    let mut command = home.command(PROGRAM);
    command.args(words).env("PATH", home.side_dir("bin"));
    command
}

pub(crate) fn pullpass(home: &Home, words: &[&str]) -> Ran {
    run(&mut command(home, words))
}

pub(crate) fn pullpass_with_input(home: &Home, words: &[&str], input: &str) -> Ran {
    run_with_input(&mut command(home, words), input)
}

#[track_caller]
pub(crate) fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran}"))
}

pub(crate) fn docker_config(home: &Home) -> PathBuf {
    home.path().join(".docker/config.json")
}

pub(crate) fn podman_runtime(home: &Home) -> PathBuf {
    home.runtime_dir().join("containers/auth.json")
}

pub(crate) fn podman_persistent(home: &Home) -> PathBuf {
    home.path().join(".config/containers/auth.json")
}

pub(crate) fn mode(path: &std::path::Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().expect("a file").permissions().mode() & 0o7777
}

/// A registry, serving from a home of its own.
pub(crate) fn server(home: &Home) -> Server<'_> {
    Server::start(home, PROGRAM, &[])
}

/// Logs both engines in.
pub(crate) fn login(home: &Home, registry: &str, token: &str) -> Ran {
    let words = ["login", registry, "-u", "alice", "--password-stdin", "--docker", "--podman"];
    pullpass_with_input(home, &words, token)
}

/// The command ended with `code`, and its error holds every word.
#[track_caller]
pub(crate) fn assert_fails(ran: &Ran, code: i32, words: &[&str]) {
    assert_eq!(ran.code, code, "{ran}");
    assert!(ran.stderr.contains("error: ") || ran.stderr.contains("warning: "), "{ran}");
    for word in words {
        assert!(ran.stderr.contains(word), "`{word}` is missing: {ran}");
    }
}

/// A credential helper on the PATH of [`command`]: this program under the helper's name.
pub(crate) fn helper(home: &Home) {
    std::os::unix::fs::symlink(PROGRAM, home.side_dir("bin").join("docker-credential-pullpass")).expect("a new link");
}

/// A credential helper on the PATH of [`command`] that is this script.
pub(crate) fn scripted_helper(home: &Home, name: &str, script: &str) {
    use std::os::unix::fs::PermissionsExt;
    let path = home.side_dir("bin").join(format!("docker-credential-{name}"));
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a new file");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("own file");
}

/// A GitHub Enterprise whose API gives one answer to everybody, trusted in `home`.
pub(crate) struct Enterprise {
    pub(crate) api: Canned,
    _runtime: tokio::runtime::Runtime,
}

impl Enterprise {
    pub(crate) fn answering<R: Into<Reply>>(
        home: &Home,
        answer: impl Fn(&Request) -> R + Send + Sync + 'static,
    ) -> Enterprise {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let certificates = Certificates::new();
        let api = runtime.block_on(Canned::start_tls(&certificates, answer));
        home.write(&format!(".config/containers/certs.d/{}/ca.crt", api.host()), &certificates.ca_pem);
        Enterprise { api, _runtime: runtime }
    }

    /// Whose token is octocat's, with these headers beside.
    pub(crate) fn of_octocat(home: &Home, headers: &[(&'static str, &str)]) -> Enterprise {
        let answer = canned::response(200, headers, r#"{"login":"octocat"}"#);
        Enterprise::answering(home, move |_| answer.clone())
    }
}

/// A whole token of a kind with a checksum, by its prefix. Built from pieces, so that no scanner takes it for a leak.
pub(crate) fn whole(prefix: &str) -> String {
    let body = "PULLPASSfakeTokenForTests00000";
    format!("{prefix}_{body}{}", token::checksum(body))
}
