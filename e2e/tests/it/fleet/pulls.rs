//! Pulls on every host, each with the engine's own stored login and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use pullpass_testing::host::{DEPLOYER, Host};
use pullpass_testing::run::{Ran, run};

/// The rest between two rounds of a host. With less, the loops of six hosts keep a machine of two cores busy by themselves.
const REST: Duration = Duration::from_secs(1);

/// Who pulls on a host, with which engine.
pub(crate) fn logins(host: &Host) -> &'static [(&'static str, &'static str)] {
    const ALL: &[(&str, &str)] = &[(DEPLOYER, "podman"), ("root", "docker")];
    if host.has_docker { ALL } else { &ALL[..1] }
}

/// An engine asks the registry for a token and the manifest on every pull, whether it has the image or not.
pub(crate) fn pull(host: &Host, (user, engine): (&str, &str), image: &str) -> Ran {
    run(host.command_as(user, engine).args(["pull", "--quiet", image]))
}

/// A pull that failed on a host that ran all the while.
pub(crate) struct Failure {
    /// `deploy@host-1`.
    pub(crate) who: String,
    /// How long after the start of the loops.
    pub(crate) after: Duration,
    pub(crate) ran: Ran,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} after {:.1} s: {}", self.who, self.after.as_secs_f32(), self.ran)
    }
}

/// The loops, which end on drop.
pub(crate) struct Pulls {
    stop: Arc<AtomicBool>,
    done: Vec<Arc<AtomicUsize>>,
    threads: Vec<JoinHandle<Vec<Failure>>>,
}

impl Pulls {
    pub(super) fn start(hosts: &[Arc<Host>], image: &'static str) -> Pulls {
        let (stop, begun) = (Arc::new(AtomicBool::new(false)), Instant::now());
        let start = |host: &Arc<Host>| {
            let (host, stop, done) = (Arc::clone(host), Arc::clone(&stop), Arc::new(AtomicUsize::new(0)));
            let counter = Arc::clone(&done);
            (done, thread::spawn(move || repeat(&host, image, &stop, &counter, begun)))
        };
        let (done, threads) = hosts.iter().map(start).unzip();
        Pulls { stop, done, threads }
    }

    /// How many pulls succeeded so far, of each host.
    pub(crate) fn succeeded(&self) -> Vec<usize> {
        self.done.iter().map(|done| done.load(Ordering::Relaxed)).collect()
    }

    /// Ends the loops.
    pub(crate) fn stop(mut self) -> Vec<Failure> {
        self.stop.store(true, Ordering::Relaxed);
        let threads = std::mem::take(&mut self.threads);
        threads.into_iter().flat_map(|thread| thread.join().expect("no loop panics")).collect()
    }
}

impl Drop for Pulls {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Each has a hand on its host, which ends with the last.
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

fn repeat(host: &Host, image: &str, stop: &AtomicBool, done: &AtomicUsize, begun: Instant) -> Vec<Failure> {
    let mut failures = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        for (user, engine) in logins(host) {
            let Some(before) = host.running() else { continue };
            let ran = pull(host, (user, engine), image);
            if ran.code == 0 {
                done.fetch_add(1, Ordering::Relaxed);
            } else if host.running() == Some(before) {
                failures.push(Failure { who: format!("{user}@{}", host.name), after: begun.elapsed(), ran });
            }
        }
        thread::sleep(REST);
    }
    failures
}
