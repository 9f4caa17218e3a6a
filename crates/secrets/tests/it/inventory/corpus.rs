//! Thousands of made-up inventories, and edits of them: whatever is set reads back, nothing else reads differently, and no
//! byte outside of the value changes.
//!
//! `PULLPASS_CORPUS_FILES` says how many files, `PULLPASS_CORPUS_SEED` which ones. `scripts/soak corpus` sets them.

pub(super) mod generate;
mod judge;
mod meaning;
mod reading;
mod spell;
mod write;

use std::{collections::BTreeMap, env, fmt, thread};

use generate::{File, Leaf, Random, Step, Value};
use judge::Judge;
use pullpass_secrets::{
    inventory::{self, InventoryError, KeyPath, NewValue, Payloads},
    vault::{self, Password},
};

/// Every file gets that many edits at random, each from its first state.
const EDITS: usize = 3;
const FILES: u64 = 2000;

#[derive(Default)]
struct Sums {
    files: usize,
    bytes: usize,
    values: usize,
    edits: BTreeMap<&'static str, usize>,
    /// Edits that had to be refused, by reason.
    rightly: BTreeMap<&'static str, usize>,
    /// Edits that could have been made.
    refused: BTreeMap<&'static str, usize>,
    /// The files of those, with the error.
    examples: Vec<String>,
}

/// What came of an edit.
enum Outcome {
    Done,
    /// It had to be refused.
    Rightly(&'static str),
    /// It could have been made.
    Refused(InventoryError),
}

#[test]
fn no_edit_of_a_made_up_inventory_touches_anything_else() {
    let (files, first) = extent();
    let payloads = payloads();
    let threads = thread::available_parallelism().map_or(1, usize::from) as u64;
    let sums = thread::scope(|scope| {
        let work = |offset| {
            let payloads = &payloads;
            move || {
                let mut sums = Sums::default();
                for seed in (first + offset..first + files).step_by(threads as usize) {
                    // The last payload is kept for edits.
                    let file = generate::file(seed, &payloads[..payloads.len() - 1]);
                    Case { seed, file: &file, random: Random::new(!seed), payloads }.run(&mut sums);
                }
                sums
            }
        };
        let workers: Vec<_> = (0..threads).map(|offset| scope.spawn(work(offset))).collect();
        let sums = workers.into_iter().map(|worker| worker.join().expect("a thread without findings"));
        sums.fold(Sums::default(), Sums::and)
    });
    sums.examples.iter().for_each(|example| println!("{example}"));
    println!("{sums}");
    let total = |counts: &BTreeMap<_, usize>| counts.values().sum::<usize>();
    assert!(total(&sums.refused) <= total(&sums.edits) / 1000, "too many edits were refused without need:\n{sums}");
    assert!(total(&sums.rightly) <= total(&sums.edits) / 20, "too many edits had to be refused:\n{sums}");
}

#[test]
fn a_damaged_inventory_is_read_or_refused_and_nothing_crashes() {
    let (files, first) = extent();
    let payloads = payloads();
    let mut read = 0;
    for seed in first..first + files {
        let file = generate::file(seed, &payloads);
        let mut random = Random::new(seed.rotate_left(32));
        let damaged = damage(&mut random, &file.bytes);
        let _ = inventory::check(&damaged);
        let _ = inventory::check_text(&damaged);
        read += usize::from(inventory::show(&damaged).is_ok());
        for payloads in Payloads::of_yaml(&damaged).into_iter().chain([Payloads::of_text(&damaged)]) {
            let with: Vec<_> = payloads.list().iter().map(|payload| Some(payload.text.clone())).collect();
            let _ = payloads.replace(&with);
        }
        let Some(leaf) = file.leaves.get(random.below(file.leaves.len().max(1))) else { continue };
        let path = key_path(&leaf.path);
        let _ = inventory::unset(&damaged, &path);
        if let Ok(after) = inventory::set(Some(&damaged), &path, &NewValue::Vault(payloads[0].clone())) {
            let found = inventory::get(&after, &path);
            let is_right =
                matches!(&found, Ok(Some(inventory::Value::Vault(text))) if *text.trim() == *payloads[0].trim());
            assert!(is_right, "seed {seed}: {path}\n{}", String::from_utf8_lossy(&damaged));
        }
    }
    println!("{read} of {files} damaged files were read");
    assert!(read > 0 && read < files as usize, "some damage matters and some does not");
}

/// A few bytes more, less or others.
fn damage(random: &mut Random, bytes: &[u8]) -> Vec<u8> {
    const PIECES: [&[u8]; 30] = [
        b"\t", b" ", b"  ", b"\n", b"\r", b"\n\n", b":", b": ", b"- ", b"? ", b"#", b" # ", b"{", b"}", b"[", b"]",
        b",", b"&a ", b"*a ", b"!vault ", b"!x,", b"|", b">", b"'", b"\"", b"\\", b"---\n", b"...", b"\xff", b"<<: ",
    ];
    let mut damaged = bytes.to_vec();
    for _ in 0..1 + random.below(3) {
        let at = random.below(damaged.len() + 1);
        let end = (at + [0, 0, 1, 2, 9][random.below(5)]).min(damaged.len());
        let piece = random.pick(&PIECES);
        damaged.splice(at..end, piece.iter().copied());
    }
    damaged
}

/// How many files, and the first one's seed.
fn extent() -> (u64, u64) {
    let number = |name: &str, default| env::var(name).map_or(default, |value| value.parse().expect("a number"));
    (number("PULLPASS_CORPUS_FILES", FILES), number("PULLPASS_CORPUS_SEED", 1))
}

/// Payloads of several lengths, with and without a vault id.
fn payloads() -> Vec<String> {
    let password = Password::from_file(b"corpus").expect("a password");
    let lengths = [(1, None), (40, None), (40, Some("prod")), (93, Some("dev")), (300, None)];
    let encrypt = |(length, label): (usize, Option<&str>)| {
        vault::encrypt_with_salt(&vec![b'x'; length], &password, label, super::SALT).expect("a payload")
    };
    lengths.into_iter().map(encrypt).collect()
}

struct Case<'a> {
    seed: u64,
    file: &'a File,
    random: Random,
    payloads: &'a [String],
}

