//! Splicing one value into a text, and proving that it is the only thing that changed.

use std::{borrow::Cow, ops::Range};

use saphyr_parser::{Event, ScalarStyle, Tag};

use super::{
    InventoryError, NewValue,
    document::{Document, Kind, Place, is_vault},
    key_path::{KeyPath, Step},
    scalar,
    span::{clear_indent, line_end},
};
use crate::vault;

/// Spaces per level in a file that has none to go by, and from a key to its block.
const INDENT: usize = 2;

/// One replacement, and what the parser must see afterwards.
struct Splice {
    range: Range<usize>,
    with: String,
    /// The events that disappear, and those in their place.
    events: Range<usize>,
    by: Vec<Event<'static>>,
}

/// `text` with the value at `path`.
pub(super) fn set(text: &str, path: &KeyPath, value: &NewValue) -> Result<String, InventoryError> {
    let document = Document::parse(text)?;
    let edit = Edit { document: &document, path, value, eol: if text.contains("\r\n") { "\r\n" } else { "\n" } };
    let (line, splice) = edit.plan()?;
    let unsafe_at = || InventoryError::Unsafe { path: path.clone(), line };
    let splice = splice.ok_or_else(unsafe_at)?;
    let edited = format!("{}{}{}", &text[..splice.range.start], splice.with, &text[splice.range.end..]);
    let after = Document::parse(&edited).map_err(|_| unsafe_at())?;
    if is_only_change(&document.events, &after.events, &splice) { Ok(edited) } else { Err(unsafe_at()) }
}

/// Whether the events after an edit are those before it but for the ones that were meant to change.
fn is_only_change(before: &[Event<'_>], after: &[Event<'_>], splice: &Splice) -> bool {
    let kept_behind = before.len() - splice.events.end;
    let (start, changed) = (splice.events.start, splice.events.start + splice.by.len());
    after.len() == changed + kept_behind
        && after[..start] == before[..start]
        && after[changed..] == before[splice.events.end..]
        && after[start..changed].iter().zip(&splice.by).all(|(found, expected)| normal(found) == normal(expected))
}

/// An event without what may differ between two spellings of a value: quotes, and line breaks at a payload's end.
fn normal<'event>(event: &'event Event<'_>) -> Event<'event> {
    match event {
        Event::Scalar(value, style, anchor, tag) => {
            let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
            let is_payload = is_block || tag.as_deref().is_some_and(is_vault) || vault::is_encrypted(value.as_bytes());
            let value: &str = if is_payload { value.trim_end_matches('\n') } else { value };
            let tag = tag.as_deref().map(|tag| Cow::Owned(tag.clone()));
            Event::Scalar(Cow::Borrowed(value), ScalarStyle::Plain, *anchor, tag)
        }
        Event::MappingStart(anchor, _) => Event::MappingStart(*anchor, None),
        Event::MappingEnd => Event::MappingEnd,
        Event::DocumentStart(is_explicit) => Event::DocumentStart(*is_explicit),
        Event::DocumentEnd => Event::DocumentEnd,
        // An edit makes nothing else.
        _ => Event::Nothing,
    }
}

struct Edit<'a> {
    document: &'a Document<'a>,
    path: &'a KeyPath,
    value: &'a NewValue,
    /// The file's line break.
    eol: &'static str,
}

