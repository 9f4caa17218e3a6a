//! How a token stands in other text.

use std::collections::BTreeSet;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use pullpass_secrets::{
    Secret,
    scan::Scanner,
    token::{self, Kind},
};
use zeroize::Zeroizing;

/// A secret of no known kind that is shorter is a word that other texts may have too, such as the name of its user.
const SHORTEST: usize = 16;
/// Fingerprints are not shown here.
const KEY: [u8; 32] = [0; 32];

/// A token that is looked for.
pub(super) struct Needle<'a> {
    token: &'a str,
    is_known_kind: bool,
    /// What it is in base64, behind none, one or two bytes of another group of three, in both alphabets.
    encoded: BTreeSet<Vec<u8>>,
    scanner: Scanner,
    /// What the scanner calls it; `None` for what it does not look for.
    id: Option<[u8; 32]>,
}

impl<'a> Needle<'a> {
    pub(super) fn new(token: &'a Secret) -> Needle<'a> {
        let scanner = Scanner::new(KEY);
        let id = scanner.bytes(token.reveal().as_bytes()).first().map(|found| found.id);
        let is_known_kind = token::check(token).is_ok_and(|kind| kind != Kind::Unknown);
        let mut needle = Needle { token: token.reveal(), is_known_kind, encoded: BTreeSet::new(), scanner, id };
        if needle.is_telling() {
            needle.encoded = (0..3).flat_map(|shift| encoded(needle.token, shift)).collect();
        }
        needle
    }

    /// Whether it is the secret, wherever it stands.
    pub(super) fn is_telling(&self) -> bool {
        self.is_known_kind || self.token.len() >= SHORTEST
    }

    /// Whether a text is the token, give or take blanks at its ends.
    pub(super) fn is(&self, text: &[u8]) -> bool {
        text.trim_ascii() == self.token.as_bytes()
    }

    /// The lines of an INI inventory or a script on which something is set to the token.
    pub(super) fn assigned_lines(&self, text: &[u8]) -> Vec<usize> {
        let is_it = |value: &str| self.is(value.trim().trim_matches(['"', '\'']).as_bytes());
        let is_set = |words: &str| words.split_once('=').is_some_and(|(_, value)| is_it(value));
        // `key = value`, or one of several `key=value` behind a host.
        let has_it = |line: &str| is_set(line) || line.split_ascii_whitespace().any(is_set);
        let lines = text.split(|byte| *byte == b'\n').map(String::from_utf8_lossy).enumerate();
        lines.filter(|(_, line)| has_it(line)).map(|(number, _)| number + 1).collect()
    }

    /// Where the token begins in a text.
    pub(super) fn places(&self, text: &[u8]) -> Vec<usize> {
        if !self.is_telling() {
            return Vec::new();
        }
        let is_word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(byte));
        // A checksum is right by accident nowhere; any other secret may be a part of a longer one.
        let is_whole = |at: usize| {
            let before = at.checked_sub(1).and_then(|before| text.get(before));
            self.is_known_kind || !is_word(before) && !is_word(text.get(at + self.token.len()))
        };
        find(text, self.token.as_bytes()).filter(|at| is_whole(*at)).collect()
    }

    /// The lines on which the token stands in base64, or in UTF-16.
    pub(super) fn encoded_lines(&self, text: &[u8]) -> BTreeSet<usize> {
        let mut lines: BTreeSet<usize> =
            self.encoded.iter().flat_map(|needle| find(text, needle)).map(|at| line(text, at)).collect();
        if self.id.is_some() {
            let plain: BTreeSet<usize> = self.places(text).into_iter().map(|at| line(text, at)).collect();
            let found = self.scanner.bytes(text).into_iter().filter(|found| Some(found.id) == self.id);
            let found = found.filter_map(|found| Some((usize::try_from(found.line).ok()?, found.encoded)));
            lines.extend(found.filter(|(line, encoded)| *encoded || !plain.contains(line)).map(|(line, _)| line));
        }
        lines
    }

    /// Whether a file may hold it in any form that is looked for.
    pub(super) fn may_be_in(&self, bytes: &[u8]) -> bool {
        find(bytes, self.token.as_bytes()).next().is_some() || !self.encoded_lines(bytes).is_empty()
    }

    /// A text with another token in the place of each; `None` when that one might mean something else there than itself.
    pub(super) fn replaced(&self, text: &[u8], by: &Secret) -> Option<Zeroizing<Vec<u8>>> {
        let by = by.reveal();
        let places = if self.is(text) {
            vec![text.len() - text.trim_ascii_start().len()]
        } else if is_inert(by) {
            self.places(text)
        } else {
            return None;
        };
        // Growing would leave copies behind.
        let mut replaced = Zeroizing::new(Vec::with_capacity(text.len() + places.len() * by.len()));
        let mut at = 0;
        for place in places {
            replaced.extend_from_slice(&text[at..place]);
            replaced.extend_from_slice(by.as_bytes());
            at = place + self.token.len();
        }
        replaced.extend_from_slice(&text[at..]);
        Some(replaced)
    }
}

/// Whether a token is one word in whatever it stands: YAML, JSON, INI, a shell script, a URL.
pub(super) fn is_inert(token: &str) -> bool {
    token.starts_with(|first: char| first.is_ascii_alphabetic())
        && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
}

/// The line of a byte, from 1.
pub(super) fn line(text: &[u8], at: usize) -> usize {
    text[..at].iter().filter(|byte| **byte == b'\n').count() + 1
}

fn find(text: &[u8], needle: &[u8]) -> impl Iterator<Item = usize> {
    let windows = text.windows(needle.len().max(1)).enumerate();
    windows.filter(move |(_, window)| *window == needle).map(|(at, _)| at)
}

/// The characters that stand for `token` alone when it begins `shift` bytes behind the beginning of a group of three.
fn encoded(token: &str, shift: usize) -> [Vec<u8>; 2] {
    let shifted = Zeroizing::new([&[0; 2][..shift], token.as_bytes()].concat());
    let own = (shift * 8).div_ceil(6)..shifted.len() * 8 / 6;
    [STANDARD, URL_SAFE].map(|alphabet| alphabet.encode(&*shifted).as_bytes()[own.clone()].to_vec())
}
