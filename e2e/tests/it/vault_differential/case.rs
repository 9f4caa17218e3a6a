//! What a seed makes: plaintexts, passwords, labels, and payloads in other shapes.

use sha2::{Digest as _, Sha256};

use crate::random::Random;

/// Lengths around the block of the cipher and that of the hash.
const LENGTHS: [u64; 14] = [0, 1, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65];
/// Pieces of text that some program somewhere changes.
const PIECES: [&str; 16] = [
    "a",
    "Z",
    "0",
    " ",
    "\t",
    "\n",
    "\r\n",
    "\r",
    "ü",
    "ß",
    "日本",
    "🗝",
    "\u{feff}",
    "{{ x }}",
    "$ANSIBLE_VAULT;",
    "\0",
];
/// Blanks that Python strips from bytes.
const BLANKS: [&str; 5] = ["", " ", "\t ", "\u{b}", "\u{c} "];

/// One secret and what it is encrypted under.
pub(super) struct Case {
    pub(super) plaintext: Vec<u8>,
    /// Never empty, and without line ends around it, which no program can be told.
    pub(super) password: Vec<u8>,
    pub(super) label: Option<String>,
    pub(super) salt: [u8; 32],
}

impl Case {
    pub(super) fn new(random: &mut Random) -> Case {
        let salt = random.bytes(32).try_into().expect("32 bytes");
        Case { plaintext: plaintext(random), password: password(random), label: label(random), salt }
    }
}

fn plaintext(random: &mut Random) -> Vec<u8> {
    match random.below(8) {
        0..3 => {
            let length = one(random, &LENGTHS);
            random.bytes(length)
        }
        3 => {
            let length = random.below(8 << 10);
            random.bytes(length)
        }
        4 => (0..=u8::MAX).rev().collect(),
        5 => token(random),
        // Not what is vault data already, which Ansible does not encrypt again.
        kind => {
            let length = random.below(200);
            let text: String = (0..length).map(|_| one(random, &PIECES)).collect();
            let end = if kind == 6 { "\n".repeat(length as usize % 4) } else { "\r\n".to_owned() };
            format!("x{text}{end}").into_bytes()
        }
    }
}

/// 40 characters, as many as the common tokens have.
fn token(random: &mut Random) -> Vec<u8> {
    random.bytes(40).into_iter().map(|byte| b'A' + byte % 26).collect()
}

fn password(random: &mut Random) -> Vec<u8> {
    let text = |random: &mut Random, length: u64, from: &[&str]| -> String {
        (0..length).map(|_| one(random, from)).collect()
    };
    let inner = match random.below(7) {
        0 => printable(random, 30).into_bytes(),
        1 => text(random, 12, &["ä", "日", "🗝", "é", "x"]).into_bytes(),
        2 => text(random, 20, &["a", " ", "\t"]).into_bytes(),
        3 => text(random, 9, &["one", "\n", "\r\n", " # two "]).into_bytes(),
        4 => {
            let length = 65 + random.below(150);
            random.bytes(length)
        }
        5 => {
            let length = 62 + random.below(5);
            random.bytes(length)
        }
        _ => return printable(random, 1).into_bytes(),
    };
    let is_line_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
    if inner.first().is_none_or(is_line_end) || inner.last().is_none_or(is_line_end) {
        return [b"(", inner.as_slice(), b")"].concat();
    }
    inner
}

/// At most `most` characters of ASCII that can be seen or are blanks, and at least one.
fn printable(random: &mut Random, most: u64) -> String {
    let length = 1 + random.below(most);
    random.bytes(length).into_iter().map(|byte| char::from(b' ' + byte % 95)).collect()
}

/// No label, the one that stands for none, and all that Ansible reads back.
fn label(random: &mut Random) -> Option<String> {
    match random.below(5) {
        0 | 1 => None,
        2 => Some("default".to_owned()),
        _ => Some(printable(random, 30).replace(';', ",").trim().to_owned()).filter(|label| !label.is_empty()),
    }
}

