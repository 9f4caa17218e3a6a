//! Payloads as they stand in any text, whatever it is: commented out, in a file that is no YAML, under a tag that was
//! forgotten.

use std::ops::Range;

use aho_corasick::AhoCorasick;

/// What may be in front of every line of such a payload, beside blanks: the marks of comments and of quoted mails.
const MARKS: &[u8] = b"#;/*>-";
const HEADER: &str = "$ANSIBLE_VAULT;";

/// A payload whose lines all begin with the same bytes, or are on one line with `\n` between them.
pub(super) struct Block {
    /// From its header's `$` to the end of its last line, without the line break.
    pub(super) range: Range<usize>,
    /// What is between two lines: a line break and what each of them begins with, or an escaped line break.
    between: String,
    /// The lines without what they begin with.
    pub(super) text: String,
}

impl Block {
    /// `payload` in the form of this one.
    pub(super) fn spelled(&self, payload: &str) -> String {
        let lines: Vec<&str> = payload.lines().collect();
        lines.join(&self.between)
    }
}

/// The payloads of a text, in order. A header inside of a payload begins no other.
pub(super) fn blocks(bytes: &[u8]) -> Vec<Block> {
    let headers = AhoCorasick::new([HEADER]).ok();
    let starts = headers.iter().flat_map(|headers| headers.find_iter(bytes)).map(|found| found.start());
    let mut blocks: Vec<Block> = Vec::new();
    for start in starts {
        if blocks.last().is_none_or(|before| before.range.end <= start) {
            blocks.extend(escaped(bytes, start).or_else(|| block(bytes, start)));
        }
    }
    blocks
}

/// A payload in quotes on one line.
fn escaped(bytes: &[u8], start: usize) -> Option<Block> {
    const BREAK: &[u8] = b"\\n";
    let line = bytes[start..].split(|byte| matches!(byte, b'\n' | b'\r' | b'"' | b'\'')).next()?;
    let header = line.windows(BREAK.len()).position(|window| window == BREAK)?;
    let mut text = String::from_utf8(line[..header].to_owned()).ok()?;
    // This one is only spoken of, and the next one may be a payload.
    if text[HEADER.len()..].contains(HEADER) {
        return None;
    }
    let mut end = header;
    while let Some(rest) = line[end..].strip_prefix(BREAK) {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        if digits == 0 {
            break;
        }
        text.push('\n');
        text.extend(rest[..digits].iter().map(|digit| char::from(*digit)));
        end += BREAK.len() + digits;
    }
    let is_payload = end > header;
    is_payload.then(|| Block { range: start..start + end, between: "\\n".to_owned(), text: text + "\n" })
}

fn block(bytes: &[u8], start: usize) -> Option<Block> {
    let line_start = bytes[..start].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let prefix = &bytes[line_start..start];
    if !prefix.iter().all(|byte| matches!(byte, b' ' | b'\t') || MARKS.contains(byte)) {
        return None;
    }
    let prefix = std::str::from_utf8(prefix).ok()?;
    let mut lines = bytes[start..].split_inclusive(|byte| *byte == b'\n');
    let first = lines.next()?;
    let eol = if first.ends_with(b"\r\n") { "\r\n" } else { "\n" };
    let mut text = std::str::from_utf8(first).ok()?.trim_ascii_end().to_owned();
    let mut end = start + text.len();
    let mut at = start + first.len();
    for line in lines {
        let Some(digits) = line.strip_prefix(prefix.as_bytes()).map(<[u8]>::trim_ascii) else { break };
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_hexdigit) {
            break;
        }
        text.push('\n');
        text.extend(digits.iter().map(|digit| char::from(*digit)));
        end = at + line.trim_ascii_end().len();
        at += line.len();
    }
    // A header alone is only spoken of.
    let between = format!("{eol}{prefix}");
    text.contains('\n').then(|| Block { range: start..end, between, text: text + "\n" })
}
