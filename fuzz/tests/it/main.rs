//! The targets on their seeds and on thousands of small changes of them: what a fuzzer does for hours, in seconds and the
//! same each time.

mod time;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use pullpass_fuzz::{explain, inventory, payloads, scan, vault};

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % end as u64) as usize
    }

    fn one<'a>(&mut self, from: &'a [Vec<u8>]) -> &'a [u8] {
        &from[self.below(from.len())]
    }
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    let mut paths: Vec<_> = fs::read_dir(dir).expect("seeds").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a seed")).collect()
}

/// The words of libFuzzer's dictionary: one a line, in quotes, with `\\`, `\"` and `\xNN`.
fn words(target: &str) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("dictionaries").join(target);
    let text = fs::read_to_string(path).expect("a dictionary");
    text.lines().map(|line| unescape(line.trim_matches('"'))).collect()
}

fn unescape(text: &str) -> Vec<u8> {
    let Some((before, escaped)) = text.split_once('\\') else { return text.as_bytes().to_vec() };
    let (byte, length) = match escaped.strip_prefix('x') {
        Some(hex) => (u8::from_str_radix(&hex[..2], 16).expect("two digits"), 3),
        None => (escaped.as_bytes()[0], 1),
    };
    [before.as_bytes(), &[byte], &unescape(&escaped[length..])].concat()
}

/// A seed with a few changes, some of them pieces of other seeds.
fn mutate(random: &mut Random, seeds: &[Vec<u8>], words: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = random.one(seeds).to_vec();
    for _ in 0..=random.below(4) {
        let start = random.below(bytes.len() + 1);
        let end = bytes.len().min(start + [0, 1, 1, random.below(30)][random.below(4)]);
        let new = match random.below(8) {
            0 => vec![],
            1 => vec![random.below(256) as u8],
            2 => bytes[start..end].repeat(2),
            3 | 4 => {
                let other = random.one(seeds);
                let from = random.below(other.len());
                other[from..other.len().min(from + random.below(40))].to_vec()
            }
            _ => random.one(words).to_vec(),
        };
        bytes.splice(start..end, new);
    }
    bytes
}

fn replay(target: &str, run: fn(&[u8]), count: u64) {
    let (seeds, words) = (seeds(target), words(target));
    let changed = (0..count).map(|number| mutate(&mut Random(number), &seeds, &words));
    for input in seeds.iter().cloned().chain(changed) {
        let outcome = catch_unwind(AssertUnwindSafe(|| run(&input)));
        assert!(outcome.is_ok(), "`{target}` stumbles over {}", input.escape_ascii());
    }
}

#[test]
fn vault_payloads() {
    replay("vault", vault::run, 100_000);
}

#[test]
fn edits_of_inventories() {
    replay("inventory", inventory::run, 30_000);
}

#[test]
fn payloads_of_any_file() {
    replay("payloads", payloads::run, 30_000);
}

#[test]
fn what_clients_print() {
    replay("explain", explain::run, 20_000);
}

#[test]
fn tokens_in_anything() {
    replay("scan", scan::run, 30_000);
}
