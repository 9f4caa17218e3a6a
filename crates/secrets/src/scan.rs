//! Finding tokens that lie where none belongs: in files, in what git keeps, in shell histories, and inside the base64 of
//! Docker's and Podman's auth files and of Kubernetes' pull secrets.
//!
//! A token with a checksum is found when the checksum is right, whatever stands around it: by chance that happens once in
//! four thousand million. One with a wrong checksum is an example or a typo and is no finding. The kinds without a
//! checksum need their whole shape, and as many different characters as random ones have: `github_pat_xxx…` is an example.
//!
//! Nothing that leaves this module holds a token.

use std::{
    collections::BTreeMap,
    io::{self, Read},
};

use aho_corasick::{AhoCorasick, MatchKind};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{
    Secret,
    token::{self, Kind},
};

pub mod files;
mod shape;

/// How much of a stream is in memory at a time, in bytes.
const WINDOW: usize = 1 << 20;
/// How far what is found at a place may reach: an auth file in base64 of 64 KiB.
const REACH: usize = 64 << 10;
/// How many characters in front of a place belong to it: those of its group of four in base64.
const BEHIND: usize = 3;
/// The key of every auth file. One that is base64 as a whole, as in a pull secret of Kubernetes, has base64 in base64.
const AUTHS: &str = "\"auths\"";

const KINDS: [Kind; 7] = [
    Kind::Pullpass,
    Kind::GithubClassic,
    Kind::GithubOauth,
    Kind::GithubUser,
    Kind::GithubInstallation,
    Kind::GithubRefresh,
    Kind::GithubFineGrained,
];

/// A token that was found, told without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The line it begins in, from 1.
    pub line: u64,
    /// What it is.
    pub kind: Kind,
    /// [`token::fingerprint`].
    pub fingerprint: String,
    /// Whether it was inside base64.
    pub encoded: bool,
    /// The SHA-256 of the token, to tell equal ones; it is not for showing.
    pub id: [u8; 32],
}

/// What a place in the bytes begins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Begins {
    Token(usize),
    /// The same in base64, this many bytes behind the beginning of a group of three.
    EncodedToken(usize, usize),
    EncodedAuths(usize),
}

/// Finds tokens in bytes. It is made once, and may be used by many threads.
pub struct Scanner {
    needles: AhoCorasick,
    begins: Vec<Begins>,
    key: [u8; 32],
}

impl Scanner {
    /// A scanner whose fingerprints are made under `key`, see [`token::fingerprint`].
    pub fn new(key: [u8; 32]) -> Scanner {
        let mut needles = BTreeMap::new();
        for (index, kind) in KINDS.iter().enumerate() {
            needles.insert(kind.prefix().as_bytes().to_vec(), Begins::Token(index));
            for shift in 0..3 {
                for needle in in_base64(kind.prefix(), shift) {
                    needles.insert(needle, Begins::EncodedToken(index, shift));
                }
            }
        }
        for shift in 0..3 {
            for needle in in_base64(AUTHS, shift) {
                needles.insert(needle, Begins::EncodedAuths(shift));
            }
        }
        let (needles, begins): (Vec<_>, Vec<_>) = needles.into_iter().unzip();
        // Leftmost-first is the kind of search that has a vectorised form.
        let needles = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(needles);
        Scanner { needles: needles.expect("a few dozen short needles"), begins, key }
    }

    /// Every token in `bytes`.
    pub fn bytes(&self, bytes: &[u8]) -> Vec<Found> {
        let mut found = Vec::new();
        self.search(&mut Window::new(bytes, 1), 0, bytes.len(), &mut |one| found.push(one));
        found
    }

    /// Every token in a stream of any length, of which a mebibyte is in memory at a time.
    ///
    /// # Errors
    /// What the stream says. What was found before has been reported.
    pub fn read(&self, buffer: &mut Buffer, mut stream: impl Read, mut found: impl FnMut(Found)) -> io::Result<()> {
        let buffer = &mut buffer.0;
        buffer.clear();
        let (mut line, mut from) = (1, 0);
        loop {
            let room = (WINDOW - buffer.len()) as u64;
            (&mut stream).take(room).read_to_end(buffer)?;
            let is_end = buffer.len() < WINDOW;
            let to = if is_end { buffer.len() } else { WINDOW - REACH };
            let mut window = Window::new(buffer, line);
            let next = self.search(&mut window, from, to, &mut found);
            if is_end {
                return Ok(());
            }
            let kept = next.saturating_sub(BEHIND);
            line = window.line_at(kept);
            from = next - kept;
            buffer.drain(..kept);
        }
    }

