//! Hunts for a marked secret in everything that a program leaves behind: output, logs, files, and the arguments and
//! environment of every process while it runs.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use aho_corasick::AhoCorasick;
use base64::{Engine, engine::general_purpose};

/// A secret that must be found nowhere, in any of the spellings that programs give to secrets.
#[derive(Clone)]
pub struct Canary {
    /// What each of the needles is called.
    names: Arc<Vec<&'static str>>,
    needles: AhoCorasick,
}

impl Canary {
    /// Hunts for `secret`, which should be long enough to occur nowhere by chance.
    pub fn new(secret: &str) -> Canary {
        assert!(secret.len() >= 20, "a short secret is found everywhere");
        let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        let percent: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let underscore = secret.replace('_', "%5F");
        let mut needles = vec![
            ("raw", secret.as_bytes().to_vec()),
            ("reversed", secret.bytes().rev().collect()),
            ("hex", hex.clone().into_bytes()),
            ("upper-case hex", hex.to_uppercase().into_bytes()),
            ("percent-encoded", percent.to_lowercase().into_bytes()),
            ("percent-encoded", percent.into_bytes()),
        ];
        if underscore != secret {
            needles.push(("percent-encoded", underscore.into_bytes()));
        }
        // `user:secret` shifts the secret to one of three places within base64's groups of three bytes.
        for shift in 0..3 {
            for (name, engine) in
                [("base64", general_purpose::STANDARD), ("URL-safe base64", general_purpose::URL_SAFE)]
            {
                needles.push((name, inner_base64(&engine, secret, shift).into_bytes()));
            }
        }
        let (names, needles): (Vec<_>, Vec<_>) = needles.into_iter().unzip();
        // Files of a hundred megabytes are looked through.
        Canary { names: Arc::new(names), needles: AhoCorasick::new(needles).expect("a few short needles") }
    }

    /// The spellings in which the secret occurs in `bytes`.
    pub fn spellings_in(&self, bytes: &[u8]) -> BTreeSet<&'static str> {
        self.needles.find_overlapping_iter(bytes).map(|found| self.names[found.pattern().as_usize()]).collect()
    }

    /// `PATH: SPELLING` for every file below `root` that holds the secret, or has it in its name.
    pub fn files_below(&self, root: &Path) -> Vec<String> {
        let found = |(path, entry): (std::path::PathBuf, crate::home::Entry)| {
            let mut spellings = self.spellings_in(&entry.contents);
            spellings.extend(self.spellings_in(path.as_os_str().as_encoded_bytes()));
            spellings.into_iter().map(|spelling| format!("{}: {spelling}", path.display())).collect::<Vec<_>>()
        };
        crate::home::listing(root).into_iter().flat_map(found).collect()
    }

    /// Watches every process whose environment names `mark`, until the watch is stopped.
    pub fn watch(&self, mark: &Path) -> Watch {
        let stop = Arc::new(AtomicBool::new(false));
        let (canary, mark, stopped) = (self.clone(), mark.display().to_string().into_bytes(), Arc::clone(&stop));
        let sampler = thread::spawn(move || {
            let mut sightings = Sightings::default();
            while !stopped.load(Ordering::Relaxed) {
                canary.sample(&mark, &mut sightings);
                thread::sleep(Duration::from_millis(1));
            }
            sightings
        });
        Watch { stop, sampler }
    }

    fn sample(&self, mark: &[u8], sightings: &mut Sightings) {
        let Ok(processes) = fs::read_dir("/proc") else { return };
        for process in processes.flatten() {
            if !process.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit) {
                continue;
            }
            // A process may end between any two of these.
            let Ok(environment) = fs::read(process.path().join("environ")) else { continue };
            if !environment.windows(mark.len()).any(|window| window == mark) {
                continue;
            }
            let Ok(arguments) = fs::read(process.path().join("cmdline")) else { continue };
            sightings.samples += 1;
            let shown = String::from_utf8_lossy(&arguments).replace('\0', " ");
            if !self.spellings_in(&arguments).is_empty() {
                sightings.arguments.insert(shown.clone());
            }
            if !self.spellings_in(&environment).is_empty() {
                sightings.environments.insert(shown);
            }
        }
    }
}

/// What a [`Watch`] saw.
#[derive(Debug, Default)]
pub struct Sightings {
    /// How many times a process was looked at; none would mean that nothing was watched.
    pub samples: usize,
    /// Command lines with the secret in them.
    pub arguments: BTreeSet<String>,
    /// Command lines of processes with the secret in their environment.
    pub environments: BTreeSet<String>,
}

/// A sampler of processes.
pub struct Watch {
    stop: Arc<AtomicBool>,
    sampler: thread::JoinHandle<Sightings>,
}

impl Watch {
    /// Ends the watch.
    pub fn stop(self) -> Sightings {
        self.stop.store(true, Ordering::Relaxed);
        self.sampler.join().expect("the sampler does not panic")
    }
}

/// The characters of base64 that depend on the secret alone, when `shift` bytes stand before it and anything behind.
fn inner_base64(engine: &impl Engine, secret: &str, shift: usize) -> String {
    let mut bytes = vec![0; shift];
    bytes.extend_from_slice(secret.as_bytes());
    let encoded = engine.encode(&bytes);
    let start = (shift * 8).div_ceil(6);
    let end = bytes.len() * 8 / 6;
    encoded[start..end].to_owned()
}
