use pullpass_testing::home::Home;

use crate::support::*;

#[test]
fn a_wrong_configuration_is_told_before_a_port_is_bound() {
    let home = Home::new();
    for (words, said) in [
        (&["serve", "--listen", "0.0.0.0:0"][..], "--url"),
        (&["serve", "--listen", "0.0.0.0:0", "--url", "http://registry.example"], "--allow-plain-http"),
        (&["serve", "--tls-cert", "x"], "--tls-key"),
        (&["serve", "--url", "http://registry.example/path"], "base URL"),
        (&["serve", "--config", "nowhere.toml"], "nowhere.toml"),
    ] {
        assert_fails(&pullpass(&home, words), 2, &[said]);
    }
    home.write("bad.toml", "data = \"x\"\nlisten = 5\n");
    assert_fails(&pullpass(&home, &["serve", "--config", "bad.toml"]), 2, &["bad.toml", "line 2"]);
    home.write("unknown.toml", "dta = \"x\"\n");
    assert_fails(&pullpass(&home, &["serve", "--config", "unknown.toml"]), 2, &["dta", "line 1"]);
    assert!(!home.path().join(".local").exists(), "nothing is made for a server that does not start");
}

#[test]
fn a_port_and_a_directory_in_use_are_named() {
    let home = Home::new();
    let server = server(&home);
    let data = home.side_dir("data").display().to_string();
    assert_fails(&pullpass(&home, &["serve", "--data", &data, "--listen", "127.0.0.1:0"]), 3, &["in use", &data]);
    let other = home.side_dir("other").display().to_string();
    let ran = pullpass(&home, &["serve", "--data", &other, "--listen", &server.registry]);
    assert_fails(&ran, 3, &[&server.registry, "--listen"]);
}

#[test]
fn a_running_server_is_administered_whatever_the_length_of_its_path() {
    use std::{io::BufRead, process::Stdio};
    let home = Home::new();
    let data = home.side_dir(&format!("{}/{}", "deep".repeat(20), "deeper".repeat(20))).display().to_string();
    let mut serve = command(&home, &["serve", "--listen", "127.0.0.1:0", "--data", &data]);
    let mut child = serve.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut said = String::new();
    let mut stderr = std::io::BufReader::new(child.stderr.take().expect("a pipe"));
    stderr.read_line(&mut said).expect("a line");
    let add = ["admin", "user", "add", "bob", "--password-stdin", "--data", &data];
    let ran = pullpass_with_input(&home, &add, "correct horse battery");
    child.kill().expect("it runs");
    child.wait().expect("it ended");
    assert!(said.contains("listening on "), "{said}");
    assert_eq!(ran.code, 0, "{ran}");
}

#[test]
fn settings_come_from_a_file_too() {
    let home = Home::new();
    let data = home.side_dir("data");
    home.write("pullpass.toml", format!("data = \"{}\"\nservice = \"my registry\"\ntls-dev = true\n", data.display()));
    let server = pullpass_testing::serve::Server::start(&home, PROGRAM, &["--config", "pullpass.toml"]);
    assert!(server.ca().contains("BEGIN CERTIFICATE"));
}

#[test]
fn administration_works_without_a_running_server() {
    let home = Home::new();
    let add = ["admin", "user", "add", "alice", "--password-stdin", "--data", "data"];
    pullpass_with_input(&home, &add, "correct horse battery").expect_success();
    assert_fails(&pullpass_with_input(&home, &add, "correct horse battery"), 2, &["`alice` already"]);
    let token = ["token", "new", "--user", "alice", "--scope", "read:packages", "--data", "data"];
    assert!(pullpass(&home, &token).expect_success().starts_with("ppt_"));
    assert_fails(&pullpass(&home, &["token", "list", "--data", "elsewhere"]), 2, &["elsewhere", "--data"]);
    let missing = ["admin", "package", "set-visibility", "alice/app", "public", "--data", "data"];
    assert_fails(&pullpass(&home, &missing), 2, &["no package `alice/app`"]);
}