impl<'a> Case<'a> {
    fn run(&mut self, sums: &mut Sums) {
        sums.files += 1;
        sums.bytes += self.file.bytes.len();
        sums.values += self.file.leaves.len();
        let judge = Judge::new(self.seed, self.file);
        judge.reads();
        let mut edits = 0;
        while edits < EDITS {
            let (kind, outcome) = match self.random.below(20) {
                0..=6 => ("set a payload", self.set(&judge, true)),
                7..=9 => ("set a text", self.set(&judge, false)),
                10..=13 => ("add keys", self.add(&judge)),
                14..=16 => ("take out", self.unset(&judge)),
                17..=18 => ("replace all payloads", Some(self.rekey(&judge))),
                _ => ("follow an alias", self.borrowed()),
            };
            let Some(outcome) = outcome else { continue };
            edits += 1;
            *sums.edits.entry(kind).or_default() += 1;
            match outcome {
                Outcome::Done => {}
                Outcome::Rightly(reason) => *sums.rightly.entry(reason).or_default() += 1,
                Outcome::Refused(error) => {
                    let text = String::from_utf8_lossy(&self.file.bytes);
                    sums.examples.push(format!("seed {}: {kind}: {error}\n{text}", self.seed));
                    *sums.refused.entry(kind).or_default() += 1;
                }
            }
        }
    }

    /// `None` when the file has no value.
    fn set(&mut self, judge: &Judge<'_>, is_vault: bool) -> Option<Outcome> {
        let leaf = self.leaf()?;
        let value = if is_vault { self.payload() } else { self.text() };
        let path = key_path(&leaf.path);
        Some(match inventory::set(Some(&self.file.bytes), &path, &value) {
            Ok(after) => {
                judge.set(leaf, &value, &after);
                self.set_back(leaf, &path, &value, &after);
                Outcome::Done
            }
            Err(error) => self.refusal(error, &leaf.path),
        })
    }

    /// Over a payload, another one and then the first one make the very same file.
    fn set_back(&self, leaf: &Leaf, path: &KeyPath, value: &NewValue, after: &[u8]) {
        if let (Value::Vault(old), NewValue::Vault(_)) = (&leaf.value, value) {
            let back = inventory::set(Some(after), path, &NewValue::Vault(old.clone()));
            let back = back.unwrap_or_else(|error| panic!("seed {}: back: {error}", self.seed));
            assert!(back == self.file.bytes, "seed {}: {path} did not come back as it was", self.seed);
        }
    }

    fn add(&mut self, judge: &Judge<'_>) -> Option<Outcome> {
        let blanks = self.file.leaves.iter().filter(|leaf| leaf.is_blank && !leaf.path.is_empty());
        let blanks: Vec<&Vec<Step>> = blanks.map(|leaf| &leaf.path).collect();
        let parents: Vec<&Vec<Step>> = self.file.mappings.iter().chain(blanks).collect();
        let mut path = parents.get(self.random.below(parents.len().max(1)))?.to_vec();
        for _ in 0..1 + self.random.below(3) {
            path.push(Step::Key(self.random.pick(&["new_key", "new key", "new.key", "no", "né"]).to_owned()));
        }
        let value = if self.random.percent(70) { self.payload() } else { self.text() };
        Some(match inventory::set(Some(&self.file.bytes), &key_path(&path), &value) {
            Ok(after) => {
                judge.added(&path, &value, &after);
                Outcome::Done
            }
            Err(error) => self.refusal(error, &path),
        })
    }

