//! A text as libyaml reads it, the parser that Ansible itself uses: the second opinion on every file and every edit.

use std::{
    io::{BufRead, BufReader, Read},
    panic,
};

use libyaml_safer::{Encoding, Event, EventData, Parser, Scanner, TokenData};
use saphyr_parser::ScalarStyle;

use super::{
    InventoryError,
    document::{Document, Kind, MAX_DEPTH},
    lines::Lines,
};

/// What libyaml reads at a time.
const CHUNK: usize = 64 << 10;

/// Gives every node of a document the tag, the anchor and the text that libyaml sees, and notes whether the text is the
/// one that our own parser saw. Both must see the same nodes.
pub(super) fn compare(document: &mut Document<'_>) -> Result<(), InventoryError> {
    let text = document.text;
    let mut comparison = Comparison { document, nodes: 0, events: 0, open: Vec::new() };
    each_event(text, |event| comparison.add(event))?;
    match comparison.document.nodes.get(comparison.nodes) {
        None => Ok(()),
        Some(node) => Err(two_readings(comparison.document, node.start)),
    }
}

/// Whether libyaml reads a text at all.
pub(super) fn check(text: &str) -> Result<(), InventoryError> {
    each_event(text, |_| Ok(()))
}

struct Comparison<'a, 'text> {
    document: &'a mut Document<'text>,
    /// How many of them libyaml has seen.
    nodes: usize,
    events: usize,
    open: Vec<usize>,
}

impl Comparison<'_, '_> {
    fn add(&mut self, event: Event) -> Result<(), InventoryError> {
        let start = event.start_mark.index as usize;
        let end = event.end_mark.index as usize;
        let is_same = match event.data {
            EventData::MappingEnd | EventData::SequenceEnd => {
                let node = self.open.pop().map(|node| &self.document.nodes[node]);
                node.is_some_and(|node| node.last_event == self.events)
            }
            EventData::Scalar { anchor, tag, value, .. } => self.add_scalar(value, end) && self.describe(anchor, tag),
            EventData::Alias { anchor } => {
                let is_alias = self.next_is(|kind| matches!(kind, Kind::Alias(_)));
                is_alias && self.describe(Some(anchor), None)
            }
            EventData::MappingStart { anchor, tag, .. } => {
                self.open.push(self.nodes);
                self.next_is(|kind| matches!(kind, Kind::Mapping { .. })) && self.describe(anchor, tag)
            }
            EventData::SequenceStart { anchor, tag, .. } => {
                self.open.push(self.nodes);
                self.next_is(|kind| matches!(kind, Kind::Sequence { .. })) && self.describe(anchor, tag)
            }
            // Begin and end of the stream and of its document.
            _ => return Ok(()),
        };
        self.events += 1;
        if is_same { Ok(()) } else { Err(two_readings(self.document, start)) }
    }

