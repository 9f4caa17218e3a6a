//! The scanner. The first byte of the input says in what pieces it is read. In the rest, the bytes 1 to 5 stand for tokens, which
//! may be in no file of ours.

use std::cell::RefCell;
use std::io::{self, Read};
use std::sync::OnceLock;

use base64::{Engine, engine::general_purpose::STANDARD};
use pullpass_secrets::{
    scan::{Buffer, Found, Scanner},
    token::{self, Kind},
};
use sha2::{Digest, Sha256};

/// How much of a stream the scanner holds at a time, and how far from its end it begins anew.
const WINDOW: usize = 1 << 20;
const REACH: usize = 64 << 10;
thread_local! {
    static BUFFER: RefCell<Buffer> = RefCell::new(Buffer::new());
}
/// No token is longer behind its prefix.
const LONGEST: usize = 1024;

pub fn run(bytes: &[u8]) {
    let Some((&size, text)) = bytes.split_first() else { return };
    static SCANNER: OnceLock<Scanner> = OnceLock::new();
    let scanner = SCANNER.get_or_init(|| Scanner::new([7; 32]));
    let (text, planted) = plant(text);

    let found = scanner.bytes(&text);
    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    for one in &found {
        let line = usize::try_from(one.line - 1).ok().and_then(|line| lines.get(line)).expect("a line that is there");
        assert!(is_in(line, one), "{} is not in line {} of {}", one.fingerprint, one.line, text.escape_ascii());
    }
    // One without a checksum may be nearly anything, and may have taken in what was planted.
    if found.iter().all(|one| matches!(one.kind, Kind::GithubClassic | Kind::Pullpass | Kind::GithubOauth)) {
        let all = planted.iter().all(|id| found.iter().any(|one| one.id == *id));
        assert!(all, "missed what was planted in {}", text.escape_ascii());
    }

    // Blanks in front of some, so that they lie over the end of what is in memory, or of what is looked at in it. That takes
    // long, so the sum of an input decides, which most changes change.
    let blanks = match bytes.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte)) {
        0 | 1 => WINDOW - usize::from(size) % (text.len() + 1),
        2..=5 => WINDOW - REACH - usize::from(size) % (text.len() + 1),
        _ => 0,
    };
    let stream = io::repeat(b' ').take(blanks as u64).chain(Pieces { rest: &text, size: 1 + usize::from(size) });
    let mut read = Vec::new();
    BUFFER.with_borrow_mut(|buffer| scanner.read(buffer, stream, |one| read.push(one))).expect("memory can be read");
    assert!(read == found, "another finding behind {blanks} blanks: {}", text.escape_ascii());
}

/// A stream that gives at most so many bytes at a time.
struct Pieces<'a> {
    rest: &'a [u8],
    size: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.size.min(buffer.len());
        self.rest.read(&mut buffer[..size])
    }
}

/// `text` with its tokens, and the SHA-256 of each that has to be found wherever it stands.
fn plant(text: &[u8]) -> (Vec<u8>, Vec<[u8; 32]>) {
    let body = "PULLPASSfakeTokenForTests00000";
    let letters = "0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX2yZ3";
    let classic = with_checksum("ghp", body);
    let auth = STANDARD.encode(format!("octocat:{classic}"));
    let planted = [
        classic.clone(),
        with_checksum("ppt", letters),
        format!("ghs{}1_eyJ{letters}.eyJ{letters}.{letters}", '_'),
        auth.clone(),
        STANDARD.encode(format!("{{\"auths\":{{\"ghcr.io\":{{\"auth\":\"{auth}\"}}}}}}")),
    ];
    let (mut out, mut ids) = (Vec::new(), Vec::new());
    for &byte in text {
        let Some(piece) = usize::from(byte).checked_sub(1).and_then(|index| planted.get(index)) else {
            out.push(byte);
            continue;
        };
        // Base64 behind base64 is another text.
        let is_clear = byte != 5 || out.last().is_none_or(|byte| sextet(*byte).is_none());
        out.extend_from_slice(piece.as_bytes());
        if is_clear {
            let token = if matches!(byte, 4 | 5) { &classic } else { piece };
            ids.push((byte, out.len(), Sha256::digest(token).into()));
        }
    }
    // One without a checksum ends where something else begins, and is another one where nothing does.
    let goes_on = |end: usize| out.get(end).is_some_and(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte));
    let ids = ids.into_iter().filter(|(byte, end, _)| *byte != 3 || !goes_on(*end)).map(|(_, _, id)| id).collect();
    (out, ids)
}

fn with_checksum(prefix: &str, body: &str) -> String {
    format!("{prefix}{}{body}{}", '_', token::checksum(body))
}

/// Whether a token is in a line, as it is or in base64 or in base64 in that.
fn is_in(line: &[u8], one: &Found) -> bool {
    let is_encoded_in = |text: &[u8]| decodings(text).any(|inner| is_plainly_in(&inner, one));
    match one.encoded {
        false => is_plainly_in(line, one),
        true => is_encoded_in(line) || decodings(line).any(|inner| is_encoded_in(&inner)),
    }
}

fn is_plainly_in(text: &[u8], one: &Found) -> bool {
    let prefix = one.kind.prefix().as_bytes();
    let starts = (0..text.len()).filter(|at| text[*at..].starts_with(prefix));
    let mut tokens = starts.flat_map(|at| {
        (at + prefix.len()..=text.len().min(at + prefix.len() + LONGEST)).map(move |end| &text[at..end])
    });
    tokens.any(|token| <[u8; 32]>::from(Sha256::digest(token)) == one.id)
}

/// What every run of base64 stands for, beginning at each place of a group.
fn decodings(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let runs = text.split(|byte| sextet(*byte).is_none()).filter(|run| run.len() > 40);
    runs.flat_map(|run| (0..4).map(|skip| decode(&run[skip..])))
}

fn decode(run: &[u8]) -> Vec<u8> {
    let groups = run.chunks(4).map(|group| {
        let bits = group.iter().fold(0, |bits, byte| bits << 6 | sextet(*byte).unwrap_or(0));
        bits << (6 * (4 - group.len()))
    });
    groups.flat_map(|bits| [(bits >> 16) as u8, (bits >> 8) as u8, bits as u8]).collect()
}

fn sextet(byte: u8) -> Option<u32> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let byte = match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => other,
    };
    DIGITS.iter().position(|digit| *digit == byte).map(|value| value as u32)
}
