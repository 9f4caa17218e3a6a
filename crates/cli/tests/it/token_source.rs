//! `--token-from`. What a source gives is seen in the kubelet's answer, which needs no registry.

use std::{fs, os::unix::fs::PermissionsExt};

use pullpass_testing::{
    home::Home,
    run::{Ran, run, run_with_input},
};
use serde_json::Value;

use crate::support::{assert_fails, command, docker_config, json, pullpass, pullpass_with_input, server};

const REQUEST: &str = r#"{"apiVersion":"credentialprovider.kubelet.k8s.io/v1","kind":"CredentialProviderRequest","image":"ghcr.io/octocat/app"}"#;

/// What the stand-ins print; no real token looks like it.
const SECRET: &str = "a-secret-of-the-tests";

/// `pullpass kubelet` with a token from `source`.
fn ask(home: &Home, source: &str) -> Ran {
    pullpass_with_input(home, &["kubelet", "--username", "alice", "--token-from", source], REQUEST)
}

#[track_caller]
fn login(ran: &Ran) -> (String, String) {
    assert_eq!(ran.code, 0, "{ran}");
    let login = &json(ran)["auth"]["ghcr.io"];
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    (text(&login["username"]), text(&login["password"]))
}

#[track_caller]
fn assert_gives(ran: &Ran, token: &str) {
    assert_eq!(login(ran), ("alice".to_owned(), token.to_owned()), "{ran}");
}

/// A program in `PATH` that writes down its arguments, each on a line, and then does `body`.
fn stand_in(home: &Home, name: &str, body: &str) {
    let path = home.side_dir("bin").join(name);
    let asked = home.side_dir("asked").join(name);
    let script = format!("#!/bin/sh\nfor word; do printf '%s\\n' \"$word\" >> '{}'; done\n{body}\n", asked.display());
    fs::write(&path, script).expect("a stand-in");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("own file");
}

