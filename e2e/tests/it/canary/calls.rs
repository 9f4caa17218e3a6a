//! The calls of the hunt: each command that `--help` lists, in the ways in which it meets the token.

use std::collections::{BTreeMap, BTreeSet};

use pullpass_testing::{
    home::Home,
    run::{Ran, run, run_with_input},
};

use super::data;
use crate::program::pullpass;

/// One way to call a command.
pub(super) struct Call {
    pub(super) words: Vec<String>,
    input: String,
    pub(super) variable: Option<(&'static str, String)>,
}

pub(super) fn call(words: &[&str]) -> Call {
    Call { words: words.iter().map(|word| (*word).to_owned()).collect(), input: String::new(), variable: None }
}

impl Call {
    fn input(mut self, input: &str) -> Call {
        self.input = input.to_owned();
        self
    }
}

pub(super) fn execute(home: &Home, call: &Call) -> Ran {
    let mut command = pullpass(home);
    command.args(&call.words).env("PATH", home.side_dir("bin"));
    if let Some((name, value)) = &call.variable {
        command.env(name, value);
    }
    run_with_input(&mut command, &call.input)
}

/// What to call each command with, by its words.
pub(super) fn calls(home: &Home, registry: &str, token: &str) -> BTreeMap<String, Vec<Call>> {
    let data = data(home).display().to_string();
    let data = ["--data", data.as_str()];
    let password = ["--vault-password-file", "pw"];
    let with = |words: &[&str], more: &[&str]| call(&[words, more].concat());
    let reference = format!("{registry}/alice/app:v1");
    let login = ["login", registry, "-u", "alice", "--docker", "--podman"];
    let source = "vault:inventory.yml#all.vars.pat";
    let broken = &token[..token.len() - 1];
    let encrypted = ["vault", "encrypt_string", "--name", "pat"];
    let block = execute(home, &with(&encrypted, &password).input(token)).expect_success();
    let set = ["inventory", "set", "inventory.yml", "all.vars.pat"];
    let mut from_variable = with(&login, &["--token-from", "env:TOKEN"]);
    from_variable.variable = Some(("TOKEN", token.to_owned()));
    let kubelet = ["kubelet", "-u", "alice"];
    let set_up =
        ["setup", registry, "-u", "alice", "-i", "setup.yml", "--docker", "--podman", "--yes", "--password-stdin"];
    let at_github = ["token", "new", "--at", "github"];
    let request = |image: &str| {
        let version = "credentialprovider.kubelet.k8s.io/v1";
        format!(r#"{{"apiVersion":"{version}","kind":"CredentialProviderRequest","image":"{image}"}}"#)
    };
    // An editor that writes the token.
    let editing = |words: &[&str]| Call {
        variable: Some(("EDITOR", format!("/bin/cp {}", home.path().join("token").display()))),
        ..with(words, &password)
    };
    let table = [
        (
            "vault encrypt_string",
            vec![
                with(&encrypted, &password).input(token),
                with(&encrypted, &password).input(broken),
                with(&["vault", "encrypt_string", token], &password),
                with(&["vault", "encrypt_string", "-n", "a", "-n", "b"], &password)
                    .input(&format!("{token}\n{broken}")),
                with(&["vault", "encrypt_string", "-n", token, "--output", "block.yml"], &password).input(token),
                with(&["vault", "encrypt_string", "--like-ansible", "--output", "block.yml"], &password).input(token),
            ],
        ),
        (
            "vault create",
            vec![
                editing(&["vault", "create", "--skip-tty-check", "edited.yml"]),
                editing(&["vault", "create", "edited.yml"]),
                with(&["vault", "create", "--skip-tty-check", token], &password),
            ],
        ),
        (
            "vault edit",
            vec![
                editing(&["vault", "edit", "edited.yml"]),
                editing(&["vault", "edit", "token"]),
                with(&["vault", "edit", "edited.yml"], &password),
                with(&["vault", "edit", token], &password),
            ],
        ),
        (
            "vault decrypt",
            vec![
                with(&["vault", "decrypt"], &password).input(&block),
                with(&["vault", "decrypt"], &password).input(token),
            ],
        ),
        (
            "vault encrypt",
            vec![
                with(&["vault", "encrypt"], &password).input(token),
                with(&["vault", "encrypt", "--output", "whole.yml"], &password).input(token),
                with(&["vault", "encrypt", "whole.yml"], &password),
                with(&["vault", "encrypt", token], &password),
            ],
        ),
        (
            "vault rekey",
            vec![
                with(&["vault", "rekey", "whole.yml", "--new-vault-password-file", "new"], &password),
                call(&["vault", "rekey", "whole.yml", "--vault-password-file", "new", "--new-vault-id", "x@pw"]),
                with(&["vault", "rekey", "whole.yml", "--new-vault-password-file", token], &password),
                with(&["vault", "rekey", token], &password),
            ],
        ),
        (
            "vault view",
            vec![
                with(&["vault", "view", "whole.yml"], &password),
                with(&["vault", "view", "-"], &password).input(&block),
                with(&["vault", "view", "token"], &password),
            ],
        ),
        // In a tree of its own, as these come first.
        (
            "inventory check",
            vec![
                with(&["inventory", "set", "tree/a.yml", "pat"], &password).input(token),
                with(&["inventory", "check", "tree", "--json"], &password),
                call(&["inventory", "check", "tree", "token"]),
                with(&["inventory", "check", token], &password),
            ],
        ),
        (
            "inventory rekey",
            vec![
                with(&["inventory", "rekey", "tree", "--diff", "--new-vault-password-file", "new"], &password),
                with(&["inventory", "rekey", "tree", "--new-vault-password-file", "new"], &password),
                call(&["inventory", "rekey", "tree", "--rollback"]),
                with(&["inventory", "rekey", token], &password),
            ],
        ),
        (
            "inventory unset",
            vec![
                call(&["inventory", "unset", "tree/a.yml", "pat", "--diff"]),
                call(&["inventory", "unset", "token", "pat"]),
                call(&["inventory", "unset", "tree/a.yml", token]),
            ],
        ),
        (
            "inventory set",
            vec![
                with(&set, &password).input(token),
                with(&["inventory", "set", "inventory.yml", "all.vars.pat", token], &password),
                call(&["inventory", "set", "inventory.yml", "all.vars.user", "--plain", token]),
                with(&["inventory", "set", token, "all.vars.pat"], &password).input(""),
            ],
        ),
        (
            "inventory show",
            vec![
                call(&["inventory", "show", "inventory.yml"]),
                with(&["inventory", "show", "inventory.yml", "--json"], &password),
                call(&["inventory", "show", "token"]),
            ],
        ),
        (
            "login",
            vec![
                with(&login, &["--password-stdin"]).input(token),
                with(&login, &["--password-stdin", "--json", "--persistent"]).input(token),
                with(&login, &["--password-stdin", "--wait", "1s"]).input(token),
                with(&login, &["--password-stdin"]).input(broken),
                with(&login, &["--password-stdin"]).input(&format!("{token} ")),
                with(&login, &["--token-from", "file:token"]),
                with(&login, &[&["--token-from", source][..], &password].concat()),
                with(&login, &["--token-from", token]),
                with(&login, &["--password", token]),
                with(&login, &[token]),
                from_variable,
                call(&["login", "127.0.0.1:1", "-u", "alice", "--docker", "--password-stdin"]).input(token),
            ],
        ),
        (
            "setup",
            vec![
                with(&["setup", &reference, "-i", "setup.yml", "--docker", "--yes", "--password-stdin"], &password)
                    .input(token),
                with(&set_up, &["--vault-password-file", "pw", "--json"]).input(token),
                call(&["setup", registry, "-u", "alice", "--no-inventory", "--docker", "--yes", "--password-stdin"])
                    .input(broken),
                call(&["setup", token]),
                call(&["setup", registry, "--yes", "--token-from", token]),
                call(&["setup", registry, "--yes", "--no-inventory", "--docker", "-u", token, "--password-stdin"])
                    .input(token),
                with(&["setup", registry, "--yes", "-u", "alice", "-i", token, "--password-stdin"], &password)
                    .input(token),
            ],
        ),
        (
            "status",
            vec![
                call(&["status"]),
                call(&["status", "--json"]),
                call(&["status", &reference, "--check", "--json", "--metrics", "metrics.prom"]),
                call(&["status", "--check", "--retry", "--github", "--warn-days", "3"]),
                call(&["status", registry, "--all-users", "--check", "--json"]),
                call(&["status", registry, "--all-users", "--json", "--mark-key", &"a5".repeat(32)]),
                call(&["status", "--json", "--mark-key", token]),
                call(&["status", "--copies"]),
                call(&["status", token, "--copies", "--json"]),
                call(&["status", "--user", token]),
                call(&["status", "--metrics", token]),
                call(&["status", registry, "--docker", "--as-pull-secret", "--name", token]),
                call(&["status", token]),
            ],
        ),
        (
            "doctor",
            vec![
                call(&["doctor", &reference]),
                call(&["doctor", &reference, "--json", "--push", "--retry"]),
                call(&["doctor", &reference, "--docker", "--bundle", "report.txt", "--fix", "--yes"]),
                call(&["doctor", token]),
                call(&["doctor", &format!("{registry}/{token}/app")]),
                call(&["doctor", "--explain", &format!("Error response from daemon: denied: {token}")]),
                call(&["doctor", "--explain", "-"]).input(token),
            ],
        ),
        (
            "fleet check",
            vec![
                call(&["fleet", "check", "-i", "inventory.yml", "--image", &reference]),
                call(&["fleet", "check", "-i", token, "--limit", token, "--json"]),
            ],
        ),
        (
            "fleet login",
            vec![
                call(&["fleet", "login", "-i", "inventory.yml", "-u", "octocat", "--password-stdin"]).input(token),
                call(&["fleet", "login", "-i", "inventory.yml", "--user", token, "--", token]),
            ],
        ),
        (
            "fleet rotate",
            vec![
                call(&["fleet", "rotate", "-i", "inventory.yml", "--image", &reference, "--password-stdin"])
                    .input(token),
                call(&["fleet", "rotate", "--resume", token]),
            ],
        ),
        ("fleet logout", vec![call(&["fleet", "logout", "-i", "inventory.yml", "--registry", token])]),
        (
            "verify",
            vec![
                call(&["verify", &reference, "--docker", "--podman"]),
                call(&["verify", &reference, "--json"]),
                call(&["verify", &reference, &reference, "--docker", "--push", "--pull"]),
                call(&["verify", &reference, "--engine", "docker", "--engine", "podman", "--all-layers", "--json"]),
                call(&["verify", &reference, "-u", "alice", "--password-stdin"]).input(token),
                call(&["verify", &reference, "-u", "alice", "--password-stdin", "--push"]).input(token),
                call(&["verify", &reference, "-u", "alice", "--token-from", token]),
                call(&["verify", &reference, "-u", token, "--token-from", "file:token"]),
                call(&["verify", "--from-file", "token"]),
                call(&["verify", "--from-file", "-"]).input(&format!("{reference}\nghcr.io/a/b:{token}\n")),
                call(&["verify", "--from-file", token]),
                call(&["verify", &reference, "--platform", token]),
                call(&["verify", &reference, "--engine", token]),
                call(&["verify", &reference, "--wait", token]),
                call(&["verify", token]),
            ],
        ),
        (
            "logout",
            vec![
                call(&["logout", token]),
                call(&["logout", registry]),
                with(&login, &["--password-stdin"]).input(token),
            ],
        ),
        (
            "scan",
            vec![
                call(&["scan"]),
                call(&["scan", "--json"]),
                call(&["scan", "token"]),
                call(&["scan", token]),
                call(&["scan", token, "--json"]),
                call(&["scan", "--staged"]),
                call(&["scan", "--history", token]),
                call(&["scan", "--install-hook", token]),
            ],
        ),
        (
            "helper store",
            vec![
                call(&["helper", "store"])
                    .input(&format!(r#"{{"ServerURL":"{registry}","Username":"alice","Secret":"{token}"}}"#)),
                call(&["helper", "store"]).input(token),
                call(&["helper", "store"]).input(&format!(r#"{{"ServerURL":"h","Username":["{token}"]}}"#)),
                call(&["helper", "store", token]),
            ],
        ),
        (
            "helper get",
            vec![
                call(&["helper", "get"]).input(registry),
                call(&["helper", "get"]).input(token),
                call(&["helper", "get", token]),
            ],
        ),
        (
            "helper install",
            vec![call(&["helper", "install", "quay.io", "--docker"]), call(&["helper", "install", token])],
        ),
        ("helper uninstall", vec![call(&["helper", "uninstall", "quay.io"]), call(&["helper", "uninstall", token])]),
        ("helper import", vec![call(&["helper", "import", "pass"]), call(&["helper", "import", token])]),
        ("helper list", vec![call(&["helper", "list"])]),
        ("helper erase", vec![call(&["helper", "erase"]).input(token), call(&["helper", "erase"]).input("ghcr.io")]),
        ("helper version", vec![call(&["helper", "version"])]),
        (
            "kubelet",
            vec![
                with(&kubelet, &["--token-from", "file:token"]).input(&request("ghcr.io/a/b")),
                with(&kubelet, &["--token-from", "cmd:/bin/cat token"]).input(&request("ghcr.io/a/b")),
                with(&kubelet, &["--token-from", "cmd:/bin/cat token token"]).input(&request("ghcr.io/a/b")),
                with(&kubelet, &["--token-from", "file:token"]).input(&request(token)),
                with(&kubelet, &["--token-from", "file:token"]).input(token),
                with(&kubelet, &["--token-from", "file:token"]).input(&format!("{{\"{token}\":1}}")),
                with(&kubelet, &["--token-from", &format!("cmd:echo {token}")]).input(&request("ghcr.io/a/b")),
                call(&["kubelet", "--authfile", "token"]).input(&request("ghcr.io/a/b")),
            ],
        ),
        (
            "kubelet config",
            vec![
                call(&["kubelet", "config", "--authfile", ".docker/config.json"]),
                call(&["kubelet", "config", "--token-from", "file:token", "--json"]),
                call(&["kubelet", "config", "--authfile", "token"]),
                call(&["kubelet", "config", "--token-from", token]),
                call(&["kubelet", "config", token]),
            ],
        ),
        (
            "token inspect",
            vec![
                call(&["token", "inspect"]).input(token),
                call(&["token", "inspect", "--password-stdin", "--json"]).input(token),
                call(&["token", "inspect", "--offline"]).input(broken),
                call(&["token", "inspect", "--offline"]).input(&format!("TOKEN={token}")),
                call(&["token", "inspect", "--token-from", "file:token", "--json"]),
                with(&["token", "inspect", "--token-from", source], &password),
                call(&["token", "inspect", "--stored"]),
                call(&["token", "inspect", "--stored", "--json"]),
                call(&["token", "inspect", "--github-host", token]),
                call(&["token", "inspect", "--token-from", token]),
                call(&["token", "inspect", token]),
            ],
        ),
        (
            "token new",
            vec![
                with(&["token", "new", "--user", "alice", "--note", "x", "--scope", "read:packages", "--json"], &data),
                with(&at_github, &["--print-url"]),
                with(&at_github, &["--password-stdin"]).input(token),
                with(&at_github, &["--password-stdin", "--login", registry, "--docker"]).input(token),
                with(&at_github, &["--password-stdin"]).input(broken),
                with(&at_github, &["--password-stdin", "--into-inventory", token, "--key-path", token]).input(token),
                with(&at_github, &["--print-url", "--note", token]),
                with(&at_github, &["--login", token]),
            ],
        ),
        ("token list", vec![with(&["token", "list"], &data), with(&["token", "list", "--json"], &data)]),
        (
            "token rotate",
            vec![
                with(&["token", "rotate", "1", "--overlap", "1h", "--json"], &data),
                with(&["token", "rotate", "1", "--note", token], &data),
                with(&["token", "rotate", token], &data),
            ],
        ),
        ("token revoke", vec![with(&["token", "revoke", "99"], &data), with(&["token", "revoke", token], &data)]),
        (
            "admin user add",
            vec![
                with(&["admin", "user", "add", "bob", "--password-stdin"], &data).input(token),
                with(&["admin", "user", "add", "eve", token], &data),
            ],
        ),
        ("admin package list", vec![with(&["admin", "package", "list", "--json"], &data)]),
        (
            "admin package set-visibility",
            vec![
                with(&["admin", "package", "set-visibility", "alice/app", "public"], &data),
                with(&["admin", "package", "set-visibility", token, token], &data),
            ],
        ),
        ("admin check", vec![with(&["admin", "check", "--json"], &data)]),
        (
            "serve",
            vec![
                with(&["serve", "--listen", "127.0.0.1:0"], &data),
                call(&["serve", "--url", token]),
                call(&["serve", "--config", "token"]),
            ],
        ),
        // Makes its own tokens; see the test of its own.
        ("demo", vec![call(&["demo", token])]),
        ("completions", vec![call(&["completions", "bash"]), call(&["completions", token])]),
        ("man", vec![call(&["man"]), call(&["man", token])]),
    ];
    table.into_iter().map(|(name, calls)| (name.to_owned(), calls)).collect()
}

/// Every command that does something, as `--help` lists them.
pub(super) fn leaf_commands(home: &Home) -> BTreeSet<String> {
    let mut leaves = BTreeSet::new();
    let mut open = vec![String::new()];
    while let Some(command) = open.pop() {
        let words: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let help = run(pullpass(home).args(words)).expect_success();
        let Some((_, rest)) = help.split_once("\nCommands:\n") else {
            leaves.insert(command);
            continue;
        };
        // It does something without one of its commands too.
        if help.contains(&format!("Usage: pullpass {command} [OPTIONS]\n")) {
            leaves.insert(command.clone());
        }
        let listed = rest.lines().take_while(|line| !line.is_empty()).filter_map(|line| line.strip_prefix("  "));
        let names = listed.filter(|line| !line.starts_with(' ')).filter_map(|line| line.split_whitespace().next());
        open.extend(names.map(|name| format!("{command} {name}").trim().to_owned()));
    }
    leaves
}
