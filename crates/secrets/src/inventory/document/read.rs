//! Making a document of a text: our parser tells places, libyaml what is meant.

use std::{borrow::Cow, ops::Range};

use saphyr_parser::{Event, Parser};

use super::{Document, Kind, MAX_DEPTH, Node, Place};
use crate::inventory::{InventoryError, is_json, libyaml, lines::Lines, span};

impl<'text> Document<'text> {
    pub(in crate::inventory) fn parse(text: &'text str) -> Result<Document<'text>, InventoryError> {
        let mut document = match Document::read(text, text) {
            Err(InventoryError::Syntax { .. }) if !may_have_bare_tags(text) => {
                libyaml::check(text)?;
                Document::read(text, &libyaml::with_blanks(text)?)
            }
            document => document,
        }?;
        document.refuse_bare_tags()?;
        libyaml::compare(&mut document)?;
        Ok(document)
    }

    /// The nodes of `readable`, which has the bytes of `text` but for blanks.
    fn read(text: &'text str, readable: &str) -> Result<Document<'text>, InventoryError> {
        let lines = Lines::of(text.as_bytes());
        let is_json = is_json(text);
        let mut document = Document { text, lines, is_json, is_sure: true, nodes: Vec::new(), anchors: Vec::new() };
        let offsets = Offsets::of(readable);
        let mut open: Vec<usize> = Vec::new();
        let (mut documents, mut events) = (0, 0);
        for event in Parser::new_from_str(readable) {
            let (event, span) = event.map_err(|error| {
                let (line, column) = document.place(offsets.byte(error.marker().index()));
                InventoryError::Syntax { line, column, problem: error.info().to_owned() }
            })?;
            let (start, end) = (offsets.byte(span.start.index()), offsets.byte(span.end.index()));
            match &event {
                Event::DocumentStart(_) if documents > 0 => {
                    return Err(InventoryError::TwoDocuments { line: document.line(start) });
                }
                Event::DocumentStart(_) => documents += 1,
                Event::SequenceEnd | Event::MappingEnd => {
                    if let Some(node) = open.pop().map(|node| &mut document.nodes[node]) {
                        node.last_event = events;
                        node.end = if node.is_flow() { behind_bracket(text, start) } else { end };
                    }
                    events += 1;
                }
                Event::Alias(_) | Event::Scalar(..) | Event::SequenceStart(..) | Event::MappingStart(..) => {
                    let node = document.add(event, events, start..end, open.last().copied());
                    if !matches!(document.nodes[node].kind, Kind::Scalar { .. } | Kind::Alias(_)) {
                        open.push(node);
                    }
                    events += 1;
                }
                _ => {}
            }
            if open.len() > MAX_DEPTH {
                let (line, column) = document.place(start);
                return Err(InventoryError::Syntax { line, column, problem: "nested too deeply".to_owned() });
            }
        }
        Ok(document)
    }

    /// A tag without a value in front of a comma: libyaml reads it, its port to Rust panics.
    fn refuse_bare_tags(&self) -> Result<(), InventoryError> {
        let is_bare = |node: &&Node<'_>| {
            let properties = span::properties(self.text, node.start);
            properties.ends_in_tag && self.text[properties.tight_end..].starts_with(',')
        };
        let Some(node) = self.nodes.iter().filter(|node| node.has_properties).find(is_bare) else { return Ok(()) };
        let (line, column) = self.place(node.start);
        Err(InventoryError::Syntax { line, column, problem: "a tag has no value".to_owned() })
    }

    fn add(&mut self, event: Event<'_>, number: usize, range: Range<usize>, parent: Option<usize>) -> usize {
        let start = range.start;
        // The span of a flow collection holds its bracket; that of another one ends where its first key or dash begins.
        let begins_flow = |bracket: char, has_properties: bool| {
            let value = if has_properties { span::properties(self.text, start).end } else { start };
            value < range.end && self.text[value..].starts_with(bracket)
        };
        let (kind, anchor, has_tag) = match event {
            Event::Scalar(value, style, anchor, tag) => {
                (Kind::Scalar { value: self.borrowed(value, start), style }, anchor, tag.is_some())
            }
            Event::SequenceStart(anchor, tag) => {
                let is_flow = begins_flow('[', tag.is_some() || anchor != 0);
                (Kind::Sequence { items: Vec::new(), is_flow }, anchor, tag.is_some())
            }
            Event::MappingStart(anchor, tag) => {
                let is_flow = begins_flow('{', tag.is_some() || anchor != 0);
                (Kind::Mapping { entries: Vec::new(), is_flow }, anchor, tag.is_some())
            }
            Event::Alias(anchor) => (Kind::Alias(anchor), 0, false),
            _ => return 0,
        };
        let node = self.nodes.len();
        if anchor != 0 {
            // The parser numbers them from 1.
            self.anchors.resize(anchor, 0);
            self.anchors[anchor - 1] = node;
        }
        let is_in_flow = parent.is_some_and(|parent| self.nodes[parent].is_in_flow || self.nodes[parent].is_flow());
        let place = self.place_in(parent, node);
        self.nodes.push(Node {
            kind,
            tag: None,
            anchor: None,
            has_properties: anchor != 0 || has_tag,
            event: number,
            last_event: number,
            start,
            end: range.end,
            is_in_flow,
            place,
        });
        node
    }

    /// A scalar's text from the file itself, if it stands there as it is.
    fn borrowed(&self, value: Cow<'_, str>, start: usize) -> Cow<'text, str> {
        let quote = usize::from(self.text[start..].starts_with(['"', '\'']));
        match self.text.get(start + quote..start + quote + value.len()) {
            Some(text) if *text == *value => Cow::Borrowed(text),
            _ => Cow::Owned(value.into_owned()),
        }
    }

    /// Puts a node into its parent.
    fn place_in(&mut self, parent: Option<usize>, node: usize) -> Place {
        match parent.map(|parent| (parent, &mut self.nodes[parent].kind)) {
            Some((sequence, Kind::Sequence { items, .. })) => {
                items.push(node);
                Place::Item { sequence, index: items.len() - 1 }
            }
            Some((mapping, Kind::Mapping { entries, .. })) => match entries.last_mut() {
                // A key stands for its own value until that comes.
                Some((key, value)) if key == value => {
                    *value = node;
                    Place::Value { mapping, key: *key }
                }
                _ => {
                    entries.push((node, node));
                    Place::Key
                }
            },
            _ => Place::Root,
        }
    }
}

/// Whether something in a text looks like a tag in front of a comma.
fn may_have_bare_tags(text: &str) -> bool {
    let is_tag = |(at, _): &(usize, &str)| !text[..*at].ends_with(|before: char| !" \t\r\n[{,:".contains(before));
    let end = |(at, _): (usize, &str)| span::properties(text, at).tight_end;
    text.match_indices('!').filter(is_tag).any(|tag| text[end(tag)..].starts_with(','))
}

/// Behind the bracket that closes a flow collection: the parser tells its place, or that of a comma before it.
fn behind_bracket(text: &str, at: usize) -> usize {
    let bracket = if text[at..].starts_with(',') { span::skip_trivia(text, at + 1) } else { at };
    (bracket + 1).min(text.len())
}

/// From the parser's places, which count characters, to bytes.
struct Offsets {
    /// The characters of more than one byte: behind each, its number from 1 and by how many bytes they are ahead.
    wide: Vec<(usize, usize)>,
    len: usize,
}

impl Offsets {
    fn of(text: &str) -> Offsets {
        let mut wide = Vec::new();
        let mut ahead = 0;
        if !text.is_ascii() {
            for (number, character) in text.chars().enumerate() {
                let more = character.len_utf8() - 1;
                if more > 0 {
                    ahead += more;
                    wide.push((number + 1, ahead));
                }
            }
        }
        Offsets { wide, len: text.len() }
    }

    fn byte(&self, character: usize) -> usize {
        let before = self.wide.partition_point(|(number, _)| *number <= character);
        let ahead = before.checked_sub(1).map_or(0, |last| self.wide[last].1);
        (character + ahead).min(self.len)
    }
}