/// The arguments of all calls of a stand-in.
fn asked(home: &Home, name: &str) -> Vec<String> {
    let text = fs::read_to_string(home.side_dir("asked").join(name)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// A source, the program that is asked, its arguments, and what the real one prints.
const PRESETS: [(&str, &str, &str, &str); 14] = [
    ("op://Ops/ghcr/token", "op", "read --no-newline op://Ops/ghcr/token", "printf 'SECRET'"),
    ("op://Ops/ghcr/login/token", "op", "read --no-newline op://Ops/ghcr/login/token", "printf 'SECRET'"),
    ("bw:ghcr.io", "bw", "--nointeraction get password ghcr.io", "printf 'SECRET'"),
    (
        "bws:0b9c7d6e-1111-4222-8333-444455556666",
        "bws",
        "secret get 0b9c7d6e-1111-4222-8333-444455556666 --output json",
        r#"printf '%s\n' '{' '  "object": "secret",' '  "id": "0b9c7d6e-1111-4222-8333-444455556666",' '  "organizationId": "x",' '  "projectId": null,' '  "key": "GHCR",' '  "value": "SECRET",' '  "note": "two\nlines",' '  "creationDate": "2025-01-01T00:00:00Z"' '}'"#,
    ),
    ("pass:work/ghcr", "pass", "show work/ghcr", r"printf 'SECRET\nuser: octocat\nurl: ghcr.io\n'"),
    (
        "aws-sm:prod/ghcr",
        "aws",
        "secretsmanager get-secret-value --secret-id prod/ghcr --query SecretString --output json",
        r#"printf '"SECRET"\n'"#,
    ),
    ("gcp-sm:ghcr", "gcloud", "--quiet secrets versions access latest --secret=ghcr", "printf 'SECRET'"),
    (
        "gcp-sm:projects/p1/secrets/ghcr",
        "gcloud",
        "--quiet secrets versions access projects/p1/secrets/ghcr/versions/latest",
        "printf 'SECRET'",
    ),
    (
        "gcp-sm:projects/p1/secrets/ghcr/versions/3",
        "gcloud",
        "--quiet secrets versions access projects/p1/secrets/ghcr/versions/3",
        "printf 'SECRET'",
    ),
    (
        "azkv:ops-vault/ghcr",
        "az",
        "keyvault secret show --vault-name ops-vault --name ghcr --query value --output json",
        r#"printf '"SECRET"\n'"#,
    ),
    (
        r#"sops:secrets.yaml#["all"]["ghcr.pat"]"#,
        "sops",
        r#"decrypt --extract ["all"]["ghcr.pat"] secrets.yaml"#,
        "printf 'SECRET'",
    ),
    (
        r#"sops:secrets.yaml#all."ghcr.pat".tokens[1]"#,
        "sops",
        r#"decrypt --extract ["all"]["ghcr.pat"]["tokens"][1] secrets.yaml"#,
        "printf 'SECRET'",
    ),
    // Base64 of the secret, without a line end.
    (
        "k8s:prod/ghcr#pat.txt",
        "kubectl",
        r"--namespace prod get secret ghcr --output jsonpath={.data.pat\.txt}",
        "printf 'YS1zZWNyZXQtb2YtdGhlLXRlc3Rz'",
    ),
    ("gh:ghe.example.org", "gh", "auth token --hostname ghe.example.org", r"printf 'SECRET\n'"),
];

#[test]
fn every_preset_asks_its_program_as_that_wants_it_and_reads_what_that_prints() {
    for (source, program, words, prints) in PRESETS {
        let home = Home::new();
        stand_in(&home, program, &prints.replace("SECRET", SECRET));
        assert_gives(&ask(&home, source), SECRET);
        assert_eq!(asked(&home, program).join(" "), words, "{source}");
    }
    let home = Home::new();
    stand_in(&home, "gh", &format!("echo {SECRET}"));
    assert_gives(&ask(&home, "gh:"), SECRET);
    assert_eq!(asked(&home, "gh"), ["auth", "token"]);
}

#[test]
fn a_program_that_is_not_installed_or_not_signed_in_is_named_with_what_to_do() {
    for (source, program, _, _) in PRESETS {
        let home = Home::new();
        assert_fails(
            &ask(&home, source),
            2,
            &[&format!("cannot run `{program}`: it is not installed"), "install", "then"],
        );
        stand_in(&home, program, "echo 'its own words' >&2; exit 1");
        let ran = ask(&home, source);
        assert_fails(
            &ran,
            2,
            &[program, "failed with exit code 1", "not signed in or has no such secret", "tells whether it is ready; "],
        );
        assert!(ran.stderr.starts_with("its own words\n") && ran.stdout.is_empty(), "{ran}");
    }
    for (source, words) in [
        ("op://Ops/ghcr/token", ["op whoami", "op signin"]),
        ("bw:x", ["bw status", "bw unlock"]),
        ("bws:x", ["bws project list", "BWS_ACCESS_TOKEN"]),
        ("pass:x", ["pass ls", "pass init"]),
        ("aws-sm:x", ["aws sts get-caller-identity", "aws sso login"]),
        ("gcp-sm:x", ["gcloud auth list", "gcloud auth login"]),
        ("azkv:v/x", ["az account show", "az login"]),
        ("sops:f#x", ["sops filestatus", "SOPS_AGE_KEY_FILE"]),
        ("k8s:n/x#y", ["kubectl auth whoami", "KUBECONFIG"]),
        ("gh:", ["gh auth status", "gh auth login --scopes read:packages"]),
    ] {
        let home = Home::new();
        for program in ["op", "bw", "bws", "pass", "aws", "gcloud", "az", "sops", "kubectl", "gh"] {
            stand_in(&home, program, "exit 4");
        }
        assert_fails(&ask(&home, source), 2, &words);
    }
}

#[test]
fn what_a_secret_store_prints_without_a_secret_is_no_token() {
    for (source, program, prints, word) in [
        ("aws-sm:x", "aws", "echo null", "printed nothing"),
        ("azkv:v/x", "az", "echo None", "something else than a JSON text"),
        ("bws:x", "bws", "echo '{}'", "a JSON object with a `value`"),
        ("k8s:n/x#y", "kubectl", ":", "printed nothing"),
        ("k8s:n/x#y", "kubectl", "echo '?'", "not base64"),
        ("pass:x", "pass", "echo; echo second line", "printed nothing"),
        ("op://a/b/c", "op", ":", "printed nothing"),
        ("gh:", "gh", r"printf '\377'", "not UTF-8"),
    ] {
        let home = Home::new();
        stand_in(&home, program, prints);
        assert_fails(&ask(&home, source), 2, &[word, program]);
    }
}

#[test]
fn a_source_that_is_misspelled_runs_nothing() {
    let home = Home::new();
    for (source, word) in [
        ("op://Ops/ghcr", "spelled op://VAULT/ITEM/FIELD"),
        ("op:x", "spelled op://"),
        ("bw:", "spelled bw:ITEM"),
        ("bw:--raw", "spelled bw:ITEM"),
        ("pass:-c", "spelled pass:NAME"),
        ("azkv:vault", "spelled azkv:VAULT/NAME"),
        ("azkv:vault/-x", "spelled azkv:VAULT/NAME"),
        ("gcp-sm:a/b", "spelled gcp-sm:NAME"),
        ("sops:file", "spelled sops:FILE#KEYPATH"),
        ("sops:-i#x", "spelled sops:FILE#KEYPATH"),
        ("k8s:name#key", "spelled k8s:NAMESPACE/NAME#KEY"),
        ("k8s:n/x#a}{b", "spelled k8s:NAMESPACE/NAME#KEY"),
        ("gh:--help", "spelled gh: or gh:HOST"),
        ("env:", "letters, digits and `_`"),
        ("env:hunter-2", "letters, digits and `_`"),
        ("systemd:../shadow", "a source is"),
        ("cmd:", "the token command is empty"),
        ("cmd:echo 'x", "left open"),
        ("1password:x", "a source is"),
    ] {
        assert_fails(&ask(&home, source), 2, &[word]);
    }
}

#[test]
fn a_token_pasted_as_a_source_is_refused_and_not_repeated() {
    let home = Home::new();
    let token = format!("gh{}{}", "p_", "Aa1".repeat(12));
    for source in [
        token.clone(),
        format!("env:{token}"),
        format!("file:{token}"),
        format!("cmd:curl -H 'Authorization: Bearer {token}' https://example.org"),
        format!("pass:{token}"),
        format!("op://a/b/{token}"),
        "hunter2-hunter2".to_owned(),
        "env:hunter2-hunter2".to_owned(),
    ] {
        let ran = ask(&home, &source);
        assert_fails(&ran, 2, &["token"]);
        assert!(!ran.said().contains(&token[4..]) && !ran.said().contains("hunter2"), "{ran}");
    }
}

#[test]
fn a_command_prints_a_token_or_json_and_no_shell_sees_it() {
    let home = Home::new();
    stand_in(&home, "get", r#"printf '%s\n' "$1""#);
    for (line, token) in [
        ("cmd:get word", "word"),
        ("cmd:get '$HOME;`id`|x'", "$HOME;`id`|x"),
        (r#"cmd:get '{"version":1,"token":"word","username":"","expires_at":""}'"#, "word"),
        (r#"cmd:get '{"version":1,"token":"word","expires_at":"2999-01-01T00:00:00Z","more":[]}'"#, "word"),
    ] {
        assert_gives(&ask(&home, line), token);
    }
    assert_eq!(asked(&home, "get")[0], "word");
    assert_eq!(asked(&home, "get").len(), 4, "each was run once");
    let words = ["kubelet", "--token-from", r#"cmd:get '{"version":1,"token":"t","username":"octocat"}'"#];
    assert_eq!(login(&pullpass_with_input(&home, &words, REQUEST)), ("octocat".to_owned(), "t".to_owned()));
    let words = ["kubelet", "--token-from", "cmd:get t"];
    assert_fails(&pullpass_with_input(&home, &words, REQUEST), 2, &["no user", "--username"]);
}

#[test]
fn a_command_that_prints_anything_else_is_refused_by_its_count_and_never_by_its_words() {
    let home = Home::new();
    stand_in(&home, "get", r#"printf "$1""#);
    for (printed, word) in [
        ("", "printed nothing"),
        ("\\n", "printed nothing"),
        ("hunter2\\nhunter3\\nhunter4\\n", "printed 3 lines"),
        ("hunter2\\n\\n", "control characters in it (1)"),
        ("hunter2 hunter3", "control characters in it (1)"),
        (" hunter2\\t\\n", "control characters in it (2)"),
        ("hunter2\\r\\r\\n", "control characters in it (1)"),
        ("\\377hunter2", "not UTF-8"),
        ("{\"token\":\"hunter2\"}", "without a `version` and a `token`"),
        ("{\"version\":1,\"token\":[\"hunter2\"]}", "with other types"),
        ("{\"version\":1", "without a `version` and a `token`"),
        ("{\"version\":2,\"token\":\"hunter2\"}", "version 2"),
        ("{\"version\":1,\"token\":\"\"}", "printed nothing"),
        ("{\"version\":1,\"token\":\"hunter2 x\"}", "control characters in it (1)"),
        ("{\"version\":1,\"token\":\"hunter2\",\"expires_at\":\"tomorrow\"}", "RFC 3339"),
        (
            "{\"version\":1,\"token\":\"hunter2\",\"expires_at\":\"2001-01-01T00:00:00Z\"}",
            "expired at 2001-01-01T00:00:00Z",
        ),
    ] {
        let ran = ask(&home, &format!("cmd:get '{printed}'"));
        assert_fails(&ran, 2, &[word, "`get`"]);
        assert!(!ran.said().contains("hunter") && ran.stdout.is_empty(), "{ran}");
    }
}

#[test]
fn a_command_says_that_it_knows_no_token_and_speaks_to_the_person_itself() {
    let home = Home::new();
    stand_in(&home, "get", "read line || echo 'standard input is closed' >&2\nexit $1");
    let ran = ask(&home, "cmd:get 2");
    assert_fails(&ran, 2, &["standard input is closed", "the token command `get` knows no such token"]);
    assert_fails(&ask(&home, "cmd:get 3"), 2, &["`get` failed with exit code 3"]);
    assert_fails(&ask(&home, "cmd:./none"), 2, &["cannot run `./none`: it is not installed"]);
    stand_in(&home, "get", "kill -9 $$");
    assert_fails(&ask(&home, "cmd:get"), 2, &["ended by a signal"]);
    stand_in(&home, "get", "while :; do echo hunter2; done");
    assert_fails(&ask(&home, "cmd:get"), 2, &["printed more than 1 MiB"]);
}

#[test]
fn a_token_file_is_its_owners_alone_and_holds_one_line() {
    let home = Home::new();
    let path = home.write("token", format!(" \n{SECRET}\r\n\n"));
    assert_gives(&ask(&home, "file:token"), SECRET);
    for mode in [0o640, 0o604, 0o622, 0o644] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("own file");
        assert_fails(&ask(&home, "file:token"), 2, &[&format!("{mode:04o}"), "chmod 600 token", "--token-from -"]);
    }
    home.write("token", "hunter2\nhunter3\n");
    let ran = ask(&home, "file:token");
    assert_fails(&ran, 2, &["has 2 lines"]);
    assert!(!ran.said().contains("hunter"), "{ran}");
    home.write("token", " \n");
    assert_fails(&ask(&home, "file:token"), 2, &["is empty"]);
    assert_fails(&ask(&home, "file:none"), 2, &["there is no token file `none`"]);
}

#[test]
fn inside_a_unit_a_token_is_a_systemd_credential() {
    let home = Home::new();
    let directory = home.side_dir("credentials");
    fs::write(directory.join("ghcr"), format!("{SECRET}\n")).expect("a credential");
    // As systemd leaves it where it gives rights by access lists.
    fs::set_permissions(directory.join("ghcr"), fs::Permissions::from_mode(0o440)).expect("own file");
    let ask_in_unit = |source: &str| {
        let mut command = command(&home, &["kubelet", "-u", "alice", "--token-from", source]);
        run_with_input(command.env("CREDENTIALS_DIRECTORY", &directory), REQUEST)
    };
    assert_gives(&ask_in_unit("systemd:ghcr"), SECRET);
    assert_fails(
        &ask_in_unit("systemd:none"),
        2,
        &["there is no systemd credential `none`", "LoadCredentialEncrypted=none"],
    );
    assert_fails(&ask(&home, "systemd:ghcr"), 2, &["`CREDENTIALS_DIRECTORY` is not set"]);
}

#[test]
fn a_login_takes_the_token_from_standard_input_or_a_command() {
    let (serving, home) = (Home::new(), Home::new());
    let server = server(&serving);
    let token = server.token("read:packages");
    let words = ["login", &server.registry, "--docker", "--json", "--token-from"];
    let from_input = [&words[..], &["-", "-u", "alice"]].concat();
    pullpass_with_input(&home, &from_input, &format!("{token}\n")).expect_success();
    fs::remove_file(docker_config(&home)).expect("it was written");
    stand_in(&home, "get", &format!("echo '{{\"version\":1,\"username\":\"alice\",\"token\":\"{token}\"}}'"));
    let ran = pullpass(&home, &[&words[..], &["cmd:get"]].concat());
    assert_eq!(json(&ran)["user"], "alice");
    assert!(docker_config(&home).exists());
    let nobody = pullpass(&home, &[&words[..], &["prompt", "-u", "alice"]].concat());
    assert_fails(&nobody, 2, &["cannot ask for the token"]);
}

#[test]
fn a_variable_that_a_secret_was_read_from_does_not_reach_other_programs() {
    let home = Home::new();
    stand_in(&home, "tell", r#"printf '%s\n' "saw [$VAULT_SECRET] [$OTHER]" >&2; echo password"#);
    home.write("plain", "x");
    let words = ["vault", "encrypt", "plain", "--encrypt-vault-id", "default", "--vault-password-env", "VAULT_SECRET"];
    let mut command = command(&home, &[&words[..], &["--vault-password-command", "tell"]].concat());
    let ran = run(command.env("VAULT_SECRET", "hunter2").env("OTHER", "kept"));
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.stderr.contains("saw [] [kept]"), "{ran}");
}

#[test]
fn a_credential_helper_does_not_get_the_variable_with_the_token() {
    let (serving, home) = (Home::new(), Home::new());
    let server = server(&serving);
    home.write(".docker/config.json", format!(r#"{{"credHelpers":{{"{}":"tell"}}}}"#, server.registry));
    let seen = home.side_dir("asked").join("seen");
    let nothing = "credentials not found in native keychain";
    let body =
        format!("printf '%s ' \"$1\" \"[$THE_TOKEN]\" \"[$OTHER]\" >> '{}'; echo {nothing}; exit 1", seen.display());
    stand_in(&home, "docker-credential-tell", &body);
    let mut command =
        command(&home, &["login", &server.registry, "-u", "alice", "--docker", "--token-from", "env:THE_TOKEN"]);
    let ran = run(command.env("THE_TOKEN", server.token("read:packages")).env("OTHER", "kept"));
    assert_ne!(ran.code, 0, "the helper stores nothing: {ran}");
    let seen = fs::read_to_string(seen).expect("it was asked");
    assert!(seen.contains("get [] [kept] ") && seen.contains("store [] [kept] "), "{ran}");
}