impl Edit<'_> {
    /// The line at which the path leads on or ends, and what to do there; `None` when that cannot be told.
    fn plan(&self) -> Result<(usize, Option<Splice>), InventoryError> {
        let Some(mut node) = self.document.root() else { return Ok((1, self.fill_empty_file(self.keys_from(0)?))) };
        for (depth, step) in self.path.steps().iter().enumerate() {
            let here = &self.document.nodes[node];
            let not_a = |what| InventoryError::NotA { what, path: self.path.clone(), line: here.line };
            node = match (step, &here.kind) {
                (_, Kind::Alias(_)) => return Err(self.alias(node)),
                (Step::Key(name), Kind::Mapping { .. }) => match self.document.child(node, name)? {
                    Some(value) => value,
                    None if self.document.merged(node, name)?.is_some() => {
                        return Err(InventoryError::Merged { path: self.path.clone(), line: here.line });
                    }
                    None => return Ok((here.line, self.append(node, self.keys_from(depth)?))),
                },
                (Step::Key(_), _) if here.is_empty() => {
                    return Ok((here.line, self.fill(node, self.keys_from(depth)?)));
                }
                (Step::Key(_), _) => return Err(not_a("mapping")),
                (Step::Item(index), Kind::Sequence { items, .. }) => {
                    *items.get(*index).ok_or_else(|| self.no_item())?
                }
                (Step::Item(_), _) => return Err(not_a("list")),
            };
        }
        let here = &self.document.nodes[node];
        match (&here.kind, self.document.json_vault(node), self.value) {
            (Kind::Alias(_), ..) => Err(self.alias(node)),
            (_, Some(payload), NewValue::Vault(_)) => Ok((here.line, self.replace_json(payload))),
            (Kind::Scalar { .. }, ..) => Ok((here.line, self.replace(node))),
            _ => Err(InventoryError::NotA { what: "single value", path: self.path.clone(), line: here.line }),
        }
    }

    fn alias(&self, node: usize) -> InventoryError {
        let anchor = self.document.follow(node);
        InventoryError::Alias {
            path: self.path.clone(),
            line: self.document.nodes[node].line,
            of: self.document.path(anchor).map_or_else(String::new, |path| path.to_string()),
            of_line: self.document.nodes[anchor].line,
        }
    }

    fn no_item(&self) -> InventoryError {
        InventoryError::NoItem(self.path.clone())
    }

    /// The keys to be made, of which none may be a list item.
    fn keys_from(&self, depth: usize) -> Result<Vec<&str>, InventoryError> {
        let steps = self.path.steps()[depth..].iter();
        steps
            .map(|step| match step {
                Step::Key(key) => Ok(key.as_str()),
                Step::Item(_) => Err(self.no_item()),
            })
            .collect()
    }

    /// A value that is there.
    fn replace(&self, node: usize) -> Option<Splice> {
        let text = self.document.text;
        let here = &self.document.nodes[node];
        let Kind::Scalar { style, .. } = here.kind else { return None };
        let Event::Scalar(_, _, anchor, _) = &self.document.events[here.event] else { return None };
        let by = vec![self.event(*anchor)];
        let events = here.event..here.event + 1;
        if here.is_empty() {
            let Place::Value { key, .. } = here.place else { return None };
            let at = self.document.behind_colon(key)?;
            if here.is_in_flow {
                return Some(Splice { range: at..at, with: format!(" {}", self.in_line(style)), events, by });
            }
            let end = line_end(text, at);
            let with = format!(" {}{}{}", self.head(style), &text[at..end], self.lines(end, self.block_indent(node)));
            return Some(Splice { range: at..end, with, events, by });
        }
        let place = self.document.locate(node)?;
        if let (NewValue::Vault(payload), Some(block), true) = (self.value, &place.block, here.is_vault) {
            // In a folded block (`>`), a blank line is what keeps two lines apart.
            let eol = if style == ScalarStyle::Folded { self.eol.repeat(2) } else { self.eol.to_owned() };
            let lines: Vec<String> = payload.lines().map(|line| format!("{}{line}", block.indent)).collect();
            return Some(Splice { range: block.content.clone(), with: lines.join(&eol), events, by });
        }
        let anchor = place.anchor.map(|anchor| format!("{anchor} ")).unwrap_or_default();
        let is_quoted_vault = here.is_vault && style == ScalarStyle::DoubleQuoted;
        if here.is_in_flow || (is_quoted_vault && matches!(self.value, NewValue::Vault(_))) {
            return Some(Splice { range: place.head, with: format!("{anchor}{}", self.in_line(style)), events, by });
        }
        // What is behind the value on its line, a comment that is, stays there.
        let end = line_end(text, place.head.end);
        let behind = &text[place.head.end..end];
        let range = place.head.start..place.block.map_or(end, |block| block.content.end);
        let lines = self.lines(range.end, self.block_indent(node));
        let with = format!("{anchor}{}{behind}{lines}", self.head(style));
        Some(Splice { range, with, events, by })
    }

    /// The payload in `{__ansible_vault: PAYLOAD}`.
    fn replace_json(&self, node: usize) -> Option<Splice> {
        let here = &self.document.nodes[node];
        let place = self.document.locate(node).filter(|place| place.block.is_none())?;
        let (NewValue::Vault(text) | NewValue::Plain(text)) = self.value;
        let value = Event::Scalar(Cow::Owned(text.clone()), ScalarStyle::Plain, 0, None);
        Some(Splice {
            range: place.head,
            with: scalar::double_quoted(text),
            events: here.event..here.event + 1,
            by: vec![value],
        })
    }

    /// New keys at the end of a mapping.
    fn append(&self, mapping: usize, keys: Vec<&str>) -> Option<Splice> {
        let text = self.document.text;
        let here = &self.document.nodes[mapping];
        let Kind::Mapping { entries, is_flow } = &here.kind else { return None };
        let events = here.last_event..here.last_event;
        let by = self.mapping_events(&keys, false);
        if *is_flow {
            let (at, comma) = match entries.last() {
                Some((_, last)) => (self.document.tail(*last)?, ", "),
                None => (here.start + text[here.start..here.end].find('{')? + 1, ""),
            };
            return Some(Splice { range: at..at, with: format!("{comma}{}", self.flow_entry(&keys)), events, by });
        }
        let (first, _) = entries.first()?;
        let (_, last) = entries.last()?;
        let at = line_end(text, self.document.tail(*last)?);
        let with = self.entry(at, &keys, self.document.nodes[*first].column);
        Some(Splice { range: at..at, with, events, by })
    }

    /// New keys under a key that has no value yet, or under none.
    fn fill(&self, node: usize, keys: Vec<&str>) -> Option<Splice> {
        let text = self.document.text;
        let here = &self.document.nodes[node];
        let (at, indent) = match here.place {
            Place::Value { key, .. } if !here.is_in_flow => {
                (self.document.behind_colon(key)?, self.document.nodes[key].column + self.step())
            }
            // Behind `---`.
            Place::Root => (here.start.min(text.find("---")? + 3), 0),
            _ => return None,
        };
        let at = line_end(text, at);
        let events = here.event..here.event + 1;
        let by = self.mapping_events(&keys, true);
        Some(Splice { range: at..at, with: self.entry(at, &keys, indent), events, by })
    }

    /// New keys in a file without any.
    fn fill_empty_file(&self, keys: Vec<&str>) -> Option<Splice> {
        let text = self.document.text;
        let entry = self.entry(text.len(), &keys, 0);
        // An entry begins with a line break, which a file that ends with one has already.
        let entry = entry.strip_prefix(self.eol).unwrap_or(&entry);
        let with = match text.is_empty() || text.ends_with('\n') {
            true => format!("{entry}{}", self.eol),
            false => format!("{}{entry}", self.eol),
        };
        let at = self.document.events.len() - 1;
        let mut by = vec![Event::DocumentStart(false)];
        by.extend(self.mapping_events(&keys, true));
        by.push(Event::DocumentEnd);
        Some(Splice { range: text.len()..text.len(), with, events: at..at, by })
    }

    /// Nested keys and the value as lines behind `at`, each behind a line break.
    fn entry(&self, at: usize, keys: &[&str], indent: usize) -> String {
        let step = self.step();
        let mut lines = String::new();
        for (depth, key) in keys.iter().enumerate() {
            lines += &format!("{}{}{}:", self.eol, " ".repeat(indent + depth * step), scalar::plain_or_quoted(key));
        }
        let indent = indent + (keys.len() - 1) * step + INDENT;
        format!("{lines} {}{}", self.head(ScalarStyle::Plain), self.lines(at, indent))
    }

    /// Nested keys and the value on one line.
    fn flow_entry(&self, keys: &[&str]) -> String {
        let keys: Vec<String> = keys.iter().map(|key| format!("{}: ", scalar::plain_or_quoted(key))).collect();
        format!("{}{}{}", keys.join("{"), self.in_line(ScalarStyle::Plain), "}".repeat(keys.len() - 1))
    }

    /// The value's part on the line of its key.
    fn head(&self, style: ScalarStyle) -> String {
        match self.value {
            NewValue::Vault(_) => "!vault |".to_owned(),
            NewValue::Plain(text) => scalar::render(text, style),
        }
    }

    /// The value's lines under its key, in the place of what ends at `at`, each behind a line break.
    fn lines(&self, at: usize, indent: usize) -> String {
        match self.value {
            NewValue::Vault(payload) => {
                let indent = clear_indent(self.document.text, at, indent);
                payload.lines().map(|line| format!("{}{}{line}", self.eol, " ".repeat(indent))).collect()
            }
            NewValue::Plain(_) => String::new(),
        }
    }

    /// The whole value on one line, as flow collections need it.
    fn in_line(&self, style: ScalarStyle) -> String {
        match self.value {
            NewValue::Vault(payload) => format!("!vault {}", scalar::double_quoted(payload)),
            NewValue::Plain(text) => scalar::render(text, style),
        }
    }

    /// The column of a block under a key, or in the place of a list item.
    fn block_indent(&self, node: usize) -> usize {
        match self.document.nodes[node].place {
            Place::Value { key, .. } => self.document.nodes[key].column + INDENT,
            _ => self.document.nodes[node].column,
        }
    }

    /// How far the file indents: by its first mapping inside another.
    fn step(&self) -> usize {
        let nodes = &self.document.nodes;
        let step = nodes.iter().find_map(|node| match (node.place, &node.kind) {
            (Place::Value { key, .. }, Kind::Mapping { entries, is_flow: false }) => {
                nodes[entries.first()?.0].column.checked_sub(nodes[key].column).filter(|step| *step > 0)
            }
            _ => None,
        });
        step.unwrap_or(INDENT)
    }

    fn event(&self, anchor: usize) -> Event<'static> {
        let tag = Tag { handle: "!".to_owned(), suffix: "vault".to_owned() };
        let (text, tag) = match self.value {
            NewValue::Vault(payload) => (payload, Some(Cow::Owned(tag))),
            NewValue::Plain(text) => (text, None),
        };
        Event::Scalar(Cow::Owned(text.clone()), ScalarStyle::Plain, anchor, tag)
    }

    /// The events of nested keys and the value; of the outermost mapping too when it is new.
    fn mapping_events(&self, keys: &[&str], is_new: bool) -> Vec<Event<'static>> {
        let mut events = Vec::new();
        for (depth, key) in keys.iter().enumerate() {
            if depth > 0 || is_new {
                events.push(Event::MappingStart(0, None));
            }
            events.push(Event::Scalar(Cow::Owned((*key).to_owned()), ScalarStyle::Plain, 0, None));
        }
        events.push(self.event(0));
        let ends = keys.len() - usize::from(!is_new);
        events.extend((0..ends).map(|_| Event::MappingEnd));
        events
    }
}