    fn unset(&mut self, judge: &Judge<'_>) -> Option<Outcome> {
        let leaf = self.leaf()?;
        Some(match inventory::unset(&self.file.bytes, &key_path(&leaf.path)) {
            Ok(Some(after)) => {
                judge.taken_out(leaf, &after);
                Outcome::Done
            }
            Ok(None) => panic!("seed {}: {} is not there", self.seed, key_path(&leaf.path)),
            Err(InventoryError::Aliased { .. }) if !leaf.also.is_empty() => Outcome::Rightly("an alias stands for it"),
            Err(error) => self.refusal(error, &leaf.path),
        })
    }

    fn rekey(&mut self, judge: &Judge<'_>) -> Outcome {
        let payloads = Payloads::of_yaml(&self.file.bytes);
        let payloads = payloads.unwrap_or_else(|error| panic!("seed {}: {error}", self.seed));
        let new = self.payloads.last().cloned();
        let with: Vec<Option<String>> = payloads.list().iter().map(|_| new.clone()).collect();
        let after = match payloads.replace(&with) {
            Ok(after) => after,
            Err(error) => return Outcome::Refused(error),
        };
        judge.replaced(payloads.list(), &with, &after);
        let old: Vec<Option<String>> = payloads.list().iter().map(|payload| Some(payload.text.clone())).collect();
        let back = Payloads::of_yaml(&after).and_then(|payloads| payloads.replace(&old));
        let back = back.unwrap_or_else(|error| panic!("seed {}: back: {error}", self.seed));
        assert!(back == self.file.bytes, "seed {}: the payloads did not come back as they were", self.seed);
        Outcome::Done
    }

    /// What shows through an alias or a merge key is not set there.
    fn borrowed(&mut self) -> Option<Outcome> {
        let path = self.file.borrowed.get(self.random.below(self.file.borrowed.len().max(1)))?;
        let error = inventory::set(Some(&self.file.bytes), &key_path(path), &self.payload()).err();
        let error = error.unwrap_or_else(|| panic!("seed {}: {} was set", self.seed, key_path(path)));
        Some(match error {
            InventoryError::Alias { .. } => Outcome::Rightly("leads through an alias"),
            InventoryError::Merged { .. } => Outcome::Rightly("comes from a merge key"),
            error => self.refusal(error, path),
        })
    }

    fn refusal(&self, error: InventoryError, path: &[Step]) -> Outcome {
        let leads_through = |twice: &Vec<Step>| path.starts_with(twice);
        let is_cut = |leaf: &Leaf| leaf.is_cut && matches!(leaf.value, Value::Text(_) | Value::Unsafe(_));
        match error {
            InventoryError::Duplicate { .. } if self.file.twice.iter().any(leads_through) => {
                Outcome::Rightly("the key is there twice")
            }
            InventoryError::Unsafe { .. } if self.file.leaves.iter().any(is_cut) => {
                Outcome::Rightly("a text at the end of the file would get a line break")
            }
            error => Outcome::Refused(error),
        }
    }

    fn leaf(&mut self) -> Option<&'a Leaf> {
        self.file.leaves.get(self.random.below(self.file.leaves.len().max(1)))
    }

    fn payload(&self) -> NewValue {
        NewValue::Vault(self.payloads[self.payloads.len() - 1].clone())
    }

    fn text(&mut self) -> NewValue {
        let texts =
            ["octocat", "yes", "1.0", "", "a: b # c", "{{ x }}", "it's", "é ☃", "- x", "two\nlines\n", "@", "0x1f"];
        NewValue::Plain(self.random.pick(&texts).to_owned())
    }
}

fn key_path(steps: &[Step]) -> KeyPath {
    let step = |step: &Step| match step {
        Step::Key(key) => inventory::Step::Key(key.clone()),
        Step::Item(index) => inventory::Step::Item(*index),
    };
    KeyPath::new(steps.iter().map(step).collect()).expect("at least one step")
}

impl Sums {
    fn and(mut self, other: Sums) -> Sums {
        self.files += other.files;
        self.bytes += other.bytes;
        self.examples.extend(other.examples);
        self.values += other.values;
        let ours = [&mut self.edits, &mut self.rightly, &mut self.refused];
        for (ours, theirs) in ours.into_iter().zip([other.edits, other.rightly, other.refused]) {
            for (name, count) in theirs {
                *ours.entry(name).or_default() += count;
            }
        }
        self
    }
}

impl fmt::Display for Sums {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let edits: usize = self.edits.values().sum();
        let (files, values, kb) = (self.files, self.values, self.bytes / 1000);
        writeln!(formatter, "{files} files, {kb} kB, {values} values, {edits} edits:")?;
        for (kind, count) in &self.edits {
            writeln!(formatter, "  {count:6} {kind}")?;
        }
        writeln!(formatter, "refused, as they have to be:")?;
        for (reason, count) in &self.rightly {
            writeln!(formatter, "  {count:6} {reason}")?;
        }
        writeln!(formatter, "refused without need: {}", self.refused.values().sum::<usize>())?;
        for (reason, count) in &self.refused {
            writeln!(formatter, "  {count:6} {reason}")?;
        }
        Ok(())
    }
}
