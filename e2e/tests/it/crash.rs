//! `kill -9` of `pullpass serve` at random moments, over and over on one data directory. Whatever was acknowledged has to
//! be there after the restart, what was deleted has to stay away, and nothing half-written may be served or left.
//!
//! `PULLPASS_CRASH_ROUNDS` says how many rounds, `PULLPASS_CRASH_SEED` what the workers choose; the moments of their
//! requests depend on the machine. `scripts/soak crash` sets them.
//!
//! A killed process leaves the system's page cache behind, so that these rounds show the order of the server's steps and
//! not that each has reached the disk. That it syncs before it answers is shown by `durability`.

mod durability;
mod http;
mod judge;
mod model;
mod serving;
mod tokens;
mod worker;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pullpass_testing::home::Home;
use pullpass_testing::run::{run, run_with_input};

use crate::program::{USER, pullpass};
use crate::random::Random;
use http::Http;

use serving::Serving;
use tokens::Tokens;
use worker::Worker;

/// How many packages are written to at once; each worker has two of its own, so that it knows all that is in them.
const WORKERS: usize = 4;

/// How long the workers go on before the kill, in milliseconds at most.
const LIFE: u64 = 400;

/// How long a start takes, in milliseconds, about: it is killed within that too.
const START: u64 = 60;

/// One data directory and all that is known of it.
struct Soak<'home> {
    home: &'home Home,
    data: PathBuf,
    random: Random,
    workers: Vec<Worker>,
    tokens: Tokens,
    /// Of the workers, never revoked.
    token: String,
    sums: Sums,
}

/// What all rounds together have seen.
#[derive(Default)]
struct Sums {
    acknowledged: usize,
    cut: usize,
    uploads: usize,
    files: usize,
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let rounds = number("PULLPASS_CRASH_ROUNDS").unwrap_or(5);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970");
    let seed = number("PULLPASS_CRASH_SEED").unwrap_or(u64::from(now.subsec_micros()));
    println!("crash: {rounds} rounds with PULLPASS_CRASH_SEED={seed}");

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let home = Home::new();
    let mut soak = Soak::new(&home, seed);
    let _evidence = Evidence { data: soak.data.clone(), seed };
    let started = Instant::now();
    for round in 1..=rounds {
        let said = runtime.block_on(soak.round());
        println!("crash: round {round} of {rounds}: {said}");
    }
    let Sums { acknowledged, cut, uploads, files } = soak.sums;
    println!(
        "crash: {rounds} rounds in {} s: {acknowledged} requests acknowledged and kept, {cut} cut off; collected \
         {uploads} unfinished uploads and {files} files without a row; both judges silent",
        started.elapsed().as_secs()
    );
    assert!(acknowledged > 0, "nothing was ever acknowledged");
    assert!(rounds < 50 || (cut > 0 && uploads > 0), "no kill ever hit a request");
}

impl<'home> Soak<'home> {
    fn new(home: &'home Home, seed: u64) -> Soak<'home> {
        let data = home.side_dir("data");
        let mut random = Random::new(seed);
        let mut add = admin(home, &data, &["admin", "user", "add", USER, "--password-stdin"]);
        run_with_input(&mut add, "correct horse battery staple").expect_success();
        let scopes = ["--scope", "write:packages", "--scope", "delete:packages"];
        let new = [&["token", "new", "--user", USER, "--note", "workers"][..], &scopes].concat();
        let token = run(&mut admin(home, &data, &new)).expect_success().trim().to_owned();
        let workers = (0..WORKERS).map(|number| Worker::new(number, random.split())).collect();
        let tokens = Tokens::new(random.split());
        Soak { home, data, random, workers, tokens, token, sums: Sums::default() }
    }

    /// Serves, kills, starts again and judges. Says what happened.
    async fn round(&mut self) -> String {
        let mut serving = Serving::start(self.home, &self.data);
        let http = Http::new(&serving.registry, &self.token).await;
        let life = Duration::from_millis(5 + self.random.below(LIFE));
        let (acknowledged, cut) = self.work(&http, &mut serving, life).await;
        let (uploads, files) = judge::leftovers(&self.data).await;

        let mut starts = 0;
        while self.random.below(4) == 0 {
            Serving::start_and_kill(self.home, &self.data, Duration::from_millis(self.random.below(START)));
            starts += 1;
        }
        let serving = Serving::start(self.home, &self.data);
        let http = Http::new(&serving.registry, &self.token).await;
        let check = run(&mut admin(self.home, &self.data, &["admin", "check", "--json"]));
        assert_eq!(check.code, 0, "the first judge:\n{check}\n{}", serving.log());
        for worker in &mut self.workers {
            worker.settle(&http).await;
        }
        self.tokens.settle(&http).await;
        let models: Vec<_> = self.workers.iter().map(|worker| &worker.model).collect();
        let kept = judge::judge(&self.data, &models, &self.tokens).await;
        serving.expect_quiet();

        self.sums.acknowledged += acknowledged;
        self.sums.cut += cut;
        self.sums.uploads += uploads;
        self.sums.files += files;
        format!(
            "killed after {life:?}, {acknowledged} acknowledged, {cut} cut off, {uploads} uploads and {files} files \
             left over, {starts} starts killed; {kept}"
        )
    }

    /// Lets everybody work until the server is killed. Says how many requests were acknowledged and how many cut off.
    async fn work(&mut self, http: &Http, serving: &mut Serving, life: Duration) -> (usize, usize) {
        let mut tasks = Vec::new();
        for mut worker in self.workers.drain(..) {
            let http = http.clone();
            tasks.push(tokio::spawn(async move {
                worker.work(&http).await;
                worker
            }));
        }
        let commands = {
            let (home, data) = (self.home, &self.data);
            move |words: &[&str]| admin(home, data, words)
        };
        let killer = async {
            tokio::time::sleep(life).await;
            http.expect_silence();
            serving.kill();
        };
        let (by_tokens, ()) = tokio::join!(self.tokens.work(http, commands), killer);
        for task in tasks {
            self.workers.push(task.await.expect("the worker found nothing wrong"));
        }
        let cut = self.workers.iter().filter(|worker| worker.model.is_unsettled()).count();
        (http.acknowledged() + by_tokens, cut + usize::from(self.tokens.is_unsettled()))
    }
}

/// `pullpass WORDS --data DIR`
fn admin(home: &Home, data: &Path, words: &[&str]) -> Command {
    let mut command = pullpass(home);
    command.args(words).arg("--data").arg(data);
    command
}

/// Keeps the data directory of a failed test.
struct Evidence {
    data: PathBuf,
    seed: u64,
}

impl Drop for Evidence {
    fn drop(&mut self) {
        if thread::panicking() {
            let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("crash-{}", self.seed));
            drop(fs::remove_dir_all(&kept));
            drop(Command::new("cp").arg("-a").arg(&self.data).arg(kept).status());
        }
    }
}