    /// Reports what begins from `from` on and before `to`, and says where to go on.
    fn search(&self, window: &mut Window<'_>, mut from: usize, to: usize, found: &mut dyn FnMut(Found)) -> usize {
        let bytes = window.bytes;
        // A needle that begins before `to` may end behind it.
        while let Some(place) = self.needles.find(bytes.get(from..).unwrap_or_default()) {
            let start = from + place.start();
            if start >= to {
                break;
            }
            from = start + 1;
            match self.begins[place.pattern().as_usize()] {
                Begins::Token(kind) => {
                    if let Some(token) = shape::token_at(&bytes[start..], KINDS[kind]) {
                        found(self.found(window.line_at(start), KINDS[kind], token, false));
                        from = start + token.len();
                    }
                }
                Begins::EncodedToken(kind, shift) => {
                    // Most places are no token, which a few characters tell.
                    let mut decoded = decode(bytes, start, shift, shape::SHORT_LEN * 4 / 3 + 8);
                    if decoded.get(shift..).is_some_and(|rest| shape::may_be_long(rest, KINDS[kind])) {
                        decoded = decode(bytes, start, shift, shape::MAX_LEN * 4 / 3 + 8);
                    }
                    let token = decoded.get(shift..).and_then(|rest| shape::token_at(rest, KINDS[kind]));
                    if let Some(token) = token {
                        found(self.found(window.line_at(start), KINDS[kind], token, true));
                        from = start + token.len();
                    }
                }
                Begins::EncodedAuths(shift) if start >= window.decoded_until => {
                    let decoded = decode(bytes, start, shift, REACH);
                    window.decoded_until = start + decoded.len();
                    self.search_decoded(&decoded, window.line_at(start), found);
                }
                // Its file has been decoded from an earlier place on.
                Begins::EncodedAuths(_) => {}
            }
        }
        from.max(to)
    }

    /// Reports what is in base64 inside of what was in base64; the rest is found without decoding it all.
    fn search_decoded(&self, decoded: &[u8], line: u64, found: &mut dyn FnMut(Found)) {
        let mut window = Window { decoded_until: usize::MAX, ..Window::new(decoded, line) };
        let report = &mut |one: Found| {
            if one.encoded {
                found(Found { line, ..one });
            }
        };
        self.search(&mut window, 0, decoded.len(), report);
    }

    fn found(&self, line: u64, kind: Kind, token: &str, encoded: bool) -> Found {
        let fingerprint = token::fingerprint(&Secret::new(token.to_owned()), &self.key);
        Found { line, kind, fingerprint, encoded, id: Sha256::digest(token).into() }
    }
}

/// What [`Scanner::read`] reads into, to be used for one stream after the other; wiped when dropped.
pub struct Buffer(Zeroizing<Vec<u8>>);

impl Buffer {
    /// Room for as much of a stream as is in memory at a time.
    pub fn new() -> Buffer {
        Buffer(Zeroizing::new(Vec::with_capacity(WINDOW)))
    }
}

impl Default for Buffer {
    fn default() -> Buffer {
        Buffer::new()
    }
}

/// Bytes, with a count of their lines that goes forward only.
struct Window<'a> {
    bytes: &'a [u8],
    line: u64,
    counted: usize,
    /// Up to here, auth files have been decoded.
    decoded_until: usize,
}

impl Window<'_> {
    fn new(bytes: &[u8], line: u64) -> Window<'_> {
        Window { bytes, line, counted: 0, decoded_until: 0 }
    }

    fn line_at(&mut self, at: usize) -> u64 {
        if at > self.counted {
            self.line += self.bytes[self.counted..at].iter().filter(|byte| **byte == b'\n').count() as u64;
            self.counted = at;
        }
        self.line
    }
}

/// The characters of base64 that stand for `text` alone when it begins `shift` bytes behind the beginning of a group, in
/// both alphabets.
fn in_base64(text: &str, shift: usize) -> [Vec<u8>; 2] {
    let mut bytes = vec![0; shift];
    bytes.extend_from_slice(text.as_bytes());
    let range = group_offset(shift)..bytes.len() * 8 / 6;
    [STANDARD.encode(&bytes), URL_SAFE.encode(&bytes)].map(|encoded| encoded.as_bytes()[range.clone()].to_vec())
}

/// How many characters of its group stand before those that are told by the text alone.
fn group_offset(shift: usize) -> usize {
    (shift * 8).div_ceil(6)
}

/// Decodes at most `limit` characters from the group in which the needle at `start` lies. The first `shift` bytes are
/// whatever stood there; where the group is cut off in front, they are zeros.
fn decode(bytes: &[u8], start: usize, shift: usize, limit: usize) -> Zeroizing<Vec<u8>> {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    };
    let before = group_offset(shift);
    let head = (0..before).map(|back| {
        let at = (start + back).checked_sub(before);
        at.and_then(|at| value(bytes[at])).unwrap_or(0)
    });
    let tail = bytes[start..].iter().take(limit).map_while(|byte| value(*byte));
    let mut decoded = Zeroizing::new(Vec::with_capacity(limit.min(bytes.len() - start) * 3 / 4 + 3));
    let (mut bits, mut held) = (0u32, 0);
    for six in head.chain(tail) {
        bits = bits << 6 | u32::from(six);
        held += 6;
        if held >= 8 {
            held -= 8;
            decoded.push((bits >> held & 0xff) as u8);
        }
    }
    decoded
}
