//! What the server asks of the system before it acknowledges: strace sees the calls of a push and of a new token. A kill
//! cannot show this, because what a process wrote outlives it in the page cache; a power cut would.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use pullpass_oci::{Digest, media_type};
use pullpass_testing::home::Home;
use pullpass_testing::run::{run, run_with_input};
use reqwest::Method;
use serde_json::json;

use super::admin;
use super::http::{Answer, Cut, Http};
use super::serving::{Serving, serve};
use crate::program::{USER, program};

const CALLS: &str = "trace=fsync,fdatasync,rename,renameat,renameat2,pwrite64,pwritev,write,writev,sendto,sendmsg";

/// One call that succeeded, with the lines of the trace at which it began and ended.
struct Call {
    text: String,
    began: usize,
    ended: usize,
}

#[test]
fn everything_is_synced_before_it_is_acknowledged() {
    let home = Home::new();
    let data = home.side_dir("data");
    let trace = home.temp_dir().join("trace");
    let mut add = admin(&home, &data, &["admin", "user", "add", USER, "--password-stdin"]);
    run_with_input(&mut add, "correct horse battery staple").expect_success();
    let new = ["token", "new", "--user", USER, "--note", "first", "--scope", "write:packages"];
    let token = run(&mut admin(&home, &data, &new)).expect_success().trim().to_owned();

    // -D: the server is our child and strace is not, so that the kill is for the server.
    let mut command = home.command("strace");
    command.args(["-D", "-f", "-y", "-s", "48", "-e", CALLS, "-o"]).arg(&trace).arg(program());
    let mut serving = Serving::of(serve(command, &data));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let blob = json!({}).to_string().into_bytes();
    let digest = Digest::sha256(&blob);
    runtime.block_on(async {
        let http = Http::new(&serving.registry, &token).await;
        let package = format!("{USER}/durable");
        let opened = http.send(Method::POST, &format!("/v2/{package}/blobs/uploads/"), Vec::new()).await;
        let location = expect(opened, 202).location;
        let location = expect(http.send(Method::PATCH, &location, blob.clone()).await, 202).location;
        expect(http.send(Method::PUT, &format!("{location}?digest={digest}"), Vec::new()).await, 201);
        let config = json!({ "mediaType": media_type::OCI_CONFIG, "digest": digest.to_string(), "size": blob.len() });
        let manifest = json!({ "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "config": config });
        let (path, body) = (format!("/v2/{package}/manifests/1"), manifest.to_string().into_bytes());
        expect(http.send_as(&token, Method::PUT, &path, media_type::OCI_MANIFEST, body).await, 201);
    });
    run(&mut admin(&home, &data, &new)).expect_success();
    serving.kill();

    let calls = read(&trace);
    let created = answers(&calls, "HTTP/1.1 201");
    let [blob_created, manifest_created] = created[..] else { panic!("{} answers with 201", created.len()) };
    let token_made = answers(&calls, "{\\\"Ok\\\":")[0];

    let renamed = first(&calls, "rename", digest.hex(), 0, blob_created.began);
    first(&calls, "sync", "/uploads/", 0, renamed.began);
    let shard = format!("/blobs/sha256/{}>", &digest.hex()[..2]);
    first(&calls, "sync", &shard, renamed.ended, blob_created.began);
    let recorded = first(&calls, "sync", "/blobs/sha256>", renamed.ended, blob_created.began);
    committed(&calls, recorded.ended, blob_created.began);
    committed(&calls, blob_created.ended, manifest_created.began);
    committed(&calls, manifest_created.ended, token_made.began);
}

/// The write-ahead log was written to and then synced between two lines.
fn committed(calls: &[Call], after: usize, before: usize) {
    let written = first(calls, "pwrite64", "/pullpass.db-wal>", after, before);
    first(calls, "sync", "/pullpass.db-wal>", written.ended, before);
}

/// The first call of this kind, on this file, that began and ended between two lines.
#[track_caller]
fn first<'a>(calls: &'a [Call], kind: &str, file: &str, after: usize, before: usize) -> &'a Call {
    let is = |call: &&Call| {
        let name = call.text.split('(').next().unwrap_or_default();
        name.contains(kind) && call.text.contains(file) && call.began > after && call.ended < before
    };
    let found = calls.iter().find(is);
    found.unwrap_or_else(|| panic!("no `{kind}` of `{file}` between lines {after} and {before} of the trace"))
}

/// The calls that sent this.
fn answers<'a>(calls: &'a [Call], text: &str) -> Vec<&'a Call> {
    calls.iter().filter(|call| call.text.contains(text) && !call.text.starts_with("pwrite")).collect()
}

/// Reads what strace wrote, once it has written all. A call that another thread's came between has two lines.
fn read(trace: &Path) -> Vec<Call> {
    let deadline = Instant::now() + Duration::from_secs(20);
    let text = loop {
        let text = fs::read_to_string(trace).expect("a trace");
        if text.contains("+++ killed by SIGKILL +++") {
            break text;
        }
        assert!(Instant::now() < deadline, "strace does not end");
        thread::sleep(Duration::from_millis(20));
    };
    let mut begun: HashMap<&str, (usize, &str)> = HashMap::new();
    let mut calls = Vec::new();
    for (line, text) in text.lines().enumerate() {
        let Some((thread, text)) = text.split_once(' ') else { continue };
        let text = text.trim_start();
        if let Some(text) = text.strip_suffix(" <unfinished ...>") {
            begun.insert(thread, (line, text));
            continue;
        }
        let (began, text) = match (text.starts_with("<... "), begun.remove(thread)) {
            (true, Some((began, start))) => (began, format!("{start}{}", text.split_once('>').unwrap_or_default().1)),
            _ => (line, text.to_owned()),
        };
        if !text.contains(" = -1 ") {
            calls.push(Call { text, began, ended: line });
        }
    }
    calls
}

#[track_caller]
fn expect(answer: Result<Answer, Cut>, status: u16) -> Answer {
    let Ok(answer) = answer else { panic!("no answer") };
    assert_eq!(answer.status, status);
    answer
}
