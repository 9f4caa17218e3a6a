//! Text in base64, found and read where it stands: in the middle of other base64, in lines, in either alphabet.

use std::ops::Range;

use base64::{Engine, engine::general_purpose::STANDARD};

use super::shape;
use crate::token::Kind;

/// The key of a credential in an auth file. Where the whole file is base64, as in a pull secret of Kubernetes, its value
/// is base64 in base64.
pub(super) const AUTH: &[u8] = b"\"auth\"";
/// No `"auth"` with its value is longer: a token of [`shape::MAX_LEN`] and its user, in base64.
pub(super) const MAX_LEN: usize = 2048;
/// Lines of base64 have more characters, but for the last; words of a text have fewer.
const SHORTEST_LINE: usize = 2 * BLOCK;
/// How many bytes [`end_in`] looks at.
pub(super) const BLOCK: usize = 16;
/// How many blanks may be in front of a line.
const MAX_INDENT: usize = 64;
/// As many characters as any needle has.
pub(super) const NEEDLE: usize = 16;
/// No character of base64.
const NONE: u8 = 0xff;

/// What each byte stands for, in either alphabet.
const SEXTETS: [u8; 256] = {
    let mut sextets = [NONE; 256];
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut six = 0;
    while six < 64 {
        sextets[alphabet[six] as usize] = six as u8;
        six += 1;
    }
    sextets[b'-' as usize] = 62;
    sextets[b'_' as usize] = 63;
    sextets
};

fn is_base64(byte: u8) -> bool {
    SEXTETS[usize::from(byte)] != NONE
}

/// The characters that stand for `text` alone when it begins `shift` bytes behind the beginning of a group of three.
pub(super) fn needle(text: &[u8], shift: usize) -> Vec<u8> {
    let shifted = [&[0; 2][..shift], text].concat();
    // Both alphabets spell the prefixes alike.
    STANDARD.encode(&shifted).as_bytes()[group_offset(shift)..shifted.len() * 8 / 6].to_vec()
}

/// How many characters of its group stand before the needle.
fn group_offset(shift: usize) -> usize {
    (shift * 8).div_ceil(6)
}

/// Decodes into `decoded` what begins with `text`, whose needle `encoded` begins with, until there is no more base64, or
/// [`MAX_LEN`] bytes, or one that may not follow those before it. Says how much of it is before the first line end.
fn decode(
    decoded: &mut Vec<u8>,
    encoded: &[u8],
    (text, shift): (&[u8], usize),
    mut may_follow: impl FnMut(&[u8], u8) -> bool,
) -> usize {
    decoded.clear();
    // Growing would leave copies behind.
    decoded.reserve_exact(MAX_LEN);
    // The first bits of the text are in the character before the needle.
    let mut held = group_offset(shift) * 6 - shift * 8;
    let mut bits = u32::from(text[0]) >> (8 - held);
    let (mut at, mut before_break) = (0, None);
    while let Some(byte) = encoded.get(at).filter(|_| decoded.len() < MAX_LEN) {
        let six = SEXTETS[usize::from(*byte)];
        if six == NONE {
            let Some(length) = line_break(&encoded[at..]) else { break };
            before_break.get_or_insert(decoded.len());
            at += length;
            continue;
        }
        at += 1;
        bits = bits << 6 | u32::from(six);
        held += 6;
        if held >= 8 {
            held -= 8;
            let byte = (bits >> held) as u8;
            if !may_follow(decoded, byte) {
                break;
            }
            decoded.push(byte);
        }
    }
    before_break.unwrap_or(decoded.len())
}

/// Decodes what may be a token of `kind`, see [`decode`].
pub(super) fn decode_token(decoded: &mut Vec<u8>, encoded: &[u8], kind: Kind, shift: usize) -> usize {
    let prefix = kind.prefix().as_bytes();
    decode(decoded, encoded, (prefix, shift), |before, byte| shape::may_follow(before, byte, kind))
}

/// Decodes `"auth": "VALUE"` and gives the value.
pub(super) fn decode_auth<'a>(decoded: &'a mut Vec<u8>, encoded: &[u8], shift: usize) -> Option<&'a [u8]> {
    let mut quotes = 0;
    decode(decoded, encoded, (AUTH, shift), |before, byte| {
        quotes += usize::from(byte == b'"');
        quotes < 4 && AUTH.get(before.len()).is_none_or(|expected| *expected == byte)
    });
    let value = decoded.strip_prefix(AUTH)?.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
    value.strip_prefix(b"\"")
}

/// Where a block has a byte that no base64 has. All bytes come here: sixteen are looked at as one number, for those below
/// `+`, of which nearly all other text has some.
pub(super) fn end_in(block: [u8; BLOCK]) -> Option<usize> {
    const EACH: u128 = u128::MAX / 255;
    let bytes = u128::from_le_bytes(block);
    let below = bytes.wrapping_sub(EACH * b'+' as u128) & !bytes & (EACH * 0x80);
    // A borrow may mark more bytes behind the first one.
    (below != 0).then(|| below.trailing_zeros() as usize / 8)
}

/// The length of a line end and the blanks behind it at the beginning of `bytes`, when base64 goes on behind them.
fn line_break(bytes: &[u8]) -> Option<usize> {
    let end = bytes.strip_prefix(b"\r").unwrap_or(bytes).strip_prefix(b"\n")?;
    let indent = end.iter().take(MAX_INDENT).take_while(|byte| b" \t".contains(byte)).count();
    end.get(indent).is_some_and(|byte| is_base64(*byte)).then_some(bytes.len() - end.len() + indent)
}

/// What may be a token of `kind` at the beginning of `wide`, without the NUL behind each byte.
pub(super) fn narrow_token(narrow: &mut Vec<u8>, wide: &[u8], kind: Kind) {
    narrow.clear();
    narrow.reserve_exact(MAX_LEN);
    for pair in wide.chunks(2) {
        if pair.get(1).is_some_and(|high| *high != 0) || !shape::may_follow(narrow, pair[0], kind) {
            break;
        }
        narrow.push(pair[0]);
    }
}

/// Characters of base64 on both sides of the end of a line.
pub(super) struct Joint {
    characters: [u8; 2 * NEEDLE],
    len: usize,
    /// Where the line ends.
    end: usize,
}

impl Joint {
    /// The joint at the line end at `end`, when there is base64 before and behind it.
    pub(super) fn at(bytes: &[u8], end: usize) -> Option<Joint> {
        let line = &bytes[end.checked_sub(SHORTEST_LINE)?..end];
        if !line.iter().rev().all(|byte| is_base64(*byte)) {
            return None;
        }
        let next = end + line_break(&bytes[end..])?;
        let mut characters = [0; 2 * NEEDLE];
        characters[..NEEDLE].copy_from_slice(&bytes[end - NEEDLE..end]);
        let behind = bytes[next..].iter().take(NEEDLE).take_while(|byte| is_base64(**byte));
        let len = NEEDLE + characters[NEEDLE..].iter_mut().zip(behind).map(|(to, from)| *to = *from).count();
        Some(Joint { characters, len, end })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.characters[..self.len]
    }

    /// Where what was found at `range` of its bytes begins, when it is on both sides.
    pub(super) fn place_of(&self, range: Range<usize>) -> Option<usize> {
        (range.start < NEEDLE && range.end > NEEDLE).then(|| self.end - NEEDLE + range.start)
    }
}
