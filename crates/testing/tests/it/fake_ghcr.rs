//! The program for scripts.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pullpass_testing::run::{Signal, run, signal, wait};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_fake-ghcr");

#[test]
fn it_says_where_it_listens_and_ends_with_its_input() {
    let said =
        run(Command::new(PROGRAM).args(["--tls", "--delay", "5", "--private", "midokura/hello:v1"])).expect_success();
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let [said, asked] = lines.as_slice() else { panic!("a line at the start and one at the end: {said}") };
    assert_eq!(asked["token_requests"], serde_json::json!({}), "nobody asked");
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

#[test]
fn it_is_as_far_away_as_it_is_told() {
    let mut child = Command::new(PROGRAM)
        .args(["--delay", "300"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a program");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    let said: Value = serde_json::from_str(&line).expect("JSON");
    for server in ["ghcr", "storage", "api"] {
        let origin = said[server].as_str().expect("an address");
        let mut stream = TcpStream::connect(origin.trim_start_matches("http://")).expect("a listening server");
        let begun = Instant::now();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").expect("a server that reads");
        stream.read_exact(&mut [0; 9]).expect("an answer");
        assert!(begun.elapsed() >= Duration::from_millis(300), "{server}");
    }
    drop(child.stdin.take());
    assert!(wait(&mut child, Duration::from_secs(10)).expect("an end within 10 seconds").success());
}
