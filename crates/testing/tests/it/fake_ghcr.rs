//! The program for scripts.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use pullpass_testing::run::{Signal, run, signal, wait};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_fake-ghcr");

#[test]
fn it_says_where_it_listens_and_ends_with_its_input() {
    let said = run(Command::new(PROGRAM).args(["--tls", "--private", "midokura/hello:v1"])).expect_success();
    assert_eq!(said.lines().count(), 1, "one line, so that a script can go on");
    let said: Value = serde_json::from_str(&said).expect("JSON");
    for server in ["ghcr", "storage", "api"] {
        assert!(said[server].as_str().expect("an address").starts_with("https://127.0.0.1:"), "{server}");
    }
    assert!(said["ca"].as_str().expect("an authority").starts_with("-----BEGIN CERTIFICATE-----"));
    assert!(said["tokens"]["read"].as_str().expect("a token").starts_with("ghp_"));
}

#[test]
fn it_ends_on_sigterm() {
    let mut command = Command::new(PROGRAM);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a program");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    signal(&child, Signal::TERM);
    let status = wait(&mut child, Duration::from_secs(10)).expect("an end within 10 seconds");
    assert!(status.success(), "{status}");
}
