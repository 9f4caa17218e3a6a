//! Finding tokens that lie where none belongs: in files, in what git keeps, in shell histories, and inside the base64 of
//! Docker's and Podman's auth files and of Kubernetes' pull secrets.
//!
//! | kind | found when | how sure |
//! |---|---|---|
//! | `ppt_`, `ghp_`, `gho_`, `ghu_`, `ghs_` and `ghr_` with 36 characters | the checksum is right, whatever stands around it | a wrong one passes once in four thousand million |
//! | `ghs_` with an app's number and a JWT | the number, a header that begins with `eyJ`, and all three parts are there | shape only |
//! | `ghr_` with 60 to 200 characters | nothing but letters and digits | shape only |
//! | `github_pat_` | 22 characters, `_`, 59 characters, and no more | shape only: how its checksum is made is not public |
//!
//! One with a wrong checksum is an example or a typo, and no finding. The kinds that are known by their shape need as many
//! different characters as random ones have: `github_pat_xxx…` is an example. GitHub's tokens from before 2021, forty
//! hexadecimal digits, look like any commit and are not looked for.
//!
//! Tokens are found in any bytes: text, binary files, UTF-16. In base64 they are found wherever they stand in it, in both
//! alphabets, with padding or without, and broken into lines; in base64 within base64 as the value of an `"auth"`. Not found
//! is what is compressed, encrypted or escaped (`%5F`, `\u005f`), and a token in plain text that is broken into lines.
//!
//! Nothing that leaves this module holds a token.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    ops::Range,
};

use aho_corasick::{AhoCorasick, MatchKind};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{
    Secret,
    token::{self, Kind},
};

mod encoded;
pub mod files;
mod shape;

/// How much of a stream is in memory at a time, in bytes.
const WINDOW: usize = 1 << 20;
/// How far what is found at a place may reach: [`encoded::MAX_LEN`] bytes, in base64, in short and indented lines.
const REACH: usize = 64 << 10;
/// How much of what was looked at is kept, for what is broken by a line end behind it.
const BEHIND: usize = 64;

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
#[derive(Clone, Copy)]
enum Begins {
    Token(Kind),
    /// In UTF-16, of either byte order.
    WideToken(Kind),
    /// In base64, this many bytes behind the beginning of a group of three.
    EncodedToken(Kind, usize),
    /// The same, for the key of a value that is base64 itself.
    EncodedAuth(usize),
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
        for kind in KINDS {
            let prefix = kind.prefix().as_bytes();
            needles.insert(prefix.to_vec(), Begins::Token(kind));
            let wide: Vec<u8> = prefix.iter().flat_map(|byte| [*byte, 0]).collect();
            needles.insert(wide[..wide.len() - 1].to_vec(), Begins::WideToken(kind));
        }
        for shift in 0..3 {
            for kind in KINDS {
                let needle = encoded::needle(kind.prefix().as_bytes(), shift);
                needles.insert(needle, Begins::EncodedToken(kind, shift));
            }
            needles.insert(encoded::needle(encoded::AUTH, shift), Begins::EncodedAuth(shift));
        }
        let (needles, begins): (Vec<_>, Vec<_>) = needles.into_iter().unzip();
        // Leftmost-first is the kind of search that has a vectorised form, up to 64 needles.
        let needles = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(needles);
        Scanner { needles: needles.expect("a few dozen short needles"), begins, key }
    }

    /// Every token in `bytes`.
    pub fn bytes(&self, bytes: &[u8]) -> Vec<Found> {
        let mut found = Vec::new();
        self.search(bytes, 0..bytes.len(), 1, &mut |one| found.push(one));
        found
    }

    /// Every token in a stream of any length, of which a mebibyte is in memory at a time.
    ///
    /// # Errors
    /// What the stream says. What was found before has been reported.
    pub fn read(&self, buffer: &mut Buffer, mut stream: impl Read, mut found: impl FnMut(Found)) -> io::Result<()> {
        let buffer = buffer.0.as_mut_slice();
        let (mut filled, mut from, mut line) = (0, 0, 1);
        loop {
            filled += fill(&mut stream, &mut buffer[filled..])?;
            let is_end = filled < buffer.len();
            let to = if is_end { filled } else { filled - REACH };
            line = self.search(&buffer[..filled], from..to, line, &mut found);
            if is_end {
                return Ok(());
            }
            buffer.copy_within(to - BEHIND..filled, 0);
            filled -= to - BEHIND;
            from = BEHIND;
        }
    }

    /// Reports what begins in `range`, whose first line is `line`, and says what line follows it.
    fn search(&self, bytes: &[u8], range: Range<usize>, line: u64, found: &mut dyn FnMut(Found)) -> u64 {
        let mut look = Look { scanner: self, bytes, decoded: Zeroizing::new(Vec::new()), found };
        let mut lines = Lines { bytes, at: range.start, line };
        let mut broken = self.broken(bytes, &range).into_iter().peekable();
        let mut from = range.start;
        loop {
            // A needle that begins in the range may end behind it.
            let place =
                self.needles.find(&bytes[from..]).map(|place| (from + place.start(), place.pattern().as_usize()));
            let place = place.filter(|(start, _)| range.contains(start));
            while let Some((start, needle)) = broken.next_if(|one| place.is_none_or(|place| *one < place)) {
                look.at(start, self.begins[needle], lines.count(start));
            }
            let Some((start, needle)) = place else { return lines.count(range.end) };
            look.at(start, self.begins[needle], lines.count(start));
            from = start + 1;
        }
    }

    /// Where a needle in base64 begins that is broken by the end of a line, and which it is.
    fn broken(&self, bytes: &[u8], range: &Range<usize>) -> Vec<(usize, usize)> {
        let mut broken = Vec::new();
        let (blocks, rest) = bytes[range.start..bytes.len().min(range.end + encoded::NEEDLE)].as_chunks();
        let mut last = [b'A'; encoded::BLOCK];
        last[..rest.len()].copy_from_slice(rest);
        let mut is_behind_base64 = true;
        for (index, block) in blocks.iter().chain([&last]).enumerate() {
            let end = encoded::end_in(*block);
            if let Some(end) = end.filter(|_| is_behind_base64)
                && let Some(joint) = encoded::Joint::at(bytes, range.start + index * block.len() + end)
            {
                let mut from = 0;
                while let Some(place) = self.needles.find(&joint.bytes()[from..]) {
                    let start = joint.place_of(from + place.start()..from + place.end());
                    broken
                        .extend(start.filter(|start| range.contains(start)).map(|at| (at, place.pattern().as_usize())));
                    from += place.start() + 1;
                }
            }
            is_behind_base64 = end.is_none();
        }
        broken
    }
}