/// A password that is another one, or nearly: HMAC takes some for the same.
pub(super) fn other_password(random: &mut Random, password: &[u8]) -> Vec<u8> {
    let mut other = password.to_vec();
    match random.below(6) {
        0 => other.push(b' '),
        1 => other.push(0),
        2 if other.len() > 1 => other.truncate(other.len() - 1),
        3 => other[0] ^= 0x20,
        4 => other = Sha256::digest(password).to_vec(),
        _ => other = printable(random, 20).into_bytes(),
    }
    // As Ansible reads the output of a script.
    let is_end = |byte: &u8| !matches!(byte, b'\n' | b'\r');
    let start = other.iter().position(is_end).unwrap_or(other.len());
    let end = other.iter().rposition(is_end).map_or(start, |last| last + 1);
    if start == end { b"other".to_vec() } else { other[start..end].to_vec() }
}

/// A payload in another shape that both have to read: its header, widths, line ends, and the case of its digits.
pub(super) fn reshape(random: &mut Random, payload: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(payload).expect("a payload is ASCII");
    let (header, body) = text.split_once('\n').expect("a header");
    let mut shaped = reshape_header(random, header);
    let line_ends = [["\n"; 3], ["\r\n"; 3], ["\r"; 3], ["\n", "\r\n", "\r"]][random.below(4) as usize];
    let width = [1, 64, 79, 80, 81, 1 + random.below(300) as usize, usize::MAX][random.below(7) as usize];
    let letters = random.below(3);
    let end_line = |random: &mut Random, shaped: &mut String| {
        let blank_lines = if random.below(8) == 0 { random.below(3) } else { 0 };
        (0..=blank_lines).for_each(|_| shaped.push_str(one(random, &line_ends)));
    };
    for (at, digit) in body.chars().filter(|character| *character != '\n').enumerate() {
        if at % width == 0 {
            end_line(random, &mut shaped);
        }
        let is_upper = letters == 2 || letters == 1 && random.below(2) == 0;
        shaped.push(if is_upper { digit.to_ascii_uppercase() } else { digit });
    }
    if random.below(4) > 0 {
        end_line(random, &mut shaped);
    }
    shaped.into_bytes()
}

fn reshape_header(random: &mut Random, header: &str) -> String {
    let mut fields: Vec<String> = header.split(';').map(str::to_owned).collect();
    if random.below(2) == 0 {
        return header.to_owned();
    }
    fields[0].push_str(one(random, &["", "", "X", " beta"]));
    fields[1] = one(random, &["1.0", "1.1", "1.2", "9.9", "", "one two"]).to_owned();
    match random.below(4) {
        0 => fields.truncate(3),
        1 => {
            fields.truncate(3);
            fields.push(one(random, &["", "other", "default"]).to_owned());
        }
        2 if fields.len() > 3 => fields.push("more".to_owned()),
        _ => {}
    }
    let (before, behind) = (one(random, &BLANKS), one(random, &BLANKS));
    let first = fields.remove(0);
    fields.iter().fold(first, |header, field| header + &format!(";{before}{field}{behind}"))
}

/// A payload with one or two changes anywhere in it.
pub(super) fn mutate(random: &mut Random, payload: &[u8]) -> Vec<u8> {
    let mut mutated = payload.to_vec();
    for _ in 0..=random.below(2) {
        // One of three hits the header.
        let end = if random.below(3) == 0 { mutated.len().min(30) } else { mutated.len() };
        let at = random.below(end.max(1) as u64) as usize;
        let byte = match random.below(3) {
            0 => one(random, b"0123456789abcdefABCDEF"),
            1 => one(random, b"\n\r\t ;\x0b\x0c\0\x1c\x85\xff"),
            _ => random.next() as u8,
        };
        match random.below(8) {
            0 => mutated.insert(at, byte),
            1 => mutated.insert(at, b'\n'),
            2 => mutated[at..].iter_mut().take(1).for_each(|byte| *byte ^= 0x20),
            3 => drop(mutated.splice(at..mutated.len().min(at + 1), [])),
            4 => mutated.truncate(at),
            5 => {
                let length = random.below(82) as usize;
                let piece = mutated[at..mutated.len().min(at + length)].to_vec();
                drop(mutated.splice(at..at, piece));
            }
            _ => drop(mutated.splice(at..mutated.len().min(at + 1), [byte])),
        }
    }
    mutated
}

fn one<T: Copy>(random: &mut Random, from: &[T]) -> T {
    *random.choose(from).expect("something to choose from")
}
