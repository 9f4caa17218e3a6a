//! A text as libyaml reads it, the parser that Ansible itself uses: the second opinion on every edit.

use std::io::Read;

use libyaml_safer::{Encoding, EventData, Parser, ScalarStyle};

use super::InventoryError;

/// One event, less what says nothing about the meaning: places, and styles but for whether a scalar is plain.
#[derive(Clone, PartialEq)]
pub(super) enum Seen {
    Scalar {
        value: String,
        tag: Option<String>,
        anchor: Option<String>,
        is_plain: bool,
    },
    Alias(String),
    Start {
        collection: Collection,
        tag: Option<String>,
        anchor: Option<String>,
    },
    End(Collection),
    /// Begin and end of the stream and of its document.
    Frame,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Collection {
    Mapping,
    Sequence,
}

impl Seen {
    pub(super) const MAPPING: Seen = Seen::Start { collection: Collection::Mapping, tag: None, anchor: None };
    pub(super) const MAPPING_END: Seen = Seen::End(Collection::Mapping);

    /// A scalar without a tag.
    pub(super) fn text(value: &str) -> Seen {
        Seen::Scalar { value: value.to_owned(), tag: None, anchor: None, is_plain: false }
    }
}

/// Every event of a text without a byte order mark.
pub(super) fn events(text: &str) -> Result<Vec<Seen>, InventoryError> {
    let mut parser = Parser::new();
    parser.set_encoding(Encoding::Utf8);
    // Without a line break at the end of the file, the port panics in a block scalar.
    let line_break: &[u8] = if text.ends_with('\n') { b"" } else { b"\n" };
    parser.set_input(text.as_bytes().chain(line_break));
    let mut events = Vec::new();
    for event in parser {
        events.push(seen(event.map_err(|error| syntax(text, &error))?.data));
    }
    Ok(events)
}

fn seen(event: EventData) -> Seen {
    match event {
        EventData::Scalar { anchor, tag, value, style, .. } => {
            Seen::Scalar { value, tag, anchor, is_plain: style == ScalarStyle::Plain }
        }
        EventData::Alias { anchor } => Seen::Alias(anchor),
        EventData::MappingStart { anchor, tag, .. } => Seen::Start { collection: Collection::Mapping, tag, anchor },
        EventData::SequenceStart { anchor, tag, .. } => Seen::Start { collection: Collection::Sequence, tag, anchor },
        EventData::MappingEnd => Seen::End(Collection::Mapping),
        EventData::SequenceEnd => Seen::End(Collection::Sequence),
        EventData::StreamStart { .. }
        | EventData::StreamEnd
        | EventData::DocumentStart { .. }
        | EventData::DocumentEnd { .. } => Seen::Frame,
    }
}

fn syntax(text: &str, error: &libyaml_safer::Error) -> InventoryError {
    let (line, column) = match error.problem_mark() {
        Some(mark) => (mark.line + 1, mark.column + 1),
        // A character that YAML does not allow, of which no place is told.
        None => place_of_forbidden(text),
    };
    let line = line as usize;
    if text.lines().nth(line - 1).is_some_and(|line| line.starts_with('\t')) {
        return InventoryError::Tab { line };
    }
    InventoryError::Syntax { line, column: column as usize, problem: error.problem().to_owned() }
}

/// The line and column of the first control character, both from 1.
fn place_of_forbidden(text: &str) -> (u64, u64) {
    let is_forbidden = |character: char| character.is_control() && !matches!(character, '\t' | '\n' | '\r' | '\u{85}');
    let before = &text[..text.find(is_forbidden).unwrap_or(0)];
    let line_start = before.rfind('\n').map_or(0, |line_break| line_break + 1);
    (before.matches('\n').count() as u64 + 1, before[line_start..].chars().count() as u64 + 1)
}