/// Reads until `into` is full or the stream ends, and says how much that was.
fn fill(stream: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < into.len() {
        match stream.read(&mut into[filled..]) {
            Ok(0) => break,
            Ok(length) => filled += length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// What [`Scanner::read`] reads into, to be used for one stream after the other; wiped when dropped.
pub struct Buffer(Zeroizing<Vec<u8>>);

impl Buffer {
    /// Room for as much of a stream as is in memory at a time.
    pub fn new() -> Buffer {
        Buffer(Zeroizing::new(vec![0; WINDOW]))
    }
}

impl Default for Buffer {
    fn default() -> Buffer {
        Buffer::new()
    }
}

/// A closer look at places where needles are.
struct Look<'a> {
    scanner: &'a Scanner,
    bytes: &'a [u8],
    /// Room to decode into, made when it is needed.
    decoded: Zeroizing<Vec<u8>>,
    found: &'a mut dyn FnMut(Found),
}

impl Look<'_> {
    /// Reports what the needle at `start`, in this line, is the beginning of.
    fn at(&mut self, start: usize, begins: Begins, line: u64) {
        let bytes = &self.bytes[start..self.bytes.len().min(start + REACH)];
        let (kind, token) = match begins {
            Begins::Token(kind) => (kind, shape::token_at(bytes, kind)),
            Begins::WideToken(kind) => {
                encoded::narrow_token(&mut self.decoded, bytes, kind);
                (kind, shape::token_at(&self.decoded, kind))
            }
            Begins::EncodedToken(kind, shift) => {
                let before_break = encoded::decode_token(&mut self.decoded, bytes, kind, shift);
                // Base64 that ends with its line may have other text in the next.
                let mut token = shape::token_at(&self.decoded[..before_break], kind);
                if before_break < self.decoded.len() {
                    token = token.or_else(|| shape::token_at(&self.decoded, kind));
                }
                (kind, token)
            }
            Begins::EncodedAuth(shift) => return self.auth(bytes, shift, line),
        };
        if let Some(token) = token {
            let fingerprint = token::fingerprint(&Secret::new(token.to_owned()), &self.scanner.key);
            let encoded = matches!(begins, Begins::EncodedToken(..));
            (self.found)(Found { line, kind, fingerprint, encoded, id: Sha256::digest(token).into() });
        }
    }

    /// Reports what is in base64 inside of what was in base64; the rest is found without this.
    fn auth(&mut self, bytes: &[u8], shift: usize, line: u64) {
        if let Some(value) = encoded::decode_auth(&mut self.decoded, bytes, shift) {
            self.scanner.search(value, 0..value.len(), line, &mut |one| {
                if one.encoded {
                    (self.found)(Found { line, ..one });
                }
            });
        }
    }
}

/// Counts lines as far as they are asked for, forward only.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line in which `at` is.
    fn count(&mut self, at: usize) -> u64 {
        // Sums that fit a byte are made of many bytes at a time.
        let ends = |bytes: &[u8]| u64::from(bytes.iter().map(|byte| u8::from(*byte == b'\n')).sum::<u8>());
        self.line += self.bytes[self.at..at].chunks(usize::from(u8::MAX)).map(ends).sum::<u64>();
        self.at = at;
        self.line
    }
}