    fn next_is(&self, expected: impl Fn(&Kind<'_>) -> bool) -> bool {
        self.document.nodes.get(self.nodes).is_some_and(|node| node.event == self.events && expected(&node.kind))
    }

    fn add_scalar(&mut self, mut seen: String, end: usize) -> bool {
        let text = self.document.text;
        let is_next = self.next_is(|kind| matches!(kind, Kind::Scalar { .. }));
        let Some(Kind::Scalar { value, style }) = self.document.nodes.get_mut(self.nodes).map(|node| &mut node.kind)
        else {
            return false;
        };
        let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        let is_last_block = is_block && end >= text.len() && !text.ends_with(['\n', '\r']);
        let last_line = &text[text.rfind('\n').map_or(0, |line_break| line_break + 1)..];
        if is_last_block && !last_line.trim_matches(' ').is_empty() && seen.ends_with('\n') {
            // It is the one that we added.
            seen.pop();
        }
        let is_sure = *value == seen || (is_last_block && value.trim_end_matches('\n') == seen.trim_end_matches('\n'));
        if *value != seen {
            *value = seen.into();
        }
        self.document.is_sure &= is_sure;
        is_next
    }

    fn describe(&mut self, anchor: Option<String>, tag: Option<String>) -> bool {
        let node = &mut self.document.nodes[self.nodes];
        (node.anchor, node.tag) = (anchor.map(Into::into), tag.map(Into::into));
        self.nodes += 1;
        true
    }
}

fn two_readings(document: &Document<'_>, at: usize) -> InventoryError {
    let (line, column) = document.place(at.min(document.text.len()));
    InventoryError::Syntax { line, column, problem: "YAML 1.1 and YAML 1.2 read this differently".to_owned() }
}

/// The text as our parser understands it, byte for byte as long, of one that libyaml reads. libyaml takes tabs for blanks where YAML 1.2 does not, and
/// lets the lines of a flow collection (`{…}`, `[…]`) begin further left; both become blanks here, between tokens only.
pub(super) fn with_blanks(text: &str) -> Result<String, InventoryError> {
    let mut bytes = text.as_bytes().to_vec();
    let (mut at, mut depth) = (0, 0_usize);
    let mut scanner = Scanner::new();
    scanner.set_encoding(Encoding::Utf8);
    scanner.set_input(input(text));
    for token in scanner {
        let token = token.map_err(|error| syntax(text, &error))?;
        let start = (token.start_mark.index as usize).clamp(at, bytes.len());
        for byte in &mut bytes[at..start] {
            if *byte == b'\t' || depth > 0 {
                *byte = b' ';
            }
        }
        at = (token.end_mark.index as usize).clamp(start, bytes.len());
        match token.data {
            TokenData::FlowMappingStart | TokenData::FlowSequenceStart => depth += 1,
            TokenData::FlowMappingEnd | TokenData::FlowSequenceEnd => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    // Whole characters were replaced, or none.
    Ok(String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned()))
}

fn each_event(text: &str, mut take: impl FnMut(Event) -> Result<(), InventoryError>) -> Result<(), InventoryError> {
    let mut parser = Parser::new();
    parser.set_encoding(Encoding::Utf8);
    parser.set_input(input(text));
    let mut depth = 0;
    loop {
        // The port has a few places where it gives up that way.
        let event = panic::catch_unwind(panic::AssertUnwindSafe(|| parser.next()));
        let event = match event {
            Ok(Some(event)) => event.map_err(|error| syntax(text, &error))?,
            Ok(None) => return Ok(()),
            Err(_) => return Err(malformed(text, text.len(), "libyaml cannot read this")),
        };
        match event.data {
            EventData::MappingStart { .. } | EventData::SequenceStart { .. } => depth += 1,
            EventData::MappingEnd | EventData::SequenceEnd => depth -= 1,
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(malformed(text, event.start_mark.index as usize, "nested too deeply"));
        }
        take(event)?;
    }
}

/// Without a line break at the end of the file, the port panics in a block scalar.
fn input(text: &str) -> impl BufRead {
    let line_break: &[u8] = if text.ends_with('\n') { b"" } else { b"\n" };
    BufReader::with_capacity(CHUNK, text.as_bytes().chain(line_break))
}

fn syntax(text: &str, error: &libyaml_safer::Error) -> InventoryError {
    let at = match error.problem_mark() {
        Some(mark) => mark.index as usize,
        // A character that YAML does not allow, of which no place is told.
        None => text.find(is_forbidden).unwrap_or(0),
    };
    let line = Lines::of(text.as_bytes());
    if text[line.start(at)..].starts_with('\t') {
        return InventoryError::Tab { line: line.number(at) };
    }
    malformed(text, at, error.problem())
}

fn malformed(text: &str, at: usize, problem: &str) -> InventoryError {
    let lines = Lines::of(text.as_bytes());
    let at = text.floor_char_boundary(at);
    let column = text[lines.start(at)..at].chars().count() + 1;
    InventoryError::Syntax { line: lines.number(at), column, problem: problem.to_owned() }
}

fn is_forbidden(character: char) -> bool {
    character.is_control() && !matches!(character, '\t' | '\n' | '\r' | '\u{85}') || character == '\u{ffff}'
}
